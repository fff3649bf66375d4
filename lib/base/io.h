// SPDX-License-Identifier: MIT
/*
 * Whole reads and writes, temporary files, and replacing a file in one step.
 *
 * A file is replaced by writing a temporary one beside it, syncing that, and
 * renaming it over the target, so that whoever looks sees the old bytes or the
 * new ones and an error leaves the old ones. Sources: man 2 open (O_TMPFILE),
 * man 2 linkat, man 2 rename.
 */
#ifndef CR_LIB_BASE_IO_H
#define CR_LIB_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

/** Writes all of it; short writes and EINTR are dealt with. SYSTEM. */
struct cr_error *cr_io_write(int fd, const void *data, size_t size)
	CR_MUST_CHECK;

/** The same at a file offset. */
struct cr_error *cr_io_pwrite(int fd, const void *data, size_t size,
			      uint64_t off) CR_MUST_CHECK;

/** Reads exactly size bytes at off; an early end is a FORMAT error. */
struct cr_error *cr_io_pread(int fd, void *data, size_t size, uint64_t off)
	CR_MUST_CHECK;

/** Appends size bytes at off of one file to another's position. */
struct cr_error *cr_io_copy(int from, uint64_t off, uint64_t size, int to)
	CR_MUST_CHECK;

/**
 * Copies within the kernel, from one place of a file to one of another.
 * *done_ret is less than size where the kernel cannot, or the file ends; what is
 * left is the caller's. SYSTEM: writing failed.
 */
struct cr_error *cr_io_copy_range(int from, uint64_t off, uint64_t size, int to,
				  uint64_t to_off, uint64_t *done_ret)
	CR_MUST_CHECK;

/** An unlinked temporary file, close-on-exec. The caller closes *fd_ret. */
struct cr_error *cr_io_tmpfile(int *fd_ret) CR_MUST_CHECK;

/* A file about to be replaced. */
struct cr_replace {
	int fd;	     /* write here */
	int dir_fd;  /* where path begins; the caller's */
	char *path;  /* the target, links resolved */
	char *tmp;   /* a name to be removed, or NULL */
	bool direct; /* the target is a device or a pipe: no replacing */
};

/**
 * Opens a temporary file in path's directory, with the mode of the file that
 * stands there or, for a new one, `mode` less the umask. A target that exists
 * and is no regular file (/dev/null, a FIFO) is written in place. path is
 * relative to dir_fd (AT_FDCWD for the current directory).
 */
struct cr_error *cr_replace_open(struct cr_replace *rep, int dir_fd,
				 const char *path, mode_t mode) CR_MUST_CHECK;

/** Puts the new file in the old one's place; syncs it first if asked to. After
 * an error the old file stands; call cr_replace_close() in both cases. */
struct cr_error *cr_replace_commit(struct cr_replace *rep, bool sync)
	CR_MUST_CHECK;

/** Removes what was not committed. Accepts one that never opened. */
void cr_replace_close(struct cr_replace *rep);

#endif
