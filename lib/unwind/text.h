// SPDX-License-Identifier: MIT
/*
 * Which instructions that sign and authenticate pointers the code of a process
 * has: whoever signs anew what stands in memory must know whether anything but
 * return addresses is signed. AArch64.
 *
 * Data that is mapped as code may look like them. What is in no function that
 * call frame information knows, where there is any, is counted apart.
 */
#ifndef CR_LIB_UNWIND_TEXT_H
#define CR_LIB_UNWIND_TEXT_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/pac/code.h"
#include "lib/unwind/modules.h"

struct cr_text_use {
	uint64_t size;		     /* bytes that could be read */
	uint64_t nr[CR_NR_PAC_CODES]; /* of each kind; NONE is not counted */
	uint64_t nr_elsewhere; /* REGISTER, GENERIC in no function */
	uint64_t first;	       /* address of the first REGISTER, GENERIC */
};

/** Counts in a mapping. What cannot be read is not in size; FORMAT and the like:
 * faults of the images. */
struct cr_error *cr_text_count(struct cr_modules *modules,
			       const struct cr_vma *vma,
			       struct cr_text_use *ret) CR_MUST_CHECK;

#endif
