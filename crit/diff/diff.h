// SPDX-License-Identifier: MIT
/*
 * What the parts of `crit diff` share: two checkpoints, who is who in them, and
 * what is written about them.
 *
 * There are two ways of comparing: the rows of a view (rows.c; every view of
 * crit/x/views.def that has keys is a section) and memory (memory.c). Who is who
 * is settled once (match.c): processes and threads of B have an id for keys,
 * which is that of the same one in A, or one that nobody in A has.
 */
#ifndef CR_CRIT_DIFF_DIFF_H
#define CR_CRIT_DIFF_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crit/opts.h"
#include "crit/x/rows.h"
#include "crit/x/x.h"
#include "lib/pages/memory.h"

enum {
#define VIEW(name, ...) CR_SECTION_##name,
#include "crit/x/views.def"
#undef VIEW
	CR_SECTION_MEMORY,
	CR_NR_SECTIONS,
};

enum { CR_MATCH_PID = 1, CR_MATCH_NAME };

struct cr_diff_opts {
	const char *path[2], *pids, *sysroot;
	unsigned match;
	bool json, bytes, secrets, exit_code;
	struct cr_words what;
};

struct cr_differ {
	const struct cr_diff_opts *o;
	struct cr_x side[2]; /* A and B, to be read */
	bool has_tree[2];
	struct cr_memory_ids pids[2]; /* processes with memory */
	struct cr_x out; /* what is written; keeps errors and findings of all */

	struct cr_row_id *id[2]; /* processes and threads, by id */
	uint64_t *as[2];	 /* their ids in keys, ascending */
	size_t nr_ids[2];

	bool wanted[CR_NR_SECTIONS];
	uint64_t nr[CR_NR_SECTIONS]; /* differences */
};

/** What a section is called; NULL for a view that is not compared. */
const char *cr_section_name(unsigned section);

/** Finds out who is who, once both trees are loaded, and which of them -p
 * wants. */
struct cr_error *cr_diff_match(struct cr_differ *d) CR_MUST_CHECK;

/** The id that a process or thread of a side has in keys. */
uint64_t cr_diff_id(const struct cr_differ *d, int side, uint32_t id);

/** Whether a side has what has this id in keys. */
bool cr_diff_has(const struct cr_differ *d, int side, uint64_t as);

/** Compares a view. */
void cr_diff_rows(struct cr_differ *d, unsigned section);

/** Compares memory. */
void cr_diff_memory(struct cr_differ *d);

#endif
