// SPDX-License-Identifier: MIT
/*
 * What the parts of `crit ghost` share: the files that lost their names, who
 * uses them, and the list of both.
 *
 * A row is what stands in for files: a ghost, which has saved content, another
 * name (linked), or a process (procfs). Several files, that is several opens of
 * one inode, may have one row.
 */
#ifndef CR_CRIT_GHOST_GHOST_H
#define CR_CRIT_GHOST_GHOST_H

#include <stdint.h>

#include "crit/x/x.h"
#include "lib/image/ghost.h"

/* Who uses a file. */
struct cr_ghost_user {
	uint32_t file; /* id */
	uint32_t pid;
	enum {
		CR_USER_FD, /* a descriptor, start */
		CR_USER_MAP, /* a mapping, start to end */
		CR_USER_EXE,
		CR_USER_CWD,
		CR_USER_ROOT,
	} kind;
	uint64_t start, end;
};

struct cr_ghosts {
	struct cr_x x;
	struct cr_remaps remaps; /* by file */
	struct cr_remap *row;	 /* by type, id and file; those of one row
				    follow each other */
	size_t nr;
	struct cr_ghost_user *user; /* by file */
	size_t nr_users, cap_users;
};

/** Reads what stands in for what, and lists ghosts that nothing refers to. */
struct cr_error *cr_ghosts_load(struct cr_ghosts *g) CR_MUST_CHECK;

/** Finds the users of every file; what is wrong with a process is a finding. */
void cr_ghosts_find_users(struct cr_ghosts *g);

/** The place behind the row that begins at i. */
size_t cr_ghosts_row_end(const struct cr_ghosts *g, size_t i);

/** True if a file is known of a row's entry. */
bool cr_ghosts_has_file(const struct cr_remap *remap);

/** The path of a file, or NULL; free it. */
char *cr_ghosts_path(struct cr_ghosts *g, uint32_t file);

/** Writes rows as a table; has_id: those of one ghost. */
void cr_ghosts_list(struct cr_ghosts *g, bool has_id, uint32_t id);

/** Writes the content of one ghost to a file. */
struct cr_error *cr_ghosts_extract(struct cr_ghosts *g, uint32_t id,
				   const char *path) CR_MUST_CHECK;

/** Writes every regular ghost to a file ID-NAME of a new directory; what is
 * wrong with one is a finding. */
struct cr_error *cr_ghosts_extract_all(struct cr_ghosts *g, const char *path)
	CR_MUST_CHECK;

#endif
