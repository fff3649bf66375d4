// SPDX-License-Identifier: MIT
#include "lib/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

static struct cr_error *open_kind(int fd, const struct stat *st,
				  const struct cr_store_limits *limits,
				  struct cr_store *store)
{
	if (S_ISDIR(st->st_mode) && !faccessat(fd, "oci-layout", F_OK, 0))
		return cr_store_open_oci(fd, limits, store);
	if (S_ISDIR(st->st_mode))
		return cr_store_open_images_dir(fd, store);
	if (S_ISREG(st->st_mode))
		return cr_store_open_archive(fd, limits, store);
	return cr_error_new(CR_ERR_NOT_FOUND,
			    "neither a directory nor a tar archive");
}

static struct cr_store *create(const char *path)
{
	struct cr_store *store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->dir_fd = store->top_fd = -1;
	store->path = strdup(path);
	if (store->path)
		return store;
	free(store);
	return NULL;
}

/* 0 is the default. */
static uint64_t limit(uint64_t wanted, uint64_t usual)
{
	return wanted ? wanted : usual;
}

struct cr_error *cr_store_open_fd(int fd, const char *path,
				  const struct cr_store_limits *limits,
				  struct cr_store **ret)
{
	struct stat st;
	if (fstat(fd, &st))
		return cr_error_sys("cannot open");
	struct cr_store *store = create(path);
	if (!store)
		return cr_enomem;
	struct cr_store_limits all = {
		.nr_members = limit(limits->nr_members, 200000),
		.member_size = limit(limits->member_size, 1ull << 40),
		.total_size = limit(limits->total_size, 4ull << 40),
		.ratio = limit(limits->ratio, 250),
	};
	struct cr_error *err = open_kind(fd, &st, &all, store);
	if (err) {
		cr_store_close(store);
		return err;
	}
	*ret = store;
	return NULL;
}

struct cr_error *cr_store_open_limited(const char *path,
				       const struct cr_store_limits *limits,
				       struct cr_store **ret)
{
	/* A FIFO is not waited for. */
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return cr_error_sys("%s", path);
	struct cr_error *err = cr_store_open_fd(fd, path, limits, ret);
	return err ? cr_error_at(err, "%s", path) : NULL;
}

struct cr_error *cr_store_open(const char *path, struct cr_store **ret)
{
	return cr_store_open_limited(path, &(struct cr_store_limits){ 0 }, ret);
}

struct cr_error *cr_store_open_parent(struct cr_store *store, const char *link,
				      struct cr_store **ret)
{
	struct cr_store *parent = create(store->path ?: link);
	if (!parent)
		return cr_enomem;
	struct cr_error *err = store->ops->open_parent(store, link, parent);
	if (err) {
		cr_store_close(parent);
		return cr_error_at(err, "%s", link);
	}
	*ret = parent;
	return NULL;
}

bool cr_store_same(const struct cr_store *a, const struct cr_store *b)
{
	return a->ops == b->ops && a->ops->same(a, b);
}

const char *cr_store_images(const struct cr_store *store)
{
	return store->ops->images(store);
}

void cr_store_found(struct cr_store *store, struct cr_error *err)
{
	struct cr_store_findings *f = &store->findings;
	if (f->nr < CR_STORE_FINDINGS) {
		f->err[f->nr++] = err;
		return;
	}
	f->nr_more++;
	cr_error_free(err);
}

void cr_store_close(struct cr_store *store)
{
	if (!store)
		return;
	if (store->ops)
		store->ops->close(store);
	for (size_t i = 0; i < store->findings.nr; i++)
		cr_error_free(store->findings.err[i]);
	free(store->path);
	free(store);
}

struct cr_error *cr_store_each(struct cr_store *store,
			       struct cr_error *(*item)(void *arg,
							const char *name),
			       void *arg)
{
	return store->ops->each(store, item, arg);
}

/* ---- names ---- */

static struct cr_error *add_name(void *arg, const char *name)
{
	struct cr_store_names *all = arg;
	if (all->nr == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 64;
		void *more = reallocarray(all->name, cap, sizeof(all->name[0]));
		if (!more)
			return cr_enomem;
		all->name = more;
		all->cap = cap;
	}
	all->name[all->nr] = strdup(name);
	return all->name[all->nr] ? (all->nr++, NULL) : cr_enomem;
}

struct cr_error *cr_store_list(struct cr_store *store, struct cr_store_names *ret)
{
	*ret = (struct cr_store_names){ 0 };
	return cr_store_each(store, add_name, ret);
}

void cr_store_names_free(struct cr_store_names *names)
{
	for (size_t i = 0; i < names->nr; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct cr_store_names){ 0 };
}

/* ---- files ---- */

struct cr_error *cr_store_open_file(struct cr_store *store, const char *name,
				    struct cr_file *ret)
{
	*ret = (struct cr_file){ .fd = -1 };
	struct cr_error *err = store->ops->open(store, name, ret);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

struct cr_error *cr_store_open_top(struct cr_store *store, const char *name,
				   struct cr_file *ret)
{
	*ret = (struct cr_file){ .fd = -1 };
	struct cr_error *err = store->ops->open_top(store, name, ret);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

struct cr_error *cr_store_open_beside(struct cr_store *store, const char *name,
				      struct cr_file *ret)
{
	const char *images = cr_store_images(store);
	const char *slash = strrchr(images, '/');
	cr_auto_free char *path = NULL;
	if (!slash)
		return cr_store_open_top(store, name, ret);
	if (asprintf(&path, "%.*s/%s", (int)(slash - images), images, name) <
	    0) {
		path = NULL;
		return cr_enomem;
	}
	struct cr_error *err = cr_store_open_top(store, path, ret);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		err = cr_store_open_top(store, name, ret);
	return err;
}

struct cr_error *cr_store_read_link(struct cr_store *store, const char *name,
				    char **ret)
{
	struct cr_error *err = store->ops->link(store, name, ret);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

struct cr_error *cr_file_read(struct cr_file *file, void *data, size_t size,
			      uint64_t off)
{
	char *p = data;
	while (size) {
		size_t n;
		struct cr_error *err =
			file->ops->pread(file, p, size, off, &n);
		if (err)
			return err;
		if (!n)
			return cr_error_new(CR_ERR_FORMAT,
					    "byte %llu: the file ends, %zu "
					    "bytes are missing",
					    (unsigned long long)off, size);
		p += n;
		off += n;
		size -= n;
	}
	return NULL;
}

struct cr_error *cr_file_pread_fd(struct cr_file *file, void *data, size_t size,
				  uint64_t off, size_t *n_ret)
{
	ssize_t n;
	do {
		n = pread(file->fd, data, size, (off_t)off);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cr_error_sys("read");
	*n_ret = (size_t)n;
	return NULL;
}

void cr_file_close(struct cr_file *file)
{
	if (file->ops)
		file->ops->close(file);
	*file = (struct cr_file){ .fd = -1 };
}

static struct cr_error *read_cursor(void *arg, void *data, size_t size,
				    size_t *n_ret)
{
	struct cr_file_cursor *cursor = arg;
	struct cr_error *err = cursor->file->ops->pread(
		cursor->file, data, size, cursor->off, n_ret);
	if (!err)
		cursor->off += *n_ret;
	return err;
}

struct cr_error *cr_file_source(struct cr_file *file,
				struct cr_file_cursor *cursor,
				struct cr_source *ret)
{
	if (file->fd >= 0)
		return cr_source_init_fd(ret, file->fd);
	if (file->mem) {
		cr_source_init_mem(ret, file->mem, file->size);
		return NULL;
	}
	*cursor = (struct cr_file_cursor){ .file = file };
	return cr_source_init_read(ret, 64 * 1024, read_cursor, cursor);
}
