// SPDX-License-Identifier: MIT
/*
 * What `crit shell` is at: the current checkpoint, which stays open, and the
 * current process. From them and the verbs' tables follows what a line of the
 * shell means as words of the command: there is no second list of verbs.
 */
#ifndef CR_CRIT_SHELL_HERE_H
#define CR_CRIT_SHELL_HERE_H

#include <stdbool.h>
#include <stdint.h>

#include "crit/kept.h"
#include "crit/shell/words.h"
#include "crit/verb.h"

struct cr_here {
	char *path; /* of the checkpoint; NULL: none */
	struct cr_kept kept;
	struct cr_strings names; /* of its files, sorted */
	uint32_t *pid;		 /* of its processes */
	size_t nr_pids;
	bool has_pid; /* a process was chosen */
	uint32_t current;
};

/** Makes a checkpoint the current one. An error leaves the one before. One whose
 * process tree cannot be read has no processes here. */
struct cr_error *cr_here_use(struct cr_here *here,
			     const struct cr_verb_call *call, const char *path)
	CR_MUST_CHECK;

/** Chooses a process; NULL: none. USAGE, NOT_FOUND: nothing changes. */
struct cr_error *cr_here_choose(struct cr_here *here, const char *pid)
	CR_MUST_CHECK;

/** Accepts a zeroed one, and leaves it so. */
void cr_here_close(struct cr_here *here);

/**
 * The verb that a word calls: by its name, or by that of one of its views, when
 * *view_ret is true. A view is a choice that follows an argument that takes a
 * checkpoint. NULL if there is none.
 */
const struct cr_verb *cr_here_verb(const struct cr_command *command,
				   const char *word, bool *view_ret);

/**
 * What words of the shell mean: with the verb in front of a view, and with the
 * current checkpoint and process where the verb's table takes them and they were
 * not given. An argument that takes an image may be the name of one of the
 * current checkpoint, without ".img" and without the current process's
 * "-PID.img". Words whose verb is unknown are left alone.
 *
 * The checkpoint counts as given unless no argument, a view or an action stands
 * in its place or, for verbs without views, there are too few arguments.
 */
struct cr_error *cr_here_words(const struct cr_here *here,
			       const struct cr_command *command,
			       const struct cr_strings *words,
			       struct cr_strings *ret) CR_MUST_CHECK;

/** True if the checkpoint would be put in front of, or in place of, argument
 * `at` of a line with these arguments. */
bool cr_here_adds_checkpoint(const struct cr_here *here,
			     const struct cr_verb *verb, char *const *arg,
			     size_t nr_args, size_t *at_ret);

#endif
