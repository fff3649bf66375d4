// SPDX-License-Identifier: MIT
/*
 * The views: one function each, declared from the list in views.def.
 */
#ifndef CR_CRIT_X_VIEWS_H
#define CR_CRIT_X_VIEWS_H

#include "crit/x/x.h"

#define VIEW(name, ...) void cr_x_view_##name(struct cr_x *x);
#include "crit/x/views.def"
#undef VIEW

/** What CRIU measured, as a table under a key (or NULL): the view stats. */
void cr_x_stats(struct cr_x *x, const char *key);

/** Findings: mappings that are no range, or begin before the one in front of them
 * ends; guards, which CRIU lists behind all others, apart. */
void cr_x_check_order(struct cr_x *x, uint32_t pid, const struct cr_mm *mm);

#endif
