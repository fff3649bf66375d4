// SPDX-License-Identifier: MIT
/*
 * x86: 64-bit code and 32-bit code under a 64-bit kernel.
 *
 * Facts: Linux arch/x86/kernel/ptrace.c, arch/x86/include/asm/fpu/types.h,
 * arch/x86/include/uapi/asm/sigcontext.h; the System V ABI for x86_64 (what
 * calls keep, numbers of registers); Intel SDM volume 1, 10.5.1 (FXSAVE) and 13.4 (XSAVE).
 */
#include "lib/arch/arch.h"

#include <elf.h>

#ifndef NT_X86_SHSTK
#define NT_X86_SHSTK 0x204
#endif

static bool is_compat(const CoreEntry *core)
{
	const ThreadInfoX86 *info = core->thread_info;
	return info && info->gpregs->has_mode &&
	       info->gpregs->mode == USER_X86_REGS_MODE__COMPAT;
}

static bool is_native(const CoreEntry *core)
{
	return core->thread_info && !is_compat(core);
}

static bool fill_general(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserX86RegsEntry *r = task->core->thread_info->gpregs;
	const uint64_t regs[] = {
		r->r15, r->r14, r->r13, r->r12, r->bp,	   r->bx,      r->r11,
		r->r10, r->r9,	r->r8,	r->ax,	r->cx,	   r->dx,      r->si,
		r->di,	r->orig_ax,	r->ip,	r->cs,	   r->flags,   r->sp,
		r->ss,	r->fs_base,	r->gs_base,	   r->ds,      r->es,
		r->fs,	r->gs,
	};
	cr_regs_u64s(to, regs, 27, 27);
	return true;
}

static bool fill_general32(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserX86RegsEntry *r = task->core->thread_info->gpregs;
	const uint64_t regs[] = {
		r->bx, r->cx, r->dx,	  r->si, r->di, r->bp,	  r->ax, r->ds,
		r->es, r->fs, r->gs, r->orig_ax, r->ip, r->cs, r->flags, r->sp,
		r->ss,
	};
	for (size_t i = 0; i < 17; i++)
		cr_regs_u32(to, regs[i]);
	return true;
}

/* ---- floating point ---- */

/* The FXSAVE area but for its last 48 bytes. */
static void put_fxsave(struct cr_regs *to, const UserX86FpregsEntry *f)
{
	cr_regs_u16(to, f->cwd);
	cr_regs_u16(to, f->swd);
	cr_regs_u16(to, f->twd);
	cr_regs_u16(to, f->fop);
	cr_regs_u64(to, f->rip);
	cr_regs_u64(to, f->rdp);
	cr_regs_u32(to, f->mxcsr);
	cr_regs_u32(to, f->mxcsr_mask);
	cr_regs_u32s(to, f->st_space, f->n_st_space, 32);
	cr_regs_u32s(to, f->xmm_space, f->n_xmm_space, 64);
}

static bool fill_fxsave(struct cr_regs *to, const struct cr_arch_task *task)
{
	put_fxsave(to, task->core->thread_info->fpregs);
	cr_regs_seek(to, 512);
	return true;
}

/* The two bits of a register in the tag word that FSAVE has: valid, zero,
 * special or empty. FXSAVE keeps but whether it is empty. */
static uint32_t full_tag(const uint32_t *st)
{
	uint32_t exponent = st[2] & 0x7fff;
	uint64_t mantissa = (uint64_t)st[1] << 32 | st[0];
	if (exponent && exponent != 0x7fff)
		return mantissa >> 63 ? 0 : 2;
	return exponent || mantissa ? 2 : 1;
}

static uint32_t full_tags(const UserX86FpregsEntry *f)
{
	unsigned top = f->swd >> 11 & 7;
	uint32_t tags = 0;
	for (unsigned i = 0; i < 8; i++) {
		size_t st = (i - top) & 7;
		uint32_t tag = 3;
		if (f->twd >> i & 1)
			tag = 4 * st + 4 <= f->n_st_space
				      ? full_tag(f->st_space + 4 * st)
				      : 1;
		tags |= tag << 2 * i;
	}
	return tags;
}

/* struct user_i387_ia32_struct: what FSAVE stores. */
static bool fill_fsave(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserX86FpregsEntry *f = task->core->thread_info->fpregs;
	cr_regs_u32(to, f->cwd | 0xffff0000);
	cr_regs_u32(to, f->swd | 0xffff0000);
	cr_regs_u32(to, full_tags(f) | 0xffff0000);
	cr_regs_u32(to, f->rip);
	cr_regs_u16(to, (uint32_t)(f->rip >> 32));
	cr_regs_u16(to, f->fop);
	cr_regs_u32(to, f->rdp);
	cr_regs_u32(to, f->rdp >> 32 | 0xffff0000);
	for (size_t i = 0; i < 8; i++) {
		cr_regs_u32s(to, f->st_space + 4 * i,
			     4 * i + 4 <= f->n_st_space ? 2 : 0, 2);
		cr_regs_u16(to, 4 * i + 4 <= f->n_st_space
					? f->st_space[4 * i + 2]
					: 0);
	}
	return true;
}

/*
 * Components of the standard format. Where one stands is a property of the
 * processor that images do not tell; readers of cores (gdb, lldb) know these
 * offsets, of Intel's with MPX, and take others only for what they resemble.
 */
enum { YMM = 2, BNDREGS, BNDCSR, OPMASK, ZMM_UPPER, HI16_ZMM, PKRU = 9 };

struct component {
	uint8_t bit;
	uint16_t off, size;
};

// clang-format off
static const struct component components[] = {
	{ YMM,        576,  256 },
	{ BNDREGS,    960,   64 },
	{ BNDCSR,    1024,   64 },
	{ OPMASK,    1088,   64 },
	{ ZMM_UPPER, 1152,  512 },
	{ HI16_ZMM,  1664, 1024 },
	{ PKRU,      2688,    8 },
	{ 0 },
};
// clang-format on
#define XSTATE_MAX 2696

#define HAS(bit, nr) ((uint64_t)((nr) > 0) << (bit))

/* Bits of the components that the image has: what the processor could save. */
static uint64_t xfeatures(const UserX86XsaveEntry *x)
{
	const uint64_t x87_and_sse = 3;
	return x87_and_sse | HAS(YMM, x->n_ymmh_space) |
	       HAS(BNDREGS, x->n_bndreg_state) |
	       HAS(BNDCSR, x->n_bndcsr_state) |
	       HAS(OPMASK, x->n_opmask_reg) | HAS(ZMM_UPPER, x->n_zmm_upper) |
	       HAS(HI16_ZMM, x->n_hi16_zmm) | HAS(PKRU, x->n_pkru);
}

static void put_component(struct cr_regs *to, const UserX86XsaveEntry *x,
			  const struct component *c)
{
	size_t nr = c->size / 8;
	cr_regs_seek(to, c->off);
	switch (c->bit) {
	case YMM:
		cr_regs_u32s(to, x->ymmh_space, x->n_ymmh_space, 2 * nr);
		break;
	case BNDREGS:
		cr_regs_u64s(to, x->bndreg_state, x->n_bndreg_state, nr);
		break;
	case BNDCSR:
		cr_regs_u64s(to, x->bndcsr_state, x->n_bndcsr_state, nr);
		break;
	case OPMASK:
		cr_regs_u64s(to, x->opmask_reg, x->n_opmask_reg, nr);
		break;
	case ZMM_UPPER:
		cr_regs_u64s(to, x->zmm_upper, x->n_zmm_upper, nr);
		break;
	case HI16_ZMM:
		cr_regs_u64s(to, x->hi16_zmm, x->n_hi16_zmm, nr);
		break;
	case PKRU:
		cr_regs_u32s(to, x->pkru, x->n_pkru, 2 * nr);
		break;
	}
}

static bool fill_xstate(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserX86FpregsEntry *f = task->core->thread_info->fpregs;
	const UserX86XsaveEntry *x = f->xsave;
	if (!x)
		return false;
	uint64_t bits = xfeatures(x);
	put_fxsave(to, f);
	cr_regs_seek(to, 464); /* where ptrace(2) has XCR0 */
	cr_regs_u64(to, bits);
	cr_regs_seek(to, 512);
	cr_regs_u64(to, x->xstate_bv & bits);
	cr_regs_seek(to, 576);
	for (const struct component *c = components; c->bit; c++)
		if (bits >> c->bit & 1)
			put_component(to, x, c);
	return true;
}

static bool fill_shstk(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserX86XsaveEntry *x = task->core->thread_info->fpregs->xsave;
	if (!x || !x->cet)
		return false;
	cr_regs_u64(to, x->cet->ssp);
	return true;
}

/* The segments of set_thread_area(2): struct user_desc of each slot. */
static bool fill_tls32(struct cr_regs *to, const struct cr_arch_task *task)
{
	const ThreadInfoX86 *info = task->core->thread_info;
	for (size_t i = 0; i < info->n_tls && i < 3; i++) {
		const UserDescT *d = info->tls[i];
		uint32_t bits[] = {
			d->seg_32bit,	   d->contents_l,      d->contents_h,
			d->read_exec_only, d->limit_in_pages,
			d->seg_not_present, d->usable,
		};
		uint32_t flags = 0;
		for (unsigned b = 0; b < 7; b++)
			flags |= (uint32_t)!!bits[b] << b;
		cr_regs_u32(to, d->entry_number);
		cr_regs_u32(to, d->base_addr);
		cr_regs_u32(to, d->limit);
		cr_regs_u32(to, flags);
	}
	return info->n_tls > 0;
}

// clang-format off
static const struct cr_arch_set sets64[] = {
	{ "CORE",  NT_FPREGSET,   512,        fill_fxsave },
	{ "LINUX", NT_X86_XSTATE, XSTATE_MAX, fill_xstate },
	{ "LINUX", NT_X86_SHSTK,  8,          fill_shstk },
	{ 0 },
};

static const struct cr_arch_set sets32[] = {
	{ "CORE",  NT_FPREGSET,   108,        fill_fsave },
	{ "LINUX", NT_PRXFPREG,   512,        fill_fxsave },
	{ "LINUX", NT_X86_XSTATE, XSTATE_MAX, fill_xstate },
	{ "LINUX", NT_386_TLS,    48,         fill_tls32 },
	{ 0 },
};
// clang-format on

/* rax rdx rcx rbx rsi rdi rbp rsp r8 to r15; the return address, 16, is in
 * memory only. In the signal frame r8 comes first. */
// clang-format off
static const uint8_t in_general[] = {
	10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, CR_ARCH_NOWHERE,
};

static const uint8_t in_context[] = {
	13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, CR_ARCH_NOWHERE,
};
// clang-format on

/* The trampoline is libc's: mov $15, %rax; syscall. */
static const struct cr_arch_frames frames64 = {
	.nr_regs = 17,
	.sp = 7,
	.fp = 6,
	.ra = 16,
	.preserved = 1 << 3 | 1 << 6 | 0xf << 12, /* rbx, rbp, r12 to r15 */
	.general = in_general,
	.general_pc = 16,
	.trampoline = "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05",
	.trampoline_size = 9,
	.context = 40,
	.saved = in_context,
	.saved_pc = 16,
};

const struct cr_arch cr_arch_x86_64 = {
	.name = "x86_64",
	.march = CORE_ENTRY__MARCH__X86_64,
	.is = is_native,
	.machine = EM_X86_64,
	.word = 8,
	.signals = &cr_arch_signals,
	.general = { "CORE", NT_PRSTATUS, 27 * 8, fill_general },
	.sets = sets64,
	.frames = &frames64,
};

const struct cr_arch cr_arch_i386 = {
	.name = "i386",
	.march = CORE_ENTRY__MARCH__X86_64,
	.is = is_compat,
	.machine = EM_386,
	.word = 4,
	.uid16 = true,
	.signals = &cr_arch_signals,
	.general = { "CORE", NT_PRSTATUS, 17 * 4, fill_general32 },
	.sets = sets32,
};
