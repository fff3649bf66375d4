// SPDX-License-Identifier: MIT
/*
 * JSON to protobuf wire format, message by message, without a tree.
 *
 * Fields are written in the order of their numbers, whatever the order of the
 * keys, as protobuf-c writes them. Names may be spelled as the schema does or
 * in camel case, integers as numbers or as text in any form of present.h,
 * base64 wrapped or not: what the reference tool and the Go tool write is read
 * alike, whatever the codec's style. The escapes of decode.h are turned back;
 * "@wire" counts only while the fields beside it say the same, so that an edit
 * wins over it.
 *
 * Refused, with line and column: a value of the wrong type or out of range, a
 * key given twice, an unknown key (unless lenient, which passes over it), and a
 * required field that is neither there nor named by "@missing".
 */
#ifndef CR_LIB_CODEC_ENCODE_H
#define CR_LIB_CODEC_ENCODE_H

#include "lib/base/out.h"
#include "lib/codec/plan.h"
#include "lib/codec/reader.h"

struct cr_encoder {
	struct cr_codec *codec; /* its style: all zero */
	struct cr_reader *r;
	struct cr_out *out;
	bool lenient;
	bool go; /* a key in camel case has been met: the Go dialect, in which
		    names are base64 too */
	unsigned nesting;
};

/**
 * A key of the outermost object that belongs to no field. Sets *known_ret if it
 * read the value; else nothing may have been consumed. What it appends to the
 * output stays behind the message.
 */
typedef struct cr_error *cr_encode_key_fn(struct cr_encoder *e, void *arg,
					  const char *name, size_t size,
					  bool *known_ret);

/** All stay the caller's and outlive the encoder. Cannot fail. */
void cr_encoder_init(struct cr_encoder *e, struct cr_codec *codec,
		     struct cr_reader *r, struct cr_out *out);

/**
 * Reads an object and appends the message, without its length. key may be NULL.
 * *end_ret: where the message ends and what `key` appended begins. FORMAT
 * errors name the field, line and column.
 */
struct cr_error *cr_encode_object(struct cr_encoder *e,
				  const struct cr_plan *plan,
				  cr_encode_key_fn *key, void *arg,
				  uint64_t *end_ret) CR_MUST_CHECK;

/** Reads a string of base64 and appends the bytes. */
struct cr_error *cr_encode_base64(struct cr_encoder *e) CR_MUST_CHECK;

/* State of a source over output. */
struct cr_reread {
	struct cr_out *out;
	uint64_t pos, end;
};

/** A source over output that is not finished yet: [start, end). The window is
 * small; deinit it before appending more. */
struct cr_error *cr_encode_reread(struct cr_encoder *e, uint64_t start,
				  uint64_t end, struct cr_reread *state,
				  struct cr_source *ret) CR_MUST_CHECK;

#endif
