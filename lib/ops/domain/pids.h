// SPDX-License-Identifier: MIT
/*
 * Which process id becomes which. Ids are kept in order, so that a lookup costs
 * log n.
 */
#ifndef CR_LIB_OPS_DOMAIN_PIDS_H
#define CR_LIB_OPS_DOMAIN_PIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct cr_pid_pair {
	uint32_t old, to;
	bool said; /* by the user, not all of them by an offset */
	uint64_t hits;
};

struct cr_pids {
	struct cr_pid_pair *pair;
	size_t nr, cap;
	bool sorted;
};

/** Adds "OLD=NEW", or lines of these: blank ones and what follows a '#' do not
 * count. USAGE: no numbers from 1 to CR_PID_MAX - 1, or not so many lines. */
struct cr_error *cr_pids_parse(struct cr_pids *pids, const char *text)
	CR_MUST_CHECK;
struct cr_error *cr_pids_parse_lines(struct cr_pids *pids, const char *text,
				     size_t size) CR_MUST_CHECK;

/** Adds an id that is there: it stays, unless it is added as another. */
struct cr_error *cr_pids_add(struct cr_pids *pids, uint32_t old, uint32_t to,
			     bool said) CR_MUST_CHECK;

/** Accepts zeroed ones. */
void cr_pids_free(struct cr_pids *pids);

/** Drops what was added twice. USAGE: one id would become two. */
struct cr_error *cr_pids_sort(struct cr_pids *pids) CR_MUST_CHECK;

/** USAGE: two ids would become one. */
struct cr_error *cr_pids_check(const struct cr_pids *pids) CR_MUST_CHECK;

/** What an id becomes, or NULL: it stays. */
struct cr_pid_pair *cr_pids_find(const struct cr_pids *pids, uint64_t old);

#endif
