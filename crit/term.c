// SPDX-License-Identifier: MIT
#include "crit/term.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"

const char *const cr_color_words[] = { "auto", "always", "never", NULL };

/* ---- what there is ---- */

/* An empty variable is as good as none. */
static const char *env(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

static bool is_tty(FILE *stream)
{
	int fd = fileno(stream);
	return fd >= 0 && isatty(fd);
}

static bool is_dumb(void)
{
	const char *term = env("TERM");
	return !term || !strcmp(term, "dumb");
}

static bool wants_color(unsigned color, FILE *stream)
{
	if (color == CR_COLOR_ALWAYS || color == CR_COLOR_NEVER)
		return color == CR_COLOR_ALWAYS;
	return is_tty(stream) && !is_dumb() && !env("NO_COLOR");
}

static unsigned find_columns(FILE *out)
{
	const char *text = env("COLUMNS");
	unsigned long set = text ? strtoul(text, NULL, 10) : 0;
	struct winsize size;
	if (set > 0 && set < 100000)
		return (unsigned)set;
	if (!ioctl(fileno(out), TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return 80;
}

/* man 7 locale: the first of these that is set. */
static bool is_utf8(void)
{
	const char *name = env("LC_ALL") ?: env("LC_CTYPE") ?: env("LANG");
	return name && (strcasestr(name, "utf-8") || strcasestr(name, "utf8"));
}

void cr_term_init(struct cr_term *term, unsigned color, FILE *out,
		  FILE *errors)
{
	*term = (struct cr_term){
		.color = wants_color(color, out),
		.errors_color = wants_color(color, errors),
	};
	if (!is_tty(out))
		return;
	term->is_tty = !is_dumb();
	term->columns = find_columns(out);
	term->utf8 = is_utf8();
}

static bool is_on(const struct cr_term *term, enum cr_mark mark)
{
	if (!term)
		return false;
	return mark == CR_MARK_ERROR ? term->errors_color : term->color;
}

const char *cr_term_on(const struct cr_term *term, enum cr_mark mark)
{
	static const char *const marks[] = {
		[CR_MARK_HEADING] = "\033[1m",
		[CR_MARK_ERROR] = "\033[1;31m",
	};
	return is_on(term, mark) ? marks[mark] : "";
}

const char *cr_term_off(const struct cr_term *term, enum cr_mark mark)
{
	return is_on(term, mark) ? "\033[m" : "";
}

/* ---- widths ---- */

struct range {
	uint32_t first, last;
};

static const struct range combining[] = {
	{ 0x300, 0x36f },   { 0x483, 0x489 },	{ 0x591, 0x5bd },
	{ 0x610, 0x61a },   { 0x64b, 0x65f },	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x202a, 0x202e },
	{ 0x2060, 0x206f }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
};

static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },
	{ 0xa960, 0xa97c },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
};

static bool is_in(const struct range *range, size_t nr, uint32_t code)
{
	for (size_t i = 0; i < nr && range[i].first <= code; i++) {
		if (code <= range[i].last)
			return true;
	}
	return false;
}

static size_t width_of(uint32_t code)
{
	if (code < 0x300)
		return 1;
	if (is_in(combining, sizeof(combining) / sizeof(combining[0]), code))
		return 0;
	return is_in(wide, sizeof(wide) / sizeof(wide[0]), code) ? 2 : 1;
}

/* One character: its columns; *p is moved past it. What is not UTF-8 is not
 * expected here and takes a column a byte. */
static size_t step(const char **p, const char *end)
{
	const uint8_t *at = (const uint8_t *)*p;
	size_t size = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
	uint32_t code;
	if (size > (size_t)(end - *p) || !cr_utf8_valid(at, size)) {
		++*p;
		return 1;
	}
	*p = (const char *)cr_utf8_next(at, &code);
	return width_of(code);
}

size_t cr_term_width(const char *text, size_t size)
{
	const char *end = text + size;
	size_t width = 0;
	while (text < end)
		width += step(&text, end);
	return width;
}

/* The width of all, if columns that may be cut were no wider than a limit. */
static size_t total_of(const struct cr_term_column *column, size_t nr,
		       size_t limit)
{
	size_t total = 0;
	for (size_t i = 0; i < nr; i++) {
		if (column[i].hidden)
			continue;
		total += total ? 2 : 0;
		total += column[i].keep || column[i].width < limit ?
				 column[i].width :
				 limit;
	}
	return total;
}

/* Takes what is too much from the widest of what may be cut. */
static void narrow(size_t too_much, struct cr_term_column *column, size_t nr)
{
	while (too_much--) {
		struct cr_term_column *widest = NULL;
		for (size_t i = 0; i < nr; i++) {
			if (!column[i].keep && !column[i].hidden &&
			    (!widest || column[i].width > widest->width))
				widest = &column[i];
		}
		if (widest)
			widest->width--;
	}
}

/* Fills each line with as many columns as it holds. */
static void fold(unsigned columns, struct cr_term_column *column, size_t nr)
{
	size_t indent = columns > CR_TERM_INDENT ? CR_TERM_INDENT : 0, at = 0;
	for (size_t i = 0; i < nr; i++) {
		struct cr_term_column *c = &column[i];
		if (c->hidden)
			continue;
		if (!c->keep && c->width > columns - indent)
			c->width = columns - indent;
		c->folds = at && at + 2 + c->width > columns;
		at = (c->folds ? indent : at ? at + 2 : 0) + c->width;
	}
}

void cr_term_fit(unsigned columns, struct cr_term_column *column, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		/* Sums do not overflow, and narrowing has an end. */
		if (columns && !column[i].keep && column[i].width > columns)
			column[i].width = columns;
		column[i].hidden = column[i].folds = false;
	}
	if (!columns || total_of(column, nr, columns) <= columns)
		return;
	for (size_t i = 0; i < nr; i++)
		column[i].hidden = column[i].empty;
	size_t total = total_of(column, nr, columns);
	if (total_of(column, nr, CR_TERM_NARROWEST) > columns)
		fold(columns, column, nr);
	else if (total > columns)
		narrow(total - columns, column, nr);
}

struct cr_cut cr_term_cut(const struct cr_term *term, const char *text,
			  size_t size, size_t width)
{
	const char *end = text + size, *p = text;
	size_t total = cr_term_width(text, size), at = 0, n;
	struct cr_cut cut = { size, 0, "" };
	if (total <= width || !width)
		return cut;
	cut.between = term && term->utf8 ? "\xe2\x80\xa6" : "~";
	cut.head = 0;
	while (p < end) {
		n = step(&p, end);
		if (at + n > (width - 1) / 2)
			break;
		at += n;
		cut.head = (size_t)(p - text);
	}
	/* What remains begins where no more than the rest of the width follows. */
	for (p = text, n = 0; p < end && total - n > width - 1 - at;)
		n += step(&p, end);
	cut.tail = (size_t)(end - p);
	return cut;
}

/* ---- the pager ---- */

/* Signal handlers need it. */
static struct {
	volatile pid_t pid; /* 0: none */
	int saved;	    /* standard output as it was */
} pager;

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
#define NR_ENDING (sizeof(ending) / sizeof(ending[0]))

static struct sigaction before[NR_ENDING];

/* The pager must not be left alone with a terminal that a shell takes back. */
static void wait_for_pager(int signal_nr)
{
	int status = 0;
	close(STDOUT_FILENO);
	while (waitpid(pager.pid, &status, 0) < 0 && errno == EINTR)
		;
	/* The shell that could not run it has said so. */
	if (signal_nr == SIGPIPE)
		_exit(WIFEXITED(status) && WEXITSTATUS(status) >= 126);
	signal(signal_nr, SIG_DFL);
	raise(signal_nr);
}

static bool is_in_path(const char *program)
{
	const char *path = env("PATH") ?: "/usr/bin:/bin";
	while (true) {
		size_t size = strcspn(path, ":");
		cr_auto_free char *file = NULL;
		if (asprintf(&file, "%.*s/%s", (int)size, path, program) < 0)
			file = NULL;
		if (file && !access(file, X_OK))
			return true;
		if (!path[size])
			return false;
		path += size + 1;
	}
}

static const char *find_pager(void)
{
	const char *command = getenv("CRIT_PAGER") ?: getenv("PAGER");
	if (!command)
		return is_in_path("less") ? "less -FRX" : NULL;
	return *command && strcmp(command, "cat") ? command : NULL;
}

static void run_pager(const char *command, int in)
{
	if (dup2(in, STDIN_FILENO) < 0)
		_exit(126);
	setenv("LESS", "FRX", 0);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(126);
}

void cr_pager_start(void)
{
	const char *command = find_pager();
	int ends[2];
	if (!command || pager.pid || pipe2(ends, O_CLOEXEC))
		return;
	cr_auto_close int in = ends[0], out = ends[1];
	cr_auto_close int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	pid_t pid = saved < 0 ? -1 : fork();
	if (!pid)
		run_pager(command, in);
	if (pid < 0)
		return;
	struct sigaction action = { .sa_handler = wait_for_pager };
	pager.pid = pid;
	pager.saved = cr_take_fd(&saved);
	for (size_t i = 0; i < NR_ENDING; i++)
		sigaction(ending[i], &action, &before[i]);
	dup2(out, STDOUT_FILENO);
}

struct cr_error *cr_pager_end(void)
{
	int status = 0;
	if (!pager.pid)
		return NULL;
	dup2(pager.saved, STDOUT_FILENO);
	close(pager.saved);
	while (waitpid(pager.pid, &status, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < NR_ENDING; i++)
		sigaction(ending[i], &before[i], NULL);
	pager.pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) >= 126)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "the pager '%s' cannot be run; "
				    "--no-pager does without",
				    find_pager() ?: "");
	return NULL;
}
