// SPDX-License-Identifier: MIT
/*
 * What the actions of `crit edit` share: the options and the target. To add one,
 * see actions.def
 * and domain.def.
 */
#ifndef CR_CRIT_EDIT_EDIT_H
#define CR_CRIT_EDIT_EDIT_H

#include <stdio.h>

#include "crit/change.h"
#include "crit/opts.h"
#include "crit/verb.h"
#include "lib/ops/change.h"

struct cr_edit_options {
	struct cr_crit_change change;
	const char *target, *patch;
	bool editor, if_exists, src, dst, listen;
	const char *pids, *offset, *sysroot;
	unsigned what;
	struct cr_words args;
};

/* One invocation. */
struct cr_edit_call {
	const struct cr_verb_call *verb;
	const struct cr_edit_options *o;
	FILE *out;
	char *path;		  /* of the checkpoint */
	char *image;		  /* the target is this image of it, or NULL */
	bool is_file;		  /* it is a file of a directory */
	struct cr_change *change; /* NULL: an action that only looks */
	struct cr_set *set;	  /* the checkpoint, with what is pending */
};

#define ACTION(name, ...) \
	struct cr_error *cr_edit_act_##name(struct cr_edit_call *call) \
		CR_MUST_CHECK;
#include "crit/edit/actions.def"
#undef ACTION
#define DOMAIN(id, ...) \
	struct cr_error *cr_edit_act_##id(struct cr_edit_call *call) \
		CR_MUST_CHECK;
#include "crit/edit/domain.def"
#undef DOMAIN

/* The options --patch and --editor. */
struct cr_error *cr_edit_act_patch(struct cr_edit_call *call) CR_MUST_CHECK;
struct cr_error *cr_edit_act_editor(struct cr_edit_call *call) CR_MUST_CHECK;

/**
 * Which checkpoint and which image of it a target is: a directory or an archive,
 * an image file, or ARCHIVE/IMAGE. Sets path, image and is_file, which the caller
 * frees.
 */
struct cr_error *cr_edit_target(struct cr_edit_call *call) CR_MUST_CHECK;

/** Writes the image that the target is to the file that -o names. */
struct cr_error *cr_edit_write_file(struct cr_edit_call *call) CR_MUST_CHECK;

#endif
