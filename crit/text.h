// SPDX-License-Identifier: MIT
/*
 * Words on a terminal: filling lines and paragraphs. Writes to the stream it is
 * given; owns nothing. Widths are counted in bytes, so texts are ASCII.
 */
#ifndef CR_CRIT_TEXT_H
#define CR_CRIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Nothing we fill is wider, so that 80 columns never wrap. */
#define CR_TEXT_COLUMNS 79

/* A line being filled. What follows a full line starts at `indent`. */
struct cr_text_line {
	FILE *out;
	size_t indent;
	size_t col; /* where the next byte goes, from 0 */
};

/** Puts a word (never broken) after a blank, on the next line if it must. */
void cr_text_word(struct cr_text_line *line, const char *word, size_t len);

/** Puts every blank-separated word of text. Does not end the line. */
void cr_text_words(struct cr_text_line *line, const char *text, size_t len);

/**
 * One row of a two-column list: `label` two columns in, `text` filled from
 * column `indent` on, below the label if that is too wide. Ends the line.
 */
void cr_text_row(FILE *out, const char *label, size_t indent, const char *text);

/* One paragraph of a longer text: to be filled, or lines to be kept. */
struct cr_text_para {
	const char *text;
	size_t len; /* without the newline at its end */
	bool verbatim;
};

/**
 * The next paragraph at *text, which is moved past it. Paragraphs are separated
 * by an empty line; one that starts with a blank is verbatim. False at
 * the end.
 */
bool cr_text_next(const char **text, struct cr_text_para *ret);

/** All paragraphs, filled or kept from column 0, an empty line between. */
void cr_text_fill(FILE *out, const char *text);

#endif
