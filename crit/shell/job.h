// SPDX-License-Identifier: MIT
/*
 * Running what a line of `crit shell` says. Every verb runs in a process of its
 * own: whatever becomes of it, the shell goes on; and ^C ends it alone. It has
 * the shell's checkpoint open without opening it again.
 *
 * Sources: man 2 fork, man 7 landlock.
 */
#ifndef CR_CRIT_SHELL_JOB_H
#define CR_CRIT_SHELL_JOB_H

#include "crit/kept.h"
#include "crit/shell/words.h"
#include "crit/verb.h"

struct cr_job {
	const struct cr_command *command;
	const struct cr_global *global;
	struct cr_kept *kept;
	bool terminal;	     /* the verb may read standard input */
	char **word;	     /* the verb and its words */
	size_t nr_words;
	const char *pipe_to; /* a command for sh that gets the results, or NULL */
	const char *file;    /* which they replace if the verb ends well, or NULL */
};

/** Runs a verb and waits. *status_ret: its exit status, 1 if it was killed. */
struct cr_error *cr_job_run(const struct cr_job *job, int *status_ret)
	CR_MUST_CHECK;

/** Runs a command by sh and waits. */
struct cr_error *cr_job_command(const char *command, int *status_ret)
	CR_MUST_CHECK;

/**
 * From here on this process and its children can change no file, make or remove
 * none, and start no program. UNSUPPORTED: this kernel cannot do that.
 */
struct cr_error *cr_job_restrict(void) CR_MUST_CHECK;

#endif
