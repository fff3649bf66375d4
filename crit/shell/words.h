// SPDX-License-Identifier: MIT
/*
 * A line of `crit shell` in words, by the part of the shell's rules that names
 * need: blanks separate, 'a b' and "a b" and a\ b are one word, # begins a
 * comment. No variables, no patterns, no lists of commands: every other
 * character stands for itself.
 *
 *	!COMMAND		the rest of the line is for sh
 *	WORDS | COMMAND		so is what follows the bar
 *	WORDS > FILE		one word, and nothing behind it
 */
#ifndef CR_CRIT_SHELL_WORDS_H
#define CR_CRIT_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* Strings that are ours; a NULL stands behind them. Starts zeroed. */
struct cr_strings {
	char **item;
	size_t nr, cap;
};

/** Appends a copy; size counts its bytes. */
struct cr_error *cr_strings_add(struct cr_strings *strings, const char *text,
				size_t size) CR_MUST_CHECK;

/** The same, made as printf(3) does. */
struct cr_error *cr_strings_addf(struct cr_strings *strings, const char *fmt,
				 ...) CR_PRINTF(2, 3) CR_MUST_CHECK;

/** By strcmp; equal ones become one. */
void cr_strings_sort(struct cr_strings *strings);

/** Of sorted ones. */
bool cr_strings_has(const struct cr_strings *sorted, const char *text);

/** Accepts zeroed ones, and leaves them so. */
void cr_strings_free(struct cr_strings *strings);

struct cr_line {
	struct cr_strings words;
	char *command; /* behind ! or |, without blanks around it; or NULL */
	bool is_command; /* it was a ! */
	char *file;	 /* behind >, or NULL */
};

/**
 * Splits a line. USAGE: a quote that does not end, nothing behind | or >, or
 * something behind the file. Free with cr_line_free(), after an error as well.
 */
struct cr_error *cr_line_split(const char *text, struct cr_line *ret)
	CR_MUST_CHECK;

/** Accepts a zeroed line. */
void cr_line_free(struct cr_line *line);

#endif
