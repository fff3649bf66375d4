// SPDX-License-Identifier: MIT
/*
 * The general reader of wire-format records: one tag and what follows it, from
 * a source, with every fault named by its byte. It accepts what the format
 * allows, usual or not.
 */
#ifndef CR_LIB_CODEC_RECORD_H
#define CR_LIB_CODEC_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/source.h"
#include "lib/codec/plan.h"
#include "lib/codec/wire.h"

struct cr_record {
	uint32_t number;
	uint8_t wire;	/* enum cr_wire */
	bool minimal;	/* no varint in it is longer than need be */
	uint64_t off;	/* of the tag */
	uint64_t value; /* varint, fixed; BYTES: the length */
};

/**
 * Reads the record at the source's place; the message ends at end_off. A BYTES
 * record's body follows at the source's place, is known to fit, and is left to
 * the caller. FORMAT.
 */
struct cr_error *cr_record_read(struct cr_source *src, uint64_t end_off,
				struct cr_record *ret) CR_MUST_CHECK;

/** Passes over the body of a BYTES record; nothing for others. */
struct cr_error *cr_record_skip(struct cr_source *src,
				const struct cr_record *rec) CR_MUST_CHECK;

/** Reads one value of a packed field. *minimal is cleared if it is not. */
struct cr_error *cr_record_packed(struct cr_source *src, uint64_t end_off,
				  const struct cr_field *f, uint64_t *value_ret,
				  bool *minimal) CR_MUST_CHECK;

/** Whether a record of this wire type can belong to the field: with its own
 * type, or packed. */
static inline bool cr_field_takes(const struct cr_field *f, uint8_t wire)
{
	return wire == f->wire || (f->repeated && cr_field_is_scalar(f) &&
				   wire == CR_WIRE_BYTES);
}

/** Whether a wire value is one that the field's type has. */
static inline bool cr_field_fits(const struct cr_field *f, uint64_t v)
{
	switch (f->kind) {
	case CR_FIELD_UINT:
	case CR_FIELD_ZIGZAG:
	case CR_FIELD_FIXED:
	case CR_FIELD_SFIXED:
		return f->bits == 64 || v <= UINT32_MAX;
	case CR_FIELD_INT:
	case CR_FIELD_ENUM:
		return f->bits == 64 || v == (uint64_t)(int64_t)(int32_t)v;
	case CR_FIELD_BOOL:
		return v <= 1;
	}
	return true;
}

#endif
