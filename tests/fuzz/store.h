// SPDX-License-Identifier: MIT
/*
 * What stores of a fuzz target's own are made of: files that are bytes in memory,
 * and what has no effect.
 */
#ifndef CR_TESTS_FUZZ_STORE_H
#define CR_TESTS_FUZZ_STORE_H

#include <string.h>

#include "lib/store/store.h"

static inline struct cr_error *fuzz_file_read(struct cr_file *file, void *data,
					      size_t size, uint64_t off,
					      size_t *n_ret)
{
	size_t left = off < file->size ? (size_t)(file->size - off) : 0;
	*n_ret = left < size ? left : size;
	if (*n_ret)
		memcpy(data, (const uint8_t *)file->data + off, *n_ret);
	return NULL;
}

static inline void fuzz_file_close(struct cr_file *file)
{
}

/** Of a file whose data and size are set. */
static const struct cr_file_ops fuzz_file_ops = {
	fuzz_file_read, fuzz_file_close
};

static inline struct cr_error *fuzz_no_link(struct cr_store *store,
					    const char *name, char **ret)
{
	return cr_error_new(CR_ERR_NOT_FOUND, "no such link");
}

static inline void fuzz_store_close(struct cr_store *store)
{
}

#endif
