// SPDX-License-Identifier: MIT
#include "lib/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

struct cr_error *cr_io_write(int fd, const void *data, size_t size)
{
	const char *p = data;
	while (size) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cr_error_sys("write");
		p += n;
		size -= (size_t)n;
	}
	return NULL;
}

struct cr_error *cr_io_pwrite(int fd, const void *data, size_t size,
			      uint64_t off)
{
	const char *p = data;
	while (size) {
		ssize_t n = pwrite(fd, p, size, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cr_error_sys("write");
		p += n;
		off += (uint64_t)n;
		size -= (size_t)n;
	}
	return NULL;
}

struct cr_error *cr_io_pread(int fd, void *data, size_t size, uint64_t off)
{
	char *p = data;
	while (size) {
		ssize_t n = pread(fd, p, size, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cr_error_sys("read");
		if (n == 0)
			return cr_error_new(CR_ERR_FORMAT,
					    "byte %llu: the file ends, "
					    "%zu bytes are missing",
					    (unsigned long long)off, size);
		p += n;
		off += (uint64_t)n;
		size -= (size_t)n;
	}
	return NULL;
}

struct cr_error *cr_io_copy(int from, uint64_t off, uint64_t size, int to)
{
	char chunk[64 * 1024];
	while (size) {
		size_t n = size < sizeof(chunk) ? (size_t)size : sizeof(chunk);
		struct cr_error *err = cr_io_pread(from, chunk, n, off);
		if (!err)
			err = cr_io_write(to, chunk, n);
		if (err)
			return err;
		off += n;
		size -= n;
	}
	return NULL;
}

struct cr_error *cr_io_copy_range(int from, uint64_t off, uint64_t size, int to,
				  uint64_t to_off, uint64_t *done_ret)
{
	off_t in = (off_t)off, out = (off_t)to_off;
	*done_ret = 0;
	while (*done_ret < size) {
		/* Larger pieces overflow in some file systems. */
		uint64_t left = size - *done_ret, most = 1u << 30;
		ssize_t n = copy_file_range(from, &in, to, &out,
					    left < most ? (size_t)left : most,
					    0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT ||
			      errno == EFBIG || errno == EIO))
			return cr_error_sys("write");
		if (n <= 0)
			return NULL;
		*done_ret += (uint64_t)n;
	}
	return NULL;
}

struct cr_error *cr_io_tmpfile(int *fd_ret)
{
	int fd = open(P_tmpdir, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		char name[] = P_tmpdir "/critter-XXXXXX";
		fd = mkostemp(name, O_CLOEXEC);
		if (fd < 0)
			return cr_error_sys("temporary file in %s", P_tmpdir);
		unlink(name);
	}
	*fd_ret = fd;
	return NULL;
}

/* Opens the temporary file beside rep->path. */
static struct cr_error *open_beside(struct cr_replace *rep, mode_t mode)
{
	cr_auto_free char *copy = strdup(rep->path);
	if (!copy)
		return cr_enomem;
	const char *dir = dirname(copy);
	rep->fd = openat(rep->dir_fd, dir, O_RDWR | O_TMPFILE | O_CLOEXEC,
			 mode);
	if (rep->fd >= 0)
		return NULL;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return cr_error_sys("cannot write in %s", dir);

	/* A file system without O_TMPFILE: a name, removed on failure. */
	if (asprintf(&rep->tmp, "%s.tmp-%d", rep->path, getpid()) < 0) {
		rep->tmp = NULL;
		return cr_enomem;
	}
	rep->fd = openat(rep->dir_fd, rep->tmp,
			 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (rep->fd >= 0)
		return NULL;
	struct cr_error *err = cr_error_sys("cannot create %s", rep->tmp);
	free(cr_take_ptr(rep->tmp));
	return err;
}

/* What to replace: where path leads if it is a link. */
static struct cr_error *resolve(struct cr_replace *rep, const char *path)
{
	struct stat link;
	bool is_link = !fstatat(rep->dir_fd, path, &link,
				AT_SYMLINK_NOFOLLOW) &&
		       S_ISLNK(link.st_mode);
	if (is_link && rep->dir_fd == AT_FDCWD)
		rep->path = realpath(path, NULL);
	else if (!is_link)
		rep->path = strdup(path);
	if (rep->path)
		return NULL;
	return is_link ? cr_error_new(CR_ERR_USAGE, "is a link to nothing") :
			 cr_enomem;
}

struct cr_error *cr_replace_open(struct cr_replace *rep, int dir_fd,
				 const char *path, mode_t mode)
{
	*rep = (struct cr_replace){ .fd = -1, .dir_fd = dir_fd };

	struct stat st;
	bool exists = !fstatat(dir_fd, path, &st, 0);
	size_t size = strlen(path);
	if (exists && S_ISDIR(st.st_mode))
		return cr_error_new(CR_ERR_USAGE, "is a directory");
	if (!size || path[size - 1] == '/')
		return cr_error_new(CR_ERR_USAGE, "is no name for a file");
	if (exists && !S_ISREG(st.st_mode)) {
		rep->direct = true;
		rep->fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
		return rep->fd < 0 ? cr_error_sys("cannot open") : NULL;
	}
	struct cr_error *err = resolve(rep, path);
	if (!err)
		err = open_beside(rep, mode);
	if (!err && exists && fchmod(rep->fd, st.st_mode & 07777))
		err = cr_error_sys("cannot set the mode");
	if (err)
		cr_replace_close(rep);
	return err;
}

/* Gives an unnamed file a temporary name. */
static struct cr_error *give_name(struct cr_replace *rep)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", rep->fd);
	for (int i = 0; i < 100; i++) {
		char *name;
		if (asprintf(&name, "%s.tmp-%d-%d", rep->path, getpid(), i) < 0)
			return cr_enomem;
		if (!linkat(AT_FDCWD, self, rep->dir_fd, name,
			    AT_SYMLINK_FOLLOW)) {
			rep->tmp = name;
			return NULL;
		}
		free(name);
		if (errno != EEXIST)
			break;
	}
	return cr_error_sys("cannot name the new file");
}

struct cr_error *cr_replace_commit(struct cr_replace *rep, bool sync)
{
	if (rep->direct)
		return NULL;
	if (sync && fsync(rep->fd))
		return cr_error_sys("fsync");
	if (!rep->tmp) {
		char self[64];
		snprintf(self, sizeof(self), "/proc/self/fd/%d", rep->fd);
		if (!linkat(AT_FDCWD, self, rep->dir_fd, rep->path,
			    AT_SYMLINK_FOLLOW))
			return NULL;
		struct cr_error *err = give_name(rep);
		if (err)
			return err;
	}
	if (renameat(rep->dir_fd, rep->tmp, rep->dir_fd, rep->path))
		return cr_error_sys("cannot rename");
	free(cr_take_ptr(rep->tmp));
	return NULL;
}

void cr_replace_close(struct cr_replace *rep)
{
	if (rep->tmp)
		unlinkat(rep->dir_fd, rep->tmp, 0);
	free(cr_take_ptr(rep->tmp));
	free(cr_take_ptr(rep->path));
	if (rep->fd >= 0)
		close(rep->fd);
	rep->fd = -1;
}
