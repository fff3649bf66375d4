// SPDX-License-Identifier: MIT
/*
 * Call frame information: which rule gives the caller's registers at a code
 * address, from .eh_frame or .debug_frame.
 *
 * Tables are read in place and stay the caller's. They may be hostile: every
 * step is bounded by their size. Facts: DWARF 5, 6.4; Linux Standard Base 5.0,
 * Core, 10.6 (.eh_frame, .eh_frame_hdr); Arm's aadwarf64 for AArch64.
 *
 * elfutils' libdw reads the same tables, but (0.188 to 0.193) does not give out
 * what signed return addresses need: the state of RA_SIGN_STATE, the key that
 * augmentation 'B' names, negate_ra_state_with_pc; and its expressions have no
 * limit.
 */
#ifndef CR_LIB_UNWIND_CFI_H
#define CR_LIB_UNWIND_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

/* A section, and what addresses in it are relative to. */
struct cr_cfi_section {
	const uint8_t *data;
	size_t size;
	uint64_t vaddr;	      /* of its first byte, in the process */
	uint64_t text, table; /* bases of textrel and datarel; 0: none */
	bool is_debug_frame;
	bool big_endian;
	uint8_t address_size; /* 4 or 8 */
	uint64_t bias; /* .debug_frame: added to the addresses in it */

	/* .eh_frame_hdr, if there is one: NULL. */
	const uint8_t *hdr;
	size_t hdr_size;
	uint64_t hdr_vaddr;
};

/* A section with what is needed to find something in it. */
struct cr_cfi {
	struct cr_cfi_section section;

	/* The header's sorted table: pairs of 32 bits, relative to the header.
	 * NULL: there is none that is usable. */
	const uint8_t *table;
	size_t nr_table;

	/* In its place: all entries, sorted. Made when first needed. */
	struct cr_cfi_place {
		uint64_t start, end;
		size_t off;
	} *place;
	size_t nr_places;
	bool has_places;
	struct cr_error *fault; /* what ended that early */
};

/** The section's bytes outlive *ret. Cannot fail: a header that is no use is
 * left aside. */
void cr_cfi_init(struct cr_cfi *cfi, const struct cr_cfi_section *section);

/** Accepts a zeroed one. */
void cr_cfi_deinit(struct cr_cfi *cfi);

/* The entry of a function: instructions, the common ones first. */
struct cr_fde {
	size_t off;	     /* in the section */
	uint64_t start, end; /* of the code it is about */
	struct cr_fde_code {
		const uint8_t *data;
		size_t size;
	} common, own;
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_reg;     /* the return address's column */
	uint8_t encoding;    /* of addresses in instructions */
	bool is_signal;	     /* 'S': the frame of a signal handler's caller */
	bool is_key_b;	     /* 'B': return addresses signed with key B */
};

/**
 * The entry for a code address. NOT_FOUND: none covers it. FORMAT: the table is
 * broken there, by the byte of the section. NOMEM.
 */
struct cr_error *cr_cfi_find(struct cr_cfi *cfi, uint64_t pc,
			     struct cr_fde *ret) CR_MUST_CHECK;

/* Registers by their DWARF numbers; what is above is not needed to find the
 * caller, and passed over. */
#define CR_CFI_NR_REGS 35

enum cr_cfi_kind {
	CR_CFI_NONE,	  /* not said: the processor's convention */
	CR_CFI_UNDEFINED, /* lost; of the return address: the outermost frame */
	CR_CFI_SAME,	  /* unchanged */
	CR_CFI_AT,	  /* saved at the CFA + off */
	CR_CFI_IS,	  /* is the CFA + off; for the CFA: reg + off */
	CR_CFI_REG,	  /* is in reg */
	CR_CFI_AT_EXPR,	  /* saved at the expression's value */
	CR_CFI_IS_EXPR,	  /* is the expression's value */
};

struct cr_cfi_rule {
	enum cr_cfi_kind kind;
	uint32_t reg;
	union {
		int64_t off;
		struct cr_fde_code expr;
	};
};

/* Whether the return address is signed there. */
enum cr_cfi_sign {
	CR_CFI_SIGNED = 1,  /* with the stack pointer at its entry, the CFA */
	CR_CFI_WITH_PC = 2, /* and with the address of the signing instruction */
};

struct cr_cfi_row {
	struct cr_cfi_rule cfa;
	struct cr_cfi_rule reg[CR_CFI_NR_REGS];
	unsigned sign;	  /* enum cr_cfi_sign */
	uint64_t sign_pc; /* WITH_PC: where the table says it was signed */
};

/** The rules at pc, which the entry covers. FORMAT names the byte. */
struct cr_error *cr_cfi_row(const struct cr_cfi *cfi, const struct cr_fde *fde,
			    uint64_t pc, struct cr_cfi_row *ret) CR_MUST_CHECK;

/** Calls fn for every entry of the section, broken ones ending the walk. */
struct cr_error *cr_cfi_each(struct cr_cfi *cfi,
			     struct cr_error *(*fn)(void *arg,
						    const struct cr_fde *fde),
			     void *arg) CR_MUST_CHECK;

#endif
