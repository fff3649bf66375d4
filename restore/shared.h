// SPDX-License-Identifier: MIT
/*
 * Shared memory objects that have no file of their own (MAP_SHARED with
 * MAP_ANONYMOUS).
 *
 * An object is mapped once by the controller; what /proc/self/map_files has for
 * it is then the object as a file, and keeps its name "/dev/zero".
 * Facts: man 2 mmap; CRIU criu/shmem.c, v4.2.
 */
#ifndef CR_RESTORE_SHARED_H
#define CR_RESTORE_SHARED_H

#include "restore/restore.h"

struct cr_shared {
	uint32_t shmid;
	uint64_t size;
	int fd; /* run */
};

/** Plans for an object of at least that size. */
struct cr_error *cr_shared_add(struct cr_rplan *plan, uint32_t shmid,
			       uint64_t size) CR_MUST_CHECK;

/** Its file, once open; -1 if there is none. */
int cr_shared_fd(const struct cr_rplan *plan, uint32_t shmid);

/** Makes an anonymous object: a file in the stash. flags are mmap(2)'s beside
 * MAP_SHARED and MAP_ANONYMOUS. */
struct cr_error *cr_shared_anonymous(struct cr_restore *run, uint64_t size,
				     int flags, int *fd_ret) CR_MUST_CHECK;

/** Fills a file from the pages of a shared memory object, if it has any. */
struct cr_error *cr_shared_fill(struct cr_restore *run, uint32_t shmid,
				uint64_t size, int fd) CR_MUST_CHECK;

#endif
