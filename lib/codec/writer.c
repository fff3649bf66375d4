// SPDX-License-Identifier: MIT
#include "lib/codec/writer.h"

#include "lib/base/base64.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"

struct cr_error *cr_writer_raw(struct cr_writer *w, const char *text)
{
	return cr_out_put(w->out, text, strlen(text));
}

struct cr_error *cr_writer_key(struct cr_writer *w, const char *name)
{
	struct cr_error *err = cr_writer_item(w);
	if (!err)
		err = cr_writer_raw(w, "\"");
	if (!err)
		err = cr_writer_raw(w, name);
	if (!err)
		err = cr_writer_raw(w, w->style.go && !w->style.indent ?
					       "\":" :
					       "\": ");
	return err;
}

struct cr_error *cr_writer_u64(struct cr_writer *w, uint64_t value)
{
	struct cr_error *err = cr_out_room(w->out, CR_NUM_MAX);
	if (err)
		return err;
	w->out->cur = cr_put_u64(w->out->cur, value);
	return NULL;
}

static char *put_unit(char *o, uint32_t unit)
{
	static const char digits[16] __attribute__((nonstring)) =
		"0123456789abcdef";
	*o++ = '\\';
	*o++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*o++ = digits[unit >> shift & 15];
	return o;
}

/* The short escape of a control character, or 0. */
static char short_escape(uint8_t c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	}
	return 0;
}

static char *put_ascii(char *o, uint8_t c, bool go)
{
	char e = short_escape(c);
	if (e) {
		*o++ = '\\';
		*o++ = e;
		return o;
	}
	bool html = go && (c == '<' || c == '>' || c == '&');
	if (c < ' ' || (c == 0x7f && !go) || html)
		return put_unit(o, c);
	*o++ = (char)c;
	return o;
}

static char *put_code(char *o, uint32_t code, bool go)
{
	if (go && code != 0x2028 && code != 0x2029)
		return cr_utf8_put(o, code);
	if (code < 0x10000)
		return put_unit(o, code);
	code -= 0x10000;
	return put_unit(put_unit(o, 0xd800 | code >> 10),
			0xdc00 | (code & 0x3ff));
}

struct cr_error *cr_writer_text(struct cr_writer *w, const void *text,
				size_t size)
{
	/* Six characters a byte at the most. */
	struct cr_error *err = cr_out_room(w->out, 6 * size);
	if (err)
		return err;
	const uint8_t *p = text, *end = p + size;
	char *o = w->out->cur;
	while (p < end) {
		if (*p < 0x80) {
			o = put_ascii(o, *p++, w->style.go);
			continue;
		}
		uint32_t code;
		p = cr_utf8_next(p, &code);
		o = put_code(o, code, w->style.go);
	}
	w->out->cur = o;
	return NULL;
}

struct cr_error *cr_writer_string(struct cr_writer *w, const void *text,
				  size_t size)
{
	struct cr_error *err = cr_writer_raw(w, "\"");
	if (!err)
		err = cr_writer_text(w, text, size);
	if (!err)
		err = cr_writer_raw(w, "\"");
	return err;
}

struct cr_error *cr_writer_base64(struct cr_writer *w, const void *data,
				  size_t size)
{
	struct cr_error *err = cr_out_room(w->out, cr_base64_room(size));
	if (err)
		return err;
	w->out->cur = cr_base64_put(w->out->cur, data, size, !w->style.go);
	return NULL;
}

struct cr_error *cr_writer_bytes(struct cr_writer *w, const void *data,
				 size_t size)
{
	struct cr_error *err = cr_writer_raw(w, "\"");
	if (!err)
		err = cr_writer_base64(w, data, size);
	if (!err)
		err = cr_writer_raw(w, "\"");
	return err;
}
