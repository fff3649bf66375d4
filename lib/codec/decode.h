// SPDX-License-Identifier: MIT
/*
 * Protobuf wire format to JSON, message by message, without a tree.
 *
 * What a message says is written in the order of its field numbers. What plain
 * JSON cannot say is written as an escape, which appears only where needed:
 *
 *	"type": 99			an enum number without a name
 *	"name": {"@qp": "caf=E9"}	text that is not UTF-8, or a name whose
 *					line ends would not survive; in the Go
 *					dialect, one before any key in camel case
 *	"@packed:NAME": true		NAME is packed though its schema is not
 *	"@unpacked:NAME": true		and the other way round
 *	"@unknown": [{"field": 99, "varint": 7}]
 *					fields that the schema does not know, as
 *					varint, fixed32, fixed64 or bytes
 *	"@missing": ["pid"]		required fields that are not there
 *	"@wire": "base64"		the message as found, when its form is one
 *					that no writer in use makes: fields out of
 *					order or given twice, varints longer than
 *					need be, values beyond their type
 *
 * Encoding with lib/codec/encode.h gives the same bytes back.
 *
 * A message of up to 16 KiB is written in one pass over memory in the hope that
 * it is usual; if it is not, that is cut off and done again by the general
 * walker, which takes a look before it writes and works on messages of any size
 * in constant memory. (Only a message in an unusual order needs more: 16 bytes
 * for each of its fields.)
 */
#ifndef CR_LIB_CODEC_DECODE_H
#define CR_LIB_CODEC_DECODE_H

#include "lib/base/num.h"
#include "lib/base/source.h"
#include "lib/codec/plan.h"
#include "lib/codec/writer.h"

struct cr_decoder {
	struct cr_codec *codec;
	struct cr_writer w;
	unsigned nesting; /* messages around the one being written */
	unsigned hold;	  /* attempts that may yet be cut off */
	unsigned misses;  /* attempts that were, in the outermost message */
	uint64_t start;	  /* of the outermost message's text */
	struct cr_num_memo memo;
	unsigned no_wire; /* leave out "@wire" at this nesting; 0: nowhere */
};

/** Both stay the caller's and outlive the decoder. Cannot fail. */
void cr_decoder_init(struct cr_decoder *d, struct cr_codec *codec,
		     struct cr_out *out);

/**
 * Writes the keys and values of the message of `size` bytes at the source's
 * place, without its braces, so that the caller can add keys of its own, and
 * leaves the source behind it. A source that is a pipe is pinned if the message
 * is large.
 *
 * FORMAT errors name the field and the byte: the message ends early, a varint
 * or a length is broken, or messages nest deeper than CR_WIRE_DEPTH.
 */
struct cr_error *cr_decode_fields(struct cr_decoder *d, struct cr_source *src,
				  const struct cr_plan *plan, uint64_t size)
	CR_MUST_CHECK;

/** Writes `size` bytes of the source as base64 text with its quotes. */
struct cr_error *cr_decode_base64(struct cr_decoder *d, struct cr_source *src,
				  uint64_t size, const char *what)
	CR_MUST_CHECK;

/**
 * Looks up the last values of varint fields in the message of `size` bytes at
 * the source's place, and leaves the source where it is. values[i] is untouched
 * if numbers[i] does not occur. Same errors as cr_decode_fields().
 */
struct cr_error *cr_decode_peek(struct cr_source *src, uint64_t size,
				const uint32_t *numbers, uint64_t *values,
				unsigned nr) CR_MUST_CHECK;

#endif
