// SPDX-License-Identifier: MIT
/*
 * AArch64.
 *
 * Facts: Linux arch/arm64/kernel/ptrace.c, arch/arm64/kernel/signal.c and
 * vdso/sigreturn.S, arch/arm64/include/uapi/asm/{hwcap,sigcontext}.h; Arm ARM,
 * D8.10 (where the authentication code stands); Arm's aapcs64 (what calls keep)
 * and aadwarf64 (numbers of registers); glibc 2.43
 * sysdeps/unix/sysv/linux/aarch64/swapcontext.S.
 */
#include "lib/arch/arch.h"

#include <elf.h>

#ifndef NT_ARM_GCS
#define NT_ARM_GCS 0x410
#endif

#define HWCAP_PACA (UINT64_C(1) << 30)

static bool is(const CoreEntry *core)
{
	return core->ti_aarch64;
}

static bool fill_general(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserAarch64RegsEntry *r = task->core->ti_aarch64->gpregs;
	cr_regs_u64s(to, r->regs, r->n_regs, 31);
	cr_regs_u64(to, r->sp);
	cr_regs_u64(to, r->pc);
	cr_regs_u64(to, r->pstate);
	return true;
}

static bool fill_fpsimd(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserAarch64FpsimdContextEntry *f =
		task->core->ti_aarch64->fpsimd;
	cr_regs_u64s(to, f->vregs, f->n_vregs, 64);
	cr_regs_u32(to, f->fpsr);
	cr_regs_u32(to, f->fpcr);
	cr_regs_skip(to, 8);
	return true;
}

static bool fill_tls(struct cr_regs *to, const struct cr_arch_task *task)
{
	cr_regs_u64(to, task->core->ti_aarch64->tls);
	return true;
}

/*
 * User addresses keep their tags, so the code stands below the tag and above
 * the address. How wide that is no image tells, but mappings end near the top
 * of it. A kernel for 52 bits gives 48 to those who do not ask for more: the
 * mask then has four bits more than its own, and these are 0 in any pointer.
 */
uint64_t cr_arch_pac_mask(unsigned va_bits)
{
	return (UINT64_C(1) << 55) - (UINT64_C(1) << va_bits);
}

static bool fill_pac_mask(struct cr_regs *to, const struct cr_arch_task *task)
{
	if (!(task->hwcap & HWCAP_PACA))
		return false;
	cr_regs_u64(to, cr_arch_pac_mask(task->va_bits)); /* data */
	cr_regs_u64(to, cr_arch_pac_mask(task->va_bits)); /* code */
	return true;
}

static const PacAddressKeys *address_keys(const struct cr_arch_task *task)
{
	const PacKeys *keys = task->core->ti_aarch64->pac_keys;
	return keys ? keys->pac_address_keys : NULL;
}

static bool fill_paca_keys(struct cr_regs *to, const struct cr_arch_task *task)
{
	const PacAddressKeys *k = address_keys(task);
	if (!k)
		return false;
	const uint64_t words[] = {
		k->apiakey_lo, k->apiakey_hi, k->apibkey_lo, k->apibkey_hi,
		k->apdakey_lo, k->apdakey_hi, k->apdbkey_lo, k->apdbkey_hi,
	};
	cr_regs_u64s(to, words, 8, 8);
	return true;
}

static bool fill_pacg_keys(struct cr_regs *to, const struct cr_arch_task *task)
{
	const PacKeys *keys = task->core->ti_aarch64->pac_keys;
	if (!keys || !keys->pac_generic_keys)
		return false;
	cr_regs_u64(to, keys->pac_generic_keys->apgakey_lo);
	cr_regs_u64(to, keys->pac_generic_keys->apgakey_hi);
	return true;
}

static bool fill_pac_enabled(struct cr_regs *to,
			     const struct cr_arch_task *task)
{
	const PacAddressKeys *k = address_keys(task);
	if (!k)
		return false;
	cr_regs_u64(to, k->pac_enabled_key);
	return true;
}

/* What is locked is not in the images. */
static bool fill_gcs(struct cr_regs *to, const struct cr_arch_task *task)
{
	const UserAarch64GcsEntry *gcs = task->core->ti_aarch64->gcs;
	if (!gcs)
		return false;
	cr_regs_u64(to, gcs->features_enabled);
	cr_regs_u64(to, 0);
	cr_regs_u64(to, gcs->gcspr_el0);
	return true;
}

// clang-format off
static const struct cr_arch_set sets[] = {
	{ "CORE",  NT_FPREGSET,             528, fill_fpsimd },
	{ "LINUX", NT_ARM_TLS,                8, fill_tls },
	{ "LINUX", NT_ARM_PAC_MASK,          16, fill_pac_mask },
	{ "LINUX", NT_ARM_PAC_ENABLED_KEYS,   8, fill_pac_enabled },
	{ "LINUX", NT_ARM_PACA_KEYS,         64, fill_paca_keys, .secret = true },
	{ "LINUX", NT_ARM_PACG_KEYS,         16, fill_pacg_keys, .secret = true },
	{ "LINUX", NT_ARM_GCS,               24, fill_gcs },
	{ 0 },
};
// clang-format on

static const uint8_t va_bits[] = { 36, 39, 42, 47, 48, 52, 0 };

/* x0 to x30, sp, and 32, which is pc: everywhere in this order. In the signal
 * frame behind fault_address. */
// clang-format off
static const uint8_t in_general[] = {
	 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
};

static const uint8_t in_context[] = {
	 1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
};
// clang-format on

static const struct cr_arch_frames frames = {
	.nr_regs = 32,
	.sp = 31,
	.fp = 29,
	.ra = 30,
	.preserved = UINT64_C(0x7ff) << 19, /* x19 to x29 */
	.general = in_general,
	.general_pc = 32,
	.links = true,
	.trampoline = "\x68\x11\x80\xd2\x01\x00\x00\xd4",
	.trampoline_size = 8,
	.context = 304,
	.saved = in_context,
	.saved_pc = 33,
	.mark = UINT64_C(0x21046508001), /* FPSIMD_MAGIC and its size */
	.mark_at = 288,
	.context_size = 288 + 4096,
	.uc_stack = 160,
	.swap_ra = 1,
};

const struct cr_arch cr_arch_aarch64 = {
	.name = "aarch64",
	.march = CORE_ENTRY__MARCH__AARCH64,
	.is = is,
	.machine = EM_AARCH64,
	.word = 8,
	.signals = &cr_arch_signals,
	.general = { "CORE", NT_PRSTATUS, 34 * 8, fill_general },
	.sets = sets,
	.frames = &frames,
	.va_bits = va_bits,
};
