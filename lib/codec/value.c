// SPDX-License-Identifier: MIT
#include "lib/codec/value.h"

#include <ctype.h>
#include <stdlib.h>

#include "lib/base/base64.h"
#include "lib/base/cleanup.h"
#include "lib/base/qp.h"
#include "lib/base/utf8.h"

char *cr_value_enum(const struct cr_field *f, char *o, uint64_t v)
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

struct cr_error *cr_value_piece(struct cr_decoder *d, const struct cr_field *f,
				struct cr_piece piece)
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
		err = cr_decode_piece(d, sub, &piece);
	return err ? err : cr_writer_close(&d->w, '}');
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
		size_t n = size < CR_PIECE_MAX ? (size_t)size : CR_PIECE_MAX;
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
		size_t n = size < CR_PIECE_MAX ? (size_t)size : CR_PIECE_MAX;
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
struct cr_error *cr_value_body(struct cr_decoder *d, struct cr_source *src,
			       const struct cr_field *f, uint64_t size)
{
	if (size > CR_PIECE_MAX) {
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
	struct cr_piece body = { src->p, src->p + size, cr_source_tell(src) };
	src->p += size;
	return cr_value_piece(d, f, body);
}
