// SPDX-License-Identifier: MIT
/*
 * The steps of a restore and their order: a row for each in steps.c, which says
 * why it stands where it stands. A row has what checks the plan, if anything can
 * be wrong, and one function that does the work, in one place:
 *
 *	once	in the controller, before there are processes
 *	child	in each process, plain C; before or after its memory is made,
 *		as the row stands. All signals are blocked. Do not use stdio, do
 *		not exit, do not start threads.
 *	inject	in the controller, for the leader of each seized process, or
 *		for each thread (each_thread), by calls injected into it. A step
 *		is done for all before the next begins.
 *
 * To add a step: a file with the functions, declared at the end of this header,
 * and a row in steps.c.
 *
 * For tests, a fault is "STEP" (fail before it), "STEP+" (after it) or "STEP!"
 * (be killed before it), with ":PID" behind it for one process only.
 */
#ifndef CR_RESTORE_STEPS_H
#define CR_RESTORE_STEPS_H

#include "restore/restore.h"

#define CR_FAULT_GCS "no gcs by ptrace"
#define CR_FAULT_CALLS "calls one by one"
#define CR_ANY_HOST  "any host"
#define CR_FAULT_SPOIL "spoil " // SET[:TID]: a bit of a thread's registers, NT_*

struct cr_step {
	const char *name;
	const char *does; /* for --plan, in a few words */
	bool each_thread;
	struct cr_error *(*plan)(struct cr_rplan *plan, struct cr_proc *proc);
	struct cr_error *(*once)(struct cr_restore *run);
	struct cr_error *(*child)(struct cr_restore *run, struct cr_proc *proc);
	struct cr_error *(*inject)(struct cr_restore *run,
				   struct cr_thread *thread);
	/* Takes back what `once` made outside of the controller. */
	void (*undo)(struct cr_restore *run);
};

/* In their order, ending with a row without a name. */
extern const struct cr_step cr_steps[];

/** Runs the rows with `plan` for every process. */
struct cr_error *cr_steps_plan(struct cr_rplan *plan) CR_MUST_CHECK;

/** Runs the rows of one place. */
struct cr_error *cr_steps_once(struct cr_restore *run) CR_MUST_CHECK;
struct cr_error *cr_steps_child(struct cr_restore *run, struct cr_proc *proc)
	CR_MUST_CHECK;
struct cr_error *cr_steps_inject(struct cr_restore *run) CR_MUST_CHECK;

/** Logs how long the processes took for each step, at most. */
void cr_steps_say_child(const struct cr_restore *run);

/** Runs `undo` of what has been done, last first. */
void cr_steps_undo(struct cr_restore *run);

/* ---- the functions of the rows, by file ---- */

#define CR_STEP_PLAN(name)				    \
	struct cr_error *name(struct cr_rplan *plan,	    \
			      struct cr_proc *proc) CR_MUST_CHECK
#define CR_STEP_ONCE(name) \
	struct cr_error *name(struct cr_restore *run) CR_MUST_CHECK
#define CR_STEP_CHILD(name)				    \
	struct cr_error *name(struct cr_restore *run,	    \
			      struct cr_proc *proc) CR_MUST_CHECK
#define CR_STEP_INJECT(name)				    \
	struct cr_error *name(struct cr_restore *run,	    \
			      struct cr_thread *thread) CR_MUST_CHECK

/* tasks.c */
CR_STEP_CHILD(cr_task_session);
CR_STEP_CHILD(cr_task_lead);
CR_STEP_CHILD(cr_task_children);
CR_STEP_CHILD(cr_task_meet);
CR_STEP_CHILD(cr_task_group);
CR_STEP_CHILD(cr_task_zombie);
CR_STEP_PLAN(cr_task_plan);
CR_STEP_CHILD(cr_task_personality);

/* namespaces.c */
CR_STEP_PLAN(cr_namespaces_plan);

/* map.c, fill.c */
CR_STEP_PLAN(cr_map_plan);
CR_STEP_CHILD(cr_map_make);
CR_STEP_CHILD(cr_map_fill);
CR_STEP_CHILD(cr_map_protect);
/* Says which mappings of the first process copies can have in common; maps and
 * fills them; and lets go. */
void cr_map_plan_early(struct cr_rplan *plan);
CR_STEP_CHILD(cr_map_early);
void cr_map_drop_early(const struct cr_rplan *plan);

/* Whether a process that is forked from one with mapping b keeps it as a. */
bool cr_map_is_alike(const struct cr_mapping *a, const struct cr_mapping *b);

/* shared.c */
CR_STEP_ONCE(cr_shared_open);

/* fd/fds.c */
CR_STEP_PLAN(cr_fds_plan);
CR_STEP_PLAN(cr_fds_check);
CR_STEP_ONCE(cr_fds_open);
CR_STEP_CHILD(cr_fds_place);
CR_STEP_INJECT(cr_fds_close);

/* keys/keys.c */
CR_STEP_PLAN(cr_keys_plan);
CR_STEP_ONCE(cr_keys_make);
CR_STEP_INJECT(cr_keys_write);

/* fs.c */
CR_STEP_CHILD(cr_fs_enter);

/* vdso.c */
CR_STEP_PLAN(cr_vdso_plan);

/* hugetlb.c */
CR_STEP_PLAN(cr_hugetlb_plan);

/* rights.c */
CR_STEP_PLAN(cr_rights_plan);

/* mm.c */
CR_STEP_INJECT(cr_self_unmap);
CR_STEP_CHILD(cr_vdso_move);
CR_STEP_INJECT(cr_mm_describe);
CR_STEP_INJECT(cr_scratch_unmap);

/* threads.c */
CR_STEP_PLAN(cr_threads_plan);
CR_STEP_CHILD(cr_threads_lead);
CR_STEP_INJECT(cr_threads_make);
CR_STEP_INJECT(cr_threads_attributes);

/* signals.c */
CR_STEP_PLAN(cr_signals_plan);
CR_STEP_CHILD(cr_signals_actions);
CR_STEP_INJECT(cr_signals_stack);
CR_STEP_INJECT(cr_signals_pending);
CR_STEP_INJECT(cr_signals_trap);

/* rseq.c */
CR_STEP_INJECT(cr_rseq_off);
CR_STEP_INJECT(cr_rseq_on);

/* limits.c */
CR_STEP_PLAN(cr_limits_plan);
CR_STEP_INJECT(cr_limits_set);

/* creds.c */
CR_STEP_PLAN(cr_creds_plan);
CR_STEP_INJECT(cr_creds_set);
CR_STEP_INJECT(cr_creds_death);

/* verify.c */
CR_STEP_INJECT(cr_verify_memory);

/* attr/task.c */
CR_STEP_PLAN(cr_task_membarrier_plan);
CR_STEP_CHILD(cr_task_membarrier);
CR_STEP_CHILD(cr_task_subreaper);

/* attr/seccomp.c */
CR_STEP_PLAN(cr_seccomp_plan);
CR_STEP_INJECT(cr_seccomp_set);

/* attr/scores.c */
CR_STEP_PLAN(cr_scores_plan);
CR_STEP_CHILD(cr_scores_set);

/* attr/locks.c */
CR_STEP_PLAN(cr_locks_plan);
CR_STEP_INJECT(cr_locks_take);

/* attr/timers.c */
CR_STEP_PLAN(cr_timers_plan);
CR_STEP_INJECT(cr_timers_interval);
CR_STEP_INJECT(cr_timers_posix);

/* attr/sched.c */
CR_STEP_PLAN(cr_sched_plan);
CR_STEP_INJECT(cr_sched_set);
CR_STEP_INJECT(cr_sched_slack);

/* pidns.c */
CR_STEP_INJECT(cr_pidns_pass);

/* load.c */
CR_STEP_INJECT(cr_load_space);
CR_STEP_INJECT(cr_load_registers);
CR_STEP_INJECT(cr_verify_registers);

/* compare.c */
CR_STEP_INJECT(cr_verify_state);

/* release.c */
CR_STEP_INJECT(cr_release);

/* When all have been let go, or something has failed: then they are killed. */
void cr_release_end(struct cr_restore *run, bool done);

#endif
