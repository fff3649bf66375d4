// SPDX-License-Identifier: MIT
/*
 * Bytes in bytes, at the speed of memory: where memmem(3) looks at the pattern's
 * start, this looks at its two rarest bytes, 64 places at a time, and only then
 * compares. Which bytes are rare in the memory of programs is a fixed guess; a
 * wrong one costs time, never a match.
 */
#ifndef CR_LIB_PAGES_FIND_H
#define CR_LIB_PAGES_FIND_H

#include <stddef.h>
#include <stdint.h>

struct cr_find {
	const uint8_t *pattern;
	size_t size;
	size_t rare, other; /* places of the two bytes in the pattern */
};

/** The pattern, of at least one byte, stays the caller's. */
void cr_find_init(struct cr_find *find, const void *pattern, size_t size);

/** The first match in data, or NULL. */
const uint8_t *cr_find_next(const struct cr_find *find, const uint8_t *data,
			    size_t size);

#endif
