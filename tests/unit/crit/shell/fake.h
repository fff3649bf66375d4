// SPDX-License-Identifier: MIT
/*
 * Verbs of every shape that the shell derives something from, so that its tests
 * do not depend on what crit can do; and a checkpoint that exists in name only.
 */
#ifndef CR_TESTS_CRIT_SHELL_FAKE_H
#define CR_TESTS_CRIT_SHELL_FAKE_H

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "crit/shell/here.h"

struct fake {
	const char *a, *b, *c, *pid;
	unsigned what;
	bool json;
	struct cr_words words;
};

static const char *const fake_views[] = { "ps", "fds", NULL };
static const char *const fake_parts[] = { "map", "read", "show", NULL };
static const char *const fake_actions[] = { "get", "rlimit", NULL };

// clang-format off
#define FAKE(member, takes) CR_STRING(struct fake, member, takes)
#define FAKE_PID { 'p', "pid", NULL, FAKE(pid, CR_TAKES_PID), "PID", "process" }

static const struct cr_opt fake_x[] = {
	FAKE_PID,
	{ 0, "json", NULL, CR_FLAG(struct fake, json), NULL, "JSON" },
	{ CR_ARG, FAKE(a, CR_TAKES_CHECKPOINT), "DIR", "checkpoint" },
	{ CR_ARG, CR_CHOICE(struct fake, what, fake_views), "WHAT", "view" },
	{ 0 },
};
static const struct cr_opt fake_mem[] = {
	FAKE_PID,
	{ 'o', "out", NULL, FAKE(c, CR_TAKES_FILE), "FILE", "where to" },
	{ CR_ARG, FAKE(a, CR_TAKES_CHECKPOINT), "DIR", "checkpoint" },
	{ CR_ARG, CR_CHOICE(struct fake, what, fake_parts), "WHAT", "part" },
	{ CR_ARG, CR_WORDS(struct fake, words, CR_TAKES_ADDRESS), "ARG", "more", CR_ANY },
	{ 0 },
};
static const struct cr_opt fake_show[] = {
	{ 'i', "in", NULL, FAKE(b, CR_TAKES_IMAGE), "FILE", "image" },
	{ CR_ARG, FAKE(a, CR_TAKES_IMAGE), "FILE", "image" },
	{ 0 },
};
static const struct cr_opt fake_check[] = {
	{ 'p', NULL, NULL, FAKE(pid, CR_TAKES_PID), "PID", "process" },
	{ CR_ARG, FAKE(a, CR_TAKES_CHECKPOINT), "DIR", "checkpoint" },
	{ 0 },
};
static const struct cr_opt fake_diff[] = {
	FAKE_PID,
	{ CR_ARG, FAKE(a, CR_TAKES_CHECKPOINT), "A", "one" },
	{ CR_ARG, FAKE(b, CR_TAKES_CHECKPOINT), "B", "another" },
	{ 0 },
};
static const struct cr_opt fake_edit[] = {
	{ 0, "patch", NULL, FAKE(c, CR_TAKES_FILE), "FILE", "changes" },
	{ CR_ARG, FAKE(a, CR_TAKES_CHECKPOINT), "TARGET", "checkpoint" },
	{ CR_ARG, CR_ACTION(struct fake, words, fake_actions), "WHAT", "action", CR_ANY },
	{ 0 },
};
static const struct cr_opt fake_list[] = {
	{ CR_ARG, CR_WORDS(struct fake, words, CR_TAKES_CHECKPOINT), "PATH", "places", CR_ANY },
	{ 0 },
};

#define VERB(n) static const struct cr_verb verb_##n = { .name = #n, .opts = fake_##n }
VERB(x); VERB(mem); VERB(show); VERB(check); VERB(diff); VERB(edit); VERB(list);

static const struct cr_verb *const fake_verbs[] = {
	&verb_x, &verb_mem, &verb_show, &verb_check, &verb_diff, &verb_edit,
	&verb_list, NULL,
};
// clang-format on

static const struct cr_command fake_command = { .name = "fake",
						.opts = cr_command_opts,
						.verbs = fake_verbs };

static char fake_path[] = "here";
static char fake_files[][20] = { "bad\033name.img", "core-12.img", "core-7.img",
				 "files.img",	    "mm-7.img",    "pstree.img",
				 "two words" };
static char *fake_names[] = { fake_files[0], fake_files[1], fake_files[2],
			      fake_files[3], fake_files[4], fake_files[5],
			      fake_files[6], NULL };
static uint32_t fake_pids[] = { 7, 12 };

static inline struct cr_here fake_here(void)
{
	return (struct cr_here){
		.path = fake_path,
		.names = { fake_names, 7, 8 },
		.pid = fake_pids,
		.nr_pids = 2,
	};
}

/* Strings with a bar between them; valid until the next call. */
static inline const char *joined(const struct cr_strings *strings)
{
	static char text[1024];
	text[0] = 0;
	for (size_t i = 0; i < strings->nr; i++) {
		strcat(text, i ? "|" : "");
		strcat(text, strings->item[i]);
	}
	return text;
}

static inline void assert_ok(struct cr_error *err)
{
	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
}

#endif
