// SPDX-License-Identifier: MIT
/*
 * Getting and changing values by path (lib/ops/path.h), in every image that the
 * path means. What is written is checked against the schema: types, ranges,
 * required fields.
 *
 * All edits of one call see the images as they were before it: numbers of
 * entries and elements do not shift between them. They act in their order, and
 * an entry is checked when all have acted, so that together they may do what one
 * after the other would break.
 */
#ifndef CR_LIB_OPS_EDIT_H
#define CR_LIB_OPS_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ops/change.h"
#include "lib/ops/path.h"

enum cr_edit_op {
	CR_EDIT_SET,
	CR_EDIT_UNSET,
	CR_EDIT_APPEND,
};

struct cr_edit {
	enum cr_edit_op op;
	struct cr_path path;
	const char *value; /* SET, APPEND: as a person writes it */
};

struct cr_edit_opts {
	const char *image; /* paths that name none mean this one */
	bool if_exists;	   /* a path that leads nowhere is no error */
};

/** Reads "PATH=VALUE", or PATH alone; text outlives it. USAGE. Free with
 * cr_path_free(&edit->path). */
struct cr_error *cr_edit_parse(enum cr_edit_op op, const char *text,
			       struct cr_edit *ret) CR_MUST_CHECK;

/**
 * Does the edits, as pending changes. NOT_FOUND: a path leads nowhere, with the
 * place where it ended; USAGE: it does not say of which image; FORMAT: it fits
 * several places and has no "*", or a value does not fit. After an error the
 * change is to be given up.
 */
struct cr_error *cr_edit_run(struct cr_change *change,
			     const struct cr_edit_opts *opts,
			     struct cr_edit *edits, size_t nr) CR_MUST_CHECK;

/** A value that was found; see struct cr_place. */
typedef struct cr_error *cr_edit_get_fn(void *arg, const char *image,
					struct cr_tree *t,
					const struct cr_place *place);

/** Calls fn for every value that the path leads to; payloads are there. The
 * same errors. */
struct cr_error *cr_edit_get(struct cr_set *set, const struct cr_edit_opts *opts,
			     struct cr_path *path, cr_edit_get_fn *fn, void *arg)
	CR_MUST_CHECK;

#endif
