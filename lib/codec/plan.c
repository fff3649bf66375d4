// SPDX-License-Identifier: MIT
#include "lib/codec/plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/codec/present.h"
#include "lib/codec/wire.h"

/* Protobuf types by their number in protobuf-c. */
struct type_row {
	uint8_t kind, bits, wire;
	bool known;
};

// clang-format off
static const struct type_row types[] = {
	[PROTOBUF_C_TYPE_INT32]    = { CR_FIELD_INT,     32, CR_WIRE_VARINT,  true },
	[PROTOBUF_C_TYPE_SINT32]   = { CR_FIELD_ZIGZAG,  32, CR_WIRE_VARINT,  true },
	[PROTOBUF_C_TYPE_SFIXED32] = { CR_FIELD_SFIXED,  32, CR_WIRE_FIXED32, true },
	[PROTOBUF_C_TYPE_INT64]    = { CR_FIELD_INT,     64, CR_WIRE_VARINT,  true },
	[PROTOBUF_C_TYPE_SINT64]   = { CR_FIELD_ZIGZAG,  64, CR_WIRE_VARINT,  true },
	[PROTOBUF_C_TYPE_SFIXED64] = { CR_FIELD_SFIXED,  64, CR_WIRE_FIXED64, true },
	[PROTOBUF_C_TYPE_UINT32]   = { CR_FIELD_UINT,    32, CR_WIRE_VARINT,  true },
	[PROTOBUF_C_TYPE_FIXED32]  = { CR_FIELD_FIXED,   32, CR_WIRE_FIXED32, true },
	[PROTOBUF_C_TYPE_UINT64]   = { CR_FIELD_UINT,    64, CR_WIRE_VARINT,  true },
	[PROTOBUF_C_TYPE_FIXED64]  = { CR_FIELD_FIXED,   64, CR_WIRE_FIXED64, true },
	[PROTOBUF_C_TYPE_BOOL]     = { CR_FIELD_BOOL,    32, CR_WIRE_VARINT,  true },
	[PROTOBUF_C_TYPE_ENUM]     = { CR_FIELD_ENUM,    32, CR_WIRE_VARINT,  true },
	[PROTOBUF_C_TYPE_STRING]   = { CR_FIELD_STRING,   0, CR_WIRE_BYTES,   true },
	[PROTOBUF_C_TYPE_BYTES]    = { CR_FIELD_BYTES,    0, CR_WIRE_BYTES,   true },
	[PROTOBUF_C_TYPE_MESSAGE]  = { CR_FIELD_MESSAGE,  0, CR_WIRE_BYTES,   true },
};
// clang-format on

void cr_codec_init(struct cr_codec *codec, struct cr_style style)
{
	*codec = (struct cr_codec){ .style = style };
}

void cr_codec_deinit(struct cr_codec *codec)
{
	for (unsigned i = 0; i < codec->nr_plans; i++)
		free(codec->plans[i]);
	free(codec->plans);
	*codec = (struct cr_codec){ 0 };
}

static const struct cr_hint *find_hint(const struct cr_message_hints *hints,
				       uint32_t number)
{
	for (unsigned i = 0; hints && i < hints->nr_hints; i++)
		if (hints->hints[i].number == number)
			return &hints->hints[i];
	return NULL;
}

/* protobuf's JSON mapping: an underscore goes, the next letter is upper. */
static char camel_step(const char **name)
{
	while (**name == '_') {
		++*name;
		if (**name != '_')
			return (char)toupper((unsigned char)*(*name)++);
	}
	return *(*name)++;
}

static void set_key(struct cr_field *f, bool go, bool indent)
{
	char *o = f->sep_key;
	if (!indent)
		*o++ = ',';
	if (!indent && !go)
		*o++ = ' ';
	f->sep_size = (uint8_t)(o - f->sep_key);
	const char *key = o;
	*o++ = '"';
	for (const char *p = f->name; *p;)
		*o++ = go ? camel_step(&p) : *p++;
	*o++ = '"';
	*o++ = ':';
	if (!go || indent)
		*o++ = ' ';
	f->key_size = (uint8_t)(o - key);
	f->sep_key_size = (uint8_t)(o - f->sep_key);
}

/* The form a field is shown in: ipadd, then hex, own or inherited, and so on;
 * a form that the field's type cannot have does not count. */
static void set_form(struct cr_field *f, const struct cr_hint *hint, bool hex,
		     struct cr_style style)
{
	bool integer = f->kind <= CR_FIELD_ZIGZAG || f->kind == CR_FIELD_FIXED ||
		       f->kind == CR_FIELD_SFIXED;
	f->hint = hint ? hint->form : CR_FORM_NONE;
	if (integer && hex && f->hint != CR_FORM_IPADD)
		f->hint = CR_FORM_HEX;
	f->sub_hex = f->kind == CR_FIELD_MESSAGE &&
		     (hex || f->hint == CR_FORM_HEX);
	if (f->hint == CR_FORM_FLAGS || f->hint == CR_FORM_DICT) {
		f->names = cr_names_find(hint->form, hint->arg, f->name);
		if (!f->names)
			f->hint = f->hint == CR_FORM_FLAGS ? CR_FORM_HEX :
							     CR_FORM_NONE;
	}
	bool shown = !style.go && (style.forms ? integer : false);
	if (f->hint == CR_FORM_CONV)
		shown = !style.go && f->kind == CR_FIELD_BYTES;
	f->form = shown ? f->hint : CR_FORM_NONE;
}

static struct cr_error *set_field(struct cr_field *f,
				  const ProtobufCFieldDescriptor *desc,
				  const struct cr_hint *hint, bool hex,
				  struct cr_style style)
{
	size_t nr_types = sizeof(types) / sizeof(types[0]);
	const struct type_row *type =
		desc->type < nr_types ? &types[desc->type] : NULL;
	if (!type || !type->known || strlen(desc->name) > CR_KEY_MAX - 16)
		return cr_error_new(CR_ERR_INTERNAL, "field %s: no codec",
				    desc->name);
	f->desc = desc;
	f->name = desc->name;
	f->kind = type->kind;
	f->wire = type->wire;
	f->bits = type->bits;
	f->repeated = desc->label == PROTOBUF_C_LABEL_REPEATED;
	f->required = desc->label == PROTOBUF_C_LABEL_REQUIRED;
	f->packed = desc->flags & PROTOBUF_C_FIELD_FLAG_PACKED;
	f->tag = cr_wire_tag(desc->id, f->packed ? CR_WIRE_BYTES : type->wire);
	f->tag_size = (uint8_t)(cr_varint_put(f->tag_bytes, f->tag) -
				f->tag_bytes);
	set_key(f, style.go, style.indent);
	set_form(f, hint, hex, style);
	f->max = f->bits == 32 ? UINT32_MAX : UINT64_MAX;
	f->single = cr_field_is_scalar(f) && !f->repeated;
	f->plain = f->kind == CR_FIELD_UINT && f->single &&
		   f->form == CR_FORM_NONE && !(style.go && f->bits == 64);
	return NULL;
}

static struct cr_error *make_plan(const ProtobufCMessageDescriptor *desc,
				  bool hex, struct cr_style style,
				  struct cr_plan **ret)
{
	if (desc->n_fields > CR_PLAN_FIELDS_MAX)
		return cr_error_new(CR_ERR_INTERNAL, "%s: too many fields",
				    desc->name);
	struct cr_plan *plan = calloc(1, sizeof(*plan) +
						 desc->n_fields *
							 sizeof(plan->fields[0]));
	if (!plan)
		return cr_enomem;
	plan->desc = desc;
	plan->hex = hex;
	plan->nr_fields = desc->n_fields;
	const struct cr_message_hints *hints = cr_hints_find(desc);
	for (unsigned i = 0; i < desc->n_fields; i++) {
		struct cr_error *err = set_field(
			&plan->fields[i], &desc->fields[i],
			find_hint(hints, desc->fields[i].id), hex, style);
		if (err) {
			free(plan);
			return err;
		}
		plan->fields[i].bit = 1ull << i;
		if (plan->fields[i].required)
			plan->required |= 1ull << i;
	}
	*ret = plan;
	return NULL;
}

struct cr_error *cr_codec_plan(struct cr_codec *codec,
			       const ProtobufCMessageDescriptor *desc, bool hex,
			       const struct cr_plan **ret)
{
	for (unsigned i = 0; i < codec->nr_plans; i++) {
		struct cr_plan *plan = codec->plans[i];
		if (plan->desc == desc && plan->hex == hex) {
			*ret = plan;
			return NULL;
		}
	}
	if (codec->nr_plans == codec->cap_plans) {
		unsigned cap = codec->cap_plans ? 2 * codec->cap_plans : 16;
		struct cr_plan **plans =
			realloc(codec->plans, cap * sizeof(plans[0]));
		if (!plans)
			return cr_enomem;
		codec->plans = plans;
		codec->cap_plans = cap;
	}
	struct cr_plan *plan;
	struct cr_error *err = make_plan(desc, hex, codec->style, &plan);
	if (err)
		return err;
	codec->plans[codec->nr_plans++] = plan;
	*ret = plan;
	return NULL;
}

struct cr_error *cr_codec_sub(struct cr_codec *codec,
			      const struct cr_field *field,
			      const struct cr_plan **ret)
{
	if (!field->sub) {
		/* The plan is ours; fields are const for the walkers only. */
		struct cr_field *f = (struct cr_field *)(uintptr_t)field;
		struct cr_error *err =
			cr_codec_plan(codec, field->desc->descriptor,
				      field->sub_hex, &f->sub);
		if (err)
			return err;
	}
	*ret = field->sub;
	return NULL;
}

const struct cr_field *cr_plan_by_number(const struct cr_plan *plan,
					 uint32_t number)
{
	for (unsigned i = 0; i < plan->nr_fields; i++)
		if (cr_field_number(&plan->fields[i]) == number)
			return &plan->fields[i];
	return NULL;
}

/* Whether the JSON key is the name itself or its camel-case spelling. */
static bool spells(const char *name, const char *key, size_t size)
{
	if (strlen(name) == size && !memcmp(name, key, size))
		return true;
	for (size_t i = 0; i < size; i++)
		if (!*name || camel_step(&name) != key[i])
			return false;
	return !*name;
}

const struct cr_field *cr_plan_by_name(const struct cr_plan *plan,
				       const char *name, size_t size)
{
	for (unsigned i = 0; i < plan->nr_fields; i++)
		if (spells(plan->fields[i].name, name, size))
			return &plan->fields[i];
	return NULL;
}
