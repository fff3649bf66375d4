// SPDX-License-Identifier: MIT
/*
 * Contents of mapped memory that stand in images as they are, without a
 * pagemap: of deleted files (ghost-file-N.img) and, before CRIU 3.0, of
 * segments of System V shared memory (ipcns-shm-N.img).
 *
 * What is held is where the pieces are, which is less than three times the
 * image's size however small they are; it is found once and stays. So do
 * errors: they are told each time. One image is open at a time.
 *
 * Facts: lib/image/ghost.h; CRIU criu/ipc_ns.c (prepare_ipc_shm_pages), v4.2.
 */
#ifndef CR_LIB_PAGES_CONTENT_H
#define CR_LIB_PAGES_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/image/set.h"

#define CR_CONTENT_NAME 32

/* What a file or segment holds. */
struct cr_content {
	char image[CR_CONTENT_NAME]; /* "ghost-file-1.img" */
	uint64_t size; /* zeros where there is no piece */
	struct cr_content_piece {
		uint64_t off, size; /* in the file */
		uint64_t at;	    /* in the image */
	} *piece; /* ascending, not overlapping, none of size 0 */
	size_t nr;
};

/* All of a checkpoint's. Starts zeroed. */
struct cr_contents {
	struct cr_remaps *remaps;
	struct cr_error *remaps_fault;
	void *ghosts; /* tree, by number */
	struct cr_segment *segment;
	size_t nr_segments;
	bool has_segments;
	struct cr_error *segments_fault;
	const struct cr_content *open; /* what file is of */
	struct cr_file file;
};

/** Accepts a zeroed one. */
void cr_contents_deinit(struct cr_contents *contents);

/**
 * What a regular file held that was deleted, by the file's id; it stays the
 * contents'. *ret is NULL if it was not, or its image is not here. FORMAT: the
 * image, or the list of such files, is broken.
 */
struct cr_error *cr_contents_ghost(struct cr_contents *contents,
				   struct cr_set *set, uint32_t file,
				   const struct cr_content **ret) CR_MUST_CHECK;

/** What a segment held, by its id, if that stands behind its entry; else *ret is
 * NULL. */
struct cr_error *cr_contents_segment(struct cr_contents *contents,
				     struct cr_set *set, uint32_t id,
				     const struct cr_content **ret)
	CR_MUST_CHECK;

/** Whether there are bytes at off, below the size, and where in the image;
 * *end_ret is the offset that this holds up to. */
bool cr_content_find(const struct cr_content *content, uint64_t off,
		     uint64_t *at_ret, uint64_t *end_ret);

/** The image of a content, open; valid until the next call. */
struct cr_error *cr_contents_file(struct cr_contents *contents,
				  struct cr_set *set,
				  const struct cr_content *content,
				  struct cr_file **ret) CR_MUST_CHECK;

#endif
