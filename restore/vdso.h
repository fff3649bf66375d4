// SPDX-License-Identifier: MIT
/*
 * The vdso, of which programs know addresses: the one of the checkpoint has to be
 * that of the running kernel, byte by byte but for what the kernel fits to the
 * processor; or one of another build that has its functions at the same places.
 *
 * Nobody points to the trampoline that signal handlers return to, but frames of
 * handlers do: it may have moved up, if what is in its place does nothing until
 * there. No thread may be inside of a vdso of another build.
 *
 * Facts: man 7 vdso, man 5 elf; Linux v6.13 arch/arm64/kernel/vdso/sigreturn.S.
 */
#ifndef CR_RESTORE_VDSO_H
#define CR_RESTORE_VDSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "restore/plan.h"

struct cr_trampoline {
	const char *name; /* NULL: programs bring their own */
	uint8_t nop[4];	  /* an instruction that does nothing */
	size_t nop_size;
};

/** Whether whoever knows one finds all in the other. Both are ELF files of
 * `size` bytes, or anything: theirs comes out of an image. */
bool cr_vdso_fits(const void *theirs, const void *ours, size_t size,
		  const struct cr_trampoline *trampoline);

#endif
