// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/codec/plan.h"
#include "lib/image/image.h"
#include "lib/image/payload.h"
#include "lib/ops/redact/impl.h"

/* Images whose payloads are contents and nothing else. */
// clang-format off
static const struct row {
	const char *id;
	cr_redact_fn *of;
	bool second; /* the first of two parts stays: keys of a map */
} rows[] = {
	{ "SK_QUEUES",   cr_redact_queues, false },
	{ "TCP_STREAM",  cr_redact_queues, false },
	{ "PIPES_DATA",  cr_redact_pipes,  false },
	{ "FIFO_DATA",   cr_redact_pipes,  false },
	{ "GHOST_FILE",  cr_redact_ghosts, false },
	{ "IPCNS_SHM",   cr_redact_ipc,    false },
	{ "BPFMAP_DATA", cr_redact_ipc,    true },
};
// clang-format on

struct blank {
	struct cr_redact *r;
	const char *name;
	struct cr_file file; /* as it was */
	struct cr_source src;
	struct cr_file_cursor cursor;
	struct cr_codec codec;
	int fd; /* of the new one; -1: nothing has changed so far */
};

/* Many zeros, the size of which nobody stores on a stack. */
#define CHUNK (64 * 1024)
static const uint8_t zeros[CHUNK];

struct cr_error *cr_redact_zero(int fd, uint64_t off, uint64_t size)
{
	struct cr_error *err = NULL;
	if (size >= CHUNK && !fallocate(fd, FALLOC_FL_PUNCH_HOLE |
						    FALLOC_FL_KEEP_SIZE,
					(off_t)off, (off_t)size))
		return NULL;
	while (size && !err) {
		size_t n = size < CHUNK ? (size_t)size : CHUNK;
		err = cr_io_pwrite(fd, zeros, n, off);
		off += n;
		size -= n;
	}
	return err;
}

/* Whether there is anything but zeros. */
static struct cr_error *is_blank(struct cr_file *file, uint64_t off,
				 uint64_t size, bool *ret)
{
	cr_auto_free uint8_t *data = malloc(CHUNK);
	struct cr_error *err = data ? NULL : cr_enomem;
	*ret = true;
	while (size && !err && *ret) {
		size_t n = size < CHUNK ? (size_t)size : CHUNK;
		err = cr_file_read(file, data, n, off);
		*ret = !err && !memcmp(data, zeros, n);
		off += n;
		size -= n;
	}
	return err;
}

static struct cr_error *blank_range(struct blank *b, uint64_t off,
				    uint64_t size)
{
	bool already;
	struct cr_error *err = is_blank(&b->file, off, size, &already);
	if (err || already)
		return err;
	if (b->fd < 0)
		err = cr_change_clone(b->r->change, b->name, b->name, &b->fd);
	b->r->row->nr++;
	b->r->row->size += size;
	return err ? err : cr_redact_zero(b->fd, off, size);
}

/* The payload of the entry whose message is at the source's place. */
static struct cr_error *blank_entry(struct blank *b, const struct row *row,
				    const struct cr_image_type *type,
				    uint64_t i, uint32_t size)
{
	const struct cr_payload *p = cr_image_payload(type, i);
	struct cr_payload_values values;
	const struct cr_plan *plan;
	uint64_t counted;
	if (!p->skip)
		return cr_source_skip(&b->src, size, "the message");
	struct cr_error *err = cr_codec_plan(
		&b->codec, cr_image_message(type, i), false, &plan);
	if (!err)
		err = cr_payload_peek(p, plan, &b->src, size, &values);
	if (!err)
		err = cr_source_skip(&b->src, size, "the message");
	if (err)
		return err;
	uint64_t start = cr_source_tell(&b->src);
	err = p->skip(p, &b->src, &values, &counted);
	uint64_t end = cr_source_tell(&b->src);
	if (!err && row->second)
		start = values.v[0] < end - start ? start + values.v[0] : end;
	return err ? err : blank_range(b, start, end - start);
}

static struct cr_error *blank_entries(struct blank *b, const struct row *row)
{
	struct cr_image_header header;
	struct cr_error *err = cr_image_read_header(&b->src, b->name, &header);
	for (uint64_t i = 0; !err; i++) {
		uint32_t size;
		bool end;
		err = cr_image_next(&b->src, &size, &end);
		if (err || end)
			break;
		err = blank_entry(b, row, header.type, i, size);
		if (err)
			err = cr_error_at(err, "entry %llu",
					  (unsigned long long)i);
	}
	return err;
}

static struct cr_error *blank_image(struct cr_redact *r, const char *name,
				    const struct row *row)
{
	struct cr_store *store = cr_change_set(r->change)->store;
	struct blank b = { .r = r, .name = name, .fd = -1 };
	struct cr_error *err = cr_store_open_file(store, name, &b.file);
	if (err)
		return err;
	cr_codec_init(&b.codec, (struct cr_style){ 0 });
	err = cr_file_source(&b.file, &b.cursor, &b.src);
	if (!err)
		err = blank_entries(&b, row);
	cr_source_deinit(&b.src);
	cr_codec_deinit(&b.codec);
	cr_file_close(&b.file);
	if (b.fd >= 0)
		close(b.fd);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

struct wanted {
	cr_redact_fn *of;
};

static struct cr_error *blank_file(struct cr_redact *r, void *arg,
				   const char *name)
{
	const struct wanted *w = arg;
	const struct cr_image_type *type = cr_image_type_by_file(name);
	for (size_t i = 0; type && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].of == w->of && !strcmp(rows[i].id, type->id))
			return blank_image(r, name, &rows[i]);
	return NULL;
}

static struct cr_error *blank_all(struct cr_redact *r, cr_redact_fn *of)
{
	struct wanted w = { of };
	return cr_redact_each_file(r, blank_file, &w);
}

struct cr_error *cr_redact_queues(struct cr_redact *r)
{
	return blank_all(r, cr_redact_queues);
}

struct cr_error *cr_redact_pipes(struct cr_redact *r)
{
	return blank_all(r, cr_redact_pipes);
}

struct cr_error *cr_redact_ghosts(struct cr_redact *r)
{
	return blank_all(r, cr_redact_ghosts);
}

struct cr_error *cr_redact_ipc(struct cr_redact *r)
{
	struct cr_error *err = blank_all(r, cr_redact_ipc);
	return err ? err : cr_redact_messages(r);
}
