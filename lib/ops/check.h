// SPDX-License-Identifier: MIT
/*
 * Is a checkpoint whole, and do its images agree? What is looked at is what a
 * restore relies on: that every image is there and can be read, that ids lead
 * to what they name, that pages, mappings, files and mounts fit together and,
 * if asked, that this host has what the checkpoint needs.
 *
 * What is wrong is a finding and never an error; findings are data. The rules
 * are rows of check/rules.def, the code that applies them is in check/, a file
 * a topic. A checkpoint may be hostile: that gives findings. Memory is about
 * the size of files.img and of what mappings and pagemaps one process has, time
 * n log n in the number of entries.
 *
 * Facts: CRIU v4.2, what criu restore refuses; criu/pstree.c, criu/files.c,
 * criu/mem.c, criu/pagemap.c, criu/mount.c, criu/files-reg.c, criu/sk-unix.c.
 */
#ifndef CR_LIB_OPS_CHECK_H
#define CR_LIB_OPS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/image/set.h"
#include "lib/ops/host.h"

enum cr_severity {
	CR_NOTE,    /* worth knowing; nothing is wrong */
	CR_WARNING, /* a restore may work and not be what was meant */
	CR_ERROR,   /* a restore fails, or makes something broken */
	CR_NR_SEVERITIES,
};

enum cr_rule {
#define RULE(id, ...) CR_RULE_##id,
#include "lib/ops/check/rules.def"
	CR_NR_RULES
};

struct cr_check_rule {
	const char *code; /* stable: "fd-missing-file" */
	enum cr_severity severity;
	const char *fix; /* what to do about it; lower case, no full stop */
};

extern const struct cr_check_rule cr_check_rules[CR_NR_RULES];

/** "note", "warning", "error". */
extern const char *const cr_severity_names[CR_NR_SEVERITIES];

/* Valid while the callback runs. Texts are UTF-8 without control characters. */
struct cr_finding {
	const struct cr_check_rule *rule;
	const char *image; /* NULL: it is about no image */
	bool has_entry;
	uint64_t entry; /* in the image, from 0 */
	const char *message;
};

/** What it returns ends the check. */
typedef struct cr_error *cr_check_fn(void *arg,
				     const struct cr_finding *finding);

/* Findings of one rule that are shown unless all are wanted. */
#define CR_CHECK_SHOWN 20

struct cr_check_opts {
	/* Directory to look for open and mapped files in, or NULL. */
	const char *sysroot;
	/* What there is on the host to restore on, or NULL. */
	const struct cr_host *host;
	bool quick; /* no look at every entry of every image, nor at pages */
	bool all;   /* every finding, however many */
};

struct cr_check_result {
	uint64_t nr[CR_NR_RULES]; /* findings, also those not shown */
	uint64_t by_severity[CR_NR_SEVERITIES];
};

/** True if nothing worse than a note was found. */
static inline bool cr_check_is_clean(const struct cr_check_result *result)
{
	return !result->by_severity[CR_WARNING] &&
	       !result->by_severity[CR_ERROR];
}

/**
 * Runs the rules over a checkpoint: fn for each finding, by topic and within it
 * in the order of the images. Fails with NOMEM, with SYSTEM if the sysroot
 * cannot be opened, or with what fn returned.
 */
struct cr_error *cr_check(struct cr_set *set, const struct cr_check_opts *opts,
			  cr_check_fn *fn, void *arg,
			  struct cr_check_result *ret) CR_MUST_CHECK;

#endif
