// SPDX-License-Identifier: MIT
#include "restore/clones.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "restore/keys/keys.h"

struct cr_error *cr_clones_check(const struct cr_options *options)
{
	if (!options->clones)
		return NULL;
	if (!options->pidns)
		return cr_error_new(CR_ERR_USAGE,
				    "--clones needs --pidns: copies have the "
				    "same pids, each in a namespace of its own");
	if (options->shell_job)
		return cr_error_new(CR_ERR_USAGE,
				    "--clones: with --shell-job all copies "
				    "would have the one terminal");
	if (options->clones > CR_CLONES_MAX)
		return cr_error_new(CR_ERR_USAGE,
				    "--clones: %llu copies, at most %d",
				    (unsigned long long)options->clones,
				    CR_CLONES_MAX);
	return NULL;
}

/* ---- faults, for tests ---- */

#define FAULT_SIZE 80

// The fault that is copy k's, or NULL. "@K" is behind the last.
static const char *fault_of(const char *fault, size_t k, char buf[FAULT_SIZE])
{
	const char *at = fault ? strrchr(fault, '@') : NULL;
	if (!at)
		return fault;
	if (strtoul(at + 1, NULL, 10) != k || at - fault >= FAULT_SIZE)
		return NULL;
	memcpy(buf, fault, (size_t)(at - fault));
	buf[at - fault] = 0;
	return buf;
}

/* ---- the run ---- */

static struct cr_error *at_copy(struct cr_error *err, size_t k)
{
	return err ? cr_error_at(err, "copy %zu", k) : NULL;
}

// One copy logs for all: they do the same.
static struct cr_error *start_all(struct cr_keeping *what, const char *fault,
				  const struct cr_keys_maker *maker,
				  struct cr_clones *clones)
{
	struct cr_error *err = NULL;
	size_t nr = what->options->clones;
	clones->keeper = calloc(nr, sizeof(clones->keeper[0]));
	if (!clones->keeper)
		return cr_enomem;
	while (!err && clones->nr < nr) {
		char buf[FAULT_SIZE];
		size_t k = clones->nr + 1;
		what->fault = fault_of(fault, k, buf);
		err = cr_keys_draw(what->plan, maker, &what->keys);
		if (!err)
			err = cr_keeper_start(what, &clones->keeper[clones->nr++]);
		cr_keys_forget(what->plan, &what->keys);
		err = at_copy(err, k);
		what->log = NULL;
	}
	return err;
}

// One process signs for all.
static struct cr_error *start_signed(struct cr_keeping *what, const char *fault,
				     struct cr_clones *clones)
{
	struct cr_keys_maker maker;
	struct cr_error *err = cr_keys_open(what->plan, &maker);
	if (!err)
		err = start_all(what, fault, &maker, clones);
	return cr_keys_close(&maker, err);
}

static struct cr_error *wait_all(struct cr_clones *clones, bool *clash_ret)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < clones->nr; i++)
		err = at_copy(cr_keeper_wait(&clones->keeper[i], clash_ret),
			      i + 1);
	return err;
}

// One write: all get the word, or none.
static struct cr_error *let_all_run(int fd, struct cr_clones *clones,
				    bool *clash_ret)
{
	static const char go[CR_CLONES_MAX];
	struct cr_error *err = cr_io_write(fd, go, clones->nr);
	return err ?: wait_all(clones, clash_ret);
}

void cr_clones_kill(const struct cr_clones *clones)
{
	for (size_t i = 0; i < clones->nr; i++)
		cr_keeper_kill(&clones->keeper[i]);
}

// Each has a pipe.
static void raise_limit(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

struct cr_error *cr_clones_run(const struct cr_options *options,
			       struct cr_rplan *plan, FILE *log,
			       const char *fault, bool *clash_ret,
			       struct cr_clones *ret)
{
	int go[2];
	*ret = (struct cr_clones){ .go_fd = -1 };
	raise_limit();
	if (pipe2(go, O_CLOEXEC))
		return cr_error_sys("make a pipe");
	struct cr_keeping what = { options, plan, log, .go = { go[0], go[1] } };
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	struct cr_error *err = cr_restore_early(options, plan, log, clash_ret);
	if (!err)
		err = start_signed(&what, fault, ret);
	cr_restore_drop_early(plan);
	if (!err)
		err = wait_all(ret, clash_ret);
	if (!err)
		err = let_all_run(go[1], ret, clash_ret);
	if (err) {
		cr_clones_kill(ret);
		cr_clones_last(ret);
	}
	close(go[0]);
	ret->go_fd = go[1];
	return err;
}

void cr_clones_settle(struct cr_clones *clones)
{
	if (clones->go_fd >= 0)
		close(clones->go_fd);
	clones->go_fd = -1;
}

int cr_clones_last(const struct cr_clones *clones)
{
	int first = 0;
	for (size_t i = 0; i < clones->nr; i++) {
		int status = cr_keeper_last(&clones->keeper[i]);
		first = first ? first : status;
	}
	return first;
}

void cr_clones_free(struct cr_clones *clones)
{
	for (size_t i = 0; i < clones->nr; i++)
		cr_keeper_leave(&clones->keeper[i]);
	free(clones->keeper);
	cr_clones_settle(clones);
	*clones = (struct cr_clones){ .go_fd = -1 };
}
