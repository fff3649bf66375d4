// SPDX-License-Identifier: MIT
#include "lib/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

static struct cr_error *open_kind(int fd, const struct stat *st,
				  struct cr_store *store)
{
	if (S_ISDIR(st->st_mode))
		return cr_store_open_dir(fd, store);
	return cr_error_new(CR_ERR_UNSUPPORTED, "not a directory");
}

struct cr_error *cr_store_open(const char *path, struct cr_store **ret)
{
	struct stat st;
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return cr_error_sys("%s", path);
	struct cr_store *store = calloc(1, sizeof(*store));
	if (!store)
		return cr_enomem;
	store->dir_fd = -1;
	store->path = strdup(path);
	struct cr_error *err =
		store->path ? open_kind(fd, &st, store) : cr_enomem;
	if (err) {
		cr_store_close(store);
		return cr_error_at(err, "%s", path);
	}
	*ret = store;
	return NULL;
}

void cr_store_close(struct cr_store *store)
{
	if (!store)
		return;
	if (store->ops)
		store->ops->close(store);
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

struct cr_error *cr_store_open_file(struct cr_store *store, const char *name,
				    struct cr_file *ret)
{
	*ret = (struct cr_file){ .fd = -1 };
	struct cr_error *err = store->ops->open(store, name, ret);
	return err ? cr_error_at(err, "%s", name) : NULL;
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
	*cursor = (struct cr_file_cursor){ .file = file };
	return cr_source_init_read(ret, 64 * 1024, read_cursor, cursor);
}
