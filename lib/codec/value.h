// SPDX-License-Identifier: MIT
/*
 * The inside of the decoder: decode.c writes usual messages in one pass over
 * memory, walk.c any message, value.c the values in both. Nothing outside these
 * files uses this.
 */
#ifndef CR_LIB_CODEC_VALUE_H
#define CR_LIB_CODEC_VALUE_H

#include "lib/base/num.h"
#include "lib/codec/decode.h"
#include "lib/codec/present.h"
#include "lib/codec/wire.h"

/* Messages and values up to this size are looked at in one piece. */
#define CR_PIECE_MAX (16 * 1024)

/* One message in memory. */
struct cr_piece {
	const uint8_t *p, *end;
	uint64_t off; /* of p, for error messages */
};

/* decode.c */

/** A message in memory: in one pass, else by the walker. */
struct cr_error *cr_decode_piece(struct cr_decoder *d,
				 const struct cr_plan *plan,
				 const struct cr_piece *piece) CR_MUST_CHECK;

/* walk.c */

/** Any message of `size` bytes at the source's place, which can be sought;
 * d->nesting counts it already. */
struct cr_error *cr_walk_message(struct cr_decoder *d, struct cr_source *src,
				 const struct cr_plan *plan, uint64_t size)
	CR_MUST_CHECK;

/* value.c */

/** An enum's name in quotes, or its number. */
char *cr_value_enum(const struct cr_field *f, char *o, uint64_t v);

/** A string, bytes or a message in memory. */
struct cr_error *cr_value_piece(struct cr_decoder *d, const struct cr_field *f,
				struct cr_piece piece) CR_MUST_CHECK;

/** The body of a BYTES record of a field that is no scalar, of any size. */
struct cr_error *cr_value_body(struct cr_decoder *d, struct cr_source *src,
			       const struct cr_field *f, uint64_t size)
	CR_MUST_CHECK;

/* The value a field's type makes of wire bits. */
static inline uint64_t cr_value_of(const struct cr_field *f, uint64_t v)
{
	bool is32 = f->bits == 32;
	switch (f->kind) {
	case CR_FIELD_UINT:
	case CR_FIELD_FIXED:
		return is32 ? (uint32_t)v : v;
	case CR_FIELD_ZIGZAG:
		return (uint64_t)cr_zigzag_get(is32 ? (uint32_t)v : v);
	case CR_FIELD_BOOL:
		return v != 0;
	}
	return is32 ? (uint64_t)(int64_t)(int32_t)v : v;
}

/* Wire bits as JSON text; room for CR_PRESENT_MAX is there. */
static inline char *cr_value_scalar(const struct cr_decoder *d,
			       const struct cr_field *f, char *o, uint64_t bits)
{
	uint64_t v = cr_value_of(f, bits);
	if (f->kind == CR_FIELD_BOOL) {
		memcpy(o, v ? "true" : "false", 5);
		return o + (v ? 4 : 5);
	}
	if (f->kind == CR_FIELD_ENUM)
		return cr_value_enum(f, o, v);
	bool is_signed = f->kind != CR_FIELD_UINT && f->kind != CR_FIELD_FIXED;
	if (f->form != CR_FORM_NONE && f->form != CR_FORM_IPADD)
		return cr_present_put(o, f->form, f->names, v, is_signed);
	bool quoted = d->w.style.go && f->bits == 64;
	if (quoted)
		*o++ = '"';
	o = is_signed ? cr_put_i64(o, (int64_t)v) : cr_put_u64(o, v);
	if (quoted)
		*o++ = '"';
	return o;
}

#endif
