// SPDX-License-Identifier: MIT
#include "lib/codec/decode.h"

#include <ctype.h>
#include <stdlib.h>

#include "lib/base/base64.h"
#include "lib/base/cleanup.h"
#include "lib/base/num.h"
#include "lib/base/qp.h"
#include "lib/base/utf8.h"
#include "lib/codec/present.h"
#include "lib/codec/record.h"

/* Messages and values up to this size are looked at in one piece. */
#define PIECE_MAX (16 * 1024)

/* Attempts in one pass that may fail before a message and all within it goes to
 * the walker, what is being attempted around it included: each costs what it
 * had done, so that the time would double with every level. */
#define MISSES_MAX 8

/* What an attempt in one pass came to. */
enum attempt { DONE, UNUSUAL, FAILED };

/* One message in memory. */
struct piece {
	const uint8_t *p, *end;
	uint64_t off; /* of p, for error messages */
};

static struct cr_error *walk(struct cr_decoder *d, struct cr_source *src,
			     const struct cr_plan *plan, uint64_t size);

static struct cr_error *decode_piece(struct cr_decoder *d,
				     const struct cr_plan *plan,
				     const struct piece *piece);

void cr_decoder_init(struct cr_decoder *d, struct cr_codec *codec,
		     struct cr_out *out)
{
	*d = (struct cr_decoder){
		.codec = codec,
		.w = { .out = out, .style = codec->style },
	};
}

/* Values */

static char *put_enum(const struct cr_field *f, char *o, uint64_t v)
{
	const ProtobufCEnumDescriptor *desc = f->desc->descriptor;
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value(desc, (int)(int32_t)v);
	if (!value)
		return cr_put_i64(o, (int32_t)v);
	size_t size = strlen(value->name);
	*o++ = '"';
	memcpy(o, value->name, size);
	o += size;
	*o++ = '"';
	return o;
}

/* The value a field's type makes of wire bits. */
static inline uint64_t value_of(const struct cr_field *f, uint64_t v)
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
static inline char *put_scalar(const struct cr_decoder *d,
			       const struct cr_field *f, char *o, uint64_t bits)
{
	uint64_t v = value_of(f, bits);
	if (f->kind == CR_FIELD_BOOL) {
		memcpy(o, v ? "true" : "false", 5);
		return o + (v ? 4 : 5);
	}
	if (f->kind == CR_FIELD_ENUM)
		return put_enum(f, o, v);
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

/* {"@qp": "..."} */
static struct cr_error *put_escaped_text(struct cr_decoder *d,
					 struct cr_source *src, uint64_t size)
{
	char text[3 * 1024];
	struct cr_error *err = cr_writer_open(&d->w, '{');
	if (!err)
		err = cr_writer_key(&d->w, "@qp");
	if (!err)
		err = cr_writer_raw(&d->w, "\"");
	while (!err && size) {
		size_t n = size < 1024 ? (size_t)size : 1024;
		err = cr_source_must(src, n, "text");
		if (err)
			return err;
		char *end = cr_qp_put_bytes(text, src->p, n);
		src->p += n;
		size -= n;
		err = cr_writer_text(&d->w, text, (size_t)(end - text));
		if (!err && !d->hold)
			err = cr_out_drain(d->w.out);
	}
	if (!err)
		err = cr_writer_raw(&d->w, "\"");
	return err ? err : cr_writer_close(&d->w, '}');
}

static struct cr_error *put_escaped_piece(struct cr_decoder *d,
					  const uint8_t *p, size_t size)
{
	struct cr_source src;
	cr_source_init_mem(&src, p, size);
	return put_escaped_text(d, &src, size);
}

static struct cr_error *put_string(struct cr_decoder *d, const uint8_t *p,
				   size_t size)
{
	if (!cr_utf8_valid(p, size))
		return put_escaped_piece(d, p, size);
	return cr_writer_string(&d->w, p, size);
}

/* A name shown as quoted-printable text, if that comes back the same. */
static struct cr_error *put_converted(struct cr_decoder *d, const uint8_t *p,
				      size_t size)
{
	// Line ends may double: what comes back can be longer than it was.
	size_t room = cr_qp_room(size);
	cr_auto_free char *text = malloc(2 * room);
	if (!text)
		return cr_enomem;
	size_t text_size = (size_t)(cr_qp_put_text(text, p, size) - text);
	uint8_t *back = (uint8_t *)text + room;
	const uint8_t *back_end = cr_qp_decode(back, text, text_size);
	if (!back_end || (size_t)(back_end - back) != size ||
	    memcmp(back, p, size))
		return put_escaped_piece(d, p, size);
	return cr_writer_string(&d->w, text, text_size);
}

/* A key in camel case: what the encoder knows the Go dialect by. */
static bool is_go_key(const char *p, const char *end)
{
	bool camel = false;
	while (p < end && isalnum((unsigned char)*p))
		camel |= !!isupper((unsigned char)*p++);
	return camel && end - p >= 2 && p[0] == '"' && p[1] == ':';
}

/* Whether the text of the outermost message has such a key so far. Only a name
 * asks, and the messages around it have one early on, if they are complete. */
static bool said_go(const struct cr_decoder *d)
{
	const struct cr_out *out = d->w.out;
	const char *p = out->buf, *end = out->cur;
	if (d->start > out->base)
		p += d->start - out->base;
	for (; p < end && (p = memchr(p, '"', (size_t)(end - p)));)
		if (is_go_key(++p, end))
			return true;
	return false;
}

/* Whether the field is a name of which the encoder could not tell that it is
 * base64. */
static bool is_unclear(const struct cr_decoder *d, const struct cr_field *f)
{
	return f->hint == CR_FORM_CONV && d->w.style.go && !said_go(d);
}

static struct cr_error *put_piece(struct cr_decoder *d,
				  const struct cr_field *f, struct piece piece)
{
	size_t size = (size_t)(piece.end - piece.p);
	if (is_unclear(d, f))
		return put_escaped_piece(d, piece.p, size);
	if (f->kind == CR_FIELD_STRING)
		return put_string(d, piece.p, size);
	if (f->kind == CR_FIELD_BYTES)
		return f->form == CR_FORM_CONV ?
			       put_converted(d, piece.p, size) :
			       cr_writer_bytes(&d->w, piece.p, size);
	const struct cr_plan *sub;
	struct cr_error *err = cr_codec_sub(d->codec, f, &sub);
	if (!err)
		err = cr_writer_open(&d->w, '{');
	if (!err)
		err = decode_piece(d, sub, &piece);
	return err ? err : cr_writer_close(&d->w, '}');
}

/* One pass over memory */

/* Separator and key; room for 2 * CR_KEY_MAX is there. */
static inline char *put_key(const struct cr_writer *w, const struct cr_field *f,
			    char *o, bool empty)
{
	size_t skip = f->sep_size;
	if (!skip)
		o = cr_writer_sep(w, o, empty);
	else if (!empty)
		skip = 0;
	memcpy(o, f->sep_key + skip, 32);
	if (__builtin_expect(f->sep_key_size > 32, 0))
		memcpy(o, f->sep_key + skip, CR_KEY_MAX - skip);
	return o + f->sep_key_size - skip;
}

/* A scalar's wire bits; NULL if they are unusual. */
static inline const uint8_t *get_bits(const struct cr_field *f,
				      const uint8_t *p, const uint8_t *end,
				      uint64_t *bits)
{
	if (f->wire == CR_WIRE_VARINT) {
		p = cr_varint_get(p, end, bits);
		return p && cr_field_fits(f, *bits) ? p : NULL;
	}
	size_t size = f->bits / 8;
	if ((size_t)(end - p) < size)
		return NULL;
	*bits = 0;
	memcpy(bits, p, size);
	return p + size;
}

/* A length and as many bytes. */
static inline bool get_body(struct piece *from, struct piece *body)
{
	uint64_t size;
	const uint8_t *p = cr_varint_get(from->p, from->end, &size);
	if (!p || size > (uint64_t)(from->end - p))
		return false;
	from->off += (uint64_t)(p - from->p) + size;
	*body = (struct piece){ p, p + size, from->off - size };
	from->p = p + size;
	return true;
}

/* The value behind a tag, into out. */
static enum attempt pass_value(struct cr_decoder *d, const struct cr_field *f,
			       struct piece *from, struct cr_error **err)
{
	if (!cr_field_is_scalar(f)) {
		struct piece body;
		if (!get_body(from, &body))
			return UNUSUAL;
		*err = put_piece(d, f, body);
		if (*err)
			*err = cr_error_at(*err, "%s", f->name);
		if (!*err && d->misses >= MISSES_MAX)
			return UNUSUAL;
		return *err ? FAILED : DONE;
	}
	uint64_t bits;
	const uint8_t *p = get_bits(f, from->p, from->end, &bits);
	if (!p)
		return UNUSUAL;
	*err = cr_out_room(d->w.out, CR_PRESENT_MAX);
	if (*err)
		return FAILED;
	from->off += (uint64_t)(p - from->p);
	from->p = p;
	d->w.out->cur = put_scalar(d, f, d->w.out->cur, bits);
	return DONE;
}

static enum attempt pass_packed(struct cr_decoder *d, const struct cr_field *f,
				struct piece *from, struct cr_error **err)
{
	struct piece body;
	if (!get_body(from, &body) || body.p == body.end)
		return UNUSUAL;
	while (body.p < body.end) {
		*err = cr_writer_item(&d->w);
		if (*err)
			return FAILED;
		enum attempt made = pass_value(d, f, &body, err);
		if (made != DONE)
			return made;
	}
	return DONE;
}

/* A run of records with the same tag. */
static enum attempt pass_repeated(struct cr_decoder *d,
				  const struct cr_field *f, struct piece *from,
				  struct cr_error **err)
{
	if (f->form == CR_FORM_IPADD)
		return UNUSUAL;
	*err = cr_writer_open(&d->w, '[');
	if (*err)
		return FAILED;
	enum attempt made = DONE;
	if (f->packed) {
		made = pass_packed(d, f, from, err);
	} else {
		for (;;) {
			*err = cr_writer_item(&d->w);
			if (*err)
				return FAILED;
			made = pass_value(d, f, from, err);
			if (made != DONE ||
			    from->end - from->p < f->tag_size ||
			    memcmp(from->p, f->tag_bytes, f->tag_size))
				break;
			from->p += f->tag_size;
			from->off += f->tag_size;
		}
	}
	if (made != DONE)
		return made;
	*err = cr_writer_close(&d->w, ']');
	return *err ? FAILED : DONE;
}

/* Tags of one or two bytes, minimal: field numbers up to 2047. */
static inline const uint8_t *get_tag(const uint8_t *p, const uint8_t *end,
				     uint32_t *tag)
{
	uint32_t t = *p++;
	if (t >= 0x80) {
		if (p == end || *p >= 0x80 || !*p)
			return NULL;
		t = (t & 0x7f) | (uint32_t)*p++ << 7;
	}
	*tag = t;
	return p;
}

/* A single scalar's text; NULL if its bits are unusual. */
static inline const uint8_t *pass_scalar(struct cr_decoder *d,
					 const struct cr_field *f,
					 const uint8_t *p, const uint8_t *end,
					 char **o)
{
	uint64_t v;
	if (f->plain) {
		p = cr_varint_get(p, end, &v);
		if (!p || v > f->max)
			return NULL;
		if (v < 10)
			*(*o)++ = (char)('0' + v);
		else
			*o = cr_put_u64_memo(*o, v, &d->memo);
		return p;
	}
	p = get_bits(f, p, end, &v);
	if (p)
		*o = put_scalar(d, f, *o, v);
	return p;
}

/* A field that is repeated or no scalar. */
static enum attempt pass_other(struct cr_decoder *d, const struct cr_field *f,
			       struct piece *piece, struct cr_error **err)
{
	return f->repeated ? pass_repeated(d, f, piece, err) :
			     pass_value(d, f, piece, err);
}

/*
 * The message in one pass, fields in ascending order and all as usual. UNUSUAL
 * says that what was written is to be cut off.
 */
static enum attempt pass(struct cr_decoder *d, const struct cr_plan *plan,
			 const struct piece *piece, struct cr_error **err)
{
	const struct cr_field *f = plan->fields;
	const struct cr_field *last = f + plan->nr_fields;
	const uint8_t *p = piece->p, *end = piece->end;
	struct cr_writer *w = &d->w;
	struct cr_out *out = w->out;
	size_t room = cr_writer_sep_room(w) + 2 * CR_KEY_MAX + CR_PRESENT_MAX;
	bool empty = w->empty;
	char *o = out->cur;
	while (p < end) {
		uint32_t tag;
		const uint8_t *value = get_tag(p, end, &tag);
		if (!value)
			return UNUSUAL;
		for (; f < last && f->tag < tag; f++)
			if (f->required)
				return UNUSUAL;
		if (f == last || f->tag != tag)
			return UNUSUAL;
		if (__builtin_expect((size_t)(out->lim - o) < room, 0)) {
			out->cur = o;
			*err = cr_out_grow(out, room);
			if (*err)
				return FAILED;
			o = out->cur;
		}
		o = put_key(w, f, o, empty);
		empty = false;
		if (f->single) {
			p = pass_scalar(d, f, value, end, &o);
			if (!p)
				return UNUSUAL;
		} else {
			struct piece rest = {
				value, end,
				piece->off + (uint64_t)(value - piece->p)
			};
			out->cur = o;
			w->empty = false;
			enum attempt made = pass_other(d, f, &rest, err);
			if (made != DONE)
				return made;
			p = rest.p;
			o = out->cur;
		}
		f++;
	}
	out->cur = o;
	w->empty = empty;
	for (; f < last; f++)
		if (f->required)
			return UNUSUAL;
	return DONE;
}

static struct cr_error *too_deep(uint64_t off)
{
	return cr_error_new(CR_ERR_FORMAT,
			    "byte %llu: more than %d messages within each "
			    "other",
			    (unsigned long long)off, CR_WIRE_DEPTH);
}

/* A message in memory: one pass, else the general walker. */
static struct cr_error *decode_piece(struct cr_decoder *d,
				     const struct cr_plan *plan,
				     const struct piece *piece)
{
	if (d->nesting >= CR_WIRE_DEPTH)
		return too_deep(piece->off);
	struct cr_writer before = d->w;
	uint64_t mark = cr_out_tell(d->w.out);
	struct cr_error *err = NULL;
	if (!d->nesting)
		d->misses = 0;
	d->nesting++;
	enum attempt made = UNUSUAL;
	if (d->misses < MISSES_MAX) {
		d->hold++;
		made = pass(d, plan, piece, &err);
		d->hold--;
	}
	if (made == UNUSUAL)
		d->misses++;
	bool give_up = d->hold && d->misses >= MISSES_MAX;
	if (made == UNUSUAL && !give_up) {
		struct cr_source src;
		size_t size = (size_t)(piece->end - piece->p);
		cr_source_init_mem(&src, piece->p, size);
		src.end_off = piece->off + size;
		d->w = before;
		err = cr_out_cut(d->w.out, mark);
		if (!err)
			err = walk(d, &src, plan, size);
	}
	d->nesting--;
	return err;
}

/* Large values */

struct cr_error *cr_decode_base64(struct cr_decoder *d, struct cr_source *src,
				  uint64_t size, const char *what)
{
	struct cr_error *err = cr_writer_raw(&d->w, "\"");
	while (!err && size) {
		size_t n = size < 512 * CR_BASE64_LINE ? (size_t)size :
							 512 * CR_BASE64_LINE;
		err = cr_source_must(src, n, what);
		if (err)
			return err;
		err = cr_writer_base64(&d->w, src->p, n);
		src->p += n;
		size -= n;
		if (!err && !d->hold)
			err = cr_out_drain(d->w.out);
	}
	return err ? err : cr_writer_raw(&d->w, "\"");
}

/* Bytes of [p, p + size) that end with a whole character. */
static size_t whole_chars(const uint8_t *p, size_t size)
{
	for (size_t back = 1; back <= 3 && back < size; back++) {
		uint8_t c = p[size - back];
		if (c < 0x80)
			return size;
		if (c >= 0xc0) {
			size_t need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
			return need > back ? size - back : size;
		}
	}
	return size;
}

static struct cr_error *large_is_utf8(struct cr_source *src, uint64_t size,
				      bool *ret)
{
	uint64_t start = cr_source_tell(src);
	struct cr_utf8 state = { 0 };
	bool valid = true;
	while (size && valid) {
		size_t n = size < PIECE_MAX ? (size_t)size : PIECE_MAX;
		struct cr_error *err = cr_source_must(src, n, "text");
		if (err)
			return err;
		valid = cr_utf8_feed(&state, src->p, n);
		src->p += n;
		size -= n;
	}
	*ret = valid && cr_utf8_complete(&state);
	return cr_source_seek(src, start);
}

static struct cr_error *put_large_string(struct cr_decoder *d,
					 struct cr_source *src, uint64_t size)
{
	bool valid;
	struct cr_error *err = large_is_utf8(src, size, &valid);
	if (err)
		return err;
	if (!valid)
		return put_escaped_text(d, src, size);
	err = cr_writer_raw(&d->w, "\"");
	while (!err && size) {
		size_t n = size < PIECE_MAX ? (size_t)size : PIECE_MAX;
		err = cr_source_must(src, n, "text");
		if (err)
			return err;
		if (n < size)
			n = whole_chars(src->p, n);
		err = cr_writer_text(&d->w, src->p, n);
		src->p += n;
		size -= n;
		if (!err && !d->hold)
			err = cr_out_drain(d->w.out);
	}
	return err ? err : cr_writer_raw(&d->w, "\"");
}

static struct cr_error *put_large_message(struct cr_decoder *d,
					  struct cr_source *src,
					  const struct cr_field *f,
					  uint64_t size)
{
	const struct cr_plan *sub;
	struct cr_error *err = cr_codec_sub(d->codec, f, &sub);
	if (!err)
		err = cr_writer_open(&d->w, '{');
	if (!err)
		err = cr_decode_fields(d, src, sub, size);
	return err ? err : cr_writer_close(&d->w, '}');
}

/* The body of a BYTES record of a field that is no scalar. */
static struct cr_error *put_body(struct cr_decoder *d, struct cr_source *src,
				 const struct cr_field *f, uint64_t size)
{
	if (size > PIECE_MAX) {
		if (f->kind == CR_FIELD_MESSAGE)
			return put_large_message(d, src, f, size);
		if (f->kind == CR_FIELD_STRING)
			return put_large_string(d, src, size);
		if (f->form == CR_FORM_CONV || is_unclear(d, f))
			return put_escaped_text(d, src, size);
		return cr_decode_base64(d, src, size, "bytes");
	}
	struct cr_error *err = cr_source_must(src, size, "a field's body");
	if (err)
		return err;
	struct piece body = { src->p, src->p + size, cr_source_tell(src) };
	src->p += size;
	return put_piece(d, f, body);
}

/* The general walker */

/* One record in the order in which it is to be written. */
struct place {
	uint32_t number;
	bool unknown;
	uint64_t off, next;
};

/* What the look before writing found. */
struct shape {
	bool usual;	 /* the same bytes come back without "@wire" */
	bool unknown;	 /* fields without a row in the schema */
	uint64_t seen;	 /* fields of the plan */
	uint64_t packed; /* fields packed against their schema, or unpacked */
	size_t nr_records;
};

struct walk {
	struct cr_decoder *d;
	struct cr_source *src;
	const struct cr_plan *plan;
	uint64_t start, end;
	struct shape shape;
	struct place *places; /* sorted, if the shape is not usual */
};

static unsigned index_of(const struct cr_plan *plan, const struct cr_field *f)
{
	return (unsigned)(f - plan->fields);
}

/* The field a record belongs to: its number is known and its wire type is one
 * that the field can have. */
static const struct cr_field *field_of(const struct cr_plan *plan,
				       const struct cr_record *rec)
{
	const struct cr_field *f = cr_plan_by_number(plan, rec->number);
	return f && cr_field_takes(f, rec->wire) ? f : NULL;
}

static bool is_packed(const struct cr_field *f, const struct cr_record *rec)
{
	return cr_field_is_scalar(f) && rec->wire == CR_WIRE_BYTES;
}

static struct cr_error *look_at_packed(struct walk *k,
				       const struct cr_field *f,
				       const struct cr_record *rec)
{
	uint64_t end = cr_source_tell(k->src) + rec->value;
	if (!rec->value)
		k->shape.usual = false;
	while (cr_source_tell(k->src) < end) {
		uint64_t bits;
		struct cr_error *err = cr_record_packed(k->src, end, f, &bits,
							&k->shape.usual);
		if (err)
			return cr_error_at(err, "%s", f->name);
		if (!cr_field_fits(f, bits))
			k->shape.usual = false;
	}
	return NULL;
}

/* One record against the one before it. */
static struct cr_error *look_at(struct walk *k, const struct cr_record *rec,
				uint32_t before)
{
	struct shape *s = &k->shape;
	const struct cr_field *f = field_of(k->plan, rec);
	if (rec->number < before || !rec->minimal)
		s->usual = false;
	if (!f) {
		s->unknown = true;
		if (cr_plan_by_number(k->plan, rec->number))
			s->usual = false;
		return cr_record_skip(k->src, rec);
	}
	uint64_t bit = 1ull << index_of(k->plan, f);
	bool again = s->seen & bit;
	bool packed = is_packed(f, rec);
	bool flipped = f->repeated && packed != f->packed;
	if (again && (!f->repeated || packed ||
		      flipped != !!(s->packed & bit)))
		s->usual = false;
	s->seen |= bit;
	if (flipped)
		s->packed |= bit;
	if (packed)
		return look_at_packed(k, f, rec);
	if (cr_field_is_scalar(f) && !cr_field_fits(f, rec->value))
		s->usual = false;
	return cr_record_skip(k->src, rec);
}

static struct cr_error *look(struct walk *k)
{
	uint32_t before = 0;
	k->shape.usual = true;
	while (cr_source_tell(k->src) < k->end) {
		struct cr_record rec;
		struct cr_error *err = cr_record_read(k->src, k->end, &rec);
		if (!err)
			err = look_at(k, &rec, before);
		if (err)
			return err;
		before = rec.number;
		k->shape.nr_records++;
	}
	return cr_source_seek(k->src, k->start);
}

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->unknown != y->unknown)
		return x->unknown ? 1 : -1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

/* Where every record is, in the order of writing. */
static struct cr_error *sort_places(struct walk *k)
{
	k->places = calloc(k->shape.nr_records + 1, sizeof(k->places[0]));
	if (!k->places)
		return cr_enomem;
	for (size_t i = 0; i < k->shape.nr_records; i++) {
		struct cr_record rec;
		struct cr_error *err = cr_record_read(k->src, k->end, &rec);
		if (!err)
			err = cr_record_skip(k->src, &rec);
		if (err)
			return err;
		k->places[i] = (struct place){
			.number = rec.number,
			.unknown = !field_of(k->plan, &rec),
			.off = rec.off,
			.next = cr_source_tell(k->src),
		};
	}
	qsort(k->places, k->shape.nr_records, sizeof(k->places[0]), by_place);
	return NULL;
}

/* An address's words, held back until their number is known. */
struct list {
	const struct cr_field *f; /* NULL: no list is open */
	unsigned nr;
	uint32_t words[4];
};

static struct cr_error *put_element(struct walk *k, const struct cr_field *f,
				    uint64_t bits)
{
	struct cr_writer *w = &k->d->w;
	struct cr_error *err = cr_writer_item(w);
	if (!err)
		err = cr_out_room(w->out, CR_PRESENT_MAX);
	if (err)
		return err;
	w->out->cur = put_scalar(k->d, f, w->out->cur, bits);
	return k->d->hold ? NULL : cr_out_drain(w->out);
}

static struct cr_error *put_held(struct walk *k, struct list *list)
{
	for (unsigned i = 0; i < list->nr && i < 4; i++) {
		struct cr_error *err = put_element(k, list->f, list->words[i]);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *add_element(struct walk *k, struct list *list,
				    uint64_t bits)
{
	if (list->f->form == CR_FORM_IPADD && list->nr < 4) {
		list->words[list->nr++] = (uint32_t)bits;
		return NULL;
	}
	struct cr_error *err = NULL;
	if (list->f->form == CR_FORM_IPADD && list->nr++ == 4)
		err = put_held(k, list);
	return err ? err : put_element(k, list->f, bits);
}

static struct cr_error *close_list(struct walk *k, struct list *list)
{
	struct cr_writer *w = &k->d->w;
	struct cr_error *err = NULL;
	if (!list->f)
		return NULL;
	if (list->f->form == CR_FORM_IPADD && list->nr <= 4) {
		if (list->nr == 1 || list->nr == 4) {
			char text[64];
			const char *end = cr_present_address(
				text, list->words, list->nr, w->style.dotted);
			err = cr_writer_item(w);
			if (!err)
				err = cr_out_put(w->out, text,
						 (size_t)(end - text));
		} else {
			err = put_held(k, list);
		}
	}
	*list = (struct list){ 0 };
	return err ? err : cr_writer_close(w, ']');
}

static struct cr_error *put_field_key(struct walk *k, const struct cr_field *f)
{
	struct cr_writer *w = &k->d->w;
	struct cr_error *err = cr_writer_item(w);
	return err ? err : cr_out_put(w->out, cr_field_key(f), f->key_size);
}

/* "@packed:NAME": true */
static struct cr_error *put_packing(struct walk *k, const struct cr_field *f)
{
	if (!k->shape.usual ||
	    !(k->shape.packed & 1ull << index_of(k->plan, f)))
		return NULL;
	char key[CR_KEY_MAX + 16] = "@packed:";
	if (f->packed)
		strcpy(key, "@unpacked:");
	strcat(key, f->name);
	struct cr_error *err = cr_writer_key(&k->d->w, key);
	return err ? err : cr_writer_raw(&k->d->w, "true");
}

static struct cr_error *open_list(struct walk *k, const struct cr_field *f,
				  struct list *list)
{
	struct cr_error *err = put_packing(k, f);
	if (!err)
		err = put_field_key(k, f);
	if (!err)
		err = cr_writer_open(&k->d->w, '[');
	*list = (struct list){ .f = f };
	return err;
}

static struct cr_error *put_packed(struct walk *k, struct list *list,
				   const struct cr_record *rec)
{
	uint64_t end = cr_source_tell(k->src) + rec->value;
	while (cr_source_tell(k->src) < end) {
		uint64_t bits;
		bool minimal;
		struct cr_error *err = cr_record_packed(k->src, end, list->f,
							&bits, &minimal);
		if (!err)
			err = add_element(k, list, bits);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *put_repeated(struct walk *k, struct list *list,
				     const struct cr_record *rec)
{
	if (is_packed(list->f, rec))
		return put_packed(k, list, rec);
	if (cr_field_is_scalar(list->f))
		return add_element(k, list, rec->value);
	struct cr_error *err = cr_writer_item(&k->d->w);
	return err ? err : put_body(k->d, k->src, list->f, rec->value);
}

static struct cr_error *put_single(struct walk *k, const struct cr_field *f,
				   const struct cr_record *rec)
{
	struct cr_writer *w = &k->d->w;
	struct cr_error *err = put_field_key(k, f);
	if (err)
		return err;
	if (!cr_field_is_scalar(f))
		return put_body(k->d, k->src, f, rec->value);
	err = cr_out_room(w->out, CR_PRESENT_MAX);
	if (err)
		return err;
	w->out->cur = put_scalar(k->d, f, w->out->cur, rec->value);
	return NULL;
}

/* Writes the record at the source's place, if its field is known. */
static struct cr_error *put_record(struct walk *k, struct list *list)
{
	struct cr_record rec;
	struct cr_error *err = cr_record_read(k->src, k->end, &rec);
	if (err)
		return err;
	const struct cr_field *f = field_of(k->plan, &rec);
	if (f != list->f)
		err = close_list(k, list);
	if (err)
		return err;
	if (!f)
		return cr_record_skip(k->src, &rec);
	/* An empty chunk adds nothing to a list, and alone makes none. */
	if (is_packed(f, &rec) && !rec.value)
		return NULL;
	if (f->repeated && !list->f)
		err = open_list(k, f, list);
	if (!err)
		err = f->repeated ? put_repeated(k, list, &rec) :
				    put_single(k, f, &rec);
	if (err)
		return cr_error_at(err, "%s", f->name);
	return k->d->hold ? NULL : cr_out_drain(k->d->w.out);
}

/* A message given in several pieces means their concatenation. */
static struct cr_error *put_merged(struct walk *k, const struct cr_field *f,
				   const struct place *places, size_t nr)
{
	struct cr_out joined = { 0 };
	struct cr_error *err = cr_out_init_mem(&joined);
	for (size_t i = 0; i < nr && !err; i++) {
		struct cr_record rec;
		err = cr_source_seek(k->src, places[i].off);
		if (!err)
			err = cr_record_read(k->src, k->end, &rec);
		while (!err && rec.value) {
			err = cr_source_must(k->src, 1, "a field's body");
			size_t n = cr_source_left(k->src);
			if (n > rec.value)
				n = (size_t)rec.value;
			if (!err)
				err = cr_out_put(&joined, k->src->p, n);
			k->src->p += n;
			rec.value -= n;
		}
	}
	struct cr_source src;
	cr_source_init_mem(&src, joined.buf, cr_out_buffered(&joined));
	if (!err)
		err = put_field_key(k, f);
	if (!err)
		err = put_body(k->d, &src, f, cr_out_buffered(&joined));
	cr_out_deinit(&joined);
	return err ? cr_error_at(err, "%s", f->name) : NULL;
}

/* Known fields of a message in unusual order: of a single field the last. */
static struct cr_error *put_sorted(struct walk *k, struct list *list)
{
	for (size_t i = 0; i < k->shape.nr_records; i++) {
		const struct place *p = &k->places[i];
		const struct cr_field *f =
			p->unknown ? NULL :
				     cr_plan_by_number(k->plan, p->number);
		size_t nr = 1;
		while (f && !f->repeated && i + nr < k->shape.nr_records &&
		       !p[nr].unknown && p[nr].number == p->number)
			nr++;
		struct cr_error *err = NULL;
		if (!f)
			break;
		if (nr > 1 && f->kind == CR_FIELD_MESSAGE) {
			err = close_list(k, list);
			if (!err)
				err = put_merged(k, f, p, nr);
		} else {
			err = cr_source_seek(k->src, p[nr - 1].off);
			if (!err)
				err = put_record(k, list);
		}
		if (err)
			return err;
		i += nr - 1;
	}
	return NULL;
}

static struct cr_error *put_known(struct walk *k)
{
	struct list list = { 0 };
	struct cr_error *err = NULL;
	if (!k->shape.usual) {
		err = put_sorted(k, &list);
	} else {
		while (!err && cr_source_tell(k->src) < k->end)
			err = put_record(k, &list);
	}
	return err ? err : close_list(k, &list);
}

/* {"field": 99, "varint": 7} */
static struct cr_error *put_unknown_record(struct walk *k,
					   const struct cr_record *rec)
{
	static const char *const names[] = {
		[CR_WIRE_VARINT] = "varint",
		[CR_WIRE_FIXED64] = "fixed64",
		[CR_WIRE_BYTES] = "bytes",
		[CR_WIRE_FIXED32] = "fixed32",
	};
	struct cr_writer *w = &k->d->w;
	struct cr_error *err = cr_writer_item(w);
	if (!err)
		err = cr_writer_open(w, '{');
	if (!err)
		err = cr_writer_key(w, "field");
	if (!err)
		err = cr_writer_u64(w, rec->number);
	if (!err)
		err = cr_writer_key(w, names[rec->wire]);
	if (err)
		return err;
	err = rec->wire == CR_WIRE_BYTES ?
		      cr_decode_base64(k->d, k->src, rec->value, "bytes") :
		      cr_writer_u64(w, rec->value);
	if (!err)
		err = cr_writer_close(w, '}');
	if (!err && !k->d->hold)
		err = cr_out_drain(w->out);
	return err;
}

/* The record at the source's place goes into "@unknown" or is passed over. */
static struct cr_error *put_if_unknown(struct walk *k)
{
	struct cr_record rec;
	struct cr_error *err = cr_record_read(k->src, k->end, &rec);
	if (err)
		return err;
	if (field_of(k->plan, &rec))
		return cr_record_skip(k->src, &rec);
	return put_unknown_record(k, &rec);
}

static struct cr_error *put_unknown(struct walk *k)
{
	if (!k->shape.unknown)
		return NULL;
	struct cr_error *err = cr_writer_key(&k->d->w, "@unknown");
	if (!err)
		err = cr_writer_open(&k->d->w, '[');
	if (!err)
		err = cr_source_seek(k->src, k->start);
	for (size_t i = 0; i < k->shape.nr_records && !err; i++) {
		if (k->places && !k->places[i].unknown)
			continue;
		if (k->places)
			err = cr_source_seek(k->src, k->places[i].off);
		if (!err)
			err = put_if_unknown(k);
	}
	return err ? err : cr_writer_close(&k->d->w, ']');
}

static struct cr_error *put_missing(struct walk *k)
{
	uint64_t missing = k->plan->required & ~k->shape.seen;
	if (!missing)
		return NULL;
	struct cr_writer *w = &k->d->w;
	struct cr_error *err = cr_writer_key(w, "@missing");
	if (!err)
		err = cr_writer_open(w, '[');
	for (unsigned i = 0; i < k->plan->nr_fields && !err; i++) {
		if (!(missing & 1ull << i))
			continue;
		const char *name = k->plan->fields[i].name;
		err = cr_writer_item(w);
		if (!err)
			err = cr_writer_string(w, name, strlen(name));
	}
	return err ? err : cr_writer_close(w, ']');
}

static struct cr_error *put_wire(struct walk *k)
{
	if (k->shape.usual || k->d->nesting == k->d->no_wire)
		return NULL;
	struct cr_error *err = cr_source_seek(k->src, k->start);
	if (!err)
		err = cr_writer_key(&k->d->w, "@wire");
	return err ? err :
		     cr_decode_base64(k->d, k->src, k->end - k->start,
				      "a message");
}

/* Any message; d->nesting counts it already. */
static struct cr_error *walk(struct cr_decoder *d, struct cr_source *src,
			     const struct cr_plan *plan, uint64_t size)
{
	struct walk k = {
		.d = d,
		.src = src,
		.plan = plan,
		.start = cr_source_tell(src),
		.end = cr_source_tell(src) + size,
	};
	struct cr_error *err = look(&k);
	if (!err && !k.shape.usual)
		err = sort_places(&k);
	if (!err)
		err = put_known(&k);
	if (!err)
		err = put_unknown(&k);
	if (!err)
		err = put_missing(&k);
	if (!err)
		err = put_wire(&k);
	if (!err)
		err = cr_source_seek(src, k.end);
	free(k.places);
	return err;
}

struct cr_error *cr_decode_fields(struct cr_decoder *d, struct cr_source *src,
				  const struct cr_plan *plan, uint64_t size)
{
	if (!d->nesting)
		d->start = cr_out_tell(d->w.out);
	if (size <= PIECE_MAX) {
		struct cr_error *err = cr_source_must(src, size, "the message");
		if (err)
			return err;
		struct piece piece = { src->p, src->p + size,
				       cr_source_tell(src) };
		src->p += size;
		return decode_piece(d, plan, &piece);
	}
	if (d->nesting >= CR_WIRE_DEPTH)
		return too_deep(cr_source_tell(src));
	struct cr_error *err = cr_source_pin(src);
	if (err)
		return err;
	d->nesting++;
	err = walk(d, src, plan, size);
	d->nesting--;
	return err;
}

struct cr_error *cr_decode_peek(struct cr_source *src, uint64_t size,
				const uint32_t *numbers, uint64_t *values,
				unsigned nr)
{
	struct cr_source piece;
	struct cr_error *err = size > PIECE_MAX ?
				       cr_source_pin(src) :
				       cr_source_must(src, size, "the message");
	if (err)
		return err;
	uint64_t start = cr_source_tell(src), end = start + size;
	if (size <= PIECE_MAX) {
		/* Reading ahead in a pipe would lose the way back. */
		cr_source_init_mem(&piece, src->p, size);
		piece.end_off = end;
		src = &piece;
	}
	while (cr_source_tell(src) < end) {
		struct cr_record rec;
		err = cr_record_read(src, end, &rec);
		if (!err)
			err = cr_record_skip(src, &rec);
		if (err)
			return err;
		for (unsigned i = 0; i < nr; i++)
			if (rec.number == numbers[i] &&
			    rec.wire == CR_WIRE_VARINT)
				values[i] = rec.value;
	}
	return cr_source_seek(src, start);
}
