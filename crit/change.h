// SPDX-License-Identifier: MIT
/*
 * What verbs that change a checkpoint share: their options, opening, and telling
 * what was changed.
 *
 *	struct edit {
 *		struct cr_crit_change change;
 *		...
 *	};
 *
 *	static const struct cr_opt opts[] = {
 *		CR_CRIT_CHANGE_OPTS(struct edit, change),
 *		...
 *
 *	err = cr_crit_change_open(call, path, &o->change, &change);
 *	...
 *	if (!err)
 *		err = cr_crit_change_commit(change, &o->change, call->out);
 *	cr_change_close(change);
 */
#ifndef CR_CRIT_CHANGE_H
#define CR_CRIT_CHANGE_H

#include <stdio.h>

#include "crit/opts.h"
#include "crit/verb.h"
#include "lib/ops/change.h"

struct cr_writer;

struct cr_crit_change {
	const char *out;
	bool dry_run, json, force, secrets;

	/* Writes members of the verb's own into the document of --json. */
	struct cr_error *(*more)(void *arg, struct cr_writer *w);
	void *more_arg;
	bool count_only; /* no list: the caller tells what was done */
};

// clang-format off
#define CR_CRIT_CHANGE_OPTS(type, member) \
	{ 'o', "out", "output", CR_STRING(type, member.out, CR_TAKES_FILE), "OUT", "write a new checkpoint there and leave the old one as it is" }, \
	{ 'n', "dry-run", NULL, CR_FLAG(type, member.dry_run), NULL, "change nothing, list what would be" }, \
	{ 0, "json", NULL, CR_FLAG(type, member.json), NULL, "list what is changed, as JSON" }, \
	{ 0, "force", NULL, CR_FLAG(type, member.force), NULL, "change it although 'crit check' finds errors in it" }, \
	{ 0, "show-secrets", NULL, CR_FLAG(type, member.secrets), NULL, "list key material, which is left out otherwise" }
// clang-format on

/** Opens a checkpoint to change it as the options say. FORMAT: a quick check of
 * it finds errors, and --force was not given. */
struct cr_error *cr_crit_change_open(const struct cr_verb_call *call,
				     const char *path,
				     const struct cr_crit_change *opts,
				     struct cr_change **ret) CR_MUST_CHECK;

/** That check by itself, of the checkpoint as it will be: for verbs that open
 * with `force`, since what they do mends what an old checkpoint lacks. */
struct cr_error *cr_crit_change_check(const char *path,
				      struct cr_change *change) CR_MUST_CHECK;

/** Commits, then prints. */
struct cr_error *cr_crit_change_commit(struct cr_change *change,
				       const struct cr_crit_change *opts,
				       FILE *out) CR_MUST_CHECK;

/**
 * Prints what a change is: with --json a document, else with --dry-run the list,
 * else how much it was, in one line.
 */
struct cr_error *cr_crit_change_print(struct cr_change *change,
				      const struct cr_crit_change *opts,
				      FILE *out) CR_MUST_CHECK;

#endif
