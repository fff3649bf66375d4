// SPDX-License-Identifier: MIT
#include "lib/image/json.h"

#include <endian.h>
#include <string.h>

#include "images/pagemap.pb-c.h"
#include "lib/codec/decode.h"
#include "lib/codec/encode.h"
#include "lib/image/payload.h"

static struct cr_error *at_entry(struct cr_error *err, uint64_t i)
{
	return err ? cr_error_at(err, "entry %llu", (unsigned long long)i) :
		     NULL;
}

/* The plans of an image's entries: the first one's, and the others'. */
struct plans {
	const struct cr_plan *head, *entry;
};

static struct cr_error *get_plans(struct cr_codec *codec,
				  const struct cr_image_type *type,
				  struct plans *ret)
{
	struct cr_error *err = cr_codec_plan(codec, cr_image_message(type, 0),
					     false, &ret->head);
	return err ? err :
		     cr_codec_plan(codec, cr_image_message(type, 1), false,
				   &ret->entry);
}

static const struct cr_plan *plan_of(const struct plans *plans, uint64_t i)
{
	return i ? plans->entry : plans->head;
}

/* Image to JSON */

struct to_json {
	struct cr_codec *codec;
	struct cr_source *src;
	const struct cr_image_type *type;
	struct plans plans;
	struct cr_decoder d;
	bool nopl;
};

static struct cr_error *decode_entry(struct to_json *t, uint64_t i,
				     uint32_t size)
{
	const struct cr_plan *plan = plan_of(&t->plans, i);
	const struct cr_payload *payload = cr_image_payload(t->type, i);
	struct cr_payload_values values;
	struct cr_writer *w = &t->d.w;
	struct cr_error *err = NULL;
	if (payload->decode)
		err = cr_payload_peek(payload, plan, t->src, size, &values);
	if (!err)
		err = cr_writer_item(w);
	if (!err)
		err = cr_writer_open(w, '{');
	if (!err)
		err = cr_decode_fields(&t->d, t->src, plan, size);
	if (!err && payload->decode)
		err = t->nopl ? cr_payload_decode_size(payload, &t->d, t->src,
						       &values) :
				payload->decode(payload, &t->d, t->src,
						&values);
	if (!err)
		err = cr_writer_close(w, '}');
	return err ? err : cr_out_drain(w->out);
}

static struct cr_error *decode_entries(struct to_json *t)
{
	struct cr_error *err = cr_writer_open(&t->d.w, '[');
	for (uint64_t i = 0; !err; i++) {
		uint32_t size;
		bool end = false;
		err = cr_image_next(t->src, &size, &end);
		if (end)
			break;
		if (!err)
			err = decode_entry(t, i, size);
		if (err)
			return at_entry(err, i);
	}
	return err ? err : cr_writer_close(&t->d.w, ']');
}

static struct cr_error *put_string(struct cr_writer *w, const char *key,
				   const char *value)
{
	struct cr_error *err = cr_writer_key(w, key);
	return err ? err : cr_writer_string(w, value, strlen(value));
}

struct cr_error *cr_image_to_json(struct cr_codec *codec, struct cr_source *src,
				  const char *name, bool nopl,
				  struct cr_out *out)
{
	struct to_json t = { .codec = codec, .src = src, .nopl = nopl };
	struct cr_writer *w = &t.d.w;
	struct cr_image_header header;
	struct cr_error *err = cr_image_read_header(src, name, &header);
	if (err)
		return err;
	t.type = header.type;
	cr_decoder_init(&t.d, codec, out);
	err = get_plans(codec, t.type, &t.plans);
	if (!err)
		err = cr_writer_open(w, '{');
	if (!err)
		err = put_string(w, "magic", t.type->id);
	if (!err && header.form != t.type->form)
		err = put_string(w, "@header",
				 cr_image_form_names[header.form]);
	if (!err)
		err = cr_writer_key(w, "entries");
	if (!err)
		err = decode_entries(&t);
	return err ? err : cr_writer_close(w, '}');
}

/* JSON to image */

struct from_json {
	struct cr_codec *codec;
	struct cr_reader *r;
	struct cr_out *out;
	struct cr_encoder e;
	bool lenient;
	struct cr_image_header header;
	struct plans plans;
	bool has_magic, has_form, has_entries, looked;
	bool ended; /* nothing may follow the entry before */
};

static struct cr_error *encode_entry(struct from_json *f, uint64_t i)
{
	const struct cr_image_type *type = f->header.type;
	const struct cr_plan *plan = plan_of(&f->plans, i);
	struct cr_payload_encode pe;
	const struct cr_payload *payload = cr_image_payload(type, i);
	bool has_payload = payload->encode;
	uint32_t size = 0;
	uint64_t pos = cr_out_tell(f->out), end = pos;
	if (f->ended)
		return cr_reader_error(f->r, "the entry before holds the rest "
					     "of the file; more entries need "
					     "\"chunks\" there");
	if (has_payload)
		pe = (struct cr_payload_encode){ .p = payload };
	struct cr_error *err = cr_out_put(f->out, &size, sizeof(size));
	if (!err)
		err = cr_encode_object(&f->e, plan,
				       has_payload ? cr_payload_key : NULL,
				       &pe, &end);
	if (!err && end - pos - 4 > INT32_MAX)
		err = cr_reader_error(f->r, "an entry of more than 2 GiB");
	size = htole32((uint32_t)(end - pos - 4));
	if (!err)
		err = cr_out_patch(f->out, pos, &size, sizeof(size));
	if (!err && has_payload)
		err = cr_payload_finish(&pe, &f->e, plan, pos + 4, end);
	if (has_payload && pe.state.has_padding)
		cr_out_deinit(&pe.state.padding);
	f->ended = payload->to_end && !pe.values.v[0];
	return err ? err : cr_out_drain(f->out);
}

static struct cr_error *encode_entries(struct from_json *f)
{
	bool again = false;
	struct cr_error *err = cr_reader_expect(f->r, '[');
	if (!err)
		err = cr_reader_accept(f->r, ']', &again);
	if (err || again)
		return err;
	again = true;
	for (uint64_t i = 0; again && !err; i++) {
		err = encode_entry(f, i);
		if (!err)
			err = cr_reader_ready(f->r);
		if (!err)
			err = cr_reader_accept(f->r, ',', &again);
		if (err)
			return at_entry(err, i);
	}
	return err ? err : cr_reader_expect(f->r, ']');
}

static struct cr_error *read_magic(struct from_json *f)
{
	char id[64];
	size_t size;
	struct cr_error *err = cr_reader_text(f->r, id, sizeof(id), &size);
	if (err)
		return cr_error_at(err, "magic");
	const struct cr_image_type *type = cr_image_type_by_id(id, size);
	if (!type)
		return cr_reader_error(f->r, "magic \"%.*s\" is unknown",
				       (int)size, id);
	f->header.type = type;
	f->has_magic = true;
	if (!f->has_form)
		f->header.form = type->form;
	return NULL;
}

static struct cr_error *read_form(struct from_json *f)
{
	char name[16];
	size_t size;
	struct cr_error *err = cr_reader_text(f->r, name, sizeof(name), &size);
	if (err)
		return cr_error_at(err, "@header");
	for (int i = 0; i < 3; i++) {
		if (strlen(cr_image_form_names[i]) != size ||
		    memcmp(cr_image_form_names[i], name, size))
			continue;
		f->header.form = (enum cr_image_form)i;
		f->has_form = true;
		return NULL;
	}
	return cr_reader_error(f->r, "\"@header\" is own, common or service, "
				     "not \"%.*s\"",
			       (int)size, name);
}

static bool key_is(const char *name, size_t size, const char *is)
{
	return strlen(is) == size && !memcmp(name, is, size);
}

static struct cr_error *twice(struct from_json *f, const char *key)
{
	return cr_reader_error(f->r, "key \"%s\" is there twice", key);
}

/* "magic" or "@header"; when they have been looked for already, they are
 * passed over. */
static struct cr_error *read_header_key(struct from_json *f, const char *name,
					size_t size, bool *known)
{
	*known = true;
	if (key_is(name, size, "magic")) {
		if (f->looked)
			return cr_reader_skip(f->r);
		return f->has_magic ? twice(f, "magic") : read_magic(f);
	}
	if (key_is(name, size, "@header")) {
		if (f->looked)
			return cr_reader_skip(f->r);
		return f->has_form ? twice(f, "@header") : read_form(f);
	}
	*known = false;
	return NULL;
}

/* The entries stand before the magic: looks ahead for it and comes back. */
static struct cr_error *look_ahead(struct from_json *f)
{
	struct cr_source *src = &f->r->src;
	struct cr_error *err = cr_source_pin(src);
	if (err)
		return err;
	uint64_t off = cr_source_tell(src), nr_lines = src->nr_lines;
	uint64_t line_off = src->line_off;
	bool again = true;
	err = cr_reader_skip(f->r);
	while (!err) {
		const char *name;
		size_t size;
		bool known;
		err = cr_reader_accept(f->r, ',', &again);
		if (err || !again)
			break;
		err = cr_reader_key(f->r, &name, &size);
		if (!err)
			err = read_header_key(f, name, size, &known);
		if (!err && !known)
			err = cr_reader_skip(f->r);
	}
	if (!err && !f->has_magic)
		err = cr_reader_error(f->r, "key \"magic\" is missing");
	if (err)
		return err;
	f->looked = true;
	err = cr_source_seek(src, off);
	src->nr_lines = nr_lines;
	src->line_off = line_off;
	return err;
}

static struct cr_error *read_entries(struct from_json *f)
{
	if (f->has_entries)
		return twice(f, "entries");
	f->has_entries = true;
	struct cr_error *err = f->has_magic ? NULL : look_ahead(f);
	if (!err)
		err = get_plans(f->codec, f->header.type, &f->plans);
	if (!err)
		err = cr_image_write_header(f->out, &f->header);
	return err ? err : encode_entries(f);
}

static struct cr_error *read_key(struct from_json *f)
{
	const char *name;
	size_t size;
	bool known;
	struct cr_error *err = cr_reader_key(f->r, &name, &size);
	if (err)
		return err;
	if (key_is(name, size, "entries"))
		return read_entries(f);
	if (f->has_entries && !f->looked && key_is(name, size, "@header"))
		return cr_reader_error(f->r, "\"@header\" must come before "
					     "\"entries\"");
	err = read_header_key(f, name, size, &known);
	if (err || known)
		return err;
	if (f->lenient)
		return cr_reader_skip(f->r);
	return cr_reader_error(f->r, "unknown key \"%.*s\"", (int)size, name);
}

static struct cr_error *read_document(struct from_json *f)
{
	bool again = false;
	struct cr_error *err = cr_reader_expect(f->r, '{');
	do {
		if (!err)
			err = read_key(f);
		if (!err)
			err = cr_reader_accept(f->r, ',', &again);
	} while (!err && again);
	if (!err)
		err = cr_reader_expect(f->r, '}');
	if (!err && !f->has_magic)
		err = cr_reader_error(f->r, "key \"magic\" is missing");
	if (!err && !f->has_entries)
		err = cr_reader_error(f->r, "key \"entries\" is missing");
	return err ? err : cr_reader_end(f->r);
}

static bool is_image(const struct cr_source *src)
{
	struct cr_source head;
	struct cr_image_header header;
	size_t left = cr_source_left(src);
	cr_source_init_mem(&head, src->p, left < 8 ? left : 8);
	struct cr_error *err = cr_image_read_header(&head, NULL, &header);
	bool is = !err;
	cr_error_free(err);
	return is;
}

struct cr_error *cr_image_from_json(struct cr_codec *codec,
				    struct cr_reader *r, bool lenient,
				    struct cr_out *out)
{
	struct from_json f = {
		.codec = codec,
		.r = r,
		.out = out,
		.lenient = lenient,
	};
	cr_encoder_init(&f.e, codec, r, out);
	f.e.lenient = lenient;
	struct cr_error *err = cr_reader_ready(r);
	if (!err && is_image(&r->src))
		err = cr_error_new(CR_ERR_FORMAT, "this is an image, not JSON; "
						  "'crit decode' reads it");
	return err ? err : read_document(&f);
}

/* Counting */

struct cr_error *cr_image_read_info(struct cr_codec *codec,
				    struct cr_source *src, const char *name,
				    struct cr_image_info *ret)
{
	struct cr_image_header header;
	struct plans plans = { NULL, NULL };
	struct cr_error *err = cr_image_read_header(src, name, &header);
	if (!err)
		err = get_plans(codec, header.type, &plans);
	if (err)
		return err;
	uint64_t nr = 0;
	for (;; nr++) {
		const struct cr_payload *p = cr_image_payload(header.type, nr);
		struct cr_payload_values values;
		uint64_t payload_size;
		uint32_t size;
		bool end = false;
		err = cr_image_next(src, &size, &end);
		if (end)
			break;
		if (!err && p->skip)
			err = cr_payload_peek(p, plan_of(&plans, nr), src, size,
					      &values);
		if (!err)
			err = cr_source_skip(src, size, "the message");
		if (!err && p->skip)
			err = p->skip(p, src, &values, &payload_size);
		if (err)
			return at_entry(err, nr);
	}
	bool has_head = header.type->head == &pagemap_head__descriptor;
	*ret = (struct cr_image_info){ header.type, nr - (has_head && nr) };
	return NULL;
}
