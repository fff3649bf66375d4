// SPDX-License-Identifier: MIT
/*
 * The protobuf wire format: varints and tags.
 *
 * Source: "Protocol Buffers: Encoding". A varint has at most ten bytes. It is
 * minimal if no shorter one says the same; every writer in use writes minimal
 * ones, so what is not minimal is remembered as unusual (see decode.h).
 */
#ifndef CR_LIB_CODEC_WIRE_H
#define CR_LIB_CODEC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum cr_wire {
	CR_WIRE_VARINT = 0,
	CR_WIRE_FIXED64 = 1,
	CR_WIRE_BYTES = 2,
	CR_WIRE_GROUP = 3, /* never used by CRIU; refused */
	CR_WIRE_GROUP_END = 4,
	CR_WIRE_FIXED32 = 5,
};

#define CR_VARINT_MAX	 10
#define CR_TAG_MAX	 5
#define CR_WIRE_DEPTH	 100 /* messages within messages */
#define CR_FIELD_NUM_MAX 0x1fffffffu

static inline uint32_t cr_wire_tag(uint32_t number, enum cr_wire wire)
{
	return number << 3 | (uint32_t)wire;
}

/* The varint of 2 to 8 bytes at the start of a word; its last byte's high bit is
 * bit `stop`. Groups of 7 bits are joined two, four and eight at a time. */
static inline const uint8_t *cr_varint_join(const uint8_t *p, uint64_t word,
					    unsigned stop, uint64_t *value_ret)
{
	uint64_t v = word & (UINT64_MAX >> (63 - stop)) & 0x7f7f7f7f7f7f7f7fu;
	if (!(v >> (stop - 7)))
		return NULL; /* the last byte adds nothing */
	v = (v & 0x007f007f007f007fu) | (v & 0x7f007f007f007f00u) >> 1;
	v = (v & 0x00003fff00003fffu) | (v & 0x3fff00003fff0000u) >> 2;
	*value_ret = (v & 0x0fffffffu) | (v & 0x0fffffff00000000u) >> 4;
	return p + stop / 8 + 1;
}

/**
 * Reads a minimal varint of at most 64 bits from [p, end). Returns the place
 * after it, or NULL if there is none: cut off, too long or not minimal.
 */
static inline const uint8_t *cr_varint_get(const uint8_t *p,
					   const uint8_t *end,
					   uint64_t *value_ret)
{
	if (__builtin_expect(p >= end, 0))
		return NULL;
	uint64_t v = *p;
	if (v < 0x80) {
		*value_ret = v;
		return p + 1;
	}
	if (end - p >= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		uint64_t stops = ~word & 0x8080808080808080u;
		if (stops)
			return cr_varint_join(p, word,
					      (unsigned)__builtin_ctzll(stops),
					      value_ret);
	}
	p++;
	v &= 0x7f;
	for (unsigned shift = 7; p < end && shift < 64; shift += 7) {
		uint64_t b = *p++;
		v |= (b & 0x7f) << shift;
		if (b < 0x80) {
			if (b == 0 || (shift == 63 && b > 1))
				return NULL;
			*value_ret = v;
			return p;
		}
	}
	return NULL;
}

/** Writes a varint; returns the place after it. */
static inline uint8_t *cr_varint_put(uint8_t *o, uint64_t v)
{
	while (v >= 0x80) {
		*o++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*o++ = (uint8_t)v;
	return o;
}

static inline uint64_t cr_zigzag_put(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t cr_zigzag_get(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

#endif
