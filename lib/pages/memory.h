// SPDX-License-Identifier: MIT
/*
 * What the address spaces of a checkpoint have in common: the chain of parents,
 * the pagemaps of shared memory, the files that are mapped, and the directory
 * to find those in (sysroot).
 *
 * Pagemaps are loaded when they are needed. Those of shared memory stay, those
 * of a process are its reader's. Facts: CRIU criu/shmem.c, criu/memfd.c, v4.2.
 */
#ifndef CR_LIB_PAGES_MEMORY_H
#define CR_LIB_PAGES_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/image/files.h"
#include "lib/image/set.h"
#include "lib/pages/chain.h"
#include "lib/pages/content.h"
#include "lib/pages/pagemap.h"
#include "lib/pages/space.h"

struct cr_memory {
	struct cr_set *set;
	struct cr_chain chain;
	int sysroot_fd;	    /* -1: none */
	uint32_t page_size; /* of the last process opened; 0: none was */
	uint32_t page_guess; /* the caller's, for processes whose images do not
				say (pre-dump); 0: CR_SPACE_PAGE_SIZE */
	void *shared;	    /* tree of struct cr_object, by id */
	struct cr_files files;
	bool has_files; /* they have been looked for */
	struct cr_memfd *memfd; /* by inode id; see cr_memory_load_memfds() */
	size_t nr_memfds;
	bool has_memfds;
	struct cr_contents contents;
};

/* An inode of memfd.img. */
struct cr_memfd {
	uint64_t inode_id;
	uint32_t shmid;
	char *name;
};

/** The set stays the caller's and outlives the memory. sysroot, which may be
 * NULL, is the directory that mapped files are looked up in. */
struct cr_error *cr_memory_init(struct cr_memory *memory, struct cr_set *set,
				const char *sysroot) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_memory_deinit(struct cr_memory *memory);

/** Numbers of an image's kind that are there. Free the list. */
struct cr_memory_ids {
	uint32_t *id; /* ascending, each once */
	size_t nr;
};

/** The processes that have memory here: zombies have none. */
struct cr_error *cr_memory_pids(struct cr_memory *memory,
				struct cr_memory_ids *ret) CR_MUST_CHECK;

/** The shared memory objects whose pages are here. */
struct cr_error *cr_memory_objects(struct cr_memory *memory,
				   struct cr_memory_ids *ret) CR_MUST_CHECK;

/* The pagemaps of one name in the layers of the chain. */
struct cr_object {
	uint32_t id;
	char name[48]; /* "pagemap-882.img" */
	uint32_t page_size;
	struct cr_object_layer {
		bool absent;
		struct cr_pagemap map;
	} *layer;
	unsigned nr; /* layers that have been looked at */
	struct cr_error *fault; /* why the next one cannot be: told each time */
};

void cr_object_init(struct cr_object *object, const char *kind, uint32_t id,
		    uint32_t page_size);

/** Accepts a zeroed one. */
void cr_object_deinit(struct cr_object *object);

/** The pagemap in a layer, layers before it having been asked for; valid until
 * the next call. *ret is NULL if there is none in this layer. Errors as those of
 * cr_chain_layer() and cr_pagemap_init(). */
struct cr_error *cr_object_map(struct cr_object *object,
			       struct cr_memory *memory, unsigned layer,
			       const struct cr_pagemap **ret) CR_MUST_CHECK;

/** The object with a shmid; it stays the memory's. */
struct cr_error *cr_memory_shared(struct cr_memory *memory, uint32_t id,
				  uint32_t page_size, struct cr_object **ret)
	CR_MUST_CHECK;

/** Loads memory->memfd if that has not been done; none if there is no such
 * image. */
struct cr_error *cr_memory_load_memfds(struct cr_memory *memory) CR_MUST_CHECK;

/** Whether a mapping is of a shared memory object or memfd, and its shmid. */
struct cr_error *cr_memory_shmid(struct cr_memory *memory,
				 const struct cr_vma *vma, bool *is_ret,
				 uint32_t *id_ret) CR_MUST_CHECK;

/**
 * What is mapped: a path, "[heap]", "[shm 57450]", "[memfd NAME]"; "" for memory
 * without a name. It may hold any byte but NUL, so escape it. Free it.
 */
struct cr_error *cr_memory_name(struct cr_memory *memory,
				const struct cr_vma *vma, char **ret)
	CR_MUST_CHECK;

/** Whether the bytes of a mapping are those of a file with a path. */
static inline bool cr_vma_is_file(const struct cr_vma *vma)
{
	return vma->status & (CR_VMA_FILE_PRIVATE | CR_VMA_FILE_SHARED) &&
	       !(vma->status & (CR_VMA_MEMFD | CR_VMA_ANON_SHARED |
				CR_VMA_SYSVIPC | CR_VMA_SOCKET |
				CR_VMA_AIORING));
}

/** Opens a mapped file in the sysroot; *fd_ret is -1 if there is no such
 * regular file there. The caller closes it. */
struct cr_error *cr_memory_open_file(struct cr_memory *memory,
				     const struct cr_vma *vma, int *fd_ret)
	CR_MUST_CHECK;

#endif
