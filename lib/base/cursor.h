// SPDX-License-Identifier: MIT
/*
 * A bounded reader over bytes in memory that come from outside: numbers of fixed
 * size in either order, LEB128, and pieces.
 *
 * A read that does not fit gives zero, and nothing can be read from then on; the
 * caller asks once, at the end of a unit, whether that happened. Facts: DWARF 5,
 * 7.6, for LEB128.
 */
#ifndef CR_LIB_BASE_CURSOR_H
#define CR_LIB_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cr_cursor {
	const uint8_t *start, *p, *end;
	bool big_endian;
	bool failed;
};

static inline struct cr_cursor cr_cursor_init(const void *data, size_t size,
					      bool big_endian)
{
	const uint8_t *p = data;
	return (struct cr_cursor){ p, p, p + size, big_endian, false };
}

static inline size_t cr_cursor_left(const struct cr_cursor *c)
{
	return (size_t)(c->end - c->p);
}

static inline size_t cr_cursor_off(const struct cr_cursor *c)
{
	return (size_t)(c->p - c->start);
}

/** What does not fit, or makes no sense to the caller. */
static inline void cr_cursor_fail(struct cr_cursor *c)
{
	c->failed = true;
	c->p = c->end;
}

/** The place of the next size bytes, which are passed over; NULL on failure. */
static inline const uint8_t *cr_cursor_take(struct cr_cursor *c, uint64_t size)
{
	const uint8_t *p = c->p;
	if (c->failed || size > cr_cursor_left(c)) {
		cr_cursor_fail(c);
		return NULL;
	}
	c->p += size;
	return p;
}

/** A number of 1 to 8 bytes. */
static inline uint64_t cr_cursor_uint(struct cr_cursor *c, unsigned size)
{
	const uint8_t *p = cr_cursor_take(c, size);
	uint64_t v = 0;
	for (unsigned i = 0; p && i < size; i++)
		v = v << 8 | p[c->big_endian ? i : size - 1 - i];
	return v;
}

/** The same with a sign. */
static inline int64_t cr_cursor_int(struct cr_cursor *c, unsigned size)
{
	unsigned shift = 64 - 8 * size;
	return (int64_t)(cr_cursor_uint(c, size) << shift) >> shift;
}

/** LEB128; bits beyond the 64th are lost. */
static inline uint64_t cr_cursor_uleb(struct cr_cursor *c)
{
	uint64_t v = 0;
	for (unsigned bits = 0;; bits += 7) {
		uint64_t byte = cr_cursor_uint(c, 1);
		if (bits < 64)
			v |= (byte & 0x7f) << bits;
		if (!(byte & 0x80))
			return v;
	}
}

static inline int64_t cr_cursor_sleb(struct cr_cursor *c)
{
	uint64_t v = 0;
	for (unsigned bits = 0;;) {
		uint64_t byte = cr_cursor_uint(c, 1);
		if (bits < 64)
			v |= (byte & 0x7f) << bits;
		bits += 7;
		if (byte & 0x80)
			continue;
		if (byte & 0x40 && bits < 64)
			v |= UINT64_MAX << bits;
		return (int64_t)v;
	}
}

#endif
