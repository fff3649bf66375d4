// SPDX-License-Identifier: MIT
#include "lib/store/pack.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/store/libarchive.h"

#define FUNCTIONS(f)                              \
	f(archive_entry_free)                     \
	f(archive_entry_new)                      \
	f(archive_entry_set_filetype)             \
	f(archive_error_string)                   \
	f(archive_read_data)                      \
	f(archive_read_free)                      \
	f(archive_read_new)                       \
	f(archive_read_next_header)               \
	f(archive_read_open2)                     \
	f(archive_read_support_filter_bzip2)      \
	f(archive_read_support_filter_gzip)       \
	f(archive_read_support_filter_xz)         \
	f(archive_read_support_filter_zstd)       \
	f(archive_read_support_format_raw)        \
	f(archive_write_add_filter_by_name)       \
	f(archive_write_close)                    \
	f(archive_write_data)                     \
	f(archive_write_free)                     \
	f(archive_write_header)                   \
	f(archive_write_new)                      \
	f(archive_write_open)                     \
	f(archive_write_set_bytes_in_last_block)  \
	f(archive_write_set_filter_option)        \
	f(archive_write_set_format_raw)

struct functions {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

#define CHUNK (128 * 1024)

struct cr_unpack {
	struct functions f;
	struct archive *archive; /* NULL: as it is */
	int fd;
	uint64_t off;
	int io_errno;
	uint8_t buf[CHUNK];
};

struct cr_pack {
	struct functions f;
	struct archive *archive; /* NULL: as it is */
	int fd;
	int io_errno; /* of a write that failed */
	bool dropped; /* nobody wants what is still to come */
	uint8_t buf[CHUNK];
};

static struct cr_error *load(struct functions *f)
{
	static const struct cr_libarchive_row rows[] = {
#define ROW(name) { #name, offsetof(struct functions, name) },
		FUNCTIONS(ROW)
#undef ROW
		{ NULL },
	};
	return cr_libarchive_load(rows, f);
}

/* What libarchive says is wrong, as our errors are worded. */
static struct cr_error *failed(const struct functions *f, struct archive *a,
			       int io_errno, const char *doing)
{
	if (io_errno) {
		errno = io_errno;
		return cr_error_sys("%s", doing);
	}
	const char *said = f->archive_error_string(a);
	if (!said)
		said = "broken";
	return cr_error_new(CR_ERR_FORMAT, "%c%s",
			    tolower((unsigned char)said[0]), said + 1);
}

/* ---- reading ---- */

static ssize_t read_some(struct cr_unpack *u, void *data, size_t size)
{
	ssize_t n;
	do {
		n = pread(u->fd, data, size, (off_t)u->off);
	} while (n < 0 && errno == EINTR);
	u->off += n > 0 ? (uint64_t)n : 0;
	return n;
}

static la_ssize_t on_read(struct archive *a, void *arg, const void **buf_ret)
{
	struct cr_unpack *u = arg;
	ssize_t n = read_some(u, u->buf, sizeof(u->buf));
	if (n < 0) {
		u->io_errno = errno;
		return ARCHIVE_FATAL;
	}
	*buf_ret = u->buf;
	return n;
}

static int support(const struct functions *f, struct archive *a,
		   const char *filter)
{
	if (!strcmp(filter, "gzip"))
		return f->archive_read_support_filter_gzip(a);
	if (!strcmp(filter, "zstd"))
		return f->archive_read_support_filter_zstd(a);
	if (!strcmp(filter, "xz"))
		return f->archive_read_support_filter_xz(a);
	return f->archive_read_support_filter_bzip2(a);
}

static struct cr_error *begin_reading(struct cr_unpack *u, const char *filter)
{
	struct archive_entry *entry;
	struct cr_error *err = load(&u->f);
	if (err)
		return err;
	u->archive = u->f.archive_read_new();
	if (!u->archive)
		return cr_enomem;
	/* ARCHIVE_WARN: it would run a program of that name. */
	if (support(&u->f, u->archive, filter) != ARCHIVE_OK)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "compressed by %s, which this libarchive "
				    "cannot read",
				    filter);
	if (u->f.archive_read_support_format_raw(u->archive) != ARCHIVE_OK ||
	    u->f.archive_read_open2(u->archive, u, NULL, on_read, NULL, NULL) !=
		    ARCHIVE_OK ||
	    u->f.archive_read_next_header(u->archive, &entry) != ARCHIVE_OK)
		return failed(&u->f, u->archive, u->io_errno, "read");
	return NULL;
}

struct cr_error *cr_unpack_open(int fd, const char *filter,
				struct cr_unpack **ret)
{
	struct cr_unpack *u = calloc(1, sizeof(*u));
	if (!u)
		return cr_enomem;
	u->fd = fd;
	struct cr_error *err = filter ? begin_reading(u, filter) : NULL;
	if (err)
		cr_unpack_close(u);
	else
		*ret = u;
	return err;
}

struct cr_error *cr_unpack_read(struct cr_unpack *u, void *data, size_t size,
				size_t *n_ret)
{
	size_t have = 0;
	for (ssize_t n = 1; have < size && n; have += (size_t)n) {
		char *at = (char *)data + have;
		n = u->archive ? u->f.archive_read_data(u->archive, at,
							size - have) :
				 read_some(u, at, size - have);
		if (n < 0 && u->archive)
			return failed(&u->f, u->archive, u->io_errno, "read");
		if (n < 0)
			return cr_error_sys("read");
	}
	*n_ret = have;
	return NULL;
}

void cr_unpack_close(struct cr_unpack *u)
{
	if (!u)
		return;
	if (u->archive)
		u->f.archive_read_free(u->archive);
	free(u);
}

/* ---- writing ---- */

/* Always goes well for libarchive: after a failure it would not free all of what
 * its compressors hold. */
static la_ssize_t on_write(struct archive *a, void *arg, const void *data,
			   size_t size)
{
	struct cr_pack *p = arg;
	if (p->dropped || p->io_errno)
		return (la_ssize_t)size;
	struct cr_error *err = cr_io_write(p->fd, data, size);
	if (err)
		p->io_errno = cr_error_errno(err);
	cr_error_free(err);
	return (la_ssize_t)size;
}

static struct cr_error *begin_writing(struct cr_pack *p, const char *filter)
{
	struct cr_error *err = load(&p->f);
	if (err)
		return err;
	const struct functions *f = &p->f;
	p->archive = f->archive_write_new();
	struct archive_entry *entry = f->archive_entry_new();
	if (!p->archive || !entry) {
		f->archive_entry_free(entry);
		return cr_enomem;
	}
	f->archive_entry_set_filetype(entry, AE_IFREG);
	if (f->archive_write_add_filter_by_name(p->archive, filter) !=
	    ARCHIVE_OK)
		err = cr_error_new(CR_ERR_UNSUPPORTED,
				   "compressed by %s, which this libarchive "
				   "cannot write",
				   filter);
	/* The same bytes make the same file, whenever. */
	if (!err && !strcmp(filter, "gzip"))
		f->archive_write_set_filter_option(p->archive, filter,
						   "timestamp", NULL);
	if (!err &&
	    (f->archive_write_set_format_raw(p->archive) != ARCHIVE_OK ||
	     f->archive_write_set_bytes_in_last_block(p->archive, 1) !=
		     ARCHIVE_OK ||
	     f->archive_write_open(p->archive, p, NULL, on_write, NULL) !=
		     ARCHIVE_OK ||
	     f->archive_write_header(p->archive, entry) != ARCHIVE_OK))
		err = failed(f, p->archive, p->io_errno, "write");
	f->archive_entry_free(entry);
	return err;
}

struct cr_error *cr_pack_open(int fd, const char *filter, struct cr_pack **ret)
{
	struct cr_pack *p = calloc(1, sizeof(*p));
	if (!p)
		return cr_enomem;
	p->fd = fd;
	struct cr_error *err = filter ? begin_writing(p, filter) : NULL;
	if (err)
		cr_pack_close(p);
	else
		*ret = p;
	return err;
}

struct cr_error *cr_pack_write(struct cr_pack *p, const void *data, size_t size)
{
	if (!p->archive)
		return cr_io_write(p->fd, data, size);
	for (const char *at = data; size;) {
		la_ssize_t n = p->f.archive_write_data(p->archive, at, size);
		if (n <= 0 || p->io_errno)
			return failed(&p->f, p->archive, p->io_errno, "write");
		at += n;
		size -= (size_t)n;
	}
	return NULL;
}

/* Copied by the kernel, as far as it can. */
static void copy_in_kernel(struct cr_pack *p, struct cr_unpack *u,
			   uint64_t *size)
{
	loff_t off = (loff_t)u->off;
	ssize_t n = 1;
	while (*size && n > 0) {
		n = copy_file_range(u->fd, &off, p->fd, NULL,
				    *size < CHUNK * 1024ull ? (size_t)*size :
							      CHUNK * 1024,
				    0);
		*size -= n > 0 ? (uint64_t)n : 0;
	}
	u->off = (uint64_t)off;
}

struct cr_error *cr_pack_copy(struct cr_pack *p, struct cr_unpack *u,
			      uint64_t size)
{
	if (!p->archive && !u->archive && size > CHUNK)
		copy_in_kernel(p, u, &size);
	while (size) {
		size_t n = size < CHUNK ? (size_t)size : CHUNK, got;
		struct cr_error *err = cr_unpack_read(u, p->buf, n, &got);
		if (!err && got < n)
			err = cr_error_new(CR_ERR_FORMAT,
					   "the archive ends within a member");
		if (!err)
			err = cr_pack_write(p, p->buf, n);
		if (err)
			return err;
		size -= n;
	}
	return NULL;
}

struct cr_error *cr_pack_finish(struct cr_pack *p)
{
	if (p->archive &&
	    (p->f.archive_write_close(p->archive) != ARCHIVE_OK || p->io_errno))
		return failed(&p->f, p->archive, p->io_errno, "write");
	return NULL;
}

void cr_pack_close(struct cr_pack *p)
{
	if (!p)
		return;
	/* Freeing writes the end of one that has not been finished. */
	p->dropped = true;
	if (p->archive)
		p->f.archive_write_free(p->archive);
	free(p);
}
