// SPDX-License-Identifier: MIT
/*
 * A command of three verbs, so that tests of the frame do not depend on what
 * crit can do: "read" tells its values, "break" fails as it is told, and the
 * real help. Texts contain what shells and troff must not take for theirs.
 */
#ifndef CR_TESTS_CRIT_FAKE_H
#define CR_TESTS_CRIT_FAKE_H

#include "crit/verb.h"

extern const struct cr_verb cr_verb_help;

struct fake_read {
	const char *in, *dir, *file;
	bool pretty;
	unsigned what;
};

static const char *const fake_whats[] = { "ps", "fds", NULL };

// clang-format off
static const struct cr_opt fake_read_opts[] = {
	{ 'i', "in", "input", CR_STRING(struct fake_read, in, CR_TAKES_FILE),
	  "FILE", "what [it]: reads, it's a \\ file" },
	{ 0, "dir", NULL, CR_STRING(struct fake_read, dir, CR_TAKES_DIR),
	  "DIR", "where to look" },
	{ 'p', "pretty", NULL, CR_FLAG(struct fake_read, pretty),
	  NULL, "more lines" },
	{ CR_ARG, CR_STRING(struct fake_read, file, CR_TAKES_FILE),
	  "FILE", "the file", CR_OPTIONAL },
	{ CR_ARG, CR_CHOICE(struct fake_read, what, fake_whats),
	  "WHAT", "which part", CR_OPTIONAL },
	{ 0 },
};
// clang-format on

static struct cr_error *fake_read_run(const struct cr_verb_call *call)
{
	const struct fake_read *read = call->values;

	fprintf(call->out, "in=%s pretty=%d\n", read->in ? read->in : "-",
		read->pretty);
	return NULL;
}

static const struct cr_verb fake_read = {
	.name = "read",
	.summary = "read it, don't: guess",
	.text = ".not a request.\n\n"
		"    'kept'  text\n      \\deeper\n    .nor this",
	.opts = fake_read_opts,
	.values_size = sizeof(struct fake_read),
	.run = fake_read_run,
};

struct fake_break {
	bool usage;
};

static const struct cr_opt fake_break_opts[] = {
	{ 'u', NULL, NULL, CR_FLAG(struct fake_break, usage), NULL, "misuse" },
	{ 0 },
};

static struct cr_error *fake_break_run(const struct cr_verb_call *call)
{
	const struct fake_break *how = call->values;

	if (how->usage)
		return cr_error_new(CR_ERR_USAGE, "not like this");
	return cr_error_new(CR_ERR_FORMAT, "core-1.img: broken");
}

static const struct cr_verb fake_break = {
	.name = "break",
	.summary = "fail",
	.text = "Fails.",
	.opts = fake_break_opts,
	.values_size = sizeof(struct fake_break),
	.run = fake_break_run,
};

static const struct cr_verb *const fake_verbs[] = {
	&fake_read,
	&fake_break,
	&cr_verb_help,
	NULL,
};

static const struct cr_section fake_sections[] = {
	{ "NOTES", "First.\n\nSecond." },
	{ "SEE ALSO", "criu(8)" },
	{ 0 },
};

static const struct cr_command fake = {
	.name = "fake",
	.package = "fakes",
	.version = "1.2.3",
	.date = "2025-01-02",
	.summary = "try the frame",
	.text = "Tries the frame.",
	.opts = cr_command_opts,
	.verbs = fake_verbs,
	.sections = fake_sections,
};

#endif
