// SPDX-License-Identifier: MIT
/*
 * A thread's shadow stack beside its frames: the processor keeps every return
 * address there a second time, where the program cannot write. The two must agree
 * one to one.
 *
 * A signal puts a word above the handler's that is no return address, and what it
 * interrupted is not there. A shadow stack that was switched on late ends before
 * the frames do. One that no thread is on has a token, by which it is switched to.
 *
 * AArch64 (GCS) and x86_64. Sources: Linux v6.13 arch/arm64/kernel/signal.c,
 * gcs_signal_entry() and gcs_signal_cap(), arch/arm64/mm/gcs.c;
 * arch/x86/kernel/shstk.c, shstk_push_sigframe() and create_rstor_token(), v6.6.
 */
#ifndef CR_LIB_UNWIND_SHADOW_H
#define CR_LIB_UNWIND_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include "images/core.pb-c.h"
#include "lib/unwind/frame.h"

struct cr_shadow {
	bool is_on;
	bool is_x86;
	uint64_t at; /* the word of the next return address */
	bool has_ended;
	bool has_guess; /* a frame was guessed, none has agreed since */
};

/* What a word of a shadow stack is. */
enum cr_shadow_kind {
	CR_SHADOW_RETURN,
	CR_SHADOW_CAP,	 /* of a signal: above what the handler returns to */
	CR_SHADOW_TOKEN, /* to switch to the words above it */
	CR_SHADOW_BUSY,	 /* a token, while that is being done */
	CR_SHADOW_MARKER, /* 0: nothing was called from above it */
};

/** Tells by the word and where it is. */
enum cr_shadow_kind cr_shadow_kind_of(bool is_x86, uint64_t vaddr,
				      uint64_t word);

/** "return", "signal", "token", ... */
const char *cr_shadow_kind_name(enum cr_shadow_kind kind);

enum cr_shadow_verdict {
	CR_SHADOW_NONE, /* the frame is not expected there */
	CR_SHADOW_OK,
	CR_SHADOW_DIFFERS,
	CR_SHADOW_UNSURE,  /* it differs from frames that are guessed */
	CR_SHADOW_UNKNOWN, /* it cannot be read */
};

/** Begins with a thread; is_on is false if it has none. */
void cr_shadow_start(struct cr_shadow *shadow, const CoreEntry *core);

/**
 * Compares the next frame, the first one (how: TOP) included, which has no word.
 * *has_ret: the word that differs. Behind a frame that was guessed, by the frame
 * pointer, that may be the guess, so it is UNSURE until one agrees again.
 */
enum cr_shadow_verdict cr_shadow_next(struct cr_shadow *shadow,
				      struct cr_pages *pages,
				      const struct cr_frame *frame,
				      uint64_t *has_ret);

/** How many signals a thread's shadow stack has, from its newest word to its end:
 * one for each signal frame that a handler will return to. False: it has no
 * shadow stack, or that cannot be read. */
bool cr_shadow_signals(struct cr_pages *pages, const CoreEntry *core,
		       size_t *nr_ret);

/** "agrees", "differs", "unsure", ...; NULL for NONE. */
const char *cr_shadow_verdict_name(enum cr_shadow_verdict verdict);

#endif
