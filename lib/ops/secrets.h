// SPDX-License-Identifier: MIT
/*
 * Finds what is probably a secret in bytes: private keys, tokens, password
 * hashes, variables with telling names. One pass for all of them: a table says
 * for each pair of bytes which patterns may have it, and is asked for every
 * second place only, since no pattern is shorter than three bytes.
 *
 * What is found may be something else, and what is not found may be there all
 * the same: packed, encrypted, in another form, in a key without a mark.
 *
 * To add a pattern: a row in secrets.c. Facts: RFC 7468 (PEM), RFC 7519 (JWT), RFC
 * 6750 (bearer tokens), man 5 crypt; the forms of tokens as those who issue them
 * describe them.
 */
#ifndef CR_LIB_OPS_SECRETS_H
#define CR_LIB_OPS_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct cr_secrets {
	uint8_t first[65536]; /* by a pair of bytes: 1 + index of a candidate */
};

void cr_secrets_init(struct cr_secrets *secrets);

/* How far a finding reaches behind, and before, where it is recognized. */
#define CR_SECRETS_AHEAD  2048
#define CR_SECRETS_BEFORE 64
#define CR_SECRETS_OVERLAP (CR_SECRETS_AHEAD + CR_SECRETS_BEFORE)

struct cr_secret {
	const char *kind; /* "private key"; the same pointer for the same kind */
	size_t off, size; /* in the data */
	bool named; /* NAME=VALUE */
};

typedef struct cr_error *cr_secrets_fn(void *arg, const uint8_t *data,
				       const struct cr_secret *secret);

/**
 * Looks through a window, of which `seen` bytes at the start were the end of the
 * one before; ends: nothing follows it. Windows overlap by CR_SECRETS_OVERLAP;
 * then each finding is told once, cut off at CR_SECRETS_AHEAD. Errors of fn end
 * it.
 */
struct cr_error *cr_secrets_find(const struct cr_secrets *secrets,
				 const uint8_t *data, size_t size, size_t seen,
				 bool ends, cr_secrets_fn *fn, void *arg)
	CR_MUST_CHECK;

/** The kinds, each once; NULL behind the last. */
const char *cr_secrets_kind(unsigned i);

#endif
