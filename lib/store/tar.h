// SPDX-License-Identifier: MIT
/*
 * A tar archive read from its start to its end: plain, or compressed by gzip,
 * zstd, xz or bzip2. Members are handed out as they come, nothing is judged or
 * kept; lib/store/archive.c does that.
 *
 * The reading is libarchive's; see lib/store/libarchive.h.
 *
 * Sources: man 3 libarchive, man 5 tar; RFC 1952, RFC 8878, the .xz and bzip2
 * formats for how they begin.
 */
#ifndef CR_LIB_STORE_TAR_H
#define CR_LIB_STORE_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct cr_tar;

enum cr_tar_kind {
	CR_TAR_FILE,
	CR_TAR_DIR,
	CR_TAR_SYMLINK,
	CR_TAR_HARDLINK,
	CR_TAR_OTHER, /* a device, a pipe, a socket */
};

#define CR_TAR_NOWHERE UINT64_MAX

/* A member; its texts live until the next one is asked for. */
struct cr_tar_member {
	enum cr_tar_kind kind;
	const char *name; /* as it stands there */
	const char *link; /* of the two kinds of link, else NULL */
	uint64_t size;	  /* with holes */
	int64_t mtime;
	uint64_t off; /* of its bytes in the file, or CR_TAR_NOWHERE if they
		       * do not stand there as they are */
};

/** True if the file begins as one of the compressed formats, or as a tar
 * archive with a magic does. Reads 512 bytes and loads nothing. */
bool cr_tar_likely(int fd);

/** How it is compressed: "gzip", "zstd", "xz", "bzip2"; NULL: not, or by something
 * that is not known. */
const char *cr_tar_filter(int fd);

/**
 * Begins to read. fd is a regular file of the caller's that outlives the tar;
 * its position is not used. UNSUPPORTED: libarchive, or its part for this
 * compression, is not there.
 */
struct cr_error *cr_tar_open(int fd, struct cr_tar **ret) CR_MUST_CHECK;

/** Accepts NULL. */
void cr_tar_close(struct cr_tar *tar);

/** True if the archive itself is no larger than what it expands to. */
bool cr_tar_is_plain(const struct cr_tar *tar);

/** Goes to the next member, over what is left of this one. *end_ret: there is
 * none. NOT_FOUND: not a tar archive; FORMAT: broken or cut off. */
struct cr_error *cr_tar_next(struct cr_tar *tar, struct cr_tar_member *ret,
			     bool *end_ret) CR_MUST_CHECK;

/** The next bytes of the member, holes as zeros; *n_ret 0 only at its end. */
struct cr_error *cr_tar_read(struct cr_tar *tar, void *data, size_t size,
			     size_t *n_ret) CR_MUST_CHECK;

/** What has been read so far, expanded. */
uint64_t cr_tar_expanded(const struct cr_tar *tar);

#endif
