// SPDX-License-Identifier: MIT
/*
 * Paths: how people name values in images.
 *
 *	core-129.img:entries[0].thread_core.comm
 *	core-*.img:entries[*].tc.comm
 *	files.img:entries[type=REG, reg.size>0x1000].reg.name
 *
 *	path	 = [image ":"] name { step }	the first name is "entries"
 *	image	 = a file name, in which * and ? match as in a shell
 *	step	 = "." name | ".*" | "[" select "]"
 *	select	 = index | "*" | ["*" ","] test { "," test }
 *	test	 = [relative path] [op value]	without op: is there
 *	op	 = "=" | "!=" | "<" | "<=" | ">" | ">="
 *	value	 = text without "," and "]", or a JSON string
 *
 * An index from the end is negative. A test without a path is of the element
 * itself: threads[=12]. A value is anything that can be set, in any form; it is
 * compared by what it means, so [prot=PROT_READ] and [prot=0x1] are the same.
 * Only numbers are less or greater. "!=" is also true of what is not there.
 * A list that is followed by a name without a selection stands for its only
 * element.
 *
 * Whoever wants one value says so: a selection by tests, or of an only element,
 * that fits several is ambiguous; with "*" in it, it is meant.
 */
#ifndef CR_LIB_OPS_PATH_H
#define CR_LIB_OPS_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ops/tree.h"

enum cr_path_kind {
	CR_PATH_NAME,
	CR_PATH_ANY,   /* every field that is there */
	CR_PATH_INDEX, /* of a list */
	CR_PATH_EACH,  /* of a list, if it passes the tests */
};

enum cr_path_op {
	CR_PATH_HAS,
	CR_PATH_EQ,
	CR_PATH_NE,
	CR_PATH_LT,
	CR_PATH_LE,
	CR_PATH_GT,
	CR_PATH_GE,
};

struct cr_path_step {
	enum cr_path_kind kind;
	char *name;    /* NAME */
	int64_t index; /* INDEX */
	bool all;      /* EACH: several are meant */
	struct cr_path_test *test;
	size_t nr_tests;
};

struct cr_path_steps {
	struct cr_path_step *step;
	size_t nr;
};

struct cr_path_test {
	struct cr_path_steps at; /* none: the element itself */
	enum cr_path_op op;
	char *value;
	const struct cr_field *of; /* what want is of */
	json_t *want;		   /* value, as trees have it */
};

struct cr_path {
	char *image; /* NULL: not said */
	struct cr_path_steps at;
	bool glob;    /* image is a pattern */
	bool payload; /* names what only stands in payloads */
};

/** Reads a path. USAGE, with the column. Free with cr_path_free(). */
struct cr_error *cr_path_parse(const char *text, size_t size,
			       struct cr_path *ret) CR_MUST_CHECK;

/** Accepts a zeroed path. */
void cr_path_free(struct cr_path *path);

/** True if the file name is one that the path means. */
bool cr_path_takes(const struct cr_path *path, const char *image);

/**
 * The entries that the path selects by number, [first, end), out of nr; all of
 * them if it does so in another way. False: there is no such entry. nr may be
 * UINT64_MAX for "not counted": *count_ret then says if it has to be.
 */
bool cr_path_range(const struct cr_path *path, uint64_t nr, uint64_t *first_ret,
		   uint64_t *end_ret, bool *count_ret);

/** True if "*" is in it: what it names in several places is meant there. */
bool cr_path_is_wild(const struct cr_path *path);

/**
 * The fields (struct cr_field.bit) without which an entry cannot have what the
 * path names; 0 if that cannot be said. absent: see struct cr_path_walk.
 */
uint64_t cr_path_needs(const struct cr_path *path, const struct cr_plan *plan,
		       bool absent);

/* A value that a path has led to. */
struct cr_place {
	const char *path; /* "entries[0].thread_core.comm" */
	const char *field_path; /* "thread_core.comm", "" for an entry */
	json_t *in;	  /* the object or list that it is in; NULL: an entry */
	const char *key;  /* of an object */
	size_t index;	  /* of a list */
	json_t *value;	  /* NULL: it is not there, but could be */
	const struct cr_plan *plan;   /* of the message it is in; NULL: none */
	const struct cr_field *field; /* NULL: not of the schema */
	const struct cr_plan *sub;    /* of the message it is, or holds */
	bool element;		      /* of a repeated field */
};

typedef struct cr_error *cr_place_fn(void *arg, struct cr_place *place);

struct cr_path_walk {
	struct cr_tree *t;
	struct cr_path *path;
	cr_place_fn *fn; /* NULL: only count */
	void *arg;
	bool absent; /* a field that is not there is a place as well, and
			messages on the way to it are made */
	bool lax;    /* names that the schema does not have lead nowhere */

	const char *image;
	uint64_t nr;		    /* places found */
	struct cr_error *ambiguous; /* what fits several: the first */
	struct cr_error *miss;	    /* where it ended that went furthest */
	size_t miss_depth;
	struct cr_out text;   /* the path so far */
	size_t within;	      /* where it goes on within the entry */
	uint64_t nr_entries;  /* that had places, of this image */
	uint64_t first_entry; /* of them */
};

struct cr_error *cr_path_walk_init(struct cr_path_walk *walk, struct cr_tree *t,
				   struct cr_path *path) CR_MUST_CHECK;

/** Accepts a zeroed walk. */
void cr_path_walk_deinit(struct cr_path_walk *walk);

/** Another image begins; its name outlives the walk. */
void cr_path_walk_image(struct cr_path_walk *walk, const char *image);

/**
 * Calls fn for each place that the path leads to in entry i. fn may replace the
 * value; it must not remove it. NOT_FOUND: a name that the schema does not
 * have, with the nearest one; FORMAT: a test's value does not fit its field.
 * Errors begin with the field, as those of a cr_rewrite_fn do.
 */
struct cr_error *cr_path_walk_entry(struct cr_path_walk *walk,
				    const struct cr_image_type *type,
				    uint64_t i, json_t *entry) CR_MUST_CHECK;

#endif
