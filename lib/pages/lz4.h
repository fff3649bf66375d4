// SPDX-License-Identifier: MIT
/*
 * Compressed pages: LZ4 blocks in raw form, without a frame. The only place
 * that uses liblz4.
 *
 * Source: lz4_Block_format.md of LZ4 1.9; CRIU v4.3 says what is in a block.
 */
#ifndef CR_LIB_PAGES_LZ4_H
#define CR_LIB_PAGES_LZ4_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

/**
 * Expands a block to exactly plain_size bytes. FORMAT if it is broken or comes
 * to another size.
 */
struct cr_error *cr_lz4_expand(const void *data, size_t size, void *plain,
			       size_t plain_size) CR_MUST_CHECK;

/* What LZ4 accepts; more is faster and packs less. */
#define CR_LZ4_ACCELERATION_MAX 65537

/**
 * Packs a block into `packed`, which has room for cap bytes; the size it has
 * then, or 0 if it does not become that small. data is at most CR_BLOCK_MAX.
 */
size_t cr_lz4_pack(const void *data, size_t size, void *packed, size_t cap,
		   unsigned acceleration);

#endif
