// SPDX-License-Identifier: MIT
/*
 * A library to preload: how many bytes of pages images are read, by a process and
 * all that are forked from it. Each read adds a line to the file PREADS names.
 *
 * Source: man 2 preadv.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void note(int fd, ssize_t size)
{
	char link[40], path[4096] = "", line[32];
	const char *to = getenv("PREADS");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!to || size <= 0 || readlink(link, path, sizeof(path) - 1) < 0 ||
	    !strstr(path, "/pages-"))
		return;
	int log = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	int n = snprintf(line, sizeof(line), "%zd\n", size);
	if (log < 0 || write(log, line, (size_t)n) != n)
		abort();
	close(log);
}

#define REAL(name) __typeof__(name) *real = dlsym(RTLD_NEXT, #name)

ssize_t preadv(int fd, const struct iovec *iov, int nr, off_t off)
{
	REAL(preadv);
	ssize_t n = real(fd, iov, nr, off);
	note(fd, n);
	return n;
}

ssize_t pread(int fd, void *data, size_t size, off_t off)
{
	REAL(pread);
	ssize_t n = real(fd, data, size, off);
	note(fd, n);
	return n;
}

ssize_t pread64(int fd, void *data, size_t size, off64_t off)
	__attribute__((alias("pread")));
ssize_t preadv64(int fd, const struct iovec *iov, int nr, off64_t off)
	__attribute__((alias("preadv")));
