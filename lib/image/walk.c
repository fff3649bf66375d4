// SPDX-License-Identifier: MIT
#include "lib/image/walk.h"

#include "lib/base/cleanup.h"
#include "lib/image/image.h"
#include "lib/image/payload.h"

static struct cr_error *each(struct cr_source *src, cr_walk_bytes_fn *fn,
			     void *arg)
{
	for (uint64_t i = 0;; i++) {
		uint32_t size;
		bool end = false;
		cr_auto_free uint8_t *copy = NULL;
		const uint8_t *data;
		struct cr_error *err = cr_image_next(src, &size, &end);
		if (end)
			return NULL;
		if (!err)
			err = cr_source_bytes(src, size, "the message", &copy,
					      &data);
		if (err)
			return cr_error_at(err, "entry %llu",
					   (unsigned long long)i);
		err = fn(arg, i, data, size);
		if (err)
			return err;
	}
}

static struct cr_error *check_type(const struct cr_image_type *type,
				   const ProtobufCMessageDescriptor *entry)
{
	if (type->entry != entry)
		return cr_error_new(CR_ERR_FORMAT, "holds %s, not %s",
				    type->entry->name, entry->name);
	if (cr_image_payload(type, 0)->skip || cr_image_payload(type, 1)->skip)
		return cr_error_new(CR_ERR_INTERNAL,
				    "%s has payloads, which are not walked",
				    type->id);
	return NULL;
}

struct cr_error *cr_walk_bytes(struct cr_set *set, const char *name,
			       const ProtobufCMessageDescriptor *entry,
			       cr_walk_bytes_fn *fn, void *arg)
{
	struct cr_file file;
	struct cr_source src;
	struct cr_file_cursor cursor;
	struct cr_image_header header;
	struct cr_error *err = cr_set_open_image(set, name, &file);
	if (err)
		return err;
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = cr_image_read_header(&src, name, &header);
	if (!err)
		err = check_type(header.type, entry);
	if (!err)
		err = each(&src, fn, arg);
	cr_source_deinit(&src);
	cr_file_close(&file);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

/* Unpacks for the caller of cr_walk(). */
struct unpacker {
	const ProtobufCMessageDescriptor *head, *entry;
	cr_walk_fn *fn;
	void *arg;
	bool broken; /* the last message was */
};

static struct cr_error *unpack(void *arg, uint64_t i, const void *data,
			       size_t size)
{
	struct unpacker *u = arg;
	const ProtobufCMessageDescriptor *desc = i ? u->entry : u->head;
	ProtobufCMessage *msg =
		protobuf_c_message_unpack(desc, NULL, size, data);
	if (!msg) {
		u->broken = true;
		return cr_error_new(CR_ERR_FORMAT, "entry %llu: broken %s",
				    (unsigned long long)i, desc->name);
	}
	struct cr_error *err = u->fn(u->arg, i, msg);
	protobuf_c_message_free_unpacked(msg, NULL);
	return err;
}

/* Asks again, slowly, what is wrong with the image: the field and the byte. */
static struct cr_error *explain(struct cr_set *set, const char *name,
				const ProtobufCMessageDescriptor *entry,
				struct cr_error *err)
{
	struct cr_messages messages = { 0 };
	struct cr_error *better = cr_set_load(set, name, entry, &messages);
	cr_messages_free(&messages);
	if (!better)
		return err;
	cr_error_free(err);
	return better;
}

/* The message of the first entry, for cr_walk_first(). */
static struct cr_error *take_first(void *arg, uint64_t i, const void *data,
				   size_t size)
{
	struct unpacker *u = arg;
	ProtobufCMessage **ret = u->arg;
	*ret = protobuf_c_message_unpack(u->entry, NULL, size, data);
	u->broken = !*ret;
	/* Ends the walk: this is no error, and never seen. */
	return cr_enomem;
}

struct cr_error *cr_walk_first(struct cr_set *set, const char *name,
			       const ProtobufCMessageDescriptor *entry,
			       ProtobufCMessage **ret)
{
	ProtobufCMessage *msg = NULL;
	struct unpacker u = { entry, entry, NULL, &msg, false };
	struct cr_error *err =
		cr_walk_bytes(set, name, entry, take_first, &u);
	if (msg) {
		cr_error_free(err);
		*ret = msg;
		return NULL;
	}
	if (u.broken)
		return explain(set, name, entry, err);
	return err ? err :
		     cr_error_new(CR_ERR_FORMAT, "%s: has no entry", name);
}

struct cr_error *cr_walk(struct cr_set *set, const char *name,
			 const ProtobufCMessageDescriptor *entry,
			 cr_walk_fn *fn, void *arg)
{
	struct unpacker u = { entry, entry, fn, arg, false };
	for (size_t i = 0; i < cr_nr_image_types; i++) {
		if (cr_image_types[i].entry == entry && cr_image_types[i].head)
			u.head = cr_image_types[i].head;
	}
	struct cr_error *err = cr_walk_bytes(set, name, entry, unpack, &u);
	return err && u.broken ? explain(set, name, entry, err) : err;
}
