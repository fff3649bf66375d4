// SPDX-License-Identifier: MIT
/*
 * Buffered input with a window: bytes from a file, a pipe or memory, read in
 * order, with a look back where it is needed.
 *
 * The caller asks for bytes with cr_source_need() and then reads [p, end)
 * directly; memory stays constant whatever the input's size. A pipe can be made
 * seekable with cr_source_pin(), which copies what is left of it into an
 * unlinked temporary file. One NUL byte stands after `end`, so that a scanner
 * may stop at it instead of comparing pointers.
 *
 * Offsets count from where the input stood when the source was opened, and are
 * what error messages name.
 */
#ifndef CR_LIB_BASE_SOURCE_H
#define CR_LIB_BASE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

/** Reads up to size bytes; *n_ret 0 means the end. */
typedef struct cr_error *cr_source_read_fn(void *arg, void *data, size_t size,
					   size_t *n_ret);

struct cr_source {
	const uint8_t *p;   /* next unread byte */
	const uint8_t *end; /* end of what is buffered; *end is 0 */
	uint64_t end_off;   /* offset of end in the input */
	bool eof;	    /* nothing follows end */
	bool sought;	    /* nothing has been read since a seek */

	uint8_t *buf; /* NULL for memory */
	size_t cap;
	const uint8_t *mem; /* start of the bytes, for memory */

	int fd; /* -1 for memory and callbacks */
	bool owns_fd;
	bool seekable;
	uint64_t fd_base; /* file position of offset 0 */
	cr_source_read_fn *read;
	void *read_arg;

	/* Lines in what has left the window; only if count_lines is set. */
	bool count_lines;
	uint64_t nr_lines;
	uint64_t line_off; /* offset just after the last such newline */
};

/* Enough for every fast path, small enough to stay in the second cache. */
#define CR_SOURCE_CAP (256 * 1024)

/**
 * Reads from fd, which stays the caller's. Regular files are seekable from the
 * start. Fails with NOMEM or SYSTEM.
 */
struct cr_error *cr_source_init_fd(struct cr_source *src, int fd)
	CR_MUST_CHECK;

/** Goes on with another file and the same window. */
struct cr_error *cr_source_reset_fd(struct cr_source *src, int fd)
	CR_MUST_CHECK;

/** Reads through a callback with a window of cap bytes (at least 512). */
struct cr_error *cr_source_init_read(struct cr_source *src, size_t cap,
				     cr_source_read_fn *read, void *arg)
	CR_MUST_CHECK;

/** Reads size bytes at data, which must outlive the source. Cannot fail.
 * data[size] need not exist, unless a scanner relies on the closing NUL. */
void cr_source_init_mem(struct cr_source *src, const void *data, size_t size);

/** Accepts a zeroed source. */
void cr_source_deinit(struct cr_source *src);

static inline size_t cr_source_left(const struct cr_source *src)
{
	return (size_t)(src->end - src->p);
}

static inline uint64_t cr_source_tell(const struct cr_source *src)
{
	return src->end_off - cr_source_left(src);
}

/** The slow half of cr_source_need(). */
struct cr_error *cr_source_fill(struct cr_source *src, size_t size)
	CR_MUST_CHECK;

/**
 * Makes size bytes available at p, fewer only if the input ends before.
 * size is at most the window's capacity. Pointers into the window change.
 */
static inline CR_MUST_CHECK struct cr_error *
cr_source_need(struct cr_source *src, size_t size)
{
	if (__builtin_expect(cr_source_left(src) >= size, 1))
		return NULL;
	return cr_source_fill(src, size);
}

/**
 * As cr_source_need(), but an input that ends before is a FORMAT error that
 * says what was wanted ("the size word of the entry").
 */
struct cr_error *cr_source_must(struct cr_source *src, size_t size,
				const char *what) CR_MUST_CHECK;

/**
 * All of the next size bytes in one piece, passed over: in the window, valid
 * until the next call, or if they are more than it holds in *copy_ret, which
 * the caller frees. Memory is taken as the bytes come, not as size claims.
 */
struct cr_error *cr_source_bytes(struct cr_source *src, size_t size,
				 const char *what, uint8_t **copy_ret,
				 const uint8_t **data_ret) CR_MUST_CHECK;

/** Passes over size bytes; FORMAT if the input ends before. */
struct cr_error *cr_source_skip(struct cr_source *src, uint64_t size,
				const char *what) CR_MUST_CHECK;

/** Makes cr_source_seek() possible from here on. SYSTEM if there is no room. */
struct cr_error *cr_source_pin(struct cr_source *src) CR_MUST_CHECK;

/** Goes to an offset at or after the place where the source was pinned. */
struct cr_error *cr_source_seek(struct cr_source *src, uint64_t off)
	CR_MUST_CHECK;

/** True if at least size bytes follow; where the input's length is not known
 * (a pipe), true as well. */
bool cr_source_may_have(const struct cr_source *src, uint64_t size);

#endif
