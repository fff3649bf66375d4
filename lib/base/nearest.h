// SPDX-License-Identifier: MIT
/*
 * The nearest known word to a mistyped one. Owns nothing.
 */
#ifndef CR_LIB_BASE_NEAREST_H
#define CR_LIB_BASE_NEAREST_H

#include <stddef.h>

/* The candidate that a mistyped word most likely meant. Start with {word}. */
struct cr_nearest {
	const char *word;
	const char *best; /* NULL if nothing is close */
	size_t distance;
};

/** Makes name the best if it is close to the word and closer than the best. */
void cr_nearest_try(struct cr_nearest *near, const char *name);

#endif
