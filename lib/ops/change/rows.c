// SPDX-License-Identifier: MIT
#include "lib/ops/change/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/ops/carry.h"

/* Files up to this size are held in memory, all together up to that. */
#define MEM_SIZE  (256 * 1024)
#define MEM_TOTAL (64 * 1024 * 1024)

/* ---- contents ---- */

static struct cr_content *content_new(enum cr_content_kind kind,
				      const char *text)
{
	struct cr_content *content = calloc(1, sizeof(*content));
	if (!content)
		return NULL;
	*content = (struct cr_content){ .refs = 1, .kind = kind };
	content->text = text ? strdup(text) : NULL;
	if (!text || content->text)
		return content;
	free(content);
	return NULL;
}

void cr_content_put(struct cr_content *content)
{
	if (!content || --content->refs)
		return;
	free(content->text);
	free(content->mem);
	free(content);
}

/* ---- rows ---- */

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct cr_row *)a)->key,
		      ((const struct cr_row *)b)->key);
}

static int by_text(const void *text, const void *row)
{
	return strcmp(text, ((const struct cr_row *)row)->key);
}

struct cr_row *cr_row_find(const struct cr_change *change, const char *key)
{
	struct cr_row **found = tfind(key, (void *const *)&change->rows,
				      by_text);
	return found ? *found : NULL;
}

bool cr_row_differs(const struct cr_row *row)
{
	const struct cr_content *c = row->content;
	if (!c)
		return row->in_base;
	return c->kind != CR_CONTENT_BASE || strcmp(c->text, row->key);
}

static void free_row(void *p)
{
	struct cr_row *row = p;
	cr_content_put(row->content);
	free(row->key);
	free(row->like);
	free(row);
}

void cr_rows_free(struct cr_change *change)
{
	tdestroy(change->rows, free_row);
	change->rows = NULL;
}

/* The base's bytes under the base's name. */
static struct cr_error *fill_from_base(struct cr_row *row)
{
	row->content = content_new(CR_CONTENT_BASE, row->key);
	row->like = strdup(row->key);
	return row->content && row->like ? NULL : cr_enomem;
}

/* The row of a key, made if there is none. */
static struct cr_error *row_get(struct cr_change *change, const char *key,
				struct cr_row **ret)
{
	*ret = cr_row_find(change, key);
	if (*ret)
		return NULL;
	struct cr_row *row = calloc(1, sizeof(*row));
	if (!row)
		return cr_enomem;
	row->key = strdup(key);
	struct cr_error *err = row->key ?
				       cr_base_has(change, key, &row->in_base) :
				       cr_enomem;
	if (!err && row->in_base)
		err = fill_from_base(row);
	if (!err && !tsearch(row, &change->rows, by_key))
		err = cr_enomem;
	if (err)
		free_row(row);
	else
		*ret = row;
	return err;
}

struct list {
	struct cr_row **row;
	size_t nr;
};

static void list_one(const void *node, VISIT visit, void *arg)
{
	struct list *list = arg;
	struct cr_row *row = *(struct cr_row *const *)node;
	if ((visit != postorder && visit != leaf) || !cr_row_differs(row))
		return;
	if (list->row)
		list->row[list->nr] = row;
	list->nr++;
}

struct cr_error *cr_rows_list(const struct cr_change *change,
			      struct cr_row ***ret, size_t *nr_ret)
{
	struct list count = { 0 }, list = { 0 };
	twalk_r(change->rows, list_one, &count);
	list.row = calloc(count.nr + 1, sizeof(list.row[0]));
	if (!list.row)
		return cr_enomem;
	twalk_r(change->rows, list_one, &list);
	*ret = list.row;
	*nr_ret = list.nr;
	return NULL;
}

/* ---- names ---- */

/* A name as callers have it, to a key. */
static struct cr_error *key_of(const struct cr_change *change,
			       const char *name, const char **ret)
{
	const char *plain = name + (name[0] == '/');
	if (change->done)
		return cr_error_new(CR_ERR_INTERNAL,
				    "the change has been committed");
	if (!*plain || strchr(plain, '/') || !strcmp(plain, ".") ||
	    !strcmp(plain, "..") || !strcmp(plain, "." CR_CHANGE_TMP) ||
	    strlen(plain) > NAME_MAX)
		return cr_error_new(CR_ERR_USAGE, "no name for a file");
	*ret = change->has_top ? name : plain;
	/* The directory in which all the others are. */
	if (change->has_top && *name == '/' &&
	    !strcmp(plain, cr_store_images(change->base)))
		return cr_error_new(CR_ERR_USAGE, "holds the images");
	return NULL;
}

struct cr_error *cr_row_of(struct cr_change *change, const char *name,
			   struct cr_row **ret)
{
	const char *key;
	struct cr_error *err = key_of(change, name, &key);
	return err ? err : row_get(change, key, ret);
}

/* The row of a name that is there. */
static struct cr_error *row_there(struct cr_change *change, const char *name,
				  struct cr_row **ret)
{
	struct cr_error *err = cr_row_of(change, name, ret);
	if (!err && !(*ret)->content)
		err = cr_error_new(CR_ERR_NOT_FOUND, "no such file");
	return err;
}

/* Takes content. */
static struct cr_error *install(struct cr_change *change, const char *name,
				struct cr_content *content)
{
	struct cr_row *row;
	struct cr_error *err = cr_row_of(change, name, &row);
	if (!err && !row->like && row->in_base) {
		row->like = strdup(row->key);
		if (!row->like)
			err = cr_enomem;
	}
	if (err) {
		cr_content_put(content);
		return err;
	}
	cr_content_put(row->content);
	row->content = content;
	return NULL;
}

static struct cr_error *at_name(struct cr_error *err, const char *name)
{
	return err ? cr_error_at(err, "%s", name) : NULL;
}

/* ---- writing ---- */

struct writer {
	struct cr_out out; /* first: it is what the caller has */
	struct cr_change *change;
	char *name;
	uint8_t *mem;
	size_t size, cap;
	int fd; /* in the stage, once it is large; else -1 */
	char *staged;
};

static struct cr_error *move_to_stage(struct writer *w)
{
	struct cr_error *err = cr_stage_file(w->change, &w->fd, &w->staged);
	if (!err)
		err = cr_io_write(w->fd, w->mem, w->size);
	free(cr_take_ptr(w->mem));
	return err;
}

static struct cr_error *grow(struct writer *w, size_t size)
{
	if (size <= w->cap)
		return NULL;
	size_t cap = 2 * w->cap > size ? 2 * w->cap : size;
	uint8_t *grown = realloc(w->mem, cap);
	if (!grown)
		return cr_enomem;
	w->mem = grown;
	w->cap = cap;
	return NULL;
}

static struct cr_error *on_write(void *arg, const void *data, size_t size)
{
	struct writer *w = arg;
	struct cr_error *err = NULL;
	if (w->fd < 0 &&
	    (size > MEM_SIZE - w->size ||
	     w->change->mem_total + w->size + size > MEM_TOTAL))
		err = move_to_stage(w);
	if (!err && w->fd >= 0)
		return cr_io_write(w->fd, data, size);
	if (!err)
		err = grow(w, w->size + size);
	if (err || !size)
		return err;
	memcpy(w->mem + w->size, data, size);
	w->size += size;
	return NULL;
}

static struct cr_error *writer_create(struct cr_change *change,
				      const char *name, struct writer **ret)
{
	const char *key;
	struct cr_error *err = key_of(change, name, &key);
	if (err)
		return err;
	struct writer *w = calloc(1, sizeof(*w));
	if (!w)
		return cr_enomem;
	w->change = change;
	w->fd = -1;
	w->name = strdup(name);
	*ret = w;
	return w->name ? NULL : cr_enomem;
}

static void writer_free(struct writer *w)
{
	if (!w)
		return;
	cr_out_deinit(&w->out);
	if (w->fd >= 0)
		close(w->fd);
	if (w->staged)
		unlinkat(w->change->stage.fd, w->staged, 0);
	free(w->staged);
	free(w->mem);
	free(w->name);
	free(w);
}

/* What was written becomes the file. */
static struct cr_error *writer_done(struct writer *w)
{
	struct cr_content *content = content_new(
		w->fd < 0 ? CR_CONTENT_MEM : CR_CONTENT_STAGED, w->staged);
	if (!content)
		return cr_enomem;
	w->change->mem_total += w->size * (w->fd < 0);
	content->mem = cr_take_ptr(w->mem);
	content->size = w->size;
	free(cr_take_ptr(w->staged));
	return install(w->change, w->name, content);
}

struct cr_error *cr_change_put(struct cr_change *change, const char *name,
			       const void *data, size_t size)
{
	struct writer *w = NULL;
	struct cr_error *err = writer_create(change, name, &w);
	if (!err)
		err = on_write(w, data, size);
	if (!err)
		err = writer_done(w);
	writer_free(w);
	return at_name(err, name);
}

struct cr_error *cr_change_create(struct cr_change *change, const char *name,
				  struct cr_out **ret)
{
	struct writer *w = NULL;
	struct cr_error *err = writer_create(change, name, &w);
	if (!err)
		err = cr_out_init_fn(&w->out, on_write, w);
	if (err)
		writer_free(w);
	else
		*ret = &w->out;
	return at_name(err, name);
}

struct cr_error *cr_change_finish(struct cr_change *change, struct cr_out *out)
{
	struct writer *w = (struct writer *)out;
	struct cr_error *err = cr_out_flush(out);
	if (!err)
		err = writer_done(w);
	if (err)
		err = cr_error_at(err, "%s", w->name);
	writer_free(w);
	return err;
}

void cr_change_abandon(struct cr_change *change, struct cr_out *out)
{
	writer_free((struct writer *)out);
}

/* ---- bytes of another file ---- */

static struct cr_error *copy_to(struct cr_file *file, int fd)
{
	char chunk[64 * 1024];
	if (file->fd >= 0)
		return cr_carry_bytes(file->fd, fd);
	for (uint64_t off = 0; off < file->size;) {
		uint64_t left = file->size - off;
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		struct cr_error *err = cr_file_read(file, chunk, n, off);
		if (!err)
			err = cr_io_write(fd, chunk, n);
		if (err)
			return err;
		off += n;
	}
	return NULL;
}

static struct cr_error *stage_copy(struct cr_change *change, const char *from,
				   struct writer *w)
{
	struct cr_row *row;
	struct cr_file file;
	struct cr_error *err = row_there(change, from, &row);
	if (!err)
		err = cr_content_open(change, row->content, &file);
	if (err)
		return at_name(err, from);
	err = cr_stage_file(change, &w->fd, &w->staged);
	if (!err)
		err = copy_to(&file, w->fd);
	cr_file_close(&file);
	return err;
}

struct cr_error *cr_change_clone(struct cr_change *change, const char *name,
				 const char *from, int *fd_ret)
{
	struct writer *w = NULL;
	cr_auto_close int fd = -1;
	struct cr_error *err = writer_create(change, name, &w);
	if (!err)
		err = stage_copy(change, from, w);
	if (!err)
		fd = fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
	if (!err && fd < 0)
		err = cr_error_sys("cannot open");
	if (!err)
		err = writer_done(w);
	if (!err)
		*fd_ret = cr_take_fd(&fd);
	writer_free(w);
	return at_name(err, name);
}

/* ---- names ---- */

struct cr_error *cr_change_remove(struct cr_change *change, const char *name)
{
	struct cr_row *row;
	struct cr_error *err = row_there(change, name, &row);
	if (err)
		return at_name(err, name);
	cr_content_put(cr_take_ptr(row->content));
	free(cr_take_ptr(row->like));
	return NULL;
}

struct cr_error *cr_change_symlink(struct cr_change *change, const char *name,
				   const char *text)
{
	struct cr_content *content = content_new(CR_CONTENT_LINK, text);
	if (!content)
		return cr_enomem;
	return at_name(install(change, name, content), name);
}

/* One rename while they are on their way. */
struct moving {
	struct cr_row *from, *to;
	struct cr_content *content;
	char *like;
};

static int by_from(const void *a, const void *b)
{
	const struct moving *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

static int by_to(const void *a, const void *b)
{
	const struct moving *x = a, *y = b;
	return (x->to > y->to) - (x->to < y->to);
}

static struct cr_error *find_rows(struct cr_change *change,
				  const struct cr_change_rename *renames,
				  size_t nr, struct moving *m)
{
	for (size_t i = 0; i < nr; i++) {
		struct cr_error *err =
			row_there(change, renames[i].from, &m[i].from);
		if (err)
			return at_name(err, renames[i].from);
		err = cr_row_of(change, renames[i].to, &m[i].to);
		if (err)
			return at_name(err, renames[i].to);
	}
	return NULL;
}

/* Is every name in one row, and every place free or made free? Sorts m. */
static struct cr_error *check_rows(struct moving *m, size_t nr)
{
	qsort(m, nr, sizeof(m[0]), by_to);
	for (size_t i = 1; i < nr; i++)
		if (m[i].to == m[i - 1].to)
			return cr_error_new(CR_ERR_USAGE,
					    "%s: two files would get that name",
					    m[i].to->key);
	qsort(m, nr, sizeof(m[0]), by_from);
	for (size_t i = 1; i < nr; i++)
		if (m[i].from == m[i - 1].from)
			return cr_error_new(CR_ERR_USAGE,
					    "%s: would get two names",
					    m[i].from->key);
	for (size_t i = 0; i < nr; i++) {
		struct moving key = { .from = m[i].to };
		if (m[i].to->content &&
		    !bsearch(&key, m, nr, sizeof(m[0]), by_from))
			return cr_error_new(CR_ERR_USAGE, "%s: is there already",
					    m[i].to->key);
	}
	return NULL;
}

struct cr_error *cr_change_rename_all(struct cr_change *change,
				      const struct cr_change_rename *renames,
				      size_t nr)
{
	if (!nr)
		return NULL;
	cr_auto_free struct moving *m = calloc(nr, sizeof(m[0]));
	if (!m)
		return cr_enomem;
	struct cr_error *err = find_rows(change, renames, nr, m);
	if (!err)
		err = check_rows(m, nr);
	if (err)
		return err;
	for (size_t i = 0; i < nr; i++) {
		m[i].content = cr_take_ptr(m[i].from->content);
		m[i].like = cr_take_ptr(m[i].from->like);
	}
	for (size_t i = 0; i < nr; i++) {
		m[i].to->content = m[i].content;
		m[i].to->like = m[i].like;
	}
	return NULL;
}

struct cr_error *cr_change_rename(struct cr_change *change, const char *from,
				  const char *to)
{
	return cr_change_rename_all(
		change, &(struct cr_change_rename){ from, to }, 1);
}
