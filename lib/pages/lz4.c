// SPDX-License-Identifier: MIT
#include "lib/pages/lz4.h"

#include <limits.h>

#include <lz4.h>

struct cr_error *cr_lz4_expand(const void *data, size_t size, void *plain,
			       size_t plain_size)
{
	if (size > INT_MAX || plain_size > INT_MAX)
		return cr_error_new(CR_ERR_INTERNAL, "block of %zu bytes",
				    plain_size);
	int n = LZ4_decompress_safe(data, plain, (int)size, (int)plain_size);
	if (n < 0)
		return cr_error_new(CR_ERR_FORMAT,
				    "%zu bytes that are no LZ4 block of %zu",
				    size, plain_size);
	if ((size_t)n != plain_size)
		return cr_error_new(CR_ERR_FORMAT,
				    "expands to %d bytes, not %zu", n,
				    plain_size);
	return NULL;
}

size_t cr_lz4_pack(const void *data, size_t size, void *packed, size_t cap,
		   unsigned acceleration)
{
	int n = LZ4_compress_fast(data, packed, (int)size, (int)cap,
				  (int)acceleration);
	return n > 0 ? (size_t)n : 0;
}
