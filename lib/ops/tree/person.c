// SPDX-License-Identifier: MIT
#include "lib/ops/tree.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/cleanup.h"
#include "lib/base/qp.h"
#include "lib/base/utf8.h"

/* ---- from text ---- */

/* {"@qp": ...}, which any text and any bytes may be. */
static struct cr_error *escape(const void *data, size_t size, json_t **ret)
{
	cr_auto_free char *text = malloc(cr_qp_room(size) + 1);
	if (!text)
		return cr_enomem;
	size_t text_size = (size_t)(cr_qp_put_bytes(text, data, size) - text);
	*ret = json_pack("{s:s%}", "@qp", text, text_size);
	return *ret ? NULL : cr_enomem;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

/* Base64, for what the schema does not know as bytes. */
static struct cr_error *in_base64(const void *data, size_t size, json_t **ret)
{
	cr_auto_free char *text = malloc(cr_base64_room(size) + 1);
	if (!text)
		return cr_enomem;
	char *end = cr_base64_put(text, data, size, false);
	*ret = json_stringn(text, (size_t)(end - text));
	return *ret ? NULL : cr_enomem;
}

typedef struct cr_error *put_fn(const void *data, size_t size, json_t **ret);

/* Pairs of digits, blanks between them as one likes. */
static struct cr_error *from_hex(const char *text, size_t size, put_fn *put,
				 json_t **ret)
{
	cr_auto_free uint8_t *data = malloc(size / 2 + 1);
	size_t nr = 0;
	if (!data)
		return cr_enomem;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == ' ')
			continue;
		int high = digit(text[i]);
		int low = i + 1 < size ? digit(text[++i]) : -1;
		if (high < 0 || low < 0)
			return cr_error_new(CR_ERR_FORMAT,
					    "need two hexadecimal digits for "
					    "each byte");
		data[nr++] = (uint8_t)(high << 4 | low);
	}
	return put(data, nr, ret);
}

static bool starts_with(const char *text, size_t size, const char *with)
{
	return size >= strlen(with) && !memcmp(text, with, strlen(with));
}

/* The text if it is JSON. */
static json_t *as_json(const char *text, size_t size)
{
	json_t *v = NULL;
	cr_auto_free char *copy = strndup(text, size);
	struct cr_error *err =
		copy && strlen(copy) == size ? cr_tree_parse(copy, size, &v) :
					       cr_enomem;
	cr_error_free(err);
	return v;
}

static struct cr_error *plain_string(const char *text, size_t size,
				     json_t **ret)
{
	if (!cr_utf8_valid(text, size))
		return escape(text, size, ret);
	*ret = json_stringn(text, size);
	return *ret ? NULL : cr_enomem;
}

/* A JSON string, and {"@qp": ...}, are what they say; else what stands there. */
static struct cr_error *from_string(const char *text, size_t size,
				    json_t **ret)
{
	*ret = NULL;
	if (size && (*text == '"' || starts_with(text, size, "{\"@qp\"")))
		*ret = as_json(text, size);
	return *ret ? NULL : plain_string(text, size, ret);
}

static struct cr_error *from_bytes(const char *text, size_t size, json_t **ret)
{
	if (starts_with(text, size, "hex:"))
		return from_hex(text + 4, size - 4, escape, ret);
	if (starts_with(text, size, "text:"))
		return escape(text + 5, size - 5, ret);
	return from_string(text, size, ret);
}

static struct cr_error *from_json(const struct cr_field *f, const char *text,
				  size_t size, json_t **ret)
{
	cr_auto_free char *copy = strndup(text, size);
	if (!copy)
		return cr_enomem;
	/* 10.0.0.1, for a list of words */
	if (f->hint == CR_FORM_IPADD && size && *text != '[') {
		*ret = json_pack("[s]", copy);
		return *ret ? NULL : cr_enomem;
	}
	struct cr_error *err = cr_tree_parse(copy, strlen(copy), ret);
	return err ? cr_error_at(err, "need JSON for %s",
				 f->repeated ? "a list" : "a message") :
		     NULL;
}

static struct cr_error *from_bool(const char *text, size_t size, json_t **ret)
{
	*ret = NULL;
	if (size == 4 && !memcmp(text, "true", 4))
		*ret = json_true();
	if (size == 5 && !memcmp(text, "false", 5))
		*ret = json_false();
	if (size == 1 && (*text == '0' || *text == '1'))
		*ret = json_boolean(*text == '1');
	return *ret ? NULL :
		      cr_error_new(CR_ERR_FORMAT, "need true or false");
}

/* Numbers are numbers, for an enum takes no other; the rest are names. */
static struct cr_error *from_number(const char *text, size_t size, json_t **ret)
{
	*ret = size ? as_json(text, size) : NULL;
	if (json_is_integer(*ret) || json_is_string(*ret))
		return NULL;
	json_decref(*ret);
	return plain_string(text, size, ret);
}

/* Not of the schema: an escape, or something of a payload. */
static struct cr_error *from_any(const char *text, size_t size, json_t **ret)
{
	if (starts_with(text, size, "hex:"))
		return from_hex(text + 4, size - 4, in_base64, ret);
	if (starts_with(text, size, "text:"))
		return in_base64(text + 5, size - 5, ret);
	*ret = as_json(text, size);
	return *ret ? NULL : plain_string(text, size, ret);
}

struct cr_error *cr_tree_from_text(const struct cr_field *f, bool element,
				   const char *text, size_t size, json_t **ret)
{
	if (!f)
		return from_any(text, size, ret);
	if (f->kind == CR_FIELD_MESSAGE || (f->repeated && !element))
		return from_json(f, text, size, ret);
	switch (f->kind) {
	case CR_FIELD_STRING:
		return from_string(text, size, ret);
	case CR_FIELD_BYTES:
		return from_bytes(text, size, ret);
	case CR_FIELD_BOOL:
		return from_bool(text, size, ret);
	}
	return from_number(text, size, ret);
}

/* ---- to text ---- */

/* Whether the text stands for itself where a value is read, and cannot drive a
 * terminal. */
static bool is_plain(const char *text, size_t size)
{
	if (!size || *text == '"' || *text == '{' ||
	    starts_with(text, size, "hex:") || starts_with(text, size, "text:"))
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		/* U+0080 to U+009F are control characters as well. */
		if (c < ' ' || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0))
			return false;
	}
	return true;
}

/* Base64 without its line ends. */
static struct cr_error *put_base64(const char *text, size_t size,
				   struct cr_out *out)
{
	struct cr_error *err = cr_out_room(out, size);
	if (err)
		return err;
	for (size_t i = 0; i < size; i++)
		if (text[i] != '\n')
			*out->cur++ = text[i];
	return NULL;
}

static struct cr_error *put_shown(struct cr_tree *t, const struct cr_plan *plan,
				  const struct cr_field *f, const json_t *v,
				  struct cr_out *out)
{
	struct cr_writer w = { .out = out };
	const char *text = json_string_value(v);
	size_t size = text ? json_string_length(v) : 0;
	if (text && f && !size)
		return NULL;
	if (text && f && f->kind == CR_FIELD_BYTES && f->hint != CR_FORM_CONV)
		return put_base64(text, size, out);
	if (text && f && is_plain(text, size))
		return cr_out_put(out, text, size);
	return cr_tree_write_as(&w, t, plan, f, v);
}

struct cr_error *cr_tree_to_text(struct cr_tree *t, const struct cr_plan *plan,
				 const struct cr_field *f, bool element,
				 const json_t *value, struct cr_out *out)
{
	json_t *shown;
	if (!f)
		return put_shown(t, plan, f, value, out);
	struct cr_error *err = cr_tree_show(t, plan, f, element, value, &shown);
	if (!err)
		err = put_shown(t, plan, f, shown, out);
	if (!err)
		json_decref(shown);
	return err;
}
