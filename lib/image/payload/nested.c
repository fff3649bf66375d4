// SPDX-License-Identifier: MIT
#include "lib/image/payload/shape.h"

/* Text inside a string: the Go tool's way to write what is not bytes. */

struct inner_writer {
	struct cr_decoder d;
	struct cr_out out;
};

static struct cr_error *write_inner(void *arg, const void *data, size_t size)
{
	return cr_writer_text(arg, data, size);
}

static struct cr_error *open_inner(struct cr_decoder *d,
				   struct inner_writer *inner)
{
	struct cr_error *err = cr_out_init_fn(&inner->out, write_inner, &d->w);
	cr_decoder_init(&inner->d, d->codec, &inner->out);
	inner->d.w.style.indent = false;
	return err ? err : cr_writer_raw(&d->w, "\"");
}

static struct cr_error *close_inner(struct cr_decoder *d,
				    struct inner_writer *inner,
				    struct cr_error *err)
{
	if (!err)
		err = cr_out_flush(&inner->out);
	cr_out_deinit(&inner->out);
	return err ? err : cr_writer_raw(&d->w, "\"");
}

/* Calls body on the decoder that is to write what is no bytes: as JSON, in the
 * Go dialect as a string that holds it. */
struct cr_error *cr_nested_decode(struct cr_decoder *d,
					  struct cr_source *src,
					  cr_nested_decode_fn *body, const void *arg)
{
	if (!d->w.style.go)
		return body(d, src, arg);
	struct inner_writer inner;
	struct cr_error *err = open_inner(d, &inner);
	if (!err)
		err = body(&inner.d, src, arg);
	return close_inner(d, &inner, err);
}

/* Calls body on the encoder that reads what is no bytes: JSON, or a string that
 * holds it. */
struct cr_error *cr_nested_encode(struct cr_encoder *e,
					  cr_nested_encode_fn *body, void *arg)
{
	char c;
	struct cr_error *err = cr_reader_peek(e->r, &c);
	if (err || c != '"')
		return err ? err : body(e, arg);
	struct cr_reader inner;
	struct cr_reader *outer = e->r;
	err = cr_reader_string(outer);
	if (!err)
		err = cr_reader_init_string(&inner, outer);
	if (err)
		return err;
	e->r = &inner;
	err = body(e, arg);
	if (!err)
		err = cr_reader_end(&inner);
	e->r = outer;
	cr_reader_deinit(&inner);
	return err;
}
