// SPDX-License-Identifier: MIT
#include "crit/shell/input.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "lib/base/cleanup.h"

#define SONAME	"libreadline.so.8"
#define PACKAGE "libreadline8"

/* Lines that are kept. */
#define HISTORY_MAX 1000

/* Every function and variable that is used of readline. */
#define FUNCTIONS(f)                  \
	f(add_history)                \
	f(history_list)               \
	f(history_truncate_file)      \
	f(read_history)               \
	f(readline)                   \
	f(rl_check_signals)           \
	f(rl_cleanup_after_signal)    \
	f(rl_free_line_state)         \
	f(rl_getc)                    \
	f(stifle_history)             \
	f(using_history)

#define VARIABLES(v)                          \
	v(rl_attempted_completion_function)   \
	v(rl_attempted_completion_over)       \
	v(rl_completer_word_break_characters) \
	v(rl_completion_append_character)     \
	v(rl_getc_function)                   \
	v(rl_line_buffer)                     \
	v(rl_readline_name)                   \
	v(rl_signal_event_hook)

/* Readline has one of everything, and so have we. */
static struct {
	void *handle;
	struct cr_input *input; /* that reads with it */
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
	VARIABLES(MEMBER)
#undef MEMBER
} rl;

static volatile sig_atomic_t interrupted;
static sigjmp_buf again; /* where another line is asked for */

static bool find(const char *name, void *place)
{
	void *symbol = dlsym(rl.handle, name);
	memcpy(place, &symbol, sizeof(symbol));
	return symbol != NULL;
}

static bool load(void)
{
	bool found = true;
	rl.handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!rl.handle)
		return false;
#define FIND(name) found = find(#name, &rl.name) && found;
	FUNCTIONS(FIND)
	VARIABLES(FIND)
#undef FIND
	return found;
}

/* ---- completion ---- */

static size_t common(const struct cr_strings *words)
{
	const char *first = words->item[0];
	const char *last = words->item[words->nr - 1];
	size_t n = 0;
	while (first[n] && first[n] == last[n])
		n++;
	return n;
}

/* As readline wants them: what they have in common, then each, if there is more
 * than one. */
static char **to_matches(const struct cr_strings *words)
{
	size_t nr = 0;
	char **match = calloc(words->nr + 2, sizeof(match[0]));
	if (!match)
		return NULL;
	match[nr] = strndup(words->item[0], common(words));
	for (size_t i = 0; words->nr > 1 && match[nr] && i < words->nr; i++)
		match[++nr] = strdup(words->item[i]);
	return match;
}

static char **complete(const char *text, int start, int end)
{
	struct cr_input *input = rl.input;
	struct cr_strings words = { .nr = 0 };
	char **match = NULL;
	*rl.rl_attempted_completion_over = 1;
	/* There is nobody to tell; nothing is offered then. */
	cr_error_free(input->offer(input->offer_arg, *rl.rl_line_buffer,
				   (size_t)start, (size_t)end, &words));
	if (words.nr) {
		const char *first = words.item[0];
		char last = first[strlen(first) - 1];
		*rl.rl_completion_append_character =
			words.nr == 1 && strchr("/.:[", last) ? 0 : ' ';
		match = to_matches(&words);
	}
	cr_strings_free(&words);
	return match;
}

/* ---- ^C: another line ---- */

static void note_interrupt(int signal_nr)
{
	interrupted = 1;
}

/* Readline calls it while it waits, so that it may be left this way; it would
 * take one more key otherwise. */
static int drop_line(void)
{
	if (interrupted) {
		interrupted = 0;
		rl.rl_free_line_state();
		rl.rl_cleanup_after_signal();
		siglongjmp(again, 1);
	}
	return 0;
}

/* A ^C that came between two keys, while one was dealt with, counts as well.
 * Between looking for one and waiting none may come, or it would be seen with
 * the next key only. */
static int get_key(FILE *stream)
{
	sigset_t all, before;
	fd_set keys;
	int n, fd = fileno(stream);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	do {
		rl.rl_check_signals();
		drop_line();
		FD_ZERO(&keys);
		FD_SET(fd, &keys);
		n = pselect(fd + 1, &keys, NULL, NULL, NULL, &before);
	} while (n < 0 && errno == EINTR);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rl.rl_getc(stream);
}

/* ---- history ---- */

/* Makes the directories of a path. */
static void make_dirs(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(path, 0700);
		*p = '/';
	}
}

/* $XDG_STATE_HOME/critter/history, or NULL. */
static char *history_name(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *name = NULL;
	int n = -1;
	if (state && *state == '/')
		n = asprintf(&name, "%s/critter/history", state);
	else if (home && *home == '/')
		n = asprintf(&name, "%s/.local/state/critter/history", home);
	return n < 0 ? NULL : name;
}

/* Appends, so that shells side by side do not lose lines. What cannot be kept
 * is forgotten. */
static void append(const char *name, const char *line)
{
	cr_auto_free char *text = NULL;
	cr_auto_close int fd = open(
		name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		0600);
	int n = asprintf(&text, "%s\n", line);
	if (n < 0)
		text = NULL;
	if (fd < 0 || !text || fchmod(fd, 0600) ||
	    write(fd, text, (size_t)n) != n)
		return;
}

static void remember(struct cr_input *input, const char *line)
{
	HIST_ENTRY **list = rl.history_list();
	size_t nr = 0;
	if (!*line || *line == ' ')
		return;
	while (list && list[nr])
		nr++;
	if (nr && !strcmp(list[nr - 1]->line, line))
		return;
	rl.add_history(line);
	if (input->history)
		append(input->history, line);
}

static void recall(struct cr_input *input)
{
	rl.using_history();
	rl.stifle_history(HISTORY_MAX);
	if (!input->remembers)
		return;
	input->history = history_name();
	if (!input->history)
		return;
	make_dirs(input->history);
	rl.read_history(input->history);
}

struct cr_error *cr_input_history(void (*show)(const char *line))
{
	HIST_ENTRY **list = rl.input ? rl.history_list() : NULL;
	if (!rl.input)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "there is no history without a terminal");
	for (; list && *list; list++)
		show((*list)->line);
	return NULL;
}

/* ---- lines ---- */

struct cr_error *cr_input_open(struct cr_input *input)
{
	if (!input->terminal)
		return NULL;
	struct sigaction action = { .sa_handler = note_interrupt };
	sigaction(SIGINT, &action, NULL);
	setlocale(LC_CTYPE, "");
	if (!load()) {
		fputs("crit: no editing of lines: " SONAME
		      " cannot be loaded (package " PACKAGE ")\n",
		      stderr);
		return NULL;
	}
	rl.input = input;
	*rl.rl_readline_name = "crit";
	*rl.rl_completer_word_break_characters = " \t";
	*rl.rl_attempted_completion_function = complete;
	*rl.rl_signal_event_hook = drop_line;
	*rl.rl_getc_function = get_key;
	recall(input);
	return NULL;
}

static const char *read_plain(struct cr_input *input, const char *prompt)
{
	ssize_t n;
	do {
		if (input->terminal)
			fputs(prompt, stdout);
		fflush(stdout);
		n = getline(&input->line, &input->line_size, stdin);
		if (n < 0 && interrupted) {
			clearerr(stdin);
			fputc('\n', stdout);
		}
	} while (n < 0 && interrupted && !(interrupted = 0));
	if (n > 0 && input->line[n - 1] == '\n')
		input->line[n - 1] = 0;
	return n < 0 ? NULL : input->line;
}

const char *cr_input_read(struct cr_input *input, const char *prompt)
{
	if (!rl.input)
		return read_plain(input, prompt);
	free(input->line);
	input->line = NULL;
	if (sigsetjmp(again, 1))
		fputc('\n', stdout);
	interrupted = 0;
	input->line = rl.readline(prompt);
	if (input->line)
		remember(input, input->line);
	else
		fputc('\n', stdout);
	return input->line;
}

void cr_input_close(struct cr_input *input)
{
	if (rl.input && input->history)
		rl.history_truncate_file(input->history, HISTORY_MAX);
	rl.input = NULL;
	free(input->line);
	free(input->history);
	input->line = input->history = NULL;
}
