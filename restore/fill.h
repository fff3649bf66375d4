// SPDX-License-Identifier: MIT
/*
 * Filling memory from pages images, with as few system calls as can be; dense
 * memory gets huge pages first. Facts: man 2 preadv, man 2 madvise.
 */
#ifndef CR_RESTORE_FILL_H
#define CR_RESTORE_FILL_H

#include <sys/uio.h>

#include "restore/restore.h"

/* Pages to be read with one call, as long as they follow each other in an
 * image. Start with a zeroed one, and end with cr_fill(). */
#define CR_FILL_MAX 1024

struct cr_fill {
	struct iovec iov[CR_FILL_MAX];
	size_t nr;
	int fd;
	uint64_t off, next;
	unsigned layer;
	uint32_t pages_id;
};

/** Puts the bytes of a run of kind DATA at data, at the latest with cr_fill(). */
struct cr_error *cr_fill_run(struct cr_fill *fill, struct cr_pages *pages,
			     const struct cr_run *r, void *data) CR_MUST_CHECK;
struct cr_error *cr_fill(struct cr_fill *fill) CR_MUST_CHECK;

/** Fills what a process's mappings have that were made early. */
struct cr_error *cr_map_fill_early(struct cr_proc *proc) CR_MUST_CHECK;

/** Copies bytes; if page is not 0 only pages of that size that differ, so that the
 * others stay shared. */
void cr_fill_copy(uint8_t *to, const uint8_t *from, size_t size, size_t page);

/** An address of an image, where this process may have it. */
void *cr_fill_address(uint64_t vaddr);

/** True if the run is of pages that the process itself has in the images. */
bool cr_fill_is_own(const struct cr_proc *proc, const struct cr_run *r);

#endif
