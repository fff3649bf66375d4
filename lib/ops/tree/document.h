// SPDX-License-Identifier: MIT
/*
 * A whole image as a tree that is loaded where it is looked at:
 *
 *	{"magic": "PSTREE", "entries": [0.0, {"pid": 2, ...}, 2.0]}
 *
 * An entry that nobody has asked for is a real number, its place in the image,
 * and may be moved and copied as such. What is put back is compared with what was
 * there, so that entries that did not change keep their bytes. No JSON that is
 * read has real numbers, so that none is taken for an entry.
 */
#ifndef CR_LIB_OPS_TREE_DOCUMENT_H
#define CR_LIB_OPS_TREE_DOCUMENT_H

#include "lib/ops/tree/frame.h"

struct cr_document {
	struct cr_change *change;
	struct cr_tree *tree; /* the caller's */
	char *name;
	struct cr_tree_image image;
	struct cr_tree_span *span;
	size_t nr_spans, cap_spans;
	json_t *root;
	/* Entries that are loaded: their trees and where they were. */
	struct cr_loaded {
		json_t *tree;
		size_t i;
	} *loaded;
	size_t nr_loaded, cap_loaded;
};

/** Opens an image. NOT_FOUND, FORMAT. */
struct cr_error *cr_document_open(struct cr_change *change,
				  struct cr_tree *tree, const char *name,
				  struct cr_document *ret) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_document_close(struct cr_document *doc);

/** Element i of "entries" as a tree. payload: with it. FORMAT. */
struct cr_error *cr_document_entry(struct cr_document *doc, size_t i,
				   bool payload, json_t **ret) CR_MUST_CHECK;

/** Makes the image what the tree says, if that is something else. */
struct cr_error *cr_document_save(struct cr_document *doc) CR_MUST_CHECK;

/**
 * Another tree for the whole image, as cr_tree_read() reads it, with all
 * payloads. Entries that come to the same bytes at the beginning and at the end
 * are those that were there. Takes root. FORMAT.
 */
struct cr_error *cr_document_adopt(struct cr_document *doc, json_t *root)
	CR_MUST_CHECK;

#endif
