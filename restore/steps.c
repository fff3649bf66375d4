// SPDX-License-Identifier: MIT
#include "restore/steps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "restore/tasks.h"

// clang-format off
const struct cr_step cr_steps[] = {
	/* -- once: in the controller -- */
	// Nothing else is looked at on another processor.
	{ "processor",   .plan = cr_threads_plan },
	// Planning memory finds out which files and objects are mapped.
	{ "shared memory", .plan = cr_map_plan, .once = cr_shared_open },
	{ "open files",  .plan = cr_fds_plan,  .once = cr_fds_open },

	/* -- child: in each process, plain C -- */
	// Who leads a session does before it has children, which are in it.
	{ "session",     .plan = cr_task_plan, .child = cr_task_session },
	{ "lead group",  .child = cr_task_lead },
	// Memory comes before descriptors: those of the images are still open.
	{ "map",         .child = cr_map_make },
	{ "fill",        .child = cr_map_fill },
	// Children share the pages that have been filled.
	{ "children",    .child = cr_task_children },
	// A group can be joined only when its leader is there.
	{ "all born",    .child = cr_task_meet },
	{ "join group",  .child = cr_task_group },
	{ "zombie",      .child = cr_task_zombie },
	{ "protect",     .child = cr_map_protect },
	{ "personality", .child = cr_task_personality },
	// Children would inherit it; more than one thread would make it slow.
	{ "membarrier",  .plan = cr_task_membarrier_plan,
			 .child = cr_task_membarrier },
	{ "subreaper",   .child = cr_task_subreaper },
	{ "scores",      .plan = cr_scores_plan, .child = cr_scores_set },
	// Paths of mapped files are those outside of the process's root.
	{ "fs",          .child = cr_fs_enter },
	{ "files",       .child = cr_fds_place },
	// From here on a signal that is not blocked would run a handler that
	// belongs to the restored process.
	{ "actions",     .plan = cr_signals_plan, .child = cr_signals_actions },

	/* -- inject: memory that is ours goes -- */
	{ "rseq off",    .inject = cr_rseq_off },
	{ "unmap",       .inject = cr_self_unmap },
	{ "vdso",        .inject = cr_vdso_move },
	// After our own binary has gone, before capabilities go.
	{ "mm",          .inject = cr_mm_describe },
	// Outside of the processor's hands nothing writes to them.
	{ "shadow stacks", .inject = cr_load_space },
	{ "threads",     .inject = cr_threads_make },

	// The kernel writes to memory that is registered for rseq.
	{ "verify",      .inject = cr_verify_memory },

	/* -- inject: attributes of processes and threads -- */
	{ "thread",      .inject = cr_threads_attributes, .each_thread = true },
	{ "rseq",        .inject = cr_rseq_on,         .each_thread = true },
	{ "stack",       .inject = cr_signals_stack,   .each_thread = true },
	{ "limits",      .plan = cr_limits_plan, .inject = cr_limits_set },
	{ "pending",     .inject = cr_signals_pending, .each_thread = true },
	// Timers go off after what was pending already.
	{ "itimers",     .plan = cr_timers_plan, .inject = cr_timers_interval },
	{ "timers",      .inject = cr_timers_posix },
	{ "sched",       .plan = cr_sched_plan, .inject = cr_sched_set,
			 .each_thread = true },
	// A real-time policy takes it away.
	{ "slack",       .inject = cr_sched_slack,     .each_thread = true },
	{ "close",       .inject = cr_fds_close },
	// Closing a file loses locks on it.
	{ "locks",       .plan = cr_locks_plan, .inject = cr_locks_take },
	// Has no effect yet, so that calls can go on being injected.
	{ "seccomp",     .plan = cr_seccomp_plan, .inject = cr_seccomp_set,
			 .each_thread = true },
	// What needs privileges is behind us.
	{ "creds",       .plan = cr_creds_plan, .inject = cr_creds_set,
			 .each_thread = true },
	// A change of credentials clears these.
	{ "death",       .inject = cr_creds_death,     .each_thread = true },
	// Single-stepping resets this action, see inject.h.
	{ "trap",        .inject = cr_signals_trap },
	{ "scratch",     .inject = cr_scratch_unmap },
	// What is wrong with the images comes before what this machine lacks.
	{ "on this machine", .plan = cr_fds_check },
	{ "load",        .inject = cr_load_registers,
			 .each_thread = true },
	{ 0 },
};
// clang-format on

/* ---- faults, for tests ---- */

// Whether run->fault is for this step: its name, then what follows it, then
// perhaps ":PID". proc may be NULL.
static bool is_fault(const struct cr_restore *run, const struct cr_step *step,
		     const struct cr_proc *proc, char how)
{
	size_t size = strlen(step->name);
	const char *p = run->fault;
	if (!p || strncmp(p, step->name, size))
		return false;
	p += size;
	if (how && *p++ != how)
		return false;
	if (*p != ':')
		return !*p;
	return !proc || strtoul(p + 1, NULL, 10) == proc->vpid;
}

static struct cr_error *before(const struct cr_restore *run,
			       const struct cr_step *step,
			       const struct cr_proc *proc)
{
	if (is_fault(run, step, proc, '!'))
		kill(getpid(), SIGKILL);
	if (is_fault(run, step, proc, 0))
		return cr_error_new(CR_ERR_INTERNAL, "made to fail");
	return NULL;
}

static struct cr_error *after(const struct cr_restore *run,
			      const struct cr_step *step,
			      const struct cr_proc *proc)
{
	if (is_fault(run, step, proc, '+'))
		return cr_error_new(CR_ERR_INTERNAL, "made to fail after it");
	return NULL;
}

static struct cr_error *at_step(struct cr_error *err,
				const struct cr_step *step)
{
	return err ? cr_error_at(err, "%s", step->name) : NULL;
}

/* ---- how long they take ---- */

_Static_assert(sizeof(cr_steps) / sizeof(cr_steps[0]) <= CR_STEPS_MAX,
	       "slots have room for every step");

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void say(const struct cr_restore *run, const struct cr_step *step,
		uint64_t us)
{
	if (run->log)
		fprintf(run->log, "%8llu.%03llu ms  %s\n",
			(unsigned long long)us / 1000,
			(unsigned long long)us % 1000, step->name);
}

void cr_steps_say_child(const struct cr_restore *run)
{
	for (const struct cr_step *step = cr_steps; step->name; step++) {
		uint32_t most = 0;
		if (!step->child)
			continue;
		cr_rplan_each_proc(proc, run->plan) {
			const struct cr_slot *slot = &run->board->slot[proc->i];
			uint32_t us = slot->step_us[step - cr_steps];
			most = us > most ? us : most;
		}
		say(run, step, most);
	}
}

/* ---- running them ---- */

struct cr_error *cr_steps_plan(struct cr_rplan *plan)
{
	for (const struct cr_step *step = cr_steps; step->name; step++) {
		if (!step->plan)
			continue;
		cr_rplan_each_proc(proc, plan) {
			struct cr_error *err = step->plan(plan, proc);
			if (err)
				return err;
		}
	}
	return NULL;
}

struct cr_error *cr_steps_once(struct cr_restore *run)
{
	for (const struct cr_step *step = cr_steps; step->name; step++) {
		if (!step->once)
			continue;
		uint64_t start = now_us();
		struct cr_error *err = before(run, step, NULL);
		run->nr_done = (size_t)(step - cr_steps) + 1;
		if (!err)
			err = step->once(run);
		if (!err)
			err = after(run, step, NULL);
		if (err)
			return at_step(err, step);
		say(run, step, now_us() - start);
	}
	return NULL;
}

struct cr_error *cr_steps_child(struct cr_restore *run, struct cr_proc *proc)
{
	for (const struct cr_step *step = cr_steps; step->name; step++) {
		if (!step->child)
			continue;
		uint64_t start = now_us();
		struct cr_error *err = before(run, step, proc);
		if (!err)
			err = step->child(run, proc);
		if (!err)
			err = after(run, step, proc);
		if (err)
			return at_step(err, step);
		run->board->slot[proc->i].step_us[step - cr_steps] =
			(uint32_t)(now_us() - start);
	}
	return NULL;
}

static struct cr_error *inject(struct cr_restore *run,
			       const struct cr_step *step, struct cr_proc *proc)
{
	struct cr_error *err = before(run, step, proc);
	cr_proc_each_thread(thread, proc) {
		if (err || (thread != proc->thread && !step->each_thread))
			break;
		err = step->inject(run, thread);
	}
	if (!err)
		err = after(run, step, proc);
	return at_step(err, step);
}

struct cr_error *cr_steps_inject(struct cr_restore *run)
{
	for (const struct cr_step *step = cr_steps; step->name; step++) {
		if (!step->inject)
			continue;
		uint64_t start = now_us();
		cr_rplan_each_proc(proc, run->plan) {
			if (proc->zombie)
				continue;
			struct cr_error *err = inject(run, step, proc);
			if (err)
				return err;
		}
		say(run, step, now_us() - start);
	}
	return NULL;
}

void cr_steps_undo(struct cr_restore *run)
{
	while (run->nr_done) {
		const struct cr_step *step = &cr_steps[--run->nr_done];
		if (step->undo)
			step->undo(run);
	}
}
