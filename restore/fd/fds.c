// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "restore/fd/inherit.h"
#include "restore/fd/kind.h"
#include "restore/inject.h"
#include "restore/steps.h"
#include "restore/tasks.h"

static struct cr_error *at_file(struct cr_error *err,
				const struct cr_ofile *file)
{
	const char *type = cr_file_type_name(file->type);
	if (!err)
		return NULL;
	return cr_error_at(err, "%s: entry %u: file %s %u", file->image,
			   (unsigned)file->opened.ref->i,
			   type ?: "of no kind,", (unsigned)file->id);
}

/* ---- planning ---- */

static bool is_wanted(const struct cr_ofile *file)
{
	return file->is_fd || file->is_mapped || file->is_place;
}

static struct cr_error *plan_files(struct cr_rplan *plan)
{
	for (size_t i = 0; i < plan->nr_ofiles; i++) {
		struct cr_ofile *file = plan->ofile + i;
		if (!is_wanted(file))
			continue;
		struct cr_error *err = cr_inherit_plan(plan, file);
		if (!err && file->kind->plan)
			err = file->kind->plan(plan, file);
		file->refused = err;
		err = cr_rplan_refuse(plan, at_file(err, file));
		if (err)
			return err;
	}
	return NULL;
}

// Files are planned for once, with the first process.
struct cr_error *cr_fds_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	struct rlimit limit;
	unsigned room = 64 + (unsigned)plan->nr_ofiles;
	if (proc->i)
		return NULL;
	struct cr_error *err = cr_inherit_check(plan);
	if (!err)
		err = plan_files(plan);
	if (err)
		return err;
	if (!getrlimit(RLIMIT_NOFILE, &limit) &&
	    (rlim_t)plan->fd_base + room > limit.rlim_max)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "descriptors up to %d: the limit of open "
				    "files is too low",
				    plan->fd_base - 1);
	return NULL;
}

struct cr_error *cr_fds_check(struct cr_rplan *plan, struct cr_proc *proc)
{
	for (size_t i = 0; !proc->i && i < plan->nr_ofiles; i++) {
		struct cr_ofile *file = plan->ofile + i;
		if (!is_wanted(file) || file->refused || !file->kind->check)
			continue;
		struct cr_error *err = file->kind->check(plan, file);
		err = cr_rplan_lacks(plan, at_file(err, file));
		if (err)
			return err;
	}
	return NULL;
}

/* ---- opening ---- */

struct cr_error *cr_fds_stash(struct cr_restore *run, int *fd)
{
	if (*fd >= run->plan->fd_base)
		return NULL;
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, run->plan->fd_base);
	struct cr_error *err =
		high < 0 ? cr_error_sys("put a descriptor away") : NULL;
	close(*fd);
	*fd = high;
	return err;
}

struct cr_error *cr_ofile_has(struct cr_restore *run, struct cr_ofile *file,
			      int fd)
{
	struct cr_error *err = cr_fds_stash(run, &fd);
	if (!err)
		file->fd = fd;
	return err;
}

struct cr_error *cr_ofile_open(struct cr_restore *run, struct cr_ofile *file)
{
	if (file->fd >= 0 || file->opening)
		return NULL;
	if (!file->kind->open)
		return at_file(cr_error_new(CR_ERR_UNSUPPORTED,
					    "nothing opens files of this kind"),
			       file);
	file->opening = true;
	struct cr_error *err = file->inherited >= 0 && !file->kind->inherits ?
				       cr_inherit_open(run, file) :
				       file->kind->open(run, file);
	return at_file(err, file);
}

struct cr_error *cr_fds_open(struct cr_restore *run)
{
	for (size_t i = 0; i < run->plan->nr_ofiles; i++) {
		struct cr_ofile *file = run->plan->ofile + i;
		struct cr_error *err = NULL;
		if ((file->is_fd || file->is_mapped) && file->kind->make)
			err = at_file(file->kind->make(run, file), file);
		if (!err && file->is_fd)
			err = cr_ofile_open(run, file);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- in each process ---- */

static struct cr_error *place(const struct cr_pfd *fd)
{
	int n = (int)fd->entry->fd;
	int flags = fd->entry->flags & FD_CLOEXEC ? O_CLOEXEC : 0;
	if (dup3(fd->file->fd, n, flags) < 0)
		return at_file(cr_error_sys("make it descriptor %d", n),
			       fd->file);
	return NULL;
}

static struct cr_error *own(struct cr_restore *run, struct cr_proc *proc,
			    int fd, const FownEntry *fown)
{
	// The kernel allows a signal by who made the process the owner.
	uid_t real, effective, saved;
	struct f_owner_ex owner = { (__typeof__(owner.type))fown->pid_type,
				    (pid_t)fown->pid };
	if (getresuid(&real, &effective, &saved))
		return cr_error_sys("get our ids");
	bool other = fown->uid != real || fown->euid != effective;
	if (other && setresuid(fown->uid, fown->euid, real))
		return cr_error_sys("become user %u for a moment",
				    (unsigned)fown->uid);
	struct cr_error *err = NULL;
	// That an owner is gone is no error: it would get nothing.
	if (fcntl(fd, F_SETOWN_EX, &owner) && errno != ESRCH)
		err = cr_error_sys("make %u its owner", (unsigned)fown->pid);
	if (other && setresuid(real, effective, saved) && !err)
		err = cr_error_sys("become ourselves again");
	// Changing them has cleared these.
	if (other && !err && prctl(PR_SET_DUMPABLE, 1))
		err = cr_error_sys("let us be traced");
	if (other && !err)
		err = cr_task_tie(run, proc);
	return err;
}

// What needs other processes to be there, or other descriptors.
static struct cr_error *finish(struct cr_restore *run, struct cr_proc *proc,
			       struct cr_ofile *file, int fd)
{
	const FownEntry *fown = file->fown;
	struct cr_error *err = NULL;
	if (fown && fown->signum && fcntl(fd, F_SETSIG, (int)fown->signum))
		err = cr_error_sys("set its signal");
	if (!err && fown && fown->pid)
		err = own(run, proc, fd, fown);
	if (!err && file->has_flags && file->flags & O_ASYNC &&
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC))
		err = cr_error_sys("make it send signals");
	if (!err && file->kind->post)
		err = file->kind->post(run, proc, file, fd);
	return err;
}

struct cr_error *cr_fds_place(struct cr_restore *run, struct cr_proc *proc)
{
	struct cr_error *err = NULL;
	if (close_range(0, (unsigned)run->plan->fd_base - 1, 0))
		return cr_error_sys("close descriptors");
	for (size_t i = 0; !err && i < proc->nr_fds; i++)
		err = place(&proc->fd[i]);
	for (size_t i = 0; !err && i < proc->nr_fds; i++) {
		struct cr_ofile *file = proc->fd[i].file;
		int fd = (int)proc->fd[i].entry->fd;
		if (file->first == proc && file->first_fd == fd)
			err = at_file(finish(run, proc, file, fd), file);
	}
	return err;
}

struct cr_error *cr_fds_close(struct cr_restore *run, struct cr_thread *thread)
{
	return cr_inject(thread, NULL, close_range,
			 (unsigned)run->plan->fd_base, UINT32_MAX, 0);
}

/* ---- what kinds share ---- */

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

struct cr_error *cr_fds_numbers(const struct cr_proc *proc, uint32_t **ret)
{
	uint32_t *fd = calloc(proc->nr_fds + 1, sizeof(fd[0]));
	if (!fd)
		return cr_enomem;
	for (size_t i = 0; i < proc->nr_fds; i++)
		fd[i] = proc->fd[i].entry->fd;
	qsort(fd, proc->nr_fds, sizeof(fd[0]), compare_numbers);
	*ret = fd;
	return NULL;
}

bool cr_fds_has(const uint32_t *numbers, size_t nr, uint32_t fd)
{
	return bsearch(&fd, numbers, nr, sizeof(fd), compare_numbers);
}

void cr_ofile_describe(struct cr_ofile *file)
{
	const char *msg = (const char *)file->opened.msg;
	if (file->kind->fown)
		memcpy(&file->fown, msg + file->kind->fown,
		       sizeof(file->fown));
	if (file->kind->flags) {
		memcpy(&file->flags, msg + file->kind->flags,
		       sizeof(file->flags));
		file->has_flags = true;
	}
}

struct cr_error *cr_fd_reopen(int fd, int flags, int *fd_ret)
{
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int new = open(path, flags | O_CLOEXEC);
	if (new < 0)
		return cr_error_sys("%s", path);
	*fd_ret = new;
	return NULL;
}

#define SET_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

struct cr_error *cr_fd_set_flags(int fd, uint32_t flags)
{
	int want = cr_fd_flags(flags) & SET_FLAGS, is = fcntl(fd, F_GETFL);
	if (is < 0)
		return cr_error_sys("get its flags");
	if ((is & SET_FLAGS) != want &&
	    fcntl(fd, F_SETFL, (is & ~SET_FLAGS) | want))
		return cr_error_sys("set its flags");
	return NULL;
}

int cr_fd_flags(uint32_t flags)
{
	// None of these does a file any good that is there.
	const int once = O_CREAT | O_EXCL | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	return (int)flags & ~(O_CLOEXEC | once);
}
