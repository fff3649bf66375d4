// SPDX-License-Identifier: MIT
#include "crit/find.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/store/tar.h"

/* How deep directories are looked through. */
#define MAX_DEPTH 4

struct finding {
	cr_crit_find_fn *fn;
	void *arg;
};

/* What a change that was killed has left (lib/ops/change.h) is no checkpoint. */
static bool is_leftover(const char *name)
{
	static const char end[] = ".crit-tmp";
	size_t size = strlen(name), end_size = sizeof(end) - 1;
	return *name == '.' && size > end_size &&
	       !strcmp(name + size - end_size, end);
}

static int is_visible(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
	       !is_leftover(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool has(const char *dir, const char *name)
{
	cr_auto_free char *path = NULL;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	return path && !access(path, F_OK);
}

static bool is_checkpoint(const char *dir)
{
	return has(dir, "pstree.img") || has(dir, "inventory.img") ||
	       has(dir, "checkpoint/pstree.img") ||
	       has(dir, "checkpoint/inventory.img") || has(dir, "oci-layout");
}

/* A file that looks as if it were an archive; others are not even opened. */
static bool is_archive(const char *path)
{
	cr_auto_close int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	return fd >= 0 && cr_tar_likely(fd);
}

static struct cr_error *look_through(const struct finding *f, const char *dir,
				     unsigned depth);

/* Something that may be a checkpoint: a name in a directory. */
static struct cr_error *consider(const struct finding *f, const char *path,
				 unsigned depth)
{
	struct stat st;
	if (lstat(path, &st))
		return NULL;
	if (S_ISDIR(st.st_mode) && is_checkpoint(path))
		return f->fn(f->arg, path, false);
	if (S_ISDIR(st.st_mode))
		return depth < MAX_DEPTH ?
			       look_through(f, path, depth + 1) :
			       NULL;
	return S_ISREG(st.st_mode) && is_archive(path) ?
		       f->fn(f->arg, path, false) :
		       NULL;
}

static struct cr_error *look_through(const struct finding *f, const char *dir,
				     unsigned depth)
{
	struct dirent **names;
	struct cr_error *err = NULL;
	int nr = scandir(dir, &names, is_visible, by_name);
	if (nr < 0)
		return cr_error_sys("%s", dir);
	for (int i = 0; i < nr; i++) {
		cr_auto_free char *path = NULL;
		const char *slash = dir[strlen(dir) - 1] == '/' ? "" : "/";
		if (!err && asprintf(&path, "%s%s%s", strcmp(dir, ".") ? dir : "",
				     strcmp(dir, ".") ? slash : "",
				     names[i]->d_name) < 0) {
			path = NULL;
			err = cr_enomem;
		}
		if (!err)
			err = consider(f, path, depth);
		free(names[i]);
	}
	free(names);
	return err;
}

struct cr_error *cr_crit_find(const char *path, cr_crit_find_fn *fn, void *arg)
{
	struct finding f = { fn, arg };
	struct stat st;
	if (!stat(path, &st) && S_ISDIR(st.st_mode) && !is_checkpoint(path))
		return look_through(&f, path, 0);
	return fn(arg, path, true);
}
