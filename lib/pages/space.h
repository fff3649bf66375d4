// SPDX-License-Identifier: MIT
/*
 * An address space as the images describe it: its mappings by ascending address,
 * and the page size. What is in them is reader.h's work.
 *
 * The page size is stored nowhere as such; it is AT_PAGESZ of the saved
 * auxiliary vector. A checkpoint of memory alone (pre-dump) has no mappings.
 * Guard ranges (MADV_GUARD_INSTALL), which CRIU lists beside the mappings they
 * lie in, are left out.
 *
 * Facts: CRIU criu/include/image.h (VMA_*), images/mm.proto, v4.2; mappings in
 * an image of their own before 1.2.
 */
#ifndef CR_LIB_PAGES_SPACE_H
#define CR_LIB_PAGES_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/image/set.h"

/* vma_entry.status */
enum cr_vma_status {
	CR_VMA_STACK = 1 << 1,
	CR_VMA_VSYSCALL = 1 << 2,
	CR_VMA_VDSO = 1 << 3,
	CR_VMA_HEAP = 1 << 5,
	CR_VMA_FILE_PRIVATE = 1 << 6,
	CR_VMA_FILE_SHARED = 1 << 7,
	CR_VMA_ANON_SHARED = 1 << 8,
	CR_VMA_ANON_PRIVATE = 1 << 9,
	CR_VMA_SYSVIPC = 1 << 10,
	CR_VMA_SOCKET = 1 << 11,
	CR_VMA_VVAR = 1 << 12,
	CR_VMA_AIORING = 1 << 13,
	CR_VMA_MEMFD = 1 << 14,
	CR_VMA_SHSTK = 1 << 15,
	CR_VMA_GUARD = 1 << 16,
	CR_VMA_UPROBES = 1 << 17,
};

struct cr_vma {
	uint64_t start, end;
	uint64_t pgoff; /* bytes into the file or object */
	uint64_t shmid; /* of the object, or the file's id */
	uint32_t prot, flags; /* PROT_*, MAP_* */
	uint32_t status;      /* enum cr_vma_status */
};

struct cr_space {
	struct cr_vma *vma;
	size_t nr;
	uint32_t page_size;
	bool no_vmas; /* nothing is known of mappings */
};

#define CR_SPACE_PAGE_SIZE 4096 /* where nothing says otherwise */

/**
 * Loads the address space of a process. NOT_FOUND: it has none (a zombie).
 * FORMAT: mappings out of order or empty, or a page size that is none. Free
 * with cr_space_deinit().
 */
struct cr_error *cr_space_init(struct cr_space *space, struct cr_set *set,
			       uint32_t pid) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_space_deinit(struct cr_space *space);

/** The index of the first mapping that ends after vaddr; nr if none does. */
size_t cr_space_find(const struct cr_space *space, uint64_t vaddr);

#endif
