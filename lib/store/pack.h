// SPDX-License-Identifier: MIT
/*
 * Compression taken off a file and put on again, as lib/store/tar.h names it. What
 * the bytes mean is not looked at. Without a filter bytes are passed on as they
 * are.
 *
 * Sources: man 3 libarchive (format raw), archive_write_filter.
 */
#ifndef CR_LIB_STORE_PACK_H
#define CR_LIB_STORE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct cr_unpack;
struct cr_pack;

/** Begins to read from the start of the caller's fd, which outlives it. filter:
 * NULL or what cr_tar_filter() says. UNSUPPORTED: libarchive, or its part for
 * this, is not there. */
struct cr_error *cr_unpack_open(int fd, const char *filter,
				struct cr_unpack **ret) CR_MUST_CHECK;

/** Up to size bytes; *n_ret less than size only at the end. */
struct cr_error *cr_unpack_read(struct cr_unpack *u, void *data, size_t size,
				size_t *n_ret) CR_MUST_CHECK;

/** Accepts NULL. */
void cr_unpack_close(struct cr_unpack *u);

/** Begins to write to fd, which outlives it, at its position. */
struct cr_error *cr_pack_open(int fd, const char *filter, struct cr_pack **ret)
	CR_MUST_CHECK;

struct cr_error *cr_pack_write(struct cr_pack *p, const void *data, size_t size)
	CR_MUST_CHECK;

/** Passes on size bytes. FORMAT: they end before. */
struct cr_error *cr_pack_copy(struct cr_pack *p, struct cr_unpack *u,
			      uint64_t size) CR_MUST_CHECK;

/** Writes what is still held back. */
struct cr_error *cr_pack_finish(struct cr_pack *p) CR_MUST_CHECK;

/** Accepts NULL. */
void cr_pack_close(struct cr_pack *p);

#endif
