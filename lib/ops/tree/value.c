// SPDX-License-Identifier: MIT
#include "lib/ops/tree.h"

#include <string.h>

#include "lib/codec/decode.h"
#include "lib/codec/encode.h"

/*
 * A value is made usual by encoding a message that has nothing else, its other
 * required fields being declared missing, and decoding that.
 */

static struct cr_error *write_missing(struct cr_writer *w,
				      const struct cr_plan *plan,
				      const struct cr_field *f)
{
	struct cr_error *err = cr_writer_key(w, "@missing");
	if (!err)
		err = cr_writer_open(w, '[');
	for (unsigned i = 0; i < plan->nr_fields && !err; i++) {
		const struct cr_field *other = &plan->fields[i];
		if (!other->required || other == f)
			continue;
		err = cr_writer_item(w);
		if (!err)
			err = cr_writer_string(w, other->name,
					       strlen(other->name));
	}
	return err ? err : cr_writer_close(w, ']');
}

static struct cr_error *write_alone(struct cr_writer *w,
				    const struct cr_plan *plan,
				    const struct cr_field *f, bool element,
				    const json_t *value)
{
	struct cr_error *err = cr_writer_open(w, '{');
	if (!err)
		err = write_missing(w, plan, f);
	if (!err)
		err = cr_writer_key(w, f->name);
	if (!err && element)
		err = cr_writer_open(w, '[');
	if (!err && element)
		err = cr_writer_item(w);
	if (!err)
		err = cr_tree_write(w, value);
	if (!err && element)
		err = cr_writer_close(w, ']');
	if (!err)
		err = cr_writer_close(w, '}');
	return err ? err : cr_out_put(w->out, "", 1);
}

/* The caller knows where the value is; the encoder says it first. */
static struct cr_error *without_name(struct cr_error *err, const char *name,
				     bool element)
{
	const char *text = cr_error_text(err);
	size_t size = strlen(name);
	if (cr_error_code(err) != CR_ERR_FORMAT || strncmp(text, name, size) ||
	    strncmp(text + size, ": ", 2))
		return err;
	text += size + 2;
	if (element && !strncmp(text, "[0]: ", 5))
		text += 5;
	struct cr_error *bare = cr_error_new(CR_ERR_FORMAT, "%s", text);
	cr_error_free(err);
	return bare;
}

static struct cr_error *encode_alone(struct cr_tree *t,
				     const struct cr_plan *plan,
				     const struct cr_field *f, bool element,
				     const json_t *value)
{
	struct cr_writer w = { .out = &t->text };
	struct cr_reader r;
	struct cr_encoder e;
	uint64_t end;
	struct cr_error *err = cr_out_cut(&t->text, 0);
	if (!err)
		err = cr_out_cut(&t->bytes, 0);
	if (!err)
		err = write_alone(&w, plan, f, element, value);
	if (err)
		return err;
	cr_reader_init_own(&r, t->text.buf, cr_out_buffered(&t->text) - 1);
	cr_encoder_init(&e, &t->plain, &r, &t->bytes);
	err = cr_encode_object(&e, plan, NULL, NULL, &end);
	return err ? without_name(err, f->name, element) : NULL;
}

/* The value's text: behind the opening brace and the key. */
static struct cr_error *decode_alone(struct cr_tree *t, struct cr_codec *codec,
				     const struct cr_plan *plan)
{
	struct cr_source src;
	struct cr_decoder d;
	size_t size = cr_out_buffered(&t->bytes);
	struct cr_error *err = cr_out_cut(&t->text, 0);
	if (!err)
		err = cr_codec_plan(codec, plan->desc, plan->hex, &plan);
	if (err)
		return err;
	cr_source_init_mem(&src, t->bytes.buf, size);
	cr_decoder_init(&d, codec, &t->text);
	err = cr_writer_open(&d.w, '{');
	if (!err)
		err = cr_decode_fields(&d, &src, plan, size);
	if (!err)
		err = cr_writer_close(&d.w, '}');
	return err ? err : cr_out_put(&t->text, "", 1);
}

static struct cr_error *take(struct cr_tree *t, const struct cr_field *f,
			     bool element, json_t **ret)
{
	json_t *all;
	struct cr_error *err = cr_tree_parse(
		t->text.buf, cr_out_buffered(&t->text) - 1, &all);
	if (err)
		return err;
	json_t *v = json_object_get(all, f->name);
	if (element && json_array_size(v) > 1)
		err = cr_error_new(CR_ERR_FORMAT, "makes %zu elements, not one",
				   json_array_size(v));
	if (element)
		v = json_array_get(v, 0);
	/* An empty list is no field at all. */
	if (!err)
		*ret = v ? json_incref(v) : json_array();
	json_decref(all);
	return err;
}

static struct cr_error *convert(struct cr_tree *t, struct cr_codec *codec,
				const struct cr_plan *plan,
				const struct cr_field *f, bool element,
				const json_t *value, json_t **ret)
{
	struct cr_error *err = encode_alone(t, plan, f, element, value);
	if (!err)
		err = decode_alone(t, codec, plan);
	return err ? err : take(t, f, element, ret);
}

struct cr_error *cr_tree_value(struct cr_tree *t, const struct cr_plan *plan,
			       const struct cr_field *f, bool element,
			       const json_t *value, json_t **ret)
{
	return convert(t, &t->plain, plan, f, element, value, ret);
}

struct cr_error *cr_tree_show(struct cr_tree *t, const struct cr_plan *plan,
			      const struct cr_field *f, bool element,
			      const json_t *value, json_t **ret)
{
	/* A word of an address is a number; alone it would look like one. */
	bool word = element && f->hint == CR_FORM_IPADD;
	return convert(t, word ? &t->plain : &t->shown, plan, f, element, value,
		       ret);
}

/* ---- secrets ---- */

bool cr_tree_is_secret(const struct cr_plan *plan, const struct cr_field *f)
{
	return cr_hints_meaning(plan->desc, cr_field_number(f)) == CR_MEANS_KEY;
}

/* Deeper than any secret is; messages may hold their own kind. */
#define SECRET_DEPTH 6

static bool has_secrets(const ProtobufCMessageDescriptor *desc, unsigned depth)
{
	for (unsigned i = 0; depth && i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &desc->fields[i];
		if (cr_hints_meaning(desc, f->id) == CR_MEANS_KEY)
			return true;
		if (f->type == PROTOBUF_C_TYPE_MESSAGE &&
		    has_secrets(f->descriptor, depth - 1))
			return true;
	}
	return false;
}

bool cr_tree_has_secrets(const ProtobufCMessageDescriptor *desc)
{
	return has_secrets(desc, SECRET_DEPTH);
}

static struct cr_error *hide_fields(struct cr_tree *t,
				    const struct cr_plan *plan, json_t *message);

/* The messages of a field. */
static struct cr_error *hide_below(struct cr_tree *t, const struct cr_field *f,
				   json_t *value)
{
	const struct cr_plan *sub;
	if (f->kind != CR_FIELD_MESSAGE)
		return NULL;
	struct cr_error *err = cr_codec_sub(&t->plain, f, &sub);
	if (err || json_is_object(value))
		return err ? err : hide_fields(t, sub, value);
	for (size_t i = 0; i < json_array_size(value) && !err; i++)
		err = hide_fields(t, sub, json_array_get(value, i));
	return err;
}

static struct cr_error *hide_fields(struct cr_tree *t,
				    const struct cr_plan *plan, json_t *message)
{
	const char *key;
	json_t *value;
	struct cr_error *err = NULL;
	json_object_foreach(message, key, value) {
		const struct cr_field *f =
			cr_plan_by_name(plan, key, strlen(key));
		bool secret = f ? cr_tree_is_secret(plan, f) :
				  !strcmp(key, "@wire") &&
					  cr_tree_has_secrets(plan->desc);
		if (secret && json_object_set_new(message, key, json_null()))
			err = cr_enomem;
		else if (f && !secret)
			err = hide_below(t, f, value);
		if (err)
			break;
	}
	return err;
}

struct cr_error *cr_tree_hide(struct cr_tree *t, const struct cr_plan *plan,
			      const struct cr_field *f, json_t *value)
{
	return f ? hide_below(t, f, value) : hide_fields(t, plan, value);
}
