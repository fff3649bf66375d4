// SPDX-License-Identifier: MIT
#include "restore/pidns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "restore/keys/keys.h"
#include "restore/tasks.h"

// What a keeper says when it has restored, or has failed.
struct report {
	uint32_t code; // enum cr_err, 0: all is well
	bool clash;
	char text[2000];
};

bool cr_pidns_is_wanted(const struct cr_options *options,
			const struct cr_rplan *plan)
{
	return options->pidns && plan->proc->vpid != 1;
}

static struct cr_error *become_init(void)
{
	prctl(PR_SET_NAME, "crit-init");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return cr_error_sys("make mounts private");
	if (mount("proc", "/proc", "proc", 0, NULL))
		return cr_error_sys("mount /proc");
	return NULL;
}

// Nobody is to wait for the end of our output, and no file stays open. Nor does
// memory that copies have from us: they would copy what nobody else has any more.
static void let_go(struct cr_rplan *plan)
{
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	close_range(3, UINT32_MAX, 0);
	cr_restore_drop_early(plan);
}

// Ends as the root has ended, when nobody is left.
static _Noreturn void reap_all(pid_t root)
{
	int status, last = 0;
	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);
		if (pid == root)
			last = status;
		if (pid < 0 && errno != EINTR)
			_exit(cr_task_status(last));
	}
}

// Other copies are still being let run; what we have to do is less urgent. The end of
// the pipe, which nobody writes to any more.
static void wait_for_others(int go_fd)
{
	struct pollfd all = { .fd = go_fd };
	while (poll(&all, 1, -1) < 0 && errno == EINTR)
		;
}

// Whoever made us may be gone already; nobody would kill us then.
static void tie(int pipe_fd)
{
	struct pollfd reader = { .fd = pipe_fd };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&reader, 1, 0) > 0)
		_exit(1);
}

/* ---- a keeper ---- */

static struct cr_error *say(int fd, const struct report *report)
{
	return cr_io_write(fd, report, sizeof(*report));
}

/*
 * Until here a keeper dies with who started it. Now the end of the pipe tells of
 * that death, unless the word had been given: then all copies run, none is killed.
 */
static struct cr_error *pass(const struct cr_gate *gate)
{
	struct report ready = { 0 };
	char byte;
	ssize_t n;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, 0);
	struct cr_error *err = say(gate->report_fd, &ready);
	if (err)
		return err;
	do
		n = read(gate->go_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return NULL;
	return cr_error_new(CR_ERR_INTERNAL, "the restorer died");
}

struct cr_error *cr_pidns_pass(struct cr_restore *run, struct cr_thread *leader)
{
	return run->gate && !leader->proc->i ? pass(run->gate) : NULL;
}

static bool is_init(const struct cr_keeping *what)
{
	return cr_pidns_is_wanted(what->options, what->plan);
}

static void fill_report(struct report *report, const struct cr_error *err)
{
	const char *text = cr_error_text(err);
	size_t size = strlen(text);
	size = size < sizeof(report->text) ? size : sizeof(report->text) - 1;
	memcpy(report->text, text, size);
	report->code = cr_error_code(err);
}

static _Noreturn void keep(const struct cr_keeping *what, int pipe_fd)
{
	struct report report = { 0 };
	struct cr_gate gate = { pipe_fd, what->go[0], what->keys };
	bool waits = what->go[0] >= 0;
	tie(pipe_fd);
	if (waits)
		close(what->go[1]);
	struct cr_error *err = is_init(what) ? become_init() : NULL;
	if (!err)
		err = cr_restore_run(what->options, what->plan, what->log,
				     what->fault, waits ? &gate : NULL,
				     &report.clash);
	if (err)
		fill_report(&report, err);
	if (what->log)
		fflush(what->log);
	// Who reads this may be gone as soon as it is written.
	if (!err)
		prctl(PR_SET_PDEATHSIG, 0);
	cr_error_free(say(pipe_fd, &report));
	if (err || !is_init(what))
		_exit(err != NULL);
	if (waits)
		wait_for_others(what->go[0]);
	cr_keys_end(what->plan);
	let_go(what->plan);
	reap_all(what->plan->proc->pid);
}

/* ---- who started it ---- */

static struct cr_error *read_report(int fd, struct report *report)
{
	char *p = (char *)report;
	size_t size = 0;
	while (size < sizeof(*report)) {
		ssize_t n = read(fd, p + size, sizeof(*report) - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cr_error_new(CR_ERR_INTERNAL,
					    "the init of the pid namespace "
					    "died");
		size += (size_t)n;
	}
	report->text[sizeof(report->text) - 1] = 0;
	if (report->code)
		return cr_error_new((enum cr_err)report->code, "%s",
				    report->text);
	return NULL;
}

// The only child of a keeper, as seen out here.
static struct cr_error *find_root(pid_t keeper, pid_t *ret)
{
	char path[64], text[64] = "";
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)keeper,
		 (int)keeper);
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return cr_error_sys("%s", path);
	*ret = (pid_t)strtol(text, NULL, 10);
	return NULL;
}

static pid_t clone_keeper(bool as_init)
{
	struct clone_args args = {
		.flags = as_init ? CLONE_NEWPID | CLONE_NEWNS : 0,
		.exit_signal = SIGCHLD,
	};
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

struct cr_error *cr_keeper_start(const struct cr_keeping *what,
				 struct cr_keeper *ret)
{
	int fds[2];
	*ret = (struct cr_keeper){ .fd = -1, .stays = is_init(what) };
	if (pipe2(fds, O_CLOEXEC))
		return cr_error_sys("make a pipe");
	pid_t pid = clone_keeper(ret->stays);
	if (!pid) {
		close(fds[0]);
		keep(what, fds[1]);
	}
	struct cr_error *err =
		pid < 0 ? cr_error_sys("make a pid namespace") : NULL;
	close(fds[1]);
	ret->fd = fds[0];
	ret->pid = err ? 0 : pid;
	return err;
}

struct cr_error *cr_keeper_wait(struct cr_keeper *keeper, bool *clash_ret)
{
	struct report report = { 0 };
	struct cr_error *err = read_report(keeper->fd, &report);
	*clash_ret = report.clash;
	if (!err && !keeper->root)
		err = find_root(keeper->pid, &keeper->root);
	return err;
}

void cr_keeper_kill(const struct cr_keeper *keeper)
{
	if (keeper->root)
		kill(keeper->root, SIGKILL);
	if (keeper->pid)
		kill(keeper->pid, SIGKILL);
}

static int wait_for(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return cr_task_status(status);
}

// An init takes all with it. What another one leaves is ours then.
int cr_keeper_last(const struct cr_keeper *keeper)
{
	int status = keeper->pid ? wait_for(keeper->pid) : 0;
	if (keeper->root && !keeper->stays)
		status = wait_for(keeper->root);
	return status;
}

void cr_keeper_leave(struct cr_keeper *keeper)
{
	if (keeper->fd >= 0)
		close(keeper->fd);
	*keeper = (struct cr_keeper){ .fd = -1 };
}

struct cr_error *cr_pidns_run(const struct cr_options *options,
			      struct cr_rplan *plan, FILE *log,
			      const char *fault, bool *clash_ret,
			      pid_t *init_ret)
{
	struct cr_keeping what = { options, plan, log, fault, .go = { -1, -1 } };
	struct cr_keeper keeper;
	struct cr_error *err = cr_keeper_start(&what, &keeper);
	if (!err)
		err = cr_keeper_wait(&keeper, clash_ret);
	if (err) {
		cr_keeper_kill(&keeper);
		cr_keeper_last(&keeper);
	} else {
		plan->proc->pid = keeper.root;
		*init_ret = keeper.pid;
	}
	cr_keeper_leave(&keeper);
	return err;
}
