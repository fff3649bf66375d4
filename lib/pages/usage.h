// SPDX-License-Identifier: MIT
/*
 * What the memory of a process or a shared object takes: bytes by mapping, and
 * where they are. Reads pagemaps and no pages; time is that of going once
 * through mappings and runs.
 *
 * A compressed block that reaches into the next mapping counts for the one it
 * begins in.
 */
#ifndef CR_LIB_PAGES_USAGE_H
#define CR_LIB_PAGES_USAGE_H

#include "lib/base/error.h"
#include "lib/pages/reader.h"

/* Bytes. mapped is the sum of all but stored; where there is no mapping, of the
 * pages. */
struct cr_usage {
	uint64_t mapped;
	uint64_t here;	 /* in this checkpoint's pages, when expanded */
	uint64_t stored; /* what those take in the pages image */
	uint64_t parent; /* said to be in the checkpoint before */
	uint64_t lazy;	 /* left to be sent later */
	uint64_t zero;	 /* never touched */
	uint64_t other;	 /* in files, in shared objects, made by the kernel */
};

void cr_usage_add(struct cr_usage *sum, const struct cr_usage *more);

enum cr_usage_kind {
	CR_USAGE_HEAP,
	CR_USAGE_STACK,
	CR_USAGE_ANON,
	CR_USAGE_FILE_PRIVATE,
	CR_USAGE_FILE_SHARED,
	CR_USAGE_SHARED,
	CR_USAGE_SYSV,
	CR_USAGE_MEMFD,
	CR_USAGE_SHADOW_STACK,
	CR_USAGE_VDSO,
	CR_USAGE_KERNEL, /* vvar, vsyscall, uprobes, aio, packet sockets */
	CR_USAGE_OUTSIDE, /* pages where nothing is mapped */
	CR_NR_USAGE_KINDS,
};

/** The kind of a mapping; NULL is outside of any. */
enum cr_usage_kind cr_usage_kind(const struct cr_vma *vma);

/** "heap" */
const char *cr_usage_kind_name(enum cr_usage_kind kind);

/** Calls fn for every mapping and, last and if there are any, for all pages
 * outside of mappings (NULL), which is where those of an object are. */
typedef struct cr_error *cr_usage_fn(void *arg, const struct cr_vma *vma,
				     const struct cr_usage *usage);
struct cr_error *cr_usage_each(struct cr_pages *pages, cr_usage_fn *fn,
			       void *arg) CR_MUST_CHECK;

#endif
