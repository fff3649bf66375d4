// SPDX-License-Identifier: MIT
/*
 * LoongArch64.
 *
 * Facts: Linux arch/loongarch/kernel/ptrace.c, arch/loongarch/include/uapi/asm/
 * ptrace.h; LoongArch ELF psABI 2.01 (e_flags).
 */
#include "lib/arch/arch.h"

#include <elf.h>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

/* Arguments in double precision registers; relocations of version 1. */
#define FLAGS (0x3 | 0x40)

static bool is(const CoreEntry *core)
{
	return core->ti_loongarch64;
}

static bool fill_general(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserLoongarch64GpregsEntry *r =
		task->core->ti_loongarch64->gpregs;
	cr_regs_u64s(to, r->regs, r->n_regs, 32);
	cr_regs_u64(to, 0); /* a0 on entry to the system call: not saved */
	cr_regs_u64(to, r->pc);
	cr_regs_skip(to, 11 * 8);
	return true;
}

static bool fill_fp(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserLoongarch64FpregsEntry *f =
		task->core->ti_loongarch64->fpregs;
	cr_regs_u64s(to, f->regs, f->n_regs, 32);
	cr_regs_u64(to, f->fcc);
	cr_regs_u32(to, f->fcsr);
	return true;
}

// clang-format off
static const struct cr_arch_set sets[] = {
	{ "CORE", NT_FPREGSET, 268, fill_fp },
	{ 0 },
};
// clang-format on

const struct cr_arch cr_arch_loongarch64 = {
	.name = "loongarch64",
	.march = CORE_ENTRY__MARCH__LOONGARCH64,
	.is = is,
	.machine = EM_LOONGARCH,
	.word = 8,
	.flags = { FLAGS, FLAGS },
	.signals = &cr_arch_signals,
	.general = { "CORE", NT_PRSTATUS, 45 * 8, fill_general },
	.sets = sets,
};
