// SPDX-License-Identifier: MIT
#include "lib/pages/writer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/codec/wire.h"
#include "lib/pages/lz4.h"

#define PIECE (128 * 1024)

/* ---- the pages image ---- */

static struct cr_error *flush_copy(struct cr_pages_writer *w)
{
	uint64_t size = w->copy_size;
	w->copy_size = 0;
	return size ? cr_out_copy(w->data, w->copy_fd, w->copy_off, size) :
		      NULL;
}

static uint64_t data_off(const struct cr_pages_writer *w)
{
	return cr_out_tell(w->data) + w->copy_size;
}

static struct cr_error *align(struct cr_pages_writer *w)
{
	uint64_t over = data_off(w) % w->page_size;
	if (!over)
		return NULL;
	size_t size = w->page_size - (size_t)over;
	struct cr_error *err = flush_copy(w);
	if (!err)
		err = cr_out_room(w->data, size);
	if (err)
		return err;
	memset(w->data->cur, 0, size);
	w->data->cur += size;
	return NULL;
}

/* Parts that follow each other in the file are copied as one. */
static struct cr_error *store_copy(struct cr_pages_writer *w,
				   struct cr_file *file, uint64_t off,
				   uint64_t size)
{
	if (w->copy_size && w->copy_fd == file->fd &&
	    w->copy_off + w->copy_size == off) {
		w->copy_size += size;
		return NULL;
	}
	struct cr_error *err = flush_copy(w);
	if (err)
		return err;
	if (file->fd >= 0) {
		w->copy_fd = file->fd;
		w->copy_off = off;
		w->copy_size = size;
		return NULL;
	}
	while (!err && size) {
		size_t n = size < PIECE ? (size_t)size : PIECE;
		err = cr_out_room(w->data, n);
		if (!err)
			err = cr_file_read(file, w->data->cur, n, off);
		if (err)
			return err;
		w->data->cur += n;
		off += n;
		size -= n;
		err = cr_out_drain(w->data);
	}
	return err;
}

/* ---- the entry that is open ---- */

/* Where the first bytes stored of an entry go. */
static struct cr_error *start_payload(struct cr_pages_writer *w, bool plain)
{
	if (w->has_payload)
		return NULL;
	w->has_payload = true;
	if (plain && w->block_size)
		w->flags |= CR_RANGE_ALIGNED;
	return w->flags & CR_RANGE_ALIGNED ? align(w) : NULL;
}

/* What a block that has been stored, or is all zero, adds to the entry. */
static struct cr_error *count_block(struct cr_pages_writer *w, size_t size,
				    size_t plain_size)
{
	struct cr_error *err = cr_out_room(&w->sizes, CR_VARINT_MAX);
	if (err)
		return err;
	w->sizes.cur = (char *)cr_varint_put((uint8_t *)w->sizes.cur, size);
	w->payload_size += size;
	w->packed |= size != plain_size;
	return NULL;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return !data[0] && !data[size - 1] && !memcmp(data, data + 1, size - 1);
}

/* The size a block is worth packing to: CRIU stores it plain from there on. */
static size_t pack_limit(size_t plain_size)
{
	return plain_size / 8 * 7;
}

static struct cr_error *store_bytes(struct cr_pages_writer *w,
				    const uint8_t *data, size_t size,
				    size_t plain_size)
{
	struct cr_error *err = flush_copy(w);
	if (!err)
		err = start_payload(w, size == plain_size);
	if (!err)
		err = cr_out_put(w->data, data, size);
	if (!err)
		err = cr_out_drain(w->data);
	return err ? err : count_block(w, size, plain_size);
}

static struct cr_error *store_block(struct cr_pages_writer *w,
				    const uint8_t *data, size_t size,
				    uint64_t vaddr)
{
	uint8_t *packed = w->block + w->block_size;
	size_t n = 0;
	if (is_zero(data, size))
		return count_block(w, 0, size);
	if (!w->keeps_plain || !w->keeps_plain(w->keeps_plain_arg, vaddr, size))
		n = cr_lz4_pack(data, size, packed, pack_limit(size) - 1,
				w->acceleration);
	return n ? store_bytes(w, packed, n, size) :
		   store_bytes(w, data, size, size);
}

/* The gathered block, full or the entry's last. */
static struct cr_error *end_block(struct cr_pages_writer *w)
{
	size_t size = w->block_fill;
	w->block_fill = 0;
	if (!size)
		return NULL;
	return store_block(w, w->block, size, w->vaddr + w->filled - size);
}

static struct cr_error *end_entry(struct cr_pages_writer *w)
{
	if (!w->open)
		return NULL;
	struct cr_error *err = end_block(w);
	if (err)
		return err;
	if (w->flags & CR_RANGE_PRESENT &&
	    w->filled != w->nr_pages * w->page_size)
		return cr_error_new(CR_ERR_INTERNAL,
				    "%llu bytes for %llu pages",
				    (unsigned long long)w->filled,
				    (unsigned long long)w->nr_pages);
	struct cr_pagemap_sizes blocks = {
		.data = (uint8_t *)w->sizes.buf,
		.size = cr_out_buffered(&w->sizes),
		.payload_size = w->payload_size,
		.pages_per_block = w->block_size / w->page_size,
	};
	/* Nothing is at the border if nothing is stored. */
	if (!w->has_payload)
		w->flags &= ~(uint32_t)CR_RANGE_ALIGNED;
	w->open = false;
	return cr_pagemap_entry_put(w->map, &w->like, w->vaddr, w->nr_pages,
				    w->flags, w->packed ? &blocks : NULL);
}

/* The entry is kept: its bytes are gone before it is written. */
static struct cr_error *keep_like(struct cr_pages_writer *w,
				  const struct cr_pagemap_entry *like)
{
	w->like_data.cur = w->like_data.buf;
	struct cr_error *err =
		cr_out_put(&w->like_data, like->data, like->size);
	if (err)
		return err;
	w->like = *like;
	w->like.data = (uint8_t *)w->like_data.buf;
	if (like->blocks)
		w->like.blocks = w->like.data + (like->blocks - like->data);
	return NULL;
}

static bool joins(const struct cr_pages_writer *w,
		  const struct cr_pagemap_entry *like, uint64_t vaddr,
		  uint64_t nr_pages, uint32_t flags)
{
	/* Whether it is aligned may have come of what it holds. */
	uint32_t differ = (flags ^ w->flags) & ~(uint32_t)CR_RANGE_ALIGNED;
	uint64_t end = w->vaddr + w->nr_pages * w->page_size;
	return w->join && w->open && vaddr == end && !differ &&
	       cr_pagemap_entry_joins(&w->like, like) &&
	       cr_pagemap_entry_holds(like, w->nr_pages + nr_pages);
}

struct cr_error *cr_pages_writer_entry(struct cr_pages_writer *w,
				       const struct cr_pagemap_entry *like,
				       uint64_t vaddr, uint64_t nr_pages,
				       uint32_t flags)
{
	if (joins(w, like, vaddr, nr_pages, flags)) {
		w->nr_pages += nr_pages;
		return NULL;
	}
	if (!cr_pagemap_entry_holds(like, nr_pages))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%llu pages are more than this old form of "
				    "entry counts",
				    (unsigned long long)nr_pages);
	struct cr_error *err = end_entry(w);
	if (!err)
		err = keep_like(w, like);
	if (err)
		return err;
	w->open = true;
	w->vaddr = vaddr;
	w->nr_pages = nr_pages;
	w->flags = flags;
	w->filled = w->payload_size = 0;
	w->has_payload = w->packed = false;
	w->sizes.cur = w->sizes.buf;
	return NULL;
}

struct cr_error *cr_pages_writer_keep(struct cr_pages_writer *w,
				      const struct cr_pagemap_entry *entry,
				      struct cr_file *file, uint64_t off,
				      uint64_t size)
{
	uint32_t word = htole32((uint32_t)entry->size);
	struct cr_error *err = end_entry(w);
	if (!err)
		err = cr_out_put(w->map, &word, sizeof(word));
	if (!err)
		err = cr_out_put(w->map, entry->data, entry->size);
	if (!err)
		err = cr_out_drain(w->map);
	if (!err && entry->flags & CR_RANGE_PRESENT &&
	    entry->flags & CR_RANGE_ALIGNED)
		err = align(w);
	return err || !size ? err : store_copy(w, file, off, size);
}

/* ---- its bytes ---- */

/* Plain pages, as they come. */
static struct cr_error *put_plain(struct cr_pages_writer *w, const void *data,
				  size_t size)
{
	struct cr_error *err = flush_copy(w);
	if (!err)
		err = start_payload(w, true);
	if (!err)
		err = cr_out_put(w->data, data, size);
	w->filled += size;
	return err ? err : cr_out_drain(w->data);
}

static struct cr_error *need_block(struct cr_pages_writer *w)
{
	if (!w->block)
		w->block = malloc(2 * (size_t)w->block_size);
	return w->block ? NULL : cr_enomem;
}

/* Bytes of the block that is being gathered have come. */
static struct cr_error *gathered(struct cr_pages_writer *w, size_t size)
{
	w->block_fill += size;
	w->filled += size;
	return w->block_fill == w->block_size ? end_block(w) : NULL;
}

static size_t block_room(const struct cr_pages_writer *w, uint64_t size)
{
	size_t room = w->block_size - w->block_fill;
	return size < room ? (size_t)size : room;
}

struct cr_error *cr_pages_writer_put(struct cr_pages_writer *w,
				     const void *data, size_t size)
{
	const uint8_t *p = data;
	if (!w->block_size)
		return put_plain(w, data, size);
	struct cr_error *err = need_block(w);
	while (!err && size) {
		size_t n = block_room(w, size);
		memcpy(w->block + w->block_fill, p, n);
		err = gathered(w, n);
		p += n;
		size -= n;
	}
	return err;
}

struct cr_error *cr_pages_writer_copy(struct cr_pages_writer *w,
				      struct cr_file *file, uint64_t off,
				      uint64_t size)
{
	if (!w->block_size) {
		struct cr_error *err = start_payload(w, true);
		w->filled += size;
		return err ? err : store_copy(w, file, off, size);
	}
	struct cr_error *err = need_block(w);
	while (!err && size) {
		size_t n = block_room(w, size);
		err = cr_file_read(file, w->block + w->block_fill, n, off);
		if (!err)
			err = gathered(w, n);
		off += n;
		size -= n;
	}
	return err;
}

/* A block whose form is that of the ones written here. */
static struct cr_error *take_block(struct cr_pages_writer *w,
				   struct cr_file *file,
				   const struct cr_block *b)
{
	struct cr_error *err = NULL;
	if (b->size) {
		err = start_payload(w, b->size == b->plain_size);
		if (!err)
			err = store_copy(w, file, b->off, b->size);
	}
	w->filled += b->plain_size;
	return err ? err : count_block(w, b->size, b->plain_size);
}

/* Expands blocks into the one that is being gathered. */
static struct cr_error *repack(struct cr_pages_writer *w,
			       struct cr_pages *pages,
			       const struct cr_run *run, uint64_t vaddr,
			       uint64_t size)
{
	struct cr_error *err = need_block(w);
	while (!err && size) {
		size_t n = block_room(w, size);
		err = cr_pages_fill(pages, run, vaddr,
				    w->block + w->block_fill, n);
		if (!err)
			err = gathered(w, n);
		vaddr += n;
		size -= n;
	}
	return err;
}

/* Expands a block to where it is written from. */
static struct cr_error *unpack(struct cr_pages_writer *w,
			       struct cr_pages *pages,
			       const struct cr_run *run, uint64_t vaddr,
			       size_t size)
{
	struct cr_error *err = flush_copy(w);
	if (!err)
		err = start_payload(w, true);
	if (!err)
		err = cr_out_room(w->data, size);
	if (!err)
		err = cr_pages_fill(pages, run, vaddr, w->data->cur, size);
	if (err)
		return err;
	w->data->cur += size;
	w->filled += size;
	return cr_out_drain(w->data);
}

/* Bytes of packed blocks: those that are wanted whole, and would be blocks here
 * as well, are not expanded. */
static struct cr_error *run_of_blocks(struct cr_pages_writer *w,
				      struct cr_pages *pages,
				      const struct cr_run *run,
				      struct cr_file *file, uint64_t vaddr,
				      uint64_t size)
{
	const struct cr_pagemap *map = &run->object->layer[run->layer].map;
	struct cr_error *err = NULL;
	while (!err && size) {
		struct cr_block b;
		uint64_t at = run->vaddr + (vaddr - run->start);
		cr_pagemap_block(map, run->range, at, &b);
		uint64_t n = b.start + b.plain_size - at;
		if (n > size)
			n = size;
		if (!w->block_fill && b.plain_size == w->block_size &&
		    n == b.plain_size)
			err = take_block(w, file, &b);
		else if (w->block_size)
			err = repack(w, pages, run, vaddr, n);
		else
			err = unpack(w, pages, run, vaddr, (size_t)n);
		vaddr += n;
		size -= n;
	}
	return err;
}

struct cr_error *cr_pages_writer_run(struct cr_pages_writer *w,
				     struct cr_pages *pages,
				     const struct cr_run *run, uint64_t vaddr,
				     uint64_t size)
{
	const struct cr_pagemap *map = &run->object->layer[run->layer].map;
	struct cr_chain *chain = &pages->memory->chain;
	struct cr_file *file;
	struct cr_error *err = NULL;
	/* The chain closes files as it opens others. */
	if (w->run_layer != run->layer || w->run_id != run->pages_id)
		err = flush_copy(w);
	if (!err)
		err = cr_chain_pages(chain, run->layer, run->pages_id, &file);
	if (err)
		return err;
	w->run_layer = run->layer;
	w->run_id = run->pages_id;
	if (map->range[run->range].flags & CR_RANGE_BLOCKS)
		return run_of_blocks(w, pages, run, file, vaddr, size);
	return cr_pages_writer_copy(w, file, run->off + (vaddr - run->start),
				    size);
}

/* ---- the whole ---- */

struct cr_error *cr_pages_writer_begin(struct cr_pages_writer *w,
				       const struct cr_image_header *header,
				       const void *head, size_t head_size)
{
	uint32_t word = htole32((uint32_t)head_size);
	struct cr_error *err = cr_out_init_mem(&w->like_data);
	if (!err)
		err = cr_out_init_mem(&w->sizes);
	if (!err)
		err = cr_image_write_header(w->map, header);
	if (!err)
		err = cr_out_put(w->map, &word, sizeof(word));
	return err ? err : cr_out_put(w->map, head, head_size);
}

void cr_pages_writer_deinit(struct cr_pages_writer *w)
{
	cr_out_deinit(&w->like_data);
	cr_out_deinit(&w->sizes);
	free(w->block);
	*w = (struct cr_pages_writer){ 0 };
}

struct cr_error *cr_pages_writer_end(struct cr_pages_writer *w)
{
	struct cr_error *err = end_entry(w);
	if (!err)
		err = flush_copy(w);
	if (!err)
		err = cr_out_flush(w->data);
	return err ? err : cr_out_flush(w->map);
}
