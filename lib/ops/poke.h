// SPDX-License-Identifier: MIT
/*
 * Writes bytes to the memory of a process in its images, as if it had done so
 * itself before the checkpoint was made.
 *
 * Pages that are here are changed where they are. One that is in a parent, or was
 * never saved, becomes one that is here: its entry is split, or a new one put in.
 * Shared memory is changed in its object, so all who map it see that. A page of a
 * private mapping of a file that is not saved needs the file for the bytes around
 * those that are written (sysroot).
 */
#ifndef CR_LIB_OPS_POKE_H
#define CR_LIB_OPS_POKE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/ops/change.h"

/* Bytes of a process. */
struct cr_poke {
	uint32_t pid;
	uint64_t vaddr;
	const void *data;
	size_t size;
};

/**
 * Writes size bytes at vaddr of process pid. A note for each stretch says what
 * was there and what is; nothing is changed where the bytes are the same.
 * NOT_FOUND: no such process, nothing mapped there, or bytes of a page that are
 * not to be had; UNSUPPORTED: bytes that no image holds (a shared mapping of a
 * file, what the kernel makes).
 */
struct cr_error *cr_poke(struct cr_change *change, uint32_t pid,
			 uint64_t vaddr, const void *data, size_t size,
			 const char *sysroot) CR_MUST_CHECK;

/** The same for a list: every pagemap is written once, so those of a process
 * should come one after the other. Shared memory may be named by several who map
 * it if they write the same. Errors begin with the process. */
struct cr_error *cr_poke_all(struct cr_change *change,
			     const struct cr_poke *list, size_t nr,
			     const char *sysroot) CR_MUST_CHECK;

#endif
