// SPDX-License-Identifier: MIT
/*
 * Quoted-printable (RFC 2045, 6.7), in two dresses.
 *
 * cr_qp_put_text() writes what Python's quopri.encodestring() writes: line ends
 * stand as they are, lines are folded at 76 columns with "=" newline. Text that
 * mixes LF and CRLF does not come back the same.
 *
 * cr_qp_put_bytes() writes every byte that is not printable ASCII as =XX, never
 * folds, and always comes back the same.
 */
#ifndef CR_LIB_BASE_QP_H
#define CR_LIB_BASE_QP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Room that either of the writers needs for size bytes. */
static inline size_t cr_qp_room(size_t size)
{
	return 3 * size + 3 * (3 * size / 72 + 1);
}

/** Each returns the place after the last character. */
char *cr_qp_put_text(char *o, const uint8_t *data, size_t size);
char *cr_qp_put_bytes(char *o, const uint8_t *data, size_t size);

/* Text of either dress to bytes, piece by piece. Starts zeroed. */
struct cr_qp {
	char held[2]; /* "=" and perhaps a digit or CR, at a piece's end */
	uint8_t nr;
};

/**
 * Reads a piece of text. Writes at most size bytes at o and moves it on. False
 * if an "=" begins neither a byte nor a soft line break.
 */
bool cr_qp_feed(struct cr_qp *state, const char *text, size_t size,
		uint8_t **o);

/** True if the text may end here. */
static inline bool cr_qp_complete(const struct cr_qp *state)
{
	return state->nr == 0;
}

/** The whole of a text to at most size bytes at o. Returns the place after the
 * last byte, or NULL if it is broken. */
static inline uint8_t *cr_qp_decode(uint8_t *o, const char *text, size_t size)
{
	struct cr_qp state = { .nr = 0 };
	bool good = cr_qp_feed(&state, text, size, &o);
	return good && cr_qp_complete(&state) ? o : NULL;
}

#endif
