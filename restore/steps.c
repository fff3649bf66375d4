// SPDX-License-Identifier: MIT
#include "restore/steps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "restore/fd/kind.h"
#include "restore/inject.h"
#include "restore/tasks.h"

// clang-format off
const struct cr_step cr_steps[] = {
	/* -- once: in the controller -- */
	// Nothing else is looked at on another processor.
	{ "processor", "compare it with what the registers need",
	  .plan = cr_threads_plan },
	{ "namespaces", "ours take the place of theirs",
	  .plan = cr_namespaces_plan },
	// One failure, and there is no process.
	{ "keys", "take keys, and sign with them what was signed, as --keys says",
	  .plan = cr_keys_plan, .once = cr_keys_make },
	// Planning memory finds out which files and objects are mapped.
	{ "shared memory", "make what processes share, and fill it",
	  .plan = cr_map_plan, .once = cr_shared_open },
	{ "open files", "open each file once",
	  .plan = cr_fds_plan, .once = cr_fds_open, .undo = cr_ttys_undo },

	/* -- child: in each process, plain C -- */
	// Who leads a session does before it has children, which are in it.
	{ "session", "lead the session that it led",
	  .plan = cr_task_plan, .child = cr_task_session },
	{ "lead group", "lead the process group that it led",
	  .child = cr_task_lead },
	// Memory comes before descriptors: those of the images are still open.
	{ "map", "map its memory next to ours",
	  .child = cr_map_make },
	{ "fill", "read its pages",
	  .child = cr_map_fill },
	// Children share the pages that have been filled.
	{ "children", "make its children with the pids that they had",
	  .child = cr_task_children },
	// A group can be joined only when its leader is there.
	{ "all born", "wait for the others",
	  .child = cr_task_meet },
	{ "join group", "join its process group",
	  .child = cr_task_group },
	{ "zombie", "die as it had died",
	  .child = cr_task_zombie },
	{ "protect", "make memory read-only, give advice, install guards",
	  .child = cr_map_protect },
	{ "name", "take on its name, and the address of its id",
	  .child = cr_threads_lead },
	{ "personality", "take on its personality",
	  .child = cr_task_personality },
	// Children would inherit it; more than one thread would make it slow.
	{ "membarrier", "register for barriers",
	  .plan = cr_task_membarrier_plan, .child = cr_task_membarrier },
	{ "subreaper", "reap what its descendants leave, if it did",
	  .child = cr_task_subreaper },
	{ "scores", "set its score for lack of memory, and its login",
	  .plan = cr_scores_plan, .child = cr_scores_set },
	// Paths of mapped files are those outside of the process's root.
	{ "fs", "go to its root and directory, set its umask",
	  .child = cr_fs_enter },
	{ "files", "put files at its descriptors",
	  .child = cr_fds_place },
	// From here on a signal that is not blocked would run a handler that
	// belongs to the restored process.
	{ "actions", "set the actions of its signals",
	  .plan = cr_signals_plan, .child = cr_signals_actions },
	// The C library would look for the time where it was.
	{ "vdso", "move the vdso to where it was, or make that one lead to it",
	  .child = cr_vdso_move },

	/* -- inject: memory that is ours goes -- */
	{ "rseq off", "unregister our restartable sequences",
	  .inject = cr_rseq_off },
	{ "unmap", "unmap what is ours",
	  .inject = cr_self_unmap },
	// After our own binary has gone, before capabilities go.
	{ "mm", "tell the kernel what is where: brk, stack, exe, auxv",
	  .inject = cr_mm_describe },
	// Outside of the processor's hands nothing writes to them.
	{ "shadow stacks", "map shadow stacks, and fill them",
	  .inject = cr_load_space },
	{ "threads", "make its threads with the ids that they had",
	  .inject = cr_threads_make },

	// The kernel writes to memory that is registered for rseq.
	{ "verify", "compare with the images, if asked to",
	  .inject = cr_verify_memory },

	{ "signed pointers", "write what was signed anew",
	  .inject = cr_keys_write },

	/* -- inject: attributes of processes and threads -- */
	{ "thread", "names of threads, robust futexes",
	  .inject = cr_threads_attributes },
	{ "rseq", "register restartable sequences of threads",
	  .inject = cr_rseq_on },
	{ "stack", "set the stack for signals",
	  .inject = cr_signals_stack, .each_thread = true },
	{ "limits", "set its resource limits",
	  .plan = cr_limits_plan, .inject = cr_limits_set },
	{ "pending", "queue pending signals",
	  .inject = cr_signals_pending, .each_thread = true },
	// Timers go off after what was pending already.
	{ "itimers", "set its interval timers",
	  .plan = cr_timers_plan, .inject = cr_timers_interval },
	{ "timers", "make its timers with the ids that they had",
	  .inject = cr_timers_posix },
	{ "sched", "set policy, priority and niceness",
	  .plan = cr_sched_plan, .inject = cr_sched_set, .each_thread = true },
	// A real-time policy takes it away.
	{ "slack", "set the slack of its timers",
	  .inject = cr_sched_slack, .each_thread = true },
	{ "close", "close what is ours",
	  .inject = cr_fds_close },
	// Closing a file loses locks on it.
	{ "locks", "take its locks of files",
	  .plan = cr_locks_plan, .inject = cr_locks_take },
	// Has no effect yet, so that calls can go on being injected.
	{ "seccomp", "install its filters",
	  .plan = cr_seccomp_plan, .inject = cr_seccomp_set,
	  .each_thread = true },
	// What needs privileges is behind us.
	{ "creds", "take on ids, groups and capabilities",
	  .plan = cr_creds_plan, .inject = cr_creds_set,
	  .each_thread = true },
	// A change of credentials clears these.
	{ "death", "signal of its parent's death, whether it dumps core",
	  .inject = cr_creds_death, .each_thread = true },
	// Single-stepping resets this action, see inject.h.
	{ "trap", "set the action of SIGTRAP",
	  .inject = cr_signals_trap },
	{ "scratch", "unmap our last memory",
	  .inject = cr_scratch_unmap },
	// What is wrong with the images comes before what this machine lacks.
	{ "on this machine", "look for its files, and whether they are as they were",
	  .plan = cr_fds_check },
	{ "this kernel", "compare its vdso",
	  .plan = cr_vdso_plan },
	{ "huge pages", "look whether there are enough",
	  .plan = cr_hugetlb_plan },
	{ "rights", "look whether we may do all this",
	  .plan = cr_rights_plan },
	{ "load", "load registers and signal mask",
	  .inject = cr_load_registers,
	  .each_thread = true },
	{ "compare", "compare registers and signal mask, if asked to",
	  .inject = cr_verify_registers,
	  .each_thread = true },
	{ "state", "compare what the kernel says of it, if asked to",
	  .inject = cr_verify_state },
	// Who fails until here lets none of them run.
	{ "copies", "wait until all copies are restored",
	  .inject = cr_pidns_pass },
	// From here on they run.
	{ "release", "let it go, or stop if it was stopped",
	  .inject = cr_release },
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
	if (is_fault(run, step, proc, '!')) {
		kill(getpid(), SIGKILL);
		_exit(1); // the init of a pid namespace
	}
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

// Not by the vdso, which moves. 0 if nobody wants to know.
static uint64_t now_us(const struct cr_restore *run)
{
	struct timespec t;
	if (!run->log)
		return 0;
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
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
			const struct cr_told *slot = &run->board->slot[proc->i];
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
			if (proc->unread)
				continue;
			struct cr_error *err =
				cr_rplan_refuse(plan, step->plan(plan, proc));
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
		uint64_t start = now_us(run);
		if (is_fault(run, step, NULL, '-'))
			continue;
		struct cr_error *err = before(run, step, NULL);
		run->nr_done = (size_t)(step - cr_steps) + 1;
		if (!err)
			err = step->once(run);
		if (!err)
			err = after(run, step, NULL);
		if (err)
			return at_step(err, step);
		say(run, step, now_us(run) - start);
	}
	return NULL;
}

struct cr_error *cr_steps_child(struct cr_restore *run, struct cr_proc *proc)
{
	for (const struct cr_step *step = cr_steps; step->name; step++) {
		if (!step->child || is_fault(run, step, proc, '-'))
			continue;
		uint64_t start = now_us(run);
		struct cr_error *err = before(run, step, proc);
		if (!err)
			err = step->child(run, proc);
		if (!err)
			err = after(run, step, proc);
		if (err)
			return at_step(err, step);
		run->board->slot[proc->i].step_us[step - cr_steps] =
			(uint32_t)(now_us(run) - start);
	}
	return NULL;
}

static struct cr_error *inject(struct cr_restore *run,
			       const struct cr_step *step, struct cr_proc *proc)
{
	struct cr_error *err = before(run, step, proc);
	proc->step = step->name;
	cr_proc_each_thread(thread, proc) {
		if (err || (thread != proc->thread && !step->each_thread))
			break;
		err = step->inject(run, thread);
	}
	if (!err)
		err = after(run, step, proc);
	const char *failed = cr_soon_failed(run->soon);
	return err ? cr_error_at(err, "%s", failed ? failed : step->name) : NULL;
}

struct cr_error *cr_steps_inject(struct cr_restore *run)
{
	for (const struct cr_step *step = cr_steps; step->name; step++) {
		if (!step->inject)
			continue;
		uint64_t start = now_us(run);
		cr_rplan_each_proc(proc, run->plan) {
			if (proc->zombie || is_fault(run, step, proc, '-'))
				continue;
			struct cr_error *err = inject(run, step, proc);
			if (err)
				return err;
		}
		say(run, step, now_us(run) - start);
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
