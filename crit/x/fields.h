// SPDX-License-Identifier: MIT
/*
 * The integers of a message by its descriptor, for views that show whatever a
 * message has: registers of any processor, statistics.
 */
#ifndef CR_CRIT_X_FIELDS_H
#define CR_CRIT_X_FIELDS_H

#include "crit/x/x.h"

struct cr_field_at {
	const char *path; /* of the message: "tmstate.gpregs"; "" outermost */
	const char *name; /* of the field */
	long i;		  /* in a repeated one, else -1 */
	uint64_t value;
};

typedef void cr_field_fn(struct cr_x *x, void *arg,
			 const struct cr_field_at *at);

/** Calls fn for each integer that is there, in the order of field numbers. The
 * message's type must not contain itself. */
void cr_x_each_field(struct cr_x *x, const ProtobufCMessage *msg,
		     cr_field_fn *fn, void *arg);

#endif
