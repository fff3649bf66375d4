// SPDX-License-Identifier: MIT
#include "lib/machine/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What parent and child have in common. */
struct shared {
	bool has_ended;
	char result[] __attribute__((aligned(64)));
};

static void run_child(cr_trial_fn *fn, struct shared *shared, pid_t parent)
{
	const struct rlimit none = { 0, 0 };
	sigset_t all;
	for (int nr = 1; nr < 32; nr++)
		signal(nr, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent) {
		fn(shared->result);
		shared->has_ended = true;
	}
	_exit(0);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The pipe ends with the child, however that comes. False: it goes on. */
static bool wait_end(int fd, int limit_ms)
{
	struct pollfd p = { .fd = fd };
	int64_t end = now_ms() + limit_ms, left = limit_ms;
	int nr = 0;
	while (left > 0 && (nr = poll(&p, 1, (int)left)) < 0 && errno == EINTR)
		left = end - now_ms();
	return nr > 0;
}

/* Where SIGCHLD is ignored there is nothing to wait for, and the number may be
 * another's as soon as the child has ended. */
static void end_child(pid_t pid, int fd, int limit_ms)
{
	if (!wait_end(fd, limit_ms))
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

struct cr_error *cr_trial_run(cr_trial_fn *fn, void *result, size_t size,
			      int limit_ms, bool *ended_ret)
{
	int fd[2];
	struct cr_error *err = NULL;
	size_t room = sizeof(struct shared) + size;
	struct shared *shared = mmap(NULL, room, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return cr_enomem;
	memcpy(shared->result, result, size);
	if (pipe2(fd, O_CLOEXEC)) {
		err = cr_error_sys("a pipe to a child process");
		munmap(shared, room);
		return err;
	}
	pid_t parent = getpid(), pid = fork();
	if (!pid)
		run_child(fn, shared, parent);
	if (pid < 0)
		err = cr_error_sys("a child process");
	close(fd[1]);
	if (!err) {
		end_child(pid, fd[0], limit_ms);
		*ended_ret = shared->has_ended;
		memcpy(result, shared->result, size);
	}
	close(fd[0]);
	munmap(shared, room);
	return err;
}
