// SPDX-License-Identifier: MIT
/*
 * A checkpoint that stays open from one verb to the next, because going through
 * an archive takes its time. `crit shell` has one.
 */
#ifndef CR_CRIT_KEPT_H
#define CR_CRIT_KEPT_H

#include "crit/verb.h"
#include "lib/image/set.h"

struct cr_kept {
	const char *path; /* NULL: none */
	struct cr_set set;
};

/**
 * Opens a checkpoint, or takes the one of that path that is open: it is gone
 * from call->kept then. The caller closes it.
 */
struct cr_error *cr_kept_set(const struct cr_verb_call *call,
			     const char *path, struct cr_set *ret)
	CR_MUST_CHECK;

#endif
