// SPDX-License-Identifier: MIT
/*
 * The keys of signed pointers. Each thread gets its own: CRIU gives all of them
 * those of the leader.
 *
 *	keys in the image	yes	yes	no
 *	this processor signs	yes	no	either
 *
 *	--keys=saved		set	refuse	disable all
 *	--keys=unchecked	set	refuse	disable all
 *	--keys=off		disable	nothing	disable all
 *
 * Setting needs a processor that signs as that of the checkpoint did; disabling,
 * or to do nothing, a process without signed pointers.
 */
#include "restore/arch/aarch64/native.h"

#include <elf.h>
#include <sys/auxv.h>

#include "restore/tracee.h"

// clang-format off
#ifndef NT_ARM_PACA_KEYS
#define NT_ARM_PACA_KEYS 0x407
#define NT_ARM_PACG_KEYS 0x408
#endif
#ifndef NT_ARM_PAC_ENABLED_KEYS
#define NT_ARM_PAC_ENABLED_KEYS 0x40a
#endif
#define CAP_CPUID (UINT64_C(1) << 11)
#define CAP_PACA  (UINT64_C(1) << 30)
#define CAP_PACG  (UINT64_C(1) << 31)
#define ALL_KEYS  0xf
// clang-format on

static bool has(uint64_t cap)
{
	return getauxval(AT_HWCAP) & cap;
}

/* ---- this processor ---- */

#define READ(reg, to) __asm__ volatile("mrs %0, " reg : "=r"(to))

static unsigned field(uint64_t reg, unsigned at)
{
	return reg >> at & 15;
}

static enum cr_signing signing(void)
{
	uint64_t isar1, isar2;
	if (!has(CAP_CPUID))
		return CR_SIGNING_UNKNOWN;
	READ("s3_0_c0_c6_1", isar1);
	READ("s3_0_c0_c6_2", isar2);
	if (field(isar1, 4)) // APA
		return CR_SIGNING_QARMA5;
	if (field(isar2, 12)) // APA3
		return CR_SIGNING_QARMA3;
	return field(isar1, 8) ? CR_SIGNING_OWN : CR_SIGNING_UNKNOWN; // API
}

// A pointer with all bits set but the top ones loses what a signature takes.
static unsigned va_bits(void)
{
	uint64_t ptr = (UINT64_C(1) << 55) - 1;
	__asm__ volatile("mov x30, %0\n\t"
			 "hint #7\n\t" // xpaclri
			 "mov %0, x30"
			 : "+r"(ptr)
			 :
			 : "x30");
	return (unsigned)__builtin_popcountll(ptr);
}

/* ---- planning ---- */

static const PacAddressKeys *address_keys(const struct cr_thread *thread)
{
	const PacKeys *keys = thread->core->ti_aarch64->pac_keys;
	return keys ? keys->pac_address_keys : NULL;
}

static bool has_generic(const struct cr_thread *thread)
{
	const PacKeys *keys = thread->core->ti_aarch64->pac_keys;
	return keys && keys->pac_generic_keys;
}

static bool wants_keys(const struct cr_options *options,
		       const struct cr_thread *thread)
{
	return options->keys != CR_KEYS_OFF && address_keys(thread);
}

// Where its processor signs nothing, all of its memory need not be read.
static bool may_have_signed(const MmEntry *mm)
{
	for (size_t i = 0; i + 1 < mm->n_mm_saved_auxv; i += 2) {
		if (mm->mm_saved_auxv[i] == AT_HWCAP)
			return mm->mm_saved_auxv[i + 1] & CAP_PACA;
	}
	return true;
}

static struct cr_error *plan_disabled(struct cr_thread *thread)
{
	struct cr_error *err = NULL;
	if (thread == thread->proc->thread &&
	    may_have_signed(thread->proc->mm.entry))
		err = cr_signed_none(thread->proc);
	if (!err)
		return NULL;
	return cr_error_at(err, address_keys(thread) ?
					"--keys=off" :
					"the image holds no keys");
}

static struct cr_error *plan_keys(struct cr_rplan *plan,
				  struct cr_thread *thread)
{
	uint64_t enabled = address_keys(thread)->pac_enabled_key;
	if (enabled & ~(uint64_t)ALL_KEYS)
		return cr_error_new(CR_ERR_FORMAT,
				    "pac_enabled_key: 0x%llx has more than the "
				    "four keys",
				    (unsigned long long)enabled);
	if (!has(CAP_PACA))
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "it has keys for signed pointers, and this "
				    "processor signs none (see --keys=off)");
	if (has_generic(thread) && !has(CAP_PACG))
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "it has a key for signed data, and this "
				    "processor signs none (see --keys=off)");
	if (thread != thread->proc->thread ||
	    plan->options->keys == CR_KEYS_UNCHECKED)
		return NULL;
	struct cr_signer here = { signing(), va_bits() };
	return cr_signed_check(thread->proc, &here);
}

struct cr_error *cr_pac_plan(struct cr_rplan *plan, struct cr_thread *thread)
{
	return wants_keys(plan->options, thread) ? plan_keys(plan, thread) :
						   plan_disabled(thread);
}

/* ---- loading ---- */

struct cr_error *cr_pac_load(struct cr_restore *run, struct cr_thread *thread)
{
	uint64_t none = 0;
	struct cr_error *err = NULL;
	if (has_generic(thread) && has(CAP_PACG))
		err = cr_load_set(thread, NT_ARM_PACG_KEYS);
	if (err || !has(CAP_PACA))
		return err;
	if (!wants_keys(run->options, thread))
		return cr_tracee_put(thread, NT_ARM_PAC_ENABLED_KEYS, &none,
				     sizeof(none));
	err = cr_load_set(thread, NT_ARM_PACA_KEYS);
	return err ?: cr_load_set(thread, NT_ARM_PAC_ENABLED_KEYS);
}
