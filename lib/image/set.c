// SPDX-License-Identifier: MIT
#include "lib/image/set.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/codec/decode.h"
#include "lib/codec/wire.h"
#include "lib/image/image.h"
#include "lib/image/payload.h"

/* A message that nests too deep has at least as many bytes. */
#define SHALLOW (2 * CR_WIRE_DEPTH)

struct cr_error *cr_set_open_limited(const char *path,
				     const struct cr_store_limits *limits,
				     struct cr_set *ret)
{
	*ret = (struct cr_set){ 0 };
	cr_codec_init(&ret->codec, (struct cr_style){ 0 });
	return cr_store_open_limited(path, limits, &ret->store);
}

struct cr_error *cr_set_open(const char *path, struct cr_set *ret)
{
	return cr_set_open_limited(path, &(struct cr_store_limits){ 0 }, ret);
}

struct cr_error *cr_set_open_image(struct cr_set *set, const char *name,
				   struct cr_file *ret)
{
	struct cr_error *err = cr_store_open_file(set->store, name, ret);
	if (strncmp(name, "stats-", strlen("stats-")))
		return err;
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		err = cr_store_open_beside(set->store, name, ret);
	return err;
}

void cr_set_close(struct cr_set *set)
{
	cr_store_close(set->store);
	cr_codec_deinit(&set->codec);
	*set = (struct cr_set){ 0 };
}

static struct cr_error *drop(void *arg, const void *data, size_t size)
{
	return NULL;
}

/* Walks a message as the decoder does and forgets what it says. */
static struct cr_error *check_message(struct cr_set *set,
				      const ProtobufCMessageDescriptor *desc,
				      const void *data, size_t size)
{
	struct cr_out out = { 0 };
	struct cr_source src;
	struct cr_decoder d;
	const struct cr_plan *plan;
	struct cr_error *err = cr_codec_plan(&set->codec, desc, false, &plan);
	if (!err)
		err = cr_out_init_fn(&out, drop, NULL);
	if (!err) {
		cr_source_init_mem(&src, data, size);
		cr_decoder_init(&d, &set->codec, &out);
		err = cr_decode_fields(&d, &src, plan, size);
	}
	cr_out_deinit(&out);
	return err;
}

static struct cr_error *unpack(struct cr_set *set,
			       const ProtobufCMessageDescriptor *desc,
			       const void *data, size_t size,
			       ProtobufCMessage **ret)
{
	struct cr_error *err = NULL;
	if (size > SHALLOW)
		err = check_message(set, desc, data, size);
	if (err)
		return err;
	*ret = protobuf_c_message_unpack(desc, NULL, size, data);
	if (*ret)
		return NULL;
	err = check_message(set, desc, data, size);
	return err ? err :
		     cr_error_new(CR_ERR_FORMAT, "%s lacks a required field",
				  desc->name);
}

static struct cr_error *append(struct cr_messages *list, size_t *cap,
			       ProtobufCMessage *msg)
{
	if (list->nr == *cap) {
		size_t more = *cap ? 2 * *cap : 16;
		ProtobufCMessage **grown =
			realloc(list->msg, more * sizeof(grown[0]));
		if (!grown) {
			protobuf_c_message_free_unpacked(msg, NULL);
			return cr_enomem;
		}
		list->msg = grown;
		*cap = more;
	}
	list->msg[list->nr++] = msg;
	return NULL;
}

/* The message of `size` bytes at the source's place, which moves behind it and
 * its payload. */
static struct cr_error *load_entry(struct cr_set *set, struct cr_source *src,
				   const struct cr_image_type *type, uint64_t i,
				   uint32_t size, ProtobufCMessage **ret)
{
	const ProtobufCMessageDescriptor *desc = cr_image_message(type, i);
	const struct cr_payload *payload = cr_image_payload(type, i);
	struct cr_payload_values values;
	const struct cr_plan *plan;
	struct cr_error *err = NULL;
	if (payload->skip) {
		err = cr_codec_plan(&set->codec, desc, false, &plan);
		if (!err)
			err = cr_payload_peek(payload, plan, src, size,
					      &values);
	}
	if (err)
		return err;
	/* A message may be larger than the window. */
	cr_auto_free uint8_t *copy = NULL;
	const uint8_t *data;
	err = cr_source_bytes(src, size, "the message", &copy, &data);
	if (!err)
		err = unpack(set, desc, data, size, ret);
	uint64_t skipped;
	if (!err && payload->skip) {
		err = payload->skip(payload, src, &values, &skipped);
		if (err)
			protobuf_c_message_free_unpacked(*ret, NULL);
	}
	return err;
}

static struct cr_error *load_entries(struct cr_set *set, struct cr_source *src,
				     const struct cr_image_type *type,
				     struct cr_messages *list)
{
	size_t cap = 0;
	for (uint64_t i = 0;; i++) {
		uint32_t size;
		bool end = false;
		ProtobufCMessage *msg = NULL;
		struct cr_error *err = cr_image_next(src, &size, &end);
		if (end)
			return NULL;
		if (!err)
			err = load_entry(set, src, type, i, size, &msg);
		if (!err)
			err = append(list, &cap, msg);
		if (err)
			return cr_error_at(err, "entry %llu",
					   (unsigned long long)i);
	}
}

static struct cr_error *load(struct cr_set *set, struct cr_file *file,
			     const char *name,
			     const ProtobufCMessageDescriptor *entry,
			     struct cr_messages *ret)
{
	struct cr_source src;
	struct cr_file_cursor cursor;
	struct cr_image_header header;
	struct cr_messages list = { 0 };
	struct cr_error *err = cr_file_source(file, &cursor, &src);
	if (!err)
		err = cr_image_read_header(&src, name, &header);
	if (!err && header.type->entry != entry)
		err = cr_error_new(CR_ERR_FORMAT, "holds %s, not %s",
				   header.type->entry->name, entry->name);
	if (!err)
		err = load_entries(set, &src, header.type, &list);
	cr_source_deinit(&src);
	if (err) {
		cr_messages_free(&list);
		return cr_error_at(err, "%s", name);
	}
	*ret = list;
	return NULL;
}

struct cr_error *cr_set_load(struct cr_set *set, const char *name,
			     const ProtobufCMessageDescriptor *entry,
			     struct cr_messages *ret)
{
	struct cr_file file;
	struct cr_error *err = cr_set_open_image(set, name, &file);
	if (err)
		return err;
	err = load(set, &file, name, entry, ret);
	cr_file_close(&file);
	return err;
}

static CR_PRINTF(4, 0)
struct cr_error *loadv(struct cr_set *set,
			      const ProtobufCMessageDescriptor *entry,
			      struct cr_messages *ret, const char *fmt,
			      va_list ap)
{
	char name[256];
	vsnprintf(name, sizeof(name), fmt, ap);
	return cr_set_load(set, name, entry, ret);
}

struct cr_error *cr_set_loadf(struct cr_set *set,
			      const ProtobufCMessageDescriptor *entry,
			      struct cr_messages *ret, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct cr_error *err = loadv(set, entry, ret, fmt, ap);
	va_end(ap);
	return err;
}

struct cr_error *cr_set_load_optionalf(struct cr_set *set,
				       const ProtobufCMessageDescriptor *entry,
				       struct cr_messages *ret,
				       const char *fmt, ...)
{
	*ret = (struct cr_messages){ 0 };
	va_list ap;
	va_start(ap, fmt);
	struct cr_error *err = loadv(set, entry, ret, fmt, ap);
	va_end(ap);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

void cr_messages_free(struct cr_messages *messages)
{
	for (size_t i = 0; i < messages->nr; i++)
		protobuf_c_message_free_unpacked(messages->msg[i], NULL);
	free(messages->msg);
	*messages = (struct cr_messages){ 0 };
}
