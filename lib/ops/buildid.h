// SPDX-License-Identifier: MIT
/*
 * The build-id of an ELF file, which need not be in the first PT_NOTE. Files are
 * not trusted: what is no ELF file, or broken, has none.
 *
 * Source: man 5 elf, "Notes".
 */
#ifndef CR_LIB_OPS_BUILDID_H
#define CR_LIB_OPS_BUILDID_H

#include <stddef.h>
#include <stdint.h>

#define CR_BUILD_ID_MAX 64

struct cr_build_id {
	uint8_t bytes[CR_BUILD_ID_MAX];
	size_t size; /* 0: none */
};

/** Reads it from a file that is open. */
void cr_build_id_read(int fd, struct cr_build_id *ret);

#endif
