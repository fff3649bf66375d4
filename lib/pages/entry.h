// SPDX-License-Identifier: MIT
/*
 * One entry of a pagemap as it stands in the image, and as it is written again
 * with another place or other flags: in the form it had, so that whatever could
 * read the image before still can.
 *
 * Forms differ in where the count of pages is (in 32 bits before CRIU 4.2, then
 * in 64) and in what says that pages are in the parent (in_parent before 3.5,
 * then flags). Fields that are not known go along.
 *
 * Facts: CRIU images/pagemap.proto, v4.3, and criu/pagemap.c.
 */
#ifndef CR_LIB_PAGES_ENTRY_H
#define CR_LIB_PAGES_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/out.h"
#include "lib/image/image.h"
#include "lib/pages/pagemap.h"
#include "lib/store/store.h"

struct cr_pagemap_entry {
	const uint8_t *data; /* the message; stays the caller's */
	size_t size;
	uint64_t vaddr;
	uint64_t nr_pages; /* wherever it stood */
	uint32_t flags;	   /* enum cr_range_flags and what we do not know */
	bool has_vaddr, has_nr_pages, has_flags, has_in_parent;
	uint64_t compat_nr_pages; /* as it stood */
	uint64_t in_parent;
	bool has_extra; /* fields that are not known */

	/* pagemap_blocks, in data; NULL: none */
	const uint8_t *blocks;
	size_t blocks_size;
};

/** Reads a message whose first byte is at off of the image. FORMAT. */
struct cr_error *cr_pagemap_entry_read(struct cr_pagemap_entry *entry,
				       const void *data, size_t size,
				       uint64_t off) CR_MUST_CHECK;

/* Compressed blocks to write; the sizes are varints, one after the other. */
struct cr_pagemap_sizes {
	const uint8_t *data;
	size_t size;
	uint64_t payload_size;
	uint32_t pages_per_block;
};

/** True if two entries, next to each other, would be written as one. */
bool cr_pagemap_entry_joins(const struct cr_pagemap_entry *a,
			    const struct cr_pagemap_entry *b);

/** True if a count of pages can be written in the entry's form. */
bool cr_pagemap_entry_holds(const struct cr_pagemap_entry *like,
			    uint64_t nr_pages);

/** Writes size word and message of an entry: this place, these flags (of enum
 * cr_range_flags) and blocks (NULL: none), all else as in `like`. */
struct cr_error *cr_pagemap_entry_put(struct cr_out *out,
				      const struct cr_pagemap_entry *like,
				      uint64_t vaddr, uint64_t nr_pages,
				      uint32_t flags,
				      const struct cr_pagemap_sizes *blocks)
	CR_MUST_CHECK;

/* Looks at an image that has been loaded. What a function returns ends it. */
struct cr_pagemap_walk {
	struct cr_error *(*head)(void *arg,
				 const struct cr_image_header *header,
				 const void *data, size_t size);
	/* Its range in the pagemap; NULL: it holds no pages. */
	struct cr_error *(*entry)(void *arg,
				  const struct cr_pagemap_entry *entry,
				  const struct cr_range *range);
	void *arg;
};

/** Goes through the entries of the image that map was loaded from, which stays
 * as it was. */
struct cr_error *cr_pagemap_walk(struct cr_store *store, const char *name,
				 const struct cr_pagemap *map,
				 const struct cr_pagemap_walk *walk)
	CR_MUST_CHECK;

#endif
