// SPDX-License-Identifier: MIT
#include "lib/pages/entry.h"

#include <endian.h>

#include "lib/base/cleanup.h"
#include "lib/base/source.h"
#include "lib/codec/record.h"

/* pagemap_entry, and pagemap_blocks in it */
enum { VADDR = 1, COMPAT = 2, IN_PARENT = 3, FLAGS = 4, NR_PAGES = 5, BLOCKS = 6 };
enum { SIZES = 1, TOTAL = 2, PER_BLOCK = 3 };

#define KNOWN_FLAGS \
	(CR_RANGE_PARENT | CR_RANGE_LAZY | CR_RANGE_PRESENT | CR_RANGE_ALIGNED)

static void source_of(struct cr_source *src, const uint8_t *data, size_t size,
		      uint64_t off)
{
	cr_source_init_mem(src, data, size);
	src->end_off = off + size;
}

/* A varint of the entry; false: a field that is not known. */
static bool take(struct cr_pagemap_entry *e, uint32_t number, uint64_t value)
{
	switch (number) {
	case VADDR:
		e->vaddr = value;
		e->has_vaddr = true;
		return true;
	case COMPAT:
		e->compat_nr_pages = (uint32_t)value;
		return true;
	case IN_PARENT:
		e->in_parent = value;
		e->has_in_parent = true;
		return true;
	case FLAGS:
		e->flags = (uint32_t)value;
		e->has_flags = true;
		return true;
	case NR_PAGES:
		e->nr_pages = value;
		e->has_nr_pages = true;
		return true;
	}
	return false;
}

static struct cr_error *take_blocks(struct cr_pagemap_entry *e,
				    struct cr_source *src,
				    const struct cr_record *rec)
{
	if (e->blocks)
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %llu: blocks for a second time",
				    (unsigned long long)rec->off);
	e->blocks = src->p;
	e->blocks_size = (size_t)rec->value;
	return cr_record_skip(src, rec);
}

struct cr_error *cr_pagemap_entry_read(struct cr_pagemap_entry *entry,
				       const void *data, size_t size,
				       uint64_t off)
{
	struct cr_pagemap_entry e = { .data = data, .size = size };
	struct cr_source src;
	source_of(&src, data, size, off);
	while (cr_source_left(&src)) {
		struct cr_record rec;
		struct cr_error *err =
			cr_record_read(&src, off + size, &rec);
		if (!err && rec.number == BLOCKS && rec.wire == CR_WIRE_BYTES)
			err = take_blocks(&e, &src, &rec);
		else if (!err && (rec.wire != CR_WIRE_VARINT ||
				  !take(&e, rec.number, rec.value))) {
			e.has_extra = true;
			err = cr_record_skip(&src, &rec);
		}
		if (err)
			return err;
	}
	if (!e.nr_pages)
		e.nr_pages = e.compat_nr_pages;
	if (!e.has_flags)
		e.flags = e.in_parent ? CR_RANGE_PARENT : CR_RANGE_PRESENT;
	*entry = e;
	return NULL;
}

bool cr_pagemap_entry_joins(const struct cr_pagemap_entry *a,
			    const struct cr_pagemap_entry *b)
{
	return !a->has_extra && !b->has_extra &&
	       a->has_nr_pages == b->has_nr_pages &&
	       !a->compat_nr_pages == !b->compat_nr_pages &&
	       a->has_flags == b->has_flags &&
	       (a->flags & ~KNOWN_FLAGS) == (b->flags & ~KNOWN_FLAGS);
}

/* Readers of old and new forms both find the count. */
static bool has_compat_count(const struct cr_pagemap_entry *like)
{
	return !like->has_nr_pages || like->compat_nr_pages;
}

bool cr_pagemap_entry_holds(const struct cr_pagemap_entry *like,
			    uint64_t nr_pages)
{
	return nr_pages <= UINT32_MAX || !has_compat_count(like);
}

/* ---- writing ---- */

static struct cr_error *put_varint(struct cr_out *out, uint64_t value)
{
	struct cr_error *err = cr_out_room(out, CR_VARINT_MAX);
	if (!err)
		out->cur = (char *)cr_varint_put((uint8_t *)out->cur, value);
	return err;
}

static struct cr_error *put_num(struct cr_out *out, uint32_t number,
				uint64_t value)
{
	struct cr_error *err =
		put_varint(out, cr_wire_tag(number, CR_WIRE_VARINT));
	return err ? err : put_varint(out, value);
}

static struct cr_error *put_bytes(struct cr_out *out, uint32_t number,
				  const void *data, size_t size)
{
	struct cr_error *err =
		put_varint(out, cr_wire_tag(number, CR_WIRE_BYTES));
	if (!err)
		err = put_varint(out, size);
	return err ? err : cr_out_put(out, data, size);
}

/* Copies the records of a message that a table does not name. */
static struct cr_error *put_others(struct cr_out *out, const uint8_t *data,
				   size_t size,
				   bool (*known)(const struct cr_record *rec))
{
	struct cr_source src;
	struct cr_error *err = NULL;
	source_of(&src, data, size, 0);
	while (!err && cr_source_left(&src)) {
		struct cr_record rec;
		const uint8_t *start = src.p;
		err = cr_record_read(&src, size, &rec);
		if (!err)
			err = cr_record_skip(&src, &rec);
		if (!err && !known(&rec))
			err = cr_out_put(out, start, (size_t)(src.p - start));
	}
	return err;
}

static bool is_entry_field(const struct cr_record *rec)
{
	return rec->number == BLOCKS ? rec->wire == CR_WIRE_BYTES :
				       rec->number < BLOCKS &&
					       rec->wire == CR_WIRE_VARINT;
}

static bool is_blocks_field(const struct cr_record *rec)
{
	if (rec->number == SIZES)
		return rec->wire == CR_WIRE_BYTES ||
		       rec->wire == CR_WIRE_VARINT;
	return rec->number <= PER_BLOCK && rec->wire == CR_WIRE_VARINT;
}

static struct cr_error *put_blocks(struct cr_out *out,
				   const struct cr_pagemap_entry *like,
				   const struct cr_pagemap_sizes *b)
{
	struct cr_out body;
	struct cr_error *err = cr_out_init_mem(&body);
	if (!err)
		err = put_bytes(&body, SIZES, b->data, b->size);
	if (!err)
		err = put_num(&body, TOTAL, b->payload_size);
	if (!err)
		err = put_num(&body, PER_BLOCK, b->pages_per_block);
	if (!err && like->blocks)
		err = put_others(&body, like->blocks, like->blocks_size,
				 is_blocks_field);
	if (!err)
		err = put_bytes(out, BLOCKS, body.buf, cr_out_buffered(&body));
	cr_out_deinit(&body);
	return err;
}

/* in_parent alone says no more than whether pages are in the parent or here. */
static struct cr_error *put_flags(struct cr_out *out,
				  const struct cr_pagemap_entry *like,
				  uint32_t flags)
{
	bool in_parent = flags & CR_RANGE_PARENT;
	bool old = !like->has_flags &&
		   (flags == CR_RANGE_PARENT || flags == CR_RANGE_PRESENT);
	struct cr_error *err = NULL;
	if (old ? in_parent : like->has_in_parent)
		err = put_num(out, IN_PARENT, in_parent);
	else if (old && like->has_in_parent && !like->in_parent)
		err = put_num(out, IN_PARENT, 0);
	if (!err && !old)
		err = put_num(out, FLAGS,
			      (like->flags & ~KNOWN_FLAGS) | flags);
	return err;
}

static struct cr_error *put_message(struct cr_out *out,
				    const struct cr_pagemap_entry *like,
				    uint64_t vaddr, uint64_t nr_pages,
				    uint32_t flags,
				    const struct cr_pagemap_sizes *blocks)
{
	struct cr_error *err = put_num(out, VADDR, vaddr);
	if (!err)
		err = put_num(out, COMPAT,
			      has_compat_count(like) ? nr_pages : 0);
	if (!err)
		err = put_flags(out, like, flags);
	if (!err && like->has_nr_pages)
		err = put_num(out, NR_PAGES, nr_pages);
	if (!err && blocks)
		err = put_blocks(out, like, blocks);
	if (!err && like->has_extra)
		err = put_others(out, like->data, like->size, is_entry_field);
	return err;
}

struct cr_error *cr_pagemap_entry_put(struct cr_out *out,
				      const struct cr_pagemap_entry *like,
				      uint64_t vaddr, uint64_t nr_pages,
				      uint32_t flags,
				      const struct cr_pagemap_sizes *blocks)
{
	uint32_t size = 0;
	uint64_t start = cr_out_tell(out);
	struct cr_error *err = cr_out_put(out, &size, sizeof(size));
	if (!err)
		err = put_message(out, like, vaddr, nr_pages, flags, blocks);
	if (err)
		return err;
	size = htole32((uint32_t)(cr_out_tell(out) - start - sizeof(size)));
	err = cr_out_patch(out, start, &size, sizeof(size));
	return err ? err : cr_out_drain(out);
}

/* ---- all of them ---- */

/* The message at the source's place; *nr counts those that hold pages. */
static struct cr_error *walk_message(struct cr_source *src, uint64_t i,
				     uint32_t size,
				     const struct cr_image_header *header,
				     const struct cr_pagemap *map,
				     const struct cr_pagemap_walk *walk,
				     size_t *nr)
{
	cr_auto_free uint8_t *copy = NULL;
	const uint8_t *data;
	struct cr_pagemap_entry e;
	struct cr_error *err =
		cr_source_bytes(src, size, "the message", &copy, &data);
	if (err)
		return err;
	if (!i)
		return walk->head(walk->arg, header, data, size);
	err = cr_pagemap_entry_read(&e, data, size, cr_source_tell(src) - size);
	if (err)
		return err;
	if (!e.nr_pages)
		return walk->entry(walk->arg, &e, NULL);
	if (*nr >= map->nr || map->range[*nr].start != e.vaddr)
		return cr_error_new(CR_ERR_FORMAT,
				    "has changed while it was read");
	return walk->entry(walk->arg, &e, &map->range[(*nr)++]);
}

static struct cr_error *walk_image(struct cr_source *src, const char *name,
				   const struct cr_pagemap *map,
				   const struct cr_pagemap_walk *walk)
{
	struct cr_image_header header;
	size_t nr = 0;
	struct cr_error *err = cr_image_read_header(src, name, &header);
	for (uint64_t i = 0; !err; i++) {
		uint32_t size;
		bool end = false;
		err = cr_image_next(src, &size, &end);
		if (end)
			return NULL;
		if (!err)
			err = walk_message(src, i, size, &header, map, walk,
					   &nr);
		if (err)
			return cr_error_at(err, "entry %llu",
					   (unsigned long long)i);
	}
	return err;
}

struct cr_error *cr_pagemap_walk(struct cr_store *store, const char *name,
				 const struct cr_pagemap *map,
				 const struct cr_pagemap_walk *walk)
{
	struct cr_file file;
	struct cr_file_cursor cursor;
	struct cr_source src = { 0 };
	struct cr_error *err = cr_store_open_file(store, name, &file);
	if (err)
		return err;
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = walk_image(&src, name, map, walk);
	cr_source_deinit(&src);
	cr_file_close(&file);
	return err ? cr_error_at(err, "%s", name) : NULL;
}
