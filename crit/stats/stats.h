// SPDX-License-Identifier: MIT
/*
 * What the parts of `crit stats` share: where the bytes of a checkpoint are,
 * counted once and shown by process, by kind of mapping, by mapped file, by
 * shared object and by image.
 *
 * Pages of a shared object count for the object and its kind, not for the
 * processes that map it, so each byte of a pages image counts once.
 */
#ifndef CR_CRIT_STATS_STATS_H
#define CR_CRIT_STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crit/x/table.h"
#include "crit/x/x.h"
#include "lib/pages/usage.h"

/* What mappings of one file, or of one shared object, come to. */
struct cr_stats_item {
	uint64_t id; /* of the file, or shmid */
	uint64_t nr; /* mappings */
	struct cr_usage usage;
	enum cr_usage_kind kind;
	char *name;
};

struct cr_stats_items {
	struct cr_stats_item *item;
	size_t nr, cap;
};

/* Whose pages stand in pages-N.img. */
struct cr_stats_owner {
	uint32_t pages_id;
	bool is_object;
	uint32_t id; /* pid or shmid */
	uint64_t stored;
};

struct cr_stats {
	struct cr_x x;
	struct cr_memory memory;
	struct cr_memory_ids pids;
	struct cr_usage total;
	struct {
		uint64_t nr; /* mappings */
		struct cr_usage usage;
	} kinds[CR_NR_USAGE_KINDS];
	struct cr_stats_items files, shared;
	struct cr_stats_owner *owner;
	size_t nr_owners, cap_owners;
};

/* Columns of cr_stats_put_usage(). */
#define CR_STATS_USAGE_COLUMNS                                            \
	{ "mapped", true }, { "here", true }, { "stored", true },         \
		{ "parent", true }, { "lazy", true }, { "zero", true },   \
		{ "other", true }

void cr_stats_put_usage(struct cr_x *x, const struct cr_usage *usage);

/** Begins a table; title is for the text form. */
void cr_stats_begin(struct cr_x *x, const char *title, const char *key,
		    const struct cr_column *columns);

/** Makes room for one more in a list; what it returns takes its place. NULL: no
 * memory, and *list is as it was. */
void *cr_stats_reserve(void *list, size_t nr, size_t *cap, size_t size);

/* In the order in which they are called. */

/** Counts processes and shows them. */
void cr_stats_processes(struct cr_stats *s);

/** Counts shared objects. */
void cr_stats_count_objects(struct cr_stats *s);

void cr_stats_kinds(struct cr_stats *s);
void cr_stats_files(struct cr_stats *s);
void cr_stats_shared(struct cr_stats *s);

/** Shows pages images with what their owners use of them, then all others. */
void cr_stats_images(struct cr_stats *s);

/* ---- between the parts ---- */

/** Adds a mapping to that of a file or object which was added last, if it is of
 * the same, or else as a new one. */
struct cr_error *cr_stats_add_item(struct cr_stats *s,
				   struct cr_stats_items *items, uint64_t id,
				   const struct cr_vma *vma,
				   const struct cr_usage *usage) CR_MUST_CHECK;

/** Notes whose pages image it is. */
struct cr_error *cr_stats_add_owner(struct cr_stats *s,
				    const struct cr_pages *pages,
				    uint64_t stored, uint32_t id) CR_MUST_CHECK;

void cr_stats_free_items(struct cr_stats_items *items);

#endif
