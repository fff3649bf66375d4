// SPDX-License-Identifier: MIT
/*
 * --clones N: copies of one checkpoint, each in a pid namespace of its own.
 *
 * Each copy is a restore of its own, by a keeper (pidns.h), of the one plan. What
 * they can have in common is made in us before they are forked: memory of the
 * first process is read once, and its pages are shared until they are written to.
 * All copies wait when they are restored; when the last is, all run. If one
 * fails none is left.
 *
 * For tests, a fault (steps.h) with "@K" behind it is one of copy K, from 1.
 */
#ifndef CR_RESTORE_CLONES_H
#define CR_RESTORE_CLONES_H

#include "restore/pidns.h"

/* Each is some processes and a pipe. */
#define CR_CLONES_MAX 1024

struct cr_clones {
	struct cr_keeper *keeper;
	size_t nr;
	int go_fd; /* while it is open, keepers leave it at that; -1 */
};

/** What is wrong with the options, as USAGE. */
struct cr_error *cr_clones_check(const struct cr_options *options)
	CR_MUST_CHECK;

/** As cr_restore_run(), options->clones times; each keeper's root is then the
 * first process of its copy. To be freed in any case. */
struct cr_error *cr_clones_run(const struct cr_options *options,
			       struct cr_rplan *plan, FILE *log,
			       const char *fault, bool *clash_ret,
			       struct cr_clones *ret) CR_MUST_CHECK;

/** Tells keepers that they do not delay us any more: they let go of what they have. */
void cr_clones_settle(struct cr_clones *clones);

/** Waits for the end of all copies: 0, or the exit status of the first of them
 * that did not end with 0. */
int cr_clones_last(const struct cr_clones *clones);

/** Writes where they are and what they share (shares.h), as text or JSON. */
struct cr_error *cr_clones_print(struct cr_rplan *plan,
				 const struct cr_clones *clones, int fd)
	CR_MUST_CHECK;

/** Kills all. Accepts zeroed ones. */
void cr_clones_kill(const struct cr_clones *clones);

/** Accepts ones with nothing but go_fd -1; what runs goes on. */
void cr_clones_free(struct cr_clones *clones);

#endif
