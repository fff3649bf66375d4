// SPDX-License-Identifier: MIT
/*
 * Memory in LZ4 blocks, as CRIU 4.3 writes it (image version 1.2), and back in
 * plain pages (1.1). Parents are not touched: each checkpoint of a chain has its
 * own form.
 *
 * What was packed here and is expanded again is what it was, byte for byte; but
 * entries of CRIU before 3.5 may have flags then, and the inventory of CRIU 4.3
 * has lost its "compress: 0", as with CRIU's own tool. Huge pages and those of
 * plugins are not packed.
 *
 * Facts: CRIU crit/crit/__main__.py and criu/include/compression.h, v4.3.
 */
#ifndef CR_LIB_OPS_COMPRESS_H
#define CR_LIB_OPS_COMPRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/ops/change.h"

#define CR_COMPRESS_BLOCK_SIZE (256 * 1024) /* CRIU's default */

struct cr_compress {
	bool already; /* it had that form, nothing was done */
	uint64_t nr_pagemaps; /* written again */
	uint64_t nr_pages; /* stored in them */
	uint64_t old_size, size; /* of their pages images */
};

/**
 * Packs. block_size is of the bytes before, 0 for the default, acceleration 1 or
 * more. USAGE: a block size that is no multiple of a page, or above CR_BLOCK_MAX.
 * UNSUPPORTED: a v1.0 checkpoint. NOT_FOUND: it has no inventory.
 */
struct cr_error *cr_compress(struct cr_change *change, uint32_t block_size,
			     unsigned acceleration, struct cr_compress *ret)
	CR_MUST_CHECK;

/** Expands. */
struct cr_error *cr_decompress(struct cr_change *change,
			       struct cr_compress *ret) CR_MUST_CHECK;

#endif
