// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "crit/x/x.h"
#include "lib/base/cleanup.h"
#include "lib/base/qp.h"
#include "lib/image/walk.h"

// What CRIU's crit prints for a kind of file (crit/crit/__main__.py, v4.2), and
// what is in the JSON. msg is NULL if there is no such file.

static void show_reg(struct cr_x *x, const ProtobufCMessage *msg)
{
	const RegFileEntry *reg = (const void *)msg;
	if (!reg || !reg->name[0])
		cr_x_text(x, "unknown path");
	else
		cr_x_safe(x, reg->name, strlen(reg->name));
	if (reg)
		cr_x_string(x, "name", reg->name);
}

static void show_pipe(struct cr_x *x, const ProtobufCMessage *msg)
{
	const PipeEntry *pipe = (const void *)msg;
	if (!pipe) {
		cr_x_text(x, "pipe[?]");
		return;
	}
	cr_x_text(x, "pipe[%u]", pipe->pipe_id);
	cr_x_u64(x, "pipe_id", pipe->pipe_id);
}

static void show_unix(struct cr_x *x, const ProtobufCMessage *msg)
{
	const UnixSkEntry *sk = (const void *)msg;
	if (!sk) {
		cr_x_text(x, "unix[?]");
		return;
	}
	cr_x_text(x, "unix[%u (%u)", sk->ino, sk->peer);
	if (sk->name.len) {
		cr_auto_free char *name = malloc(cr_qp_room(sk->name.len));
		if (!name) {
			cr_x_fail(x, cr_enomem);
			return;
		}
		char *end = cr_qp_put_bytes(name, sk->name.data, sk->name.len);
		cr_x_text(x, " ");
		cr_x_safe(x, name, (size_t)(end - name));
	}
	cr_x_text(x, "]");
	cr_x_u64(x, "ino", sk->ino);
	cr_x_u64(x, "peer", sk->peer);
	cr_x_bytes(x, "name", sk->name.data, sk->name.len);
}

// clang-format off
static const struct {
	uint32_t type;
	void (*show)(struct cr_x *x, const ProtobufCMessage *msg);
} kinds[] = {
	{ FD_TYPES__REG,    show_reg },
	{ FD_TYPES__PIPE,   show_pipe },
	{ FD_TYPES__UNIXSK, show_unix },
};
// clang-format on

static void show(struct cr_x *x, uint32_t type, uint32_t id,
		 const ProtobufCMessage *msg)
{
	const char *name = cr_file_type_name(type);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type) {
			kinds[i].show(x, msg);
			return;
		}
	}
	if (name)
		cr_x_text(x, "%s.%u", name, id);
	else
		cr_x_text(x, "%u.%u", type, id);
}

// Mappings name a file by its id alone: it may be of another kind than asked
// for, a memfd say.
static struct cr_error *find_any(const struct cr_files *files, uint32_t *type,
				 uint32_t id, struct cr_opened *ret)
{
	const ProtobufCEnumDescriptor *types = &fd_types__descriptor;
	struct cr_error *err = cr_files_get(files, *type, id, ret);
	for (unsigned i = 0; !err && !ret->whole && i < types->n_values; i++) {
		uint32_t other = (uint32_t)types->values[i].value;
		if (files->split)
			break;
		err = cr_files_get(files, other, id, ret);
		if (!err && ret->whole)
			*type = other;
	}
	return err;
}

struct cr_error *cr_x_no_file(uint32_t type, uint32_t id, struct cr_x_from from)
{
	return cr_error_new(CR_ERR_FORMAT, "%s-%u.img: %s %zu: no %s has id %u",
			    from.image, from.number, from.what, from.i,
			    cr_file_type_name(type) ?: "file of unknown kind",
			    id);
}

static void say_missing(struct cr_x *x, uint32_t type, uint32_t id,
			struct cr_x_from from)
{
	struct cr_error *err = cr_x_no_file(type, id, from);
	cr_x_text(x, " (%s)", cr_error_text(err));
	cr_x_bool(x, "missing", true);
	cr_x_find(x, err);
}

void cr_x_file_members(struct cr_x *x, uint32_t type, uint32_t id,
		       struct cr_x_from from)
{
	struct cr_opened opened;
	uint32_t found = type;
	cr_x_find(x, find_any(cr_x_files(x), &found, id, &opened));
	const char *name = cr_file_type_name(found);
	if (name)
		cr_x_string(x, "type", name);
	else
		cr_x_u64(x, "type", found);
	cr_x_u64(x, "id", id);
	show(x, type, id, found == type ? opened.msg : NULL);
	if (!opened.msg)
		say_missing(x, type, id, from);
	cr_opened_free(&opened);
}

// What goes through a table of descriptors.
struct fds {
	struct cr_x *x;
	cr_x_fd_fn *fn;
	void *arg;
	uint32_t pid;
	uint32_t number; // in the image's name
};

static struct cr_error *one_fd(void *arg, uint64_t i,
			       const ProtobufCMessage *msg)
{
	const struct fds *f = arg;
	struct cr_x_from from = { "fdinfo", f->number, "entry", i };
	if (!f->x->err)
		f->fn(f->x, f->arg, f->pid, (const void *)msg, from);
	return NULL;
}

void cr_x_each_fd(struct cr_x *x, uint32_t pid, cr_x_fd_fn *fn, void *arg)
{
	TaskKobjIdsEntry *ids = NULL;
	char name[64];
	cr_x_find(x, cr_process_ids(&x->set, pid, &ids));
	// Before 0.4 a table was named by its process.
	struct fds f = { x, fn, arg, pid, ids ? ids->files_id : pid };
	cr_message_free(ids);
	snprintf(name, sizeof(name), "fdinfo-%u.img", f.number);
	struct cr_error *err = cr_walk(&x->set, name, &fdinfo_entry__descriptor,
				       one_fd, &f);
	// CRIU removes images that would be empty.
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	cr_x_find(x, err);
}

void cr_x_file(struct cr_x *x, const char *key, uint32_t type, uint32_t id,
	       struct cr_x_from from)
{
	cr_x_open(x, key, '{');
	cr_x_file_members(x, type, id, from);
	cr_x_close(x, '}');
}
