// SPDX-License-Identifier: MIT
/*
 * Two address spaces beside each other: which pages differ.
 *
 * One walk over the runs of both, so time is that of reading the pages that may
 * differ, and memory is two buffers. What must be the same is not read: pages
 * that both have in the same place of the same file (one checkpoint is the
 * other's parent, or was made from it with links), and zeros.
 */
#ifndef CR_LIB_PAGES_DIFF_H
#define CR_LIB_PAGES_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/pages/reader.h"

enum cr_diff_kind {
	CR_DIFF_NOTHING, /* in neither address space, or not to be said */
	CR_DIFF_SAME,
	CR_DIFF_NEITHER, /* mapped in both, and neither has the bytes */
	CR_DIFF_CHANGED,
	CR_DIFF_ONLY_A, /* mapped there alone; saved there alone, if it is not
			   known what the other had mapped (pre-dump) */
	CR_DIFF_ONLY_B,
	CR_DIFF_UNKNOWN, /* mapped in both, and one has no bytes of it */
	CR_NR_DIFFS,
};

/* Pages that follow each other in one mapping, and fared alike. */
struct cr_diff_range {
	uint64_t start, end;
	enum cr_diff_kind kind;
	const struct cr_vma *vma[2]; /* of A and B; NULL: none */
	enum cr_run_kind run[2];     /* of the first page */
	bool faulty[2];		     /* the images are broken there */
};

struct cr_diff {
	struct cr_pages *pages[2]; /* A and B */

	/* Leaves out what both map of the same shared memory object: compare
	 * the objects. */
	bool skip_shared;

	/* Shows each range from CHANGED on, by ascending address; its errors
	 * end the walk. */
	struct cr_error *(*fn)(void *arg, const struct cr_diff_range *range);
	void *arg;

	uint64_t nr_pages[CR_NR_DIFFS]; /* the result, added up */
};

/** The unit of comparison: the smaller of the two page sizes. */
uint32_t cr_diff_page_size(const struct cr_diff *diff);

/**
 * Compares. In an object that was opened as such, what was not saved is zeros.
 * What cannot be read because of a fault in the images is UNKNOWN, and the first
 * such fault is returned after all else has been compared.
 */
struct cr_error *cr_diff_run(struct cr_diff *diff) CR_MUST_CHECK;

/** Reads bytes of a range that is CHANGED. */
struct cr_error *cr_diff_read(struct cr_pages *pages, uint64_t vaddr,
			      void *data, size_t size) CR_MUST_CHECK;

/**
 * The next bytes that differ, from *end on: false if there are none. Start with
 * *end 0.
 */
bool cr_diff_next(const uint8_t *a, const uint8_t *b, size_t size,
		  size_t *start, size_t *end);

#endif
