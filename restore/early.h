// SPDX-License-Identifier: MIT
/*
 * Pages that are read once for all copies (clones.h), into memory of ours from
 * which each copy takes what it needs: those of processes but the first, of which
 * copies have the memory itself, and those of shared memory, which each copy has
 * for itself. Of what a process has in common with its parent, the pages that
 * differ are kept.
 *
 * Processes are forked with this memory; what is left of it goes with all that is
 * ours.
 */
#ifndef CR_RESTORE_EARLY_H
#define CR_RESTORE_EARLY_H

#include "restore/plan.h"

struct cr_early; /* the pages of a process, or of an object */

/** Makes room for all of it, where the kernel likes. */
struct cr_error *cr_early_reserve(struct cr_rplan *plan) CR_MUST_CHECK;

/** Reads all, when early mappings of the first process have been filled. */
struct cr_error *cr_early_read(struct cr_rplan *plan) CR_MUST_CHECK;

/** Lets go of all. Accepts a plan without. */
void cr_early_drop(struct cr_rplan *plan);

/** Pages of a shared memory object; NULL: they have not been read. */
const struct cr_early *cr_early_object(const struct cr_rplan *plan,
				       uint32_t shmid);

/** Copies what there is of [start, end) to `to`, which is where start is to be.
 * If page is not 0, only pages of that size that differ. */
void cr_early_copy(const struct cr_early *early, uint64_t start, uint64_t end,
		   void *to, size_t page);

#endif
