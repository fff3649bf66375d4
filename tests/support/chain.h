// SPDX-License-Identifier: MIT
/*
 * Checkpoints with parents, made by chance: a process of two private mappings and
 * one of shared memory, some pages here, some in parents, some nowhere; plain or
 * in blocks, with entries in old and new forms. And what all its memory reads as,
 * to compare that before and after a change.
 */
#ifndef CR_TESTS_SUPPORT_CHAIN_H
#define CR_TESTS_SUPPORT_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

struct cr_test_chain {
	uint32_t seed;	    /* any; the same one makes the same chain */
	unsigned layers;    /* directories: 1 is a checkpoint without parent */
	uint32_t page_size; /* 0: by chance, 4096 or 16384 */
	bool plain;	    /* the checkpoint itself is not compressed, and its
			     * entries have the form of today */
	bool no_lazy;	    /* all of its memory can be read */
};

#define CHAIN_START  0x100000ull
#define CHAIN_PAGES  40 /* of each mapping; they follow each other */
#define CHAIN_SHARED 7	/* id of the shared memory, which is the third */

/** A number below `limit`. */
uint32_t cr_test_chance(uint32_t *seed, uint32_t limit);

/** Writes the directories; the page size. */
uint32_t cr_test_chain_make(const struct cr_test_chain *chain);

/** The checkpoint, or with i its i-th parent. */
const char *cr_test_chain_dir(const struct cr_test_chain *chain, unsigned i);

/** The memory of process 1 and of the shared memory in a directory: a letter and
 * a sum for each page, or the first error. */
const char *cr_test_chain_memory(const char *dir);

#endif
