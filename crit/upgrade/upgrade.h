// SPDX-License-Identifier: MIT
/*
 * The inside of 'crit upgrade' and 'crit downgrade'.
 */
#ifndef CR_CRIT_UPGRADE_UPGRADE_H
#define CR_CRIT_UPGRADE_UPGRADE_H

#include "crit/change.h"
#include "crit/verb.h"
#include "lib/codec/writer.h"
#include "lib/ops/upgrade.h"

struct cr_crit_upgrade {
	struct cr_crit_change change;
	const char *path, *to;
	bool recursive, drop;
	uint64_t jobs;
};

/** Collects one upgrade, and unless it is forced checks what would come of it.
 * Messages begin with the path. *ret is to be freed whatever happens. */
struct cr_error *cr_crit_upgrade_one(const struct cr_crit_upgrade *o,
				     const struct cr_upgrade_opts *opts,
				     struct cr_change *change,
				     struct cr_upgrade *ret) CR_MUST_CHECK;

/** Every checkpoint below a directory: a line of JSON each. */
struct cr_error *cr_crit_upgrade_all(const struct cr_verb_call *call,
				     const struct cr_upgrade_opts *opts,
				     const char *done) CR_MUST_CHECK;

/** Members "steps", and "left", "lost" and "unread" if there are any. */
struct cr_error *cr_crit_upgrade_put(struct cr_writer *w,
				     const struct cr_upgrade *u) CR_MUST_CHECK;

/** A key and a text, which is made printable. */
struct cr_error *cr_crit_upgrade_text(struct cr_writer *w, const char *key,
				      const char *text) CR_MUST_CHECK;

#endif
