// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "crit/shell/here.h"
#include "crit/shell/input.h"
#include "crit/shell/job.h"
#include "crit/shell/offer.h"
#include "crit/shell/words.h"
#include "crit/text.h"
#include "crit/x/x.h"
#include "lib/base/cleanup.h"

struct shell {
	const char *dir;
	bool restricted, keep_going;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 0, "restricted", NULL, CR_FLAG(struct shell, restricted), NULL, "nothing that starts a program or writes a file" },
	{ 0, "keep-going", NULL, CR_FLAG(struct shell, keep_going), NULL, "without a terminal, go on after a line that failed" },
	{ CR_ARG, CR_STRING(struct shell, dir, CR_TAKES_CHECKPOINT), "DIR", "the checkpoint to begin with", CR_OPTIONAL },
	{ 0 },
};
// clang-format on

struct cr_shell {
	const struct cr_verb_call *call;
	struct cr_global global; /* of each verb */
	struct cr_here here;
	bool terminal, restricted;
	bool ends;
};

/* ---- the shell's own words ---- */

static struct cr_error *run_use(struct cr_shell *shell, const char *path)
{
	if (!path)
		return cr_error_new(CR_ERR_USAGE, "DIR is missing");
	return cr_here_use(&shell->here, shell->call, path);
}

static struct cr_error *run_pid(struct cr_shell *shell, const char *pid)
{
	return cr_here_choose(&shell->here, pid);
}

static void show_line(const char *line)
{
	puts(line);
}

static struct cr_error *run_history(struct cr_shell *shell, const char *arg)
{
	return cr_input_history(show_line);
}

static struct cr_error *run_quit(struct cr_shell *shell, const char *arg)
{
	shell->ends = true;
	return NULL;
}

// To add a word: a row here. A verb of that name could not be called any more.
// clang-format off
static const struct cr_own own[] = {
	{ "use",     "DIR", CR_TAKES_CHECKPOINT, "make DIR the current checkpoint", run_use },
	{ "cd",      "DIR", CR_TAKES_CHECKPOINT, "the same", run_use },
	{ "pid",     "[N]", CR_TAKES_PID,        "choose process N for what follows; without N, all", run_pid },
	{ "process", "[N]", CR_TAKES_PID,        "the same", run_pid },
	{ "history", "",    CR_TAKES_ANYTHING,   "show the lines that were typed", run_history },
	{ "quit",    "",    CR_TAKES_ANYTHING,   "leave; so does the end of input", run_quit },
	{ "exit",    "",    CR_TAKES_ANYTHING,   "the same", run_quit },
	{ 0 },
};
// clang-format on

static const struct cr_own *find_own(const char *name)
{
	for (const struct cr_own *at = own; at->name; at++) {
		if (!strcmp(at->name, name))
			return at;
	}
	return NULL;
}

static struct cr_error *run_own(struct cr_shell *shell,
				const struct cr_own *word,
				const struct cr_line *line)
{
	const struct cr_strings *words = &line->words;
	if (line->command || line->file)
		return cr_error_new(CR_ERR_USAGE, "%s has no output to redirect",
				    word->name);
	if (words->nr > (*word->value ? 2 : 1))
		return cr_error_new(CR_ERR_USAGE, "%s: unexpected argument '%s'",
				    word->name,
				    words->item[*word->value ? 2 : 1]);
	struct cr_error *err = word->run(shell, words->nr > 1 ? words->item[1] :
								NULL);
	return err ? cr_error_at(err, "%s", word->name) : NULL;
}

static void show_own(void)
{
	fputs("words of the shell:\n", stdout);
	for (const struct cr_own *at = own; at->name; at++) {
		char label[32];
		snprintf(label, sizeof(label), "%s %s", at->name, at->value);
		cr_text_row(stdout, label, 16, at->help);
	}
	fputs("\nBefore a view such as ps, its verb may be left out.\n\n",
	      stdout);
}

/* ---- a line ---- */

static struct cr_error *run_words(struct cr_shell *shell,
				  const struct cr_line *line, int *status_ret)
{
	bool view;
	const struct cr_verb *verb = cr_here_verb(
		shell->call->command, line->words.item[0], &view);
	struct cr_strings words = { .nr = 0 };
	if (verb == shell->call->verb)
		return cr_error_new(CR_ERR_USAGE, "this is a shell already");
	struct cr_error *err = cr_here_words(
		&shell->here, shell->call->command, &line->words, &words);
	struct cr_job job = {
		.command = shell->call->command,
		.global = &shell->global,
		.kept = &shell->here.kept,
		.terminal = shell->terminal,
		.word = words.item,
		.nr_words = words.nr,
		.pipe_to = line->command,
		.file = line->file,
	};
	if (!err)
		err = cr_job_run(&job, status_ret);
	cr_strings_free(&words);
	return err;
}

/* Programs and files are for people. */
static struct cr_error *check_allowed(const struct cr_shell *shell,
				      const struct cr_line *line)
{
	const char *what = line->is_command ? "!" : line->command ? "|" : ">";
	if (!line->command && !line->file)
		return NULL;
	if (shell->restricted)
		return cr_error_new(CR_ERR_USAGE, "'%s' is not allowed here",
				    what);
	if (!shell->terminal)
		return cr_error_new(CR_ERR_USAGE,
				    "'%s' works on a terminal only", what);
	return NULL;
}

static struct cr_error *run_line(struct cr_shell *shell,
				 const struct cr_line *line, int *status_ret)
{
	struct cr_error *err = check_allowed(shell, line);
	if (err)
		return err;
	if (line->is_command)
		return cr_job_command(line->command, status_ret);
	if (!line->words.nr)
		return line->command || line->file ?
			       cr_error_new(CR_ERR_USAGE, "a verb is missing") :
			       NULL;
	const struct cr_own *word = find_own(line->words.item[0]);
	if (word)
		return run_own(shell, word, line);
	if (!strcmp(line->words.item[0], "help") && line->words.nr == 1 &&
	    !line->command && !line->file)
		show_own();
	return run_words(shell, line, status_ret);
}

/* Reads, runs, and says what was wrong. Returns an exit status. */
static int run_text(struct cr_shell *shell, const char *text, size_t nr)
{
	const struct cr_term *term = shell->call->term;
	struct cr_line line;
	char where[40] = "";
	int status = 0;
	struct cr_error *err = cr_line_split(text, &line);
	if (!err)
		err = run_line(shell, &line, &status);
	cr_line_free(&line);
	if (!err)
		return status;
	if (!shell->terminal)
		snprintf(where, sizeof(where), "line %zu: ", nr);
	fprintf(stderr, "%s%s:%s %s%s\n", cr_term_on(term, CR_MARK_ERROR),
		shell->call->command->name, cr_term_off(term, CR_MARK_ERROR),
		where, cr_error_text(err));
	cr_error_free(err);
	return 1;
}

/* ---- the shell ---- */

static struct cr_error *offer(void *arg, const char *line, size_t start,
			      size_t end, struct cr_strings *ret)
{
	struct cr_shell *shell = arg;
	return cr_offer(&shell->here, shell->call->command, own, line, start,
			end, ret);
}

/* "crit NAME PID> ", the name as it may be printed. */
static void make_prompt(const struct cr_shell *shell, char *prompt, size_t size)
{
	const char *path = shell->here.path ?: "";
	const char *slash = strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;
	char safe[4 * 64 + 1] = "", pid[16] = "";
	*cr_x_put_safe(safe, name, strnlen(name, 64)) = 0;
	if (shell->here.has_pid)
		snprintf(pid, sizeof(pid), " %u", shell->here.current);
	snprintf(prompt, size, "%s%s%s%s> ", shell->call->command->name,
		 *safe ? " " : "", safe, pid);
}

static struct cr_error *run_lines(struct cr_shell *shell,
				  struct cr_input *input, bool keep_going)
{
	char prompt[400];
	const char *text;
	size_t nr = 0, nr_failed = 0;
	while (!shell->ends) {
		make_prompt(shell, prompt, sizeof(prompt));
		text = cr_input_read(input, prompt);
		if (!text)
			break;
		nr++;
		if (!run_text(shell, text, nr) || shell->terminal)
			continue;
		nr_failed++;
		if (!keep_going)
			return cr_error_new(CR_ERR_FORMAT,
					    "standard input: line %zu failed; "
					    "what follows was not run",
					    nr);
	}
	if (!nr_failed)
		return NULL;
	return cr_error_new(CR_ERR_FORMAT, "standard input: %zu of %zu lines "
			    "failed", nr_failed, nr);
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct shell *o = call->values;
	struct cr_shell shell = {
		.call = call,
		.global = *call->global,
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
		.restricted = o->restricted,
	};
	struct cr_input input = {
		.terminal = shell.terminal,
		.remembers = !o->restricted,
		.offer = offer,
		.offer_arg = &shell,
	};
	struct cr_error *err = NULL;
	/* A pager is a program, and nothing for a script. */
	shell.global.no_pager |= o->restricted || !shell.terminal;
	if (o->restricted)
		err = cr_job_restrict();
	if (!err && o->dir)
		err = cr_here_use(&shell.here, call, o->dir);
	if (!err)
		err = cr_input_open(&input);
	if (!err)
		err = run_lines(&shell, &input, o->keep_going);
	cr_input_close(&input);
	cr_here_close(&shell.here);
	return err;
}

const struct cr_verb cr_verb_shell = {
	.name = "shell",
	.summary = "a prompt for all the verbs, at a checkpoint",
	.text = "Reads lines and runs each as a verb with its words: 'x ps' is "
		"what 'crit x DIR ps' is elsewhere. Where a verb takes a "
		"checkpoint and none is given, it gets the current one, which "
		"'use DIR' changes; where it takes -p PID, the process that "
		"'pid N' has chosen, if one was. A view needs no verb in front: "
		"ps, fds, read ADDR LEN. An image is named without its "
		"directory, .img and the process: show core. A checkpoint that "
		"has the name of a view must be given with a slash: ./ps.\n"
		"\n"
		"On a terminal lines can be edited, TAB completes what the "
		"verbs take: words, options, processes, addresses, images, "
		"files; what was typed is kept in "
		"$XDG_STATE_HOME/critter/history, but for lines that begin with "
		"a blank. Long output is paged. ^C ends the verb that runs.\n"
		"\n"
		"Words are separated by blanks; '...', \"...\" and \\ keep "
		"them together; # begins a comment. On a terminal 'WORDS > "
		"FILE' replaces a file with what is printed, if all went well, "
		"'WORDS | COMMAND' gives it to a command, and '!COMMAND' runs "
		"one.\n"
		"\n"
		"Without a terminal the lines are a script. The first that "
		"fails ends it, unless --keep-going is given; the exit status "
		"is 1 if any failed. '!', '|' and '>' are refused, and verbs "
		"cannot read standard input.\n"
		"\n"
		"With --restricted '!', '|', '>' are refused on a terminal, "
		"too, there is no pager and no history, and the kernel "
		"(Landlock) keeps every verb from starting a program and from "
		"making, changing and removing files: -o fails. Without "
		"Landlock the shell does not start.",
	.opts = opts,
	.values_size = sizeof(struct shell),
	.interactive = true,
	.run = run,
};
