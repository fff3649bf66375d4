// SPDX-License-Identifier: MIT
/*
 * A process that dies at the n-th thing it does to the file system, or in which
 * that fails: for tests that what is done whole or not at all is done so.
 *
 * The functions below stand in front of libc's, in a test program that includes
 * this (before anything else) or, as tests/conformance/crash.c, in a library that
 * is preloaded. They count what changes files or names; at step cr_crash.at the
 * process exits, half of a write(2) done, and at step cr_crash.fail_at the call
 * fails with cr_crash.fail_errno. Both may be 0.
 *
 * They also watch that data is safe when it is switched to: renaming to a
 * name that is not temporary (see is_temporary()) while bytes or names that were
 * made have not been synced is counted in cr_crash.nr_unsynced.
 */
#ifndef CR_TESTS_SUPPORT_CRASH_H
#define CR_TESTS_SUPPORT_CRASH_H

/* It has functions of its own of these names. */
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CR_CRASH_STATUS 99

static struct {
	int at, fail_at, fail_errno;
	int nr_steps;
	int nr_unsynced;
	bool watching; /* syncing, which costs time, is left out then */
	ino_t dirty[256];
	int nr_dirty;
} cr_crash;

/* True: the call is to fail. */
static bool crash_step(void)
{
	int nr = ++cr_crash.nr_steps;
	if (nr == cr_crash.at)
		_exit(CR_CRASH_STATUS);
	if (nr != cr_crash.fail_at)
		return false;
	errno = cr_crash.fail_errno;
	return true;
}

/* ---- what has not been synced ---- */

static void mark(ino_t ino)
{
	for (int i = 0; i < cr_crash.nr_dirty; i++)
		if (cr_crash.dirty[i] == ino)
			return;
	if (cr_crash.nr_dirty < 256)
		cr_crash.dirty[cr_crash.nr_dirty++] = ino;
}

static void clean(ino_t ino)
{
	for (int i = 0; i < cr_crash.nr_dirty; i++)
		if (cr_crash.dirty[i] == ino)
			cr_crash.dirty[i--] =
				cr_crash.dirty[--cr_crash.nr_dirty];
}

static ino_t inode_of(int fd)
{
	struct stat st;
	return cr_crash.watching && !fstat(fd, &st) &&
			       (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ?
		       st.st_ino :
		       0;
}

/* Of a directory: its path; elsewhere nothing. */
static const char *path_of(int dir, char *path, size_t size)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", dir);
	ssize_t n = dir == AT_FDCWD ? 0 : readlink(self, path, size - 1);
	path[n > 0 ? n : 0] = 0;
	return path;
}

/* Is it in, or is it, what will take the place of something? */
static bool is_temporary(int dir, const char *name)
{
	char path[4096];
	path_of(dir, path, sizeof(path));
	return strstr(path, "crit-tmp") || strstr(path, ".tmp-") ||
	       strstr(name, "crit-tmp") || strstr(name, ".tmp-");
}

/* Names that have to be there when the directory is. */
static void made_name(int dir, const char *name)
{
	char path[4096];
	if (cr_crash.watching &&
	    strstr(path_of(dir, path, sizeof(path)), "crit-tmp/new"))
		mark(inode_of(dir));
}

static void wrote(int fd)
{
	if (inode_of(fd))
		mark(inode_of(fd));
}

/* What has no name any more need not be synced, and its number comes back. */
static void removing(int dir, const char *name)
{
	struct stat st;
	if (cr_crash.watching && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    (st.st_nlink == 1 || S_ISDIR(st.st_mode)))
		clean(st.st_ino);
}

static void switching(int dir, const char *name)
{
	if (cr_crash.watching && !is_temporary(dir, name) && cr_crash.nr_dirty)
		cr_crash.nr_unsynced++;
}

/* ---- in front of libc ---- */

static int crash_open(int dir, const char *path, int flags, va_list ap)
{
	bool makes = flags & (O_CREAT | O_TRUNC) ||
		     (flags & O_TMPFILE) == O_TMPFILE;
	mode_t mode = makes ? va_arg(ap, mode_t) : 0;
	if (makes && crash_step())
		return -1;
	int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (makes && fd >= 0)
		made_name(dir, path);
	return fd;
}

#define CRASH_OPEN(name, params, dir)                          \
	int name params                                        \
	{                                                      \
		va_list ap;                                    \
		va_start(ap, flags);                           \
		int fd = crash_open(dir, path, flags, ap);     \
		va_end(ap);                                    \
		return fd;                                     \
	}

CRASH_OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
CRASH_OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
CRASH_OPEN(openat, (int dir, const char *path, int flags, ...), dir)
CRASH_OPEN(openat64, (int dir, const char *path, int flags, ...), dir)

ssize_t write(int fd, const void *data, size_t size)
{
	if (cr_crash.nr_steps + 1 == cr_crash.at)
		syscall(SYS_write, fd, data, size / 2);
	if (inode_of(fd) || cr_crash.at || cr_crash.fail_at)
		if (fd > STDERR_FILENO && crash_step())
			return -1;
	wrote(fd);
	return syscall(SYS_write, fd, data, size);
}

#define CRASH_CALL(ret, name, params, before, number, ...)         \
	ret name params                                            \
	{                                                          \
		if (crash_step())                                  \
			return -1;                                 \
		before;                                            \
		long number_ = number;                             \
		long got_ = syscall(number_, __VA_ARGS__);         \
		return number_ == SYS_getpid ? 0 : (ret)got_;      \
	}

// clang-format off
CRASH_CALL(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t off), wrote(fd), SYS_pwrite64, fd, data, size, off)
CRASH_CALL(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t off), wrote(fd), SYS_pwrite64, fd, data, size, off)
CRASH_CALL(ssize_t, copy_file_range, (int from, off64_t *off, int to, off64_t *to_off, size_t size, unsigned flags), wrote(to), SYS_copy_file_range, from, off, to, to_off, size, flags)
CRASH_CALL(int, ftruncate, (int fd, off_t size), wrote(fd), SYS_ftruncate, fd, size)
CRASH_CALL(int, ftruncate64, (int fd, off64_t size), wrote(fd), SYS_ftruncate, fd, size)
CRASH_CALL(int, fsync, (int fd), clean(inode_of(fd)), cr_crash.watching ? SYS_getpid : SYS_fsync, fd)
CRASH_CALL(int, fdatasync, (int fd), clean(inode_of(fd)), cr_crash.watching ? SYS_getpid : SYS_fdatasync, fd)
CRASH_CALL(int, syncfs, (int fd), cr_crash.nr_dirty = 0, cr_crash.watching ? SYS_getpid : SYS_syncfs, fd)
CRASH_CALL(int, fchmod, (int fd, mode_t mode), (void)0, SYS_fchmod, fd, mode)
CRASH_CALL(int, fchown, (int fd, uid_t uid, gid_t gid), (void)0, SYS_fchown, fd, uid, gid)
CRASH_CALL(int, fsetxattr, (int fd, const char *name, const void *value, size_t size, int flags), (void)0, SYS_fsetxattr, fd, name, value, size, flags)
CRASH_CALL(int, mkdir, (const char *path, mode_t mode), (void)0, SYS_mkdirat, AT_FDCWD, path, mode)
CRASH_CALL(int, mkdirat, (int dir, const char *path, mode_t mode), made_name(dir, path), SYS_mkdirat, dir, path, mode)
CRASH_CALL(int, mknodat, (int dir, const char *path, mode_t mode, dev_t dev), made_name(dir, path), SYS_mknodat, dir, path, mode, dev)
CRASH_CALL(int, symlinkat, (const char *text, int dir, const char *path), made_name(dir, path), SYS_symlinkat, text, dir, path)
CRASH_CALL(int, linkat, (int from_dir, const char *from, int dir, const char *path, int flags), (made_name(dir, path), switching(dir, path)), SYS_linkat, from_dir, from, dir, path, flags)
CRASH_CALL(int, rename, (const char *from, const char *to), switching(AT_FDCWD, to), SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)
CRASH_CALL(int, renameat, (int from_dir, const char *from, int dir, const char *to), (made_name(dir, to), switching(dir, to)), SYS_renameat2, from_dir, from, dir, to, 0)
CRASH_CALL(int, renameat2, (int from_dir, const char *from, int dir, const char *to, unsigned flags), (made_name(dir, to), switching(dir, to)), SYS_renameat2, from_dir, from, dir, to, flags)
CRASH_CALL(int, unlink, (const char *path), removing(AT_FDCWD, path), SYS_unlinkat, AT_FDCWD, path, 0)
CRASH_CALL(int, unlinkat, (int dir, const char *path, int flags), removing(dir, path), SYS_unlinkat, dir, path, flags)
// clang-format on

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	va_start(ap, request);
	long arg = va_arg(ap, long);
	va_end(ap);
	if (request == FICLONE && crash_step())
		return -1;
	int status = (int)syscall(SYS_ioctl, fd, request, arg);
	if (request == FICLONE && !status)
		wrote(fd);
	return status;
}

#endif
