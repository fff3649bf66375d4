// SPDX-License-Identifier: MIT
/*
 * Makes one checkpoint of a chain: pages that are in parents come here, and the
 * link `parent` goes. Memory reads the same before and after; pagemaps that have
 * nothing in a parent are left alone, with their pages images.
 *
 * What a parent stored packed stays so if this checkpoint's memory is in blocks
 * of that size; else it is expanded or packed again.
 */
#ifndef CR_LIB_OPS_SQUASH_H
#define CR_LIB_OPS_SQUASH_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/ops/change.h"

struct cr_squash {
	unsigned nr_parents;   /* in the chain; 0: nothing is changed */
	uint64_t nr_pagemaps;  /* written again */
	uint64_t nr_pages;     /* that came from parents */
	uint64_t size;	       /* of these, in bytes */
};

/** FORMAT: an image is broken, or pages are said to be in a parent that does not
 * have them. */
struct cr_error *cr_squash(struct cr_change *change, struct cr_squash *ret)
	CR_MUST_CHECK;

#endif
