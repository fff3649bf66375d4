// SPDX-License-Identifier: MIT
/*
 * File locks: flock(2), POSIX ones, those of open files, and leases.
 *
 * Taken by the process when it has closed what was ours: closing any descriptor
 * of a file loses all POSIX locks on it. Nobody is waited for: a lock that someone
 * else holds is an error.
 *
 * Facts: CRIU criu/file-lock.c and criu/include/file-lock.h, v4.2; man 2 fcntl.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "lib/base/cleanup.h"
#include "restore/fd/kind.h"
#include "restore/inject.h"
#include "restore/steps.h"

/* file_lock_entry.flag */
enum { POSIX = 1, FLOCK = 2, OPEN_FILE = 4, LEASE = 8 };

#define LEASE_BREAKING 4 /* file_lock_entry.type of a lease */

/* ---- planning ---- */

static const char *fault(const FileLockEntry *e)
{
	if (e->flag != POSIX && e->flag != FLOCK && e->flag != OPEN_FILE &&
	    e->flag != LEASE)
		return "a lock of no known kind";
	if (e->flag == LEASE && e->type & LEASE_BREAKING)
		return "a lease that was being broken";
	if (e->type != F_RDLCK && e->type != F_WRLCK)
		return "a lock of no known type";
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct cr_lock *x = a, *y = b;
	if (x->entry->pid != y->entry->pid)
		return x->entry->pid < y->entry->pid ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

static struct cr_error *load(struct cr_rplan *plan)
{
	struct cr_locks *locks = &plan->locks;
	struct cr_error *err =
		cr_set_load_optionalf(&plan->set, &file_lock_entry__descriptor,
				      &locks->messages, "filelocks.img");
	if (err)
		return err;
	locks->lock = calloc(locks->messages.nr + 1, sizeof(locks->lock[0]));
	if (!locks->lock)
		return cr_enomem;
	for (size_t i = 0; i < locks->messages.nr; i++) {
		const void *e = locks->messages.msg[i];
		locks->lock[locks->nr++] = (struct cr_lock){ e, i };
	}
	qsort(locks->lock, locks->nr, sizeof(locks->lock[0]), compare);
	return NULL;
}

void cr_locks_free(struct cr_locks *locks)
{
	cr_messages_free(&locks->messages);
	free(locks->lock);
}

// The locks of a process, by binary search.
static const struct cr_lock *first_of(const struct cr_rplan *plan,
				      const struct cr_proc *proc, size_t *nr_ret)
{
	const struct cr_locks *locks = &plan->locks;
	size_t low = 0, high = locks->nr, end;
	int32_t pid = (int32_t)proc->vpid;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (locks->lock[mid].entry->pid < pid)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < locks->nr && locks->lock[end].entry->pid == pid;)
		end++;
	*nr_ret = end - low;
	return end > low ? locks->lock + low : NULL;
}

// What of one file only one can have, and every copy would take. Files that each
// copy has for itself are others.
static bool is_for_one(const struct cr_proc *proc, const FileLockEntry *e)
{
	bool shared = e->flag != LEASE && e->type == F_RDLCK;
	for (size_t i = 0; i < proc->nr_fds && !shared; i++) {
		if (proc->fd[i].entry->fd == (uint32_t)e->fd)
			return proc->fd[i].file->type == FD_TYPES__REG ||
			       proc->fd[i].file->type == FD_TYPES__FIFO;
	}
	return false;
}

struct cr_error *cr_locks_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	size_t nr;
	cr_auto_free uint32_t *numbers = NULL;
	struct cr_error *err = proc->i ? NULL : load(plan);
	if (!err)
		err = cr_fds_numbers(proc, &numbers);
	if (err)
		return err;
	const struct cr_lock *lock = first_of(plan, proc, &nr);
	for (size_t i = 0; i < nr; i++) {
		const FileLockEntry *e = lock[i].entry;
		const char *what = fault(e);
		if (!cr_fds_has(numbers, proc->nr_fds, (uint32_t)e->fd))
			what = "its process does not have the descriptor";
		if (!what && plan->options->clones > 1 && is_for_one(proc, e))
			what = "only one of several copies can have it (see "
			       "--clones)";
		if (what)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "filelocks.img: entry %zu: %s",
					    lock[i].i, what);
	}
	plan->locks.nr_owned += nr;
	if (proc->i + 1 == plan->nr_procs && plan->locks.nr_owned < plan->locks.nr)
		return cr_error_new(CR_ERR_FORMAT,
				    "filelocks.img: %zu locks of processes "
				    "that are not there",
				    plan->locks.nr - plan->locks.nr_owned);
	return NULL;
}

/* ---- taking them ---- */

static struct cr_error *take_range(struct cr_thread *thread,
				   const FileLockEntry *e)
{
	struct flock range = {
		.l_type = (short)e->type,
		.l_whence = SEEK_SET,
		.l_start = e->start,
		.l_len = e->len,
	};
	int command = e->flag == POSIX ? F_SETLK : F_OFD_SETLK;
	struct cr_error *err = cr_scratch(thread, 0, &range, sizeof(range));
	return err ?: cr_inject(thread, NULL, fcntl, (uint64_t)e->fd,
				(uint64_t)command, thread->proc->scratch);
}

static struct cr_error *take(struct cr_thread *thread, const FileLockEntry *e)
{
	uint64_t fd = (uint64_t)e->fd;
	switch (e->flag) {
	case FLOCK:
		return cr_inject(thread, NULL, flock, fd,
				 LOCK_NB | (e->type == F_RDLCK ? LOCK_SH :
								 LOCK_EX));
	case LEASE:
		return cr_inject(thread, NULL, fcntl, fd, F_SETLEASE, e->type);
	default:
		return take_range(thread, e);
	}
}

struct cr_error *cr_locks_take(struct cr_restore *run, struct cr_thread *thread)
{
	size_t nr;
	const struct cr_lock *lock = first_of(run->plan, thread->proc, &nr);
	for (size_t i = 0; i < nr; i++) {
		struct cr_error *err = take(thread, lock[i].entry);
		if (err)
			return cr_error_at(err, "lock of descriptor %d",
					   (int)lock[i].entry->fd);
	}
	return NULL;
}
