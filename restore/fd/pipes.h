// SPDX-License-Identifier: MIT
/*
 * What pipes and FIFOs have in common: open files with the same pipe_id are ends
 * of one pipe, and what is in it stands in an image of its own.
 *
 * Facts: CRIU criu/pipes.c and criu/fifo.c, v4.2; man 7 pipe.
 */
#ifndef CR_RESTORE_FD_PIPES_H
#define CR_RESTORE_FD_PIPES_H

#include "restore/fd/kind.h"

enum cr_pipes_which { CR_PIPES_PIPE, CR_PIPES_FIFO };

/* An open file that is an end of a pipe. */
struct cr_pipe_end {
	uint32_t pipe_id;
	struct cr_ofile *file;
};

/** Reads what is in the pipes and finds out which ends they have, once. */
struct cr_error *cr_pipes_load(struct cr_rplan *plan, enum cr_pipes_which which)
	CR_MUST_CHECK;

/** Accepts NULL. */
void cr_pipes_free(struct cr_pipes *pipes);

/** The ends of a pipe, *nr_ret of them. */
const struct cr_pipe_end *cr_pipes_ends(const struct cr_rplan *plan,
					enum cr_pipes_which which,
					uint32_t pipe_id, size_t *nr_ret);

/** Gives a new pipe its size and its bytes; fd can be written and does not
 * block. */
struct cr_error *cr_pipes_fill(struct cr_restore *run,
			       enum cr_pipes_which which, uint32_t pipe_id,
			       int fd) CR_MUST_CHECK;

/** Opens an end from a descriptor of the pipe, whatever that is open for. */
struct cr_error *cr_pipes_reopen(struct cr_restore *run, struct cr_ofile *end,
				 int fd) CR_MUST_CHECK;

#endif
