// SPDX-License-Identifier: MIT
/*
 * Small processes with code that can be unwound, built in a test: a vdso, an ELF
 * file of one page in its own memory; code without a file; a stack.
 */
#ifndef CR_TESTS_SUPPORT_PROCESS_H
#define CR_TESTS_SUPPORT_PROCESS_H

#include "tests/support/pages.h"

#define VDSO  UINT64_C(0x10000000) /* functions at 0x400, their frames at 0x800 */
#define PLAIN UINT64_C(0x20000000)
#define STACK UINT64_C(0x30000000)

static inline struct bytes u64(uint64_t v)
{
	return cat(word((uint32_t)v), word((uint32_t)(v >> 32)));
}

static inline struct bytes padded(struct bytes b, size_t size)
{
	return cat(b, fill(0, size - b.size));
}

/* An entry for 16 bytes of code from `at` in the file on; `off` is its own place
 * there, the common entry is at 0x800. */
static inline struct bytes own(size_t off, uint32_t at, const char *code)
{
	struct bytes insns = hex(code);
	return cat(word((uint32_t)(13 + insns.size)),
		   word((uint32_t)(off + 4 - 0x800)),
		   word(at - (uint32_t)(off + 8)), word(16), hex("00"), insns);
}

/* The file: functions of 16 bytes from 0x400 on, with the rules given. */
static inline struct bytes vdso(const char *machine, struct bytes common,
			 const char *const *code)
{
	struct bytes frames = common;
	for (uint32_t i = 0; code[i]; i++)
		frames = cat(frames, own(0x800 + frames.size, 0x400 + 16 * i,
					 code[i]));
	struct bytes head =
		cat(hex("7f 'ELF' 02 01 01 00 0000000000000000 0300"),
		    hex(machine), word(1), u64(0), u64(64), u64(0), word(0),
		    hex("4000 3800 0200 4000 0000 0000"),
		    /* all of it; the header of the frames */
		    word(1), word(5), u64(0), u64(0), u64(0), u64(4096),
		    u64(4096), u64(4096), word(0x6474e550), word(4),
		    u64(0x200), u64(0x200), u64(0x200), u64(12), u64(12),
		    u64(4));
	head = cat(head, fill(0, 0x200 - head.size), hex("01 1b ff ff"),
		   word(0x800 - 0x204), word(0));
	return padded(cat(head, fill(0, 0x800 - head.size), frames, word(0)),
		      4096);
}

static inline struct bytes mapping(uint64_t start, uint32_t nr, uint32_t prot,
			    uint32_t status)
{
	return len(14, num(1, start), num(2, start + nr * 4096), num(3, 0),
		   num(4, 0), num(5, prot), num(6, 0x22), num(7, status),
		   num(8, 1));
}

/* Data -8, return address 30; the CFA is sp. */
#define ARM_COMMON \
	hex("11 00 00 00 00 00 00 00 01 'zR' 00 04 78 1e 01 1b 0c 1f 00 00")
#define ARM "b700"

#endif
