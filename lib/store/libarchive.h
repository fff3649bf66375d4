// SPDX-License-Identifier: MIT
/*
 * Loading libarchive. Linked, it would bring along a dozen libraries and make
 * every start of a program some 10 ms slower, so it is loaded when the first
 * archive is opened: UNSUPPORTED without it.
 */
#ifndef CR_LIB_STORE_LIBARCHIVE_H
#define CR_LIB_STORE_LIBARCHIVE_H

#include <stddef.h>

#include "lib/base/error.h"

/* A function and where its address goes. */
struct cr_libarchive_row {
	const char *name;
	size_t off;
};

/** Loads the functions of the rows, up to one without name, into a struct of
 * pointers. They stay for good. */
struct cr_error *cr_libarchive_load(const struct cr_libarchive_row *rows,
				    void *functions) CR_MUST_CHECK;

#endif
