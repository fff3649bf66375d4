// SPDX-License-Identifier: MIT
/*
 * Names in an archive, as text: nothing here looks at a file system. A clean
 * name has no leading or trailing slash and no component that is empty, "." or
 * ".."; "" is the top.
 */
#ifndef CR_LIB_STORE_NAME_H
#define CR_LIB_STORE_NAME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Longer names than the system has are nobody's. */
#define CR_NAME_MAX PATH_MAX

enum cr_name {
	CR_NAME_OK,
	CR_NAME_ABSOLUTE,
	CR_NAME_DOTDOT,
	CR_NAME_TOO_LONG,
};

/** Makes a name clean, if it can be without ".." being worked out. */
enum cr_name cr_name_clean(const char *name, char ret[CR_NAME_MAX]);

/* On the way along a name: where it has got to, and what is left. */
struct cr_name_walk {
	char path[CR_NAME_MAX]; /* clean */
	size_t size;
	char rest[CR_NAME_MAX];
	const char *left;	/* in rest: what has not been gone */
	const char *root;	/* path stays in it */
	unsigned nr_links;
};

/** Starts at base, which is root or beneath it. False: too long. */
bool cr_name_walk_init(struct cr_name_walk *walk, const char *root,
		       const char *base, const char *name);

enum cr_name_step {
	CR_NAME_STEP,	  /* path is one component longer, or shorter by ".." */
	CR_NAME_ARRIVED,
	CR_NAME_OUT,	  /* leads out of root */
	CR_NAME_CONFUSED, /* too long, or too many links */
};

enum cr_name_step cr_name_step(struct cr_name_walk *walk);

/** path was found to be a link: goes on where that says. */
enum cr_name_step cr_name_follow(struct cr_name_walk *walk, const char *link);

#endif
