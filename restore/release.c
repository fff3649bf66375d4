// SPDX-License-Identifier: MIT
/*
 * Letting go. A process is killed with us as long as one of its threads is traced;
 * of several some would run and others be dead if we were killed in between. So
 * there is a guard meanwhile, a child of ours that kills all of them unless it is
 * told, by a byte in a pipe, that they have been let go. In a pid namespace of ours
 * the kernel does that.
 *
 * Facts: man 2 ptrace (PTRACE_O_EXITKILL, PTRACE_DETACH).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore/steps.h"
#include "restore/tasks.h"
#include "restore/tracee.h"

#define TASK_STOPPED 3

// The signal that stops a process before it runs, or 0.
static int stop_of(const struct cr_restore *run, const struct cr_proc *proc)
{
	const TaskCoreEntry *tc = proc->core->tc;
	if (tc->task_state == TASK_STOPPED)
		return tc->has_stop_signo && tc->stop_signo ?
			       (int)tc->stop_signo :
			       SIGSTOP;
	return run->options->leave_stopped ? SIGSTOP : 0;
}

/* ---- the guard ---- */

static _Noreturn void guard(const struct cr_restore *run, const int pipe_fds[2])
{
	char byte;
	ssize_t n;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	close(pipe_fds[1]);
	do
		n = read(pipe_fds[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1) {
		cr_rplan_each_proc(proc, run->plan)
			kill(proc->pid, SIGKILL);
	}
	_exit(0);
}

static struct cr_error *post_guard(struct cr_restore *run)
{
	int fds[2];
	if (run->plan->nr_procs < 2 || getpid() == 1)
		return NULL;
	if (pipe2(fds, O_CLOEXEC))
		return cr_error_sys("make a pipe");
	run->guard = fork();
	if (!run->guard)
		guard(run, fds);
	close(fds[0]);
	run->guard_fd = fds[1];
	return run->guard < 0 ? cr_error_sys("make a guard") : NULL;
}

void cr_release_end(struct cr_restore *run, bool done)
{
	char byte = 1;
	if (run->guard_fd < 0)
		return;
	// Without it, all of them are killed once more.
	if (done && write(run->guard_fd, &byte, 1) != 1)
		done = false;
	close(run->guard_fd);
	run->guard_fd = -1;
	while (run->guard > 0 && waitpid(run->guard, NULL, 0) < 0 &&
	       errno == EINTR)
		;
}

/* ---- the step ---- */

struct cr_error *cr_release(struct cr_restore *run, struct cr_thread *leader)
{
	struct cr_proc *proc = leader->proc;
	int signo = stop_of(run, proc);
	struct cr_error *err = proc->i ? NULL : post_guard(run);
	if (!err && signo)
		kill(proc->pid, signo);
	cr_proc_each_thread(thread, proc) {
		if (!err)
			err = cr_tracee_release(thread, 0);
	}
	return err;
}
