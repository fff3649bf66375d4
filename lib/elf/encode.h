// SPDX-License-Identifier: MIT
/*
 * ELF headers of either class and byte order, through libelf.
 *
 * The caller fills the 64-bit structures; for a 32-bit file they are narrowed,
 * and it is for the caller to see that they fit. Sources: man 5 elf; libelf.h, elf32_xlatetom.
 */
#ifndef CR_LIB_ELF_ENCODE_H
#define CR_LIB_ELF_ENCODE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* A file's form. */
struct cr_elf {
	bool is64, big;
	void (*xlate)(void); /* libelf's function for the class */
};

/** UNSUPPORTED: this system has no libelf. */
struct cr_error *cr_elf_init(struct cr_elf *elf, bool is64, bool big)
	CR_MUST_CHECK;

/* Room for any of the headers. */
#define CR_ELF_MAX 64

/** Bytes of a header in the file. */
size_t cr_elf_ehdr_size(const struct cr_elf *elf);
size_t cr_elf_phdr_size(const struct cr_elf *elf);
size_t cr_elf_shdr_size(const struct cr_elf *elf);

/**
 * Writes a header into ret, which has room for it. e_ident, e_version and the
 * sizes of entries are filled in. INTERNAL: libelf will not.
 */
struct cr_error *cr_elf_ehdr(const struct cr_elf *elf, const Elf64_Ehdr *ehdr,
			     void *ret) CR_MUST_CHECK;
struct cr_error *cr_elf_phdr(const struct cr_elf *elf, const Elf64_Phdr *phdr,
			     void *ret) CR_MUST_CHECK;
struct cr_error *cr_elf_shdr(const struct cr_elf *elf, const Elf64_Shdr *shdr,
			     void *ret) CR_MUST_CHECK;

/** The header of a note, of 12 bytes in either class. */
struct cr_error *cr_elf_nhdr(const struct cr_elf *elf, const Elf64_Nhdr *nhdr,
			     void *ret) CR_MUST_CHECK;

#endif
