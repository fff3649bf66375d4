// SPDX-License-Identifier: MIT
/*
 * libelf, loaded when it is first needed and not linked: that would cost every
 * start of the program. It stays loaded.
 */
#ifndef CR_LIB_ELF_LIBELF_H
#define CR_LIB_ELF_LIBELF_H

#include "lib/base/error.h"

/** The library, for dlsym(3). UNSUPPORTED: this system has none. */
struct cr_error *cr_libelf_open(void **ret) CR_MUST_CHECK;

/** That it lacks a function. */
struct cr_error *cr_libelf_too_old(void) CR_MUST_CHECK CR_NOT_NULL;

#endif
