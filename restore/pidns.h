// SPDX-License-Identifier: MIT
/*
 * --pidns: restoring in a new pid namespace, where every pid is free.
 *
 * If the first process of the checkpoint had pid 1, it is the first one of the
 * new namespace, and nothing more is needed (tasks.c). Otherwise the first one is
 * a copy of us, with a /proc of its own: it restores, and then stays as init,
 * which reaps, until no process is left.
 *
 * A keeper is a copy of us that restores, whether it is an init or not. Several
 * of them can wait for each other (clones.c).
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

/* What a keeper does. */
struct cr_keeping {
	const struct cr_options *options;
	struct cr_rplan *plan;
	FILE *log;
	const char *fault;
	int go[2]; /* a pipe: a byte lets what is restored run; -1: it runs */
	struct cr_keys_copy keys; /* if there is a pipe; stays the caller's, too */
};

struct cr_keeper {
	pid_t pid;  /* 0: there is none */
	pid_t root; /* the first restored process, out here; 0: not known */
	bool stays; /* until the last process of its namespace has ended */
	int fd;	    /* where its reports come from; -1: nowhere */
};

/** Starts a keeper. For cr_keeper_leave() in the end, also after an
 * error. */
struct cr_error *cr_keeper_start(const struct cr_keeping *what,
				 struct cr_keeper *ret) CR_MUST_CHECK;

/** Waits until it has restored and root is known; with `go` it then waits for
 * a byte, and reports a second time when all runs. */
struct cr_error *cr_keeper_wait(struct cr_keeper *keeper, bool *clash_ret)
	CR_MUST_CHECK;

/** Kills what it has restored, and itself. Accepts one that is not there. */
void cr_keeper_kill(const struct cr_keeper *keeper);

/** Waits for the end of both; the exit status of the first process. A keeper that does not stay leaves its processes to
 * us; so we are to be a subreaper. */
int cr_keeper_last(const struct cr_keeper *keeper);

/** Lets go of it, whatever it does. */
void cr_keeper_leave(struct cr_keeper *keeper);

#endif
