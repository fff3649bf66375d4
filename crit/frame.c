// SPDX-License-Identifier: MIT
#include "crit/verb.h"

#include <string.h>

#include "crit/text.h"
#include "lib/base/cleanup.h"

struct global {
	bool version;
	struct cr_words rest; // the verb and its words
};

// clang-format off
const struct cr_opt cr_command_opts[] = {
	{ 0, "version", NULL, CR_FLAG(struct global, version),
	  NULL, "show the version and exit" },
	{ CR_ARG, CR_WORDS(struct global, rest, CR_TAKES_VERB),
	  "VERB", "what to do, followed by its own options", CR_REST },
	{ 0 },
};
// clang-format on

struct cr_error *cr_command_find(const struct cr_command *command,
				 const char *name,
				 const struct cr_verb **verb_ret)
{
	struct cr_text_nearest near = { name };

	for (size_t i = 0; command->verbs[i]; i++) {
		if (!strcmp(command->verbs[i]->name, name)) {
			*verb_ret = command->verbs[i];
			return NULL;
		}
		cr_text_nearest_try(&near, command->verbs[i]->name);
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

static struct cr_error *run_verb(const struct cr_command *command,
				 const struct cr_verb *verb,
				 const struct cr_words *words, FILE *out)
{
	// One byte more, so that a verb without values is not out of memory.
	cr_auto_free void *values = calloc(1, verb->values_size + 1);
	struct cr_verb_call call = { command, verb, values, out };
	struct cr_error *err;
	bool help;

	if (!values)
		return cr_enomem;
	err = cr_opts_parse(verb->opts, words->word, words->nr, values, &help);
	if (!err && help)
		cr_command_help(out, command, verb);
	else if (!err)
		err = verb->run(&call);
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
static int report(const struct cr_command *command, const struct cr_verb *verb,
		  struct cr_error *err, FILE *errors)
{
	bool usage = err && cr_error_code(err) == CR_ERR_USAGE;

	if (!err)
		return 0;
	fprintf(errors, "%s: %s", command->name, cr_error_text(err));
	if (usage && verb)
		fprintf(errors, "; see '%s %s -h'", command->name, verb->name);
	else if (usage)
		fprintf(errors, "; see '%s help'", command->name);
	fputc('\n', errors);
	cr_error_free(err);
	return usage ? 2 : 1;
}

// CRIU crit/crit/__main__.py, v4.2: these words, and 1 rather than 2.
static int too_few(const struct cr_command *command, FILE *errors)
{
	cr_opts_usage(errors, command->name, cr_command_opts);
	fprintf(errors, "%s: error: too few arguments\n", command->name);
	return 1;
}

int cr_command_run(const struct cr_command *command, int argc, char **argv,
		   FILE *out, FILE *errors)
{
	const struct cr_verb *verb = NULL;
	struct global global = { 0 };
	struct cr_words words = { argv + 1, argc ? argc - 1 : 0 };
	struct cr_error *err;
	bool help;

	err = cr_opts_parse(cr_command_opts, words.word, words.nr, &global,
			    &help);
	if (err)
		return report(command, NULL, err, errors);
	if (help) {
		cr_command_help(out, command, NULL);
	} else if (global.version) {
		fprintf(out, "%s (%s) %s\n", command->name, command->package,
			command->version);
	} else if (!global.rest.nr) {
		return too_few(command, errors);
	} else {
		err = cr_command_find(command, global.rest.word[0], &verb);
		words.word = global.rest.word + 1;
		words.nr = global.rest.nr - 1;
		if (!err)
			err = run_verb(command, verb, &words, out);
	}
	if (!err)
		err = flush(out);
	return report(command, verb, err, errors);
}
