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

static struct score {
	const char *name;
	bool looked, known;
	int64_t value;
} ours[] = { { "oom_score_adj" }, { "loginuid" } };

// What we have, and a process that is forked from us: looked at once.
static const struct score *our(size_t i)
{
	char path[40], text[24] = "";
	struct score *s = &ours[i];
	if (s->looked)
		return s;
	s->looked = true;
	snprintf(path, sizeof(path), "/proc/self/%s", s->name);
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	s->known = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0;
	s->value = strtoll(text, NULL, 10);
	return s;
}

struct cr_error *cr_scores_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	const TaskCoreEntry *tc = proc->core->tc;
	our(0);
	our(1);
	if (!proc->zombie && tc->has_oom_score_adj &&
	    (tc->oom_score_adj < SCORE_MIN || tc->oom_score_adj > SCORE_MAX))
		return cr_error_new(CR_ERR_FORMAT,
				    "core-%u.img: entry 0: oom_score_adj %d",
				    (unsigned)proc->vpid,
				    (int)tc->oom_score_adj);
	return NULL;
}

static struct cr_error *set(struct cr_restore *run, const struct score *s,
			    int64_t value)
{
	char path[40], want[24];
	if (s->known && s->value == value)
		return NULL;
	snprintf(path, sizeof(path), "self/%s", s->name);
	int size = snprintf(want, sizeof(want), "%lld", (long long)value);
	cr_auto_close int fd = openat(run->proc_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("%s", path);
	if (pwrite(fd, want, (size_t)size, 0) != size)
		return cr_error_sys("%s: write %s", path, want);
	return NULL;
}

struct cr_error *cr_scores_set(struct cr_restore *run, struct cr_proc *proc)
{
	const TaskCoreEntry *tc = proc->core->tc;
	struct cr_error *err = NULL;
	if (tc->has_oom_score_adj)
		err = set(run, our(0), tc->oom_score_adj);
	if (!err && tc->has_loginuid)
		err = set(run, our(1), tc->loginuid);
	return err;
}
