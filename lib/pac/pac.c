// SPDX-License-Identifier: MIT
#include "lib/pac/pac.h"

#include "lib/pac/qarma.h"

static const struct {
	const char *name;
	enum cr_qarma_box box;
	unsigned rounds;
} algorithms[CR_NR_PAC_ALGORITHMS] = {
	[CR_PAC_QARMA5] = { "qarma5", CR_QARMA_SIGMA2, 5 },
	[CR_PAC_QARMA3] = { "qarma3", CR_QARMA_SIGMA1, 3 },
};

#define BIT_55	 (UINT64_C(1) << 55)
#define TOP_BYTE (UINT64_C(0xff) << 56)

static uint64_t compute(enum cr_pac_algorithm algorithm,
			const struct cr_pac_key *key, uint64_t data,
			uint64_t modifier)
{
	return cr_qarma64(data, modifier, key->hi, key->lo,
			  algorithms[algorithm].box,
			  algorithms[algorithm].rounds);
}

static bool is_tagged(const struct cr_pac_scheme *scheme, enum cr_pac_use use,
		      uint64_t ptr)
{
	if (!(ptr & BIT_55))
		return scheme->tags & CR_PAC_TAG_LOW;
	return scheme->tags & (use == CR_PAC_DATA ? CR_PAC_TAG_HIGH_DATA :
						    CR_PAC_TAG_HIGH_CODE);
}

uint64_t cr_pac_field(const struct cr_pac_scheme *scheme, enum cr_pac_use use,
		      uint64_t ptr)
{
	uint64_t field = (UINT64_MAX << scheme->va_bits) & ~BIT_55;
	return is_tagged(scheme, use, ptr) ? field & ~TOP_BYTE : field;
}

uint64_t cr_pac_strip(const struct cr_pac_scheme *scheme, enum cr_pac_use use,
		      uint64_t ptr)
{
	uint64_t field = cr_pac_field(scheme, use, ptr);
	return ptr & BIT_55 ? ptr | field : ptr & ~field;
}

/* The code of a pointer, which itself may have any bits in the field. */
static uint64_t code(const struct cr_pac_scheme *scheme,
		     const struct cr_pac_key *key, enum cr_pac_use use,
		     uint64_t ptr, uint64_t modifier)
{
	return compute(scheme->algorithm, key, cr_pac_strip(scheme, use, ptr),
		       modifier) &
	       cr_pac_field(scheme, use, ptr);
}

uint64_t cr_pac_sign(const struct cr_pac_scheme *scheme,
		     const struct cr_pac_key *key, enum cr_pac_use use,
		     uint64_t ptr, uint64_t modifier)
{
	return ptr ^ code(scheme, key, use, ptr, modifier);
}

bool cr_pac_auth(const struct cr_pac_scheme *scheme,
		 const struct cr_pac_key *key, enum cr_pac_use use,
		 uint64_t ptr, uint64_t modifier)
{
	return (ptr ^ code(scheme, key, use, ptr, modifier)) ==
	       cr_pac_strip(scheme, use, ptr);
}

uint32_t cr_pac_generic(enum cr_pac_algorithm algorithm,
			const struct cr_pac_key *key, uint64_t data,
			uint64_t modifier)
{
	return (uint32_t)(compute(algorithm, key, data, modifier) >> 32);
}

uint64_t cr_pac_modifier_lr(uint64_t sp, uint64_t pc)
{
	return (sp >> 4 & UINT32_MAX) | (pc >> 5) << 32;
}

uint32_t cr_pac_fingerprint(const struct cr_pac_key *key)
{
	/* No processor's: more rounds than any has. */
	return (uint32_t)(cr_qarma64(0x63726974, 0x706163, key->hi, key->lo,
				     CR_QARMA_SIGMA1, CR_QARMA_ROUNDS_MAX) >>
			  32);
}

const char *cr_pac_algorithm_name(enum cr_pac_algorithm algorithm)
{
	return algorithm < CR_NR_PAC_ALGORITHMS ? algorithms[algorithm].name :
						  "impdef";
}
