// SPDX-License-Identifier: MIT
#include "lib/pages/pagemap.h"

#include <stdio.h>
#include <stdlib.h>

#include "images/pagemap.pb-c.h"

#include "lib/base/cleanup.h"
#include "lib/codec/record.h"
#include "lib/image/image.h"
#include "lib/pages/entry.h"

typedef unsigned long long ull;

/* An entry, and what its blocks say. */
struct entry {
	struct cr_pagemap_entry raw;
	uint64_t payload_size, pages_per_block;
	size_t first_block; /* in map->block_off: sizes until place_blocks() */
	size_t nr_blocks;
};

/* A pagemap being read. */
struct loader {
	struct cr_pagemap *map;
	size_t cap, blocks_cap, offs_cap;
	uint64_t end;	     /* of the range before */
	uint64_t off;	     /* in the pages image */
	uint64_t pages_size; /* of the pages image */
	bool has_pages;
	char pages_name[32];
};

static struct cr_error *grow(void *list, size_t nr, size_t *cap, size_t size)
{
	void **p = list;
	size_t more = *cap ? 2 * *cap : 64, bytes;
	if (nr < *cap)
		return NULL;
	if (__builtin_mul_overflow(more, size, &bytes))
		return cr_enomem;
	void *grown = realloc(*p, bytes);
	if (!grown)
		return cr_enomem;
	*p = grown;
	*cap = more;
	return NULL;
}

static struct cr_error *add_block_off(struct loader *l, uint64_t value)
{
	struct cr_pagemap *map = l->map;
	struct cr_error *err = grow(&map->block_off, map->nr_block_offs,
				    &l->offs_cap, sizeof(map->block_off[0]));
	if (!err)
		map->block_off[map->nr_block_offs++] = value;
	return err;
}

static void source_of(struct cr_source *src, const uint8_t *data, size_t size,
		      uint64_t end_off)
{
	cr_source_init_mem(src, data, size);
	src->end_off = end_off;
}

/* A packed list: varints, one after the other. */
static struct cr_error *read_block_sizes(struct loader *l,
					 struct cr_source *src, uint64_t size)
{
	const uint8_t *end = src->p + size;
	while (src->p < end) {
		uint64_t v = 0;
		unsigned shift = 0;
		bool more = true;
		while (more && src->p < end && shift < 64) {
			v |= (uint64_t)(*src->p & 0x7f) << shift;
			more = *src->p++ & 0x80;
			shift += 7;
		}
		if (more)
			return cr_error_new(CR_ERR_FORMAT,
					    "byte %llu: a block's size is cut "
					    "off",
					    (ull)cr_source_tell(src));
		struct cr_error *err = add_block_off(l, v);
		if (err)
			return err;
	}
	return NULL;
}

/* pagemap_blocks, from where the source stands to its end. */
static struct cr_error *read_blocks(struct loader *l, struct cr_source *src,
				    struct entry *e)
{
	uint64_t end = src->end_off;
	struct cr_error *err = NULL;
	while (!err && cr_source_left(src)) {
		struct cr_record rec;
		err = cr_record_read(src, end, &rec);
		if (err)
			return err;
		bool packed = rec.wire == CR_WIRE_BYTES;
		bool plain = rec.wire == CR_WIRE_VARINT;
		if (rec.number == 1 && packed)
			err = read_block_sizes(l, src, rec.value);
		else if (rec.number == 1 && plain)
			err = add_block_off(l, rec.value);
		else
			err = cr_record_skip(src, &rec);
		if (rec.number == 2 && plain)
			e->payload_size = rec.value;
		if (rec.number == 3 && plain)
			e->pages_per_block = rec.value;
	}
	e->nr_blocks = l->map->nr_block_offs - e->first_block;
	return err;
}

static struct cr_error *check_place(const struct loader *l,
				    const struct entry *e, uint64_t *end_ret)
{
	uint32_t page_size = l->map->page_size;
	uint64_t size;
	if (!e->raw.has_vaddr)
		return cr_error_new(CR_ERR_FORMAT, "there is no address");
	if (e->raw.vaddr % page_size)
		return cr_error_new(CR_ERR_FORMAT,
				    "0x%llx is not on a border of pages of %u "
				    "bytes",
				    (ull)e->raw.vaddr, page_size);
	if (__builtin_mul_overflow(e->raw.nr_pages, page_size, &size) ||
	    __builtin_add_overflow(e->raw.vaddr, size, end_ret))
		return cr_error_new(CR_ERR_FORMAT,
				    "0x%llx and %llu pages are more than there "
				    "are addresses",
				    (ull)e->raw.vaddr, (ull)e->raw.nr_pages);
	if (l->map->nr && e->raw.vaddr < l->end)
		return cr_error_new(CR_ERR_FORMAT,
				    "0x%llx comes before 0x%llx, where the "
				    "pages before it end",
				    (ull)e->raw.vaddr, (ull)l->end);
	return NULL;
}

/* Sizes to places, which are put where the sizes stood. */
static struct cr_error *place_blocks(struct loader *l, const struct entry *e,
				     uint64_t start)
{
	struct cr_pagemap *map = l->map;
	uint64_t *off = map->block_off + e->first_block, sum = 0;
	for (size_t i = 0; i < e->nr_blocks; i++) {
		uint64_t size = off[i];
		uint64_t left = e->raw.nr_pages - i * e->pages_per_block;
		uint64_t pages =
			left < e->pages_per_block ? left : e->pages_per_block;
		if (size > pages * map->page_size)
			return cr_error_new(CR_ERR_FORMAT,
					    "block %zu: %llu bytes for %llu "
					    "pages",
					    i, (ull)size, (ull)pages);
		off[i] = start + sum;
		sum += size;
	}
	if (sum != e->payload_size)
		return cr_error_new(CR_ERR_FORMAT,
				    "the blocks have %llu bytes, not %llu",
				    (ull)sum, (ull)e->payload_size);
	return add_block_off(l, start + sum);
}

static struct cr_error *add_blocks(struct loader *l, const struct entry *e,
				   uint64_t start)
{
	struct cr_pagemap *map = l->map;
	uint64_t most = CR_BLOCK_MAX / map->page_size;
	if (!e->pages_per_block || e->pages_per_block > most)
		return cr_error_new(CR_ERR_FORMAT,
				    "blocks of %llu pages (1 to %llu are "
				    "possible)",
				    (ull)e->pages_per_block, (ull)most);
	uint64_t nr = (e->raw.nr_pages - 1) / e->pages_per_block + 1;
	if (nr != e->nr_blocks)
		return cr_error_new(CR_ERR_FORMAT,
				    "%zu blocks for %llu pages in blocks of "
				    "%llu",
				    e->nr_blocks, (ull)e->raw.nr_pages,
				    (ull)e->pages_per_block);
	struct cr_error *err = grow(&map->blocks, map->nr_blocks,
				    &l->blocks_cap, sizeof(map->blocks[0]));
	if (err)
		return err;
	map->blocks[map->nr_blocks++] = (struct cr_range_blocks){
		.range = map->nr,
		.first = e->first_block,
		.pages_per_block = (uint32_t)e->pages_per_block,
	};
	return place_blocks(l, e, start);
}

/* Where the range's data is in the pages image, which must have it all. */
static struct cr_error *place_data(struct loader *l, const struct entry *e,
				   struct cr_range *range)
{
	uint32_t page_size = l->map->page_size;
	uint64_t start = l->off, size, end;
	struct cr_error *err = NULL;
	if (e->raw.flags & CR_RANGE_ALIGNED)
		start = (start + page_size - 1) / page_size * page_size;
	if (e->raw.blocks) {
		err = add_blocks(l, e, start);
		range->flags |= CR_RANGE_BLOCKS;
		size = e->payload_size;
	} else {
		size = e->raw.nr_pages * page_size;
	}
	if (err)
		return err;
	if (!l->has_pages)
		return cr_error_new(CR_ERR_FORMAT,
				    "its pages are in %s, which is not there",
				    l->pages_name);
	if (__builtin_add_overflow(start, size, &end) || end > l->pages_size)
		return cr_error_new(CR_ERR_FORMAT,
				    "its %llu bytes at %llu of %s are more "
				    "than are there (%llu bytes)",
				    (ull)size, (ull)start, l->pages_name,
				    (ull)l->pages_size);
	range->off = start;
	l->off = end;
	return NULL;
}

static struct cr_error *add_entry(struct loader *l, struct entry *e)
{
	struct cr_pagemap *map = l->map;
	uint64_t end;
	struct cr_error *err = check_place(l, e, &end);
	if (err || !e->raw.nr_pages)
		return err;
	err = grow(&map->range, map->nr, &l->cap, sizeof(map->range[0]));
	if (err)
		return err;
	struct cr_range range = {
		.start = e->raw.vaddr,
		.nr_pages = e->raw.nr_pages,
		.flags = e->raw.flags & (CR_RANGE_PARENT | CR_RANGE_LAZY |
				     CR_RANGE_PRESENT | CR_RANGE_ALIGNED),
	};
	if (e->raw.flags & CR_RANGE_PRESENT)
		err = place_data(l, e, &range);
	if (err)
		return err;
	map->range[map->nr++] = range;
	l->end = end;
	return NULL;
}

static struct cr_error *read_id(struct cr_source *src, uint32_t *ret)
{
	bool has_id = false;
	while (cr_source_left(src)) {
		struct cr_record rec;
		struct cr_error *err = cr_record_read(src, src->end_off, &rec);
		if (!err)
			err = cr_record_skip(src, &rec);
		if (err)
			return err;
		if (rec.number != 1 || rec.wire != CR_WIRE_VARINT)
			continue;
		*ret = (uint32_t)rec.value;
		has_id = true;
	}
	return has_id ? NULL :
			cr_error_new(CR_ERR_FORMAT, "there is no pages_id");
}

static struct cr_error *read_head(struct loader *l, struct cr_store *store,
				  struct cr_source *src)
{
	struct cr_file pages;
	struct cr_error *err = read_id(src, &l->map->pages_id);
	if (err)
		return err;
	snprintf(l->pages_name, sizeof(l->pages_name), "pages-%u.img",
		 (unsigned)l->map->pages_id);
	err = cr_store_open_file(store, l->pages_name, &pages);
	if (!err) {
		l->has_pages = true;
		l->pages_size = pages.size;
		cr_file_close(&pages);
	}
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

/* The message of `size` bytes at the source's place. */
static struct cr_error *load_message(struct loader *l, struct cr_store *store,
				     struct cr_source *src, uint64_t i,
				     uint32_t size)
{
	cr_auto_free uint8_t *copy = NULL;
	const uint8_t *data;
	struct cr_source piece;
	struct cr_error *err =
		cr_source_bytes(src, size, "the message", &copy, &data);
	if (err)
		return err;
	source_of(&piece, data, size, cr_source_tell(src));
	if (i == 0)
		return read_head(l, store, &piece);
	struct entry e = { .first_block = l->map->nr_block_offs };
	uint64_t off = piece.end_off - size;
	err = cr_pagemap_entry_read(&e.raw, data, size, off);
	if (!err && e.raw.blocks) {
		source_of(&piece, e.raw.blocks, e.raw.blocks_size,
			  off + (uint64_t)(e.raw.blocks - data) +
				  e.raw.blocks_size);
		err = read_blocks(l, &piece, &e);
	}
	return err ? err : add_entry(l, &e);
}

static struct cr_error *load(struct loader *l, struct cr_store *store,
			     const char *name, struct cr_source *src)
{
	struct cr_image_header header;
	struct cr_error *err = cr_image_read_header(src, name, &header);
	if (err)
		return err;
	if (header.type->head != &pagemap_head__descriptor)
		return cr_error_new(CR_ERR_FORMAT, "holds %s, not %s",
				    header.type->entry->name,
				    pagemap_entry__descriptor.name);
	for (uint64_t i = 0;; i++) {
		uint32_t size;
		bool end = false;
		err = cr_image_next(src, &size, &end);
		if (end && i)
			return NULL;
		if (end)
			return cr_error_new(CR_ERR_FORMAT, "is empty");
		if (!err)
			err = load_message(l, store, src, i, size);
		if (err)
			return cr_error_at(err, "entry %llu", (ull)i);
	}
}

struct cr_error *cr_pagemap_init(struct cr_pagemap *map, struct cr_store *store,
				 const char *name, uint32_t page_size)
{
	struct cr_file file;
	struct cr_file_cursor cursor;
	struct cr_source src = { 0 };
	*map = (struct cr_pagemap){ .page_size = page_size };
	struct loader l = { .map = map };
	struct cr_error *err = cr_store_open_file(store, name, &file);
	if (err)
		return err;
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = load(&l, store, name, &src);
	cr_source_deinit(&src);
	cr_file_close(&file);
	if (err) {
		cr_pagemap_deinit(map);
		return cr_error_at(err, "%s", name);
	}
	return NULL;
}

static struct cr_error *load_id(const char *name, struct cr_source *src,
				uint32_t *ret)
{
	struct cr_image_header header;
	uint32_t size;
	bool end = false;
	cr_auto_free uint8_t *copy = NULL;
	const uint8_t *data;
	struct cr_source piece;
	struct cr_error *err = cr_image_read_header(src, name, &header);
	if (!err)
		err = cr_image_next(src, &size, &end);
	if (!err && end)
		err = cr_error_new(CR_ERR_FORMAT, "is empty");
	if (!err)
		err = cr_source_bytes(src, size, "the message", &copy, &data);
	if (err)
		return err;
	source_of(&piece, data, size, cr_source_tell(src));
	err = read_id(&piece, ret);
	return err ? cr_error_at(err, "entry 0") : NULL;
}

struct cr_error *cr_pagemap_read_id(struct cr_store *store, const char *name,
				    uint32_t *ret)
{
	struct cr_file file;
	struct cr_file_cursor cursor;
	struct cr_source src = { 0 };
	struct cr_error *err = cr_store_open_file(store, name, &file);
	if (err)
		return err;
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = load_id(name, &src, ret);
	cr_source_deinit(&src);
	cr_file_close(&file);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

uint64_t cr_pagemap_stored(const struct cr_pagemap *map, size_t i)
{
	const struct cr_range *r = &map->range[i];
	if (!(r->flags & CR_RANGE_PRESENT))
		return 0;
	if (!(r->flags & CR_RANGE_BLOCKS))
		return r->nr_pages * map->page_size;
	struct cr_block last;
	cr_pagemap_block(map, i, cr_range_end(map, r) - 1, &last);
	return last.off + last.size - r->off;
}

void cr_pagemap_deinit(struct cr_pagemap *map)
{
	free(map->range);
	free(map->blocks);
	free(map->block_off);
	*map = (struct cr_pagemap){ 0 };
}

size_t cr_pagemap_find(const struct cr_pagemap *map, uint64_t vaddr)
{
	size_t low = 0, high = map->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (cr_range_end(map, &map->range[mid]) > vaddr)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

void cr_pagemap_block(const struct cr_pagemap *map, size_t range,
		      uint64_t vaddr, struct cr_block *ret)
{
	const struct cr_range *r = &map->range[range];
	size_t low = 0, high = map->nr_blocks - 1;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (map->blocks[mid].range >= range)
			high = mid;
		else
			low = mid + 1;
	}
	const struct cr_range_blocks *b = &map->blocks[low];
	uint64_t page = (vaddr - r->start) / map->page_size;
	uint64_t nr = page / b->pages_per_block;
	uint64_t first = nr * b->pages_per_block, left = r->nr_pages - first;
	const uint64_t *off = map->block_off + b->first + nr;
	uint64_t pages = left < b->pages_per_block ? left : b->pages_per_block;
	*ret = (struct cr_block){
		.start = r->start + first * map->page_size,
		.off = off[0],
		.size = (uint32_t)(off[1] - off[0]),
		.plain_size = (uint32_t)(pages * map->page_size),
		.nr = nr,
	};
}
