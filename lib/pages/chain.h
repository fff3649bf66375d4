// SPDX-License-Identifier: MIT
/*
 * A checkpoint and those before it: each directory's link `parent` names the
 * one that its unchanged pages are in. Opened one by one as they are needed,
 * any number of them; a chain that comes back to where it was is an error.
 *
 * The link leads wherever it says, as it does for CRIU; beneath what it leads
 * to, names stay inside. Pages images are kept open, a few at a time.
 *
 * Facts: CRIU criu/pagemap.c (try_open_parent) and criu/include/image.h
 * (CR_PARENT_LINK), v4.2.
 */
#ifndef CR_LIB_PAGES_CHAIN_H
#define CR_LIB_PAGES_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/store/store.h"

#define CR_CHAIN_FILES 8

struct cr_layer {
	struct cr_store *store; /* of layer 0: the caller's */
	char *link;		/* what led here; NULL for layer 0 */
};

struct cr_chain {
	struct cr_layer *layer; /* 0: the checkpoint itself */
	unsigned nr;
	bool complete; /* the last one has no parent */
	struct cr_chain_file {
		unsigned layer;
		uint32_t pages_id;
		uint64_t used; /* 0: not open */
		struct cr_file file;
	} file[CR_CHAIN_FILES];
	uint64_t clock;
};

/** Starts with the given store, which stays the caller's. */
struct cr_error *cr_chain_init(struct cr_chain *chain, struct cr_store *store)
	CR_MUST_CHECK;

/** Accepts a zeroed chain. */
void cr_chain_deinit(struct cr_chain *chain);

/** The store of layer i, where layers up to i - 1 exist. NOT_FOUND: that was the
 * last. FORMAT: the chain loops, or the link leads to nothing. */
struct cr_error *cr_chain_layer(struct cr_chain *chain, unsigned i,
				struct cr_store **ret) CR_MUST_CHECK;

/** The pages image of a layer that is open; valid until the next call. */
struct cr_error *cr_chain_pages(struct cr_chain *chain, unsigned layer,
				uint32_t pages_id, struct cr_file **ret)
	CR_MUST_CHECK;

/** Puts in front of an error which layer it is about; nothing for layer 0. */
struct cr_error *cr_chain_at(const struct cr_chain *chain, unsigned layer,
			     struct cr_error *err) CR_MUST_CHECK;

#endif
