// SPDX-License-Identifier: MIT
/*
 * Processes: making them with the pids they had, waiting until each has done what
 * it does itself, and ending them all when something fails.
 *
 * The controller is a subreaper while it restores, so that it reaps whatever is
 * left by a process that died. Facts: man 2 clone (clone3, set_tid), man 2 prctl.
 */
#ifndef CR_RESTORE_TASKS_H
#define CR_RESTORE_TASKS_H

#include "restore/steps.h"

/** Makes the shared memory, the bell and blocks signals; undone by the last. */
struct cr_error *cr_tasks_init(struct cr_restore *run) CR_MUST_CHECK;
void cr_tasks_deinit(struct cr_restore *run);

/** Starts the root, which starts its children, and waits until all have made
 * themselves ready. What a process says is wrong is returned. */
struct cr_error *cr_tasks_start(struct cr_restore *run) CR_MUST_CHECK;

/** In a process: to die with whoever made it, which changing ids has undone. */
struct cr_error *cr_task_tie(struct cr_restore *run, struct cr_proc *proc)
	CR_MUST_CHECK;

/** Kills and reaps all of them. */
void cr_tasks_kill(struct cr_restore *run);

/** The exit status of one who waits for a process: that of the process, or 128 and
 * the signal that killed it. */
int cr_task_status(int wait_status);

/** After an attempt, counted from 0, to make a process or thread whose id is in
 * use: waits a moment, or says that it is not worth while. */
bool cr_task_wait_for_id(uint32_t id, int try);

#endif
