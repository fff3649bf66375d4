// SPDX-License-Identifier: MIT
/*
 * Buffered output that can still change what it has not finished.
 *
 * Bytes are appended at `cur`; everything between two cr_out_drain() calls (an
 * entry, say) may be patched, cut off or moved. While that part is small it
 * lives in the buffer. A writer that has made much of it calls cr_out_spill(),
 * which parks the buffer in the output file itself, if it is a file of ours, or
 * in an unlinked temporary one, so that memory stays constant however large the
 * unfinished part grows.
 *
 * Positions count from the start of the output.
 */
#ifndef CR_LIB_BASE_OUT_H
#define CR_LIB_BASE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/error.h"

/** Takes finished bytes; see cr_out_init_fn(). */
typedef struct cr_error *cr_out_write_fn(void *arg, const void *data,
					 size_t size);

struct cr_out {
	char *cur; /* the next byte goes here */
	char *lim; /* end of the buffer */
	char *buf;
	uint64_t base; /* position of buf[0] */

	int fd; /* -1: memory, or `write` */
	bool ours; /* position = file offset; may be read and rewritten */
	cr_out_write_fn *write;
	void *write_arg;
	bool failed;   /* an error came from writing, not from the caller */
	uint64_t done; /* positions before this are finished */
	int spool;     /* -1 or the file that holds [done, base) */
};

/* What a writer may gather before it drains or spills. */
#define CR_OUT_HIGH (128 * 1024)

/** Output to fd, which stays the caller's. `ours`: a new, empty regular file
 * opened for reading and writing, which nobody else looks at yet. */
struct cr_error *cr_out_init_fd(struct cr_out *out, int fd, bool ours)
	CR_MUST_CHECK;

/** Goes on with another file and the same buffer. What was not drained of the
 * one before is lost. */
struct cr_error *cr_out_reset_fd(struct cr_out *out, int fd, bool ours)
	CR_MUST_CHECK;

/** Output to a function. */
struct cr_error *cr_out_init_fn(struct cr_out *out, cr_out_write_fn *write,
				void *arg) CR_MUST_CHECK;

/** Output that stays in memory, [buf, cur). */
struct cr_error *cr_out_init_mem(struct cr_out *out) CR_MUST_CHECK;

/** Appends size bytes at off of a file, as finished ones, from file to file if
 * the output is one: without a way through user space, as a reflink where the
 * file system can. */
struct cr_error *cr_out_copy(struct cr_out *out, int fd, uint64_t off,
			     uint64_t size) CR_MUST_CHECK;

/** Frees the buffer; what was not drained is lost. Accepts a zeroed out. */
void cr_out_deinit(struct cr_out *out);

/** The slow half of cr_out_room(). NOMEM. */
struct cr_error *cr_out_grow(struct cr_out *out, size_t size) CR_MUST_CHECK;

/** Makes room for size bytes at cur. Pointers into the buffer change. */
static inline CR_MUST_CHECK struct cr_error *cr_out_room(struct cr_out *out,
							 size_t size)
{
	if (__builtin_expect((size_t)(out->lim - out->cur) >= size, 1))
		return NULL;
	return cr_out_grow(out, size);
}

static inline CR_MUST_CHECK struct cr_error *
cr_out_put(struct cr_out *out, const void *data, size_t size)
{
	struct cr_error *err = cr_out_room(out, size);
	if (err)
		return err;
	memcpy(out->cur, data, size);
	out->cur += size;
	return NULL;
}

static inline size_t cr_out_buffered(const struct cr_out *out)
{
	return (size_t)(out->cur - out->buf);
}

static inline uint64_t cr_out_tell(const struct cr_out *out)
{
	return out->base + cr_out_buffered(out);
}

/** All bytes so far are finished; writes them. */
struct cr_error *cr_out_flush(struct cr_out *out) CR_MUST_CHECK;

/** The same, but writes only if there are many. */
static inline CR_MUST_CHECK struct cr_error *cr_out_drain(struct cr_out *out)
{
	if (__builtin_expect(cr_out_buffered(out) < CR_OUT_HIGH, 1))
		return NULL;
	return cr_out_flush(out);
}

/** The slow half of cr_out_spill(). */
struct cr_error *cr_out_park(struct cr_out *out) CR_MUST_CHECK;

/** Parks the buffer if it is large, without finishing it. */
static inline CR_MUST_CHECK struct cr_error *cr_out_spill(struct cr_out *out)
{
	if (__builtin_expect(cr_out_buffered(out) < CR_OUT_HIGH, 1))
		return NULL;
	return cr_out_park(out);
}

/** The slow half of cr_out_patch(). */
struct cr_error *cr_out_patch_parked(struct cr_out *out, uint64_t pos,
				     const void *data, size_t size)
	CR_MUST_CHECK;

/** Overwrites unfinished bytes. */
static inline CR_MUST_CHECK struct cr_error *
cr_out_patch(struct cr_out *out, uint64_t pos, const void *data, size_t size)
{
	if (__builtin_expect(pos < out->base, 0))
		return cr_out_patch_parked(out, pos, data, size);
	memcpy(out->buf + (pos - out->base), data, size);
	return NULL;
}

/** Reads unfinished bytes back. */
struct cr_error *cr_out_peek(struct cr_out *out, uint64_t pos, void *data,
			     size_t size) CR_MUST_CHECK;

/** Moves the unfinished bytes [mid, end of output) in front of [pos, mid). */
struct cr_error *cr_out_rotate(struct cr_out *out, uint64_t pos, uint64_t mid)
	CR_MUST_CHECK;

/** Puts bytes in at an unfinished position. */
struct cr_error *cr_out_insert(struct cr_out *out, uint64_t pos,
			       const void *data, size_t size) CR_MUST_CHECK;

/** Cuts unfinished bytes off at pos. */
struct cr_error *cr_out_cut(struct cr_out *out, uint64_t pos) CR_MUST_CHECK;

#endif
