// SPDX-License-Identifier: MIT
/*
 * Bytes that follow an entry's message: what is in a pipe, the two queues of a
 * TCP socket, a deleted file's contents, ... In JSON they are the entry's
 * "extra".
 *
 * A payload's length stands in its message; both are checked against each
 * other. Padding is zero and belongs to no length; other padding is kept as
 * "@padding" (base64).
 *
 * To add a shape: a file in payload/ with its row, and its name below; types.def
 * says which image has it. Facts: CRIU criu/ipc_ns.c, criu/pipes.c, criu/sk-queue.c,
 * criu/sk-tcp.c, criu/bpfmap.c, criu/files-reg.c, v4.2.
 */
#ifndef CR_LIB_IMAGE_PAYLOAD_H
#define CR_LIB_IMAGE_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/source.h"
#include "lib/codec/decode.h"
#include "lib/codec/encode.h"

#define CR_PAYLOAD_FIELDS 2

/* The message's values that a payload depends on; absent ones are 0. */
struct cr_payload_values {
	uint64_t v[CR_PAYLOAD_FIELDS];
};

/* A payload being read from JSON. */
struct cr_payload_state {
	bool has_extra;
	bool has_padding;
	uint64_t nr[CR_PAYLOAD_FIELDS]; /* bytes or elements found */
	struct cr_out padding;		/* "@padding", if has_padding */
};

struct cr_payload {
	const char *fields[CR_PAYLOAD_FIELDS]; /* of the message, by name */
	unsigned pad;			       /* whole payload to a multiple */

	/* Writes "extra" and "@padding", if there is anything to write. */
	struct cr_error *(*decode)(const struct cr_payload *p,
				   struct cr_decoder *d, struct cr_source *src,
				   const struct cr_payload_values *values);

	/* Passes over it. *size_ret: its bytes as --nopl counts them. */
	struct cr_error *(*skip)(const struct cr_payload *p,
				 struct cr_source *src,
				 const struct cr_payload_values *values,
				 uint64_t *size_ret);

	/* Reads the value of "extra" and appends the bytes. */
	struct cr_error *(*encode)(const struct cr_payload *p,
				   struct cr_encoder *e,
				   struct cr_payload_state *state);

	/* Compares what was read with the message. Padding is added after. */
	struct cr_error *(*check)(const struct cr_payload *p,
				  const struct cr_encoder *e,
				  const struct cr_payload_values *values,
				  const struct cr_payload_state *state);

	bool hidden; /* --nopl leaves "extra" out */
	bool to_end; /* unless v[0] is set, it reaches to the file's end */

	/* An image's first entry, if that has another shape. */
	const struct cr_payload *head;
};

/* cr_payload_none has no functions: nothing follows a message. */
extern const struct cr_payload cr_payload_none, cr_payload_bytes,
	cr_payload_length, cr_payload_bpfmap, cr_payload_shm, cr_payload_tcp,
	cr_payload_sem, cr_payload_msg, cr_payload_chunk;

/** The values of a message of `size` bytes at the source's place, which stays
 * there. */
struct cr_error *cr_payload_peek(const struct cr_payload *p,
				 const struct cr_plan *plan,
				 struct cr_source *src, uint64_t size,
				 struct cr_payload_values *ret) CR_MUST_CHECK;

/** "extra" as --nopl shows it, and the source behind the payload. */
struct cr_error *cr_payload_decode_size(const struct cr_payload *p,
					struct cr_decoder *d,
					struct cr_source *src,
					const struct cr_payload_values *values)
	CR_MUST_CHECK;

/** A cr_encode_key_fn; arg is a struct cr_payload_encode. */
struct cr_payload_encode {
	const struct cr_payload *p;
	struct cr_payload_state state;
	struct cr_payload_values values; /* after cr_payload_finish() */
};

cr_encode_key_fn cr_payload_key;

/** After an entry's object: checks the payload behind the message of [start,
 * end) and pads it. */
struct cr_error *cr_payload_finish(struct cr_payload_encode *pe,
				   struct cr_encoder *e,
				   const struct cr_plan *plan, uint64_t start,
				   uint64_t end) CR_MUST_CHECK;

#endif
