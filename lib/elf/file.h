// SPDX-License-Identifier: MIT
/*
 * An ELF file as an unwinder wants it: segments, tables of call frames, symbols,
 * build-id, properties. From a file, or from the bytes of one.
 *
 * Headers and symbols are read through libelf; what it says is checked against
 * the bytes there are, so a hostile file is an error or lacks something. Without
 * section headers the tables are found through program headers. Sections that
 * are compressed are expanded.
 *
 * A file must not be cut short while it is open. Sources: man 5 elf; Linux
 * Standard Base 5.0, Core, 10.6; "Linux Extensions to gABI" (GNU properties).
 */
#ifndef CR_LIB_ELF_FILE_H
#define CR_LIB_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

/* Bytes of the file, and where its own addresses put them. */
struct cr_elf_part {
	const uint8_t *data; /* NULL: it has none */
	size_t size;
	uint64_t vaddr;
};

/* PT_LOAD, as far as the file has it. */
struct cr_elf_segment {
	uint64_t off, vaddr, file_size;
	bool is_code;
};

struct cr_elf_symbol {
	uint64_t start, end; /* the end may be a guess: where the next begins */
	const char *name;    /* may hold any byte; in the file */
	bool is_sized;
};

#define CR_ELF_BUILD_ID_MAX 64

/* GNU_PROPERTY_AARCH64_FEATURE_1_AND, GNU_PROPERTY_X86_FEATURE_1_AND */
enum cr_elf_feature {
	CR_ELF_AARCH64_BTI = 1,
	CR_ELF_AARCH64_PAC = 2,
	CR_ELF_AARCH64_GCS = 4,
	CR_ELF_X86_IBT = 1,
	CR_ELF_X86_SHSTK = 2,
};

struct cr_elf_file {
	const uint8_t *data;
	size_t size;
	bool is_mapped;	  /* by us */
	void *owned;	  /* or allocated: NULL, if neither */
	void *elf;	  /* libelf's */
	const struct cr_elf_calls *calls;
	uint16_t machine; /* EM_* */
	bool is64, big;
	struct cr_elf_segment *segment;
	size_t nr_segments;
	struct cr_elf_part eh_frame, eh_frame_hdr, debug_frame;
	uint8_t build_id[CR_ELF_BUILD_ID_MAX];
	size_t build_id_size; /* 0: it has none */
	uint32_t features;    /* enum cr_elf_feature, of the machine */

	struct cr_elf_symbol *symbol; /* functions, ascending */
	size_t nr_symbols;
	bool has_symbols; /* they have been looked for */
};

/** Opens a regular file, which is the caller's to close; it need not stay
 * open. FORMAT: it is no ELF file, or a broken one. UNSUPPORTED: no libelf. Close
 * with cr_elf_file_close(). */
struct cr_error *cr_elf_file_open(struct cr_elf_file *file, int fd)
	CR_MUST_CHECK;

/** The same for bytes that malloc(3) gave; they are the file's from now on, also
 * after an error. */
struct cr_error *cr_elf_file_take(struct cr_elf_file *file, void *data,
				  size_t size) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_elf_file_close(struct cr_elf_file *file);

/**
 * The difference between addresses of the process and of the file, if the byte
 * at off is mapped at vaddr, as code or as something else. False if no segment
 * has that byte.
 */
bool cr_elf_file_bias(const struct cr_elf_file *file, uint64_t off,
		      uint64_t vaddr, bool is_code, uint64_t *ret);

/** The function that holds an address of the file. *ret is NULL if none does.
 * It lives as long as the file. */
struct cr_error *cr_elf_file_symbol(struct cr_elf_file *file, uint64_t vaddr,
				    const struct cr_elf_symbol **ret)
	CR_MUST_CHECK;

#endif
