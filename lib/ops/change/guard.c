// SPDX-License-Identifier: MIT
#include "lib/ops/change/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- locks ---- */

/* Some file systems have no locks; there everybody is alone. */
static bool no_locks(int number)
{
	return number == ENOLCK || number == ENOSYS || number == EINVAL ||
	       number == EBADF || number == EOPNOTSUPP;
}

static struct cr_error *lock_fd(int fd, int how)
{
	if (!flock(fd, how | LOCK_NB) || no_locks(errno))
		return NULL;
	if (errno == EWOULDBLOCK)
		return cr_error_sys("is being changed by another process");
	return cr_error_sys("cannot lock");
}

/* Waiting would not help: what was waited for is another directory then. */
struct cr_error *cr_guard_lock(struct cr_change *change)
{
	struct stat st;
	int how = change->opts.out ? LOCK_SH : LOCK_EX;
	if (change->opts.dry_run)
		return NULL;
	struct cr_error *err = lock_fd(change->fd, how);
	if (!err && change->has_top && change->is_dir)
		err = lock_fd(change->images_fd, how);
	if (err)
		return err;
	if (stat(change->path, &st))
		return cr_error_sys("cannot open");
	if (st.st_dev != change->st.st_dev || st.st_ino != change->st.st_ino) {
		errno = EBUSY;
		return cr_error_sys("was replaced while it was opened");
	}
	return NULL;
}

/* ---- what was there ---- */

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct cr_seen *)a)->key,
		      ((const struct cr_seen *)b)->key);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b, bool linked)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
	       (linked || same_time(a->st_ctim, b->st_ctim));
}

/* The text of the error is strerror's. */
static struct cr_error *changed(void)
{
	errno = EBUSY;
	return cr_error_sys("was changed by another process meanwhile");
}

static void free_seen(void *p)
{
	struct cr_seen *seen = p;
	free(seen->key);
	free(seen);
}

void cr_guard_free(struct cr_change *change)
{
	tdestroy(change->seen, free_seen);
	change->seen = NULL;
}

/* The first look counts. */
struct cr_error *cr_guard_saw(struct cr_change *change, const char *key, int fd)
{
	struct cr_seen *seen = calloc(1, sizeof(*seen));
	if (!seen)
		return cr_enomem;
	seen->key = strdup(key);
	struct cr_error *err = NULL;
	if (!seen->key)
		err = cr_enomem;
	else if (fstat(fd, &seen->st))
		err = cr_error_sys("cannot look at it");
	struct cr_seen **found =
		err ? NULL : tsearch(seen, &change->seen, by_key);
	if (!err && !found)
		err = cr_enomem;
	if (err || *found != seen)
		free_seen(seen);
	return err;
}

struct check {
	const struct cr_change *change;
	bool linked;
	const struct cr_seen *bad;
};

static void check_one(const void *node, VISIT visit, void *arg)
{
	struct check *check = arg;
	const struct cr_seen *seen = *(struct cr_seen *const *)node;
	const struct cr_change *change = check->change;
	struct stat st;
	if (check->bad || (visit != postorder && visit != leaf))
		return;
	int dir = *seen->key == '/' ? change->fd : change->images_fd;
	if (fstatat(dir, seen->key + (*seen->key == '/'), &st, 0) ||
	    !same_file(&st, &seen->st, check->linked))
		check->bad = seen;
}

struct cr_error *cr_guard_check(struct cr_change *change, bool linked)
{
	struct check check = { .change = change, .linked = linked };
	struct stat st;
	if (fstat(change->fd, &st))
		return cr_error_sys("cannot look at it");
	if (!same_file(&st, &change->st, false))
		return changed();
	if (change->is_dir && (fstat(change->images_fd, &st) ||
			       !same_file(&st, &change->images_st, false)))
		return changed();
	twalk_r(change->seen, check_one, &check);
	return check.bad ? cr_error_at(changed(), "%s", check.bad->key) : NULL;
}
