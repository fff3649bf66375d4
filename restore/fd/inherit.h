// SPDX-License-Identifier: MIT
/*
 * Open files that are not opened but given to us: --inherit-fd fd[N]:KEY, as
 * CRIU has it. Key of a file with a path is the path, with or without its first
 * slash; of other kinds what their row in kinds.c says, e.g. "pipe:[123]".
 *
 * Facts: CRIU criu/files.c (inherit_fd_parse, inherited_fd), v4.2.
 */
#ifndef CR_RESTORE_FD_INHERIT_H
#define CR_RESTORE_FD_INHERIT_H

#include "restore/fd/kind.h"

/** USAGE: a list that makes no sense, or a descriptor that is not open. */
struct cr_error *cr_inherit_check(struct cr_rplan *plan) CR_MUST_CHECK;

/** Finds out whether a file is given: file->inherited. */
struct cr_error *cr_inherit_plan(struct cr_rplan *plan, struct cr_ofile *file)
	CR_MUST_CHECK;

/** Takes a copy of the descriptor. It stays the same open file. */
struct cr_error *cr_inherit_open(struct cr_restore *run, struct cr_ofile *file)
	CR_MUST_CHECK;

#endif
