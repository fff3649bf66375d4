// SPDX-License-Identifier: MIT
/*
 * The keys of signed pointers: which ones the processes get, and what becomes of
 * the pointers that were signed before (lib/ops/rekey.h finds those).
 *
 * The plan finds out and refuses, once. What a restored copy gets is in struct
 * cr_keys_copy, of the run: cr_keys_make(), a step, draws its keys and signs the
 * pointers of all processes, before there are any; or, for --clones, who starts the
 * copies has done so, by one process that signs for all. It reads the plan and changes
 * nothing there, so that one plan restores any number of copies: each
 * cr_restore_run() has keys of its own. Then it is all written or nothing.
 *
 * Signing is done by the processor, in a process that has been given the keys:
 * see struct cr_native_signing. Keys are wiped when a run has ended, those of the
 * images when all have (cr_keys_end); who holds them leaves no core file.
 */
#ifndef CR_RESTORE_KEYS_KEYS_H
#define CR_RESTORE_KEYS_KEYS_H

#include "lib/ops/rekey.h"
#include "restore/keys/decide.h"
#include "restore/plan.h"
#include "restore/restore.h"

struct cr_keys {
	struct cr_keys_facts facts;
	const struct cr_keys_row *row; /* NULL: not decided */
	struct cr_pac_scheme here, from;
	bool is_proved; /* from */
	struct cr_rekey_opts opts;
	struct cr_rekey_result result; /* these: if cr_keys_signs() */
	struct cr_rekey_view view;
	size_t *in_register; /* words of the view that are */
	size_t nr_in_register;
};

/** Before images are read: keys are secret. */
void cr_keys_guard(void);

/** Accepts NULL. */
void cr_keys_free(struct cr_keys *keys);

/** True if copies have keys of their own. */
bool cr_keys_renews(const struct cr_rplan *plan);

/** The keys a thread of this copy is to have in place of its image's; NULL: those,
 * if any. */
const struct cr_rekey_keys *cr_keys_of(const struct cr_restore *run,
				       const struct cr_thread *thread);

/** Puts signed pointers into the registers that a thread has in its image. */
void cr_keys_registers(const struct cr_restore *run,
		       const struct cr_thread *thread, uint64_t *reg, size_t nr);

/* Who draws keys for copies, one after the other. */
struct cr_keys_maker {
	bool draws, signs;
	struct cr_pac_engine engine; /* if it signs */
};

/** For cr_keys_close() in the end; where copies get no keys, it does nothing. */
struct cr_error *cr_keys_open(const struct cr_rplan *plan,
			      struct cr_keys_maker *ret) CR_MUST_CHECK;

/** New keys for a copy, and what it has signed by them. cr_keys_forget() it, also
 * after an error. */
struct cr_error *cr_keys_draw(const struct cr_rplan *plan,
			      const struct cr_keys_maker *maker,
			      struct cr_keys_copy *copy) CR_MUST_CHECK;

/** Returns why it failed to sign, or err. */
struct cr_error *cr_keys_close(struct cr_keys_maker *maker,
			       struct cr_error *err) CR_MUST_CHECK;

/** Wipes what a copy has: cr_restore_run() does it. */
void cr_keys_forget(const struct cr_rplan *plan, struct cr_keys_copy *copy);

/** For who has restored all copies: wipes the keys of the plan, and what is free
 * of memory and stack. */
void cr_keys_end(struct cr_rplan *plan);

#endif
