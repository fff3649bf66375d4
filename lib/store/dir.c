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

static struct cr_error *file_pread(struct cr_file *file, void *data,
				   size_t size, uint64_t off, size_t *n_ret)
{
	ssize_t n;
	do {
		n = pread(file->fd, data, size, (off_t)off);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cr_error_sys("read");
	*n_ret = (size_t)n;
	return NULL;
}

static void file_close(struct cr_file *file)
{
	close(file->fd);
}

static const struct cr_file_ops file_ops = {
	.pread = file_pread,
	.close = file_close,
};

static struct cr_error *dir_open(struct cr_store *store, const char *name,
				 struct cr_file *ret)
{
	struct stat st;
	cr_auto_close int fd = open_beneath(store->dir_fd, name);
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
		.fd = cr_take_fd(&fd),
	};
	return NULL;
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

static void dir_close(struct cr_store *store)
{
	close(store->dir_fd);
}

static const struct cr_store_ops dir_ops = {
	.each = dir_each,
	.open = dir_open,
	.link = dir_link,
	.close = dir_close,
};

struct cr_error *cr_store_open_dir(int fd, struct cr_store *store)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return cr_error_sys("cannot open");
	store->dir_fd = own;
	store->ops = &dir_ops;
	return NULL;
}
