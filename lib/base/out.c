// SPDX-License-Identifier: MIT
#include "lib/base/out.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"

/* What goes to memory or to a function is mostly short: an escape, a text. */
#define FILE_CAP  (CR_OUT_HIGH + CR_OUT_HIGH / 2)
#define SMALL_CAP 1024

static struct cr_error *init(struct cr_out *out, size_t cap)
{
	out->spool = -1;
	out->buf = malloc(cap);
	if (!out->buf)
		return cr_enomem;
	out->cur = out->buf;
	out->lim = out->buf + cap;
	return NULL;
}

struct cr_error *cr_out_init_fd(struct cr_out *out, int fd, bool ours)
{
	*out = (struct cr_out){ .fd = fd, .ours = ours };
	return init(out, FILE_CAP);
}

struct cr_error *cr_out_reset_fd(struct cr_out *out, int fd, bool ours)
{
	struct cr_out old = *out;
	if (old.spool >= 0 && ftruncate(old.spool, 0))
		return cr_error_sys("ftruncate");
	*out = (struct cr_out){
		.fd = fd,
		.ours = ours,
		.buf = old.buf,
		.cur = old.buf,
		.lim = old.lim,
		.spool = old.spool,
	};
	return NULL;
}

struct cr_error *cr_out_init_fn(struct cr_out *out, cr_out_write_fn *write,
				void *arg)
{
	*out = (struct cr_out){ .fd = -1, .write = write, .write_arg = arg };
	return init(out, SMALL_CAP);
}

struct cr_error *cr_out_init_mem(struct cr_out *out)
{
	*out = (struct cr_out){ .fd = -1 };
	return init(out, SMALL_CAP);
}

void cr_out_deinit(struct cr_out *out)
{
	if (out->buf && out->spool >= 0)
		close(out->spool);
	free(out->buf);
	*out = (struct cr_out){ .fd = -1, .spool = -1 };
}

struct cr_error *cr_out_grow(struct cr_out *out, size_t size)
{
	size_t len = cr_out_buffered(out);
	size_t cap = (size_t)(out->lim - out->buf);
	size_t want;
	if (__builtin_add_overflow(len, size, &want))
		return cr_enomem;
	while (cap < want)
		if (__builtin_mul_overflow(cap, 2, &cap))
			return cr_enomem;
	char *buf = realloc(out->buf, cap);
	if (!buf)
		return cr_enomem;
	out->buf = buf;
	out->cur = buf + len;
	out->lim = buf + cap;
	return NULL;
}

static bool in_memory(const struct cr_out *out)
{
	return out->fd < 0 && !out->write;
}

static struct cr_error *write_out(struct cr_out *out, const void *data,
				  size_t size)
{
	if (out->write)
		return out->write(out->write_arg, data, size);
	return cr_io_write(out->fd, data, size);
}

/* What was spilled to a file that is not the output goes there now. */
static struct cr_error *unspool(struct cr_out *out)
{
	char chunk[16 * 1024];
	uint64_t size = out->base - out->done;
	for (uint64_t off = 0; off < size;) {
		size_t n = size - off < sizeof(chunk) ? (size_t)(size - off) :
							sizeof(chunk);
		struct cr_error *err = cr_io_pread(out->spool, chunk, n, off);
		if (!err)
			err = write_out(out, chunk, n);
		if (err)
			return err;
		off += n;
	}
	if (size && ftruncate(out->spool, 0))
		return cr_error_sys("ftruncate");
	out->done = out->base;
	return NULL;
}

struct cr_error *cr_out_flush(struct cr_out *out)
{
	if (in_memory(out))
		return NULL;
	struct cr_error *err = NULL;
	if (out->ours)
		err = cr_io_pwrite(out->fd, out->buf, cr_out_buffered(out),
				   out->base);
	else
		err = out->spool >= 0 ? unspool(out) : NULL;
	if (!err && !out->ours)
		err = write_out(out, out->buf, cr_out_buffered(out));
	out->failed |= err != NULL;
	if (err)
		return err;
	out->base += cr_out_buffered(out);
	out->done = out->base;
	out->cur = out->buf;
	return NULL;
}

/* Through the buffer. */
static struct cr_error *copy_through(struct cr_out *out, int fd, uint64_t off,
				     uint64_t size)
{
	struct cr_error *err = NULL;
	while (!err && size) {
		size_t n = size < CR_OUT_HIGH ? (size_t)size : CR_OUT_HIGH;
		err = cr_out_room(out, n);
		if (!err)
			err = cr_io_pread(fd, out->cur, n, off);
		if (err)
			return err;
		out->cur += n;
		off += n;
		size -= n;
		err = cr_out_drain(out);
	}
	return err;
}

struct cr_error *cr_out_copy(struct cr_out *out, int fd, uint64_t off,
			     uint64_t size)
{
	uint64_t done = 0;
	if (!out->ours || size < CR_OUT_HIGH)
		return copy_through(out, fd, off, size);
	struct cr_error *err = cr_out_flush(out);
	if (!err)
		err = cr_io_copy_range(fd, off, size, out->fd, out->base,
				       &done);
	out->base += done;
	out->done = out->base;
	out->failed |= err != NULL;
	return err ? err : copy_through(out, fd, off + done, size - done);
}

/* Position of the first byte of the backing file. */
static uint64_t parked_base(const struct cr_out *out)
{
	return out->ours ? 0 : out->done;
}

static int parked_fd(const struct cr_out *out)
{
	return out->ours ? out->fd : out->spool;
}

struct cr_error *cr_out_park(struct cr_out *out)
{
	if (in_memory(out))
		return NULL;
	if (!out->ours && out->spool < 0) {
		struct cr_error *err = cr_io_tmpfile(&out->spool);
		if (err)
			return err;
	}
	struct cr_error *err =
		cr_io_pwrite(parked_fd(out), out->buf, cr_out_buffered(out),
			     out->base - parked_base(out));
	out->failed |= err != NULL;
	if (err)
		return err;
	out->base += cr_out_buffered(out);
	out->cur = out->buf;
	return NULL;
}

/* The part of [pos, pos + size) that is parked. */
static size_t parked_part(const struct cr_out *out, uint64_t pos, size_t size)
{
	if (pos >= out->base)
		return 0;
	return out->base - pos < size ? (size_t)(out->base - pos) : size;
}

struct cr_error *cr_out_patch_parked(struct cr_out *out, uint64_t pos,
				     const void *data, size_t size)
{
	size_t parked = parked_part(out, pos, size);
	if (parked) {
		struct cr_error *err = cr_io_pwrite(
			parked_fd(out), data, parked, pos - parked_base(out));
		if (err)
			return err;
	}
	if (size > parked)
		memcpy(out->buf + (pos + parked - out->base),
		       (const char *)data + parked, size - parked);
	return NULL;
}

struct cr_error *cr_out_peek(struct cr_out *out, uint64_t pos, void *data,
			     size_t size)
{
	size_t parked = parked_part(out, pos, size);
	if (parked) {
		struct cr_error *err = cr_io_pread(
			parked_fd(out), data, parked, pos - parked_base(out));
		if (err)
			return err;
	}
	if (size > parked)
		memcpy((char *)data + parked,
		       out->buf + (pos + parked - out->base), size - parked);
	return NULL;
}

static void reverse(char *p, size_t size)
{
	for (size_t i = 0, j = size; i + 1 < j; i++) {
		char c = p[i];
		p[i] = p[--j];
		p[j] = c;
	}
}

/* Reverses a parked range, a chunk from each end at a time. */
static struct cr_error *reverse_parked(struct cr_out *out, uint64_t pos,
				       uint64_t end)
{
	char a[8192], b[8192];
	while (end - pos > 1) {
		uint64_t half = (end - pos) / 2;
		size_t n = half < sizeof(a) ? (size_t)half : sizeof(a);
		struct cr_error *err = cr_out_peek(out, pos, a, n);
		if (!err)
			err = cr_out_peek(out, end - n, b, n);
		if (err)
			return err;
		reverse(a, n);
		reverse(b, n);
		err = cr_out_patch(out, pos, b, n);
		if (!err)
			err = cr_out_patch(out, end - n, a, n);
		if (err)
			return err;
		pos += n;
		end -= n;
	}
	return NULL;
}

/* In the buffer: the shorter side goes through a small copy if it fits. */
static void rotate_buffered(char *p, char *mid, char *end)
{
	char small[64];
	size_t head = (size_t)(mid - p), tail = (size_t)(end - mid);
	if (tail <= sizeof(small)) {
		memcpy(small, mid, tail);
		memmove(p + tail, p, head);
		memcpy(p, small, tail);
		return;
	}
	reverse(p, head);
	reverse(mid, tail);
	reverse(p, head + tail);
}

struct cr_error *cr_out_rotate(struct cr_out *out, uint64_t pos, uint64_t mid)
{
	uint64_t end = cr_out_tell(out);
	if (pos == mid || mid == end)
		return NULL;
	if (pos >= out->base) {
		rotate_buffered(out->buf + (pos - out->base),
				out->buf + (mid - out->base), out->cur);
		return NULL;
	}
	struct cr_error *err = reverse_parked(out, pos, mid);
	if (!err)
		err = reverse_parked(out, mid, end);
	if (!err)
		err = reverse_parked(out, pos, end);
	return err;
}

struct cr_error *cr_out_insert(struct cr_out *out, uint64_t pos,
			       const void *data, size_t size)
{
	uint64_t mid = cr_out_tell(out);
	struct cr_error *err = cr_out_put(out, data, size);
	if (err)
		return err;
	return cr_out_rotate(out, pos, mid);
}

struct cr_error *cr_out_cut(struct cr_out *out, uint64_t pos)
{
	if (pos >= out->base) {
		out->cur = out->buf + (pos - out->base);
		return NULL;
	}
	if (ftruncate(parked_fd(out), (off_t)(pos - parked_base(out))))
		return cr_error_sys("ftruncate");
	out->base = pos;
	out->cur = out->buf;
	return NULL;
}
