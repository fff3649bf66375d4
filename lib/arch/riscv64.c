// SPDX-License-Identifier: MIT
/*
 * 64-bit RISC-V, with the D extension.
 *
 * Facts: Linux arch/riscv/kernel/ptrace.c.
 */
#include "lib/arch/arch.h"

#include <elf.h>

/* Compressed code; arguments in registers of the D extension. Readers take from
 * it how wide floating point registers are. */
#define FLAGS (1 | 4)

static bool is(const CoreEntry *core)
{
	return core->ti_riscv64;
}

static bool fill_general(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserRiscv64RegsEntry *r = task->core->ti_riscv64->gpregs;
	const uint64_t regs[] = {
		r->pc, r->ra, r->sp, r->gp, r->tp,  r->t0,  r->t1, r->t2,
		r->s0, r->s1, r->a0, r->a1, r->a2,  r->a3,  r->a4, r->a5,
		r->a6, r->a7, r->s2, r->s3, r->s4,  r->s5,  r->s6, r->s7,
		r->s8, r->s9, r->s10, r->s11, r->t3, r->t4, r->t5, r->t6,
	};
	cr_regs_u64s(to, regs, 32, 32);
	return true;
}

static bool fill_fp(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserRiscv64DExtEntry *f = task->core->ti_riscv64->fpsimd;
	cr_regs_u64s(to, f->f, f->n_f, 32);
	cr_regs_u32(to, f->fcsr);
	cr_regs_skip(to, 4);
	return true;
}

// clang-format off
static const struct cr_arch_set sets[] = {
	{ "CORE", NT_FPREGSET, 264, fill_fp },
	{ 0 },
};
// clang-format on

const struct cr_arch cr_arch_riscv64 = {
	.name = "riscv64",
	.march = CORE_ENTRY__MARCH__RISCV64,
	.is = is,
	.machine = EM_RISCV,
	.word = 8,
	.flags = { FLAGS, FLAGS },
	.signals = &cr_arch_signals,
	.general = { "CORE", NT_PRSTATUS, 32 * 8, fill_general },
	.sets = sets,
};
