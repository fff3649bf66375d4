// SPDX-License-Identifier: MIT
/*
 * The parts of cr_native for AArch64. Facts: Linux v6.13
 * arch/arm64/kernel/ptrace.c, arch/arm64/mm/gcs.c,
 * Documentation/arch/arm64/{pointer-authentication,gcs}.rst.
 */
#ifndef CR_RESTORE_ARCH_AARCH64_NATIVE_H
#define CR_RESTORE_ARCH_AARCH64_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "restore/arch/arch.h"

/* ---- signed.c: what is signed in a checkpoint, and how ---- */

/* How a processor signs pointers. */
enum cr_signing {
	CR_SIGNING_UNKNOWN,
	CR_SIGNING_QARMA5,
	CR_SIGNING_QARMA3,
	CR_SIGNING_OWN, /* its maker's, which software does not know */
};

struct cr_signer {
	enum cr_signing how;
	unsigned va_bits; /* of user addresses: signatures stand above; 0:
			     not known */
};

/** "qarma5 with addresses of 48 bits" */
const char *cr_signer_text(const struct cr_signer *signer, char *buf,
			   size_t size);

/** Whether a process has signed return addresses that this signer does not
 * accept: UNSUPPORTED says which does, or that no known one does. What cannot be
 * told, because there are too few, is no error. */
struct cr_error *cr_signed_check(struct cr_proc *proc,
				 const struct cr_signer *signer) CR_MUST_CHECK;

/** Whether a process has signed pointers to code, in registers or memory:
 * UNSUPPORTED says where the first one is. What is below a stack pointer has been
 * left behind, and does not count. */
struct cr_error *cr_signed_none(struct cr_proc *proc) CR_MUST_CHECK;

/* ---- pac.c: keys ---- */

struct cr_error *cr_pac_plan(struct cr_rplan *plan, struct cr_thread *thread)
	CR_MUST_CHECK;
struct cr_error *cr_pac_load(struct cr_restore *run, struct cr_thread *thread)
	CR_MUST_CHECK;

/* ---- gcs.c: guarded control stacks ---- */

struct cr_error *cr_gcs_plan(struct cr_rplan *plan, struct cr_thread *thread)
	CR_MUST_CHECK;
struct cr_error *cr_gcs_make(struct cr_restore *run, struct cr_thread *leader)
	CR_MUST_CHECK;
struct cr_error *cr_gcs_load(struct cr_restore *run, struct cr_thread *thread)
	CR_MUST_CHECK;

/* ---- vectors.c: their length ---- */

struct cr_error *cr_vectors_plan(struct cr_thread *thread) CR_MUST_CHECK;
struct cr_error *cr_vectors_load(struct cr_thread *thread) CR_MUST_CHECK;

/** Sets a register set that lib/arch makes of the thread's core. */
struct cr_error *cr_load_set(struct cr_thread *thread, uint32_t type)
	CR_MUST_CHECK;

#endif
