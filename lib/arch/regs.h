// SPDX-License-Identifier: MIT
/*
 * Numbers of a processor's byte order and word size, written one after the
 * other into a buffer of the caller's, which starts zeroed. What does not fit is
 * left out: sizes are constants of the tables, and tests hold them together.
 */
#ifndef CR_LIB_ARCH_REGS_H
#define CR_LIB_ARCH_REGS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cr_regs {
	uint8_t *start, *at, *end;
	bool big;
};

static inline void cr_regs_init(struct cr_regs *to, void *buf, size_t size,
				bool big)
{
	memset(buf, 0, size);
	*to = (struct cr_regs){ buf, buf, (uint8_t *)buf + size, big };
}

/** Bytes so far. */
static inline size_t cr_regs_size(const struct cr_regs *to)
{
	return (size_t)(to->at - to->start);
}

static inline void cr_regs_bytes(struct cr_regs *to, const void *data,
				 size_t size)
{
	if (size > (size_t)(to->end - to->at))
		size = (size_t)(to->end - to->at);
	if (size)
		memcpy(to->at, data, size);
	to->at += size;
}

/** Passes over bytes, which stay 0. */
static inline void cr_regs_skip(struct cr_regs *to, size_t size)
{
	size_t left = (size_t)(to->end - to->at);
	to->at += size < left ? size : left;
}

/** Goes on at an offset, which is not behind. */
static inline void cr_regs_seek(struct cr_regs *to, size_t off)
{
	if (off > cr_regs_size(to))
		cr_regs_skip(to, off - cr_regs_size(to));
}

static inline void cr_regs_u8(struct cr_regs *to, uint8_t v)
{
	cr_regs_bytes(to, &v, sizeof(v));
}

static inline void cr_regs_u16(struct cr_regs *to, uint32_t v)
{
	uint16_t x = to->big ? htobe16((uint16_t)v) : htole16((uint16_t)v);
	cr_regs_bytes(to, &x, sizeof(x));
}

static inline void cr_regs_u32(struct cr_regs *to, uint64_t v)
{
	uint32_t x = to->big ? htobe32((uint32_t)v) : htole32((uint32_t)v);
	cr_regs_bytes(to, &x, sizeof(x));
}

static inline void cr_regs_u64(struct cr_regs *to, uint64_t v)
{
	uint64_t x = to->big ? htobe64(v) : htole64(v);
	cr_regs_bytes(to, &x, sizeof(x));
}

/** A long of `word` bytes. */
static inline void cr_regs_word(struct cr_regs *to, unsigned word, uint64_t v)
{
	if (word == 8)
		cr_regs_u64(to, v);
	else
		cr_regs_u32(to, v);
}

/** `want` numbers, of which nr are there: zeros for what is missing. */
static inline void cr_regs_u64s(struct cr_regs *to, const uint64_t *v,
				size_t nr, size_t want)
{
	for (size_t i = 0; i < want; i++)
		cr_regs_u64(to, i < nr ? v[i] : 0);
}

static inline void cr_regs_u32s(struct cr_regs *to, const uint32_t *v,
				size_t nr, size_t want)
{
	for (size_t i = 0; i < want; i++)
		cr_regs_u32(to, i < nr ? v[i] : 0);
}

#endif
