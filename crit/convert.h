// SPDX-License-Identifier: MIT
/*
 * What decode, encode and show share: opening the input, choosing between a
 * file, a directory and standard output, and a progress line.
 */
#ifndef CR_CRIT_CONVERT_H
#define CR_CRIT_CONVERT_H

#include "crit/verb.h"
#include "lib/ops/convert.h"

/**
 * Converts in to out and frees what the conversion kept. in: a file or a
 * directory, "-" or NULL for standard input. out: a file, NULL for standard
 * output, and for a directory the directory to make.
 */
struct cr_error *cr_crit_convert(const struct cr_verb_call *call,
				 struct cr_convert *c, const char *in,
				 const char *out) CR_MUST_CHECK;

/**
 * Opens the input for reading; *name_ret is NULL for standard input. A file in
 * an archive is named as if the archive were a directory: a.tar.gz/pstree.img;
 * one of an OCI layout, or in DIR/checkpoint, as if it were in DIR.
 */
struct cr_error *cr_crit_open(const struct cr_verb_call *call, const char *in,
			      int *fd_ret, const char **name_ret) CR_MUST_CHECK;

/** Where a path goes on behind a regular file, as that of a file in an archive
 * does: at that slash; else NULL. */
char *cr_crit_slash_behind_file(char *path);

/** One of two ways to name the input. USAGE if both are used. */
struct cr_error *cr_crit_one_input(const char *option, const char *arg,
				   const char **ret) CR_MUST_CHECK;

#endif
