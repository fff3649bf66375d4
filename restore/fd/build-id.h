// SPDX-License-Identifier: MIT
/*
 * The build-id of an ELF file: the note that CRIU compares. Only its program
 * headers are looked at, and nothing in the file is trusted.
 *
 * Facts: man 5 elf; CRIU criu/files-reg.c (get_build_id), v4.2.
 */
#ifndef CR_RESTORE_FD_BUILD_ID_H
#define CR_RESTORE_FD_BUILD_ID_H

#include <stddef.h>
#include <stdint.h>

#define CR_BUILD_ID_MAX 64

/** Puts the build-id at ret, zeroes behind it, and returns its size; 0 if the
 * file has none. */
size_t cr_build_id(int fd, uint8_t ret[CR_BUILD_ID_MAX]);

#endif
