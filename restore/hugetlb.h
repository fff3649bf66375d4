// SPDX-License-Identifier: MIT
/*
 * How many huge pages of the kernel's pools are needed.
 */
#ifndef CR_RESTORE_HUGETLB_H
#define CR_RESTORE_HUGETLB_H

#include <stdint.h>

#include "restore/plan.h"

struct cr_huge {
	uint64_t nr[64]; /* by the logarithm of their size */
};

/** Adds those of some bytes; flags say the size as in mmap(2) or
 * memfd_create(2). */
void cr_huge_add(struct cr_huge *huge, uint64_t flags, uint64_t size);

/** fd/memfd.c: adds those of files of memory. */
void cr_memfds_add_huge(const struct cr_rplan *plan, struct cr_huge *huge);

#endif
