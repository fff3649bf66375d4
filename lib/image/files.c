// SPDX-License-Identifier: MIT
#include "lib/image/files.h"

#include <stdlib.h>
#include <string.h>

#include "lib/codec/decode.h"
#include "lib/image/walk.h"

// clang-format off
static const struct cr_file_kind kinds[] = {
	{ FD_TYPES__REG,       "reg",   "reg-files.img",  &reg_file_entry__descriptor },
	{ FD_TYPES__PIPE,      "pipe",  "pipes.img",      &pipe_entry__descriptor },
	{ FD_TYPES__FIFO,      "fifo",  "fifo.img",       &fifo_entry__descriptor },
	{ FD_TYPES__INETSK,    "isk",   "inetsk.img",     &inet_sk_entry__descriptor },
	{ FD_TYPES__UNIXSK,    "usk",   "unixsk.img",     &unix_sk_entry__descriptor },
	{ FD_TYPES__EVENTFD,   "efd",   "eventfd.img",    &eventfd_file_entry__descriptor },
	{ FD_TYPES__EVENTPOLL, "epfd",  "eventpoll.img",  &eventpoll_file_entry__descriptor },
	{ FD_TYPES__INOTIFY,   "ify",   "inotify.img",    &inotify_file_entry__descriptor },
	{ FD_TYPES__SIGNALFD,  "sgfd",  "signalfd.img",   &signalfd_entry__descriptor },
	{ FD_TYPES__PACKETSK,  "psk",   "packetsk.img",   &packet_sock_entry__descriptor },
	{ FD_TYPES__TTY,       "tty",   "tty.img",        &tty_file_entry__descriptor },
	{ FD_TYPES__FANOTIFY,  "ffy",   "fanotify.img",   &fanotify_file_entry__descriptor },
	{ FD_TYPES__NETLINKSK, "nlsk",  "netlinksk.img",  &netlink_sk_entry__descriptor },
	{ FD_TYPES__NS,        "nsf",   "ns-files.img",   &ns_file_entry__descriptor },
	{ FD_TYPES__TUNF,      "tunf",  "tunfile.img",    &tunfile_entry__descriptor },
	{ FD_TYPES__EXT,       "ext",   "ext-files.img",  &ext_file_entry__descriptor },
	{ FD_TYPES__TIMERFD,   "tfd",   "timerfd.img",    &timerfd_entry__descriptor },
	{ FD_TYPES__MEMFD,     "memfd", NULL,             &memfd_file_entry__descriptor },
	{ FD_TYPES__BPFMAP,    "bpf",   NULL,             &bpfmap_file_entry__descriptor },
	{ FD_TYPES__PIDFD,     "pidfd", NULL,             &pidfd_entry__descriptor },
};
// clang-format on

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct cr_file_kind *cr_file_kind(uint32_t type)
{
	for (size_t i = 0; i < NR_KINDS; i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}

const char *cr_file_type_name(uint32_t type)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&fd_types__descriptor, (int)type);
	return value ? value->name : NULL;
}

/* Makes room for one more reference and size more bytes. */
static struct cr_error *grow(struct cr_files *files, size_t size)
{
	if (files->nr == files->cap) {
		size_t cap = files->cap ? 2 * files->cap : 64;
		void *more = realloc(files->ref, cap * sizeof(files->ref[0]));
		if (!more)
			return cr_enomem;
		files->ref = more;
		files->cap = cap;
	}
	if (!files->arena || files->room - files->size < size) {
		/* Half again rather than double: there may be much. */
		size_t room = files->size + size + files->room / 2 + 4096;
		void *more = realloc(files->arena, room);
		if (!more)
			return cr_enomem;
		files->arena = more;
		files->room = room;
	}
	return NULL;
}

/* What is being read. */
struct reading {
	struct cr_files *files;
	const struct cr_file_kind *kind; /* NULL: of files.img */
};

static struct cr_error *add(void *arg, uint64_t i, const void *data,
			    size_t size)
{
	const struct reading *r = arg;
	struct cr_files *files = r->files;
	/* file_entry has the type in 1 and the id in 2, every kind its id in
	 * 1. */
	uint32_t numbers[2] = { 1, 2 };
	uint64_t values[2] = { 0, 0 };
	struct cr_source src;
	cr_source_init_mem(&src, data, size);
	struct cr_error *err = cr_decode_peek(&src, size, numbers, values, 2);
	if (err)
		return cr_error_at(err, "entry %llu", (unsigned long long)i);
	err = grow(files, size);
	if (err)
		return err;
	files->ref[files->nr++] = (struct cr_file_ref){
		.type = r->kind ? r->kind->type : (uint32_t)values[0],
		.id = (uint32_t)values[r->kind ? 0 : 1],
		.off = files->size,
		.size = (uint32_t)size,
		.i = (uint32_t)i,
	};
	if (size)
		memcpy(files->arena + files->size, data, size);
	files->size += size;
	return NULL;
}

static struct cr_error *add_image(struct cr_set *set, const char *name,
				  const ProtobufCMessageDescriptor *desc,
				  const struct cr_file_kind *kind,
				  struct cr_files *files)
{
	struct reading r = { files, kind };
	struct cr_error *err = cr_walk_bytes(set, name, desc, add, &r);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

static int compare(const struct cr_file_ref *a, uint32_t type, uint32_t id)
{
	if (a->type != type)
		return a->type < type ? -1 : 1;
	return (a->id > id) - (a->id < id);
}

static int by_key(const void *a, const void *b)
{
	const struct cr_file_ref *x = a, *y = b;
	int order = compare(x, y->type, y->id);
	return order ? order : (x->i > y->i) - (x->i < y->i);
}

struct cr_error *cr_files_load(struct cr_set *set, struct cr_files *ret)
{
	struct cr_files files = { 0 };
	struct cr_error *err = add_image(
		set, "files.img", &file_entry__descriptor, NULL, &files);
	files.split = !err && !files.nr;
	for (size_t i = 0; !err && files.split && i < NR_KINDS; i++) {
		if (kinds[i].image)
			err = add_image(set, kinds[i].image, kinds[i].desc,
					&kinds[i], &files);
	}
	if (err) {
		cr_files_free(&files);
		return err;
	}
	if (files.nr)
		qsort(files.ref, files.nr, sizeof(files.ref[0]), by_key);
	*ret = files;
	return NULL;
}

void cr_files_free(struct cr_files *files)
{
	free(files->ref);
	free(files->arena);
	*files = (struct cr_files){ 0 };
}

static const struct cr_file_ref *find(const struct cr_files *files,
				      uint32_t type, uint32_t id)
{
	size_t low = 0, high = files->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare(&files->ref[mid], type, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == files->nr || compare(&files->ref[low], type, id))
		return NULL;
	return &files->ref[low];
}

bool cr_files_has(const struct cr_files *files, uint32_t type, uint32_t id)
{
	return find(files, type, id);
}

/* The member of file_entry that a kind has. */
static const ProtobufCMessage *member_of(const ProtobufCMessage *whole,
					 const struct cr_file_kind *kind)
{
	const ProtobufCFieldDescriptor *field =
		kind ? protobuf_c_message_descriptor_get_field_by_name(
			       &file_entry__descriptor, kind->member) :
		       NULL;
	const ProtobufCMessage *member = NULL;
	if (field)
		memcpy(&member, (const char *)whole + field->offset,
		       sizeof(member));
	return member;
}

struct cr_error *cr_files_open(const struct cr_files *files,
			       const struct cr_file_ref *ref,
			       struct cr_opened *ret)
{
	const struct cr_file_kind *kind = cr_file_kind(ref->type);
	const ProtobufCMessageDescriptor *desc =
		files->split ? kind->desc : &file_entry__descriptor;
	const char *image = files->split ? kind->image : "files.img";
	ProtobufCMessage *whole = protobuf_c_message_unpack(
		desc, NULL, ref->size, files->arena + ref->off);
	if (!whole)
		return cr_error_new(CR_ERR_FORMAT,
				    "%s: entry %u: broken %s, or it lacks a "
				    "required field",
				    image, ref->i, desc->name);
	*ret = (struct cr_opened){
		.whole = whole,
		.msg = files->split ? whole : member_of(whole, kind),
		.ref = ref,
	};
	return NULL;
}

struct cr_error *cr_files_get(const struct cr_files *files, uint32_t type,
			      uint32_t id, struct cr_opened *ret)
{
	const struct cr_file_ref *ref = find(files, type, id);
	*ret = (struct cr_opened){ 0 };
	return ref ? cr_files_open(files, ref, ret) : NULL;
}

void cr_opened_free(struct cr_opened *opened)
{
	if (opened->whole)
		protobuf_c_message_free_unpacked(opened->whole, NULL);
	*opened = (struct cr_opened){ 0 };
}
