// SPDX-License-Identifier: MIT
/*
 * Pointer authentication in software: insert, check and strip the code that
 * AArch64 processors put into the unused top bits of a pointer.
 *
 * Pure functions, of algorithms that are public; nothing is kept, printed or
 * logged. Keys stay the caller's, who wipes them.
 *
 * What a code looks like depends on the processor (the algorithm), the kernel
 * (address size, which tops are ignored as tags) and on the pointer itself. The
 * arithmetic is that of FEAT_PAuth2, where the code is combined with the bits
 * that stand in its place by exclusive-or; for a pointer in canonical form,
 * which is all that a compiler signs, every version gives the same.
 *
 * Facts: Arm ARM D8.10 (AddPAC, Auth, Strip, ComputePAC, HaveConstPACField);
 * Linux v6.13 arch/arm64/include/asm/pointer_auth.h for the field's place.
 */
#ifndef CR_LIB_PAC_PAC_H
#define CR_LIB_PAC_PAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A processor may have an algorithm of its maker's instead: its codes can be
 * stripped, but only such a processor computes them (struct cr_pac_engine). */
enum cr_pac_algorithm {
	CR_PAC_QARMA5, /* ID_AA64ISAR1_EL1.APA */
	CR_PAC_QARMA3, /* ID_AA64ISAR2_EL1.APA3 */
	CR_NR_PAC_ALGORITHMS,
	CR_PAC_IMPDEF = CR_NR_PAC_ALGORITHMS, /* ID_AA64ISAR1_EL1.API */
};

/* Address sizes that a kernel can be built or booted with. */
#define CR_PAC_VA_BITS_MIN 36
#define CR_PAC_VA_BITS_MAX 52

/* Where the top byte of a pointer is a tag, which is no part of the code. */
enum cr_pac_tags {
	CR_PAC_TAG_LOW = 1,	  /* bit 55 clear: user pointers */
	CR_PAC_TAG_HIGH_DATA = 2, /* bit 55 set, data keys */
	CR_PAC_TAG_HIGH_CODE = 4, /* bit 55 set, instruction keys */
	CR_PAC_TAG_LINUX = CR_PAC_TAG_LOW | CR_PAC_TAG_HIGH_DATA,
};

struct cr_pac_scheme {
	enum cr_pac_algorithm algorithm;
	unsigned va_bits; /* CR_PAC_VA_BITS_MIN to _MAX */
	unsigned tags;	  /* enum cr_pac_tags */
};

struct cr_pac_key {
	uint64_t lo, hi;
};

/* A pointer to be signed, and the signed one then. */
struct cr_pac_job {
	uint64_t ptr, modifier;
	bool is_key_b;
};

/* Who signs code pointers where software cannot. */
struct cr_pac_engine {
	struct cr_pac_scheme scheme; /* as it does */
	/* Signs plain pointers with keys A and B. False: that failed, and whoever
	 * made the engine knows why. */
	bool (*sign)(void *arg, const struct cr_pac_key key[2],
		     struct cr_pac_job *job, size_t nr);
	/* Wipes what it has kept of keys, here. */
	void (*forget)(void *arg);
	void *arg;
};

/* What a key is for; it decides where tags are. */
enum cr_pac_use { CR_PAC_CODE, CR_PAC_DATA };

/** The bits of a pointer that the code takes: all between the tag, or the top,
 * and the address, but for bit 55. */
uint64_t cr_pac_field(const struct cr_pac_scheme *scheme, enum cr_pac_use use,
		      uint64_t ptr);

/** The pointer without its code. */
uint64_t cr_pac_strip(const struct cr_pac_scheme *scheme, enum cr_pac_use use,
		      uint64_t ptr);

/** The pointer with its code. */
uint64_t cr_pac_sign(const struct cr_pac_scheme *scheme,
		     const struct cr_pac_key *key, enum cr_pac_use use,
		     uint64_t ptr, uint64_t modifier);

/** True if the pointer carries the right code. A wrong key passes by chance once
 * in 2^n, n being the bits of the field. */
bool cr_pac_auth(const struct cr_pac_scheme *scheme,
		 const struct cr_pac_key *key, enum cr_pac_use use,
		 uint64_t ptr, uint64_t modifier);

/** What PACGA computes: 32 bits, which it puts into the upper half. */
uint32_t cr_pac_generic(enum cr_pac_algorithm algorithm,
			const struct cr_pac_key *key, uint64_t data,
			uint64_t modifier);

/** The modifier of the forms with two (FEAT_PAuth_LR): the stack pointer, and
 * the address of the instruction that signs. */
uint64_t cr_pac_modifier_lr(uint64_t sp, uint64_t pc);

/** A number that tells keys apart and does not tell them: what the cipher makes
 * of a fixed block, cut to 32 bits. */
uint32_t cr_pac_fingerprint(const struct cr_pac_key *key);

/** "qarma5", "qarma3", "impdef". */
const char *cr_pac_algorithm_name(enum cr_pac_algorithm algorithm);

#endif
