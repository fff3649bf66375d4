// SPDX-License-Identifier: MIT
/*
 * What views of stacks share: the function that code is in, as a cell of a table
 * (table.h); the files that would have told; how return addresses are signed.
 */
#ifndef CR_CRIT_X_FUNCTION_H
#define CR_CRIT_X_FUNCTION_H

#include "crit/x/table.h"
#include "lib/unwind/modules.h"
#include "lib/unwind/sign.h"

/** That which pc is in, or the instruction before it if that is a return address,
 * is_exact being false: "NAME+0xOFF"; the address where no name is known, and none
 * for 0. */
void cr_cell_function(struct cr_x *x, struct cr_modules *modules, uint64_t pc,
		      bool is_exact);

/** Files of a process that were wanted and are not here, by name and build-id and
 * where they were looked for: what depends on them cannot be told. */
void cr_x_missing(struct cr_x *x, const struct cr_modules *modules,
		  uint32_t pid);

/** What is proved of how they are signed, as a member "scheme" in JSON, null if
 * nothing is. */
void cr_x_scheme(struct cr_x *x, const struct cr_signs *signs);

/** The same as a line of text; of what is proved only. */
void cr_x_scheme_line(struct cr_x *x, const struct cr_signs *signs);

#endif
