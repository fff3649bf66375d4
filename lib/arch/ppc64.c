// SPDX-License-Identifier: MIT
/*
 * 64-bit POWER. Inside a transaction an image has the registers twice, and the
 * other way round than ptrace(2): `tmstate` is what the thread has, and what
 * stands in its place is what it goes back to if the transaction fails.
 *
 * Facts: Linux arch/powerpc/kernel/ptrace/; CRIU criu/arch/ppc64/crtools.c.
 */
#include "lib/arch/arch.h"

#include <elf.h>

static bool is(const CoreEntry *core)
{
	return core->ti_ppc64;
}

/* The units of one of the two, with `spare` the ones to go back to. */
struct state {
	const UserPpc64RegsEntry *gpregs;
	const UserPpc64FpstateEntry *fp;
	const UserPpc64VrstateEntry *vr;
	const UserPpc64VsxstateEntry *vsx;
};

static struct state state_of(const struct cr_arch_task *task, bool spare)
{
	const ThreadInfoPpc64 *t = task->core->ti_ppc64;
	const UserPpc64TmRegsEntry *tm = t->tmstate;
	if (tm && !spare)
		return (struct state){ tm->gpregs, tm->fpstate, tm->vrstate,
				       tm->vsxstate };
	if (!tm && spare)
		return (struct state){ NULL };
	return (struct state){ t->gpregs, t->fpstate, t->vrstate,
			       t->vsxstate };
}

static bool put_general(struct cr_regs *to, struct state s)
{
	const UserPpc64RegsEntry *r = s.gpregs;
	if (!r)
		return false;
	const uint64_t rest[] = {
		r->nip, r->msr, r->orig_gpr3, r->ctr, r->link, r->xer, r->ccr,
		0, r->trap, /* softe */
	};
	cr_regs_u64s(to, r->gpr, r->n_gpr, 32);
	cr_regs_u64s(to, rest, 9, 16);
	return true;
}

static bool put_fp(struct cr_regs *to, struct state s)
{
	if (s.fp)
		cr_regs_u64s(to, s.fp->fpregs, s.fp->n_fpregs, 33);
	return s.fp;
}

static bool put_vmx(struct cr_regs *to, struct state s)
{
	if (!s.vr)
		return false;
	cr_regs_u64s(to, s.vr->vrregs, s.vr->n_vrregs, 66);
	cr_regs_u32(to, s.vr->vrsave);
	cr_regs_skip(to, 12);
	return true;
}

static bool put_vsx(struct cr_regs *to, struct state s)
{
	if (s.vsx)
		cr_regs_u64s(to, s.vsx->vsxregs, s.vsx->n_vsxregs, 32);
	return s.vsx;
}

/* The two sets of a unit. */
#define FILL(unit)                                                        \
	static bool fill_##unit(struct cr_regs *to,                       \
				const struct cr_arch_task *task)          \
	{                                                                 \
		return put_##unit(to, state_of(task, false));             \
	}                                                                 \
	static bool fill_tm_##unit(struct cr_regs *to,                    \
				   const struct cr_arch_task *task)       \
	{                                                                 \
		return put_##unit(to, state_of(task, true));              \
	}

FILL(general)
FILL(fp)
FILL(vmx)
FILL(vsx)

static bool fill_tm_spr(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserPpc64RegsEntry *r = state_of(task, true).gpregs;
	if (!r)
		return false;
	cr_regs_u64(to, r->tfhar);
	cr_regs_u64(to, r->texasr);
	cr_regs_u64(to, r->tfiar);
	return true;
}

// clang-format off
static const struct cr_arch_set sets[] = {
	{ "CORE",  NT_FPREGSET,    33 * 8,  fill_fp },
	{ "LINUX", NT_PPC_VMX,     34 * 16, fill_vmx },
	{ "LINUX", NT_PPC_VSX,     32 * 8,  fill_vsx },
	{ "LINUX", NT_PPC_TM_CGPR, 48 * 8,  fill_tm_general },
	{ "LINUX", NT_PPC_TM_CFPR, 33 * 8,  fill_tm_fp },
	{ "LINUX", NT_PPC_TM_CVMX, 34 * 16, fill_tm_vmx },
	{ "LINUX", NT_PPC_TM_CVSX, 32 * 8,  fill_tm_vsx },
	{ "LINUX", NT_PPC_TM_SPR,  3 * 8,   fill_tm_spr },
	{ 0 },
};
// clang-format on

/* Little endian code has the second ELF ABI, big endian mostly the first. */
const struct cr_arch cr_arch_ppc64 = {
	.name = "ppc64",
	.march = CORE_ENTRY__MARCH__PPC64,
	.is = is,
	.machine = EM_PPC64,
	.word = 8,
	.either = true,
	.flags = { 2, 0 },
	.signals = &cr_arch_signals,
	.general = { "CORE", NT_PRSTATUS, 48 * 8, fill_general },
	.sets = sets,
};
