// SPDX-License-Identifier: MIT
/*
 * A pagemap image as checked, sorted ranges: which pages of a process or of a
 * shared memory object were saved, and where in the pages image they stand.
 *
 * Read in one pass, entry by entry; what stays is 24 bytes for each entry, and
 * 8 for each compressed block. Old and new forms of an entry come out the same:
 * a count in 32 bits or in 64, flags or in_parent. In the pagemap of a shared
 * memory object, addresses are offsets in the object.
 *
 * Holes punched into a pages image (auto-dedup) read as zeros here: whoever took
 * those pages has them, and asks for them first.
 *
 * Facts: CRIU criu/pagemap.c and criu/include/pagemap.h, v4.2; the blocks as in
 * v4.3.
 */
#ifndef CR_LIB_PAGES_PAGEMAP_H
#define CR_LIB_PAGES_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/store/store.h"

enum cr_range_flags {
	CR_RANGE_PARENT = 1,  /* in the checkpoint before this one */
	CR_RANGE_LAZY = 2,    /* may be, or was left to be, sent later */
	CR_RANGE_PRESENT = 4, /* in the pages image */
	CR_RANGE_ALIGNED = 8, /* from the next page border there */
	CR_RANGE_BLOCKS = 64, /* ours: in compressed blocks */
};

/* Pages that follow each other and have the same story. */
struct cr_range {
	uint64_t start;
	uint64_t off; /* in the pages image; of PRESENT ones */
	uint64_t nr_pages : 56;
	uint64_t flags : 8; /* enum cr_range_flags */
};

/* Blocks are at most this large before compression. */
#define CR_BLOCK_MAX (4u * 1024 * 1024)

/* A block's place; data and plain size are equal if it is not compressed, and
 * an all-zero one has no data. */
struct cr_block {
	uint64_t start; /* address */
	uint64_t off;	/* in the pages image */
	uint32_t size;	/* there */
	uint32_t plain_size;
	uint64_t nr; /* in its range, from 0 */
};

/* The blocks of one range; their places are off[first .. first + nr]. */
struct cr_range_blocks {
	size_t range;
	size_t first;
	uint32_t pages_per_block;
};

struct cr_pagemap {
	uint32_t pages_id; /* N of pages-N.img */
	uint32_t page_size;
	struct cr_range *range;
	size_t nr;
	struct cr_range_blocks *blocks;
	size_t nr_blocks;
	uint64_t *block_off;
	size_t nr_block_offs;
};

/**
 * Loads the image `name` and checks it against its pages image. NOT_FOUND if
 * there is no such file. FORMAT names the image and the entry: out of order,
 * overlapping, not on a page border, beyond the address space or the pages
 * image, or blocks that contradict themselves. Free with cr_pagemap_deinit().
 */
struct cr_error *cr_pagemap_init(struct cr_pagemap *map, struct cr_store *store,
				 const char *name, uint32_t page_size)
	CR_MUST_CHECK;

/** No more of an image than the N of its pages-N.img. Errors as above. */
struct cr_error *cr_pagemap_read_id(struct cr_store *store, const char *name,
				    uint32_t *ret) CR_MUST_CHECK;

/** Accepts a zeroed pagemap. */
void cr_pagemap_deinit(struct cr_pagemap *map);

static inline uint64_t cr_range_end(const struct cr_pagemap *map,
				    const struct cr_range *range)
{
	return range->start + range->nr_pages * map->page_size;
}

/** The index of the first range that ends after vaddr; map->nr if none does. */
size_t cr_pagemap_find(const struct cr_pagemap *map, uint64_t vaddr);

/** Bytes that a range has in the pages image, from its off on. */
uint64_t cr_pagemap_stored(const struct cr_pagemap *map, size_t range);

/** The block of a BLOCKS range that holds vaddr, which is in the range. */
void cr_pagemap_block(const struct cr_pagemap *map, size_t range,
		      uint64_t vaddr, struct cr_block *ret);

#endif
