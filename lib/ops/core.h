// SPDX-License-Identifier: MIT
/*
 * A process of a checkpoint as an ELF core file, as the kernel would have
 * dumped it, for any processor on any host.
 *
 * The file has, in this order: headers, notes, memory from a page border on.
 *
 * Notes are those of the kernel, the leader's first: NT_PRSTATUS, NT_PRPSINFO,
 * NT_SIGINFO (if a signal that will end the process is pending), NT_AUXV,
 * NT_FILE, register sets (lib/arch); then each other thread's.
 *
 * A mapping is a segment. Pages of files that are not here have no bytes, so
 * that a debugger takes them from the files of the note NT_FILE; pages that
 * should be here and are not (sent later, or not in the parent) are in no
 * segment, so that reading them fails. Where that, or much memory that was never
 * touched, lies within a mapping, it becomes several segments.
 *
 * Everything is written front to back and memory does not grow with the
 * process; mappings are gone through several times. In a file, zeros are holes,
 * and plain pages are reflinks where the file system can.
 *
 * Facts: man 5 core; man 5 elf; Linux fs/binfmt_elf.c, include/linux/elfcore.h,
 * v6.12.
 */
#ifndef CR_LIB_OPS_CORE_H
#define CR_LIB_OPS_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/image/pstree.h"
#include "lib/pages/memory.h"

struct cr_core {
	struct cr_memory *memory;
	const struct cr_pstree *tree;
	bool secrets; /* include the keys of pointer authentication */

	/* Takes what was missing or broken; the core has been written without
	 * it. */
	void (*found)(void *arg, struct cr_error *err);
	void *arg;
};

/**
 * Writes a process to fd. `sparse`: a new, empty regular file, whose holes read
 * as zeros; otherwise zeros are written. NOT_FOUND: there is no such process or
 * it has no memory (a zombie); UNSUPPORTED: of a processor that is not known, or
 * too large for a 32-bit file; FORMAT.
 */
struct cr_error *cr_core_write(const struct cr_core *core, uint32_t pid, int fd,
			       bool sparse) CR_MUST_CHECK;

#endif
