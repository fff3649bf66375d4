// SPDX-License-Identifier: MIT
/*
 * A pagemap and its pages image written again within a change: what squashing,
 * packing and writing to memory have in common.
 *
 * Every pagemap of the checkpoint has its turn; for each entry of one that is
 * to be written again, a function says what becomes of it, through
 * lib/pages/writer.h. Pages images in which nothing changes are not touched.
 */
#ifndef CR_LIB_OPS_REPAGE_H
#define CR_LIB_OPS_REPAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/ops/change.h"
#include "lib/ops/inventory.h"
#include "lib/pages/writer.h"

struct cr_repage {
	struct cr_change *change;
	struct cr_memory memory;
	struct cr_inventory inventory;
	struct cr_repage_ids {
		uint32_t *id; /* every pages_id, sorted */
		size_t nr;
	} pages_ids;
	struct cr_repage_part *part; /* of objects, that must not be packed */
	size_t nr_parts, cap_parts;

	/* The pagemap at hand, of a process or of a shared memory object. */
	struct cr_pages pages;
	struct cr_object *object;
	bool is_shared;
	struct cr_pagemap map; /* the object's, whose layers may move */
	struct cr_file file;   /* its pages image; closed: there is none */
	struct cr_pages_writer w;
	uint64_t written; /* size of the pages image written last */
};

/** Starts; the change is the caller's. sysroot as in cr_memory_init(). FORMAT:
 * two pagemaps have the same pages image. */
struct cr_error *cr_repage_init(struct cr_repage *m, struct cr_change *change,
				const char *sysroot) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_repage_deinit(struct cr_repage *m);

/** Opens one pagemap, closing the one before. *there_ret: it exists. */
struct cr_error *cr_repage_open(struct cr_repage *m, bool is_shared,
				uint32_t id, bool *there_ret) CR_MUST_CHECK;

/** Opens them all, one after the other, and calls fn for each that exists. */
struct cr_error *cr_repage_each(struct cr_repage *m,
				struct cr_error *(*fn)(struct cr_repage *m,
						       void *arg),
				void *arg) CR_MUST_CHECK;

/** What becomes of an entry; range NULL: it holds no pages. entry NULL: that
 * was the last one. */
typedef struct cr_error *cr_repage_fn(struct cr_repage *m, void *arg,
				      const struct cr_pagemap_entry *entry,
				      const struct cr_range *range);

/** Writes the open pagemap again, in blocks of this size; 0: plain. */
struct cr_error *cr_repage_write(struct cr_repage *m, uint32_t block_size,
				 unsigned acceleration, bool join,
				 cr_repage_fn *fn, void *arg) CR_MUST_CHECK;

/** The size of blocks that the open pagemap has as the inventory says, or by
 * its entries; 0: pages are plain. FORMAT: not possible. */
struct cr_error *cr_repage_block_size(struct cr_repage *m,
				      uint32_t *ret) CR_MUST_CHECK;

/** For a cr_repage_fn: the entry with its pages, as they are. */
struct cr_error *cr_repage_keep(struct cr_repage *m,
				const struct cr_pagemap_entry *entry,
				const struct cr_range *range) CR_MUST_CHECK;

/** The same, its pages stored anew in the writer's way. */
struct cr_error *cr_repage_store(struct cr_repage *m,
				 const struct cr_pagemap_entry *entry,
				 const struct cr_range *range) CR_MUST_CHECK;

/** Bytes [start, end) of a PRESENT range of the open pagemap, for its writer.
 */
struct cr_error *cr_repage_bytes(struct cr_repage *m,
				 const struct cr_range *range, uint64_t start,
				 uint64_t end) CR_MUST_CHECK;

#endif
