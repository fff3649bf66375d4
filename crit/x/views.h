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

#endif
