// SPDX-License-Identifier: MIT
/*
 * The keys of signed pointers. Each thread gets its own: CRIU gives all of them
 * those of the leader. Which ones is decided in restore/keys.
 */
#include "restore/arch/aarch64/native.h"

#include <elf.h>
#include <sys/auxv.h>

#include "restore/keys/keys.h"
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

// Not said: as if its maker's, which is tried and not computed.
static enum cr_pac_algorithm algorithm(void)
{
	uint64_t isar1, isar2;
	if (!has(CAP_CPUID))
		return CR_PAC_IMPDEF;
	READ("s3_0_c0_c6_1", isar1);
	READ("s3_0_c0_c6_2", isar2);
	if (field(isar1, 4)) // APA
		return CR_PAC_QARMA5;
	return field(isar2, 12) ? CR_PAC_QARMA3 : CR_PAC_IMPDEF; // APA3
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

static bool here(struct cr_pac_scheme *ret)
{
	if (!has(CAP_PACA))
		return false;
	*ret = (struct cr_pac_scheme){ algorithm(), va_bits(),
				       CR_PAC_TAG_LINUX };
	return true;
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

struct cr_error *cr_pac_plan(struct cr_rplan *plan, struct cr_thread *thread)
{
	const PacAddressKeys *keys = address_keys(thread);
	uint64_t enabled = keys ? keys->pac_enabled_key : 0;
	if (enabled & ~(uint64_t)ALL_KEYS)
		return cr_error_new(CR_ERR_FORMAT,
				    "pac_enabled_key: 0x%llx has more than the "
				    "four keys",
				    (unsigned long long)enabled);
	// A processor without any is another matter.
	if (has(CAP_PACA) && has_generic(thread) && !has(CAP_PACG) &&
	    cr_keys_want(plan->options) != CR_KEYS_OFF)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "it has a key for signed data, and this "
				    "processor signs none (see --keys=off)");
	return NULL;
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

static struct cr_error *none(struct cr_proc *proc)
{
	return may_have_signed(proc->mm.entry) ? cr_signed_none(proc) : NULL;
}

const struct cr_native_signing cr_pac_signing = {
	.here = here,
	.open = cr_signer_open,
	.close = cr_signer_close,
	.check = cr_signed_check,
	.none = none,
};

/* ---- loading ---- */

static struct cr_error *load_new(struct cr_thread *thread,
				 const struct cr_rekey_keys *keys)
{
	const struct cr_pac_key *key = keys->new_;
	struct cr_error *err = NULL;
	if (keys->has[CR_REKEY_GA] && has(CAP_PACG))
		err = cr_tracee_put(thread, NT_ARM_PACG_KEYS,
				    &key[CR_REKEY_GA], sizeof(key[0]));
	if (!err && keys->has[CR_REKEY_IA])
		err = cr_tracee_put(thread, NT_ARM_PACA_KEYS, key,
				    CR_REKEY_GA * sizeof(key[0]));
	return err;
}

static struct cr_error *load_saved(struct cr_thread *thread)
{
	struct cr_error *err = NULL;
	if (has_generic(thread) && has(CAP_PACG))
		err = cr_load_set(thread, NT_ARM_PACG_KEYS);
	if (!err && address_keys(thread))
		err = cr_load_set(thread, NT_ARM_PACA_KEYS);
	return err;
}

struct cr_error *cr_pac_load(struct cr_restore *run, struct cr_thread *thread)
{
	const struct cr_keys *plan = run->plan->keys;
	const struct cr_rekey_keys *keys = cr_keys_of(run, thread);
	uint64_t none_enabled = 0;
	if (!has(CAP_PACA))
		return NULL;
	struct cr_error *err =
		keys ? load_new(thread, keys) : load_saved(thread);
	if (err)
		return err;
	if (!address_keys(thread) || plan->row->what == CR_KEYS_STRIP)
		return cr_tracee_put(thread, NT_ARM_PAC_ENABLED_KEYS,
				     &none_enabled, sizeof(none_enabled));
	return cr_load_set(thread, NT_ARM_PAC_ENABLED_KEYS);
}
