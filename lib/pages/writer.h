// SPDX-License-Identifier: MIT
/*
 * Writes a pagemap and its pages image, entry by entry, in one pass and constant
 * memory: pages are given in the order of their addresses, as bytes, as parts of
 * files, or as blocks that are packed already.
 *
 *	cr_pages_writer_begin(&w, &header, head, head_size);
 *	cr_pages_writer_entry(&w, &like, vaddr, nr_pages, flags);
 *	cr_pages_writer_put(&w, data, size);	// all of its bytes
 *	...
 *	cr_pages_writer_end(&w);
 *
 * Pages are stored plain, or in blocks: an all-zero one takes no space, one that
 * LZ4 does not make smaller by an eighth is stored plain, and an entry whose
 * blocks are all plain says nothing of blocks. If the first thing that an entry
 * stores is plain, it stands on a page border (PE_PAYLOAD_ALIGNED), so that CRIU
 * can read it straight into memory.
 *
 * Facts: CRIU criu/page-xfer.c and criu/include/compression.h, v4.3.
 */
#ifndef CR_LIB_PAGES_WRITER_H
#define CR_LIB_PAGES_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/out.h"
#include "lib/image/image.h"
#include "lib/pages/entry.h"
#include "lib/pages/reader.h"

struct cr_pages_writer {
	/* Set by the caller; the outs are its own. */
	struct cr_out *map, *data;
	uint32_t page_size;
	uint32_t block_size;   /* of blocks, before packing; 0: plain pages */
	unsigned acceleration; /* of LZ4, 1 and more */
	bool join; /* entries that follow each other and are alike become one */
	/* True if a block may not be packed; may be NULL. */
	bool (*keeps_plain)(void *arg, uint64_t vaddr, uint64_t size);
	void *keeps_plain_arg;

	/* The entry that is open. */
	bool open;
	struct cr_pagemap_entry like; /* in like_data */
	struct cr_out like_data;
	uint64_t vaddr, nr_pages;
	uint32_t flags;
	uint64_t filled;  /* bytes it got */
	bool has_payload; /* something of it has been stored */
	bool packed;	  /* some block of it is not plain */
	uint64_t payload_size;
	struct cr_out sizes; /* of its blocks, as varints */
	uint8_t *block;	     /* being gathered, and behind it packed */
	size_t block_fill;

	/* A part of a file that is to be stored, as long as it grows. */
	int copy_fd;
	uint64_t copy_off, copy_size;
	unsigned run_layer; /* of the pages image that runs came from last */
	uint32_t run_id;
};

/** Starts with the image's magic words and its head. Close with
 * cr_pages_writer_deinit(), whether it fails or not. */
struct cr_error *cr_pages_writer_begin(struct cr_pages_writer *w,
				       const struct cr_image_header *header,
				       const void *head, size_t head_size)
	CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_pages_writer_deinit(struct cr_pages_writer *w);

/** An entry as it stands in another pagemap, with its payload (size 0: none)
 * in a file, which stays open until the writer ends. */
struct cr_error *cr_pages_writer_keep(struct cr_pages_writer *w,
				      const struct cr_pagemap_entry *entry,
				      struct cr_file *file, uint64_t off,
				      uint64_t size) CR_MUST_CHECK;

/**
 * Begins an entry in the form of `like`, which is copied. One with
 * CR_RANGE_PRESENT then gets all its bytes by the three functions below.
 * UNSUPPORTED: the form cannot hold so many pages.
 */
struct cr_error *cr_pages_writer_entry(struct cr_pages_writer *w,
				       const struct cr_pagemap_entry *like,
				       uint64_t vaddr, uint64_t nr_pages,
				       uint32_t flags) CR_MUST_CHECK;

/** Plain bytes. */
struct cr_error *cr_pages_writer_put(struct cr_pages_writer *w,
				     const void *data, size_t size)
	CR_MUST_CHECK;

/** Plain bytes of a file, which stays open until the writer ends. */
struct cr_error *cr_pages_writer_copy(struct cr_pages_writer *w,
				      struct cr_file *file, uint64_t off,
				      uint64_t size) CR_MUST_CHECK;

/** Bytes of a run of kind DATA, from vaddr on and all within it; blocks that fit
 * are taken over as they are. */
struct cr_error *cr_pages_writer_run(struct cr_pages_writer *w,
				     struct cr_pages *pages,
				     const struct cr_run *run, uint64_t vaddr,
				     uint64_t size) CR_MUST_CHECK;

/** Finishes; the outs are flushed. */
struct cr_error *cr_pages_writer_end(struct cr_pages_writer *w) CR_MUST_CHECK;

#endif
