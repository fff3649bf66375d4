// SPDX-License-Identifier: MIT
#include "lib/base/source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"

#define SMALL_CAP 4096 /* a window is no smaller */

/* The window's first size bytes are unread. */
static void set_window(struct cr_source *src, size_t size)
{
	src->p = src->buf;
	src->end = src->buf + size;
	src->buf[size] = 0;
}

static struct cr_error *alloc_window(struct cr_source *src, size_t cap)
{
	src->buf = malloc(cap + 1);
	if (!src->buf)
		return cr_enomem;
	src->cap = cap;
	set_window(src, 0);
	return NULL;
}

/* Everything but the window. */
static struct cr_error *use_fd(struct cr_source *src, int fd, struct stat *st)
{
	if (fstat(fd, st))
		return cr_error_sys("fstat");
	if (S_ISDIR(st->st_mode))
		return cr_error_new(CR_ERR_USAGE, "is a directory");
	off_t pos = S_ISREG(st->st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
	if (pos >= 0) {
		src->seekable = true;
		src->fd_base = (uint64_t)pos;
	}
	return NULL;
}

/* A window for the file: a small one is read whole into as much as it needs,
 * which is one byte more, to see that it ends. */
static size_t window_for(const struct cr_source *src, const struct stat *st)
{
	uint64_t left = (uint64_t)st->st_size - src->fd_base;
	if (!src->seekable || left >= CR_SOURCE_CAP)
		return CR_SOURCE_CAP;
	return left < SMALL_CAP ? SMALL_CAP : (size_t)left + 1;
}

struct cr_error *cr_source_init_fd(struct cr_source *src, int fd)
{
	struct stat st;
	*src = (struct cr_source){ .fd = fd };
	struct cr_error *err = use_fd(src, fd, &st);
	return err ? err : alloc_window(src, window_for(src, &st));
}

struct cr_error *cr_source_reset_fd(struct cr_source *src, int fd)
{
	struct cr_source old = *src;
	if (src->owns_fd)
		close(src->fd);
	*src = (struct cr_source){
		.fd = fd,
		.buf = old.buf,
		.cap = old.cap,
		.count_lines = old.count_lines,
	};
	set_window(src, 0);
	struct stat st;
	struct cr_error *err = use_fd(src, fd, &st);
	if (err || src->cap >= window_for(src, &st))
		return err;
	free(cr_take_ptr(src->buf));
	return alloc_window(src, CR_SOURCE_CAP);
}

struct cr_error *cr_source_init_read(struct cr_source *src, size_t cap,
				     cr_source_read_fn *read, void *arg)
{
	*src = (struct cr_source){ .fd = -1, .read = read, .read_arg = arg };
	return alloc_window(src, cap);
}

void cr_source_init_mem(struct cr_source *src, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	*src = (struct cr_source){
		.p = bytes,
		.end = bytes + size,
		.end_off = size,
		.eof = true,
		.mem = bytes,
		.fd = -1,
		.seekable = true,
	};
}

void cr_source_deinit(struct cr_source *src)
{
	free(src->buf);
	src->buf = NULL;
	if (src->owns_fd)
		close(src->fd);
	src->owns_fd = false;
}

static uint64_t count_newlines(const uint8_t *p, const uint8_t *end)
{
	uint64_t nr = 0;
	for (; end - p >= 128; p += 128) {
		uint8_t n = 0;
		for (int i = 0; i < 128; i++)
			n += p[i] == '\n';
		nr += n;
	}
	for (; p < end; p++)
		nr += *p == '\n';
	return nr;
}

/* [from, p) leaves the window. */
static void leave(struct cr_source *src, const uint8_t *from)
{
	if (!src->count_lines)
		return;
	uint64_t nr = count_newlines(from, src->p);
	if (!nr)
		return;
	src->nr_lines += nr;
	const uint8_t *last =
		memrchr(from, '\n', (size_t)(src->p - from));
	src->line_off = src->end_off - (uint64_t)(src->end - last) + 1;
}

static struct cr_error *read_some(struct cr_source *src, uint8_t *to,
				  size_t size, size_t *n_ret)
{
	if (src->read)
		return src->read(src->read_arg, to, size, n_ret);
	ssize_t n;
	do {
		n = read(src->fd, to, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cr_error_sys("read");
	*n_ret = (size_t)n;
	return NULL;
}

/* What has been read leaves the window. */
static void drop_read(struct cr_source *src)
{
	leave(src, src->buf);
	size_t kept = cr_source_left(src);
	memmove(src->buf, src->p, kept);
	set_window(src, kept);
}

/* Who seeks often, for a message in an unusual order, takes little each time. */
#define SOUGHT_READ 4096

struct cr_error *cr_source_fill(struct cr_source *src, size_t size)
{
	if (src->eof)
		return NULL;

	drop_read(src);
	size_t kept = cr_source_left(src);
	while (kept < size && !src->eof) {
		size_t n, most = src->cap - kept;
		if (src->sought && size <= SOUGHT_READ && most > SOUGHT_READ)
			most = SOUGHT_READ;
		src->sought = false;
		struct cr_error *err =
			read_some(src, src->buf + kept, most, &n);
		if (err)
			return err;
		kept += n;
		src->end_off += n;
		src->eof = n == 0;
		set_window(src, kept);
	}
	return NULL;
}

static struct cr_error *cut(struct cr_source *src, uint64_t size,
			    const char *what)
{
	return cr_error_new(CR_ERR_FORMAT,
			    "byte %llu: %s needs %llu bytes, have %zu",
			    (unsigned long long)cr_source_tell(src), what,
			    (unsigned long long)size, cr_source_left(src));
}

struct cr_error *cr_source_must(struct cr_source *src, size_t size,
				const char *what)
{
	struct cr_error *err = cr_source_need(src, size);
	if (err)
		return err;
	if (cr_source_left(src) < size)
		return cut(src, size, what);
	return NULL;
}

struct cr_error *cr_source_bytes(struct cr_source *src, size_t size,
				 const char *what, uint8_t **copy_ret,
				 const uint8_t **data_ret)
{
	if (!src->buf || size <= src->cap) {
		struct cr_error *err = cr_source_must(src, size, what);
		*data_ret = src->p;
		src->p += err ? 0 : size;
		return err;
	}
	cr_auto_free uint8_t *copy = NULL;
	for (size_t have = 0, cap = src->cap; have < size;) {
		size_t n = size - have < src->cap ? size - have : src->cap;
		struct cr_error *err = cr_source_must(src, n, what);
		if (err)
			return err;
		cap = have + n > cap ? 2 * cap : cap;
		uint8_t *grown = realloc(copy, cap);
		if (!grown)
			return cr_enomem;
		copy = grown;
		memcpy(copy + have, src->p, n);
		src->p += n;
		have += n;
	}
	*data_ret = *copy_ret = cr_take_ptr(copy);
	return NULL;
}

struct cr_error *cr_source_skip(struct cr_source *src, uint64_t size,
				const char *what)
{
	if (size > cr_source_left(src) && src->seekable && src->buf) {
		if (!cr_source_may_have(src, size))
			return cut(src, size, what);
		return cr_source_seek(src, cr_source_tell(src) + size);
	}
	while (size) {
		struct cr_error *err = cr_source_need(src, 1);
		if (err)
			return err;
		size_t n = cr_source_left(src);
		if (!n)
			return cut(src, size, what);
		if (n > size)
			n = size;
		src->p += n;
		size -= n;
	}
	return NULL;
}

/* Everything from p on, buffered or not, into a file that takes fd's place. */
struct cr_error *cr_source_pin(struct cr_source *src)
{
	/* The lines up to here count, those that are copied do not yet. */
	if (src->count_lines)
		drop_read(src);
	uint64_t nr_lines = src->nr_lines, line_off = src->line_off;
	if (src->seekable)
		return NULL;

	cr_auto_close int fd = -1;
	struct cr_error *err = cr_io_tmpfile(&fd);
	if (err)
		return err;
	uint64_t start = cr_source_tell(src);
	for (;;) {
		err = cr_io_write(fd, src->p, cr_source_left(src));
		if (err)
			return cr_error_at(err, "temporary file");
		src->p = src->end;
		if (src->eof)
			break;
		err = cr_source_fill(src, 1);
		if (err)
			return err;
	}
	if (src->owns_fd)
		close(src->fd);
	src->fd = cr_take_fd(&fd);
	src->owns_fd = true;
	src->read = NULL;
	src->seekable = true;
	src->nr_lines = nr_lines;
	src->line_off = line_off;
	/* Modular: offset `start` stands at file position 0. */
	src->fd_base = 0 - start;
	set_window(src, 0);
	return cr_source_seek(src, start);
}

struct cr_error *cr_source_seek(struct cr_source *src, uint64_t off)
{
	if (src->mem) {
		uint64_t size = (uint64_t)(src->end - src->mem);
		src->p = src->mem + (off - (src->end_off - size));
		return NULL;
	}
	uint64_t first = src->end_off - (uint64_t)(src->end - src->buf);
	if (off >= first && off <= src->end_off && src->end > src->buf) {
		src->p = src->buf + (off - first);
		return NULL;
	}
	if (lseek(src->fd, (off_t)(src->fd_base + off), SEEK_SET) < 0)
		return cr_error_sys("lseek");
	set_window(src, 0);
	src->end_off = off;
	src->eof = false;
	src->sought = true;
	return NULL;
}

bool cr_source_may_have(const struct cr_source *src, uint64_t size)
{
	if (size <= cr_source_left(src))
		return true;
	if (src->eof)
		return false;
	struct stat st;
	if (!src->seekable || fstat(src->fd, &st))
		return true;
	uint64_t pos = src->fd_base + cr_source_tell(src);
	return (uint64_t)st.st_size >= pos &&
	       (uint64_t)st.st_size - pos >= size;
}
