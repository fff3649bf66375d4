// SPDX-License-Identifier: MIT
/*
 * Pointer authentication keys and shadow stacks of AArch64 threads. A processor
 * that has neither has zeros, or nothing, in their place. Linux
 * include/uapi/linux/prctl.h (PR_PAC_*, PR_SHADOW_STACK_*).
 */
#include <string.h>

#include "lib/ops/check/inside.h"

#define PAC_KEYS     0xfu
#define GCS_FEATURES 0x7u
#define GCS_ENABLE   0x1u

static const PacAddressKeys *address_keys(const CoreEntry *core)
{
	const ThreadInfoAarch64 *info = core->ti_aarch64;
	return info && info->pac_keys ? info->pac_keys->pac_address_keys : NULL;
}

static bool same_keys(const PacAddressKeys *a, const PacAddressKeys *b)
{
	return a->apiakey_lo == b->apiakey_lo &&
	       a->apiakey_hi == b->apiakey_hi &&
	       a->apibkey_lo == b->apibkey_lo &&
	       a->apibkey_hi == b->apibkey_hi &&
	       a->apdakey_lo == b->apdakey_lo &&
	       a->apdakey_hi == b->apdakey_hi &&
	       a->apdbkey_lo == b->apdbkey_lo &&
	       a->apdbkey_hi == b->apdbkey_hi &&
	       a->pac_enabled_key == b->pac_enabled_key;
}

static const PacGenericKeys *generic_keys(const CoreEntry *core)
{
	const ThreadInfoAarch64 *info = core->ti_aarch64;
	return info && info->pac_keys ? info->pac_keys->pac_generic_keys : NULL;
}

static bool same_generic(const PacGenericKeys *a, const PacGenericKeys *b)
{
	return !a || !b ||
	       (a->apgakey_lo == b->apgakey_lo && a->apgakey_hi == b->apgakey_hi);
}

static void check_pac(struct cr_check *c, const CoreEntry *leader,
		      const CoreEntry *core, const char *image)
{
	const PacAddressKeys *theirs = address_keys(leader);
	const PacAddressKeys *mine = address_keys(core);
	c->pac_address |= mine != NULL;
	c->pac_generic |= generic_keys(core) != NULL;
	if (mine && mine->pac_enabled_key & ~(uint64_t)PAC_KEYS)
		cr_check_found(c, CR_RULE_PAC_MASK, image, 0,
			       "pac_enabled_key is 0x%llx, which names keys "
			       "that do not exist",
			       (ull)mine->pac_enabled_key);
	if (!mine != !theirs)
		cr_check_found(c, CR_RULE_PAC_SOME_THREADS, image, 0,
			       "has %s, unlike the leader",
			       mine ? "pointer authentication keys" :
				      "no pointer authentication keys");
	else if (mine && (!same_keys(mine, theirs) ||
			  !same_generic(generic_keys(core),
					generic_keys(leader))))
		cr_check_found(c, CR_RULE_PAC_THREADS_DIFFER, image, 0,
			       "its pointer authentication keys are not the "
			       "leader's");
}

static void check_gcs(struct cr_check *c, const CoreEntry *core,
		      const char *image)
{
	const UserAarch64GcsEntry *gcs =
		core->ti_aarch64 ? core->ti_aarch64->gcs : NULL;
	uint64_t features = gcs ? gcs->features_enabled : 0;
	c->gcs |= features & GCS_ENABLE;
	if (features & ~(uint64_t)GCS_FEATURES ||
	    (features && !(features & GCS_ENABLE)))
		cr_check_found(c, CR_RULE_GCS_FEATURES, image, 0,
			       "features_enabled of gcs is 0x%llx",
			       (ull)features);
}

void cr_check_cpu(struct cr_check *c, const CoreEntry *leader,
		  const CoreEntry *core, const char *image)
{
	check_pac(c, leader, core, image);
	check_gcs(c, core, image);
}
