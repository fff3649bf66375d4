// SPDX-License-Identifier: MIT
/*
 * A cell of a table (table.h): the function that code is in.
 */
#ifndef CR_CRIT_X_FUNCTION_H
#define CR_CRIT_X_FUNCTION_H

#include "crit/x/table.h"
#include "lib/unwind/modules.h"

/** That which a return address is in, "NAME+0xOFF"; the address where no name is
 * known, and none for 0. */
void cr_cell_function(struct cr_x *x, struct cr_modules *modules, uint64_t pc);

#endif
