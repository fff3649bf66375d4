// SPDX-License-Identifier: MIT
#include "lib/ops/tree.h"

#include <endian.h>
#include <string.h>

#include "lib/codec/decode.h"
#include "lib/codec/encode.h"
#include "lib/codec/wire.h"

struct cr_error *cr_tree_init(struct cr_tree *t)
{
	*t = (struct cr_tree){ .text = { .fd = -1 } };
	cr_codec_init(&t->plain, (struct cr_style){ 0 });
	cr_codec_init(&t->shown, (struct cr_style){ .forms = true });
	struct cr_error *err = cr_out_init_mem(&t->text);
	return err ? err : cr_out_init_mem(&t->bytes);
}

void cr_tree_deinit(struct cr_tree *t)
{
	cr_codec_deinit(&t->plain);
	cr_codec_deinit(&t->shown);
	cr_out_deinit(&t->text);
	cr_out_deinit(&t->bytes);
}

struct cr_error *cr_tree_plan(struct cr_tree *t,
			      const struct cr_image_type *type, uint64_t i,
			      const struct cr_plan **ret)
{
	return cr_codec_plan(&t->plain, cr_image_message(type, i), false, ret);
}

/* ---- loading ---- */

/* Where a payload is read. */
struct cursor {
	struct cr_file *file;
	uint64_t off;
};

static struct cr_error *read_cursor(void *arg, void *data, size_t size,
				    size_t *n_ret)
{
	struct cursor *at = arg;
	struct cr_error *err = at->file->ops->pread(at->file, data, size,
						    at->off, n_ret);
	if (!err)
		at->off += *n_ret;
	return err;
}

static struct cr_error *write_payload(struct cr_decoder *d,
				      const struct cr_plan *plan,
				      const struct cr_payload *p,
				      const struct cr_tree_entry *e)
{
	struct cr_source src;
	struct cursor at = { e->file, e->payload };
	struct cr_payload_values values;
	cr_source_init_mem(&src, e->msg, e->size);
	struct cr_error *err = cr_payload_peek(p, plan, &src, e->size, &values);
	if (!err)
		err = cr_source_init_read(&src, 64 * 1024, read_cursor, &at);
	if (err)
		return err;
	src.end_off = e->payload;
	err = p->decode(p, d, &src, &values);
	cr_source_deinit(&src);
	return err ? cr_error_at(err, "extra") : NULL;
}

/* The entry as a text, with a NUL behind it. */
static struct cr_error *write_entry(struct cr_tree *t, struct cr_codec *codec,
				    const struct cr_tree_entry *e, bool payload)
{
	const struct cr_payload *p = cr_image_payload(e->type, e->i);
	const struct cr_plan *plan;
	struct cr_source src;
	struct cr_decoder d;
	struct cr_error *err = cr_codec_plan(
		codec, cr_image_message(e->type, e->i), false, &plan);
	if (!err)
		err = cr_out_cut(&t->text, 0);
	if (err)
		return err;
	cr_source_init_mem(&src, e->msg, e->size);
	src.end_off = e->off + e->size;
	cr_decoder_init(&d, codec, &t->text);
	err = cr_writer_open(&d.w, '{');
	if (!err)
		err = cr_decode_fields(&d, &src, plan, e->size);
	if (!err && payload && p->decode)
		err = write_payload(&d, plan, p, e);
	if (!err)
		err = cr_writer_close(&d.w, '}');
	return err ? err : cr_out_put(&t->text, "", 1);
}

static struct cr_error *load(struct cr_tree *t, struct cr_codec *codec,
			     const struct cr_tree_entry *e, bool payload,
			     json_t **ret)
{
	json_t *tree;
	struct cr_error *err = write_entry(t, codec, e, payload);
	if (!err)
		err = cr_tree_parse(t->text.buf, cr_out_buffered(&t->text) - 1,
				    &tree);
	if (err)
		return err;
	if (!payload && cr_image_payload(e->type, e->i)->decode &&
	    json_object_set_new(tree, "extra", json_real((double)e->i))) {
		json_decref(tree);
		return cr_enomem;
	}
	*ret = tree;
	return NULL;
}

struct cr_error *cr_tree_load(struct cr_tree *t, const struct cr_tree_entry *e,
			      bool payload, json_t **ret)
{
	return load(t, &t->plain, e, payload, ret);
}

struct cr_error *cr_tree_load_shown(struct cr_tree *t,
				    const struct cr_tree_entry *e,
				    bool payload, json_t **ret)
{
	return load(t, &t->shown, e, payload, ret);
}

/* ---- storing ---- */

/* The text of a tree, with a NUL; a payload that stands aside is left out. */
static struct cr_error *print(struct cr_tree *t, const json_t *tree,
			      struct cr_tree_aside *aside)
{
	struct cr_writer w = { .out = &t->text };
	const json_t *extra = json_object_get(tree, "extra");
	json_t *rest = NULL;
	if (!json_is_object(tree))
		return cr_error_new(CR_ERR_FORMAT,
				    "an entry must be an object");
	*aside = (struct cr_tree_aside){ .is = json_is_real(extra) };
	if (aside->is) {
		aside->from = (uint64_t)json_real_value(extra);
		rest = json_copy((json_t *)(uintptr_t)tree);
		if (!rest || json_object_del(rest, "extra"))
			return cr_enomem;
		tree = rest;
	}
	struct cr_error *err = cr_out_cut(&t->text, 0);
	if (!err)
		err = cr_tree_write(&w, tree);
	json_decref(rest);
	return err ? err : cr_out_put(&t->text, "", 1);
}

/* What the message says of its payload, which is not there to be compared. */
static struct cr_error *peek(struct cr_encoder *e, const struct cr_payload *p,
			     const struct cr_plan *plan, uint64_t start,
			     uint64_t end, struct cr_payload_values *ret)
{
	struct cr_source src = { 0 };
	struct cr_reread reread;
	struct cr_error *err = cr_encode_reread(e, start, end, &reread, &src);
	if (!err)
		err = cr_payload_peek(p, plan, &src, end - start, ret);
	cr_source_deinit(&src);
	return err;
}

static struct cr_error *encode(struct cr_encoder *e, const struct cr_plan *plan,
			       const struct cr_payload *p,
			       struct cr_tree_aside *aside)
{
	struct cr_payload_encode pe = { .p = p };
	uint32_t size = 0;
	uint64_t pos = cr_out_tell(e->out), end = pos;
	struct cr_error *err = cr_out_put(e->out, &size, sizeof(size));
	if (!err)
		err = cr_encode_object(e, plan,
				       p->encode ? cr_payload_key : NULL, &pe,
				       &end);
	if (!err && end - pos - 4 > INT32_MAX)
		err = cr_error_new(CR_ERR_FORMAT, "an entry of more than 2 GiB");
	size = htole32((uint32_t)(end - pos - 4));
	if (!err)
		err = cr_out_patch(e->out, pos, &size, sizeof(size));
	if (!err && p->encode)
		err = aside->is ? peek(e, p, plan, pos + 4, end,
				       &aside->values) :
				  cr_payload_finish(&pe, e, plan, pos + 4, end);
	if (pe.state.has_padding)
		cr_out_deinit(&pe.state.padding);
	return err;
}

struct cr_error *cr_tree_store(struct cr_tree *t,
			       const struct cr_image_type *type, uint64_t i,
			       const json_t *tree, struct cr_out *out,
			       struct cr_tree_aside *aside_ret)
{
	const struct cr_plan *plan;
	struct cr_reader r;
	struct cr_encoder e;
	struct cr_error *err = cr_tree_plan(t, type, i, &plan);
	if (!err)
		err = print(t, tree, aside_ret);
	if (err)
		return err;
	cr_reader_init_own(&r, t->text.buf, cr_out_buffered(&t->text) - 1);
	cr_encoder_init(&e, &t->plain, &r, out);
	err = encode(&e, plan, cr_image_payload(type, i), aside_ret);
	return err ? err : cr_reader_end(&r);
}

/* ---- a look at a message ---- */

/* The end of what stands behind a tag, or NULL. */
static const uint8_t *pass_value(uint32_t wire, const uint8_t *p,
				 const uint8_t *end)
{
	uint64_t size = wire == CR_WIRE_FIXED64 ? 8 : 4;
	if (wire == CR_WIRE_VARINT)
		return cr_varint_get(p, end, &size);
	if (wire == CR_WIRE_BYTES)
		p = cr_varint_get(p, end, &size);
	else if (wire != CR_WIRE_FIXED64 && wire != CR_WIRE_FIXED32)
		return NULL;
	return p && size <= (uint64_t)(end - p) ? p + size : NULL;
}

uint64_t cr_tree_fields(const struct cr_plan *plan, const void *msg,
			size_t size)
{
	const uint8_t *p = msg, *end = p + size;
	const struct cr_field *f = plan->fields, *last = f + plan->nr_fields;
	uint64_t found = 0;
	while (p < end) {
		uint64_t tag;
		p = cr_varint_get(p, end, &tag);
		p = p ? pass_value(tag & 7, p, end) : NULL;
		if (!p)
			return UINT64_MAX;
		/* Fields come in the order of their numbers, usually. */
		if (f == last || cr_field_number(f) > tag >> 3)
			f = plan->fields;
		while (f < last && cr_field_number(f) < tag >> 3)
			f++;
		if (f < last && cr_field_number(f) == tag >> 3)
			found |= f->bit;
	}
	return found;
}
