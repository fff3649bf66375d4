// SPDX-License-Identifier: MIT
/*
 * Integers to text, without stdio. Every function writes at o and returns the
 * place after its last character; nothing is NUL-terminated.
 */
#ifndef CR_LIB_BASE_NUM_H
#define CR_LIB_BASE_NUM_H

#include <stdint.h>
#include <string.h>

/* Room that any function here needs; what lies behind the text it returns may
 * be overwritten as well. */
#define CR_NUM_MAX 32

/*
 * The eight digits of v < 100000000, one a byte, the first in the lowest byte.
 * Each step splits all parts at once: 4+4 digits, then 2+2, then 1+1, by
 * multiplying with a reciprocal that is exact for the part's range.
 */
static inline uint64_t cr_num_digits8(uint32_t v)
{
	uint64_t high = v / 10000;
	uint64_t fours = high | (uint64_t)(v - high * 10000) << 32;
	uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007fu;
	uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
	uint64_t tens = (twos * 103 >> 10) & 0x000f000f000f000fu;
	return tens | (twos - 10 * tens) << 8;
}

#define CR_NUM_ASCII 0x3030303030303030u

/** v < 100000000, always eight digits. */
static inline char *cr_put_8(char *o, uint32_t v)
{
	uint64_t text = cr_num_digits8(v) | CR_NUM_ASCII;
	memcpy(o, &text, 8);
	return o + 8;
}

/** v < 100000000, as many digits as it has; may write up to 8 bytes. */
static inline char *cr_put_u27(char *o, uint32_t v)
{
	if (v < 10) {
		*o = (char)('0' + v);
		return o + 1;
	}
	uint64_t digits = cr_num_digits8(v);
	int zeros = __builtin_ctzll(digits) / 8;
	uint64_t text = (digits | CR_NUM_ASCII) >> (8 * zeros);
	memcpy(o, &text, 8);
	return o + 8 - zeros;
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

/* The text of the leading digits of the number before: addresses come in runs
 * that share them. Starts zeroed. */
struct cr_num_memo {
	uint64_t high; /* 0: nothing yet */
	uint64_t text;
	unsigned size;
};

/** As cr_put_u64(). */
static inline char *cr_put_u64_memo(char *o, uint64_t v,
				    struct cr_num_memo *memo)
{
	uint64_t high = v / 100000000;
	if (!high)
		return cr_put_u27(o, (uint32_t)v);
	if (high != memo->high) {
		if (high >= 100000000)
			return cr_put_u64(o, v);
		char text[16];
		memo->high = high;
		memo->size = (unsigned)(cr_put_u27(text, (uint32_t)high) -
					text);
		memcpy(&memo->text, text, 8);
	}
	memcpy(o, &memo->text, 8);
	return cr_put_8(o + memo->size, (uint32_t)(v % 100000000));
}

/**
 * The digits at the start of eight bytes of text: how many there are, and their
 * value.
 */
static inline unsigned cr_num_parse8(uint64_t text, uint64_t *value_ret)
{
	uint64_t t = text ^ CR_NUM_ASCII;
	uint64_t others = ((t + 0x7676767676767676u) | t) &
			  0x8080808080808080u;
	unsigned nr = others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
	if (!nr)
		return 0;
	t <<= 8 * (8 - nr);
	t = (t * (1 + (10 << 8)) >> 8) & 0x00ff00ff00ff00ffu;
	t = (t * (1 + (100 << 16)) >> 16) & 0x0000ffff0000ffffu;
	*value_ret = t * (1 + (10000ull << 32)) >> 32;
	return nr;
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
