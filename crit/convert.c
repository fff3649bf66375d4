// SPDX-License-Identifier: MIT
#include "crit/convert.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

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

struct cr_error *cr_crit_open(const char *in, int *fd_ret,
			      const char **name_ret)
{
	if (!in || !strcmp(in, "-")) {
		*fd_ret = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
		*name_ret = NULL;
		if (*fd_ret < 0)
			return cr_error_sys("standard input");
		return NULL;
	}
	*fd_ret = open(in, O_RDONLY | O_CLOEXEC);
	*name_ret = in;
	if (*fd_ret < 0)
		return cr_error_sys("%s", in);
	return NULL;
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

struct cr_error *cr_crit_convert(struct cr_convert *c, const char *in,
				 const char *out)
{
	if (is_dir(in)) {
		struct cr_error *err = convert_dir(c, in, out);
		cr_convert_deinit(c);
		return err;
	}
	cr_auto_close int fd = -1;
	const char *name;
	struct cr_error *err = cr_crit_open(in, &fd, &name);
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
