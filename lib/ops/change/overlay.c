// SPDX-License-Identifier: MIT
#include "lib/ops/change/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

/* ---- the base ---- */

static struct cr_error *open_base(struct cr_change *change, const char *key,
				  struct cr_file *ret)
{
	const struct cr_store_ops *ops = change->base->ops;
	*ret = (struct cr_file){ .fd = -1 };
	return *key == '/' ? ops->open_top(change->base, key + 1, ret) :
			     ops->open(change->base, key, ret);
}

struct cr_error *cr_base_open(struct cr_change *change, const char *key,
			      struct cr_file *ret)
{
	struct cr_error *err = open_base(change, key, ret);
	if (err || !change->is_dir)
		return err;
	err = cr_guard_saw(change, key, ret->fd);
	if (err)
		cr_file_close(ret);
	return err;
}

/* A directory is asked directly: opening takes permission. */
static struct cr_error *dir_has(struct cr_change *change, const char *key,
				bool *ret)
{
	struct stat st;
	int dir = *key == '/' ? change->fd : change->images_fd;
	*ret = !fstatat(dir, key + (*key == '/'), &st, AT_SYMLINK_NOFOLLOW);
	return *ret || errno == ENOENT ? NULL : cr_error_sys("cannot open");
}

struct cr_error *cr_base_has(struct cr_change *change, const char *key,
			     bool *ret)
{
	struct cr_file file;
	char *text = NULL;
	if (change->is_dir)
		return dir_has(change, key, ret);
	struct cr_error *err = open_base(change, key, &file);
	*ret = !err;
	if (!err)
		cr_file_close(&file);
	if (!cr_error_catch(&err, CR_ERR_NOT_FOUND)) {
		*ret = true;
		/* There, though no file. */
		cr_error_catch(&err, CR_ERR_FORMAT);
		return err;
	}
	if (*key == '/')
		return NULL;
	err = change->base->ops->link(change->base, key, &text);
	*ret = !err;
	free(text);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

/* ---- pending files ---- */

static struct cr_error *mem_pread(struct cr_file *file, void *data, size_t size,
				  uint64_t off, size_t *n_ret)
{
	uint64_t left = off < file->size ? file->size - off : 0;
	*n_ret = left < size ? (size_t)left : size;
	if (*n_ret)
		memcpy(data, (const uint8_t *)file->mem + off, *n_ret);
	return NULL;
}

static void content_close(struct cr_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	cr_content_put(file->data);
}

static const struct cr_file_ops mem_ops = {
	.pread = mem_pread,
	.close = content_close,
};

static const struct cr_file_ops staged_ops = {
	.pread = cr_file_pread_fd,
	.close = content_close,
};

static void open_mem(struct cr_content *content, struct cr_file *ret)
{
	content->refs++;
	*ret = (struct cr_file){
		.ops = &mem_ops,
		.size = content->size,
		.mtime = time(NULL),
		.fd = -1,
		/* Nothing is a place as well. */
		.mem = content->mem ?: (const void *)"",
		.data = content,
	};
}

static struct cr_error *open_staged(struct cr_change *change,
				    struct cr_content *content,
				    struct cr_file *ret)
{
	struct stat st;
	cr_auto_close int fd =
		openat(change->stage.fd, content->text, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return cr_error_sys("cannot open the temporary file");
	content->refs++;
	*ret = (struct cr_file){
		.ops = &staged_ops,
		.size = (uint64_t)st.st_size,
		.mtime = st.st_mtime,
		.fd = cr_take_fd(&fd),
		.data = content,
	};
	return NULL;
}

struct cr_error *cr_content_open(struct cr_change *change,
				 struct cr_content *content,
				 struct cr_file *ret)
{
	switch (content->kind) {
	case CR_CONTENT_BASE:
		return cr_base_open(change, content->text, ret);
	case CR_CONTENT_MEM:
		open_mem(content, ret);
		return NULL;
	case CR_CONTENT_STAGED:
		return open_staged(change, content, ret);
	default:
		return cr_error_new(CR_ERR_FORMAT, "not a regular file");
	}
}

/* ---- the store ---- */

static struct cr_error *open_key(struct cr_store *store, const char *key,
				 struct cr_file *ret)
{
	struct cr_change *change = store->data;
	struct cr_row *row = cr_row_find(change, key);
	if (!row)
		return cr_base_open(change, key, ret);
	if (!row->content)
		return cr_error_new(CR_ERR_NOT_FOUND, "no such file");
	return cr_content_open(change, row->content, ret);
}

/* Only plain names are ever pending. */
static struct cr_error *overlay_open(struct cr_store *store, const char *name,
				     struct cr_file *ret)
{
	struct cr_change *change = store->data;
	if (strchr(name, '/'))
		return change->base->ops->open(change->base, name, ret);
	return open_key(store, name, ret);
}

static struct cr_error *overlay_open_top(struct cr_store *store,
					 const char *name, struct cr_file *ret)
{
	struct cr_change *change = store->data;
	const char *images = cr_store_images(change->base);
	size_t size = strlen(images);
	char key[NAME_MAX + 2];
	if (!change->has_top)
		return overlay_open(store, name, ret);
	if (!strncmp(name, images, size) && name[size] == '/')
		return overlay_open(store, name + size + 1, ret);
	if (strchr(name, '/') || strlen(name) > NAME_MAX)
		return change->base->ops->open_top(change->base, name, ret);
	key[0] = '/';
	strcpy(key + 1, name);
	return open_key(store, key, ret);
}

static struct cr_error *overlay_link(struct cr_store *store, const char *name,
				     char **ret)
{
	struct cr_change *change = store->data;
	const struct cr_row *row = cr_row_find(change, name);
	const struct cr_content *content = row ? row->content : NULL;
	if (row && (!content || content->kind == CR_CONTENT_MEM ||
		    content->kind == CR_CONTENT_STAGED))
		return cr_error_new(CR_ERR_NOT_FOUND, "no such link");
	if (row && content->kind == CR_CONTENT_LINK) {
		*ret = strdup(content->text);
		return *ret ? NULL : cr_enomem;
	}
	return change->base->ops->link(change->base,
				       row ? content->text : name, ret);
}

/* The walk over the base, with what is pending between. */
struct merge {
	struct cr_change *change;
	char **name; /* pending, of the images' directory, sorted */
	size_t nr, at;
	struct cr_error *(*item)(void *arg, const char *name);
	void *arg;
};

static struct cr_error *merge_until(struct merge *m, const char *name)
{
	struct cr_error *err = NULL;
	while (!err && m->at < m->nr &&
	       (!name || strcmp(m->name[m->at], name) < 0))
		err = m->item(m->arg, m->name[m->at++]);
	return err;
}

static struct cr_error *merge_base(void *arg, const char *name)
{
	struct merge *m = arg;
	struct cr_error *err = merge_until(m, name);
	if (err)
		return err;
	if (m->at < m->nr && !strcmp(m->name[m->at], name))
		m->at++;
	else if (cr_row_find(m->change, name))
		/* removed, or has come since the walk began */
		return cr_row_find(m->change, name)->content ?
			       m->item(m->arg, name) :
			       NULL;
	return m->item(m->arg, name);
}

static void free_names(char **name, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(name[i]);
	free(name);
}

/* Names that the walk has, whatever becomes of them while it goes on. */
static struct cr_error *pending_names(struct cr_change *change, char ***ret,
				      size_t *nr_ret)
{
	cr_auto_free struct cr_row **row = NULL;
	size_t nr_rows, nr = 0;
	struct cr_error *err = cr_rows_list(change, &row, &nr_rows);
	if (err)
		return err;
	char **name = calloc(nr_rows + 1, sizeof(name[0]));
	for (size_t i = 0; name && i < nr_rows; i++) {
		if (!row[i]->content || *row[i]->key == '/')
			continue;
		name[nr] = strdup(row[i]->key);
		if (!name[nr++]) {
			free_names(name, nr);
			return cr_enomem;
		}
	}
	*ret = name;
	*nr_ret = nr;
	return name ? NULL : cr_enomem;
}

static struct cr_error *overlay_each(struct cr_store *store,
				     struct cr_error *(*item)(void *arg,
							      const char *name),
				     void *arg)
{
	struct cr_change *change = store->data;
	struct merge m = { .change = change, .item = item, .arg = arg };
	struct cr_error *err = pending_names(change, &m.name, &m.nr);
	if (err)
		return err;
	err = change->base->ops->each(change->base, merge_base, &m);
	if (!err)
		err = merge_until(&m, NULL);
	free_names(m.name, m.nr);
	return err;
}

/* A link that is pending leads where its text says, from the base. */
static struct cr_error *overlay_open_parent(struct cr_store *store,
					    const char *link,
					    struct cr_store *ret)
{
	struct cr_change *change = store->data;
	const struct cr_row *row = cr_row_find(change, link);
	if (row && !row->content)
		return cr_error_new(CR_ERR_NOT_FOUND, "no such directory");
	if (row && row->content->text && row->content->kind != CR_CONTENT_STAGED)
		link = row->content->text;
	return change->base->ops->open_parent(change->base, link, ret);
}

static bool overlay_same(const struct cr_store *a, const struct cr_store *b)
{
	return a->data == b->data;
}

static const char *overlay_images(const struct cr_store *store)
{
	const struct cr_change *change = store->data;
	return cr_store_images(change->base);
}

static void overlay_close(struct cr_store *store)
{
}

static const struct cr_store_ops overlay_ops = {
	.each = overlay_each,
	.open = overlay_open,
	.open_top = overlay_open_top,
	.link = overlay_link,
	.open_parent = overlay_open_parent,
	.same = overlay_same,
	.images = overlay_images,
	.close = overlay_close,
};

struct cr_error *cr_overlay_open(struct cr_change *change,
				 struct cr_store **ret)
{
	struct cr_store *store = calloc(1, sizeof(*store));
	if (!store)
		return cr_enomem;
	store->ops = &overlay_ops;
	store->dir_fd = store->top_fd = -1;
	store->data = change;
	store->path = strdup(change->path);
	if (!store->path) {
		free(store);
		return cr_enomem;
	}
	/* What was odd when it was opened is the overlay's to tell. */
	store->findings = change->base->findings;
	change->base->findings = (struct cr_store_findings){ 0 };
	*ret = store;
	return NULL;
}
