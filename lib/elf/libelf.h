// SPDX-License-Identifier: MIT
/*
 * libelf, loaded when it is first needed and not linked: that would cost every
 * start of the program. It stays loaded. A program that is linked statically loads
 * nothing, so it has libelf in it (CR_STATIC).
 */
#ifndef CR_LIB_ELF_LIBELF_H
#define CR_LIB_ELF_LIBELF_H

#include "lib/base/error.h"

/* A function of the library. */
#ifdef CR_STATIC
#define CR_LIBELF(lib, name) ((void)(lib), &name)
#else
#define CR_LIBELF(lib, name) ((__typeof__(&name))dlsym(lib, #name))
#endif

/** The library, for CR_LIBELF(). UNSUPPORTED: this system has none. */
struct cr_error *cr_libelf_open(void **ret) CR_MUST_CHECK;

/** That it lacks a function. */
struct cr_error *cr_libelf_too_old(void) CR_MUST_CHECK CR_NOT_NULL;

#endif
