// SPDX-License-Identifier: MIT
/*
 * Trials: functions that are run in a child process because they may end it,
 * change it, or not come back.
 *
 * The child has memory in common with its parent for the result, default signal
 * actions, no core file, and goes with its parent. It is ended by its pid.
 * Source: man 2 fork (what a child may call), man 2 prctl.
 */
#ifndef CR_LIB_MACHINE_TRIAL_H
#define CR_LIB_MACHINE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/** Calls nothing that takes a lock. */
typedef void cr_trial_fn(void *result);

/**
 * Runs fn on a copy of the result, which is copied back. *ended_ret: it returned,
 * within the limit; if not, the result is as far as it got. SYSTEM: there can be no child.
 */
struct cr_error *cr_trial_run(cr_trial_fn *fn, void *result, size_t size,
			      int limit_ms, bool *ended_ret) CR_MUST_CHECK;

#endif
