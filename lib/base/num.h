// SPDX-License-Identifier: MIT
/*
 * Integers to text, without stdio. Every function writes at o and returns the
 * place after its last character; nothing is NUL-terminated.
 */
#ifndef CR_LIB_BASE_NUM_H
#define CR_LIB_BASE_NUM_H

#include <stdint.h>
#include <string.h>

/* The longest text any function here writes. */
#define CR_NUM_MAX 24

extern const char cr_num_pairs[200];

static inline char *cr_put_pair(char *o, uint32_t v)
{
	memcpy(o, cr_num_pairs + 2 * v, 2);
	return o + 2;
}

/** v < 10000, always four digits. */
static inline char *cr_put_4(char *o, uint32_t v)
{
	return cr_put_pair(cr_put_pair(o, v / 100), v % 100);
}

/** v < 100000000, always eight digits. */
static inline char *cr_put_8(char *o, uint32_t v)
{
	return cr_put_4(cr_put_4(o, v / 10000), v % 10000);
}

/** v < 100000000, as many digits as it has. */
static inline char *cr_put_u27(char *o, uint32_t v)
{
	if (v < 10) {
		*o = (char)('0' + v);
		return o + 1;
	}
	if (v < 100)
		return cr_put_pair(o, v);
	if (v < 10000) {
		o = v < 1000 ? (*o = (char)('0' + v / 100), o + 1) :
			       cr_put_pair(o, v / 100);
		return cr_put_pair(o, v % 100);
	}
	return cr_put_4(cr_put_u27(o, v / 10000), v % 10000);
}

/** Decimal. */
static inline char *cr_put_u64(char *o, uint64_t v)
{
	if (v < 100000000)
		return cr_put_u27(o, (uint32_t)v);
	uint64_t high = v / 100000000;
	o = high < 100000000 ?
		    cr_put_u27(o, (uint32_t)high) :
		    cr_put_8(cr_put_u27(o, (uint32_t)(high / 100000000)),
			     (uint32_t)(high % 100000000));
	return cr_put_8(o, (uint32_t)(v % 100000000));
}

static inline char *cr_put_i64(char *o, int64_t v)
{
	uint64_t magnitude = (uint64_t)v;
	if (v < 0) {
		*o++ = '-';
		magnitude = 0 - magnitude;
	}
	return cr_put_u64(o, magnitude);
}

/** "0x" and lower-case digits. */
char *cr_put_hex(char *o, uint64_t v);

#endif
