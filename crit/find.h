// SPDX-License-Identifier: MIT
/*
 * Looking for checkpoints, the same way for every verb that takes a directory
 * with many.
 */
#ifndef CR_CRIT_FIND_H
#define CR_CRIT_FIND_H

#include <stdbool.h>

#include "lib/base/error.h"

/** What is, or may be, a checkpoint. named: it is what was asked for, not found
 * in a directory, where what turns out to be none is passed over. Errors end the
 * search. */
typedef struct cr_error *cr_crit_find_fn(void *arg, const char *path,
					 bool named);

/**
 * Calls fn for path, or if that is a directory that is no checkpoint for those
 * in it: four levels deep, by name, links not followed, archives known by how
 * they begin. SYSTEM: a directory cannot be read.
 */
struct cr_error *cr_crit_find(const char *path, cr_crit_find_fn *fn, void *arg)
	CR_MUST_CHECK;

#endif
