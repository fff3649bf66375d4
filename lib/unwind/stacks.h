// SPDX-License-Identifier: MIT
/*
 * The stacks of a process, opened to be unwound: its memory, the core images of
 * all its threads. And what all stacks of a checkpoint together tell: how their
 * return addresses are signed.
 */
#ifndef CR_LIB_UNWIND_STACKS_H
#define CR_LIB_UNWIND_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/image/pstree.h"
#include "lib/pages/reader.h"
#include "lib/unwind/frame.h"
#include "lib/unwind/sign.h"
#include "lib/unwind/slots.h"

struct cr_stacks {
	uint32_t pid;
	struct cr_slot_thread *thread; /* the leader first; none of a zombie */
	size_t nr;
	const struct cr_arch *arch; /* NULL of a zombie */
	struct cr_pages pages;
	struct cr_unwind unwind;
};

/** The memory stays the caller's. FORMAT, NOT_FOUND: images are missing or
 * broken; UNSUPPORTED: a processor whose stacks cannot be unwound. */
struct cr_error *cr_stacks_open(struct cr_stacks *stacks,
				struct cr_memory *memory,
				const struct cr_task *task) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_stacks_close(struct cr_stacks *stacks);

/** Adds the keys of all threads of all processes, and proves the scheme by their
 * frames. Only NOMEM is returned: what is wrong with a process is found again
 * where it is looked at. */
struct cr_error *cr_stacks_learn(struct cr_signs *signs,
				 struct cr_memory *memory,
				 const struct cr_pstree *tree) CR_MUST_CHECK;

#endif
