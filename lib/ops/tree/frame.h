// SPDX-License-Identifier: MIT
/*
 * The inside of rewriting: an image being gone through entry by entry, wherever
 * it is. rewrite.c and document.c share it; nothing outside lib/ops/tree does.
 */
#ifndef CR_LIB_OPS_TREE_FRAME_H
#define CR_LIB_OPS_TREE_FRAME_H

#include "lib/ops/tree.h"

/* Where an entry begins and ends, from its size word on. */
struct cr_tree_span {
	uint64_t start, msg, payload, end;
};

struct cr_tree_image {
	struct cr_file file;
	struct cr_source src;
	uint64_t off; /* where the source reads on */
	struct cr_image_header header;
	uint64_t i;		     /* of the next entry */
	struct cr_tree_span span;    /* of the last one */
	uint8_t *copy;		     /* its message, if it is large */
	const uint8_t *msg;	     /* NULL: not read */
	struct cr_payload_values values;
	bool ended; /* nothing can follow the last entry */
};

/** Opens an image and reads its header. Errors do not name it. */
struct cr_error *cr_tree_image_open(struct cr_set *set, const char *name,
				    struct cr_tree_image *ret) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_tree_image_close(struct cr_tree_image *m);

/**
 * The next entry. read: with its message, else that is read only where a payload
 * needs it. *end_ret: there was none. Errors name the entry.
 */
struct cr_error *cr_tree_image_next(struct cr_tree_image *m, struct cr_tree *t,
				    bool read, bool *end_ret) CR_MUST_CHECK;

/** The last entry, for cr_tree_load(). */
struct cr_tree_entry cr_tree_image_entry(struct cr_tree_image *m);

/** Goes to an entry that has been passed. */
struct cr_error *cr_tree_image_go(struct cr_tree_image *m, struct cr_tree *t,
				  const struct cr_tree_span *span, uint64_t i)
	CR_MUST_CHECK;

/** Appends bytes of the image. */
struct cr_error *cr_tree_image_copy(struct cr_tree_image *m, uint64_t start,
				    uint64_t end, struct cr_out *out)
	CR_MUST_CHECK;

/**
 * The bytes of the new tree of the last entry: size word and message, in `bytes`,
 * and the payload unless *aside_ret, which then is checked to be as long as the
 * message says.
 */
struct cr_error *cr_tree_image_store(struct cr_tree_image *m, struct cr_tree *t,
				     const json_t *tree, struct cr_out *bytes,
				     bool *aside_ret) CR_MUST_CHECK;

/** Whether these are the bytes that the image has of the last entry. */
struct cr_error *cr_tree_image_same(struct cr_tree_image *m,
				    const struct cr_out *bytes, bool aside,
				    bool *ret) CR_MUST_CHECK;

/** Notes what is different between the last entry and its new bytes. */
struct cr_error *cr_tree_image_note(struct cr_tree_image *m,
				    struct cr_change *change,
				    const struct cr_rewrite_at *at,
				    const struct cr_out *bytes, bool aside)
	CR_MUST_CHECK;

/** Notes that the last entry is gone. */
struct cr_error *cr_tree_image_gone(struct cr_tree_image *m,
				    struct cr_change *change,
				    const struct cr_rewrite_at *at)
	CR_MUST_CHECK;

/** Notes that an entry is new, by its bytes from the size word on. */
struct cr_error *cr_tree_note_bytes(struct cr_change *change,
				    const struct cr_rewrite_at *at,
				    const char *bytes) CR_MUST_CHECK;

#endif
