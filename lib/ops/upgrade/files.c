// SPDX-License-Identifier: MIT
/*
 * Open files: what kind of thing a deleted file is, which regular file has the
 * path of a terminal or FIFO, and one image in place of one for each kind.
 *
 * In separate images an id may be there once in each kind. CRIU looks files up by
 * type and id, but those that a unix socket carries by id alone (criu/files.c
 * find_file_desc_raw(), v4.2), so in files.img ids are unique. Regular files, to
 * which ids lead from many places, keep theirs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "images/fdinfo.pb-c.h"
#include "lib/image/files.h"
#include "lib/image/image.h"
#include "lib/ops/upgrade/step.h"

/* ---- how a deleted file is kept ---- */

#define REMAP_GHOST 0x80000000u

static bool has_no_type(void *arg, const struct cr_rewrite_at *at,
			const void *msg, size_t size)
{
	static const struct cr_step_path type = { { 3 } };
	return !cr_step_peek(msg, size, type, NULL);
}

static struct cr_error *give_type(void *arg, const struct cr_rewrite_at *at,
				  json_t *remap, enum cr_rewrite *ret)
{
	uint32_t id;
	if (!cr_step_u32(remap, "remap_id", &id))
		return NULL;
	bool ghost = id & REMAP_GHOST;
	*ret = CR_REWRITE_CHANGED;
	struct cr_error *err = cr_step_set_text(remap, "remap_type",
						ghost ? "GHOST" : "LINKED");
	return err || !ghost ? err :
			       cr_step_set_int(remap, "remap_id",
					       id & ~REMAP_GHOST);
}

struct cr_error *cr_step_remaps_up(struct cr_step *s)
{
	return cr_step_rewrite(s, "remap-fpath.img", has_no_type, give_type,
			       NULL);
}

/* ---- ids ---- */

/* A file's id, and what it becomes. */
struct id {
	uint32_t type, id, now;
};

struct ids {
	struct id *id; /* by type and id */
	size_t nr;
	bool changed;
};

static int by_type(const void *a, const void *b)
{
	const struct id *x = a, *y = b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static const struct id *find(const struct ids *ids, uint32_t type, uint32_t id)
{
	struct id key = { type, id, 0 };
	return ids->nr ? bsearch(&key, ids->id, ids->nr, sizeof(key), by_type) :
			 NULL;
}

/* Who keeps an id that several have: regular files, then what plugins know. */
static unsigned rank(uint32_t type)
{
	return type == FD_TYPES__REG ? 0 : type == FD_TYPES__EXT ? 1 : 1 + type;
}

static int by_id(const void *a, const void *b)
{
	const struct id *x = a, *y = b;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (rank(x->type) > rank(y->type)) - (rank(x->type) < rank(y->type));
}

/* One of each type and id. */
static struct cr_error *load_ids(struct cr_step *s, struct ids *ids)
{
	struct cr_files files;
	struct cr_error *err = cr_files_load(s->set, &files);
	if (err)
		return err;
	ids->id = calloc(files.nr + 1, sizeof(ids->id[0]));
	for (size_t i = 0; ids->id && i < files.nr; i++) {
		const struct cr_file_ref *f = &files.ref[i];
		if (!i || by_type(&(struct id){ f[-1].type, f[-1].id },
				  &(struct id){ f->type, f->id }))
			ids->id[ids->nr++] =
				(struct id){ f->type, f->id, f->id };
	}
	cr_files_free(&files);
	return ids->id ? NULL : cr_enomem;
}

static struct cr_error *make_unique(struct ids *ids)
{
	if (!ids->nr)
		return NULL;
	qsort(ids->id, ids->nr, sizeof(ids->id[0]), by_id);
	uint32_t max = ids->id[ids->nr - 1].id;
	for (size_t i = 1; i < ids->nr; i++) {
		if (ids->id[i].id != ids->id[i - 1].id)
			continue;
		if (max == UINT32_MAX)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "no id is left for files");
		ids->id[i].now = ++max;
		ids->changed = true;
	}
	qsort(ids->id, ids->nr, sizeof(ids->id[0]), by_type);
	return NULL;
}

/* ---- the path of a terminal or FIFO ---- */

struct paths {
	struct cr_step *step;
	struct ids ids; /* of all files, once they are wanted */
};

static bool lacks(const void *msg, size_t size, uint8_t member, uint8_t number)
{
	struct cr_step_path whole = { { member } };
	struct cr_step_path path = { { member, number } };
	return cr_step_peek(msg, size, whole, NULL) &&
	       !cr_step_peek(msg, size, path, NULL);
}

static bool special_without_path(void *arg, const struct cr_rewrite_at *at,
				 const void *msg, size_t size)
{
	/* tty and fifo in file_entry, regf_id in them */
	return lacks(msg, size, 19, 6) || lacks(msg, size, 17, 3);
}

static bool tty_without_path(void *arg, const struct cr_rewrite_at *at,
			     const void *msg, size_t size)
{
	static const struct cr_step_path regf_id = { { 6 } };
	return !cr_step_peek(msg, size, regf_id, NULL);
}

static bool fifo_without_path(void *arg, const struct cr_rewrite_at *at,
			      const void *msg, size_t size)
{
	static const struct cr_step_path regf_id = { { 3 } };
	return !cr_step_peek(msg, size, regf_id, NULL);
}

/* Until regf_id the regular file had the same id. */
static struct cr_error *give_path(void *arg, const struct cr_rewrite_at *at,
				  json_t *entry, enum cr_rewrite *ret)
{
	struct paths *p = arg;
	json_t *tty = json_object_get(entry, "tty");
	json_t *file = tty ?: json_object_get(entry, "fifo") ?: entry;
	uint32_t id;
	struct cr_error *err = NULL;
	if (!cr_step_u32(file, "id", &id))
		return NULL;
	if (!p->ids.id)
		err = load_ids(p->step, &p->ids);
	if (err)
		return err;
	if (!find(&p->ids, FD_TYPES__REG, id))
		return cr_step_say(p->step, CR_UPGRADE_LEFT,
				   "%s: entry %" PRIu64 ": no regular file has "
				   "its path",
				   at->image, at->i);
	*ret = CR_REWRITE_CHANGED;
	return cr_step_set_int(file, "regf_id", id);
}

struct cr_error *cr_step_paths_up(struct cr_step *s)
{
	struct paths p = { .step = s };
	struct cr_error *err = cr_step_rewrite(
		s, "files.img", special_without_path, give_path, &p);
	if (!err)
		err = cr_step_rewrite(s, "tty.img", tty_without_path, give_path,
				      &p);
	if (!err)
		err = cr_step_rewrite(s, "fifo.img", fifo_without_path,
				      give_path, &p);
	free(p.ids.id);
	return err;
}

/* ---- one image ---- */

/* Entries of the images of the kinds on their way into files.img. */
struct merging {
	struct cr_step *step;
	struct ids ids;
	const struct cr_file_kind *kind;
	const struct cr_image_type *type; /* FILES */
	struct cr_out *out;
	uint64_t nr;
};

/* Watches say whose they are. */
static struct cr_error *set_owner(json_t *list, uint32_t id)
{
	struct cr_error *err = NULL;
	json_t *watch;
	size_t i;
	json_array_foreach(list, i, watch) {
		if (!err)
			err = cr_step_set_int(watch, "id", id);
	}
	return err;
}

static struct cr_error *renumber(json_t *file, uint32_t id)
{
	static const char *const lists[] = { "tfd", "wd", "mark" };
	struct cr_error *err = cr_step_set_int(file, "id", id);
	for (size_t i = 0; i < 3 && !err; i++)
		err = set_owner(json_object_get(file, lists[i]), id);
	return err;
}

static struct cr_error *merge_entry(void *arg, const struct cr_rewrite_at *at,
				    json_t *file, enum cr_rewrite *ret)
{
	struct merging *m = arg;
	struct cr_tree_aside aside;
	uint32_t id;
	if (!cr_step_u32(file, "id", &id))
		return cr_error_new(CR_ERR_FORMAT, "id: is missing");
	const struct id *known = find(&m->ids, m->kind->type, id);
	uint32_t now = known ? known->now : id;
	struct cr_error *err = now != id ? renumber(file, now) : NULL;
	json_t *entry = json_pack("{s:s, s:I, s:O}", "type",
				  cr_file_type_name(m->kind->type), "id",
				  (json_int_t)now, m->kind->member, file);
	if (!err && !entry)
		err = cr_enomem;
	if (!err)
		err = cr_tree_store(at->tree, m->type, m->nr++, entry, m->out,
				    &aside);
	json_decref(entry);
	return err ? err : cr_out_drain(m->out);
}

static struct cr_error *merge_kind(struct merging *m, uint32_t type)
{
	struct cr_step *s = m->step;
	m->kind = cr_file_kind(type);
	if (!m->kind || !m->kind->image || !cr_step_has(s, m->kind->image))
		return NULL;
	struct cr_error *err =
		cr_step_look(s, m->kind->image, NULL, merge_entry, m);
	return err ? err : cr_step_remove(s, m->kind->image);
}

static struct cr_error *merge(struct merging *m)
{
	struct cr_step *s = m->step;
	m->type = cr_image_type_by_id("FILES", 5);
	struct cr_image_header header = { m->type, m->type->form };
	struct cr_error *err =
		cr_change_create(s->change, "files.img", &m->out);
	if (err)
		return err;
	err = cr_image_write_header(m->out, &header);
	for (uint32_t type = 1; type <= FD_TYPES__PIDFD && !err; type++)
		err = merge_kind(m, type);
	if (!err)
		return cr_change_finish(s->change, m->out);
	cr_change_abandon(s->change, m->out);
	return err;
}

/* ---- what leads to files ---- */

static struct cr_error *follow(const struct ids *ids, uint32_t type,
			       json_t *entry, const char *key,
			       enum cr_rewrite *ret)
{
	uint32_t id;
	if (!cr_step_u32(entry, key, &id))
		return NULL;
	const struct id *known = find(ids, type, id);
	if (!known || known->now == id)
		return NULL;
	*ret = CR_REWRITE_CHANGED;
	return cr_step_set_int(entry, key, known->now);
}

static struct cr_error *fix_fd(void *arg, const struct cr_rewrite_at *at,
			       json_t *fd, enum cr_rewrite *ret)
{
	const struct merging *m = arg;
	const char *name = json_string_value(json_object_get(fd, "type"));
	const ProtobufCEnumValue *type =
		name ? protobuf_c_enum_descriptor_get_value_by_name(
			       &fd_types__descriptor, name) :
		       NULL;
	return type ? follow(&m->ids, (uint32_t)type->value, fd, "id", ret) :
		      NULL;
}

#define VMA_AREA_SOCKET (1u << 11)

static struct cr_error *fix_mm(void *arg, const struct cr_rewrite_at *at,
			       json_t *mm, enum cr_rewrite *ret)
{
	const struct merging *m = arg;
	struct cr_error *err = NULL;
	json_t *vma;
	size_t i;
	json_array_foreach(json_object_get(mm, "vmas"), i, vma) {
		uint32_t status;
		if (!err && cr_step_u32(vma, "status", &status) &&
		    status & VMA_AREA_SOCKET)
			err = follow(&m->ids, FD_TYPES__PACKETSK, vma, "shmid",
				     ret);
	}
	return err;
}

/* What unix sockets carry says no type, so an id that several files had may be
 * any of them. */
static struct cr_error *say_rights(const struct merging *m,
				   const struct cr_rewrite_at *at,
				   const json_t *packet)
{
	json_t *scm, *right;
	size_t i, k;
	json_array_foreach(json_object_get(packet, "scm"), i, scm) {
		json_array_foreach(json_object_get(scm, "rights"), k, right) {
			for (size_t j = 0; j < m->ids.nr; j++)
				if (m->ids.id[j].now != m->ids.id[j].id &&
				    m->ids.id[j].id ==
					    json_integer_value(right))
					return cr_step_say(
						m->step, CR_UPGRADE_LEFT,
						"%s: entry %" PRIu64
						": carries file %u, which was "
						"the id of several",
						at->image, at->i,
						m->ids.id[j].id);
		}
	}
	return NULL;
}

static struct cr_error *fix_packet(void *arg, const struct cr_rewrite_at *at,
				   json_t *packet, enum cr_rewrite *ret)
{
	const struct merging *m = arg;
	struct cr_error *err = say_rights(m, at, packet);
	return err ? err :
		     follow(&m->ids, FD_TYPES__UNIXSK, packet, "id_for", ret);
}

static struct cr_error *fix_fds(struct cr_step *s, const char *name,
				uint32_t id, void *arg)
{
	return cr_step_rewrite(s, name, NULL, fix_fd, arg);
}

static struct cr_error *fix_mms(struct cr_step *s, const char *name,
				uint32_t id, void *arg)
{
	return cr_step_rewrite(s, name, NULL, fix_mm, arg);
}

static struct cr_error *fix_all(struct merging *m)
{
	struct cr_step *s = m->step;
	struct cr_error *err = cr_step_each(s, "fdinfo-", ".img", fix_fds, m);
	if (!err)
		err = cr_step_each(s, "mm-", ".img", fix_mms, m);
	if (!err)
		err = cr_step_rewrite(s, "sk-queues.img", NULL, fix_packet, m);
	return err;
}

struct cr_error *cr_step_files_up(struct cr_step *s)
{
	struct merging m = { .step = s };
	bool any = false;
	for (uint32_t type = 1; type <= FD_TYPES__PIDFD; type++) {
		const struct cr_file_kind *kind = cr_file_kind(type);
		any = any || (kind && kind->image && cr_step_has(s, kind->image));
	}
	/* With files.img the others are not read. */
	if (!any || cr_step_has(s, "files.img"))
		return NULL;
	struct cr_error *err = load_ids(s, &m.ids);
	if (!err)
		err = make_unique(&m.ids);
	if (!err)
		err = merge(&m);
	if (!err && m.ids.changed)
		err = fix_all(&m);
	free(m.ids.id);
	return err;
}
