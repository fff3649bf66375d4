// SPDX-License-Identifier: MIT
#include "lib/codec/encode.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/base64.h"
#include "lib/base/cleanup.h"
#include "lib/base/num.h"
#include "lib/base/qp.h"
#include "lib/base/utf8.h"
#include "lib/codec/decode.h"
#include "lib/codec/record.h"

#define TEXT_MAX 1024 /* of an integer, an enum or an address */

/* One object being read. */
struct frame {
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

static struct cr_error *encode_nested(struct cr_encoder *e,
				      const struct cr_plan *plan);

void cr_encoder_init(struct cr_encoder *e, struct cr_codec *codec,
		     struct cr_reader *r, struct cr_out *out)
{
	*e = (struct cr_encoder){ .codec = codec, .r = r, .out = out };
}

/* Lengths: one byte is kept free, and made more if the length needs it. */

static struct cr_error *open_length(struct cr_encoder *e, uint64_t *pos_ret)
{
	struct cr_error *err = cr_out_room(e->out, 1);
	if (err)
		return err;
	*pos_ret = cr_out_tell(e->out);
	*e->out->cur++ = 0;
	return NULL;
}

static struct cr_error *close_length(struct cr_encoder *e, uint64_t pos)
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
	struct cr_error *err = open_length(e, &pos);
	if (err)
		return err;
	if (f->kind == CR_FIELD_MESSAGE) {
		err = cr_codec_sub(e->codec, f, &sub);
		if (!err)
			err = encode_nested(e, sub);
	} else {
		err = append_body(e, f);
	}
	return err ? err : close_length(e, pos);
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

static struct cr_error *encode_list(struct cr_encoder *e, struct frame *fr,
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
		err = open_length(e, &pos);
	if (!err)
		err = encode_elements(e, f, true);
	return err ? err : close_length(e, pos);
}

/* Reading back what has been written */

static struct cr_error *reread(void *arg, void *data, size_t size,
			       size_t *n_ret)
{
	struct cr_reread *state = arg;
	uint64_t left = state->end - state->pos;
	size_t n = size < left ? size : (size_t)left;
	struct cr_error *err = cr_out_peek(state->out, state->pos, data, n);
	state->pos += n;
	*n_ret = n;
	return err;
}

struct cr_error *cr_encode_reread(struct cr_encoder *e, uint64_t start,
				  uint64_t end, struct cr_reread *state,
				  struct cr_source *ret)
{
	if (start >= e->out->base) {
		cr_source_init_mem(ret, e->out->buf + (start - e->out->base),
				   end - start);
		return NULL;
	}
	*state = (struct cr_reread){ e->out, start, end };
	return cr_source_init_read(ret, 64 * 1024, reread, state);
}

/* Where a field that came late belongs: before the first higher number. */
static struct cr_error *find_place(struct cr_encoder *e, uint64_t start,
				   uint64_t end, uint32_t number,
				   uint64_t *pos_ret)
{
	struct cr_source src;
	struct cr_reread state;
	struct cr_error *err = cr_encode_reread(e, start, end, &state, &src);
	struct cr_record rec = { 0 };
	uint64_t pos = 0;
	while (!err && pos < end - start) {
		err = cr_record_read(&src, end - start, &rec);
		if (!err && rec.number > number)
			break;
		if (!err)
			err = cr_record_skip(&src, &rec);
		pos = cr_source_tell(&src);
	}
	cr_source_deinit(&src);
	*pos_ret = start + pos;
	return err;
}

/* Of the last `left` bytes of the output the first `size` belong to a field; they
 * go in order, the others stay at the end. */
static struct cr_error *place_first(struct cr_encoder *e, struct frame *fr,
				    uint32_t number, uint64_t size,
				    uint64_t left)
{
	uint64_t to, pos = cr_out_tell(e->out) - left;
	uint64_t end = fr->has_tail ? fr->tail : pos;
	struct cr_error *err = find_place(e, fr->start, end, number, &to);
	if (!err)
		err = cr_out_rotate(e->out, to, pos);
	if (!err)
		err = cr_out_rotate(e->out, to + size, to + left);
	if (err)
		return err;
	if (fr->has_tail)
		fr->tail += size;
	if (number > fr->last)
		fr->last = number;
	return NULL;
}

/* What has been appended since pos belongs to a field; it goes in order. */
static struct cr_error *place(struct cr_encoder *e, struct frame *fr,
			      uint32_t number, uint64_t pos)
{
	if (number >= fr->last && !fr->has_tail) {
		fr->last = number;
		return NULL;
	}
	uint64_t size = cr_out_tell(e->out) - pos;
	return place_first(e, fr, number, size, size);
}

static struct cr_error *twice(const struct cr_encoder *e, const char *name,
			      size_t size)
{
	return cr_reader_error(e->r, "key \"%.*s\" is there twice", (int)size,
			       name);
}

static struct cr_error *encode_field(struct cr_encoder *e, struct frame *fr,
				     const struct cr_field *f)
{
	uint64_t bit = f->bit;
	if (__builtin_expect(fr->seen & bit, 0))
		return twice(e, f->name, strlen(f->name));
	fr->seen |= bit;
	fr->next = f + 1;
	uint64_t pos = cr_out_tell(e->out);
	struct cr_error *err = f->repeated ? encode_list(e, fr, f) :
					     encode_single(e, f);
	if (!err)
		err = place(e, fr, cr_field_number(f), pos);
	return err ? cr_error_at(err, "%s", f->name) : NULL;
}

/* Escapes */

/* The value of one unknown field, its tag and what follows. */
static struct cr_error *append_unknown(struct cr_encoder *e,
				       const struct cr_plan *plan,
				       uint32_t number, const char *kind,
				       size_t size)
{
	static const struct {
		const char *name;
		enum cr_wire wire;
		size_t bytes;
		uint64_t max;
	} kinds[] = {
		{ "varint", CR_WIRE_VARINT, 0, UINT64_MAX },
		{ "fixed64", CR_WIRE_FIXED64, 8, UINT64_MAX },
		{ "bytes", CR_WIRE_BYTES, 0, 0 },
		{ "fixed32", CR_WIRE_FIXED32, 4, UINT32_MAX },
	};
	size_t i = 0;
	while (i < 4 && (strlen(kinds[i].name) != size ||
			 memcmp(kinds[i].name, kind, size)))
		i++;
	if (i == 4)
		return cr_reader_error(e->r, "\"%.*s\" is no kind of field",
				       (int)size, kind);
	const struct cr_field *f = cr_plan_by_number(plan, number);
	if (f && cr_field_takes(f, kinds[i].wire))
		return cr_reader_error(e->r, "field %u is known: write it as "
					     "\"%s\"",
				       number, f->name);
	struct cr_error *err = cr_out_room(e->out, 2 * CR_VARINT_MAX);
	if (err)
		return err;
	e->out->cur = (char *)cr_varint_put((uint8_t *)e->out->cur,
					    cr_wire_tag(number, kinds[i].wire));
	uint64_t v;
	if (kinds[i].wire == CR_WIRE_BYTES) {
		err = open_length(e, &v);
		if (!err)
			err = cr_encode_base64(e);
		return err ? err : close_length(e, v);
	}
	err = cr_reader_u64(e->r, kinds[i].max, &v);
	if (err)
		return err;
	if (kinds[i].wire == CR_WIRE_VARINT) {
		e->out->cur = (char *)cr_varint_put((uint8_t *)e->out->cur, v);
	} else {
		memcpy(e->out->cur, &v, kinds[i].bytes);
		e->out->cur += kinds[i].bytes;
	}
	return NULL;
}

/* {"field": 99, "varint": 7} */
static struct cr_error *encode_unknown(struct cr_encoder *e,
				       const struct cr_plan *plan,
				       uint64_t *number_ret)
{
	const char *name;
	size_t size;
	struct cr_error *err = cr_reader_expect(e->r, '{');
	if (!err)
		err = cr_reader_key(e->r, &name, &size);
	if (err)
		return err;
	if (size != 5 || memcmp(name, "field", 5))
		return cr_reader_error(e->r, "need \"field\" first");
	err = cr_reader_u64(e->r, CR_FIELD_NUM_MAX, number_ret);
	if (!err && !*number_ret)
		err = cr_reader_error(e->r, "0 is no field number");
	if (!err)
		err = cr_reader_expect(e->r, ',');
	if (!err)
		err = cr_reader_key(e->r, &name, &size);
	if (!err)
		err = append_unknown(e, plan, (uint32_t)*number_ret, name,
				     size);
	return err ? err : cr_reader_expect(e->r, '}');
}

/* A record that is not in its place yet. */
struct stray {
	uint32_t number;
	uint64_t off, size;
};

static int by_number(const void *a, const void *b)
{
	const struct stray *x = a, *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

/* The records of the output from start on. */
static struct cr_error *list_strays(struct cr_encoder *e, uint64_t start,
				    struct stray **ret, size_t *nr_ret)
{
	struct cr_source src;
	struct cr_reread state;
	struct stray *rows = NULL;
	size_t nr = 0, cap = 0;
	uint64_t end = cr_out_tell(e->out) - start;
	struct cr_error *err =
		cr_encode_reread(e, start, start + end, &state, &src);
	while (!err && cr_source_tell(&src) < end) {
		struct cr_record rec;
		err = cr_record_read(&src, end, &rec);
		if (!err)
			err = cr_record_skip(&src, &rec);
		if (!err && nr == cap) {
			cap = cap ? 2 * cap : 64;
			struct stray *more_rows =
				realloc(rows, cap * sizeof(rows[0]));
			if (more_rows)
				rows = more_rows;
			else
				err = cr_enomem;
		}
		if (!err)
			rows[nr++] = (struct stray){
				.number = rec.number,
				.off = rec.off,
				.size = cr_source_tell(&src) - rec.off,
			};
	}
	cr_source_deinit(&src);
	*ret = rows;
	*nr_ret = nr;
	return err;
}

/* The same bytes in the order of rows. */
static struct cr_error *reorder(struct cr_encoder *e, uint64_t start,
				const struct stray *rows, size_t nr)
{
	uint64_t size = cr_out_tell(e->out) - start;
	cr_auto_free char *copy = malloc(size);
	if (!copy)
		return cr_enomem;
	struct cr_error *err = cr_out_peek(e->out, start, copy, size);
	for (size_t i = 0; i < nr && !err; i++) {
		err = cr_out_patch(e->out, start, copy + rows[i].off,
				   rows[i].size);
		start += rows[i].size;
	}
	return err;
}

/* Whether a field that has been read lies above `low` and not above `high`. */
static bool field_between(const struct frame *fr, uint32_t low, uint32_t high)
{
	for (unsigned i = 0; i < fr->plan->nr_fields; i++) {
		uint32_t number = cr_field_number(&fr->plan->fields[i]);
		if (number > low && number <= high && (fr->seen & 1ull << i))
			return true;
	}
	return false;
}

/* What has been appended since start goes in order, a run of records between
 * two fields at a time: there are few of those, however many records. */
static struct cr_error *place_strays(struct cr_encoder *e, struct frame *fr,
				     uint64_t start)
{
	size_t nr;
	struct stray *strays;
	struct cr_error *err = list_strays(e, start, &strays, &nr);
	cr_auto_free struct stray *rows = strays;
	if (err)
		return err;
	for (size_t i = 1; i < nr; i++) {
		if (rows[i].number >= rows[i - 1].number)
			continue;
		qsort(rows, nr, sizeof(rows[0]), by_number);
		err = reorder(e, start, rows, nr);
		break;
	}
	uint64_t left = cr_out_tell(e->out) - start;
	for (size_t i = 0, n; i < nr && !err; i += n) {
		uint64_t size = rows[i].size;
		for (n = 1; i + n < nr; n++) {
			if (field_between(fr, rows[i].number,
					  rows[i + n].number))
				break;
			size += rows[i + n].size;
		}
		err = place_first(e, fr, rows[i].number, size, left);
		if (rows[i + n - 1].number > fr->last)
			fr->last = rows[i + n - 1].number;
		left -= size;
	}
	return err;
}

static struct cr_error *read_unknown(struct cr_encoder *e, struct frame *fr)
{
	bool empty, again = true, in_order = !fr->has_tail;
	uint64_t start = cr_out_tell(e->out), number, last = fr->last;
	struct cr_error *err = cr_reader_expect(e->r, '[');
	if (!err)
		err = cr_reader_accept(e->r, ']', &empty);
	if (err || empty)
		return err;
	while (!err && again) {
		err = encode_unknown(e, fr->plan, &number);
		if (err)
			return err;
		in_order &= number >= last;
		last = number;
		err = more(e, &again);
	}
	if (err || !in_order)
		return err ? err : place_strays(e, fr, start);
	fr->last = (uint32_t)last;
	return NULL;
}

/* A field by its name as a string. */
static struct cr_error *read_name(struct cr_encoder *e, struct frame *fr)
{
	char name[CR_KEY_MAX];
	size_t size;
	struct cr_error *err = cr_reader_text(e->r, name, sizeof(name), &size);
	if (err)
		return err;
	const struct cr_field *f = cr_plan_by_name(fr->plan, name, size);
	if (!f)
		return cr_reader_error(e->r, "no field \"%.*s\" in %s",
				       (int)size, name, fr->plan->desc->name);
	fr->missing |= f->bit;
	return NULL;
}

static struct cr_error *read_missing(struct cr_encoder *e, struct frame *fr)
{
	bool empty, again = true;
	struct cr_error *err = cr_reader_expect(e->r, '[');
	if (!err)
		err = cr_reader_accept(e->r, ']', &empty);
	if (err || empty)
		return err;
	while (!err && again) {
		err = read_name(e, fr);
		if (!err)
			err = more(e, &again);
	}
	return err;
}

static struct cr_error *read_wire(struct cr_encoder *e, struct frame *fr)
{
	fr->wire = calloc(1, sizeof(*fr->wire));
	if (!fr->wire)
		return cr_enomem;
	struct cr_error *err = cr_out_init_mem(fr->wire);
	if (err)
		return err;
	struct cr_out *out = e->out;
	e->out = fr->wire;
	err = cr_encode_base64(e);
	e->out = out;
	return err;
}

/* "@packed:NAME" and "@unpacked:NAME" */
static struct cr_error *read_packing(struct cr_encoder *e, struct frame *fr,
				     const char *name, size_t size)
{
	const char *colon = memchr(name, ':', size);
	size_t skip = (size_t)(colon + 1 - name);
	const struct cr_field *f =
		cr_plan_by_name(fr->plan, colon + 1, size - skip);
	bool want_packed = name[1] == 'p';
	if (!f || !f->repeated || !cr_field_is_scalar(f) ||
	    f->packed == want_packed)
		return cr_reader_error(e->r, "\"%.*s\" goes with no field of "
					     "%s",
				       (int)size, name, fr->plan->desc->name);
	if (fr->seen & f->bit)
		return cr_reader_error(e->r, "\"%.*s\" must come before its "
					     "field",
				       (int)size, name);
	bool on = false;
	struct cr_error *err = cr_reader_bool(e->r, &on);
	if (on)
		fr->flipped |= f->bit;
	return err;
}

static bool is_name(const char *name, size_t size, const char *is)
{
	return strlen(is) == size && !memcmp(name, is, size);
}

static bool starts_with(const char *name, size_t size, const char *with)
{
	return size >= strlen(with) && !memcmp(name, with, strlen(with));
}

static struct cr_error *once(struct cr_encoder *e, const char *name,
			     size_t size, bool *flag)
{
	if (*flag)
		return twice(e, name, size);
	*flag = true;
	return NULL;
}

/* A key that names no field. */
static struct cr_error *encode_other(struct cr_encoder *e, struct frame *fr,
				     const char *name, size_t size)
{
	struct cr_error *err;
	if (is_name(name, size, "@unknown")) {
		err = once(e, name, size, &fr->has_unknown);
		return err ? err : read_unknown(e, fr);
	}
	if (is_name(name, size, "@missing")) {
		err = once(e, name, size, &fr->has_missing);
		return err ? err : read_missing(e, fr);
	}
	if (is_name(name, size, "@wire")) {
		err = once(e, name, size, &fr->has_wire);
		return err ? err : read_wire(e, fr);
	}
	if (starts_with(name, size, "@packed:") ||
	    starts_with(name, size, "@unpacked:"))
		return read_packing(e, fr, name, size);
	bool known = false;
	if (fr->key) {
		uint64_t pos = cr_out_tell(e->out);
		err = fr->key(e, fr->key_arg, name, size, &known);
		if (err)
			return err;
		if (known && !fr->has_tail) {
			fr->has_tail = true;
			fr->tail = pos;
		}
	}
	if (known)
		return NULL;
	if (e->lenient)
		return cr_reader_skip(e->r);
	return cr_reader_error(e->r, "unknown key \"%.*s\"", (int)size, name);
}

/* Objects */

static inline uint64_t word_at(const void *p)
{
	uint64_t word;
	memcpy(&word, p, 8);
	return word;
}

/* The key text stands at p, which has CR_KEY_MAX bytes. */
static inline bool key_is(const struct cr_field *f, const uint8_t *p)
{
	const char *key = cr_field_key(f);
	size_t size = f->key_size, i = 8;
	uint64_t differ = word_at(p) ^ word_at(key);
	if (size < 8)
		return !(differ << (64 - 8 * size));
	if (differ)
		return false;
	for (; i + 8 < size; i += 8)
		if (word_at(p + i) != word_at(key + i))
			return false;
	return word_at(p + size - 8) == word_at(key + size - 8);
}

/* The field whose key, spelled as our decoder does, stands at the reader's
 * place; it is consumed. */
static const struct cr_field *match_key(struct cr_encoder *e, struct frame *fr)
{
	struct cr_source *src = &e->r->src;
	const struct cr_field *end = fr->plan->fields + fr->plan->nr_fields;
	if (cr_source_left(src) < CR_KEY_MAX)
		return NULL;
	for (const struct cr_field *f = fr->next; f < end; f++) {
		if (key_is(f, src->p)) {
			src->p += f->key_size;
			return f;
		}
	}
	return NULL;
}

/* Short cuts. Each reads as much as stands in the window and is as usual, and
 * leaves the rest, faults among it, to the general code. */

/* What a quick number leaves unread in the window. */
#define QUICK_AHEAD (CR_KEY_MAX + 40)

/* A decimal number in canonical form, not 20 digits long. */
static inline const uint8_t *quick_number(const uint8_t *p, uint64_t *ret)
{
	uint64_t v = (uint64_t)*p - '0';
	if (v <= 9 && (p[1] < '0' || p[1] > '9')) {
		*ret = v;
		return p + 1;
	}
	unsigned nr = cr_num_parse8(word_at(p), &v);
	if (nr == 0 || *p == '0')
		return NULL;
	p += nr;
	if (nr < 8) {
		*ret = v;
		return p;
	}
	static const uint32_t powers[] = { 1,	   10,	   100,	    1000,
					   10000,  100000, 1000000, 10000000,
					   100000000 };
	uint64_t more;
	nr = cr_num_parse8(word_at(p), &more);
	if (nr)
		v = v * powers[nr] + more;
	p += nr;
	for (unsigned i = 0; nr == 8 && *p >= '0' && *p <= '9'; i++) {
		if (i == 3)
			return NULL;
		v = 10 * v + (*p++ - '0');
	}
	*ret = v;
	return p;
}

static inline unsigned hex_digit(uint8_t c)
{
	unsigned letter = (c | 0x20u) - 'a';
	return letter < 6 ? letter + 10 : (unsigned)c - '0';
}

/* "0x" and up to 16 digits, with their quotes. */
static inline const uint8_t *quick_hex(const uint8_t *p, uint64_t *ret)
{
	uint64_t v = 0;
	if (p[0] != '"' || p[1] != '0' || p[2] != 'x')
		return NULL;
	p += 3;
	unsigned nr = 0;
	for (unsigned d; nr < 16 && (d = hex_digit(p[nr])) < 16; nr++)
		v = v << 4 | d;
	*ret = v;
	return nr && p[nr] == '"' ? p + nr + 1 : NULL;
}

/* Text without escapes and with characters of one byte, up to its quote. */
static inline const uint8_t *quick_text(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p >= ' ' && *p < 0x7f && *p != '"' && *p != '\\')
		p++;
	return p < end && *p == '"' ? p : NULL;
}

/* A string of less than 128 bytes at p, behind its tag. */
static inline const uint8_t *quick_string(const struct cr_field *f,
					  const uint8_t *p, const uint8_t *end,
					  char **o)
{
	if (f->kind != CR_FIELD_STRING || *p++ != '"')
		return NULL;
	const uint8_t *stop = quick_text(p, end);
	if (!stop || stop - p >= 0x80)
		return NULL;
	size_t size = (size_t)(stop - p);
	*(*o)++ = (char)size;
	memcpy(*o, p, size);
	*o += size;
	return stop + 1;
}

/* The value of a field that is not repeated, behind its tag. */
static inline const uint8_t *quick_value(const struct cr_field *f,
					 const uint8_t *p, const uint8_t *end,
					 char **o)
{
	uint64_t v;
	switch (f->kind) {
	case CR_FIELD_UINT:
		p = *p == '"' ? quick_hex(p, &v) : quick_number(p, &v);
		if (!p || v > f->max)
			return NULL;
		break;
	case CR_FIELD_INT:
		p = quick_number(p, &v);
		if (!p || v > f->max >> 1)
			return NULL;
		break;
	case CR_FIELD_BOOL:
		if (!memcmp(p, "true", 4))
			p += 4, v = 1;
		else if (!memcmp(p, "false", 5))
			p += 5, v = 0;
		else
			return NULL;
		break;
	default:
		return quick_string(f, p, end, o);
	}
	if (v < 0x80)
		*(*o)++ = (char)v;
	else
		*o = (char *)cr_varint_put((uint8_t *)*o, v);
	return p;
}

/* Where the short cuts stopped. */
enum quick { AT_KEY, AFTER_VALUE, AFTER_OBJECT };

static inline bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Pairs in ascending order, from a key on. */
static enum quick quick_pairs(struct cr_encoder *e, struct frame *fr)
{
	struct cr_source *src = &e->r->src;
	const uint8_t *p = src->p;
	char *o = e->out->cur, *o_end = e->out->lim - (QUICK_AHEAD + 128);
	const struct cr_field *last = fr->plan->fields + fr->plan->nr_fields;
	const struct cr_field *f = fr->next;
	enum quick at = AT_KEY;
	while (o < o_end && !fr->has_tail) {
		const uint8_t *q = p;
		while (is_blank(*q))
			q++;
		if (src->end - q < QUICK_AHEAD)
			break;
		while (f < last && !key_is(f, q))
			f++;
		if (f == last || f->repeated || f->bit & fr->seen ||
		    cr_field_number(f) < fr->last)
			break;
		char *value = o + f->tag_size;
		memcpy(o, f->tag_bytes, 4);
		q = quick_value(f, q + f->key_size, src->end, &value);
		if (!q)
			break;
		o = value;
		fr->seen |= f->bit;
		fr->last = cr_field_number(f);
		fr->next = ++f;
		p = q + 1;
		if (*q == ',')
			continue;
		at = *q == '}' ? AFTER_OBJECT : AFTER_VALUE;
		p -= at == AFTER_VALUE;
		break;
	}
	src->p = p;
	e->out->cur = o;
	return at;
}

static struct cr_error *encode_pair(struct cr_encoder *e, struct frame *fr)
{
	char c;
	struct cr_error *err = cr_reader_peek(e->r, &c);
	if (!err)
		err = cr_reader_ready(e->r);
	if (err)
		return err;
	const struct cr_field *f = match_key(e, fr);
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
	return encode_other(e, fr, copy, size);
}

static struct cr_error *encode_pairs(struct cr_encoder *e, struct frame *fr)
{
	bool found;
	struct cr_error *err = cr_reader_expect(e->r, '{');
	if (!err)
		err = cr_reader_accept(e->r, '}', &found);
	if (err || found)
		return err;
	for (;;) {
		enum quick at = quick_pairs(e, fr);
		if (at == AFTER_OBJECT)
			return NULL;
		if (at == AT_KEY)
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
				       const struct frame *fr)
{
	uint64_t lacking = fr->plan->required & ~fr->seen & ~fr->missing;
	if (!lacking)
		return NULL;
	const struct cr_field *f =
		&fr->plan->fields[__builtin_ctzll(lacking)];
	return cr_reader_error(e->r, "required field \"%s\" is missing",
			       f->name);
}

/* What a message says, as JSON without its own "@wire". */
static struct cr_error *say(struct cr_encoder *e, const struct cr_plan *plan,
			    const void *data, size_t size, struct cr_out *out)
{
	struct cr_source src;
	struct cr_decoder d;
	cr_source_init_mem(&src, data, size);
	cr_decoder_init(&d, e->codec, out);
	d.nesting = e->nesting - 1;
	d.no_wire = e->nesting;
	return cr_decode_fields(&d, &src, plan, size);
}

/* Whether the bytes found still say what the fields say. */
static struct cr_error *still_true(struct cr_encoder *e,
				   const struct frame *fr, uint64_t size,
				   bool *ret)
{
	struct cr_out a = { 0 }, b = { 0 };
	cr_auto_free char *now = malloc(size + 1);
	if (!now)
		return cr_enomem;
	struct cr_error *err = cr_out_peek(e->out, fr->start, now, size);
	if (!err)
		err = cr_out_init_mem(&a);
	if (!err)
		err = cr_out_init_mem(&b);
	if (!err)
		err = say(e, fr->plan, now, size, &a);
	if (!err) {
		err = say(e, fr->plan, fr->wire->buf, cr_out_buffered(fr->wire),
			  &b);
		if (err)
			err = cr_error_at(err, "@wire");
	}
	*ret = !err && cr_out_buffered(&a) == cr_out_buffered(&b) &&
	       !memcmp(a.buf, b.buf, cr_out_buffered(&a));
	cr_out_deinit(&a);
	cr_out_deinit(&b);
	return err;
}

/* The bytes found take the place of [start, end). */
static struct cr_error *use_wire(struct cr_encoder *e, struct frame *fr,
				 uint64_t end)
{
	uint64_t size = cr_out_buffered(fr->wire);
	struct cr_error *err = cr_out_insert(e->out, fr->start, fr->wire->buf,
					     size);
	uint64_t old = fr->start + size, old_end = end + size;
	if (!err)
		err = cr_out_rotate(e->out, old, old_end);
	if (!err)
		err = cr_out_cut(e->out,
				 cr_out_tell(e->out) - (end - fr->start));
	fr->tail = fr->start + size;
	return err;
}

static struct cr_error *finish(struct cr_encoder *e, struct frame *fr)
{
	struct cr_error *err = check_required(e, fr);
	if (err || !fr->has_wire)
		return err;
	uint64_t end = fr->has_tail ? fr->tail : cr_out_tell(e->out);
	bool same = false;
	err = still_true(e, fr, end - fr->start, &same);
	if (!err && same)
		err = use_wire(e, fr, end);
	return err;
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
	struct frame fr = {
		.plan = plan,
		.next = plan->fields,
		.start = cr_out_tell(e->out),
		.key = key,
		.key_arg = arg,
	};
	e->nesting++;
	struct cr_error *err = encode_pairs(e, &fr);
	if (!err)
		err = finish(e, &fr);
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
