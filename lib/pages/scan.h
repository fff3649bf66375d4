// SPDX-License-Identifier: MIT
/*
 * All readable bytes of an address space in order, window by window: what
 * searches go over. Bytes that follow each other in memory do so here, whatever
 * pages, mappings, entries and parents they come from; each window begins with
 * the last `overlap` bytes of the one before if it continues it.
 *
 * Memory that was never touched is not gone through: of a long stretch only
 * `overlap` zeros at each end are shown, so that what begins or ends in it is
 * seen whole.
 */
#ifndef CR_LIB_PAGES_SCAN_H
#define CR_LIB_PAGES_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/pages/reader.h"

struct cr_window {
	uint64_t vaddr; /* of data[0] */
	uint8_t *data;	/* may be changed; data[size] is 0 */
	size_t size;
	size_t seen; /* bytes at the start that the window before had */
	bool ends;   /* what follows in memory is not readable, or skipped */
};

/* Fresh bytes of a window, at most. */
#define CR_SCAN_STEP (256 * 1024)

/* Bytes of an overlap, at most. */
#define CR_SCAN_OVERLAP_MAX (64 * 1024)

/**
 * Shows the readable bytes of [start, end) to fn, whose errors end the scan. A
 * window whose bytes fn changes is not read again: its changed end is shown in
 * the next one. FORMAT and other faults of the images end it after all else has
 * been shown; the first one is returned.
 */
struct cr_error *cr_scan(struct cr_pages *pages, uint64_t start, uint64_t end,
			 size_t overlap,
			 struct cr_error *(*fn)(void *arg,
						const struct cr_window *w),
			 void *arg) CR_MUST_CHECK;

#endif
