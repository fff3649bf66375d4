// SPDX-License-Identifier: MIT
/*
 * What the parts of lib/ops/change share.
 *
 *	rows.c		what is pending, by name; putting, renaming, removing
 *	overlay.c	a store of the base's files and the pending ones
 *	stage.c		the temporary directory, and writing into it
 *	guard.c		locks, and what was there when it was read
 *	notes.c		the list for users
 *	commit.c	choosing the way and going it, for one or for many
 *	tree.c		a directory that becomes the new checkpoint
 *	archive.c	an archive that does
 *
 * Keys: a row's key is its name in the images' directory, or "/NAME" for a file of
 * the top if that is another directory.
 */
#ifndef CR_LIB_OPS_CHANGE_IMPL_H
#define CR_LIB_OPS_CHANGE_IMPL_H

#include <limits.h>
#include <sys/stat.h>

#include "lib/ops/change.h"

/* Both names of ours: in a directory, and around NAME beside it. */
#define CR_CHANGE_TMP "crit-tmp"

enum cr_content_kind {
	CR_CONTENT_BASE,   /* the bytes, or link, of a file of the base */
	CR_CONTENT_MEM,
	CR_CONTENT_STAGED, /* a file in the stage */
	CR_CONTENT_LINK,
};

/* What a name stands for. Shared by the row and by open files. */
struct cr_content {
	unsigned refs;
	enum cr_content_kind kind;
	char *text; /* BASE: key; STAGED: name in the stage; LINK: its text */
	uint8_t *mem;
	uint64_t size; /* MEM */
};

struct cr_row {
	char *key;
	bool in_base;		    /* the base has this name */
	struct cr_content *content; /* NULL: there is no such file */
	char *like; /* the base's file it comes from, whose mode it gets, or
		     * NULL. Is content NULL, so is this. */
	bool noted;
	bool moved;	   /* while files are told */
	bool described;	   /* sizes are known, as they were at the commit */
	uint64_t old_size, size;

	/* of archives */
	struct cr_row *heir; /* whose place in the archive is this one's */
	bool written;
};

/* Where temporary files are. */
struct cr_stage {
	int parent_fd; /* -1: not open, as is fd then */
	int fd;
	char *name;    /* in parent_fd */
	char *target;  /* what it is beside of, in parent_fd; NULL if it is
			* elsewhere */
	bool beside;   /* on the target's file system, to be renamed */
	uint64_t nr_files;
};

/* A file of the base as it was when it was first opened. */
struct cr_seen {
	char *key;
	struct stat st;
};

struct cr_change {
	char *path;
	struct cr_change_opts opts;
	int fd;	      /* what path led to; holds the lock */
	int images_fd; /* of a directory: the images' one, with a lock of its
			* own; else -1 */
	struct stat st, images_st; /* when it was opened */
	bool is_dir;
	bool has_top; /* the images' directory is not the top */
	struct cr_store *base;
	struct cr_set set; /* its store is the overlay */

	void *rows; /* tsearch(3), by key */
	void *seen; /* tsearch(3), by key */
	uint64_t mem_total;
	struct cr_stage stage;

	struct cr_note *note;
	size_t nr_notes_kept, notes_cap;
	uint64_t nr_notes;

	bool done; /* committed, or that has been tried */
};

/* rows.c */

/** The row of that key, NULL if there is none. */
struct cr_row *cr_row_find(const struct cr_change *change, const char *key);

/** The row of a name as callers have it, made if there is none. USAGE: it is no
 * name. */
struct cr_error *cr_row_of(struct cr_change *change, const char *name,
			   struct cr_row **ret) CR_MUST_CHECK;

/** Other than in the base? */
bool cr_row_differs(const struct cr_row *row);

/** Rows that differ, by key; NULL-terminated, freed by the caller. */
struct cr_error *cr_rows_list(const struct cr_change *change,
			      struct cr_row ***ret, size_t *nr_ret)
	CR_MUST_CHECK;

void cr_rows_free(struct cr_change *change);
void cr_content_put(struct cr_content *content);

/* overlay.c */

struct cr_error *cr_overlay_open(struct cr_change *change,
				 struct cr_store **ret) CR_MUST_CHECK;

/** Opens a file of the base by its key; what it was is remembered. */
struct cr_error *cr_base_open(struct cr_change *change, const char *key,
			      struct cr_file *ret) CR_MUST_CHECK;

/** Whether the base has that name. */
struct cr_error *cr_base_has(struct cr_change *change, const char *key,
			     bool *ret) CR_MUST_CHECK;

/** Opens what a content holds; FORMAT if that is a link. */
struct cr_error *cr_content_open(struct cr_change *change,
				 struct cr_content *content,
				 struct cr_file *ret) CR_MUST_CHECK;

/* stage.c */

/** Makes the stage if there is none: beside the target if that can be, else
 * elsewhere. */
struct cr_error *cr_stage_need(struct cr_change *change) CR_MUST_CHECK;

/** A new file in it; the name is the caller's to free. */
struct cr_error *cr_stage_file(struct cr_change *change, int *fd_ret,
			       char **name_ret) CR_MUST_CHECK;

/** Removes it and what is in it. */
void cr_stage_remove(struct cr_change *change);

/** Removes what a crash has left beside the checkpoint and in it. */
void cr_stage_sweep(struct cr_change *change);

/**
 * Opens the directory that path is in, links resolved, and its name there. For
 * a path that does not exist yet its directory must.
 */
struct cr_error *cr_stage_locate(const char *path, int *fd_ret,
				 char **name_ret) CR_MUST_CHECK;

/* guard.c */

/** Locks it and remembers what path leads to. */
struct cr_error *cr_guard_lock(struct cr_change *change) CR_MUST_CHECK;

/** Remembers an open file of the base. */
struct cr_error *cr_guard_saw(struct cr_change *change, const char *key,
			      int fd) CR_MUST_CHECK;

/** Is everything as it was? `linked`: but for what hard links do to files. */
struct cr_error *cr_guard_check(struct cr_change *change, bool linked)
	CR_MUST_CHECK;

void cr_guard_free(struct cr_change *change);

/* notes.c */

void cr_notes_free(struct cr_change *change);

/** Makes out sizes while both sides can be looked at. */
struct cr_error *cr_files_describe(struct cr_change *change) CR_MUST_CHECK;

/* tree.c */

struct cr_tree {
	struct cr_change *change;
	bool share;	/* hard links come before reflinks */
	bool sync_each; /* new files, one by one */
	bool unsynced;	/* there is data that has not been synced */
};

/** Fills to_fd with what from_fd will hold. `top`: that is the top, and the
 * images' directory is below it. */
struct cr_error *cr_tree_fill(struct cr_tree *tree, int from_fd, int to_fd,
			      bool top) CR_MUST_CHECK;

/** Makes a row's new file, which has bytes or is a link, under some name: with
 * mode, owner and attributes. */
struct cr_error *cr_tree_make(struct cr_tree *tree, const struct cr_row *row,
			      int to_fd, const char *name) CR_MUST_CHECK;

/** The key of a name in one of the two directories. */
void cr_tree_key(char ret[NAME_MAX + 2], bool top, const char *name);

/* archive.c */

/** Writes the archive as it will be. */
struct cr_error *cr_rewrite_archive(struct cr_change *change, int to_fd)
	CR_MUST_CHECK;

#endif
