// SPDX-License-Identifier: MIT
/*
 * The parts of cr_native for AArch64. Facts: Linux v6.13
 * arch/arm64/kernel/ptrace.c, arch/arm64/mm/gcs.c,
 * Documentation/arch/arm64/{pointer-authentication,gcs}.rst.
 */
#ifndef CR_RESTORE_ARCH_AARCH64_NATIVE_H
#define CR_RESTORE_ARCH_AARCH64_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#include "restore/arch/arch.h"

/* ---- signed.c: what is signed in a checkpoint, and how ---- */

/** "by QARMA5 for addresses of 48 bits" */
const char *cr_signer_text(const struct cr_pac_scheme *scheme, char *buf,
			   size_t size);

/** See struct cr_native_signing. */
struct cr_error *cr_signed_check(struct cr_proc *proc,
				 const struct cr_pac_scheme *scheme)
	CR_MUST_CHECK;
struct cr_error *cr_signed_none(struct cr_proc *proc) CR_MUST_CHECK;

/* ---- signer.c: a process that signs ---- */

struct cr_error *cr_signer_open(struct cr_pac_engine *ret) CR_MUST_CHECK;
struct cr_error *cr_signer_close(struct cr_pac_engine *engine) CR_MUST_CHECK;

/* ---- pac.c: keys ---- */

extern const struct cr_native_signing cr_pac_signing;

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
