// SPDX-License-Identifier: MIT
#include "lib/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

/* Opens a name beneath the directory. Before Linux 5.6 there is no openat2(2);
 * then a plain name without links is all that is opened. */
static int open_beneath(int dir_fd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	if (fd >= 0 || errno != ENOSYS)
		return fd;
	if (strchr(name, '/') || !strcmp(name, "..")) {
		errno = EXDEV;
		return -1;
	}
	return openat(dir_fd, name,
		      O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
}

static void file_close(struct cr_file *file)
{
	close(file->fd);
}

static const struct cr_file_ops file_ops = {
	.pread = cr_file_pread_fd,
	.close = file_close,
};

static struct cr_error *open_in(int dir_fd, const char *name,
				struct cr_file *ret)
{
	struct stat st;
	cr_auto_close int fd = open_beneath(dir_fd, name);
	if (fd < 0 && errno == ENOENT)
		return cr_error_new(CR_ERR_NOT_FOUND, "no such file");
	if (fd < 0 && errno == EXDEV)
		return cr_error_new(CR_ERR_FORMAT,
				    "leads out of the checkpoint");
	if (fd < 0 || fstat(fd, &st))
		return cr_error_sys("cannot open");
	if (!S_ISREG(st.st_mode))
		return cr_error_new(CR_ERR_FORMAT, "not a regular file");
	*ret = (struct cr_file){
		.ops = &file_ops,
		.size = (uint64_t)st.st_size,
		.mtime = st.st_mtime,
		.fd = cr_take_fd(&fd),
	};
	return NULL;
}

static struct cr_error *dir_open(struct cr_store *store, const char *name,
				 struct cr_file *ret)
{
	return open_in(store->dir_fd, name, ret);
}

static struct cr_error *dir_open_top(struct cr_store *store, const char *name,
				     struct cr_file *ret)
{
	return open_in(store->top_fd >= 0 ? store->top_fd : store->dir_fd, name,
		       ret);
}

static struct cr_error *dir_link(struct cr_store *store, const char *name,
				 char **ret)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(store->dir_fd, name, text, sizeof(text) - 1);
	if (n < 0 && (errno == ENOENT || errno == EINVAL))
		return cr_error_new(CR_ERR_NOT_FOUND, "no such link");
	if (n < 0)
		return cr_error_sys("cannot read the link");
	text[n] = 0;
	*ret = strdup(text);
	return *ret ? NULL : cr_enomem;
}

static int is_visible(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static struct cr_error *dir_each(struct cr_store *store,
				 struct cr_error *(*item)(void *arg,
							  const char *name),
				 void *arg)
{
	struct dirent **names;
	int nr = scandirat(store->dir_fd, ".", &names, is_visible, by_name);
	if (nr < 0)
		return cr_error_sys("cannot list");
	struct cr_error *err = NULL;
	for (int i = 0; i < nr; i++) {
		if (!err)
			err = item(arg, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return err;
}

static struct cr_error *dir_open_parent(struct cr_store *store,
					const char *link, struct cr_store *ret)
{
	cr_auto_close int fd = openat(store->dir_fd, link,
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return cr_error_new(CR_ERR_NOT_FOUND, "no such directory");
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return cr_error_new(CR_ERR_FORMAT,
				    "does not lead to a directory");
	if (fd < 0)
		return cr_error_sys("cannot open");
	return cr_store_open_dir(fd, ret);
}

static bool dir_same(const struct cr_store *a, const struct cr_store *b)
{
	struct stat x, y;
	return !fstat(a->dir_fd, &x) && !fstat(b->dir_fd, &y) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

#define BELOW "checkpoint"

static const char *dir_images(const struct cr_store *store)
{
	return store->top_fd >= 0 ? BELOW : "";
}

static void dir_close(struct cr_store *store)
{
	close(store->dir_fd);
	if (store->top_fd >= 0)
		close(store->top_fd);
}

static const struct cr_store_ops dir_ops = {
	.each = dir_each,
	.open = dir_open,
	.open_top = dir_open_top,
	.link = dir_link,
	.open_parent = dir_open_parent,
	.same = dir_same,
	.images = dir_images,
	.close = dir_close,
};

struct cr_error *cr_store_open_dir(int fd, struct cr_store *store)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return cr_error_sys("cannot open");
	store->dir_fd = own;
	store->top_fd = -1;
	store->ops = &dir_ops;
	return NULL;
}

static bool has_images(int fd)
{
	return !faccessat(fd, "pstree.img", F_OK, AT_SYMLINK_NOFOLLOW) ||
	       !faccessat(fd, "inventory.img", F_OK, AT_SYMLINK_NOFOLLOW);
}

struct cr_error *cr_store_open_images_dir(int fd, struct cr_store *store)
{
	if (has_images(fd))
		return cr_store_open_dir(fd, store);
	cr_auto_close int below =
		openat(fd, BELOW,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below < 0 || !has_images(below))
		return cr_store_open_dir(fd, store);
	cr_auto_close int top = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (top < 0)
		return cr_error_sys("cannot open");
	struct cr_error *err = cr_store_open_dir(below, store);
	if (!err)
		store->top_fd = cr_take_fd(&top);
	return err;
}
