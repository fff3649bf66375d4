// SPDX-License-Identifier: MIT
#include "lib/ops/change/impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

/* Not there, or an empty directory. */
static struct cr_error *check_out(const char *out)
{
	struct stat st;
	if (lstat(out, &st))
		return errno == ENOENT ? NULL : cr_error_sys("%s", out);
	DIR *dir = S_ISDIR(st.st_mode) ? opendir(out) : NULL;
	int nr = 0;
	while (dir && readdir(dir))
		nr++;
	if (dir)
		closedir(dir);
	if (dir && nr <= 2)
		return NULL;
	return cr_error_new(CR_ERR_USAGE, "%s: is there already", out);
}

/* With the lock, and before anything has been looked at. */
static struct cr_error *sweep(struct cr_change *change)
{
	if (change->opts.dry_run || change->opts.out)
		return NULL;
	cr_stage_sweep(change);
	if (change->is_dir && (fstat(change->fd, &change->st) ||
			       fstat(change->images_fd, &change->images_st)))
		return cr_error_sys("cannot look at it");
	return NULL;
}

/* The images' directory again, for names in it. */
static struct cr_error *open_images(struct cr_change *change)
{
	const char *images = cr_store_images(change->base);
	change->has_top = *images;
	change->images_st = change->st;
	if (!change->is_dir)
		return NULL;
	change->images_fd = openat(change->fd, *images ? images : ".",
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					   O_CLOEXEC);
	if (change->images_fd < 0 ||
	    fstat(change->images_fd, &change->images_st))
		return cr_error_sys("cannot open");
	return NULL;
}

static struct cr_error *open_base(struct cr_change *change)
{
	struct cr_store_limits none = { 0 };
	const struct cr_store_limits *limits = change->opts.limits ?: &none;
	change->opts.limits = NULL;
	if (fstat(change->fd, &change->st))
		return cr_error_sys("cannot open");
	change->is_dir = S_ISDIR(change->st.st_mode);
	if (change->is_dir && !faccessat(change->fd, "oci-layout", F_OK, 0))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "an OCI image layout: change the archive "
				    "it was made from, or unpack its layer, "
				    "and make a new one of that");
	struct cr_error *err = cr_store_open_fd(change->fd, change->path,
						limits, &change->base);
	return err ? err : open_images(change);
}

static struct cr_error *open_all(struct cr_change *change)
{
	/* A FIFO is not waited for. */
	change->fd = open(change->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (change->fd < 0)
		return cr_error_sys("cannot open");
	struct cr_error *err = open_base(change);
	if (!err)
		err = cr_guard_lock(change);
	if (!err)
		err = sweep(change);
	if (!err)
		err = cr_overlay_open(change, &change->set.store);
	/* What will fail shall do so before there has been much work. */
	if (!err && change->opts.out && !change->opts.dry_run)
		err = cr_stage_need(change);
	return err;
}

static struct cr_change *create(const char *path,
				const struct cr_change_opts *opts)
{
	struct cr_change *change = calloc(1, sizeof(*change));
	if (!change)
		return NULL;
	*change = (struct cr_change){ .opts = *opts,
				      .fd = -1,
				      .images_fd = -1,
				      .stage = { .fd = -1, .parent_fd = -1 } };
	cr_codec_init(&change->set.codec, (struct cr_style){ 0 });
	change->path = strdup(path);
	if (change->path)
		return change;
	cr_change_close(change);
	return NULL;
}

struct cr_error *cr_change_open(const char *path,
				const struct cr_change_opts *opts,
				struct cr_change **ret)
{
	struct cr_error *err = opts->out ? check_out(opts->out) : NULL;
	if (err)
		return err;
	struct cr_change *change = create(path, opts);
	if (!change)
		return cr_enomem;
	err = open_all(change);
	if (err) {
		cr_change_close(change);
		return cr_error_at(err, "%s", path);
	}
	*ret = change;
	return NULL;
}

void cr_change_close(struct cr_change *change)
{
	if (!change)
		return;
	cr_stage_remove(change);
	cr_set_close(&change->set);
	cr_store_close(change->base);
	cr_rows_free(change);
	cr_guard_free(change);
	cr_notes_free(change);
	if (change->images_fd >= 0)
		close(change->images_fd);
	if (change->fd >= 0)
		close(change->fd);
	free(change->path);
	free(change);
}

struct cr_set *cr_change_set(struct cr_change *change)
{
	return &change->set;
}

const char *cr_change_path(const struct cr_change *change)
{
	return change->path;
}
