// SPDX-License-Identifier: MIT
/*
 * Processors: what is needed to read an image of any of them, on any host. A
 * row says what its ELF files look like and which register sets a thread has,
 * as ptrace(2) and core files lay them out; those are made from the messages of
 * a core image. Nothing here is code for the processor.
 *
 * To add a processor: NAME.c with its row, and the row's line in arch.c, arch.h
 * and tests/unit/lib/arch/arch.c.
 *
 * Facts: Linux arch/NAME/include/uapi/asm/{ptrace,elf,auxvec}.h,
 * arch/NAME/kernel/ptrace.c (regsets) and include/uapi/linux/elf.h, v6.12.
 */
#ifndef CR_LIB_ARCH_ARCH_H
#define CR_LIB_ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/core.pb-c.h"
#include "lib/arch/regs.h"

/* What register sets are made from. */
struct cr_arch_task {
	const CoreEntry *core; /* of the thread */
	uint64_t hwcap;	       /* AT_HWCAP of its auxiliary vector */
	unsigned va_bits;      /* of user addresses, see cr_arch_va_bits() */
};

/** Makes a register set. False if the image does not have it; what has been
 * written then does not count. */
typedef bool cr_arch_fill(struct cr_regs *to, const struct cr_arch_task *task);

#define CR_ARCH_SET_MAX 4096 /* bytes: none is larger */

struct cr_arch_set {
	const char *owner; /* of the note, "CORE" or "LINUX" */
	uint32_t type;	   /* NT_* */
	uint32_t size;	   /* bytes; the most there can be, if that varies */
	cr_arch_fill *fill;
	bool secret; /* keys */
};

/* Signals by number; masks have bit N - 1 for signal N. */
struct cr_arch_signals {
	uint64_t harmless; /* without a handler it is ignored, stops, continues */
	uint8_t stop;	   /* SIGSTOP */
};

/*
 * How its code calls and returns, and where a signal handler's caller is saved.
 * Registers are by their DWARF numbers, places count words of 8 bytes.
 */
struct cr_arch_frames {
	uint8_t nr_regs;
	uint8_t sp, fp, ra;	/* ra: the column of the return address */
	uint64_t preserved;	/* bit N: a call keeps register N */
	const uint8_t *general; /* where each one is in the general set */
	uint8_t general_pc;
	bool links; /* a call leaves the return address in ra, not in memory */

	/* What a handler returns to, and the registers of what it interrupted,
	 * above the stack pointer there. */
	const char *trampoline;
	uint8_t trampoline_size;
	uint16_t context; /* bytes above the stack pointer */
	const uint8_t *saved; /* where each one is in it */
	uint8_t saved_pc;

	/* By what such a context is known wherever it stands, as swapcontext(3)
	 * writes them too: a word at a place in it. 0: by nothing. */
	uint64_t mark;
	uint16_t mark_at;
	uint16_t context_size;
	uint8_t uc_stack; /* bytes before it: struct stack_t, of the context */
	uint8_t swap_ra; /* swapcontext(3) may leave the place after it in both
			    pc and ra; where it returns to is then here */
};

#define CR_ARCH_NOWHERE 0xff

struct cr_arch {
	const char *name; /* as `uname -m` has it */
	CoreEntry__March march;
	bool (*is)(const CoreEntry *core); /* its registers are in the image */
	uint16_t machine; /* EM_* */
	uint8_t word;	  /* bytes of a long: 4 or 8 */
	bool big;	  /* its byte order, or the more usual one */
	bool either;	  /* runs in both byte orders */
	bool uid16;	  /* user ids of elf_prpsinfo have 16 bits */
	uint32_t flags[2]; /* e_flags of a core; of a big endian one */
	const struct cr_arch_signals *signals;
	struct cr_arch_set general; /* pr_reg of elf_prstatus */
	const struct cr_arch_set *sets; /* {0} at the end */
	const struct cr_arch_frames *frames; /* NULL: not known here */

	/* Widths that user addresses can have, ascending, 0 at the end; NULL:
	 * of no interest. */
	const uint8_t *va_bits;
};

/** The row of a thread's processor and mode. NULL: there is none, or the image
 * has no registers of it. */
const struct cr_arch *cr_arch_of(const CoreEntry *core);

/** The rows, NULL at the end. */
extern const struct cr_arch *const cr_arches[];

/** The width of user addresses if `top` is where the highest mapping ends; 0 if
 * that is of no interest. */
unsigned cr_arch_va_bits(const struct cr_arch *arch, uint64_t top);

/** The bits of an AArch64 user address that pointer authentication takes. */
uint64_t cr_arch_pac_mask(unsigned va_bits);

extern const struct cr_arch_signals cr_arch_signals; /* of most of them */

extern const struct cr_arch cr_arch_x86_64, cr_arch_i386, cr_arch_aarch64,
	cr_arch_arm, cr_arch_ppc64, cr_arch_s390x, cr_arch_mips64,
	cr_arch_riscv64, cr_arch_loongarch64;

#endif
