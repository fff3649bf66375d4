// SPDX-License-Identifier: MIT
/*
 * Files without a name: what stands in for them (remap-fpath.img), and the
 * content that was saved of those that have no other name (ghost-file-N.img).
 *
 * Content comes in pieces, which are gone through in constant memory; what lies
 * between them is a hole. An old image has one piece, all the rest of it. The
 * number of a ghost's image is in hex, as CRIU writes it.
 *
 * Facts: CRIU criu/files-reg.c (collect_one_remap, dump_ghost_file), v4.2; bit
 * 31 of the id before 1.4, chunks since 3.3, targets of links since 3.14.
 */
#ifndef CR_LIB_IMAGE_GHOST_H
#define CR_LIB_IMAGE_GHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/ghost-file.pb-c.h"
#include "images/remap-file-path.pb-c.h"
#include "lib/base/error.h"
#include "lib/base/source.h"
#include "lib/image/set.h"

/* What stands in for an open file. */
struct cr_remap {
	uint32_t file; /* id of the file */
	uint32_t type; /* RemapType, or a number that is none */
	uint32_t id;   /* of the ghost, the other file or the process */
	uint32_t i;    /* entry of the image */
};

struct cr_remaps {
	struct cr_remap *remap; /* by file, then entry */
	size_t nr;
};

/** Reads remap-fpath.img, of any age; that there is none is no error. Free with
 * cr_remaps_free(). */
struct cr_error *cr_remaps_load(struct cr_set *set, struct cr_remaps *ret)
	CR_MUST_CHECK;

/** Accepts zeroed ones. */
void cr_remaps_free(struct cr_remaps *remaps);

/** The first of a file, or NULL; the others follow it. */
const struct cr_remap *cr_remaps_find(const struct cr_remaps *remaps,
				      uint32_t file);

/* A piece of content. */
struct cr_ghost_piece {
	uint64_t off;  /* in the file */
	uint64_t size; /* never 0 */
	uint64_t at;   /* in the image */
};

struct cr_ghost_fns {
	/* What the image says of the file, before any piece; gone when this
	 * returns. size is the file's, 0 unless it is a regular one. */
	struct cr_error *(*entry)(void *arg, const GhostFileEntry *entry,
				  uint64_t size);
	/* May be NULL. The source stands at the piece; what is not read of it
	 * is passed over. */
	struct cr_error *(*piece)(void *arg, const struct cr_ghost_piece *piece,
				  struct cr_source *src);
};

#define CR_GHOST_NAME 32

/** "ghost-file-a.img" */
void cr_ghost_name(uint32_t id, char name[CR_GHOST_NAME]);

/** The number in such a name. */
bool cr_ghost_number(const char *name, uint32_t *ret);

/**
 * Goes through a ghost's image. Pieces come in ascending order, do not overlap
 * and lie within the file's size, which is within 63 bits: what is not so is a
 * FORMAT error with image, entry and byte. NOT_FOUND if there is no such image.
 * An error of a function gets the image's name in front.
 */
struct cr_error *cr_ghost_walk(struct cr_set *set, uint32_t id,
			       const struct cr_ghost_fns *fns, void *arg)
	CR_MUST_CHECK;

#endif
