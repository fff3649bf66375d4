// SPDX-License-Identifier: MIT
#include "crit/verb.h"

#include <string.h>

#include "crit/limits.h"
#include "crit/text.h"
#include "lib/base/cleanup.h"
#include "lib/base/nearest.h"

// clang-format off
const struct cr_opt cr_command_opts[] = {
	{ 0, "version", NULL, CR_FLAG(struct cr_global, version),
	  NULL, "show the version and exit" },
	{ 0, "color", NULL, CR_CHOICE(struct cr_global, color, cr_color_words),
	  "WHEN", "whether to colour headings and errors" },
	{ 0, "no-pager", NULL, CR_FLAG(struct cr_global, no_pager),
	  NULL, "on a terminal, do not page long output" },
	{ 0, "limit", NULL, CR_STRING(struct cr_global, limit, CR_TAKES_ANYTHING),
	  "WHAT", "how much an archive may hold, instead of members=200000,"
	  "member-size=1T,total-size=4T,ratio=250; or none" },
	{ CR_ARG, CR_WORDS(struct cr_global, rest, CR_TAKES_VERB),
	  "VERB", "what to do, followed by its own options", CR_REST },
	{ 0 },
};
// clang-format on

// Without the first row.
const struct cr_opt *const cr_global_opts = cr_command_opts + 1;

struct cr_error *cr_command_find(const struct cr_command *command,
				 const char *name,
				 const struct cr_verb **verb_ret)
{
	struct cr_nearest near = { name };

	for (size_t i = 0; command->verbs[i]; i++) {
		if (!strcmp(command->verbs[i]->name, name)) {
			*verb_ret = command->verbs[i];
			return NULL;
		}
		cr_nearest_try(&near, command->verbs[i]->name);
	}
	if (!near.best)
		return cr_error_new(CR_ERR_USAGE, "unknown verb '%s'", name);
	return cr_error_new(CR_ERR_USAGE,
			    "unknown verb '%s' (did you mean '%s'?)", name,
			    near.best);
}

static void verb_help(FILE *out, const char *prog, const struct cr_verb *verb)
{
	cr_opts_usage(out, prog, verb->opts);
	fputc('\n', out);
	cr_text_fill(out, verb->text);
	cr_opts_help(out, verb->opts);
}

static void verb_list(FILE *out, const struct cr_command *command)
{
	size_t widest = 0;

	fputs("\nverbs:\n", out);
	for (size_t i = 0; command->verbs[i]; i++) {
		size_t len = strlen(command->verbs[i]->name);

		widest = len > widest ? len : widest;
	}
	for (size_t i = 0; command->verbs[i]; i++)
		cr_text_row(out, command->verbs[i]->name, widest + 4,
			    command->verbs[i]->summary);
}

void cr_command_help(FILE *out, const struct cr_command *command,
		     const struct cr_verb *verb)
{
	char prog[80];

	if (verb) {
		snprintf(prog, sizeof(prog), "%s %s", command->name,
			 verb->name);
		verb_help(out, prog, verb);
		return;
	}
	cr_opts_usage(out, command->name, cr_command_opts);
	fputc('\n', out);
	cr_text_fill(out, command->text);
	verb_list(out, command);
	cr_opts_help(out, cr_command_opts);
}

// What a command is run with, and for.
struct run {
	const struct cr_command *command;
	const struct cr_verb *verb;
	struct cr_global global;
	struct cr_kept *kept;
	struct cr_term term;
	FILE *out, *errors;
};

static void begin_output(struct run *r)
{
	cr_term_init(&r->term, r->global.color, r->out, r->errors);
	if (r->term.is_tty && fileno(r->out) == STDOUT_FILENO &&
	    !r->global.no_pager && !(r->verb && r->verb->interactive))
		cr_pager_start();
}

static void print_version(const struct run *r)
{
	fprintf(r->out, "%s (%s) %s\n", r->command->name, r->command->package,
		r->command->version);
}

static struct cr_error *run_verb(struct run *r)
{
	const struct cr_verb *verb = r->verb;
	// One byte more, so that a verb without values is not out of memory.
	cr_auto_free void *values = calloc(1, verb->values_size + 1);
	struct cr_words words = r->global.rest;
	struct cr_error *err;
	bool help;

	if (!values)
		return cr_enomem;
	err = cr_opts_parse_both(verb->opts, values, cr_global_opts,
				 &r->global, words.word + 1, words.nr - 1,
				 &help);
	if (!err && r->global.limit)
		err = cr_limits_parse(r->global.limit, &r->global.limits);
	if (!err)
		begin_output(r);
	struct cr_verb_call call = { r->command, verb,	     values,	r->out,
				     &r->term,	 &r->global, r->kept };
	if (!err && help)
		cr_command_help(r->out, r->command, verb);
	else if (!err)
		err = verb->run(&call);
	cr_opts_free(verb->opts, values);
	if (err && cr_error_code(err) == CR_ERR_USAGE)
		return cr_error_at(err, "%s", verb->name);
	return err;
}

static struct cr_error *flush(FILE *out)
{
	if (fflush(out))
		return cr_error_sys("write to standard output");
	// A write failed earlier; stdio has not kept its errno.
	if (ferror(out))
		return cr_error_new(CR_ERR_SYSTEM,
				    "write to standard output failed");
	return NULL;
}

// Prints the error, frees it and returns the exit status.
static int report(const struct run *r, struct cr_error *err)
{
	const char *name = r->command->name;
	enum cr_err code = err ? cr_error_code(err) : CR_ERR_INTERNAL;
	bool usage = code == CR_ERR_USAGE;

	if (!err)
		return 0;
	fprintf(r->errors, "%s%s:%s %s", cr_term_on(&r->term, CR_MARK_ERROR),
		name, cr_term_off(&r->term, CR_MARK_ERROR),
		cr_error_text(err));
	if (usage && r->verb)
		fprintf(r->errors, "; see '%s %s -h'", name, r->verb->name);
	else if (usage)
		fprintf(r->errors, "; see '%s help'", name);
	fputc('\n', r->errors);
	cr_error_free(err);
	return usage ? 2 : code == CR_ERR_UNTOLD ? 3 : 1;
}

// CRIU crit/crit/__main__.py, v4.2: these words, and 1 rather than 2.
static int too_few(const struct cr_command *command, FILE *errors)
{
	cr_opts_usage(errors, command->name, cr_command_opts);
	fprintf(errors, "%s: error: too few arguments\n", command->name);
	return 1;
}

int cr_command_run_within(const struct cr_command *command,
			  const struct cr_global *global,
			  struct cr_kept *kept, int argc, char **argv,
			  FILE *out, FILE *errors)
{
	struct run r = {
		.command = command,
		.global = *global,
		.kept = kept,
		.out = out,
		.errors = errors,
	};
	struct cr_error *err, *pager_err;
	bool help;

	cr_term_init(&r.term, r.global.color, out, errors);
	err = cr_opts_parse(cr_command_opts, argv + 1, argc ? argc - 1 : 0,
			    &r.global, &help);
	if (err)
		return report(&r, err);
	if (help || r.global.version) {
		begin_output(&r);
		if (help)
			cr_command_help(out, command, NULL);
		else
			print_version(&r);
	} else if (!r.global.rest.nr) {
		return too_few(command, errors);
	} else {
		err = cr_command_find(command, r.global.rest.word[0], &r.verb);
		if (!err)
			err = run_verb(&r);
	}
	if (!err)
		err = flush(out);
	else
		fflush(out);
	// The pager is gone before an error is written over what it shows.
	pager_err = cr_pager_end();
	if (err)
		cr_error_free(pager_err);
	return report(&r, err ?: pager_err);
}

int cr_command_run(const struct cr_command *command, int argc, char **argv,
		   FILE *out, FILE *errors)
{
	struct cr_global global = { 0 };

	return cr_command_run_within(command, &global, NULL, argc, argv, out,
				     errors);
}
