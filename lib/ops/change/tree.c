// SPDX-License-Identifier: MIT
#include "lib/ops/change/impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/ops/carry.h"

#define DIR_FLAGS  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

void cr_tree_key(char ret[NAME_MAX + 2], bool top, const char *name)
{
	if (top)
		*ret++ = '/';
	memcpy(ret, name, strnlen(name, NAME_MAX) + 1);
}

/* ---- a new file ---- */

/* As the file it comes from; a file that is all new, as the images CRIU always
 * writes; without those, as the directory. */
static struct cr_error *set_attributes(const struct cr_change *change,
				       const struct cr_row *row, int fd)
{
	struct stat st;
	const char *like[] = { row->like ?: "", "inventory.img", "pstree.img" };
	for (int i = 0; i < 3; i++) {
		int dir = *like[i] == '/' ? change->fd : change->images_fd;
		cr_auto_close int from = openat(
			dir, like[i] + (*like[i] == '/'), FILE_FLAGS);
		if (from >= 0 && !fstat(from, &st) && S_ISREG(st.st_mode))
			return cr_carry_attributes(from, &st, fd);
	}
	if (fchmod(fd, change->images_st.st_mode & 0666))
		return cr_error_sys("cannot set the mode");
	return NULL;
}

static struct cr_error *settle(struct cr_tree *tree, const struct cr_row *row,
			       int fd)
{
	struct cr_error *err = set_attributes(tree->change, row, fd);
	if (err)
		return err;
	if (tree->sync_each && fsync(fd))
		return cr_error_sys("cannot sync");
	tree->unsynced = tree->unsynced || !tree->sync_each;
	return NULL;
}

static struct cr_error *make_staged(struct cr_tree *tree,
				    const struct cr_row *row, int to_fd,
				    const char *name)
{
	const struct cr_stage *stage = &tree->change->stage;
	cr_auto_close int fd = openat(stage->fd, row->content->text, FILE_FLAGS);
	cr_auto_close int copy = -1;
	if (fd < 0)
		return cr_error_sys("cannot open the temporary file");
	struct cr_error *err;
	if (!stage->beside) {
		err = cr_carry_create(to_fd, name, &copy);
		if (!err)
			err = cr_carry_bytes(fd, copy);
		return err ? err : settle(tree, row, copy);
	}
	err = settle(tree, row, fd);
	if (!err && renameat(stage->fd, row->content->text, to_fd, name))
		err = cr_error_sys("cannot rename");
	return err;
}

struct cr_error *cr_tree_make(struct cr_tree *tree, const struct cr_row *row,
			      int to_fd, const char *name)
{
	const struct cr_content *content = row->content;
	cr_auto_close int fd = -1;
	struct cr_error *err;
	switch (content->kind) {
	case CR_CONTENT_LINK:
		if (symlinkat(content->text, to_fd, name))
			return cr_error_sys("cannot make the link");
		return NULL;
	case CR_CONTENT_STAGED:
		return make_staged(tree, row, to_fd, name);
	case CR_CONTENT_MEM:
		err = cr_carry_create(to_fd, name, &fd);
		if (!err)
			err = cr_io_write(fd, content->mem, content->size);
		return err ? err : settle(tree, row, fd);
	default:
		return cr_error_new(CR_ERR_INTERNAL, "has no bytes of its own");
	}
}

/* ---- a directory ---- */

static int no_tmp(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
	       strcmp(entry->d_name, "." CR_CHANGE_TMP);
}

/* The directory below the top. */
static struct cr_error *fill_images(struct cr_tree *tree, int to_fd,
				    const char *name)
{
	const struct cr_change *change = tree->change;
	if (mkdirat(to_fd, name, 0700))
		return cr_error_sys("cannot create");
	cr_auto_close int fd = openat(to_fd, name, DIR_FLAGS);
	if (fd < 0)
		return cr_error_sys("cannot open");
	/* Names within it are not those that the caller syncs. */
	tree->unsynced = true;
	struct cr_error *err = cr_tree_fill(tree, change->images_fd, fd, false);
	return err ? err :
		     cr_carry_attributes(change->images_fd, &change->images_st,
					 fd);
}

/* What is in the old directory and stays. */
static struct cr_error *carry_name(struct cr_tree *tree, int from_fd, int to_fd,
				   bool top, const char *name)
{
	struct cr_change *change = tree->change;
	char key[NAME_MAX + 2];
	struct stat st, stage;
	cr_tree_key(key, top, name);
	const struct cr_row *row = cr_row_find(change, key);
	if (row && cr_row_differs(row))
		return NULL;
	if (top && !strcmp(name, cr_store_images(change->base)))
		return fill_images(tree, to_fd, name);
	if (tree->share && !linkat(from_fd, name, to_fd, name, 0))
		return NULL;
	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    fstat(change->stage.fd, &stage))
		return cr_error_sys("cannot open");
	if (S_ISDIR(st.st_mode))
		return cr_carry_dir(from_fd, name, to_fd, name, tree->share,
				    &stage, &tree->unsynced);
	return cr_carry_name(from_fd, name, to_fd, name, tree->share,
			     &tree->unsynced);
}

static struct cr_error *carry_at(struct cr_tree *tree, int from_fd, int to_fd,
				 bool top, const char *name)
{
	struct cr_error *err = carry_name(tree, from_fd, to_fd, top, name);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

static struct cr_error *carry_names(struct cr_tree *tree, int from_fd,
				    int to_fd, bool top)
{
	struct dirent **names;
	int nr = scandirat(from_fd, ".", &names, no_tmp, alphasort);
	if (nr < 0)
		return cr_error_sys("cannot list");
	struct cr_error *err = NULL;
	for (int i = 0; i < nr; i++) {
		if (!err)
			err = carry_at(tree, from_fd, to_fd, top,
				       names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return err;
}

static struct cr_error *make_row(struct cr_tree *tree, const struct cr_row *row,
				 int to_fd)
{
	const struct cr_change *change = tree->change;
	const char *name = row->key + (*row->key == '/');
	const struct cr_content *content = row->content;
	if (!content)
		return NULL;
	if (content->kind != CR_CONTENT_BASE)
		return cr_tree_make(tree, row, to_fd, name);
	int from = *content->text == '/' ? change->fd : change->images_fd;
	const char *old = content->text + (*content->text == '/');
	struct stat st;
	if (!fstatat(from, old, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISDIR(st.st_mode))
		return cr_carry_dir(from, old, to_fd, name, tree->share, NULL,
				    &tree->unsynced);
	return cr_carry_name(from, old, to_fd, name, tree->share,
			     &tree->unsynced);
}

struct cr_error *cr_tree_fill(struct cr_tree *tree, int from_fd, int to_fd,
			      bool top)
{
	cr_auto_free struct cr_row **row = NULL;
	size_t nr;
	struct cr_error *err = cr_rows_list(tree->change, &row, &nr);
	if (!err)
		err = carry_names(tree, from_fd, to_fd, top);
	for (size_t i = 0; !err && i < nr; i++) {
		if ((*row[i]->key == '/') != top)
			continue;
		err = make_row(tree, row[i], to_fd);
		if (err)
			err = cr_error_at(err, "%s", row[i]->key);
	}
	return err;
}
