// SPDX-License-Identifier: MIT
/*
 * What the shapes of payloads share. One file a shape; each ends with its rows,
 * which lib/image/payload.h declares.
 */
#ifndef CR_LIB_IMAGE_PAYLOAD_SHAPE_H
#define CR_LIB_IMAGE_PAYLOAD_SHAPE_H

#include "lib/image/payload.h"

/* padding.c */

/** Bytes from size to the next multiple of pad; 0 for pad 0. */
uint64_t cr_pad_size(uint64_t size, unsigned pad);

/** Reads padding; what is not zero becomes the key "@padding". */
struct cr_error *cr_pad_decode(struct cr_decoder *d, struct cr_source *src,
			       uint64_t size) CR_MUST_CHECK;

/** Passes over a payload and its padding. */
struct cr_error *cr_pad_skip(struct cr_source *src, uint64_t size, unsigned pad)
	CR_MUST_CHECK;

/** Reads the value of "@padding". */
struct cr_error *cr_pad_read(struct cr_encoder *e,
			     struct cr_payload_state *state) CR_MUST_CHECK;

/** Appends padding: what was read, else zeros. */
struct cr_error *cr_pad_put(struct cr_encoder *e,
			    const struct cr_payload_state *state,
			    uint64_t size) CR_MUST_CHECK;

/** The error of an "extra" that is not as long as the message says. */
struct cr_error *cr_payload_differs(const struct cr_encoder *e, uint64_t have,
				    const char *unit, const char *field,
				    uint64_t want) CR_MUST_CHECK CR_NOT_NULL;

/* nested.c */

typedef struct cr_error *cr_nested_decode_fn(struct cr_decoder *d,
					     struct cr_source *src,
					     const void *arg);

/** Calls body on the decoder that is to write what is no bytes: as JSON, in the
 * Go dialect as a string that holds it. */
struct cr_error *cr_nested_decode(struct cr_decoder *d, struct cr_source *src,
				  cr_nested_decode_fn *body, const void *arg)
	CR_MUST_CHECK;

typedef struct cr_error *cr_nested_encode_fn(struct cr_encoder *e, void *arg);

/** Calls body on the encoder that reads what is no bytes: JSON, or a string that
 * holds it. */
struct cr_error *cr_nested_encode(struct cr_encoder *e,
				  cr_nested_encode_fn *body, void *arg)
	CR_MUST_CHECK;

/* A list being read. */
struct cr_payload_list {
	struct cr_encoder *e;
	struct cr_payload_state *state;
	const struct cr_plan *plan;
};

/* run.c: bytes whose length is one field or the sum of two */

/** "extra" of that many bytes. */
struct cr_error *cr_run_decode(const struct cr_payload *p, struct cr_decoder *d,
			       struct cr_source *src, uint64_t size)
	CR_MUST_CHECK;

struct cr_error *cr_run_skip(const struct cr_payload *p, struct cr_source *src,
			     const struct cr_payload_values *values,
			     uint64_t *size_ret) CR_MUST_CHECK;

struct cr_error *cr_run_encode(const struct cr_payload *p, struct cr_encoder *e,
			       struct cr_payload_state *state) CR_MUST_CHECK;

/* The functions of a run whose message names its length, for other shapes. */
struct cr_error *cr_run_decode_named(const struct cr_payload *p,
				     struct cr_decoder *d,
				     struct cr_source *src,
				     const struct cr_payload_values *values)
	CR_MUST_CHECK;

struct cr_error *cr_run_check(const struct cr_payload *p,
			      const struct cr_encoder *e,
			      const struct cr_payload_values *values,
			      const struct cr_payload_state *state)
	CR_MUST_CHECK;

#endif
