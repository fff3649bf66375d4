// SPDX-License-Identifier: MIT
/*
 * The terminal: whether there is one, how wide it is, colours, cutting text to
 * a width, and the pager. The one place of crit that reads the environment for
 * these: NO_COLOR, TERM, COLUMNS, LC_ALL, LC_CTYPE, LANG; CRIT_PAGER, PAGER,
 * LESS.
 *
 * Where results go to no terminal, nothing is coloured (unless it is asked for),
 * cut or paged: the bytes are the same on every machine.
 *
 * Sources: no-color.org; Unicode 15.1, EastAsianWidth.txt; man 1 less.
 */
#ifndef CR_CRIT_TERM_H
#define CR_CRIT_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/error.h"

/* What --color says, in the order of its words; 0 is auto, too. */
enum cr_color { CR_COLOR_AUTO = 1, CR_COLOR_ALWAYS, CR_COLOR_NEVER };

extern const char *const cr_color_words[]; /* NULL at the end */

struct cr_term {
	bool is_tty;	   /* results go to a terminal that can move its cursor */
	unsigned columns;  /* its width; 0: nothing is cut */
	bool utf8;	   /* it shows an ellipsis */
	bool color;	   /* of results */
	bool errors_color; /* of what goes to standard error */
};

/** Looks at both streams, which need no file descriptor, and at the environment.
 * color is a word of --color, counted from 1. */
void cr_term_init(struct cr_term *term, unsigned color, FILE *out,
		  FILE *errors);

/* What colours are for. */
enum cr_mark { CR_MARK_HEADING, CR_MARK_ERROR };

/** What begins and ends a coloured text; "" where there is no colour. term may
 * be NULL. */
const char *cr_term_on(const struct cr_term *term, enum cr_mark mark);
const char *cr_term_off(const struct cr_term *term, enum cr_mark mark);

/* ---- widths ---- */

/** Columns that UTF-8 text takes: none for what combines, two for wide ones. */
size_t cr_term_width(const char *text, size_t size);

/** A column is not made narrower than this: an address fits. */
#define CR_TERM_NARROWEST 20

/** A line of a table is continued behind so many blanks. */
#define CR_TERM_INDENT 4

/* A column of a table. */
struct cr_term_column {
	size_t width;
	bool keep;  /* is never cut */
	bool empty; /* nothing stands in it */

	/* What cr_term_fit() says, beside the width. */
	bool hidden;
	bool folds; /* begins another line */
};

/**
 * Makes a table fit, whose columns have two blanks between them. If it does not,
 * columns in which nothing stands are hidden; the widest are cut; and if they
 * would become too narrow, lines are folded instead, and columns are cut only to
 * what a line holds. Columns 0 changes nothing.
 */
void cr_term_fit(unsigned columns, struct cr_term_column *column, size_t nr);

/* What is left of a text: its first bytes and its last ones. */
struct cr_cut {
	size_t head, tail;
	const char *between; /* "" if nothing was cut off, else an ellipsis */
};

/** Takes the middle out of a text wider than width: names differ at their ends.
 * Accepts a NULL term. */
struct cr_cut cr_term_cut(const struct cr_term *term, const char *text,
			  size_t size, size_t width);

/* ---- the pager ---- */

/**
 * Makes standard output a pipe to $CRIT_PAGER, $PAGER or `less -FRX`. Does
 * nothing if there is none, or it is "cat" or empty. From here on until the end
 * a pager that quits early, and ^C, end this process once the pager has ended.
 */
void cr_pager_start(void);

/** Gives standard output back and waits for the pager. The error says that it
 * could not be run. Does nothing if none was started. */
struct cr_error *cr_pager_end(void) CR_MUST_CHECK;

#endif
