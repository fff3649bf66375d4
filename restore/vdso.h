// SPDX-License-Identifier: MIT
/*
 * The vdso, of which programs know addresses. If the one of the checkpoint is that
 * of the running kernel, byte by byte but for what the kernel fits to the
 * processor, or one of another build that has its functions at the same places,
 * then this kernel's moves to where that was. Else that of the checkpoint is put
 * there as plain memory, each of its functions begins with a jump to this kernel's,
 * and this kernel's stays where it is.
 *
 * Nobody points to the trampoline that signal handlers return to, but frames of
 * handlers do: it may have moved up, if what is in its place does nothing until
 * there; in one that leads to ours it stays, as it only makes a call. No thread may be inside of a vdso of another build.
 *
 * Facts: man 7 vdso, man 5 elf; Linux v6.13 arch/arm64/kernel/vdso/sigreturn.S.
 */
#ifndef CR_RESTORE_VDSO_H
#define CR_RESTORE_VDSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "restore/plan.h"

struct cr_restore;

struct cr_trampoline {
	const char *name; /* NULL: programs bring their own */
	uint8_t nop[4];	  /* an instruction that does nothing */
	size_t nop_size;
};

/** Whether whoever knows one finds all in the other. Both are ELF files of
 * `size` bytes, or anything: theirs comes out of an image. */
bool cr_vdso_fits(const void *theirs, const void *ours, size_t size,
		  const struct cr_trampoline *trampoline);

/* A jump to be put at an offset of theirs, to an offset of ours. */
struct cr_vdso_jump {
	uint64_t from, to;
};

#define CR_VDSO_JUMPS_MAX 64
#define CR_VDSO_STAYS	  UINT64_MAX /* there is no jump */

/** Where jumps of jump_size bytes make every function of theirs lead to ours. False
 * if one is not in ours, is too near to the next, or there are too many. */
bool cr_vdso_jumps(const void *theirs, size_t size, const void *ours,
		   size_t our_size, size_t jump_size,
		   const struct cr_trampoline *trampoline,
		   struct cr_vdso_jump ret[CR_VDSO_JUMPS_MAX], size_t *nr_ret);

/** Puts them there, in the process. */
struct cr_error *cr_vdso_lead(struct cr_restore *run, struct cr_proc *proc)
	CR_MUST_CHECK;

#endif
