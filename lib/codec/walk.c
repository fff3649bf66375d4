// SPDX-License-Identifier: MIT
#include "lib/codec/value.h"

#include <stdlib.h>

#include "lib/codec/record.h"

/* One record in the order in which it is to be written. */
struct place {
	uint32_t number;
	bool unknown;
	uint64_t off;
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
	uint64_t bit = f->bit;
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
	w->out->cur = cr_value_scalar(k->d, f, w->out->cur, bits);
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
	    !(k->shape.packed & f->bit))
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
	return err ? err : cr_value_body(k->d, k->src, list->f, rec->value);
}

static struct cr_error *put_single(struct walk *k, const struct cr_field *f,
				   const struct cr_record *rec)
{
	struct cr_writer *w = &k->d->w;
	struct cr_error *err = put_field_key(k, f);
	if (err)
		return err;
	if (!cr_field_is_scalar(f))
		return cr_value_body(k->d, k->src, f, rec->value);
	err = cr_out_room(w->out, CR_PRESENT_MAX);
	if (err)
		return err;
	w->out->cur = cr_value_scalar(k->d, f, w->out->cur, rec->value);
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
		err = cr_value_body(k->d, &src, f, cr_out_buffered(&joined));
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

struct cr_error *cr_walk_message(struct cr_decoder *d, struct cr_source *src,
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
