// SPDX-License-Identifier: MIT
/*
 * UTF-8 checking and coding, as RFC 3629 defines it: no overlong forms, no
 * surrogates, nothing above U+10FFFF. What is not shown: Unicode 15.1, chapter 23.
 */
#ifndef CR_LIB_BASE_UTF8_H
#define CR_LIB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A check that goes on over several pieces. Starts zeroed. */
struct cr_utf8 {
	uint8_t left;	  /* continuation bytes still to come */
	uint8_t low, high; /* bounds of the next one */
};

/** Checks the next piece; false as soon as it cannot be UTF-8. */
bool cr_utf8_feed(struct cr_utf8 *state, const void *data, size_t size);

/** True if the text may end here. */
static inline bool cr_utf8_complete(const struct cr_utf8 *state)
{
	return state->left == 0;
}

/** The whole of data is UTF-8. */
bool cr_utf8_valid(const void *data, size_t size);

/** Reads one code point of valid text; returns the place after it. */
const uint8_t *cr_utf8_next(const uint8_t *p, uint32_t *code_ret);

/** How many bytes at p a terminal may be given as they are: those of the
 * character there; 0 for control characters, for those of direction and format
 * (U+202E), which make a name look like another, and for what is not UTF-8. */
size_t cr_utf8_shown(const void *p, size_t left);

/** A copy in which all that a terminal may not be given is \xNN. The caller
 * frees it; NULL without memory. */
char *cr_utf8_safe(const char *text);

/** Writes a code point (up to 4 bytes); returns the place after it. */
char *cr_utf8_put(char *o, uint32_t code);

#endif
