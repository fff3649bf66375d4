// SPDX-License-Identifier: MIT
/*
 * A cell of a table (table.h): the function that code is in.
 */
#ifndef CR_CRIT_X_FUNCTION_H
#define CR_CRIT_X_FUNCTION_H

#include "crit/x/table.h"
#include "lib/unwind/modules.h"

/** That which pc is in, or the instruction before it if that is a return address,
 * is_exact being false: "NAME+0xOFF"; the address where no name is known, and none
 * for 0. */
void cr_cell_function(struct cr_x *x, struct cr_modules *modules, uint64_t pc,
		      bool is_exact);

#endif
