// SPDX-License-Identifier: MIT
/*
 * --pidns: restoring in a new pid namespace, where every pid is free.
 *
 * If the first process of the checkpoint had pid 1, it is the first one of the
 * new namespace, and nothing more is needed (tasks.c). Otherwise the first one is
 * a copy of us, with a /proc of its own: it restores, and then stays as init,
 * which reaps, until no process is left.
 *
 * Source: man 7 pid_namespaces.
 */
#ifndef CR_RESTORE_PIDNS_H
#define CR_RESTORE_PIDNS_H

#include "restore/restore.h"

/** True if restoring takes a process in between. */
bool cr_pidns_is_wanted(const struct cr_options *options,
			const struct cr_rplan *plan);

/** As cr_restore_run(), in a new namespace. plan->proc->pid is then the pid out
 * here of the first restored process, and *init_ret that of the namespace's
 * init, whose end is that of all of them. */
struct cr_error *cr_pidns_run(const struct cr_options *options,
			      struct cr_rplan *plan, FILE *log,
			      const char *fault, bool *clash_ret,
			      pid_t *init_ret) CR_MUST_CHECK;

#endif
