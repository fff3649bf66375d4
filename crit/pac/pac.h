// SPDX-License-Identifier: MIT
/*
 * What the views of `crit pac` share: the checkpoint, how its pointers are signed
 * (proved once, by all its stacks), and the slots of the process at hand.
 *
 * To add one: a function here and a row in crit/pac.c.
 */
#ifndef CR_CRIT_PAC_PAC_H
#define CR_CRIT_PAC_PAC_H

#include "crit/x/table.h"
#include "crit/x/x.h"
#include "lib/unwind/slots.h"
#include "lib/unwind/stacks.h"

struct cr_pac_opts {
	const char *dir, *pids, *sysroot;
	unsigned what;
	bool json;
};

struct cr_pac {
	struct cr_x x;
	const struct cr_pac_opts *o;
	struct cr_memory memory;
	struct cr_signs signs;
	struct cr_pac_found {
		bool is_done, has;
		struct cr_slots slots;
	} *found; /* of each task of the tree */
};

void cr_pac_show(struct cr_pac *p);
void cr_pac_slots(struct cr_pac *p);
void cr_pac_verify(struct cr_pac *p);

/** Calls fn for each wanted process that has stacks, whose slots are looked for
 * the first time; what is wrong with one is a finding, then. */
typedef void cr_pac_fn(struct cr_pac *p, struct cr_stacks *stacks,
		       const struct cr_slots *slots, void *arg);
void cr_pac_each(struct cr_pac *p, cr_pac_fn *fn, void *arg);

/** How the pointers are signed: a line, and the member "scheme". */
void cr_pac_scheme(struct cr_pac *p);

/** A slot as a row under these columns. */
extern const struct cr_column cr_pac_slot_columns[];
void cr_pac_slot(struct cr_pac *p, struct cr_stacks *stacks,
		 const struct cr_slot *slot);

#endif
