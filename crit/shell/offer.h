// SPDX-License-Identifier: MIT
/*
 * What `crit shell` offers to complete a word: from the verbs' tables and from
 * the current checkpoint. A name that would need quotes, or that could drive a
 * terminal, is not offered.
 */
#ifndef CR_CRIT_SHELL_OFFER_H
#define CR_CRIT_SHELL_OFFER_H

#include "crit/shell/here.h"

struct cr_shell;

/* A word that is the shell's own and no verb. */
struct cr_own {
	const char *name;
	const char *value; /* what may follow, for help; "" */
	enum cr_takes takes;
	const char *help;
	/* arg is NULL if there is none. */
	struct cr_error *(*run)(struct cr_shell *shell, const char *arg);
};

/**
 * The words that may stand where the line's word [start, end) does and begin as
 * it does, sorted. One that ends in '/' or '.' may go on. own ends with {0}.
 */
struct cr_error *cr_offer(struct cr_here *here,
			  const struct cr_command *command,
			  const struct cr_own *own, const char *line,
			  size_t start, size_t end, struct cr_strings *ret)
	CR_MUST_CHECK;

#endif
