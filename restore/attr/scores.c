// SPDX-License-Identifier: MIT
/*
 * What a process writes into its own /proc: the score that decides who dies when
 * memory runs out, and the user who logged in. Written only if it is another:
 * it may take privileges.
 *
 * Facts: man 5 proc (oom_score_adj, loginuid).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "restore/steps.h"

#define SCORE_MIN (-1000)
#define SCORE_MAX 1000

struct cr_error *cr_scores_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	const TaskCoreEntry *tc = proc->core->tc;
	if (!proc->zombie && tc->has_oom_score_adj &&
	    (tc->oom_score_adj < SCORE_MIN || tc->oom_score_adj > SCORE_MAX))
		return cr_error_new(CR_ERR_FORMAT,
				    "core-%u.img: entry 0: oom_score_adj %d",
				    (unsigned)proc->vpid,
				    (int)tc->oom_score_adj);
	return NULL;
}

static struct cr_error *set(struct cr_restore *run, const char *name,
			    int64_t value)
{
	char path[40], is[24] = "", want[24];
	snprintf(path, sizeof(path), "self/%s", name);
	int size = snprintf(want, sizeof(want), "%lld", (long long)value);
	cr_auto_close int fd = openat(run->proc_fd, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("%s", path);
	if (read(fd, is, sizeof(is) - 1) > 0 && strtoll(is, NULL, 10) == value)
		return NULL;
	if (pwrite(fd, want, (size_t)size, 0) != size)
		return cr_error_sys("%s: write %s", path, want);
	return NULL;
}

struct cr_error *cr_scores_set(struct cr_restore *run, struct cr_proc *proc)
{
	const TaskCoreEntry *tc = proc->core->tc;
	struct cr_error *err = NULL;
	if (tc->has_oom_score_adj)
		err = set(run, "oom_score_adj", tc->oom_score_adj);
	if (!err && tc->has_loginuid)
		err = set(run, "loginuid", tc->loginuid);
	return err;
}
