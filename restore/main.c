// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crit/manual.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "restore/clones.h"
#include "restore/fd/kind.h"
#include "restore/keys/keys.h"
#include "restore/pidns.h"
#include "restore/steps.h"
#include "restore/tasks.h"

/* A fault for tests, see steps.h. */
#define FAULT_VARIABLE "CR_RESTORE_FAULT"

/*
 * How often we have executed ourselves because our memory was where that of a
 * process is to be. The kernel puts it elsewhere each time.
 */
#define TRY_VARIABLE "CR_RESTORE_TRY"
#define NR_TRIES     16

static const char *name = "crit-restore";

static int report(struct cr_error *err)
{
	bool usage = err && cr_error_code(err) == CR_ERR_USAGE;
	if (!err)
		return 0;
	fprintf(stderr, "%s: %s%s\n", name, cr_error_text(err),
		usage ? "; see 'crit-restore -h'" : "");
	cr_error_free(err);
	return usage ? 2 : 1;
}

static struct cr_error *again(char **argv)
{
	char text[16];
	const char *value = getenv(TRY_VARIABLE);
	int try = value ? atoi(value) : 0;
	if (try >= NR_TRIES)
		return NULL;
	snprintf(text, sizeof(text), "%d", try + 1);
	setenv(TRY_VARIABLE, text, 1);
	// A debugger may have asked for the same place each time.
	personality((unsigned long)personality(UINT32_MAX) & ~ADDR_NO_RANDOMIZE);
	execv("/proc/self/exe", argv);
	return cr_error_sys("execute /proc/self/exe");
}

/* ---- what the restored process is to others ---- */

// What stands in the file is of the past. It gets its name at the end, so that who
// kills us leaves no file.
static struct cr_error *open_pidfile(const char *path, struct cr_replace *rep)
{
	struct cr_error *err = cr_replace_open(rep, AT_FDCWD, path, 0644);
	if (!err && !rep->direct && unlink(rep->path) && errno != ENOENT)
		err = cr_error_sys("remove it");
	return err ? cr_error_at(err, "%s", path) : NULL;
}

/* What has been restored: one, with the init of its pid namespace or without, or
 * copies. */
struct restored {
	const struct cr_rplan *plan;
	pid_t init;
	struct cr_clones clones;
};

// A line for each first process.
static struct cr_error *write_pids(const char *path, struct cr_replace *rep,
				   const struct restored *r)
{
	size_t nr = r->clones.nr ? r->clones.nr : 1;
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < nr; i++) {
		char text[24];
		pid_t pid = r->clones.nr ? r->clones.keeper[i].root :
					   r->plan->proc->pid;
		int n = snprintf(text, sizeof(text), "%d\n", (int)pid);
		err = cr_io_write(rep->fd, text, (size_t)n);
	}
	if (!err)
		err = cr_replace_commit(rep, false);
	return err ? cr_error_at(err, "%s", path) : NULL;
}

static int wait_for(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return cr_task_status(status);
}

// What is typed is for the process: we go on waiting when it is interrupted, and
// stop when it has stopped, so that the shell goes on, until that continues us.
static int wait_at_terminal(const struct cr_rplan *plan)
{
	pid_t pid = plan->proc->pid, pgrp = getpgid(pid);
	int status = 0;
	for (;;) {
		pid_t got = waitpid(pid, &status,
				    pgrp == getpgrp() ? 0 : WUNTRACED);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || !WIFSTOPPED(status))
			return cr_task_status(status);
		cr_ttys_take(plan);
		raise(SIGSTOP);
		cr_ttys_give(plan, pgrp);
		killpg(pgrp, SIGCONT);
	}
}

static int wait_for_end(const struct restored *r)
{
	if (r->clones.nr)
		return cr_clones_last(&r->clones);
	return wait_for(r->init ? r->init : r->plan->proc->pid);
}

// The init of a pid namespace takes all of it along.
static void end_all(const struct restored *r)
{
	cr_clones_kill(&r->clones);
	cr_rplan_each_proc(proc, r->plan) {
		if (!r->init && !r->clones.nr)
			kill(proc->pid, SIGKILL);
	}
	if (r->init)
		kill(r->init, SIGKILL);
	wait_for_end(r);
}

static struct cr_error *run_steps(const struct cr_options *o,
				  struct cr_rplan *plan, bool *clash_ret,
				  struct restored *ret)
{
	FILE *log = o->verbose ? stderr : NULL;
	const char *fault = getenv(FAULT_VARIABLE);
	if (o->clones)
		return cr_clones_run(o, plan, log, fault, clash_ret,
				     &ret->clones);
	if (cr_pidns_is_wanted(o, plan))
		return cr_pidns_run(o, plan, log, fault, clash_ret, &ret->init);
	return cr_restore_run(o, plan, log, fault, NULL, clash_ret);
}

static struct cr_error *tell(const struct cr_options *o, struct cr_rplan *plan,
			     struct cr_replace *pidfile,
			     const struct restored *r)
{
	struct cr_error *err =
		o->clones ? cr_clones_print(plan, &r->clones, STDOUT_FILENO) :
			    NULL;
	if (!err && o->pidfile)
		err = write_pids(o->pidfile, pidfile, r);
	return err;
}

static struct cr_error *restore(const struct cr_options *o,
				struct cr_rplan *plan, char **argv,
				int *status_ret)
{
	bool clash = false;
	struct restored r = { .plan = plan, .clones.go_fd = -1 };
	struct cr_replace pidfile = { .fd = -1 };
	struct cr_error *err =
		o->pidfile ? open_pidfile(o->pidfile, &pidfile) : NULL;
	if (!err)
		err = run_steps(o, plan, &clash, &r);
	if (err && clash) {
		struct cr_error *exec_err = again(argv);
		if (exec_err) {
			cr_error_free(err);
			err = exec_err;
		}
	} else if (!err) {
		err = tell(o, plan, &pidfile, &r);
		if (err)
			end_all(&r);
	}
	cr_replace_close(&pidfile);
	cr_keys_end(plan);
	if (!err && !o->detach) {
		cr_clones_settle(&r.clones);
		if (o->shell_job) {
			signal(SIGINT, SIG_IGN);
			signal(SIGQUIT, SIG_IGN);
		}
		*status_ret = o->shell_job && !r.init ? wait_at_terminal(plan) :
							wait_for_end(&r);
		cr_ttys_take(plan);
	}
	cr_clones_free(&r.clones);
	return err;
}

static struct cr_error *run(const struct cr_options *o, char **argv,
			    int *status_ret)
{
	struct cr_rplan plan = { 0 };
	struct cr_error *err = cr_clones_check(o);
	cr_keys_guard();
	if (!err)
		err = cr_rplan_make(o, &plan);
	if (!err && o->plan)
		err = cr_rplan_print(&plan, o->json, STDOUT_FILENO);
	if (!err)
		err = cr_rplan_verdict(&plan);
	if (!err && !o->plan)
		err = restore(o, &plan, argv, status_ret);
	else
		cr_keys_end(&plan);
	cr_rplan_deinit(&plan);
	return err;
}

static void help(void)
{
	cr_opts_usage(stdout, name, cr_options);
	printf("\n%s.\n", cr_restore_command.summary);
	cr_opts_help(stdout, cr_options);
}

static struct cr_error *begin(struct cr_options *o, bool wants_help,
			      char **argv, int *status_ret)
{
	const char *fault = getenv(FAULT_VARIABLE);
	o->any_host = fault && !strcmp(fault, CR_ANY_HOST);
	o->images = o->dir ? o->dir : o->images;
	if (wants_help)
		help();
	else if (o->man)
		cr_manual_write(stdout, &cr_restore_command);
	else if (o->version)
		printf("%s (critter) %s\n", name, CRITTER_VERSION);
	else
		return run(o, argv, status_ret);
	if (fflush(stdout))
		return cr_error_sys("write to standard output");
	return NULL;
}

int main(int argc, char **argv)
{
	struct cr_options o = { .images = "." };
	bool wants_help = false;
	// Parsing reorders the words; executing ourselves wants them as given.
	cr_auto_free char **words = calloc((size_t)argc + 1, sizeof(words[0]));
	if (!words)
		return report(cr_enomem);
	memcpy(words, argv, (size_t)argc * sizeof(words[0]));
	struct cr_error *err = cr_opts_parse(cr_options, words + 1,
					     (size_t)(argc ? argc - 1 : 0), &o,
					     &wants_help);
	int status = 0;
	if (!err)
		err = begin(&o, wants_help, argv, &status);
	if (err)
		status = report(err);
	cr_opts_free(cr_options, &o);
	return status;
}
