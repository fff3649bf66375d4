// SPDX-License-Identifier: MIT
#include "lib/codec/decode.h"

#include "lib/codec/record.h"
#include "lib/codec/value.h"

/* Attempts in one pass that may fail before a message and all within it goes to
 * the walker, what is being attempted around it included: each costs what it
 * had done, so that the time would double with every level. */
#define MISSES_MAX 8

/* What an attempt in one pass came to. */
enum attempt { DONE, UNUSUAL, FAILED };

void cr_decoder_init(struct cr_decoder *d, struct cr_codec *codec,
		     struct cr_out *out)
{
	*d = (struct cr_decoder){
		.codec = codec,
		.w = { .out = out, .style = codec->style },
	};
}

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
static inline bool get_body(struct cr_piece *from, struct cr_piece *body)
{
	uint64_t size;
	const uint8_t *p = cr_varint_get(from->p, from->end, &size);
	if (!p || size > (uint64_t)(from->end - p))
		return false;
	from->off += (uint64_t)(p - from->p) + size;
	*body = (struct cr_piece){ p, p + size, from->off - size };
	from->p = p + size;
	return true;
}

/* The value behind a tag, into out. */
static enum attempt pass_value(struct cr_decoder *d, const struct cr_field *f,
			       struct cr_piece *from, struct cr_error **err)
{
	if (!cr_field_is_scalar(f)) {
		struct cr_piece body;
		if (!get_body(from, &body))
			return UNUSUAL;
		*err = cr_value_piece(d, f, body);
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
	d->w.out->cur = cr_value_scalar(d, f, d->w.out->cur, bits);
	return DONE;
}

static enum attempt pass_packed(struct cr_decoder *d, const struct cr_field *f,
				struct cr_piece *from, struct cr_error **err)
{
	struct cr_piece body;
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
				  const struct cr_field *f, struct cr_piece *from,
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
		*o = cr_value_scalar(d, f, *o, v);
	return p;
}

/* A field that is repeated or no scalar. */
static enum attempt pass_other(struct cr_decoder *d, const struct cr_field *f,
			       struct cr_piece *piece, struct cr_error **err)
{
	return f->repeated ? pass_repeated(d, f, piece, err) :
			     pass_value(d, f, piece, err);
}

/*
 * The message in one pass, fields in ascending order and all as usual. UNUSUAL
 * says that what was written is to be cut off.
 */
static enum attempt pass(struct cr_decoder *d, const struct cr_plan *plan,
			 const struct cr_piece *piece, struct cr_error **err)
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
			struct cr_piece rest = {
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
struct cr_error *cr_decode_piece(struct cr_decoder *d,
				 const struct cr_plan *plan,
				 const struct cr_piece *piece)
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
			err = cr_walk_message(d, &src, plan, size);
	}
	d->nesting--;
	return err;
}

struct cr_error *cr_decode_fields(struct cr_decoder *d, struct cr_source *src,
				  const struct cr_plan *plan, uint64_t size)
{
	if (!d->nesting)
		d->start = cr_out_tell(d->w.out);
	if (size <= CR_PIECE_MAX) {
		struct cr_error *err = cr_source_must(src, size, "the message");
		if (err)
			return err;
		struct cr_piece piece = { src->p, src->p + size,
				       cr_source_tell(src) };
		src->p += size;
		return cr_decode_piece(d, plan, &piece);
	}
	if (d->nesting >= CR_WIRE_DEPTH)
		return too_deep(cr_source_tell(src));
	struct cr_error *err = cr_source_pin(src);
	if (err)
		return err;
	d->nesting++;
	err = cr_walk_message(d, src, plan, size);
	d->nesting--;
	return err;
}

struct cr_error *cr_decode_peek(struct cr_source *src, uint64_t size,
				const uint32_t *numbers, uint64_t *values,
				unsigned nr)
{
	struct cr_source piece;
	struct cr_error *err = size > CR_PIECE_MAX ?
				       cr_source_pin(src) :
				       cr_source_must(src, size, "the message");
	if (err)
		return err;
	uint64_t start = cr_source_tell(src), end = start + size;
	if (size <= CR_PIECE_MAX) {
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
