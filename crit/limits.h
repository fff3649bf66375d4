// SPDX-License-Identifier: MIT
/*
 * The option --limit: how much an archive may hold. Every verb that opens a
 * checkpoint does so through this, or hands the limits of its call on.
 */
#ifndef CR_CRIT_LIMITS_H
#define CR_CRIT_LIMITS_H

#include "crit/verb.h"
#include "lib/image/set.h"
#include "lib/store/store.h"

/** Reads "none", or "members=N,member-size=SIZE,total-size=SIZE,ratio=N", any of
 * them; those that are not named keep their default. USAGE. */
struct cr_error *cr_limits_parse(const char *text, struct cr_store_limits *ret)
	CR_MUST_CHECK;

/** Opens a checkpoint within the limits of the call; see cr_set_open(). */
struct cr_error *cr_limits_open(const struct cr_verb_call *call,
				const char *path, struct cr_set *ret)
	CR_MUST_CHECK;

#endif
