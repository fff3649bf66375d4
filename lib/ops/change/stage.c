// SPDX-License-Identifier: MIT
#include "lib/ops/change/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/ops/carry.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- where ---- */

/* The path without what does not count at its end, split. "." and ".." are no
 * names. */
static struct cr_error *split(const char *path, char **dir_ret, char **name_ret)
{
	cr_auto_free char *copy = strdup(path);
	if (!copy)
		return cr_enomem;
	size_t size = strlen(copy);
	while (size > 1 && copy[size - 1] == '/')
		copy[--size] = 0;
	char *slash = strrchr(copy, '/');
	const char *name = slash ? slash + 1 : copy;
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return cr_error_new(CR_ERR_USAGE, "no name for a checkpoint");
	*name_ret = strdup(name);
	if (slash)
		slash[slash == copy] = 0;
	*dir_ret = strdup(slash ? copy : ".");
	if (*name_ret && *dir_ret)
		return NULL;
	free(cr_take_ptr(*name_ret));
	return cr_enomem;
}

struct cr_error *cr_stage_locate(const char *path, int *fd_ret,
				 char **name_ret)
{
	cr_auto_free char *real = realpath(path, NULL), *dir = NULL;
	cr_auto_free char *name = NULL;
	struct cr_error *err = split(real ?: path, &dir, &name);
	if (err)
		return err;
	*fd_ret = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd_ret < 0)
		return cr_error_sys("cannot open %s", dir);
	*name_ret = cr_take_ptr(name);
	return NULL;
}

/* ".NAME.crit-tmp"; a long name is cut off. */
static char *tmp_name(const char *name)
{
	char *ret;
	int most = NAME_MAX - (int)strlen("..") - (int)strlen(CR_CHANGE_TMP);
	if (asprintf(&ret, ".%.*s." CR_CHANGE_TMP, most, name) < 0)
		return NULL;
	return ret;
}

/* ---- making it ---- */

/* Opens the directory that has just been made, or was left, and locks it. */
static struct cr_error *open_locked(int parent, const char *name, int *fd_ret)
{
	cr_auto_close int fd = openat(parent, name, DIR_FLAGS);
	struct stat here, there;
	if (fd < 0)
		return cr_error_sys("cannot open %s", name);
	if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return cr_error_sys("is being written by another process");
	/* Whoever sweeps may have been faster. */
	if (fstat(fd, &here) ||
	    fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) ||
	    here.st_ino != there.st_ino) {
		errno = EAGAIN;
		return cr_error_sys("cannot make %s", name);
	}
	*fd_ret = cr_take_fd(&fd);
	return NULL;
}

/* Removes one that a crash has left; not one that is in use. */
static struct cr_error *sweep(int parent, const char *name)
{
	cr_auto_close int fd = -1;
	struct cr_error *err = open_locked(parent, name, &fd);
	if (err)
		return err;
	cr_carry_remove(parent, name);
	return NULL;
}

static struct cr_error *make_beside(struct cr_stage *stage)
{
	struct cr_error *err = NULL;
	if (mkdirat(stage->parent_fd, stage->name, 0700)) {
		if (errno == EEXIST)
			err = sweep(stage->parent_fd, stage->name);
		if (!err && mkdirat(stage->parent_fd, stage->name, 0700))
			err = cr_error_sys("cannot make a directory beside it");
	}
	if (!err)
		err = open_locked(stage->parent_fd, stage->name, &stage->fd);
	return err;
}

static struct cr_error *make_elsewhere(struct cr_stage *stage)
{
	char path[] = P_tmpdir "/critter-XXXXXX";
	if (!mkdtemp(path))
		return cr_error_sys("temporary directory in %s", P_tmpdir);
	if (stage->parent_fd >= 0)
		close(stage->parent_fd);
	free(cr_take_ptr(stage->name));
	free(cr_take_ptr(stage->target));
	struct cr_error *err =
		cr_stage_locate(path, &stage->parent_fd, &stage->name);
	if (!err)
		err = open_locked(stage->parent_fd, stage->name, &stage->fd);
	stage->beside = false;
	return err;
}

/* Is what is changed in place, and its directory, on one mount? */
static bool can_be_beside(const struct cr_change *change)
{
	struct stat st;
	if (change->opts.out)
		return true;
	return !fstat(change->stage.parent_fd, &st) &&
	       st.st_dev == change->images_st.st_dev;
}

/* Directories further below are found when they are copied. */
static bool is_within(const struct cr_change *change)
{
	struct stat st;
	return change->is_dir && !fstat(change->stage.parent_fd, &st) &&
	       st.st_dev == change->st.st_dev &&
	       (st.st_ino == change->st.st_ino ||
		st.st_ino == change->images_st.st_ino);
}

/* Where one file can be changed all the same. */
static bool is_refused(const struct cr_error *err)
{
	int number = cr_error_errno(err);
	return number == EACCES || number == EPERM || number == EROFS;
}

static struct cr_error *make(struct cr_change *change, const char *path)
{
	struct cr_stage *stage = &change->stage;
	struct cr_error *err =
		cr_stage_locate(path, &stage->parent_fd, &stage->target);
	if (err)
		return err;
	stage->name = tmp_name(stage->target);
	if (!stage->name)
		return cr_enomem;
	if (change->opts.out && is_within(change))
		return cr_error_new(CR_ERR_USAGE,
				    "the new one would be within the old one");
	if (!can_be_beside(change))
		return make_elsewhere(stage);
	err = make_beside(stage);
	stage->beside = !err;
	if (!err || change->opts.out || !is_refused(err))
		return err;
	cr_error_free(err);
	return make_elsewhere(stage);
}

struct cr_error *cr_stage_need(struct cr_change *change)
{
	const char *out = change->opts.out;
	if (change->stage.fd >= 0)
		return NULL;
	if (change->opts.dry_run)
		return make_elsewhere(&change->stage);
	struct cr_error *err = make(change, out ?: change->path);
	return err && out ? cr_error_at(err, "%s", out) : err;
}

struct cr_error *cr_stage_file(struct cr_change *change, int *fd_ret,
			       char **name_ret)
{
	struct cr_error *err = cr_stage_need(change);
	if (err)
		return err;
	char *name;
	if (asprintf(&name, "%llu",
		     (unsigned long long)change->stage.nr_files++) < 0)
		return cr_enomem;
	err = cr_carry_create(change->stage.fd, name, fd_ret);
	if (err)
		free(name);
	else
		*name_ret = name;
	return err;
}

/* ---- the end of it ---- */

void cr_stage_remove(struct cr_change *change)
{
	struct cr_stage *stage = &change->stage;
	if (stage->fd >= 0)
		cr_carry_remove(stage->parent_fd, stage->name);
	if (stage->fd >= 0)
		close(stage->fd);
	if (stage->parent_fd >= 0)
		close(stage->parent_fd);
	free(stage->name);
	free(stage->target);
	*stage = (struct cr_stage){ .fd = -1, .parent_fd = -1 };
}

void cr_stage_sweep(struct cr_change *change)
{
	cr_auto_close int parent = -1;
	cr_auto_free char *name = NULL, *tmp = NULL;
	struct cr_error *err = cr_stage_locate(change->path, &parent, &name);
	if (!err)
		tmp = tmp_name(name);
	if (tmp && !faccessat(parent, tmp, F_OK, AT_SYMLINK_NOFOLLOW))
		err = sweep(parent, tmp);
	cr_error_free(err);
	if (!change->is_dir)
		return;
	unlinkat(change->images_fd, "." CR_CHANGE_TMP, 0);
	if (change->has_top)
		unlinkat(change->fd, "." CR_CHANGE_TMP, 0);
}
