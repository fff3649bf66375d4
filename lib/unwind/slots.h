// SPDX-License-Identifier: MIT
/*
 * Slots: every place of a process that holds a signed code pointer, with what is
 * needed to check it, or to sign it anew: the key, the modifier, whose keys.
 *
 * They are found in this order; what is found once is not found again:
 *
 *	STACK	 frames of the threads, from their registers on
 *	CONTEXT	 frames of parked contexts: registers that swapcontext(3), or the
 *		 kernel for a signal, saved and that no thread leads to
 *	FOUND	 words that look signed, and the frames from there outward: a word
 *		 is a return address if it authenticates with the modifier that
 *		 call frame information implies. That is the stack pointer where it
 *		 returns to, by the frame pointer beside it or as in a frame that is
 *		 known; or the frame's address of the function that is called before
 *		 there, or that a frame record leads to. Frames hold such words of
 *		 earlier calls, too
 *	COPY	 the same word as another slot's
 *	NONE	 words that look signed, and nothing explains them
 *
 * What threads lead to by call frame information is exact. What was found by looking is verified if it
 * authenticates, else suspect; by chance a wrong word passes once in 2^n, n being
 * the bits of the code. A stack that is found counts if one of its slots
 * authenticates; the others are then suspect and do not. Below the stack pointer
 * of a stack nothing counts: such words are stale.
 *
 * Facts: lib/unwind/frame.h and sign.h; Arm's aapcs64 (frame records).
 */
#ifndef CR_LIB_UNWIND_SLOTS_H
#define CR_LIB_UNWIND_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/core.pb-c.h"
#include "lib/base/error.h"
#include "lib/unwind/frame.h"
#include "lib/unwind/sign.h"

enum cr_slot_origin {
	CR_SLOT_STACK,
	CR_SLOT_CONTEXT,
	CR_SLOT_FOUND,
	CR_SLOT_COPY,
	CR_SLOT_NONE,
};

enum cr_slot_grade { CR_SLOT_EXACT, CR_SLOT_VERIFIED, CR_SLOT_SUSPECT };

struct cr_slot {
	/* Where it is: an address, or a register of a thread's core image. Those
	 * of signal frames and other contexts are in memory. */
	bool in_memory;
	uint64_t vaddr;
	uint32_t tid; /* STACK, and in a register: the thread */
	uint32_t reg;

	uint64_t raw;
	bool has_modifier; /* else it and the key are not known */
	uint64_t modifier;
	bool is_key_b;
	const struct cr_sign_keys *keys; /* that it authenticates with; else
					    those it should; NULL: no keys */

	enum cr_slot_origin origin;
	enum cr_slot_grade grade;
	enum cr_sign_verdict verdict; /* OK, OTHER, BAD or UNKNOWN */
	uint64_t pc; /* of the frame whose return address it is; 0: unknown */
	bool is_exact; /* see struct cr_frame */
};

/* A stack that was followed. */
struct cr_slot_walk {
	enum cr_slot_origin origin;
	uint32_t tid; /* STACK */
	uint64_t at;  /* CONTEXT: where the registers are; FOUND: the slot that
			 it was found by */
	uint64_t pc, sp; /* of the first frame */
	bool is_exact;
	size_t nr_frames;
	size_t first_slot, nr_slots; /* in slot[]; of FOUND without that */
	bool joins; /* frames that another walk has */
	enum cr_unwind_end end;
	struct cr_error *why; /* NULL: it ended at the outermost, or joins */
};

struct cr_slots {
	struct cr_slot *slot;
	size_t nr, cap;
	struct cr_slot_walk *walk; /* those of the threads come first */
	size_t nr_walks, cap_walks;
	size_t nr_stale;    /* words that look signed below stacks */
	size_t nr_left_off; /* words that were too many to look into */
	struct cr_error *fault; /* memory that could not be looked through */
};

struct cr_slot_thread {
	uint32_t tid;
	const CoreEntry *core;
};

/**
 * Finds the slots of a process, whose threads are all given. The scheme of signs
 * should be proved: verdicts are UNKNOWN without, and little is found by looking.
 * FORMAT: a thread has no registers, or others; NOMEM. Free with
 * cr_slots_deinit(); slots point into signs.
 */
struct cr_error *cr_slots_find(struct cr_slots *slots,
			       struct cr_unwind *unwind,
			       const struct cr_signs *signs, uint32_t pid,
			       const struct cr_slot_thread *threads,
			       size_t nr) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_slots_deinit(struct cr_slots *slots);

/** "stack", "context", ...; "exact", "verified", "suspect". */
const char *cr_slot_origin_name(enum cr_slot_origin origin);
const char *cr_slot_grade_name(enum cr_slot_grade grade);

/** Why a slot's verdict is BAD or UNKNOWN. */
const char *cr_slot_why(const struct cr_slot *slot);

#endif
