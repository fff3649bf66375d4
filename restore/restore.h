// SPDX-License-Identifier: MIT
/*
 * crit-restore: brings the processes of a checkpoint back to life.
 *
 * How it works. No code stays in a restored process; what has to happen in it
 * is done by ourselves before it stops being us, or by system calls that ptrace
 * makes it execute (inject.h).
 *
 *	plan	Everything is read and checked (plan.h). What cannot be restored
 *		is refused here, with image, entry and reason; nothing has been
 *		created yet. --plan ends here.
 *	once	In the controller, which is the program the user started: open
 *		files are opened, once each, and wait at high numbers (fd/fds.h).
 *	child	In each process, forked from the controller with its old pid,
 *		in plain C: what outlives the exchange of its memory, which is
 *		all but memory, and registers. Also its memory: it maps and fills
 *		what it will be in the end next to what it still is
 *		(MAP_FIXED_NOREPLACE). When both want the same addresses the
 *		controller executes itself again, elsewhere. Its children are
 *		forked when it has its memory, so that they share pages with it.
 *	inject	All processes wait. The controller seizes them and makes them
 *		unmap what is left of us, move the vdso, clone their threads,
 *		and take on what the kernel must not know before.
 *	load	Registers and signal mask; then all are let go.
 *
 * Copies (--clones) are runs of all this in processes that are forked when the plan
 * is made, and memory that they can have in common is filled: clones.h.
 *
 * What happens in which order is one table, steps.c. How to add to it:
 *
 *	a step		a file and a row in steps.c
 *	a kind of fd	fd/KIND.c and a row in fd/kinds.c
 *	a processor	arch/NAME/, with a cr_native; the build takes the folder
 *
 * Failure leaves nothing: before a process is seized it dies with its parent
 * (PR_SET_PDEATHSIG), from then on with the controller (PTRACE_O_EXITKILL). On an
 * error everything is killed and reaped, and steps undo what they made outside
 * of processes.
 *
 * A process tells of its errors through a slot in memory it shares with the
 * controller, which alone prints.
 *
 * Facts: man 2 ptrace, clone3(2), prctl(2), proc(5); CRIU criu/cr-restore.c and
 * criu/pie/restorer.c, v4.2, for what the images mean.
 */
#ifndef CR_RESTORE_RESTORE_H
#define CR_RESTORE_RESTORE_H

#include <signal.h>
#include <stdio.h>

#include "restore/options.h"
#include "restore/plan.h"

#define CR_STEPS_MAX 64

/* What a process tells, in memory it shares with the controller. */
struct cr_told {
	uint32_t state; /* enum cr_slot_state; a futex */
	int32_t pid;	/* as the controller sees it */
	uint32_t code;	/* enum cr_err */
	int32_t exe_fd; /* open in the process */
	bool joins_calls; /* its calls are made together, see inject.h */
	bool clash;	/* see struct cr_restore */
	char text[2000];
	uint32_t step_us[CR_STEPS_MAX]; /* by place in the table */
};

/* What a copy of the checkpoint gets that no other does: see keys/keys.h. */
struct cr_keys_copy {
	struct cr_rekey_keys *keys; /* parallel to view.keys of the plan's */
	struct cr_pac_job *word;    /* parallel to view.plan.word */
};

enum cr_slot_state { CR_SLOT_UNBORN, CR_SLOT_BORN, CR_SLOT_READY, CR_SLOT_FAILED };

#define CR_NR_MEETINGS 8

struct cr_board {
	uint32_t met[CR_NR_MEETINGS]; /* processes that are there; futexes */
	struct cr_told slot[];	      /* by plan->proc */
};

struct cr_restore {
	const struct cr_options *options;
	struct cr_rplan *plan;
	FILE *log;	   /* NULL: quiet */
	const char *fault; /* fails at a step, for tests: see steps.h */
	const struct cr_gate *gate; /* or NULL */
	struct cr_board *board;
	size_t board_size;
	int bell[2]; /* a pipe: a byte says that a slot has changed */
	int proc_fd; /* /proc, where the controller's pids are valid */
	int self_fd; /* a pidfd of ours, see tasks.c; -1: not needed */
	int guard_fd; /* see release.c; -1: there is none */
	pid_t guard;
	struct cr_keys_copy keys;
	struct cr_soon *soon; /* see inject.h */
	size_t nr_done; /* steps that may have to be undone */
	sigset_t mask; /* of the caller's signals */
	bool clash;	     /* failed because of our own mappings */
};

/* Where a restore waits for others, when all is restored and nothing runs; see
 * pidns.h. */
struct cr_gate {
	int report_fd, go_fd;
	struct cr_keys_copy keys; /* becomes the run's */
};

/**
 * Does in ourselves what copies that are forked from us need not do each: maps
 * and fills memory of the first process, whose pages they share until they write to
 * them, and reads all other pages (early.h). *clash_ret as below.
 */
struct cr_error *cr_restore_early(const struct cr_options *options,
				  struct cr_rplan *plan, FILE *log,
				  bool *clash_ret) CR_MUST_CHECK;

/** Lets go of that, in ourselves. */
void cr_restore_drop_early(struct cr_rplan *plan);

/**
 * Restores what is planned; on success the processes run, or are stopped if that
 * was asked for. A gate, if not NULL, is passed before they do. After an error nothing is left of them, and *clash_ret says if
 * it may go well in another place (see main.c).
 */
struct cr_error *cr_restore_run(const struct cr_options *options,
				struct cr_rplan *plan, FILE *log,
				const char *fault, const struct cr_gate *gate,
				bool *clash_ret)
	CR_MUST_CHECK;

#endif
