// SPDX-License-Identifier: MIT
/*
 * Base64 (RFC 4648, 4), piece by piece.
 *
 * The wrapped form is the one of Python's base64.encodebytes() inside a JSON
 * string: a newline, written as backslash n, after every 76 characters and at
 * the end; nothing at all for no bytes.
 */
#ifndef CR_LIB_BASE_BASE64_H
#define CR_LIB_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes in a wrapped line; every piece but the last is a multiple of it. */
#define CR_BASE64_LINE 57

/** Room that cr_base64_put() needs for size bytes. */
static inline size_t cr_base64_room(size_t size)
{
	return (size + 2) / 3 * 4 + 2 * (size / CR_BASE64_LINE + 1);
}

/** Writes the text of size bytes; returns the place after it. */
char *cr_base64_put(char *o, const uint8_t *data, size_t size, bool wrap);

/* Text to bytes. Starts zeroed. */
struct cr_base64 {
	uint32_t bits;
	uint8_t nr;  /* characters of the quantum read, 0 to 3 */
	uint8_t pad; /* '=' signs read */
};

/**
 * Reads a piece of text: alphabet, padding, and white space, which is passed
 * over. Writes at most size / 4 * 3 + 3 bytes at o and moves it on. Returns
 * NULL, or the first character that cannot stand there.
 */
const char *cr_base64_feed(struct cr_base64 *state, const char *text,
			   size_t size, uint8_t **o);

/** True if the text may end here: no quantum is open. */
static inline bool cr_base64_complete(const struct cr_base64 *state)
{
	return state->nr == 0;
}

#endif
