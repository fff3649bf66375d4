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
#include "restore/tasks.h"

// What init says when it has restored, or has failed.
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

static struct cr_error *own_proc(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return cr_error_sys("make mounts private");
	if (mount("proc", "/proc", "proc", 0, NULL))
		return cr_error_sys("mount /proc");
	return NULL;
}

// Nobody is to wait for the end of our output, and no file stays open.
static void let_go(void)
{
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	close_range(3, UINT32_MAX, 0);
	prctl(PR_SET_NAME, "crit-init");
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

// Whoever made us may be gone already; nobody would kill us then.
static void tie(int pipe_fd)
{
	struct pollfd reader = { .fd = pipe_fd };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&reader, 1, 0) > 0)
		_exit(1);
}

static _Noreturn void be_init(const struct cr_options *options,
			      struct cr_rplan *plan, FILE *log,
			      const char *fault, int pipe_fd)
{
	struct report report = { 0 };
	tie(pipe_fd);
	struct cr_error *err = own_proc();
	if (!err)
		err = cr_restore_run(options, plan, log, fault, &report.clash);
	if (err) {
		const char *text = cr_error_text(err);
		size_t size = strlen(text);
		size = size < sizeof(report.text) ? size :
						    sizeof(report.text) - 1;
		memcpy(report.text, text, size);
		report.code = cr_error_code(err);
	}
	if (log)
		fflush(log);
	// Who reads this may be gone as soon as it is written.
	if (!err)
		prctl(PR_SET_PDEATHSIG, 0);
	cr_error_free(cr_io_write(pipe_fd, &report, sizeof(report)));
	if (err)
		_exit(1);
	let_go();
	reap_all(plan->proc->pid);
}

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

// The only child of init, as seen out here.
static struct cr_error *find_root(pid_t init, pid_t *ret)
{
	char path[64], text[64] = "";
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)init,
		 (int)init);
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return cr_error_sys("%s", path);
	*ret = (pid_t)strtol(text, NULL, 10);
	return NULL;
}

static pid_t clone_init(void)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS,
		.exit_signal = SIGCHLD,
	};
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

struct cr_error *cr_pidns_run(const struct cr_options *options,
			      struct cr_rplan *plan, FILE *log,
			      const char *fault, bool *clash_ret,
			      pid_t *init_ret)
{
	struct report report = { 0 };
	int fds[2];
	if (pipe2(fds, O_CLOEXEC))
		return cr_error_sys("make a pipe");
	pid_t init = clone_init();
	if (!init) {
		close(fds[0]);
		be_init(options, plan, log, fault, fds[1]);
	}
	struct cr_error *err =
		init < 0 ? cr_error_sys("make a pid namespace") : NULL;
	close(fds[1]);
	if (!err) {
		err = read_report(fds[0], &report);
		*clash_ret = report.clash;
	}
	close(fds[0]);
	if (!err)
		err = find_root(init, &plan->proc->pid);
	if (err && init > 0) {
		kill(init, SIGKILL);
		waitpid(init, NULL, 0);
	}
	if (!err)
		*init_ret = init;
	return err;
}
