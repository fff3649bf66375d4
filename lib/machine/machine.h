// SPDX-License-Identifier: MIT
/*
 * What a machine is, as far as the registers of a thread depend on it: kernel,
 * processor, the layout of extended state, pointer authentication, shadow stacks,
 * vector lengths. Facts about this one, or about one whose facts are in a file.
 *
 * What only a trial tells is tried, in child processes of this one that have a
 * time limit: which signal frames the kernel takes back, which algorithm
 * signs pointers, how wide addresses are. What a trial does not tell, because it
 * does not apply or did not come to an end, is CR_TRIAL_UNKNOWN or 0.
 *
 * The file is JSON, see cr_machine_write(). Native code is in the folder of its
 * processor, and one of those is built; elsewhere nothing is known.
 *
 * Facts: Intel SDM volume 1, 13 (XSAVE) and CPUID leaf 0xD; Linux
 * arch/x86/kernel/fpu/signal.c; Arm ARM D24 (ID registers), D8.10; Linux v6.13
 * Documentation/arch/arm64/{cpu-feature-registers,elf_hwcaps,sve,sme,gcs}.rst.
 */
#ifndef CR_LIB_MACHINE_MACHINE_H
#define CR_LIB_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/out.h"

#define CR_MACHINE_VERSION 1
#define CR_MACHINE_TEXT 64
#define CR_NR_XSTATE 64

enum cr_trial { CR_TRIAL_UNKNOWN, CR_TRIAL_NO, CR_TRIAL_YES };

enum cr_machine_pac {
	CR_MACHINE_PAC_UNKNOWN,
	CR_MACHINE_PAC_NONE,
	CR_MACHINE_PAC_QARMA5,
	CR_MACHINE_PAC_QARMA3,
	CR_MACHINE_PAC_IMPDEF, /* its maker's own */
};

/* Vector lengths, in bytes, ascending. */
#define CR_NR_LENGTHS 16
struct cr_lengths {
	uint32_t nr;
	uint32_t length[CR_NR_LENGTHS];
	uint32_t usual; /* of a new program; 0: there are none */
};

struct cr_machine_x86 {
	char vendor[16]; /* "GenuineIntel" */
	uint32_t family, model, stepping;
	uint64_t features; /* XCR0: components that can be used; 0: no XSAVE */
	uint32_t size;	   /* of all of those, in standard format */

	/* Of a frame as the kernel makes it for a new program. */
	uint32_t frame_size;
	uint64_t frame_features;

	/* Component N, if features has bit N. */
	struct cr_machine_component {
		uint32_t off, size;
	} component[CR_NR_XSTATE];

	/* Whether the kernel takes extended state from a frame that is shorter,
	 * or longer, than its own; else it drops all but x87 and SSE. */
	enum cr_trial short_frames, long_frames;
	enum cr_trial shadow_stacks;
};

struct cr_machine_aarch64 {
	uint64_t midr; /* 0: cannot be read */
	enum cr_machine_pac pac;
	enum cr_trial pac_proved; /* by pointers that were signed with known keys */
	enum cr_trial pac_keys;	  /* they can be read and set from outside */
	uint32_t pac_level;	  /* of the ID register: 1 PAuth to 5 FPACCOMBINE */
	uint32_t va_bits;	  /* of user addresses; 0: not known */
	enum cr_trial generic;	  /* pacga */
	enum cr_trial gcs;	  /* can be switched on */
	struct cr_lengths sve, sme;
	enum cr_trial sme2, fpmr, poe;
};

struct cr_machine {
	char arch[16]; /* as `uname -m` has it */
	char kernel[CR_MACHINE_TEXT]; /* its release */
	char cpu[CR_MACHINE_TEXT];    /* for people */
	uint32_t page_size;
	uint32_t signal_stack; /* the least a handler needs; 0: not said */
	uint64_t hwcap, hwcap2;
	struct cr_machine_x86 x86;
	struct cr_machine_aarch64 aarch64;
};

/** What this machine says of itself: no trials. */
void cr_machine_look(struct cr_machine *ret);

/** The same with trials. limit_ms: for each. SYSTEM: there can be no child. */
struct cr_error *cr_machine_probe(struct cr_machine *ret, int limit_ms)
	CR_MUST_CHECK;

/**
 * As JSON: {"critter_machine": 1, "arch": ..., "x86": {...}} with the section of
 * its processor alone. Masks are text, "0x7"; what a trial did not tell is null.
 */
struct cr_error *cr_machine_write(const struct cr_machine *machine,
				  struct cr_out *out) CR_MUST_CHECK;

/** Reads that. FORMAT: it is not that; UNSUPPORTED: of a later version. Keys that
 * are not known are passed over, those that are missing are not known. */
struct cr_error *cr_machine_read(struct cr_machine *ret, int fd) CR_MUST_CHECK;

/** The same from memory. */
struct cr_error *cr_machine_parse(struct cr_machine *ret, const void *data,
				  size_t size) CR_MUST_CHECK;

bool cr_machine_is_x86(const struct cr_machine *machine);
bool cr_machine_is_aarch64(const struct cr_machine *machine);

/** Whether a thread may have this length. */
bool cr_lengths_has(const struct cr_lengths *lengths, uint32_t length);

/** "qarma5", ...; NULL for UNKNOWN. */
const char *cr_machine_pac_name(enum cr_machine_pac pac);

/** A component's name, "avx"; NULL if it has none. */
const char *cr_xstate_name(unsigned bit);

#endif
