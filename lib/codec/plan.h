// SPDX-License-Identifier: MIT
/*
 * How to read and write one message type: protobuf-c's descriptor and the
 * display hints, worked out once into what the walkers need in their loops.
 *
 * A codec holds the style (which JSON is wanted) and makes a plan the first
 * time a message type is met. Plans live as long as their codec.
 */
#ifndef CR_LIB_CODEC_PLAN_H
#define CR_LIB_CODEC_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "lib/base/error.h"
#include "lib/codec/hints.h"

/* The shape of the JSON. Reading accepts all of them whatever is set here. */
struct cr_style {
	bool indent; /* one key a line, four blanks a level */
	bool forms;  /* hex, flags, devices, ... as text */
	bool go;     /* the Go tool's dialect: names in camel case, 64-bit
			integers as text, base64 in one line */
	bool dotted; /* IPv4-mapped addresses as ::ffff:127.0.0.1 */
};

/* What a field's bytes mean. */
enum cr_field_kind {
	CR_FIELD_UINT,	/* varint, unsigned */
	CR_FIELD_INT,	/* varint, two's complement */
	CR_FIELD_ZIGZAG, /* varint, sint32 and sint64 */
	CR_FIELD_BOOL,
	CR_FIELD_ENUM,
	CR_FIELD_FIXED,	/* 4 or 8 bytes, unsigned */
	CR_FIELD_SFIXED, /* 4 or 8 bytes, signed */
	CR_FIELD_STRING,
	CR_FIELD_BYTES,
	CR_FIELD_MESSAGE,
};

#define CR_KEY_MAX 64

struct cr_field {
	uint32_t tag; /* as it is written: packed if that is the default */
	uint8_t kind; /* enum cr_field_kind */
	uint8_t wire; /* enum cr_wire of one value */
	uint8_t bits; /* 32 or 64, integers */
	bool repeated, required, packed;
	bool single; /* one scalar */
	bool plain;  /* one unsigned varint shown as a number: what the
			walkers have a short cut for */
	uint64_t max; /* of an unsigned one */
	uint64_t bit; /* of this field in a set of its plan's fields */
	uint8_t form;	  /* enum cr_form, as the style shows it */
	uint8_t key_size; /* of key */
	uint8_t sep_size; /* of the separator before it; 0 with indentation */
	uint8_t sep_key_size;
	uint8_t tag_size;
	uint8_t tag_bytes[6];
	char sep_key[CR_KEY_MAX]; /* separator, then `"name": ` in the style's
				     dialect, then zeros */
	const char *name;
	const ProtobufCFieldDescriptor *desc;
	const struct cr_names *names; /* of a FLAGS or DICT field */
	uint8_t hint;		      /* enum cr_form, whatever the style */
	const struct cr_plan *sub;    /* of a message field, once it is met */
	bool sub_hex;		      /* its integers are shown in hex */
};

struct cr_plan {
	const ProtobufCMessageDescriptor *desc;
	bool hex;
	unsigned nr_fields;
	uint64_t required; /* bit i: fields[i] is required */
	struct cr_field fields[];
};

/* A plan's set of fields is one word. */
#define CR_PLAN_FIELDS_MAX 64

struct cr_codec {
	struct cr_style style;
	struct cr_plan **plans;
	unsigned nr_plans, cap_plans;
};

/** Cannot fail. */
void cr_codec_init(struct cr_codec *codec, struct cr_style style);

/** Frees every plan. Accepts a zeroed codec. */
void cr_codec_deinit(struct cr_codec *codec);

/**
 * The plan of a message type. hex: an outer field's option says that the
 * integers inside are shown in hex. Fails with NOMEM, or INTERNAL for a field
 * type that no image uses (float, double).
 */
struct cr_error *cr_codec_plan(struct cr_codec *codec,
			       const ProtobufCMessageDescriptor *desc, bool hex,
			       const struct cr_plan **ret) CR_MUST_CHECK;

/** The plan of a message field's type, looked up once. */
struct cr_error *cr_codec_sub(struct cr_codec *codec,
			      const struct cr_field *field,
			      const struct cr_plan **ret) CR_MUST_CHECK;

/** The field of a number, or NULL. */
const struct cr_field *cr_plan_by_number(const struct cr_plan *plan,
					 uint32_t number);

/** The field of a JSON key in either dialect's spelling, or NULL. */
const struct cr_field *cr_plan_by_name(const struct cr_plan *plan,
				       const char *name, size_t size);

static inline const char *cr_field_key(const struct cr_field *field)
{
	return field->sep_key + field->sep_size;
}

static inline uint32_t cr_field_number(const struct cr_field *field)
{
	return field->tag >> 3;
}

/** Integers, bool and enum: what may also come packed. */
static inline bool cr_field_is_scalar(const struct cr_field *field)
{
	return field->kind < CR_FIELD_STRING;
}

#endif
