// SPDX-License-Identifier: MIT
#include "lib/pac/qarma.h"

#include <assert.h>

// A block is 16 cells of four bits, cell 0 the most significant: a 4 by 4
// square, a row of it 16 bits. What treats all cells alike works on the word.

#define EACH_CELL(bits) (0x1111111111111111u * (bits))

static const uint64_t round_const[CR_QARMA_ROUNDS_MAX] = {
	0,
	0x13198a2e03707344,
	0xa4093822299f31d0,
	0x082efa98ec4e6c89,
	0x452821e638d01377,
	0xbe5466cf34e90c6c,
	0x3f84d5b5b5470917,
};

#define ALPHA 0xc0ac29b7c97c50ddu

// clang-format off
static const uint8_t boxes[][16] = {
	[CR_QARMA_SIGMA0] = { 0, 14, 2, 10, 9, 15, 8, 11, 6, 4, 3, 7, 13, 12, 1, 5 },
	[CR_QARMA_SIGMA1] = { 10, 13, 14, 6, 15, 7, 3, 5, 9, 8, 0, 12, 11, 1, 2, 4 },
	[CR_QARMA_SIGMA2] = { 11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10 },
};
static const uint8_t inverse_boxes[][16] = {
	[CR_QARMA_SIGMA0] = { 0, 14, 2, 10, 9, 15, 8, 11, 6, 4, 3, 7, 13, 12, 1, 5 },
	[CR_QARMA_SIGMA1] = { 10, 13, 14, 6, 15, 7, 3, 5, 9, 8, 0, 12, 11, 1, 2, 4 },
	[CR_QARMA_SIGMA2] = { 5, 14, 13, 8, 10, 11, 1, 9, 2, 6, 15, 0, 4, 12, 7, 3 },
};

/* Where the new cell i comes from. */
static const uint8_t tau[16]         = { 0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2 };
static const uint8_t inverse_tau[16] = { 0, 5, 15, 10, 13, 8, 2, 7, 11, 14, 4, 1, 6, 3, 9, 12 };
static const uint8_t h[16]           = { 6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11 };
static const uint8_t inverse_h[16]   = { 4, 5, 6, 7, 11, 1, 0, 8, 12, 13, 14, 15, 9, 10, 2, 3 };
// clang-format on

static uint64_t rotate_left(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static uint64_t substitute(uint64_t x, const uint8_t box[16])
{
	uint64_t out = 0;
	for (unsigned i = 0; i < 64; i += 4)
		out |= (uint64_t)box[x >> i & 15] << i;
	return out;
}

static uint64_t permute(uint64_t x, const uint8_t from[16])
{
	uint64_t out = 0;
	for (unsigned i = 0; i < 16; i++)
		out = out << 4 | (x >> (60 - 4 * from[i]) & 15);
	return out;
}

/* The matrix circ(0, rho, rho^2, rho) on columns, rho turning a cell by one
 * bit; it is its own inverse. */
static uint64_t mix(uint64_t x)
{
	uint64_t rho = (x << 1 & EACH_CELL(14)) | (x >> 3 & EACH_CELL(1));
	uint64_t rho2 = (x << 2 & EACH_CELL(12)) | (x >> 2 & EACH_CELL(3));
	return rotate_left(rho, 16) ^ rotate_left(rho2, 32) ^
	       rotate_left(rho, 48);
}

/* Cells 0, 1, 3, 4, 8, 11 and 13 go through a shift register. */
#define SHIFTED_CELLS 0xff0ff000f00f0f00u

static uint64_t next_tweak(uint64_t t)
{
	t = permute(t, h);
	uint64_t shifted = (t >> 1 & EACH_CELL(7)) |
			   ((t ^ t >> 1) & EACH_CELL(1)) << 3;
	return (t & ~SHIFTED_CELLS) | (shifted & SHIFTED_CELLS);
}

static uint64_t previous_tweak(uint64_t t)
{
	uint64_t shifted = (t << 1 & EACH_CELL(14)) |
			   ((t >> 3 ^ t) & EACH_CELL(1));
	t = (t & ~SHIFTED_CELLS) | (shifted & SHIFTED_CELLS);
	return permute(t, inverse_h);
}

uint64_t cr_qarma64(uint64_t block, uint64_t tweak, uint64_t w0, uint64_t k0,
		    enum cr_qarma_box box, unsigned rounds)
{
	assert(rounds <= CR_QARMA_ROUNDS_MAX);
	const uint8_t *s = boxes[box], *s_inverse = inverse_boxes[box];
	uint64_t w1 = (w0 << 63 | w0 >> 1) ^ w0 >> 63;
	uint64_t x = block ^ w0, t = tweak;

	for (unsigned i = 0; i < rounds; i++) {
		x ^= k0 ^ t ^ round_const[i];
		if (i > 0)
			x = mix(permute(x, tau));
		x = substitute(x, s);
		t = next_tweak(t);
	}
	x = substitute(mix(permute(x ^ w1 ^ t, tau)), s);
	x = permute(mix(permute(x, tau)) ^ k0, inverse_tau);
	x = permute(mix(substitute(x, s_inverse)), inverse_tau) ^ w0 ^ t;
	for (unsigned i = rounds; i-- > 0;) {
		t = previous_tweak(t);
		x = substitute(x, s_inverse);
		if (i > 0)
			x = permute(mix(x), inverse_tau);
		x ^= k0 ^ t ^ round_const[i] ^ ALPHA;
	}
	return x ^ w1;
}
