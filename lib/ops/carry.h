// SPDX-License-Identifier: MIT
/*
 * Files carried over from one directory to another: shared with the old one
 * where the file system can, and with everything that belongs to a file but its
 * bytes. Also removing whole directories.
 *
 * Nothing is read through a link. Files are named within open directories.
 *
 * Sources: man 2 ioctl_ficlone, copy_file_range, linkat; man 7 xattr.
 */
#ifndef CR_LIB_OPS_CARRY_H
#define CR_LIB_OPS_CARRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/error.h"

/* Directories within each other. */
#define CR_CARRY_DEPTH 16

/** A new file that only its owner can read, open for reading and writing. */
struct cr_error *cr_carry_create(int dir, const char *name, int *fd_ret)
	CR_MUST_CHECK;

/** Appends all bytes of a file to an empty one: as a reflink, or copied by the
 * kernel, or by hand. */
struct cr_error *cr_carry_bytes(int from, int to) CR_MUST_CHECK;

/** Gives a file or directory the owner, extended attributes and mode of another.
 * An owner that may not be given is not; what its group could do is taken away
 * then. */
struct cr_error *cr_carry_attributes(int from, const struct stat *st, int to)
	CR_MUST_CHECK;

/**
 * Carries over a name of any kind but a directory: as a reflink, else a hard
 * link, else a copy; `link`: the hard link comes first. *copied_ret (may be
 * NULL) is set if there is new data, that is not synced.
 */
struct cr_error *cr_carry_name(int from_dir, const char *from, int to_dir,
			       const char *to, bool link, bool *copied_ret)
	CR_MUST_CHECK;

/** The same for a directory and everything in it. USAGE if `not_in` (may be NULL)
 * is in it, which is where to_dir leads. */
struct cr_error *cr_carry_dir(int from_dir, const char *from, int to_dir,
			      const char *to, bool link,
			      const struct stat *not_in, bool *copied_ret)
	CR_MUST_CHECK;

/** Removes a file or a directory with what is in it, as far as that goes. */
void cr_carry_remove(int dir, const char *name);

#endif
