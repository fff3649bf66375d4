// SPDX-License-Identifier: MIT
#include "lib/store/tar.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "lib/base/cleanup.h"
#include "lib/store/libarchive.h"

/* Every function that is used of libarchive. */
#define FUNCTIONS(f)                        \
	f(archive_entry_filetype)           \
	f(archive_entry_hardlink)           \
	f(archive_entry_hardlink_utf8)      \
	f(archive_entry_mtime)              \
	f(archive_entry_pathname)           \
	f(archive_entry_pathname_utf8)      \
	f(archive_entry_size)               \
	f(archive_entry_sparse_count)       \
	f(archive_entry_symlink)            \
	f(archive_entry_symlink_utf8)       \
	f(archive_errno)                    \
	f(archive_error_string)             \
	f(archive_filter_bytes)             \
	f(archive_read_data)                \
	f(archive_read_free)                \
	f(archive_read_new)                 \
	f(archive_read_next_header)         \
	f(archive_read_open2)               \
	f(archive_read_support_filter_bzip2) \
	f(archive_read_support_filter_gzip) \
	f(archive_read_support_filter_xz)   \
	f(archive_read_support_filter_zstd) \
	f(archive_read_support_format_tar)

struct functions {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

struct cr_tar {
	struct functions f;
	struct archive *archive;
	const char *filter; /* NULL: plain */
	bool started;

	int fd;
	uint64_t off, size; /* of the file */
	int io_errno;	    /* of a read that failed */
	bool beyond;	    /* asked to skip over the end */
	uint8_t buf[128 * 1024];
};

/* ---- what the file is ---- */

struct filter {
	const char *name;
	size_t size;
	const char *magic;
	size_t off; /* of the function in struct functions */
};

#define FILTER(name) \
	offsetof(struct functions, archive_read_support_filter_##name)

// clang-format off
static const struct filter filters[] = {
	{ "gzip",  3, "\x1f\x8b\x08",     FILTER(gzip) },
	{ "zstd",  4, "\x28\xb5\x2f\xfd", FILTER(zstd) },
	{ "xz",    6, "\xfd" "7zXZ",      FILTER(xz) },
	{ "bzip2", 3, "BZh",              FILTER(bzip2) },
	{ NULL },
};
// clang-format on

/* man 5 tar: where the magic of ustar and of GNU tar stands. */
#define USTAR_OFF 257

static bool is_ustar(const uint8_t *head, size_t size)
{
	return size >= USTAR_OFF + 5 && !memcmp(head + USTAR_OFF, "ustar", 5);
}

/* Half of a tar archive's first member's name may look like anything. */
static const struct filter *find_filter(const uint8_t *head, size_t size)
{
	const struct filter *f = filters;
	while (f->name &&
	       (size < f->size || memcmp(head, f->magic, f->size)))
		f++;
	return f->name && !is_ustar(head, size) ? f : NULL;
}

static size_t read_head(int fd, uint8_t head[512])
{
	ssize_t n = pread(fd, head, 512, 0);
	return n < 0 ? 0 : (size_t)n;
}

const char *cr_tar_filter(int fd)
{
	uint8_t head[512];
	const struct filter *f = find_filter(head, read_head(fd, head));
	return f ? f->name : NULL;
}

bool cr_tar_likely(int fd)
{
	uint8_t head[512];
	size_t size = read_head(fd, head);
	return is_ustar(head, size) || find_filter(head, size);
}

static struct cr_error *load(struct cr_tar *tar)
{
	static const struct cr_libarchive_row rows[] = {
#define ROW(name) { #name, offsetof(struct functions, name) },
		FUNCTIONS(ROW)
#undef ROW
		{ NULL },
	};
	return cr_libarchive_load(rows, &tar->f);
}

/* ---- the file as libarchive reads it ---- */

static la_ssize_t on_read(struct archive *a, void *arg, const void **buf_ret)
{
	struct cr_tar *tar = arg;
	ssize_t n;
	do {
		n = pread(tar->fd, tar->buf, sizeof(tar->buf),
			  (off_t)tar->off);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		tar->io_errno = errno;
		return ARCHIVE_FATAL;
	}
	tar->off += (uint64_t)n;
	*buf_ret = tar->buf;
	return n;
}

static la_int64_t on_skip(struct archive *a, void *arg, la_int64_t request)
{
	struct cr_tar *tar = arg;
	uint64_t left = tar->off < tar->size ? tar->size - tar->off : 0;
	uint64_t n = (uint64_t)request;
	if (n > left) {
		tar->beyond = true;
		n = left;
	}
	tar->off += n;
	return (la_int64_t)n;
}

/* ---- opening ---- */

static struct cr_error *use_filter(struct cr_tar *tar, const struct filter *f)
{
	int (*support)(struct archive *);
	memcpy(&support, (char *)&tar->f + f->off, sizeof(support));
	/* ARCHIVE_WARN: it would run a program of that name. */
	if (support(tar->archive) != ARCHIVE_OK)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "compressed by %s, which this libarchive "
				    "cannot read",
				    f->name);
	tar->filter = f->name;
	return NULL;
}

static struct cr_error *begin(struct cr_tar *tar)
{
	uint8_t head[512];
	const struct filter *f = find_filter(head, read_head(tar->fd, head));
	struct cr_error *err = load(tar);
	if (err)
		return err;
	tar->archive = tar->f.archive_read_new();
	if (!tar->archive)
		return cr_enomem;
	if (f)
		err = use_filter(tar, f);
	if (err)
		return err;
	if (tar->f.archive_read_support_format_tar(tar->archive) != ARCHIVE_OK)
		return cr_enomem;
	return NULL;
}

struct cr_error *cr_tar_open(int fd, struct cr_tar **ret)
{
	struct stat st;
	if (fstat(fd, &st))
		return cr_error_sys("cannot open");
	struct cr_tar *tar = calloc(1, sizeof(*tar));
	if (!tar)
		return cr_enomem;
	tar->fd = fd;
	tar->size = (uint64_t)st.st_size;
	struct cr_error *err = begin(tar);
	if (err) {
		cr_tar_close(tar);
		return err;
	}
	*ret = tar;
	return NULL;
}

void cr_tar_close(struct cr_tar *tar)
{
	if (!tar)
		return;
	if (tar->archive)
		tar->f.archive_read_free(tar->archive);
	free(tar);
}

bool cr_tar_is_plain(const struct cr_tar *tar)
{
	return !tar->filter;
}

uint64_t cr_tar_expanded(const struct cr_tar *tar)
{
	la_int64_t n = tar->f.archive_filter_bytes(tar->archive, 0);
	return n < 0 ? 0 : (uint64_t)n;
}

/* ---- reading ---- */

/* What libarchive says is wrong, as our errors are worded. */
static struct cr_error *failed(struct cr_tar *tar)
{
	if (tar->io_errno) {
		errno = tar->io_errno;
		return cr_error_sys("read");
	}
	const char *said = tar->f.archive_error_string(tar->archive);
	if (!said)
		said = "broken";
	return cr_error_new(CR_ERR_FORMAT, "byte %llu%s: %c%s",
			    (unsigned long long)cr_tar_expanded(tar),
			    tar->filter ? " expanded" : "",
			    tolower((unsigned char)said[0]), said + 1);
}

static struct cr_error *cut_off(struct cr_tar *tar)
{
	return cr_error_new(CR_ERR_FORMAT,
			    "byte %llu: the archive ends within a member",
			    (unsigned long long)tar->size);
}

static enum cr_tar_kind kind_of(unsigned filetype)
{
	switch (filetype) {
	case AE_IFREG:
		return CR_TAR_FILE;
	case AE_IFDIR:
		return CR_TAR_DIR;
	case AE_IFLNK:
		return CR_TAR_SYMLINK;
	default:
		return CR_TAR_OTHER;
	}
}

/* man 5 tar: the sum of the header's bytes, its own eight counted as blanks. */
static bool is_header(const uint8_t head[512])
{
	unsigned long sum = 8 * ' ';
	for (int i = 0; i < 512; i++)
		sum += i < 148 || i >= 156 ? head[i] : 0;
	char text[9] = { 0 };
	memcpy(text, head + 148, 8);
	return strtoul(text, NULL, 8) == sum;
}

/* Where the member's bytes begin: just behind its header, or nowhere. That
 * libarchive stands there now is how it is made, not what it promises. */
static uint64_t place(struct cr_tar *tar)
{
	uint8_t head[512];
	uint64_t off = cr_tar_expanded(tar);
	if (off < sizeof(head) ||
	    pread(tar->fd, head, sizeof(head), (off_t)(off - sizeof(head))) !=
		    (ssize_t)sizeof(head) ||
	    !is_header(head))
		return CR_TAR_NOWHERE;
	return off;
}

/* Names are bytes; where they were stored as UTF-8 that the locale cannot say,
 * libarchive has them in a second form only. */
static void describe(struct cr_tar *tar, struct archive_entry *e,
		     struct cr_tar_member *m)
{
	const struct functions *f = &tar->f;
	la_int64_t size = f->archive_entry_size(e);
	*m = (struct cr_tar_member){
		.kind = kind_of(f->archive_entry_filetype(e)),
		.name = f->archive_entry_pathname(e) ?:
				f->archive_entry_pathname_utf8(e),
		.size = size > 0 ? (uint64_t)size : 0,
		.mtime = f->archive_entry_mtime(e),
		.off = CR_TAR_NOWHERE,
	};
	const char *hard = f->archive_entry_hardlink(e) ?:
				   f->archive_entry_hardlink_utf8(e);
	if (hard)
		m->kind = CR_TAR_HARDLINK;
	m->link = hard;
	if (m->kind == CR_TAR_SYMLINK)
		m->link = f->archive_entry_symlink(e) ?:
				  f->archive_entry_symlink_utf8(e);
	if (m->kind == CR_TAR_FILE && !tar->filter &&
	    !f->archive_entry_sparse_count(e))
		m->off = place(tar);
}

static struct cr_error *next(struct cr_tar *tar, struct cr_tar_member *ret,
			     bool *end_ret)
{
	struct archive_entry *entry;
	int status = tar->f.archive_read_next_header(tar->archive, &entry);
	if (tar->beyond)
		return cut_off(tar);
	if (status == ARCHIVE_EOF) {
		*end_ret = true;
		return NULL;
	}
	if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
		return failed(tar);
	describe(tar, entry, ret);
	if (ret->off != CR_TAR_NOWHERE &&
	    (ret->off > tar->size || ret->size > tar->size - ret->off))
		return cut_off(tar);
	*end_ret = false;
	return NULL;
}

static struct cr_error *start(struct cr_tar *tar)
{
	tar->started = true;
	if (!tar->size)
		return cr_error_new(CR_ERR_NOT_FOUND, "the file is empty");
	int status = tar->f.archive_read_open2(tar->archive, tar, NULL,
					       on_read, on_skip, NULL);
	return status == ARCHIVE_OK || status == ARCHIVE_WARN ? NULL :
								failed(tar);
}

/* ARCHIVE_ERRNO_FILE_FORMAT, which only libarchive's own source can see. */
#define FILE_FORMAT EILSEQ

/* A first member that is none: the file is something else altogether. */
static struct cr_error *not_tar(struct cr_tar *tar, struct cr_error *err)
{
	if (cr_error_code(err) != CR_ERR_FORMAT || cr_tar_expanded(tar) ||
	    (tar->filter &&
	     tar->f.archive_errno(tar->archive) != FILE_FORMAT))
		return err;
	cr_error_free(err);
	if (tar->filter)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "compressed by %s, but no tar archive",
				    tar->filter);
	return cr_error_new(CR_ERR_NOT_FOUND,
			    "neither a directory nor a tar archive");
}

struct cr_error *cr_tar_next(struct cr_tar *tar, struct cr_tar_member *ret,
			     bool *end_ret)
{
	if (tar->started)
		return next(tar, ret, end_ret);
	struct cr_error *err = start(tar);
	if (!err)
		err = next(tar, ret, end_ret);
	return err ? not_tar(tar, err) : NULL;
}

struct cr_error *cr_tar_read(struct cr_tar *tar, void *data, size_t size,
			     size_t *n_ret)
{
	la_ssize_t n;
	do {
		n = tar->f.archive_read_data(tar->archive, data, size);
	} while (n == ARCHIVE_RETRY);
	if (n < 0)
		return failed(tar);
	*n_ret = (size_t)n;
	return NULL;
}
