// SPDX-License-Identifier: MIT
#include "lib/ops/tree.h"

#include <string.h>

#include "lib/base/num.h"
#include "lib/codec/wire.h"

/* A message within a list within a message is two brackets deep. */
#define DEPTH_MAX (2 * CR_WIRE_DEPTH + 8)

/* ---- integers ---- */

json_t *cr_tree_int(struct cr_int v)
{
	char text[CR_NUM_MAX];
	if (v.negative ? v.magnitude <= (uint64_t)INT64_MAX + 1 :
			 v.magnitude <= INT64_MAX)
		return json_integer((json_int_t)(
			v.negative ? 0 - v.magnitude : v.magnitude));
	char *o = text;
	if (v.negative)
		*o++ = '-';
	o = cr_put_u64(o, v.magnitude);
	return json_stringn(text, (size_t)(o - text));
}

bool cr_tree_get_int(const json_t *v, struct cr_int *ret)
{
	if (json_is_integer(v)) {
		json_int_t i = json_integer_value(v);
		*ret = (struct cr_int){ i < 0 ? 0 - (uint64_t)i : (uint64_t)i,
					i < 0 };
		return true;
	}
	if (!json_is_string(v) || !json_string_length(v))
		return false;
	struct cr_error *err =
		cr_present_parse(CR_FORM_NONE, NULL, json_string_value(v),
				 json_string_length(v), ret);
	cr_error_free(err);
	return !err;
}

/* ---- reading ---- */

static struct cr_error *read_value(struct cr_reader *r, unsigned depth,
				   json_t **ret);

static struct cr_error *read_int(struct cr_reader *r, json_t **ret)
{
	struct cr_int v;
	struct cr_error *err = cr_reader_int(r, &v);
	if (err)
		return err;
	*ret = cr_tree_int(v);
	return *ret ? NULL : cr_enomem;
}

/* Usually a string is one piece. */
static struct cr_error *read_string(struct cr_reader *r, json_t **ret)
{
	const char *text;
	size_t size;
	struct cr_out all = { 0 };
	struct cr_error *err = cr_reader_string(r);
	if (!err)
		err = cr_out_init_mem(&all);
	while (!err) {
		err = cr_reader_piece(r, &text, &size);
		if (err || !size)
			break;
		err = cr_out_put(&all, text, size);
	}
	if (!err) {
		*ret = json_stringn(all.buf, cr_out_buffered(&all));
		if (!*ret)
			err = cr_reader_error(r, "the text is not UTF-8");
	}
	cr_out_deinit(&all);
	return err;
}

static struct cr_error *read_word(struct cr_reader *r, char c, json_t **ret)
{
	*ret = c == 't' ? json_true() : c == 'f' ? json_false() : json_null();
	return cr_reader_skip(r);
}

static struct cr_error *read_pair(struct cr_reader *r, unsigned depth,
				  json_t *object)
{
	const char *name;
	char key[CR_READER_KEY_MAX];
	size_t size;
	json_t *value = NULL;
	struct cr_error *err = cr_reader_key(r, &name, &size);
	if (err)
		return err;
	memcpy(key, name, size);
	if (memchr(key, 0, size))
		return cr_reader_error(r, "a key with a NUL character");
	if (json_object_getn(object, key, size))
		return cr_reader_error(r, "key \"%.*s\" is there twice",
				       (int)size, key);
	err = read_value(r, depth, &value);
	if (!err && json_object_setn_new(object, key, size, value))
		err = cr_reader_error(r, "a key that is not UTF-8");
	return err;
}

static struct cr_error *read_object(struct cr_reader *r, unsigned depth,
				    json_t *object)
{
	bool again;
	struct cr_error *err = cr_reader_expect(r, '{');
	if (!err)
		err = cr_reader_accept(r, '}', &again);
	if (err || again)
		return err;
	do {
		err = read_pair(r, depth, object);
		if (!err)
			err = cr_reader_ready(r);
		if (!err)
			err = cr_reader_accept(r, ',', &again);
	} while (!err && again);
	return err ? err : cr_reader_expect(r, '}');
}

struct list {
	struct cr_reader *r;
	unsigned depth;
	json_t *array;
};

static struct cr_error *read_element(void *arg, uint64_t i)
{
	struct list *list = arg;
	json_t *value;
	struct cr_error *err = read_value(list->r, list->depth, &value);
	if (!err && json_array_append_new(list->array, value))
		err = cr_enomem;
	return err;
}

static struct cr_error *read_container(struct cr_reader *r, unsigned depth,
				       char c, json_t **ret)
{
	if (depth >= DEPTH_MAX)
		return cr_reader_error(r, "brackets more than %d deep",
				       DEPTH_MAX);
	json_t *v = c == '{' ? json_object() : json_array();
	if (!v)
		return cr_enomem;
	struct list list = { r, depth + 1, v };
	struct cr_error *err =
		c == '{' ? read_object(r, depth + 1, v) :
			   cr_reader_list(r, read_element, &list);
	if (err)
		json_decref(v);
	else
		*ret = v;
	return err;
}

static struct cr_error *read_value(struct cr_reader *r, unsigned depth,
				   json_t **ret)
{
	char c;
	struct cr_error *err = cr_reader_peek(r, &c);
	if (!err)
		err = cr_reader_ready(r);
	if (err)
		return err;
	switch (c) {
	case '{':
	case '[':
		return read_container(r, depth, c, ret);
	case '"':
		return read_string(r, ret);
	case 't':
	case 'f':
	case 'n':
		return read_word(r, c, ret);
	}
	return read_int(r, ret);
}

struct cr_error *cr_tree_read(struct cr_reader *r, json_t **ret)
{
	return read_value(r, 0, ret);
}

struct cr_error *cr_tree_parse(const char *text, size_t size, json_t **ret)
{
	struct cr_reader r;
	json_t *v;
	cr_reader_init_own(&r, text, size);
	struct cr_error *err = cr_tree_read(&r, &v);
	if (err)
		return err;
	err = cr_reader_end(&r);
	if (err)
		json_decref(v);
	else
		*ret = v;
	return err;
}

/* ---- writing ---- */

/*
 * Where a value stands. A number of a field that the schema does not know is a
 * number, for the encoder reads nothing else there; so are those of fields that
 * are known, if it is said which they are.
 */
struct at {
	enum { AT_ANY, AT_UNKNOWN, AT_NUMBER } kind;
	struct cr_tree *t; /* NULL: the fields are not known */
	const struct cr_plan *plan;
	const struct cr_field *f;
	unsigned depth;
};

static struct cr_error *write_value(struct cr_writer *w, const json_t *v,
				    struct at at);

/* The value of a key. */
static struct cr_error *below(struct at *at, const char *key)
{
	const struct cr_field *f = NULL;
	if (at->plan)
		f = cr_plan_by_name(at->plan, key, strlen(key));
	at->kind = at->kind == AT_UNKNOWN && strcmp(key, "bytes") ? AT_NUMBER :
		   strcmp(key, "@unknown")			  ? AT_ANY :
								    AT_UNKNOWN;
	at->plan = NULL;
	at->f = f;
	if (!f || f->kind != CR_FIELD_MESSAGE)
		return NULL;
	return cr_codec_sub(&at->t->plain, f, &at->plan);
}

static struct cr_error *write_key(struct cr_writer *w, const char *key)
{
	struct cr_error *err = cr_writer_item(w);
	if (!err)
		err = cr_writer_string(w, key, strlen(key));
	return err ? err : cr_writer_raw(w, w->style.go ? ":" : ": ");
}

static struct cr_error *write_object(struct cr_writer *w, const json_t *v,
				     struct at at)
{
	struct cr_error *err = cr_writer_open(w, '{');
	/* Its iterators take no const. */
	json_t *object = (json_t *)(uintptr_t)v;
	for (void *it = json_object_iter(object); it && !err;
	     it = json_object_iter_next(object, it)) {
		const char *key = json_object_iter_key(it);
		struct at value = at;
		err = write_key(w, key);
		if (!err)
			err = below(&value, key);
		if (!err)
			err = write_value(w, json_object_iter_value(it), value);
	}
	return err ? err : cr_writer_close(w, '}');
}

static struct cr_error *write_list(struct cr_writer *w, const json_t *v,
				   struct at at)
{
	struct cr_error *err = cr_writer_open(w, '[');
	for (size_t i = 0; i < json_array_size(v) && !err; i++) {
		err = cr_writer_item(w);
		if (!err)
			err = write_value(w, json_array_get(v, i), at);
	}
	return err ? err : cr_writer_close(w, ']');
}

static struct cr_error *write_int(struct cr_writer *w, int64_t v)
{
	struct cr_error *err = cr_out_room(w->out, CR_NUM_MAX);
	if (!err)
		w->out->cur = cr_put_i64(w->out->cur, v);
	return err;
}

static bool is_integer(const struct cr_field *f)
{
	return f && f->kind < CR_FIELD_STRING && f->kind != CR_FIELD_BOOL &&
	       f->kind != CR_FIELD_ENUM;
}

static struct cr_error *write_string(struct cr_writer *w, const json_t *v,
				     struct at at)
{
	const char *text = json_string_value(v);
	size_t size = json_string_length(v);
	const char *digits = text + (*text == '-');
	if ((at.kind == AT_NUMBER || is_integer(at.f)) && *digits &&
	    strspn(digits, "0123456789") == strlen(digits))
		return cr_writer_raw(w, text);
	return cr_writer_string(w, text, size);
}

static struct cr_error *write_value(struct cr_writer *w, const json_t *v,
				    struct at at)
{
	if (++at.depth > DEPTH_MAX)
		return cr_error_new(CR_ERR_FORMAT, "nested too deeply");
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return write_object(w, v, at);
	case JSON_ARRAY:
		return write_list(w, v, at);
	case JSON_STRING:
		return write_string(w, v, at);
	case JSON_INTEGER:
		return write_int(w, json_integer_value(v));
	case JSON_TRUE:
		return cr_writer_raw(w, "true");
	case JSON_FALSE:
		return cr_writer_raw(w, "false");
	case JSON_NULL:
	case JSON_REAL: /* a payload that is not here */
		break;
	}
	return cr_writer_raw(w, "null");
}

struct cr_error *cr_tree_write(struct cr_writer *w, const json_t *tree)
{
	return write_value(w, tree, (struct at){ .kind = AT_ANY });
}

struct cr_error *cr_tree_write_as(struct cr_writer *w, struct cr_tree *t,
				  const struct cr_plan *plan,
				  const struct cr_field *f, const json_t *v)
{
	struct at at = { .kind = AT_ANY, .t = t, .plan = f ? NULL : plan, .f = f };
	struct cr_error *err = NULL;
	if (f && f->kind == CR_FIELD_MESSAGE)
		err = cr_codec_sub(&t->plain, f, &at.plan);
	return err ? err : write_value(w, v, at);
}
