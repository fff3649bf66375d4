// SPDX-License-Identifier: MIT
/*
 * The man page, written from the list of verbs and their option tables as troff
 * with man macros. Source: "man 7 groff_man"; "mandoc -T lint" is content.
 */
#ifndef CR_CRIT_MANUAL_H
#define CR_CRIT_MANUAL_H

#include "crit/verb.h"

/* What the man page of crit says besides its verbs. */
extern const struct cr_section cr_manual_sections[];

/** Writes the page. */
void cr_manual_write(FILE *out, const struct cr_command *command);

#endif
