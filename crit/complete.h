// SPDX-License-Identifier: MIT
/*
 * Completion scripts for shells, written from the list of verbs and their
 * option tables. Sources: "man 1 bash" (Programmable Completion), "man 1
 * zshcompsys" (_arguments), "man 1 fish-completions".
 */
#ifndef CR_CRIT_COMPLETE_H
#define CR_CRIT_COMPLETE_H

#include "crit/verb.h"

/* The shells there is a script for, NULL at the end. */
extern const char *const cr_complete_shells[];

/** Writes the script; shell is 1 + its index in cr_complete_shells. */
void cr_complete_write(FILE *out, const struct cr_command *command,
		       unsigned shell);

#endif
