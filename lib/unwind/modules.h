// SPDX-License-Identifier: MIT
/*
 * Which module, program or library, the code of a process belongs to, and what
 * is known of it: its ELF file, with call frames and symbols.
 *
 * A deleted file is in the images. The file of another mapping is looked for in
 * the sysroot, and taken only if it is the one that was mapped as far as the
 * image says (size, build-id); else it is put together from what the images have
 * of it in memory. The vdso is always there.
 * A module without a file says what was wanted and where it was looked for.
 */
#ifndef CR_LIB_UNWIND_MODULES_H
#define CR_LIB_UNWIND_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/elf/file.h"
#include "lib/pages/reader.h"
#include "lib/unwind/cfi.h"

struct cr_module {
	char *name;	/* a path, or "[vdso]"; may hold any byte but NUL */
	uint64_t id;	/* of the mapped file */
	bool is_vdso;
	bool is_in_memory; /* its bytes are the process's */
	struct cr_elf_file file;
	struct cr_error *fault; /* why it has none; NULL: it has */
	bool is_told;	/* for the caller: that it has none */
	uint64_t bias; /* added to addresses of the file */
	struct cr_cfi frames[2]; /* .eh_frame, .debug_frame */
	struct cr_module *next;
};

struct cr_modules {
	struct cr_pages *pages;
	uint16_t machine; /* EM_*: files for another are none */
	struct cr_module **of; /* by mapping */
	struct cr_module *all;
	size_t nr;
};

/** The pages are of a process, and stay the caller's. */
struct cr_error *cr_modules_init(struct cr_modules *modules,
				 struct cr_pages *pages, uint16_t machine)
	CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_modules_deinit(struct cr_modules *modules);

/** The mapping that holds an address, or NULL. */
const struct cr_vma *cr_modules_vma(const struct cr_modules *modules,
				    uint64_t vaddr);

/** The module that holds an address; NULL if nothing is mapped there or what is
 * mapped is no file. It lives as long as the modules. */
struct cr_error *cr_modules_find(struct cr_modules *modules, uint64_t vaddr,
				 struct cr_module **ret) CR_MUST_CHECK;

/** What cr_cfi_find() gives, of the table that has the address; *cfi_ret is that
 * table. NOT_FOUND: none has, or there is no file. */
struct cr_error *cr_module_frames(struct cr_module *module, uint64_t vaddr,
				  struct cr_fde *ret, struct cr_cfi **cfi_ret)
	CR_MUST_CHECK;

/** The function that holds an address of the process. *ret is NULL if that is
 * not known; *off_ret counts from its start. */
struct cr_error *cr_module_symbol(struct cr_module *module, uint64_t vaddr,
				  const struct cr_elf_symbol **ret,
				  uint64_t *off_ret) CR_MUST_CHECK;

#endif
