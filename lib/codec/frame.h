// SPDX-License-Identifier: MIT
/*
 * The inside of the encoder: an object while it is being read, and the pieces
 * that work on it. encode.c reads values, quick.c the usual ones fast, order.c
 * keeps fields in the order of their numbers, escape.c reads what plain JSON
 * cannot say. Nothing outside these files uses this.
 */
#ifndef CR_LIB_CODEC_FRAME_H
#define CR_LIB_CODEC_FRAME_H

#include "lib/codec/encode.h"

/* One object being read. */
struct cr_frame {
	const struct cr_plan *plan;
	const struct cr_field *next; /* what likely comes */
	uint64_t start;		     /* of the message */
	uint64_t tail; /* where the message ends, once something follows it */
	uint32_t last; /* the highest field number written */
	bool has_tail, has_unknown, has_missing, has_wire;
	uint64_t seen, missing, flipped; /* sets of fields */
	struct cr_out *wire;		 /* "@wire", if has_wire */
	cr_encode_key_fn *key;
	void *key_arg;
};

/* encode.c */

/** Keeps a byte for a length that is not known yet. */
struct cr_error *cr_length_open(struct cr_encoder *e, uint64_t *pos_ret)
	CR_MUST_CHECK;

/** Puts the length of what follows there, in as many bytes as it needs. */
struct cr_error *cr_length_close(struct cr_encoder *e, uint64_t pos)
	CR_MUST_CHECK;

/** The error of a key that is given twice. */
struct cr_error *cr_frame_twice(const struct cr_encoder *e, const char *name,
				size_t size) CR_MUST_CHECK CR_NOT_NULL;

/* quick.c */

/* Where the short cuts stopped. */
enum cr_quick { CR_AT_KEY, CR_AFTER_VALUE, CR_AFTER_OBJECT };

/**
 * Reads pairs that are as usual, in ascending order, from a key on, as long as
 * they stand in the window. Cannot fail: faults are left to the general code.
 */
enum cr_quick cr_quick_pairs(struct cr_encoder *e, struct cr_frame *fr);

/** The field whose key, spelled as our decoder does, stands at the reader's
 * place, and is consumed; else NULL. */
const struct cr_field *cr_quick_key(struct cr_encoder *e,
				    const struct cr_frame *fr);

/* order.c */

/** What has been appended since pos belongs to a field; it goes in order. */
struct cr_error *cr_order_field(struct cr_encoder *e, struct cr_frame *fr,
				uint32_t number, uint64_t pos) CR_MUST_CHECK;

/** What has been appended since start, records in any order, goes in order. */
struct cr_error *cr_order_run(struct cr_encoder *e, struct cr_frame *fr,
			      uint64_t start) CR_MUST_CHECK;

/* escape.c */

/** The value of a key that names no field. */
struct cr_error *cr_escape_read(struct cr_encoder *e, struct cr_frame *fr,
				const char *name, size_t size) CR_MUST_CHECK;

/** At the end of an object: "@wire" takes the place of the message if it still
 * says the same. */
struct cr_error *cr_escape_finish(struct cr_encoder *e, struct cr_frame *fr)
	CR_MUST_CHECK;

#endif
