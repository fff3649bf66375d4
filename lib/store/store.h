// SPDX-License-Identifier: MIT
/*
 * Where the files of a checkpoint come from: a directory, a container engine's
 * archive, or whatever else gets a row in store.c. Files are read at any offset
 * and in place; nothing is ever written, unpacked or changed.
 *
 * A store has two places. The images' directory is where names lead that come
 * out of images: `checkpoint/` of an archive, wherever that is. The top holds
 * what the engine put beside it: config.dump, spec.dump. Where there is nothing
 * beside the images both are the same.
 *
 * Names come from images and archives, so they are not trusted: a name never
 * leads out of its place, through "..", a leading slash or a link. Only
 * cr_store_open_parent() follows a directory's link wherever it leads, as CRIU
 * does.
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
	int64_t mtime;	 /* seconds since 1970 */
	int fd;		 /* -1 if it has none of its own */
	const void *mem; /* all of its bytes, if the store holds them */
	void *data;	 /* of the kind of store */
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
	/* The same, from the top. */
	struct cr_error *(*open_top)(struct cr_store *store, const char *name,
				     struct cr_file *ret);
	/* The text of a symbolic link; NOT_FOUND. The caller frees it. */
	struct cr_error *(*link)(struct cr_store *store, const char *name,
				 char **ret);
	/* Another directory as a store; *ret is new, all but zeroed. */
	struct cr_error *(*open_parent)(struct cr_store *store,
					const char *link, struct cr_store *ret);
	bool (*same)(const struct cr_store *a, const struct cr_store *b);
	/* See cr_store_images(). */
	const char *(*images)(const struct cr_store *store);
	void (*close)(struct cr_store *store);
};

/* What was odd and has been left out or decided: as errors would be. */
#define CR_STORE_FINDINGS 16

struct cr_store_findings {
	struct cr_error *err[CR_STORE_FINDINGS];
	size_t nr;
	uint64_t nr_more; /* for which there was no room */
};

struct cr_store {
	const struct cr_store_ops *ops;
	char *path; /* as it was opened, for messages */
	void *data; /* of the kind */
	int dir_fd; /* of a directory, else -1 */
	int top_fd; /* of a directory whose images are in one below, else -1 */
	struct cr_store_findings findings;
};

/*
 * What an archive may expand to; an archive beyond one of them is refused, for
 * it is broken or made to do harm. 0: the default. UINT64_MAX: no limit.
 */
struct cr_store_limits {
	uint64_t nr_members;  /* 200,000 */
	uint64_t member_size; /* 1 TiB */
	uint64_t total_size;  /* 4 TiB */
	uint64_t ratio;	      /* 250 times the archive's size, from 64 MiB on */
};

/**
 * Opens a store, path being
 *
 *	DIR		that holds images, or a directory `checkpoint` with them
 *	ARCHIVE		as Podman, CRI-O and containerd export it: see archive.c
 *	LAYOUT		a directory, with such an archive as a layer: see oci.c
 *
 * NOT_FOUND if there is no checkpoint in it, or it is nothing that could hold
 * one; UNSUPPORTED if this system lacks what reads it; FORMAT if it is broken or
 * too large; SYSTEM. A directory is not looked into, it may be empty. The caller
 * closes the store, after all of its files.
 */
struct cr_error *cr_store_open(const char *path, struct cr_store **ret)
	CR_MUST_CHECK;

/** The same with other limits than the defaults. */
struct cr_error *cr_store_open_limited(const char *path,
				       const struct cr_store_limits *limits,
				       struct cr_store **ret) CR_MUST_CHECK;

/** The same from a file or directory that is already open, fd staying the
 * caller's; path is for messages, which do not begin with it. */
struct cr_error *cr_store_open_fd(int fd, const char *path,
				  const struct cr_store_limits *limits,
				  struct cr_store **ret) CR_MUST_CHECK;

/** The images' directory as seen from the top, a clean name: "checkpoint"; "" if
 * both are the same. Lives as long as the store. */
const char *cr_store_images(const struct cr_store *store);

/**
 * The checkpoint before this one: what the link, or directory, `link` of the
 * images' directory leads to. In an archive it is another directory of it. The
 * errors are those of an operation on a file: NOT_FOUND, if there is no such
 * thing. The caller closes *ret; the two stores do not need each other.
 */
struct cr_error *cr_store_open_parent(struct cr_store *store, const char *link,
				      struct cr_store **ret) CR_MUST_CHECK;

/** True if both are the same directory. */
bool cr_store_same(const struct cr_store *a, const struct cr_store *b);

/** Accepts NULL. */
void cr_store_close(struct cr_store *store);

/** See struct cr_store_ops. Errors of those that open a file name it. */
struct cr_error *cr_store_each(struct cr_store *store,
			       struct cr_error *(*item)(void *arg,
							const char *name),
			       void *arg) CR_MUST_CHECK;
struct cr_error *cr_store_open_file(struct cr_store *store, const char *name,
				    struct cr_file *ret) CR_MUST_CHECK;
struct cr_error *cr_store_open_top(struct cr_store *store, const char *name,
				   struct cr_file *ret) CR_MUST_CHECK;
struct cr_error *cr_store_read_link(struct cr_store *store, const char *name,
				    char **ret) CR_MUST_CHECK;

/** A file that an engine put beside the images' directory or, where there is
 * none, at the top: they differ if that directory is deeper. */
struct cr_error *cr_store_open_beside(struct cr_store *store, const char *name,
				      struct cr_file *ret) CR_MUST_CHECK;

/* Names of files, for who changes them while going through them. */
struct cr_store_names {
	char **name;
	size_t nr, cap;
};

/** What cr_store_each() tells, collected. Free in any case. */
struct cr_error *cr_store_list(struct cr_store *store, struct cr_store_names *ret)
	CR_MUST_CHECK;

/** Accepts zeroed ones. */
void cr_store_names_free(struct cr_store_names *names);

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

/* ---- for the kinds of store ---- */

/** What reads a file that is nothing but its fd. */
struct cr_error *cr_file_pread_fd(struct cr_file *file, void *data, size_t size,
				  uint64_t off, size_t *n_ret) CR_MUST_CHECK;

/** Notes what was odd; takes err. */
void cr_store_found(struct cr_store *store, struct cr_error *err);

/**
 * A kind of store, opened from a file or directory of the caller's; *store is
 * new, with its path set. Their files say what they are.
 */
struct cr_error *cr_store_open_dir(int fd, struct cr_store *store)
	CR_MUST_CHECK;
struct cr_error *cr_store_open_images_dir(int fd, struct cr_store *store)
	CR_MUST_CHECK;
struct cr_error *cr_store_open_archive(int fd,
				       const struct cr_store_limits *limits,
				       struct cr_store *store) CR_MUST_CHECK;
struct cr_error *cr_store_open_oci(int fd, const struct cr_store_limits *limits,
				   struct cr_store *store) CR_MUST_CHECK;

#endif
