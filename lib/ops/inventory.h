// SPDX-License-Identifier: MIT
/*
 * What the inventory says of the whole checkpoint's form, and changes to that.
 * Facts: CRIU images/inventory.proto, v4.3.
 */
#ifndef CR_LIB_OPS_INVENTORY_H
#define CR_LIB_OPS_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/ops/change.h"

enum { CR_IMG_V1_0 = 1, CR_IMG_V1_1 = 2, CR_IMG_V1_2 = 3 }; /* img_version */

struct cr_inventory {
	bool exists;
	uint32_t img_version;
	bool compress;	     /* memory is in compressed blocks */
	uint32_t block_size; /* of them, before compression; 0: not said */
};

/** All zero if there is no inventory. FORMAT. */
struct cr_error *cr_inventory_load(struct cr_set *set,
				   struct cr_inventory *ret) CR_MUST_CHECK;

/* A number of the inventory as it shall be. */
struct cr_inventory_field {
	uint32_t number;
	const char *name;
	bool present;
	uint64_t value;
};

/** Sets and removes numbers, by ascending field number, and notes them; what is
 * as it was already is left alone. All other bytes stay. */
struct cr_error *cr_inventory_set(struct cr_change *change,
				  const struct cr_inventory_field *fields,
				  size_t nr) CR_MUST_CHECK;

#endif
