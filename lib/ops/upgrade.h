// SPDX-License-Identifier: MIT
/*
 * Checkpoints in the form that another version of CRIU writes and reads.
 *
 * THE table of forms stands in upgrade.c: a row is one change of the format, the
 * version of CRIU that came with it, and a function that makes the new form of
 * the old one. Some rows lead back as well, for versions that do not read the
 * new form. Rows run in their order (and back in the reverse one), each on what
 * those before it made of the checkpoint, as parts of one change: cr_change says
 * how that is done whole or not at all. What has its form already is left alone,
 * so that doing it again changes nothing.
 *
 * Nothing is guessed. Where the images lack what the new form wants, they stay
 * as they are and the report says so; fields that the schema does not have are
 * carried along.
 *
 * Facts: CRIU images/ and criu/, v1.0 to v4.3; what a reader does with an old form
 * stands in the functions.
 */
#ifndef CR_LIB_OPS_UPGRADE_H
#define CR_LIB_OPS_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/ops/change.h"

/* A version of CRIU; these compare. */
#define CR_CRIU(major, minor) ((uint32_t)(major) * 1000 + (minor))

/* The newest form, and the oldest that there is a way back to. */
#define CR_UPGRADE_NEWEST CR_CRIU(4, 3)
#define CR_UPGRADE_OLDEST CR_CRIU(3, 17)

/** Reads "4.1", also "4.1.1". USAGE: it is none, or later than the newest. */
struct cr_error *cr_upgrade_version(const char *text, uint32_t *ret)
	CR_MUST_CHECK;

struct cr_step;

/* A change of the format. */
struct cr_upgrade_row {
	uint32_t since;	     /* the version that writes the new form */
	const char *name;    /* short, for scripts */
	const char *summary; /* what the new form is */

	/* Makes the new form; NULL if there is no old one. */
	struct cr_error *(*up)(struct cr_step *step);
	/* Makes the old form, which versions before `since` need; NULL if they
	 * read the new one as well. */
	struct cr_error *(*down)(struct cr_step *step);
};

extern const struct cr_upgrade_row cr_upgrade_rows[];
extern const size_t cr_nr_upgrade_rows;

/* What was done. */
struct cr_upgrade_done {
	const struct cr_upgrade_row *row;
	bool down;
	uint64_t nr; /* fields, entries and files that are different */
};

enum cr_upgrade_remark {
	CR_UPGRADE_LEFT, /* has its old form still, as the text says */
	CR_UPGRADE_LOST, /* the version has no place for it */
	CR_UPGRADE_UNREAD, /* the version does not look at it; harmless */
};

struct cr_upgrade_said {
	const struct cr_upgrade_row *row;
	enum cr_upgrade_remark what;
	char *text; /* "core-1.img: ..." */
};

struct cr_upgrade {
	struct cr_upgrade_done *done; /* rows that did something, in order */
	size_t nr_done;
	struct cr_upgrade_said *said;
	size_t nr_said;
	size_t nr_lost;
};

struct cr_upgrade_opts {
	uint32_t to; /* before the oldest: what is newer is left alone */
	bool drop;   /* go on where something is lost */
};

/**
 * Collects in `change` what gives the checkpoint the form of a version, later or
 * earlier. *ret says what that is, also after an error, and is freed with
 * cr_upgrade_free().
 *
 * UNSUPPORTED: something is lost, which the message names, and opts do not say
 * that it may be; compressed memory whose parent is as well; no file id is left.
 * FORMAT: images are broken. Errors name image, entry and field.
 */
struct cr_error *cr_upgrade(struct cr_change *change,
			    const struct cr_upgrade_opts *opts,
			    struct cr_upgrade *ret) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_upgrade_free(struct cr_upgrade *upgrade);

#endif
