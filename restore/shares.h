// SPDX-License-Identifier: MIT
/*
 * What copies of one checkpoint still have in common when each has processes,
 * memory and descriptors of its own: secrets that were drawn before the checkpoint,
 * and what is not theirs alone, such as files.
 *
 * It is what can be told from images. What a program has made of random numbers and
 * keeps in its memory cannot: seeds, session keys, ids. Nothing secret is shown,
 * only where it is. To add to it: a function and a row in shares.c.
 *
 * Facts: man 3 getauxval (AT_RANDOM), man 2 madvise (MADV_WIPEONFORK).
 */
#ifndef CR_RESTORE_SHARES_H
#define CR_RESTORE_SHARES_H

#include "restore/plan.h"

struct cr_share {
	const struct cr_proc *proc; /* NULL: of all */
	const char *what;
	const char *remedy; /* an option; NULL: there is none */
	const char *where;
};

/** Called with arg for each. */
typedef struct cr_error *cr_share_fn(void *arg, const struct cr_share *share);

/** Errors are those of fn, and of the system. */
struct cr_error *cr_shares_each(struct cr_rplan *plan, cr_share_fn *fn,
				void *arg) CR_MUST_CHECK;

#endif
