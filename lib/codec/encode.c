// SPDX-License-Identifier: MIT
#include "lib/codec/encode.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/base64.h"
#include "lib/base/cleanup.h"
#include "lib/base/qp.h"
#include "lib/base/utf8.h"
#include "lib/codec/frame.h"
#include "lib/codec/wire.h"

#define TEXT_MAX 1024 /* of an integer, an enum or an address */

static struct cr_error *encode_nested(struct cr_encoder *e,
				      const struct cr_plan *plan);

void cr_encoder_init(struct cr_encoder *e, struct cr_codec *codec,
		     struct cr_reader *r, struct cr_out *out)
{
	*e = (struct cr_encoder){ .codec = codec, .r = r, .out = out };
}

/* Lengths: one byte is kept free, and made more if the length needs it. */

struct cr_error *cr_length_open(struct cr_encoder *e, uint64_t *pos_ret)
{
	struct cr_error *err = cr_out_room(e->out, 1);
	if (err)
		return err;
	*pos_ret = cr_out_tell(e->out);
	*e->out->cur++ = 0;
	return NULL;
}

struct cr_error *cr_length_close(struct cr_encoder *e, uint64_t pos)
{
	uint64_t size = cr_out_tell(e->out) - pos - 1;
	if (size > INT32_MAX)
		return cr_reader_error(e->r, "more than 2 GiB in one field");
	if (size < 0x80 && pos >= e->out->base) {
		e->out->buf[pos - e->out->base] = (char)size;
		return NULL;
	}
	uint8_t bytes[CR_VARINT_MAX];
	size_t nr = (size_t)(cr_varint_put(bytes, size) - bytes);
	struct cr_error *err = cr_out_patch(e->out, pos, bytes, 1);
	if (err || nr == 1)
		return err;
	return cr_out_insert(e->out, pos + 1, bytes + 1, nr - 1);
}

/* Scalars */

static const char *type_name(const struct cr_field *f)
{
	static const char *const names[][2] = {
		[CR_FIELD_UINT] = { "uint32", "uint64" },
		[CR_FIELD_INT] = { "int32", "int64" },
		[CR_FIELD_ZIGZAG] = { "sint32", "sint64" },
		[CR_FIELD_BOOL] = { "bool", "bool" },
		[CR_FIELD_ENUM] = { "an enum", "an enum" },
		[CR_FIELD_FIXED] = { "fixed32", "fixed64" },
		[CR_FIELD_SFIXED] = { "sfixed32", "sfixed64" },
	};
	return names[f->kind][f->bits == 64];
}

/* A value as the bits that go on the wire; false if it is out of range. */
static inline bool bits_of(const struct cr_field *f, struct cr_int v,
			   uint64_t *bits)
{
	if (f->kind == CR_FIELD_UINT || f->kind == CR_FIELD_FIXED) {
		*bits = v.magnitude;
		return !v.negative &&
		       (f->bits == 64 || v.magnitude <= UINT32_MAX);
	}
	uint64_t max = f->bits == 64 ? INT64_MAX : INT32_MAX;
	if (v.magnitude > max + v.negative)
		return false;
	int64_t s = (int64_t)(v.negative ? 0 - v.magnitude : v.magnitude);
	*bits = f->kind == CR_FIELD_ZIGZAG ? cr_zigzag_put(s) : (uint64_t)s;
	if (f->kind == CR_FIELD_SFIXED && f->bits == 32)
		*bits = (uint32_t)*bits;
	return true;
}

static struct cr_error *out_of_range(const struct cr_encoder *e,
				     const struct cr_field *f, struct cr_int v)
{
	return cr_reader_error_value(
		e->r, cr_error_new(CR_ERR_FORMAT, "%s%llu is out of range for %s",
				   v.negative ? "-" : "",
				   (unsigned long long)v.magnitude,
				   type_name(f)));
}

static struct cr_error *parse_enum(const struct cr_encoder *e,
				   const struct cr_field *f, char *text,
				   size_t size, struct cr_int *ret)
{
	const ProtobufCEnumDescriptor *desc = f->desc->descriptor;
	text[size] = 0;
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value_by_name(desc, text);
	if (!value || strlen(value->name) != size)
		return cr_reader_error_value(
			e->r,
			cr_error_new(CR_ERR_FORMAT, "\"%.60s\" is no value of %s",
				     text, desc->name));
	*ret = (struct cr_int){ .magnitude = (uint64_t)abs(value->value),
				.negative = value->value < 0 };
	return NULL;
}

static struct cr_error *read_text_value(struct cr_encoder *e,
					const struct cr_field *f,
					struct cr_int *ret)
{
	char text[TEXT_MAX + 1];
	size_t size;
	struct cr_error *err = cr_reader_text(e->r, text, TEXT_MAX, &size);
	if (err)
		return err;
	if (f->kind == CR_FIELD_ENUM)
		return parse_enum(e, f, text, size, ret);
	err = cr_present_parse(f->hint, f->names, text, size, ret);
	return err ? cr_reader_error_value(e->r, err) : NULL;
}

static struct cr_error *read_bits(struct cr_encoder *e,
				  const struct cr_field *f, uint64_t *bits_ret)
{
	char c;
	struct cr_error *err = cr_reader_peek(e->r, &c);
	if (err)
		return err;
	if (f->kind == CR_FIELD_BOOL) {
		bool v = false;
		err = cr_reader_bool(e->r, &v);
		*bits_ret = v;
		return err;
	}
	struct cr_int v;
	err = c == '"' ? read_text_value(e, f, &v) : cr_reader_int(e->r, &v);
	if (err)
		return err;
	if (!bits_of(f, v, bits_ret))
		return out_of_range(e, f, v);
	return NULL;
}

/* Room is there. */
static inline char *put_bits(const struct cr_field *f, char *o, uint64_t bits)
{
	if (f->wire == CR_WIRE_VARINT)
		return (char *)cr_varint_put((uint8_t *)o, bits);
	memcpy(o, &bits, f->bits / 8);
	return o + f->bits / 8;
}

static struct cr_error *encode_scalar(struct cr_encoder *e,
				      const struct cr_field *f)
{
	uint64_t bits;
	struct cr_error *err = read_bits(e, f, &bits);
	if (!err)
		err = cr_out_room(e->out, CR_VARINT_MAX);
	if (err)
		return err;
	e->out->cur = put_bits(f, e->out->cur, bits);
	return NULL;
}

/* Strings and bytes */

static struct cr_error *append_utf8(struct cr_encoder *e)
{
	struct cr_utf8 state = { 0 };
	struct cr_error *err = cr_reader_string(e->r);
	while (!err) {
		const char *text;
		size_t size;
		err = cr_reader_piece(e->r, &text, &size);
		if (err || !size)
			break;
		if (!cr_utf8_feed(&state, text, size))
			return cr_reader_error(e->r,
					       "the text is not UTF-8");
		err = cr_out_put(e->out, text, size);
		if (!err)
			err = cr_out_spill(e->out);
	}
	if (!err && !cr_utf8_complete(&state))
		return cr_reader_error(e->r, "the text is not UTF-8");
	return err;
}

struct cr_error *cr_encode_base64(struct cr_encoder *e)
{
	struct cr_base64 state = { 0 };
	struct cr_error *err = cr_reader_string(e->r);
	while (!err) {
		const char *text;
		size_t size;
		err = cr_reader_piece(e->r, &text, &size);
		if (err || !size)
			break;
		err = cr_out_room(e->out, size / 4 * 3 + 6);
		if (err)
			break;
		uint8_t *o = (uint8_t *)e->out->cur;
		const char *bad = cr_base64_feed(&state, text, size, &o);
		if (bad)
			return cr_reader_error(
				e->r, "broken base64 in the text before this");
		e->out->cur = (char *)o;
		err = cr_out_spill(e->out);
	}
	if (!err && !cr_base64_complete(&state))
		return cr_reader_error(e->r, "base64 that is cut off");
	return err;
}

static struct cr_error *append_qp(struct cr_encoder *e)
{
	struct cr_qp state = { 0 };
	struct cr_error *err = cr_reader_string(e->r);
	while (!err) {
		const char *text;
		size_t size;
		err = cr_reader_piece(e->r, &text, &size);
		if (err || !size)
			break;
		err = cr_out_room(e->out, size);
		if (err)
			break;
		uint8_t *o = (uint8_t *)e->out->cur;
		if (!cr_qp_feed(&state, text, size, &o))
			return cr_reader_error(e->r, "broken quoted-printable "
						     "text: '=' is followed by "
						     "no byte");
		e->out->cur = (char *)o;
		err = cr_out_spill(e->out);
	}
	if (!err && !cr_qp_complete(&state))
		return cr_reader_error(e->r, "quoted-printable text that is "
					     "cut off");
	return err;
}

/* {"@qp": "..."} */
static struct cr_error *append_escaped(struct cr_encoder *e)
{
	const char *name;
	size_t size;
	struct cr_error *err = cr_reader_expect(e->r, '{');
	if (!err)
		err = cr_reader_key(e->r, &name, &size);
	if (err)
		return err;
	if (size != 3 || memcmp(name, "@qp", 3))
		return cr_reader_error(e->r, "\"%.*s\" is no way to write "
					     "text; only \"@qp\" is",
				       (int)size, name);
	err = append_qp(e);
	return err ? err : cr_reader_expect(e->r, '}');
}

static struct cr_error *append_body(struct cr_encoder *e,
				    const struct cr_field *f)
{
	char c;
	struct cr_error *err = cr_reader_peek(e->r, &c);
	if (err)
		return err;
	if (c == '{')
		return append_escaped(e);
	if (f->kind == CR_FIELD_STRING)
		return append_utf8(e);
	bool quoted = f->hint == CR_FORM_CONV && !e->go;
	return quoted ? append_qp(e) : cr_encode_base64(e);
}

/* A value that has a length in front of it. */
static struct cr_error *encode_sized(struct cr_encoder *e,
				     const struct cr_field *f)
{
	uint64_t pos;
	const struct cr_plan *sub;
	struct cr_error *err = cr_length_open(e, &pos);
	if (err)
		return err;
	if (f->kind == CR_FIELD_MESSAGE) {
		err = cr_codec_sub(e->codec, f, &sub);
		if (!err)
			err = encode_nested(e, sub);
	} else {
		err = append_body(e, f);
	}
	return err ? err : cr_length_close(e, pos);
}

static struct cr_error *put_tag(struct cr_encoder *e, const struct cr_field *f,
				enum cr_wire wire)
{
	struct cr_error *err = cr_out_room(e->out, 2 * CR_VARINT_MAX);
	if (err)
		return err;
	e->out->cur = (char *)cr_varint_put(
		(uint8_t *)e->out->cur, cr_wire_tag(cr_field_number(f), wire));
	return NULL;
}

static struct cr_error *encode_single(struct cr_encoder *e,
				      const struct cr_field *f)
{
	struct cr_error *err = put_tag(e, f, f->wire);
	if (err)
		return err;
	return cr_field_is_scalar(f) ? encode_scalar(e, f) : encode_sized(e, f);
}

/* Lists */

/* After an element: whether another follows. */
static struct cr_error *more(struct cr_encoder *e, bool *ret)
{
	struct cr_error *err = cr_out_spill(e->out);
	if (!err)
		err = cr_reader_ready(e->r);
	if (!err)
		err = cr_reader_accept(e->r, ',', ret);
	if (err || *ret)
		return err;
	return cr_reader_expect(e->r, ']');
}

/* The words of an address as elements. */
static struct cr_error *encode_address(struct cr_encoder *e,
				       const struct cr_field *f, bool packed)
{
	char text[TEXT_MAX];
	size_t size;
	uint32_t words[4];
	unsigned nr = 0;
	struct cr_error *err = cr_reader_text(e->r, text, sizeof(text), &size);
	if (err)
		return err;
	err = cr_present_parse_address(text, size, words, &nr);
	if (err)
		return cr_reader_error_value(e->r, err);
	for (unsigned i = 0; i < nr && !err; i++) {
		err = packed ? cr_out_room(e->out, CR_VARINT_MAX) :
			       put_tag(e, f, f->wire);
		if (!err)
			e->out->cur = put_bits(f, e->out->cur, words[i]);
	}
	return err ? err : cr_reader_expect(e->r, ']');
}

static struct cr_error *encode_elements(struct cr_encoder *e,
					const struct cr_field *f, bool packed)
{
	char c;
	struct cr_error *err = cr_reader_peek(e->r, &c);
	if (err)
		return err;
	if (f->hint == CR_FORM_IPADD && c == '"')
		return encode_address(e, f, packed);
	unsigned i = 0;
	for (bool again = true; again && !err; i++) {
		err = packed ? encode_scalar(e, f) : encode_single(e, f);
		if (err)
			return cr_error_at(err, "[%u]", i);
		err = more(e, &again);
	}
	return err;
}

static struct cr_error *encode_list(struct cr_encoder *e, struct cr_frame *fr,
				    const struct cr_field *f)
{
	bool empty = false;
	struct cr_error *err = cr_reader_expect(e->r, '[');
	if (!err)
		err = cr_reader_accept(e->r, ']', &empty);
	if (err || empty)
		return err;
	bool packed = f->packed ^ !!(fr->flipped & f->bit);
	if (!packed)
		return encode_elements(e, f, false);
	uint64_t pos;
	err = put_tag(e, f, CR_WIRE_BYTES);
	if (!err)
		err = cr_length_open(e, &pos);
	if (!err)
		err = encode_elements(e, f, true);
	return err ? err : cr_length_close(e, pos);
}

struct cr_error *cr_frame_twice(const struct cr_encoder *e, const char *name,
			      size_t size)
{
	return cr_reader_error(e->r, "key \"%.*s\" is there twice", (int)size,
			       name);
}

static struct cr_error *encode_field(struct cr_encoder *e, struct cr_frame *fr,
				     const struct cr_field *f)
{
	uint64_t bit = f->bit;
	if (__builtin_expect(fr->seen & bit, 0))
		return cr_frame_twice(e, f->name, strlen(f->name));
	fr->seen |= bit;
	fr->next = f + 1;
	uint64_t pos = cr_out_tell(e->out);
	struct cr_error *err = f->repeated ? encode_list(e, fr, f) :
					     encode_single(e, f);
	if (!err)
		err = cr_order_field(e, fr, cr_field_number(f), pos);
	return err ? cr_error_at(err, "%s", f->name) : NULL;
}

static struct cr_error *encode_pair(struct cr_encoder *e, struct cr_frame *fr)
{
	char c;
	struct cr_error *err = cr_reader_peek(e->r, &c);
	if (!err)
		err = cr_reader_ready(e->r);
	if (err)
		return err;
	const struct cr_field *f = cr_quick_key(e, fr);
	if (f)
		return encode_field(e, fr, f);
	const char *name;
	size_t size;
	err = cr_reader_key(e->r, &name, &size);
	if (err)
		return err;
	f = cr_plan_by_name(fr->plan, name, size);
	if (f) {
		e->go |= strlen(f->name) != size;
		return encode_field(e, fr, f);
	}
	char copy[CR_READER_KEY_MAX];
	memcpy(copy, name, size);
	return cr_escape_read(e, fr, copy, size);
}

static struct cr_error *encode_pairs(struct cr_encoder *e, struct cr_frame *fr)
{
	bool found;
	struct cr_error *err = cr_reader_expect(e->r, '{');
	if (!err)
		err = cr_reader_accept(e->r, '}', &found);
	if (err || found)
		return err;
	for (;;) {
		enum cr_quick at = cr_quick_pairs(e, fr);
		if (at == CR_AFTER_OBJECT)
			return NULL;
		if (at == CR_AT_KEY)
			err = encode_pair(e, fr);
		if (!err)
			err = cr_out_spill(e->out);
		if (!err)
			err = cr_reader_accept(e->r, ',', &found);
		if (err)
			return err;
		if (!found)
			return cr_reader_expect(e->r, '}');
	}
}

static struct cr_error *check_required(const struct cr_encoder *e,
				       const struct cr_frame *fr)
{
	uint64_t lacking = fr->plan->required & ~fr->seen & ~fr->missing;
	if (!lacking)
		return NULL;
	const struct cr_field *f =
		&fr->plan->fields[__builtin_ctzll(lacking)];
	return cr_reader_error(e->r, "required field \"%s\" is missing",
			       f->name);
}

struct cr_error *cr_encode_object(struct cr_encoder *e,
				  const struct cr_plan *plan,
				  cr_encode_key_fn *key, void *arg,
				  uint64_t *end_ret)
{
	if (e->nesting >= CR_WIRE_DEPTH)
		return cr_reader_error(e->r, "more than %d messages within "
					     "each other",
				       CR_WIRE_DEPTH);
	struct cr_frame fr = {
		.plan = plan,
		.next = plan->fields,
		.start = cr_out_tell(e->out),
		.key = key,
		.key_arg = arg,
	};
	e->nesting++;
	struct cr_error *err = encode_pairs(e, &fr);
	if (!err)
		err = check_required(e, &fr);
	if (!err)
		err = cr_escape_finish(e, &fr);
	e->nesting--;
	if (fr.wire)
		cr_out_deinit(fr.wire);
	free(fr.wire);
	*end_ret = fr.has_tail ? fr.tail : cr_out_tell(e->out);
	return err;
}

static struct cr_error *encode_nested(struct cr_encoder *e,
				      const struct cr_plan *plan)
{
	uint64_t end;
	return cr_encode_object(e, plan, NULL, NULL, &end);
}

