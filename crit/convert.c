// SPDX-License-Identifier: MIT
#include "crit/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/store/store.h"

/* When the line was last written; nothing in the first second. */
struct progress {
	struct timespec last;
	bool shown;
};

static double seconds_since(const struct timespec *then)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) +
	       1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

static void show_progress(void *arg, const struct cr_convert_progress *at)
{
	struct progress *p = arg;
	if (seconds_since(&p->last) < (p->shown ? 0.1 : 1))
		return;
	clock_gettime(CLOCK_MONOTONIC, &p->last);
	p->shown = true;
	fprintf(stderr, "\r%llu of %llu files, %.1f MB\033[K",
		(unsigned long long)at->files_done,
		(unsigned long long)at->nr_files,
		(double)at->bytes_done / 1e6);
	fflush(stderr);
}

static struct cr_error *convert_dir(struct cr_convert *c, const char *in,
				    const char *out)
{
	struct progress progress = { .shown = false };
	if (!out)
		return cr_error_new(CR_ERR_USAGE,
				    "%s is a directory: 'crit %s %s -o NEW' "
				    "makes NEW from it",
				    in,
				    c->to == CR_TO_JSON ? "decode" : "encode",
				    in);
	clock_gettime(CLOCK_MONOTONIC, &progress.last);
	if (isatty(STDERR_FILENO)) {
		c->progress = show_progress;
		c->progress_arg = &progress;
	}
	struct cr_error *err = cr_convert_dir(c, in, out);
	if (progress.shown)
		fputs("\r\033[K", stderr);
	return err;
}

char *cr_crit_slash_behind_file(char *path)
{
	for (char *p = path + 1; *p && (p = strchr(p, '/')); p++) {
		struct stat st;
		*p = 0;
		bool found = !stat(path, &st) && S_ISREG(st.st_mode);
		*p = '/';
		if (found)
			return p;
	}
	return NULL;
}

/* What a decoder reads needs a file of its own; a small one is only memory. */
static struct cr_error *copy_member(struct cr_file *file, int *fd_ret)
{
	cr_auto_close int fd = -1;
	struct cr_error *err = NULL;
	char chunk[64 * 1024];
	if (file->size <= 64 * 1024 * 1024)
		fd = memfd_create("crit", MFD_CLOEXEC);
	if (fd < 0)
		err = cr_io_tmpfile(&fd);
	for (uint64_t off = 0; !err && off < file->size;) {
		uint64_t left = file->size - off;
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		err = cr_file_read(file, chunk, n, off);
		if (!err)
			err = cr_io_write(fd, chunk, n);
		off += n;
	}
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = cr_error_sys("lseek");
	*fd_ret = err ? -1 : cr_take_fd(&fd);
	return err;
}

/* A file in an archive: named from where the images are, or from the top. */
static struct cr_error *open_member(const struct cr_verb_call *call,
				    const char *archive, const char *name,
				    int *fd_ret)
{
	struct cr_store *store;
	struct cr_file file;
	*fd_ret = -1;
	struct cr_error *err = cr_store_open_limited(
		archive, &call->global->limits, &store);
	if (err)
		return err;
	err = cr_store_open_file(store, name, &file);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		err = cr_store_open_beside(store, name, &file);
	if (!err) {
		err = copy_member(&file, fd_ret);
		cr_file_close(&file);
	}
	cr_store_close(store);
	return err ? cr_error_at(err, "%s", archive) : NULL;
}

/* Opens a file; or ARCHIVE/NAME, which is no path that can exist; or DIR/NAME,
 * where the images of DIR are not in it itself. */
static struct cr_error *open_path(const struct cr_verb_call *call,
				  const char *in, int *fd_ret)
{
	*fd_ret = open(in, O_RDONLY | O_CLOEXEC);
	if (*fd_ret >= 0)
		return NULL;
	struct cr_error *err = cr_error_sys("%s", in);
	bool in_file = cr_error_errno(err) == ENOTDIR;
	if (!in_file && cr_error_errno(err) != ENOENT)
		return err;
	cr_auto_free char *copy = strdup(in);
	char *slash = !copy	? NULL :
		      in_file ? cr_crit_slash_behind_file(copy) :
				strrchr(copy, '/');
	if (!slash || slash == copy)
		return err;
	*slash = 0;
	struct cr_error *inner = open_member(call, copy, slash + 1, fd_ret);
	if (!in_file && inner && cr_error_code(inner) != CR_ERR_NOMEM) {
		cr_error_free(inner);
		return err;
	}
	cr_error_free(err);
	return inner;
}

struct cr_error *cr_crit_open(const struct cr_verb_call *call, const char *in,
			      int *fd_ret, const char **name_ret)
{
	if (!in || !strcmp(in, "-")) {
		*fd_ret = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
		*name_ret = NULL;
		if (*fd_ret < 0)
			return cr_error_sys("standard input");
		return NULL;
	}
	*name_ret = in;
	return open_path(call, in, fd_ret);
}

struct cr_error *cr_crit_one_input(const char *option, const char *arg,
				   const char **ret)
{
	if (option && arg)
		return cr_error_new(CR_ERR_USAGE,
				    "the input is named twice: %s and %s",
				    option, arg);
	*ret = option ?: arg;
	return NULL;
}

static bool is_dir(const char *path)
{
	struct stat st;
	return path && !stat(path, &st) && S_ISDIR(st.st_mode);
}

struct cr_error *cr_crit_convert(const struct cr_verb_call *call,
				 struct cr_convert *c, const char *in,
				 const char *out)
{
	if (is_dir(in)) {
		struct cr_error *err = convert_dir(c, in, out);
		cr_convert_deinit(c);
		return err;
	}
	cr_auto_close int fd = -1;
	const char *name;
	struct cr_error *err = cr_crit_open(call, in, &fd, &name);
	if (err)
		return err;
	if (out) {
		err = cr_convert_file(c, fd, name, out);
	} else {
		c->newline = true;
		err = cr_convert_fd(c, fd, name, STDOUT_FILENO, NULL, false);
	}
	cr_convert_deinit(c);
	return err;
}
