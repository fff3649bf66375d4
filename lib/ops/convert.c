// SPDX-License-Identifier: MIT
#include "lib/ops/convert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/image/image.h"
#include "lib/image/json.h"
#include "lib/ops/carry.h"

/* One file */

static struct cr_error *prepare(struct cr_convert *c, int in_fd, int out_fd,
				bool ours)
{
	if (!c->ready) {
		struct cr_style none = { 0 };
		cr_codec_init(&c->codec,
			      c->to == CR_TO_JSON ? c->style : none);
		c->ready = true;
	}
	struct cr_source *src = c->to == CR_TO_JSON ? &c->src : &c->reader.src;
	struct cr_error *err = src->buf ? cr_source_reset_fd(src, in_fd) :
			       c->to == CR_TO_JSON ?
					  cr_source_init_fd(src, in_fd) :
					  cr_reader_init_fd(&c->reader, in_fd);
	if (err)
		return err;
	return c->out.buf ? cr_out_reset_fd(&c->out, out_fd, ours) :
			    cr_out_init_fd(&c->out, out_fd, ours);
}

void cr_convert_deinit(struct cr_convert *c)
{
	cr_source_deinit(&c->src);
	cr_reader_deinit(&c->reader);
	cr_out_deinit(&c->out);
	cr_codec_deinit(&c->codec);
}

static struct cr_error *convert(struct cr_convert *c, const char *in_name)
{
	struct cr_error *err;
	if (c->to == CR_TO_JSON)
		err = cr_image_to_json(&c->codec, &c->src, in_name, c->nopl,
				       &c->out);
	else
		err = cr_image_from_json(&c->codec, &c->reader, c->lenient,
					 &c->out);
	if (!err && c->to == CR_TO_JSON && c->newline)
		err = cr_out_put(&c->out, "\n", 1);
	return err ? err : cr_out_flush(&c->out);
}

struct cr_error *cr_convert_fd(struct cr_convert *c, int in_fd,
			       const char *in_name, int out_fd,
			       const char *out_name, bool ours)
{
	struct cr_error *err = prepare(c, in_fd, out_fd, ours);
	if (!err)
		err = convert(c, in_name);
	if (!err)
		return NULL;
	if (c->out.failed)
		return cr_error_at(err, "%s", out_name ?: "standard output");
	return cr_error_at(err, "%s", in_name ?: "standard input");
}

struct cr_error *cr_convert_file(struct cr_convert *c, int in_fd,
				 const char *in_name, const char *out_path)
{
	struct cr_replace rep;
	struct stat st;
	/* Whoever may not read the input shall not read the output. */
	bool limited = !fstat(in_fd, &st) && S_ISREG(st.st_mode);
	struct cr_error *err =
		cr_replace_open(&rep, AT_FDCWD, out_path,
				limited ? st.st_mode & 0666 : 0666);
	if (err)
		return cr_error_at(err, "%s", out_path);
	err = cr_convert_fd(c, in_fd, in_name, rep.fd, out_path, !rep.direct);
	if (!err) {
		err = cr_replace_commit(&rep, true);
		if (err)
			err = cr_error_at(err, "%s", out_path);
	}
	cr_replace_close(&rep);
	return err;
}

/* A directory */

struct dir_walk {
	struct cr_convert *c;
	struct cr_convert_progress at;
	unsigned depth;
	char path[PATH_MAX]; /* of the file at hand, for messages */
};

/* What happens to a file. */
enum treatment { CARRY_OVER, CONVERT };

static bool has_suffix(const char *name, const char *suffix)
{
	size_t a = strlen(name), b = strlen(suffix);
	return a > b && !strcmp(name + a - b, suffix);
}

/* Whether an open file begins with an image's magic. */
static struct cr_error *has_magic(int fd, bool *ret)
{
	uint8_t bytes[8];
	struct cr_source src;
	struct cr_image_header header;
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		return cr_error_sys("read");
	cr_source_init_mem(&src, bytes, (size_t)n);
	struct cr_error *err = cr_image_read_header(&src, NULL, &header);
	*ret = !err;
	cr_error_free(err);
	return NULL;
}

/* Whether text begins like one of our documents. */
static struct cr_error *has_document(int fd, bool *ret)
{
	char text[65];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return cr_error_sys("read");
	text[n] = 0;
	const char *p = text + strspn(text, " \t\r\n");
	*ret = *p == '{' && strstr(p, "\"magic\"");
	return NULL;
}

static struct cr_error *treat_image(const char *name, int fd,
				    enum treatment *ret)
{
	bool is = false;
	struct cr_error *err = NULL;
	if (cr_image_type_by_file(name))
		is = true;
	else if (!cr_raw_type_by_file(name))
		err = has_magic(fd, &is);
	*ret = is ? CONVERT : CARRY_OVER;
	return err;
}

static struct cr_error *treat_json(const char *name, int fd,
				   enum treatment *ret)
{
	bool is = false;
	struct cr_error *err = NULL;
	if (has_suffix(name, ".json")) {
		cr_auto_free char *stem =
			strndup(name, strlen(name) - strlen(".json"));
		if (!stem)
			return cr_enomem;
		is = cr_image_type_by_file(stem);
		if (!is)
			err = has_document(fd, &is);
	}
	*ret = is ? CONVERT : CARRY_OVER;
	return err;
}

/* Errors name the file. */
static struct cr_error *convert_to_name(struct dir_walk *w, int in_fd,
					const struct stat *st, int out_dir,
					const char *name)
{
	struct cr_convert *c = w->c;
	char out_name[NAME_MAX + 8];
	size_t size = strlen(name);
	memcpy(out_name, name, size + 1);
	if (c->to == CR_TO_JSON)
		strcpy(out_name + size, ".json");
	else
		out_name[size - strlen(".json")] = 0;
	cr_auto_close int fd = -1;
	struct cr_error *err = cr_carry_create(out_dir, out_name, &fd);
	if (err)
		return cr_error_at(err, "%s", out_name);
	if (fchmod(fd, st->st_mode & 0777))
		return cr_error_sys("%s: cannot set the mode", out_name);
	return cr_convert_fd(c, in_fd, w->path, fd, out_name, true);
}

static struct cr_error *do_file(struct dir_walk *w, int in_fd,
				const struct stat *st, int in_dir, int out_dir,
				const char *name)
{
	enum treatment treatment;
	struct cr_error *err = w->c->to == CR_TO_JSON ?
				       treat_image(name, in_fd, &treatment) :
				       treat_json(name, in_fd, &treatment);
	if (!err && treatment == CARRY_OVER)
		err = cr_carry_name(in_dir, name, out_dir, name, false, NULL);
	if (err)
		return cr_error_at(err, "%s", w->path);
	if (treatment == CARRY_OVER)
		return NULL;
	w->at.bytes_done += (uint64_t)st->st_size;
	return convert_to_name(w, in_fd, st, out_dir, name);
}

static struct cr_error *do_dir(struct dir_walk *w, int in_dir, int out_dir);

static struct cr_error *do_subdir(struct dir_walk *w, int in_fd,
				  const struct stat *st, int out_dir,
				  const char *name)
{
	if (w->depth == CR_CARRY_DEPTH)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s: directories more than %d deep",
				    w->path, CR_CARRY_DEPTH);
	if (mkdirat(out_dir, name, 0700))
		return cr_error_sys("%s: cannot create", name);
	cr_auto_close int fd = openat(out_dir, name,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					      O_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("cannot open");
	w->depth++;
	struct cr_error *err = do_dir(w, in_fd, fd);
	w->depth--;
	if (!err && fchmod(fd, st->st_mode & 07777))
		err = cr_error_sys("cannot set the mode");
	return err;
}

/* Errors name the file. */
static struct cr_error *do_name(struct dir_walk *w, int in_dir, int out_dir,
				const char *name)
{
	struct stat st;
	struct cr_error *err;
	cr_auto_close int fd =
		openat(in_dir, name,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		err = cr_carry_name(in_dir, name, out_dir, name, false, NULL);
	else if (fd < 0 || fstat(fd, &st))
		err = cr_error_sys("cannot open");
	else if (S_ISDIR(st.st_mode))
		return do_subdir(w, fd, &st, out_dir, name);
	else if (S_ISREG(st.st_mode))
		return do_file(w, fd, &st, in_dir, out_dir, name);
	else
		err = cr_error_new(CR_ERR_UNSUPPORTED,
				   "neither file nor directory nor link");
	return err ? cr_error_at(err, "%s", w->path) : NULL;
}

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static struct cr_error *do_dir(struct dir_walk *w, int in_dir, int out_dir)
{
	struct dirent **names;
	int nr = scandirat(in_dir, ".", &names, no_dots, alphasort);
	if (nr < 0)
		return cr_error_sys("cannot list");
	w->at.nr_files += (uint64_t)nr;
	size_t base = strlen(w->path);
	struct cr_error *err = NULL;
	for (int i = 0; i < nr; i++) {
		if (!err) {
			snprintf(w->path + base, sizeof(w->path) - base, "/%s",
				 names[i]->d_name);
			err = do_name(w, in_dir, out_dir, names[i]->d_name);
			w->at.files_done++;
			if (!err && w->c->progress)
				w->c->progress(w->c->progress_arg, &w->at);
		}
		free(names[i]);
	}
	free(names);
	w->path[base] = 0;
	return err;
}

static struct cr_error *fill_dir(struct cr_convert *c, int in_dir,
				 const char *in_path, const struct stat *st,
				 const char *tmp)
{
	cr_auto_close int out_dir =
		open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out_dir < 0)
		return cr_error_sys("%s", tmp);
	struct dir_walk w = { .c = c };
	snprintf(w.path, sizeof(w.path), "%s", in_path);
	struct cr_error *err = do_dir(&w, in_dir, out_dir);
	if (!err && fchmod(out_dir, st->st_mode & 07777))
		err = cr_error_sys("cannot set the mode of %s", tmp);
	if (!err && syncfs(out_dir))
		err = cr_error_sys("cannot sync %s", tmp);
	return err;
}

struct cr_error *cr_convert_dir(struct cr_convert *c, const char *in_path,
				const char *out_path)
{
	struct stat st;
	cr_auto_close int in_dir =
		open(in_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in_dir < 0 || fstat(in_dir, &st))
		return cr_error_sys("%s", in_path);
	size_t size = strlen(out_path);
	while (size > 1 && out_path[size - 1] == '/')
		size--;
	cr_auto_free char *tmp = NULL;
	if (asprintf(&tmp, "%.*s.tmp-%d", (int)size, out_path, getpid()) < 0) {
		tmp = NULL;
		return cr_enomem;
	}
	if (mkdir(tmp, 0700))
		return cr_error_sys("%s", tmp);
	struct cr_error *err = fill_dir(c, in_dir, in_path, &st, tmp);
	if (!err && rename(tmp, out_path))
		err = cr_error_sys("%s", out_path);
	if (err)
		cr_carry_remove(AT_FDCWD, tmp);
	return err;
}
