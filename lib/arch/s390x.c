// SPDX-License-Identifier: MIT
/*
 * s390x.
 *
 * Facts: Linux arch/s390/kernel/ptrace.c.
 */
#include "lib/arch/arch.h"

#include <elf.h>

static bool is(const CoreEntry *core)
{
	return core->ti_s390;
}

static bool fill_general(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserS390RegsEntry *r = task->core->ti_s390->gpregs;
	cr_regs_u64(to, r->psw_mask);
	cr_regs_u64(to, r->psw_addr);
	cr_regs_u64s(to, r->gprs, r->n_gprs, 16);
	cr_regs_u32s(to, r->acrs, r->n_acrs, 16);
	cr_regs_u64(to, r->orig_gpr2);
	return true;
}

static bool fill_fp(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserS390FpregsEntry *f = task->core->ti_s390->fpregs;
	cr_regs_u32(to, f->fpc);
	cr_regs_u32(to, 0);
	cr_regs_u64s(to, f->fprs, f->n_fprs, 16);
	return true;
}

static bool fill_system_call(struct cr_regs *to,
			     const struct cr_arch_task *task)
{
	cr_regs_u32(to, task->core->ti_s390->gpregs->system_call);
	return true;
}

/* A set that is nothing but nr words of a message which may be absent. */
#define FILL(member, nr)                                                  \
	static bool fill_##member(struct cr_regs *to,                     \
				  const struct cr_arch_task *task)        \
	{                                                                 \
		const ThreadInfoS390 *t = task->core->ti_s390;            \
		if (!t->member)                                           \
			return false;                                     \
		cr_regs_u64s(to, t->member->regs, t->member->n_regs, nr); \
		return true;                                              \
	}

FILL(vxrs_low, 16)
FILL(vxrs_high, 32)
FILL(gs_cb, 4)
FILL(gs_bc, 4)
FILL(ri_cb, 8)

// clang-format off
static const struct cr_arch_set sets[] = {
	{ "CORE",  NT_FPREGSET,         136, fill_fp },
	{ "LINUX", NT_S390_SYSTEM_CALL,   4, fill_system_call },
	{ "LINUX", NT_S390_VXRS_LOW,    128, fill_vxrs_low },
	{ "LINUX", NT_S390_VXRS_HIGH,   256, fill_vxrs_high },
	{ "LINUX", NT_S390_GS_CB,        32, fill_gs_cb },
	{ "LINUX", NT_S390_GS_BC,        32, fill_gs_bc },
	{ "LINUX", NT_S390_RI_CB,        64, fill_ri_cb },
	{ 0 },
};
// clang-format on

const struct cr_arch cr_arch_s390x = {
	.name = "s390x",
	.march = CORE_ENTRY__MARCH__S390,
	.is = is,
	.machine = EM_S390,
	.word = 8,
	.big = true,
	.signals = &cr_arch_signals,
	.general = { "CORE", NT_PRSTATUS, 27 * 8, fill_general },
	.sets = sets,
};
