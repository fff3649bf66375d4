// SPDX-License-Identifier: MIT
/*
 * Takes out of a checkpoint what is nobody else's business: keys, contents,
 * names, addresses. What is left has the old structure: lengths, offsets and
 * counts hold, every image still decodes, and what had the same name before has
 * the same name after.
 *
 * Contents (payloads, memory, values of the environment) become zeros or "x" of
 * the same length. Names and addresses are replaced one-to-one, in the order in
 * which they are met, so the same checkpoint gives the same result; nothing of
 * the old name is in the new one.
 *
 * What is covered is a table, kinds[] in redact/redact.c; to add a kind, write its
 * function and a row. Which fields hold names, addresses and keys stands in the
 * schema (lib/ops/mean.h). What is known not to be covered is part of the result,
 * for nobody can prove that nothing was missed: programs keep copies of secrets
 * wherever they like.
 */
#ifndef CR_LIB_OPS_REDACT_H
#define CR_LIB_OPS_REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/ops/change.h"
#include "lib/pages/search.h"

#define CR_REDACT_KINDS 20

/** The name of kind i, NULL behind the last; *what_ret: what it covers. */
const char *cr_redact_kind(unsigned i, const char **what_ret);

struct cr_redact_opts {
	const char *only;   /* "KIND,KIND": these; NULL: what is usual */
	const char *keep;   /* "KIND,/PREFIX": not these, nor paths below */
	const char *memory; /* "all", or "anon,heap,stack,shared,file,other" */
	const struct cr_search *pattern; /* in memory; NULL: none */
};

struct cr_redact_row {
	bool done;
	uint64_t nr, size; /* things, and their bytes where that says more */
};

struct cr_redact_result {
	struct cr_redact_row row[CR_REDACT_KINDS];
	json_t *gaps; /* list of texts: what was not covered, and why */
	json_t *map;  /* {"names": {"old": "new"}, ...} */
};

/** The sentence that goes with every result. */
extern const char cr_redact_caveat[];

/**
 * Makes it pending. The change should count its notes only (count_only), since
 * they hold the old values. USAGE: no such kind. FORMAT: an image is broken.
 */
struct cr_error *cr_redact(struct cr_change *change,
			   const struct cr_redact_opts *opts,
			   struct cr_redact_result *ret) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_redact_result_deinit(struct cr_redact_result *result);

#endif
