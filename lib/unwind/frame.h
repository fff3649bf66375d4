// SPDX-License-Identifier: MIT
/*
 * A thread's frames, from its registers outward: who called whom, and where each
 * return address is.
 *
 * A step is taken by what is surest: the frame that the kernel made for a signal
 * handler, call frame information, the frame pointer. Where none leads on, the
 * walk ends and says why. A return address that is signed is followed without
 * its code; whether that is right is lib/unwind/sign.h's work.
 *
 * Images may be hostile: a walk has CR_UNWIND_MAX frames at most, each takes
 * bounded time, and stacks that lead back into themselves are noticed. Facts:
 * DWARF 5, 6.4; the processor's row in lib/arch.
 */
#ifndef CR_LIB_UNWIND_FRAME_H
#define CR_LIB_UNWIND_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/core.pb-c.h"
#include "lib/arch/arch.h"
#include "lib/base/error.h"
#include "lib/unwind/cfi.h"
#include "lib/unwind/modules.h"

#define CR_UNWIND_MAX 1000000

/* How a frame was found. */
enum cr_frame_how {
	CR_FRAME_TOP,	  /* the thread's registers */
	CR_FRAME_CFI,	  /* call frame information of the one before */
	CR_FRAME_SIGNAL,  /* what the kernel saved for the one before */
	CR_FRAME_POINTER, /* the frame pointer: a guess */
	CR_FRAME_CONTEXT, /* registers that were found in memory */
};

/* Where the address is that a frame returns to. */
struct cr_return {
	uint64_t raw;  /* as it is there */
	bool in_memory;
	uint64_t slot; /* in memory: its address */
	uint32_t reg;  /* else: its register, in the frame at the top */
	bool is_nowhere; /* neither: the tables compute it */
	unsigned sign; /* enum cr_cfi_sign: what the tables say of it */
	bool is_key_b;
	uint64_t sign_pc; /* WITH_PC */
};

struct cr_frame {
	uint64_t pc;
	uint64_t sp;
	bool has_sp; /* not behind a frame pointer, on some processors */
	enum cr_frame_how how;
	bool is_exact;	/* pc is the next instruction, not a return address */
	bool is_signal; /* not a function: what a signal handler returns to */
	struct cr_module *module; /* that pc is in; may be NULL */

	/* Its canonical frame address: the stack pointer when it was called,
	 * which its return address is signed with. */
	bool has_cfa;
	uint64_t cfa;

	bool has_ret;
	struct cr_return ret;
};

/* Why a walk ended. */
enum cr_unwind_end {
	CR_UNWIND_OUTERMOST, /* as the tables, or a return address of 0, say */
	CR_UNWIND_LOST,	     /* no way to find the caller */
	CR_UNWIND_MEMORY,    /* bytes that it takes are not there */
	CR_UNWIND_NO_CODE,   /* the return address leads nowhere */
	CR_UNWIND_NO_ASCENT, /* the caller's frame is not above */
	CR_UNWIND_CYCLE,
	CR_UNWIND_LIMIT,
	CR_UNWIND_FAILED, /* an error of ours: memory, files */
};

struct cr_unwind {
	struct cr_pages *pages;
	struct cr_modules modules;
	const struct cr_arch *arch;
	uint64_t code_mask; /* bits that a return address may have a code in */

	/* What was looked up, and bytes that were read. */
	struct cr_unwind_row *row;
	struct cr_unwind_block *block;

	/* The frame that is next. */
	uint64_t reg[CR_CFI_NR_REGS];
	uint64_t known; /* bit N: register N is */
	uint64_t at[CR_CFI_NR_REGS]; /* where it was saved; 0: nowhere */
	uint64_t floor; /* frames are above */
	struct cr_frame next;
	bool has_next;
	uint32_t nr;
	uint64_t work;

	/* Why the caller of the last frame is guessed; NULL: it is not. */
	const struct cr_error *guess;
	struct cr_error *no_rule; /* the guess's, if no row has it */

	struct {
		uint64_t pc, sp;
		uint32_t at;
	} mark; /* a frame from before, to notice that it comes again */

	/* When the walk has ended. */
	enum cr_unwind_end end;
	struct cr_error *why; /* NULL: OUTERMOST */
};

/** For the threads of a process, whose pages stay the caller's. arch: its row;
 * UNSUPPORTED: nothing is known of its frames. */
struct cr_error *cr_unwind_init(struct cr_unwind *unwind,
				struct cr_pages *pages,
				const struct cr_arch *arch) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_unwind_deinit(struct cr_unwind *unwind);

/** Begins with a thread. FORMAT: its registers are not in the image, or of
 * another processor. */
struct cr_error *cr_unwind_start(struct cr_unwind *unwind,
				 const CoreEntry *core) CR_MUST_CHECK;

/** Begins with registers that stand in memory as the kernel saves them for a
 * signal handler, which swapcontext(3) does likewise; vaddr is that of the words
 * that lib/arch counts. Errors are those of reading them. */
struct cr_error *cr_unwind_start_saved(struct cr_unwind *unwind,
				       uint64_t vaddr) CR_MUST_CHECK;

/** Begins with the function that a return address, without its code, leads to:
 * its stack pointer and its frame pointer, one of which may be NULL. */
void cr_unwind_start_caller(struct cr_unwind *unwind, uint64_t pc,
			    const uint64_t *sp, const uint64_t *fp);

/** The next frame, the thread's own first. False after the last: end and why
 * say what ended the walk. Until the next call, guess is why this frame's caller
 * is taken to be where the frame pointer says: FORMAT if tables are broken. */
bool cr_unwind_next(struct cr_unwind *unwind, struct cr_frame *ret);

/** "cfi", "signal", ... */
const char *cr_frame_how_name(enum cr_frame_how how);

/** "outermost", "no caller found", ... */
const char *cr_unwind_end_name(enum cr_unwind_end end);

#endif
