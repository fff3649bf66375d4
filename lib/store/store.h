// SPDX-License-Identifier: MIT
/*
 * Where the files of a checkpoint come from: a directory, or whatever else gets
 * a row in store.c. Files are named relative to where the images are, and are
 * read at any offset; nothing is ever written.
 *
 * Names come from images and archives, so they are not trusted: a name never
 * leads out of the store, through "..", a leading slash or a link.
 *
 * Sources: man 2 openat2 (RESOLVE_BENEATH).
 */
#ifndef CR_LIB_STORE_STORE_H
#define CR_LIB_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/source.h"

struct cr_store;

/* A file of a store, open for reading. */
struct cr_file {
	const struct cr_file_ops *ops;
	uint64_t size;
	int fd;	    /* -1 if it has none of its own */
	void *data; /* of the kind of store */
};

struct cr_file_ops {
	/* Reads up to size bytes at off; *n_ret 0 only at the end. */
	struct cr_error *(*pread)(struct cr_file *file, void *data, size_t size,
				  uint64_t off, size_t *n_ret);
	void (*close)(struct cr_file *file);
};

/* One kind of store. */
struct cr_store_ops {
	/* Files and links by name, in the order of strcmp; item() may be called
	 * before the walk has ended. */
	struct cr_error *(*each)(struct cr_store *store,
				 struct cr_error *(*item)(void *arg,
							  const char *name),
				 void *arg);
	/* NOT_FOUND if there is no such file. */
	struct cr_error *(*open)(struct cr_store *store, const char *name,
				 struct cr_file *ret);
	/* The text of a symbolic link; NOT_FOUND. The caller frees it. */
	struct cr_error *(*link)(struct cr_store *store, const char *name,
				 char **ret);
	void (*close)(struct cr_store *store);
};

struct cr_store {
	const struct cr_store_ops *ops;
	char *path; /* as it was opened, for messages */
	void *data; /* of the kind */
	int dir_fd; /* of a directory, else -1 */
};

/**
 * Opens a store. NOT_FOUND or SYSTEM if path cannot be opened, UNSUPPORTED if
 * it is nothing that can hold a checkpoint. The caller closes it.
 */
struct cr_error *cr_store_open(const char *path, struct cr_store **ret)
	CR_MUST_CHECK;

/** Accepts NULL. */
void cr_store_close(struct cr_store *store);

/** See struct cr_store_ops. Errors of cr_store_open_file() name the file. */
struct cr_error *cr_store_each(struct cr_store *store,
			       struct cr_error *(*item)(void *arg,
							const char *name),
			       void *arg) CR_MUST_CHECK;
struct cr_error *cr_store_open_file(struct cr_store *store, const char *name,
				    struct cr_file *ret) CR_MUST_CHECK;
struct cr_error *cr_store_read_link(struct cr_store *store, const char *name,
				    char **ret) CR_MUST_CHECK;

/** Reads exactly size bytes; FORMAT if the file ends before. */
struct cr_error *cr_file_read(struct cr_file *file, void *data, size_t size,
			      uint64_t off) CR_MUST_CHECK;

/** Accepts a zeroed file. */
void cr_file_close(struct cr_file *file);

/** A source over a whole file, which outlives it. */
struct cr_file_cursor {
	struct cr_file *file;
	uint64_t off;
};

struct cr_error *cr_file_source(struct cr_file *file,
				struct cr_file_cursor *cursor,
				struct cr_source *ret) CR_MUST_CHECK;

/** A directory as a store. */
struct cr_error *cr_store_open_dir(int fd, struct cr_store *store)
	CR_MUST_CHECK;

#endif
