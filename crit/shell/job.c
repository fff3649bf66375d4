// SPDX-License-Identifier: MIT
#include "crit/shell/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"

/* ---- processes ---- */

/* What ^C sends goes to whoever runs; the shell waits. */
struct held {
	struct sigaction interrupt, quit;
};

static void hold(struct held *held)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	fflush(stdout);
	fflush(stderr);
	sigaction(SIGINT, &ignore, &held->interrupt);
	sigaction(SIGQUIT, &ignore, &held->quit);
}

static void let_go(const struct held *held)
{
	sigaction(SIGINT, &held->interrupt, NULL);
	sigaction(SIGQUIT, &held->quit, NULL);
}

static void be_child(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 1 << 8;
	}
	return status;
}

/* An exit status. That somebody stopped reading is nobody's failure. */
static int judge(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) == SIGPIPE)
		return 0;
	if (WTERMSIG(status) == SIGINT)
		fputc('\n', stderr);
	else
		fprintf(stderr, "crit: killed: %s\n",
			strsignal(WTERMSIG(status)));
	return 1;
}

static void run_sh(const char *command, int in)
{
	be_child();
	if (in >= 0)
		dup2(in, STDIN_FILENO);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(126);
}

struct cr_error *cr_job_command(const char *command, int *status_ret)
{
	struct held held;
	hold(&held);
	pid_t pid = fork();
	if (!pid)
		run_sh(command, -1);
	struct cr_error *err = pid < 0 ? cr_error_sys("fork") : NULL;
	if (!err)
		*status_ret = judge(wait_for(pid));
	let_go(&held);
	return err;
}

/* ---- verbs ---- */

static void run_verb(const struct cr_job *job, int out)
{
	int argc = (int)job->nr_words + 1;
	char **argv = calloc(job->nr_words + 2, sizeof(argv[0]));
	be_child();
	if (!argv)
		_exit(1);
	memcpy(argv + 1, job->word, job->nr_words * sizeof(argv[0]));
	argv[0] = strdup(job->command->name);
	/* The lines to come are the shell's. */
	int null = job->terminal ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	int status = cr_command_run_within(job->command, job->global, job->kept,
					   argc, argv, stdout, stderr);
	fflush(stdout);
	fflush(stderr);
	/* Not exit(3): what it would do is the shell's to do. */
	_exit(status);
}

static struct cr_error *start_and_wait(const struct cr_job *job, int out,
				       int *status_ret)
{
	pid_t pid = fork();
	if (!pid)
		run_verb(job, out);
	if (pid < 0)
		return cr_error_sys("fork");
	*status_ret = judge(wait_for(pid));
	return NULL;
}

static struct cr_error *run_into_pipe(const struct cr_job *job, int *status_ret)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return cr_error_sys("pipe2");
	cr_auto_close int in = ends[0], out = ends[1];
	pid_t pid = fork();
	if (!pid)
		run_sh(job->pipe_to, in);
	if (pid < 0)
		return cr_error_sys("fork");
	close(cr_take_fd(&in));
	struct cr_error *err = start_and_wait(job, out, status_ret);
	close(cr_take_fd(&out));
	int theirs = judge(wait_for(pid));
	if (!err && !*status_ret)
		*status_ret = theirs;
	return err;
}

static struct cr_error *run_into_file(const struct cr_job *job, int *status_ret)
{
	struct cr_replace rep;
	struct cr_error *err =
		cr_replace_open(&rep, AT_FDCWD, job->file, 0666);
	if (err)
		return cr_error_at(err, "%s", job->file);
	err = start_and_wait(job, rep.fd, status_ret);
	if (!err && !*status_ret)
		err = cr_replace_commit(&rep, false);
	cr_replace_close(&rep);
	return err ? cr_error_at(err, "%s", job->file) : NULL;
}

struct cr_error *cr_job_run(const struct cr_job *job, int *status_ret)
{
	struct held held;
	struct cr_error *err;
	hold(&held);
	if (job->pipe_to)
		err = run_into_pipe(job, status_ret);
	else if (job->file)
		err = run_into_file(job, status_ret);
	else
		err = start_and_wait(job, -1, status_ret);
	let_go(&held);
	return err;
}

/* ---- nothing but reading ---- */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ull << 13) /* Linux v5.19 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14) /* Linux v6.2 */
#endif

/* All that changes files, and starting programs, as far as a version of the
 * interface knows it. No rule allows any of it anywhere. */
static uint64_t refused(long version)
{
	uint64_t all = LANDLOCK_ACCESS_FS_EXECUTE |
		       LANDLOCK_ACCESS_FS_WRITE_FILE |
		       LANDLOCK_ACCESS_FS_REMOVE_DIR |
		       LANDLOCK_ACCESS_FS_REMOVE_FILE |
		       LANDLOCK_ACCESS_FS_MAKE_CHAR |
		       LANDLOCK_ACCESS_FS_MAKE_DIR |
		       LANDLOCK_ACCESS_FS_MAKE_REG |
		       LANDLOCK_ACCESS_FS_MAKE_SOCK |
		       LANDLOCK_ACCESS_FS_MAKE_FIFO |
		       LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		       LANDLOCK_ACCESS_FS_MAKE_SYM;
	if (version >= 2)
		all |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		all |= LANDLOCK_ACCESS_FS_TRUNCATE;
	return all;
}

struct cr_error *cr_job_restrict(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = { refused(version) };
	cr_auto_close int fd = version < 0 ?
				       -1 :
				       (int)syscall(SYS_landlock_create_ruleset,
						    &attr,
						    sizeof(attr.handled_access_fs),
						    0);
	if (fd < 0)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "this kernel has no Landlock, without "
				    "which nothing keeps a verb from writing "
				    "files");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_landlock_restrict_self, fd, 0))
		return cr_error_sys("landlock");
	return NULL;
}
