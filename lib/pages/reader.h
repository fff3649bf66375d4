// SPDX-License-Identifier: MIT
/*
 * Address to bytes, for a process or a shared memory object.
 *
 * An address space is a sequence of runs: pages with the same story, found one
 * after the other or by address. Where bytes come from, in this order:
 *
 *	the process's own pagemap, through any number of parents;
 *	the pagemap of the shared memory object or memfd that is mapped there;
 *	the image that holds what the segment or deleted file that is mapped
 *	there held (content.h);
 *	the file that is mapped there, if a sysroot was given;
 *	zeros: memory that was never touched.
 *
 * What is held is ranges (pagemap.h, space.h) and one expanded block, so memory
 * does not grow with what the pages hold. Not thread safe.
 *
 * Facts: CRIU criu/pagemap.c, v4.2.
 */
#ifndef CR_LIB_PAGES_READER_H
#define CR_LIB_PAGES_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/pages/memory.h"

enum cr_run_kind {
	CR_RUN_NONE,	/* nothing is mapped */
	CR_RUN_DATA,	/* in a pages image */
	CR_RUN_ZERO,	/* never touched, or past a file's end */
	CR_RUN_FILE,	/* in a file beneath the sysroot */
	CR_RUN_CONTENT, /* in the image of a deleted file or a segment */
	CR_RUN_MISSING, /* in a file that is not here, or made by the kernel */
	CR_RUN_LAZY,	/* left to be sent later */
	CR_NR_RUNS,
};

struct cr_run {
	uint64_t start, end;
	enum cr_run_kind kind;
	const struct cr_vma *vma; /* NULL outside of mappings */
	struct cr_object *object; /* whose pagemap has it; NULL: none */
	uint64_t vaddr;		  /* of start in that pagemap */
	unsigned layer;		  /* DATA: 0 this checkpoint, 1 its parent */
	uint32_t pages_id;	  /* DATA: the N of pages-N.img */
	size_t range;		  /* DATA: in the layer's pagemap */
	uint64_t off; /* DATA: of start in the pages image, or of the block
			 that holds start and reaches to end; FILE: of start
			 in the file; CONTENT: in its image */
	const struct cr_content *content; /* of what: CONTENT, and ZERO that
					     is a hole in it or behind it */
};

struct cr_pages {
	struct cr_memory *memory;
	struct cr_space space;
	struct cr_object own;
	struct cr_object *object; /* of an object opened as such */

	/* The block that was expanded last. */
	uint8_t *plain, *packed;
	struct {
		const struct cr_object *object;
		unsigned layer;
		struct cr_block block;
	} last;

	/* The mapped file that was looked for last. */
	int file_fd; /* -1: not in the sysroot */
	uint64_t file_id, file_size;
	bool file_known;
};

/** Opens a process. NOT_FOUND: it has no memory here (a zombie, or no such
 * process); FORMAT: its mappings or its pagemap are broken. Close with
 * cr_pages_close(). */
struct cr_error *cr_pages_open(struct cr_pages *pages, struct cr_memory *memory,
			       uint32_t pid) CR_MUST_CHECK;

/** Opens a shared memory object, its offsets as addresses. */
struct cr_error *cr_pages_open_object(struct cr_pages *pages,
				      struct cr_memory *memory, uint32_t id)
	CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_pages_close(struct cr_pages *pages);

/**
 * The run that holds vaddr, from vaddr on. Where nothing is mapped it is one of
 * kind NONE up to the next thing or, at the end, up to UINT64_MAX.
 *
 * FORMAT: the pagemap of a shared object or of a parent is broken, or an image
 * that content is looked for in, or the page is said to be in a parent that
 * does not have it. *ret is then a run of kind MISSING, from vaddr to where the
 * fault ends.
 */
struct cr_error *cr_pages_run(struct cr_pages *pages, uint64_t vaddr,
			      struct cr_run *ret) CR_MUST_CHECK;

/** True if a run of this kind has bytes. */
static inline bool cr_run_is_readable(const struct cr_run *run)
{
	return run->kind == CR_RUN_DATA || run->kind == CR_RUN_ZERO ||
	       run->kind == CR_RUN_FILE || run->kind == CR_RUN_CONTENT;
}

/** Reads bytes of a readable run, which holds them all. */
struct cr_error *cr_pages_fill(struct cr_pages *pages, const struct cr_run *run,
			       uint64_t vaddr, void *data, size_t size)
	CR_MUST_CHECK;

/** The file that has the bytes of a run from vaddr on as they are, and where in
 * it; *fd_ret is -1 if they are packed, or in an archive. The file stays open
 * until the next call. */
struct cr_error *cr_pages_fd(struct cr_pages *pages, const struct cr_run *run,
			     uint64_t vaddr, int *fd_ret, uint64_t *off_ret)
	CR_MUST_CHECK;

/** Reads size bytes at vaddr. NOT_FOUND names the first address without bytes
 * and why it has none. */
struct cr_error *cr_pages_read(struct cr_pages *pages, uint64_t vaddr,
			       void *data, size_t size) CR_MUST_CHECK;

/** Why the byte at vaddr, of a run that is not readable, cannot be read. */
struct cr_error *cr_pages_why(struct cr_pages *pages, const struct cr_run *run,
			      uint64_t vaddr) CR_MUST_CHECK CR_NOT_NULL;

#endif
