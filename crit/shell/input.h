// SPDX-License-Identifier: MIT
/*
 * Lines from a terminal, edited, completed and remembered; or from anything
 * else, as they come.
 *
 * The editing is readline's. Linked, it would cost every start of the program
 * time, so it is loaded when lines come from a terminal. Without it lines are
 * read plainly.
 *
 * Sources: the GNU Readline and History libraries' manuals, 8.2; the XDG Base
 * Directory Specification 0.8 ($XDG_STATE_HOME).
 */
#ifndef CR_CRIT_SHELL_INPUT_H
#define CR_CRIT_SHELL_INPUT_H

#include <stdbool.h>

#include "crit/shell/words.h"

/** The words that may stand where the line's [start, end) does. */
typedef struct cr_error *cr_offer_fn(void *arg, const char *line, size_t start,
				     size_t end, struct cr_strings *ret);

struct cr_input {
	bool terminal;	  /* a prompt, and editing if that can be had */
	bool remembers;	  /* keeps a history in a file */
	cr_offer_fn *offer;
	void *offer_arg;

	/* Ours. */
	char *line;
	size_t line_size;
	char *history; /* the file's name, or NULL */
};

/** Of a process, one at a time. The first four members are set. */
struct cr_error *cr_input_open(struct cr_input *input) CR_MUST_CHECK;

/** The next line, without its newline, until the next call; NULL at the end. */
const char *cr_input_read(struct cr_input *input, const char *prompt);

/** Calls show for each line that is remembered. UNSUPPORTED: none is. */
struct cr_error *cr_input_history(void (*show)(const char *line))
	CR_MUST_CHECK;

void cr_input_close(struct cr_input *input);

#endif
