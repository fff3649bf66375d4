// SPDX-License-Identifier: MIT
/*
 * 64-bit MIPS, the n64 ABI: CRIU dumps no other.
 *
 * Facts: Linux arch/mips/kernel/ptrace.c, arch/mips/include/uapi/asm/reg.h and
 * signal.h.
 */
#include "lib/arch/arch.h"

#include <elf.h>

static bool is(const CoreEntry *core)
{
	return core->ti_mips;
}

static bool fill_general(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserMipsRegsEntry *r = task->core->ti_mips->gpregs;
	const uint64_t regs[] = {
		r->r0,	r->r1,	r->r2,	r->r3,	r->r4,	r->r5,	r->r6,
		r->r7,	r->r8,	r->r9,	r->r10, r->r11, r->r12, r->r13,
		r->r14, r->r15, r->r16, r->r17, r->r18, r->r19, r->r20,
		r->r21, r->r22, r->r23, r->r24, r->r25, r->r26, r->r27,
		r->r28, r->r29, r->r30, r->r31, r->lo,	r->hi,
		r->cp0_epc, r->cp0_badvaddr, r->cp0_status, r->cp0_cause,
	};
	cr_regs_u64s(to, regs, 38, 45);
	return true;
}

static bool fill_fp(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserMipsFpregsEntry *r = task->core->ti_mips->fpregs;
	const uint64_t regs[] = {
		r->r0,	r->r1,	r->r2,	r->r3,	r->r4,	r->r5,	r->r6,
		r->r7,	r->r8,	r->r9,	r->r10, r->r11, r->r12, r->r13,
		r->r14, r->r15, r->r16, r->r17, r->r18, r->r19, r->r20,
		r->r21, r->r22, r->r23, r->r24, r->r25, r->r26, r->r27,
		r->r28, r->r29, r->r30, r->r31,
	};
	cr_regs_u64s(to, regs, 32, 32);
	cr_regs_u32(to, r->fpu_fcr31);
	cr_regs_u32(to, r->fpu_id);
	return true;
}

// clang-format off
static const struct cr_arch_set sets[] = {
	{ "CORE", NT_FPREGSET, 264, fill_fp },
	{ 0 },
};
// clang-format on

#define BIT(signal) (UINT64_C(1) << ((signal) - 1))

/* SIGCHLD, WINCH, URG, STOP, TSTP, CONT, TTIN, TTOU */
static const struct cr_arch_signals signals = {
	.harmless = BIT(18) | BIT(20) | BIT(21) | BIT(23) | BIT(24) | BIT(25) |
		    BIT(26) | BIT(27),
	.stop = 23,
};

const struct cr_arch cr_arch_mips64 = {
	.name = "mips64",
	.march = CORE_ENTRY__MARCH__MIPS,
	.is = is,
	.machine = EM_MIPS,
	.word = 8,
	.either = true,
	.signals = &signals,
	.general = { "CORE", NT_PRSTATUS, 45 * 8, fill_general },
	.sets = sets,
};
