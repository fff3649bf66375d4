// SPDX-License-Identifier: MIT
/*
 * SHA-256, to tell whether bytes are those that a digest names. FIPS 180-4.
 */
#ifndef CR_LIB_STORE_SHA256_H
#define CR_LIB_STORE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct cr_sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes so far */
	uint8_t block[64];
};

void cr_sha256_init(struct cr_sha256 *sha);

void cr_sha256_add(struct cr_sha256 *sha, const void *data, size_t size);

/** Ends it: 64 lower-case digits and a NUL. */
void cr_sha256_end(struct cr_sha256 *sha, char ret[65]);

#endif
