// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crit/ghost/ghost.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"

/* A ghost being written. */
struct writing {
	int fd;
	bool regular;
	uint64_t size;
	struct timespec times[2]; /* as futimens(2) takes them */
};

static struct timespec time_of(const Timeval *tv)
{
	bool usable = tv && tv->tv_usec < 1000000;
	return (struct timespec){
		.tv_sec = usable ? (time_t)tv->tv_sec : 0,
		.tv_nsec = usable ? (long)tv->tv_usec * 1000 : UTIME_OMIT,
	};
}

static struct cr_error *take_entry(void *arg, const GhostFileEntry *e,
				   uint64_t size)
{
	struct writing *w = arg;
	w->regular = S_ISREG(e->mode);
	w->size = size;
	w->times[0] = time_of(e->atim);
	w->times[1] = time_of(e->mtim);
	return NULL;
}

static struct cr_error *take_piece(void *arg,
				   const struct cr_ghost_piece *piece,
				   struct cr_source *src)
{
	struct writing *w = arg;
	uint64_t off = piece->off, left = piece->size;
	while (left) {
		struct cr_error *err = cr_source_must(src, 1, "the content");
		size_t n = cr_source_left(src);
		n = n < left ? n : (size_t)left;
		if (!err)
			err = cr_io_pwrite(w->fd, src->p, n, off);
		if (err)
			return err;
		src->p += n;
		off += n;
		left -= n;
	}
	return NULL;
}

/* Holes stay holes: only pieces are written. */
static struct cr_error *write_ghost(struct cr_ghosts *g, uint32_t id, int fd,
				    bool *regular_ret)
{
	static const struct cr_ghost_fns fns = { take_entry, take_piece };
	struct writing w = { .fd = fd };
	struct cr_error *err = cr_ghost_walk(&g->x.set, id, &fns, &w);
	if (!err && w.regular && ftruncate(fd, (off_t)w.size))
		err = cr_error_sys("cannot make it %llu bytes long",
				   (unsigned long long)w.size);
	/* Times that no file system takes are not worth an error. */
	if (!err && w.regular && futimens(fd, w.times) && errno != EINVAL)
		err = cr_error_sys("cannot set its times");
	*regular_ret = w.regular;
	return err;
}

struct cr_error *cr_ghosts_extract(struct cr_ghosts *g, uint32_t id,
				   const char *path)
{
	struct cr_replace rep;
	bool regular = false;
	struct cr_error *err = cr_replace_open(&rep, AT_FDCWD, path, 0600);
	if (err)
		return cr_error_at(err, "%s", path);
	if (rep.direct)
		err = cr_error_at(cr_error_new(CR_ERR_USAGE,
					       "is not a regular file"),
				  "%s", path);
	if (!err)
		err = write_ghost(g, id, rep.fd, &regular);
	if (!err && !regular)
		err = cr_error_new(CR_ERR_UNSUPPORTED,
				   "ghost-file-%x.img: no regular file, it has "
				   "no content",
				   id);
	if (!err)
		err = cr_replace_commit(&rep, true);
	cr_replace_close(&rep);
	return err;
}

/* ---- all of them ---- */

/* "12-name": the number makes it differ from all others, and from "..". The
 * name is cut to what a directory takes. */
static void out_name(struct cr_ghosts *g, const struct cr_remap *row,
		     char name[NAME_MAX + 1])
{
	cr_auto_free char *path = NULL;
	if (cr_ghosts_has_file(row))
		path = cr_ghosts_path(g, row->file);
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *base = slash ? slash + 1 : path ?: "";
	int n = snprintf(name, NAME_MAX + 1, "%u", row->id);
	if (*base)
		snprintf(name + n, (size_t)(NAME_MAX + 1 - n), "-%s", base);
}

static struct cr_error *extract_into(struct cr_ghosts *g,
				     const struct cr_remap *row, int dir_fd)
{
	char name[NAME_MAX + 1];
	bool regular = false;
	out_name(g, row, name);
	cr_auto_close int fd = openat(
		dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cr_error_sys("cannot create the file of ghost %u",
				    row->id);
	struct cr_error *err = write_ghost(g, row->id, fd, &regular);
	if (err || !regular)
		unlinkat(dir_fd, name, 0);
	return err;
}

/* The directory is ours, and there is nothing below it. */
static void remove_dir(const char *path, int dir_fd)
{
	DIR *dir = fdopendir(dir_fd);
	for (struct dirent *e; dir && (e = readdir(dir));)
		unlinkat(dir_fd, e->d_name, 0);
	if (dir)
		closedir(dir);
	else
		close(dir_fd);
	rmdir(path);
}

static void fill_dir(struct cr_ghosts *g, int dir_fd)
{
	for (size_t i = 0; i < g->nr; i = cr_ghosts_row_end(g, i)) {
		if (g->row[i].type == REMAP_TYPE__GHOST)
			cr_x_find(&g->x, extract_into(g, &g->row[i], dir_fd));
	}
}

struct cr_error *cr_ghosts_extract_all(struct cr_ghosts *g, const char *path)
{
	cr_auto_free char *tmp = NULL;
	size_t size = strlen(path);
	while (size > 1 && path[size - 1] == '/')
		size--;
	if (asprintf(&tmp, "%.*s.tmp-%d", (int)size, path, getpid()) < 0) {
		tmp = NULL;
		return cr_enomem;
	}
	if (mkdir(tmp, 0700))
		return cr_error_sys("%s", path);
	int dir_fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		struct cr_error *err = cr_error_sys("%s", path);
		rmdir(tmp);
		return err;
	}
	fill_dir(g, dir_fd);
	struct cr_error *err = NULL;
	if (syncfs(dir_fd))
		err = cr_error_sys("cannot sync %s", path);
	if (!err && rename(tmp, path))
		err = cr_error_sys("%s", path);
	if (err)
		remove_dir(tmp, dir_fd);
	else
		close(dir_fd);
	return err;
}
