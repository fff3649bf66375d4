// SPDX-License-Identifier: MIT
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/ops/core/parts.h"

/* What can be a hole. */
#define HOLE 4096

static const uint8_t zeros[HOLE];

/* Writes bytes that end at sink->off. */
static struct cr_error *write_out(struct cr_sink *sink, const void *data,
				  size_t size)
{
	if (sink->sparse)
		return cr_io_pwrite(sink->fd, data, size, sink->off - size);
	return cr_io_write(sink->fd, data, size);
}

static struct cr_error *flush(struct cr_sink *sink)
{
	size_t used = sink->used;
	sink->used = 0;
	return used ? write_out(sink, sink->buf, used) : NULL;
}

struct cr_error *cr_sink_put(struct cr_sink *sink, const void *data,
			     size_t size)
{
	struct cr_error *err = NULL;
	if (sink->fd >= 0 && size > CR_SINK_BUF - sink->used)
		err = flush(sink);
	if (err)
		return err;
	sink->off += size;
	if (sink->fd < 0)
		return NULL;
	if (size >= CR_SINK_BUF)
		return write_out(sink, data, size);
	memcpy(sink->buf + sink->used, data, size);
	sink->used += size;
	return NULL;
}

struct cr_error *cr_sink_zeros(struct cr_sink *sink, uint64_t size)
{
	struct cr_error *err = NULL;
	if (sink->fd >= 0 && sink->sparse && size >= HOLE)
		err = flush(sink);
	if (err)
		return err;
	if (sink->fd < 0 || (sink->sparse && size >= HOLE)) {
		sink->off += size;
		return NULL;
	}
	while (!err && size) {
		size_t n = size < HOLE ? (size_t)size : HOLE;
		err = cr_sink_put(sink, zeros, n);
		size -= n;
	}
	return err;
}

struct cr_error *cr_sink_align(struct cr_sink *sink, uint64_t to)
{
	return cr_sink_zeros(sink, -sink->off & (to - 1));
}

/* How many bytes from i on are zeros, or are not, in whole blocks. */
static size_t stretch(const uint8_t *data, size_t size, size_t i, bool zero)
{
	size_t start = i;
	for (; i < size; i += HOLE) {
		size_t n = size - i < HOLE ? size - i : HOLE;
		if (!memcmp(data + i, zeros, n) != zero)
			break;
	}
	return (i < size ? i : size) - start;
}

struct cr_error *cr_sink_put_sparse(struct cr_sink *sink, const uint8_t *data,
				    size_t size)
{
	struct cr_error *err = NULL;
	if (!sink->sparse)
		return cr_sink_put(sink, data, size);
	for (size_t i = 0; !err && i < size;) {
		size_t n = stretch(data, size, i, false);
		/* It would only be copied into the buffer. */
		err = n ? flush(sink) : NULL;
		sink->off += n;
		if (!err && n)
			err = write_out(sink, data + i, n);
		i += n;
		n = stretch(data, size, i, true);
		if (!err && n)
			err = cr_sink_zeros(sink, n);
		i += n;
	}
	return err;
}

struct cr_error *cr_sink_clone(struct cr_sink *sink, int fd, uint64_t off,
			       uint64_t size, bool *done_ret)
{
	struct file_clone_range range = {
		.src_fd = fd,
		.src_offset = off,
		.src_length = size,
		.dest_offset = sink->off,
	};
	*done_ret = false;
	if (!sink->sparse || sink->no_clone || !size ||
	    ((off | size | sink->off) & (HOLE - 1)))
		return NULL;
	struct cr_error *err = flush(sink);
	if (err)
		return err;
	if (ioctl(sink->fd, FICLONERANGE, &range)) {
		/* Copying will tell if it is more than that. */
		sink->no_clone = true;
		return NULL;
	}
	sink->off += size;
	*done_ret = true;
	return NULL;
}

struct cr_error *cr_sink_finish(struct cr_sink *sink)
{
	struct cr_error *err = flush(sink);
	if (!err && sink->sparse && ftruncate(sink->fd, (off_t)sink->off))
		err = cr_error_sys("ftruncate");
	return err;
}
