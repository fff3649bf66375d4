// SPDX-License-Identifier: MIT
/*
 * 32-bit Arm. The floating point set of old (NT_FPREGSET: the FPA's) is not in
 * the images.
 *
 * Facts: Linux arch/arm/kernel/ptrace.c.
 */
#include "lib/arch/arch.h"

#include <elf.h>

static bool is(const CoreEntry *core)
{
	return core->ti_arm;
}

static bool fill_general(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserArmRegsEntry *r = task->core->ti_arm->gpregs;
	const uint32_t regs[] = {
		r->r0, r->r1, r->r2,  r->r3, r->r4, r->r5, r->r6, r->r7,   r->r8,
		r->r9, r->r10, r->fp, r->ip, r->sp, r->lr, r->pc, r->cpsr,
		r->orig_r0,
	};
	cr_regs_u32s(to, regs, 18, 18);
	return true;
}

static bool fill_vfp(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserArmVfpstateEntry *f = task->core->ti_arm->fpstate;
	cr_regs_u64s(to, f->vfp_regs, f->n_vfp_regs, 32);
	cr_regs_u32(to, f->fpscr);
	return true;
}

static bool fill_tls(struct cr_regs *to, const struct cr_arch_task *task)
{
	cr_regs_u32(to, task->core->ti_arm->tls);
	return true;
}

// clang-format off
static const struct cr_arch_set sets[] = {
	{ "LINUX", NT_ARM_VFP, 260, fill_vfp },
	{ "LINUX", NT_ARM_TLS,   4, fill_tls },
	{ 0 },
};
// clang-format on

const struct cr_arch cr_arch_arm = {
	.name = "armv7l",
	.march = CORE_ENTRY__MARCH__ARM,
	.is = is,
	.machine = EM_ARM,
	.word = 4,
	.either = true,
	.uid16 = true,
	.flags = { EF_ARM_EABI_VER5, EF_ARM_EABI_VER5 },
	.signals = &cr_arch_signals,
	.general = { "CORE", NT_PRSTATUS, 18 * 4, fill_general },
	.sets = sets,
};
