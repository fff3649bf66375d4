// SPDX-License-Identifier: MIT
#include "lib/codec/frame.h"

#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/codec/decode.h"
#include "lib/codec/record.h"

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
		err = cr_length_open(e, &v);
		if (!err)
			err = cr_encode_base64(e);
		return err ? err : cr_length_close(e, v);
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

/* A list of an escape being read. */
struct items {
	struct cr_encoder *e;
	struct cr_frame *fr;
	uint64_t last; /* field number */
	bool in_order;
};

/* {"field": 99, "varint": 7} */
static struct cr_error *read_unknown(void *arg, uint64_t i)
{
	struct items *in = arg;
	struct cr_encoder *e = in->e;
	const char *name;
	size_t size;
	uint64_t number = 0;
	struct cr_error *err = cr_reader_expect(e->r, '{');
	if (!err)
		err = cr_reader_key(e->r, &name, &size);
	if (err)
		return err;
	if (size != 5 || memcmp(name, "field", 5))
		return cr_reader_error(e->r, "need \"field\" first");
	err = cr_reader_u64(e->r, CR_FIELD_NUM_MAX, &number);
	if (!err && !number)
		err = cr_reader_error(e->r, "0 is no field number");
	if (!err)
		err = cr_reader_expect(e->r, ',');
	if (!err)
		err = cr_reader_key(e->r, &name, &size);
	if (!err)
		err = append_unknown(e, in->fr->plan, (uint32_t)number, name,
				     size);
	if (!err)
		err = cr_reader_expect(e->r, '}');
	in->in_order &= number >= in->last;
	in->last = number;
	return err ? err : cr_out_spill(e->out);
}

static struct cr_error *read_unknowns(struct cr_encoder *e, struct cr_frame *fr)
{
	uint64_t start = cr_out_tell(e->out);
	struct items in = { e, fr, fr->last, !fr->has_tail };
	struct cr_error *err = cr_reader_list(e->r, read_unknown, &in);
	if (err || !in.in_order)
		return err ? err : cr_order_run(e, fr, start);
	fr->last = (uint32_t)in.last;
	return NULL;
}

/* A field by its name as a string. */
static struct cr_error *read_missing(void *arg, uint64_t i)
{
	struct items *in = arg;
	const struct cr_plan *plan = in->fr->plan;
	char name[CR_KEY_MAX];
	size_t size;
	struct cr_error *err =
		cr_reader_text(in->e->r, name, sizeof(name), &size);
	if (err)
		return err;
	const struct cr_field *f = cr_plan_by_name(plan, name, size);
	if (!f)
		return cr_reader_error(in->e->r, "no field \"%.*s\" in %s",
				       (int)size, name, plan->desc->name);
	in->fr->missing |= f->bit;
	return NULL;
}

static struct cr_error *read_wire(struct cr_encoder *e, struct cr_frame *fr)
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
static struct cr_error *read_packing(struct cr_encoder *e, struct cr_frame *fr,
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
		return cr_frame_twice(e, name, size);
	*flag = true;
	return NULL;
}

/* A key that names no field. */
struct cr_error *cr_escape_read(struct cr_encoder *e, struct cr_frame *fr,
				     const char *name, size_t size)
{
	struct cr_error *err;
	if (is_name(name, size, "@unknown")) {
		err = once(e, name, size, &fr->has_unknown);
		return err ? err : read_unknowns(e, fr);
	}
	if (is_name(name, size, "@missing")) {
		err = once(e, name, size, &fr->has_missing);
		struct items in = { .e = e, .fr = fr };
		return err ? err : cr_reader_list(e->r, read_missing, &in);
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
				   const struct cr_frame *fr, uint64_t size,
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
static struct cr_error *use_wire(struct cr_encoder *e, struct cr_frame *fr,
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

struct cr_error *cr_escape_finish(struct cr_encoder *e, struct cr_frame *fr)
{
	if (!fr->has_wire)
		return NULL;
	uint64_t end = fr->has_tail ? fr->tail : cr_out_tell(e->out);
	bool same = false;
	struct cr_error *err =
		still_true(e, fr, end - fr->start, &same);
	if (!err && same)
		err = use_wire(e, fr, end);
	return err;
}
