// SPDX-License-Identifier: MIT
#include "lib/ops/patch.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/nearest.h"
#include "lib/ops/tree/document.h"

/* Values that copies may come to: each of them can double what there is. */
#define COPIES_MAX 10000000

/* An image that a patch has touched. */
struct image {
	struct cr_document doc;
	struct image *next;
};

struct patch {
	struct cr_change *change;
	const char *only; /* the document is this image */
	struct cr_tree tree;
	struct image *images;
	uint64_t copies;
};

/* ---- images ---- */

static struct cr_error *open_image(struct patch *p, const char *name,
				   struct cr_document **ret)
{
	for (struct image *i = p->images; i; i = i->next) {
		if (strcmp(i->doc.name, name))
			continue;
		*ret = &i->doc;
		return NULL;
	}
	struct image *image = calloc(1, sizeof(*image));
	if (!image)
		return cr_enomem;
	struct cr_error *err =
		cr_document_open(p->change, &p->tree, name, &image->doc);
	if (err) {
		free(image);
		return err;
	}
	image->next = p->images;
	p->images = image;
	*ret = &image->doc;
	return NULL;
}

/* What has been done to it is written, or forgotten. */
static struct cr_error *close_image(struct patch *p, const char *name,
				    bool save)
{
	for (struct image **at = &p->images; *at; at = &(*at)->next) {
		struct image *image = *at;
		if (strcmp(image->doc.name, name))
			continue;
		struct cr_error *err =
			save ? cr_document_save(&image->doc) : NULL;
		*at = image->next;
		cr_document_close(&image->doc);
		free(image);
		return err;
	}
	return NULL;
}

static struct cr_error *save_all(struct patch *p)
{
	struct cr_error *err = NULL;
	while (p->images && !err)
		err = close_image(p, p->images->doc.name, true);
	return err;
}

static void close_all(struct patch *p)
{
	while (p->images) {
		struct image *image = p->images;
		p->images = image->next;
		cr_document_close(&image->doc);
		free(image);
	}
}

/* ---- pointers (RFC 6901) ---- */

/* Where a pointer leads. */
struct target {
	struct cr_document *doc; /* NULL: the whole checkpoint, or an image */
	char *image;		 /* a whole image, by name */
	json_t *in;		 /* NULL: the document itself */
	char *key;		 /* the last token */
	const struct cr_plan *plan;   /* of the message that the value is in */
	const struct cr_field *field; /* NULL: not of the schema */
	bool element, entry;
	json_t *value; /* NULL: not there */
};

static void free_target(struct target *t)
{
	free(t->image);
	free(t->key);
}

/* The next token, its escapes resolved; NULL at the end. */
static struct cr_error *next_token(const char **pointer, char **ret)
{
	const char *p = *pointer;
	*ret = NULL;
	if (!*p)
		return NULL;
	if (*p++ != '/')
		return cr_error_new(CR_ERR_FORMAT,
				    "a pointer begins with '/'");
	size_t size = strcspn(p, "/");
	char *o = *ret = malloc(size + 1);
	if (!o)
		return cr_enomem;
	for (const char *end = p + size; p < end; p++) {
		bool escape = *p == '~';
		if (escape && p[1] != '0' && p[1] != '1') {
			free(cr_take_ptr(*ret));
			return cr_error_new(CR_ERR_FORMAT,
					    "'~' in a pointer is written '~0', "
					    "and '/' is '~1'");
		}
		*o++ = !escape ? *p : *++p == '0' ? '~' : '/';
	}
	*o = 0;
	*pointer = p;
	return NULL;
}

/* An index: no leading zeros; "-" is the end. */
static bool parse_index(const char *text, size_t size, size_t *ret)
{
	size_t v = 0;
	if (!strcmp(text, "-")) {
		*ret = size;
		return true;
	}
	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (size_t)(*text - '0'), &v))
			return false;
	*ret = v;
	return true;
}

/* The value of a key or an index. */
static json_t *child(const json_t *in, const char *key)
{
	size_t i;
	if (json_is_object(in))
		return json_object_get(in, key);
	if (json_is_array(in) && parse_index(key, json_array_size(in), &i))
		return json_array_get(in, i);
	return NULL;
}

static struct cr_error *unknown_field(const struct cr_plan *plan,
				      const char *key)
{
	struct cr_nearest near = { key };
	for (unsigned i = 0; i < plan->nr_fields; i++)
		cr_nearest_try(&near, plan->fields[i].name);
	return cr_error_new(CR_ERR_NOT_FOUND, "%s has no field '%s'%s%s%s",
			    plan->desc->name, key,
			    near.best ? " (did you mean '" : "",
			    near.best ?: "", near.best ? "'?)" : "");
}

/* What the schema says of a step into the target's value. */
static struct cr_error *step_schema(struct patch *p, struct target *t,
				    const char *key)
{
	const struct cr_plan *sub = NULL;
	struct cr_error *err = NULL;
	if (json_is_array(t->value)) {
		t->element = true;
		return NULL;
	}
	if (t->entry)
		sub = t->plan;
	else if (t->field && t->field->kind == CR_FIELD_MESSAGE)
		err = cr_codec_sub(&p->tree.plain, t->field, &sub);
	t->entry = t->element = false;
	t->plan = sub;
	t->field = sub ? cr_plan_by_name(sub, key, strlen(key)) : NULL;
	bool free = *key == '@' || !strcmp(key, "extra");
	if (!err && sub && !t->field && !free)
		err = unknown_field(sub, key);
	return err;
}

/* Into the list of entries. */
static struct cr_error *step_entry(struct patch *p, struct target *t)
{
	size_t i, nr = json_array_size(t->in);
	t->entry = true;
	t->value = NULL;
	if (!parse_index(t->key, nr, &i))
		return NULL;
	struct cr_error *err = cr_tree_plan(
		&p->tree, t->doc->image.header.type, i, &t->plan);
	return err || i >= nr ? err :
				cr_document_entry(t->doc, i, false, &t->value);
}

static struct cr_error *step(struct patch *p, struct target *t, char *key)
{
	json_t *entries = json_object_get(t->doc->root, "entries");
	struct cr_error *err = NULL;
	if (!json_is_object(t->value) && !json_is_array(t->value)) {
		free(key);
		return cr_error_new(CR_ERR_NOT_FOUND, "nothing is there");
	}
	if (t->value != entries && t->value != t->doc->root)
		err = step_schema(p, t, key);
	t->in = t->value;
	free(t->key);
	t->key = key;
	if (err)
		return err;
	if (t->in == entries)
		return step_entry(p, t);
	size_t i = 0;
	if (!t->entry && !strcmp(key, "extra") && json_is_object(t->in) &&
	    json_is_real(json_object_get(t->in, "extra"))) {
		/* The payload is asked for: find the entry it is of. */
		while (json_array_get(entries, i) != t->in &&
		       i < json_array_size(entries))
			i++;
		json_t *entry;
		err = cr_document_entry(t->doc, i, true, &entry);
	}
	bool by_name = t->field && json_is_object(t->in);
	t->value = child(t->in, by_name ? t->field->name : key);
	return err;
}

static struct cr_error *begin_at_image(struct patch *p, const char **pointer,
				       struct target *t)
{
	struct cr_error *err = NULL;
	if (p->only)
		t->image = strdup(p->only);
	else
		err = next_token(pointer, &t->image);
	if (err)
		return err;
	if (!t->image)
		return p->only ? cr_enomem :
				 cr_error_new(CR_ERR_FORMAT,
					      "the whole checkpoint cannot be "
					      "one value");
	if (!**pointer)
		return NULL;
	err = open_image(p, t->image, &t->doc);
	if (!err)
		t->value = t->doc->root;
	return err;
}

static struct cr_error *resolve(struct patch *p, const char *pointer,
				struct target *ret)
{
	struct target t = { .doc = NULL };
	struct cr_error *err = begin_at_image(p, &pointer, &t);
	while (!err && *pointer) {
		char *key;
		err = next_token(&pointer, &key);
		if (!err)
			err = step(p, &t, key);
	}
	if (err)
		free_target(&t);
	else
		*ret = t;
	return err;
}

/* ---- values ---- */

static struct cr_error *not_there(void)
{
	return cr_error_new(CR_ERR_NOT_FOUND, "nothing is there");
}

/* As the tree has it: checked, and in its usual form. */
static struct cr_error *usual(struct patch *p, const struct target *t,
			      const json_t *value, json_t **ret)
{
	if (!t->field) {
		*ret = json_deep_copy(value);
		return *ret ? NULL : cr_enomem;
	}
	struct cr_error *err = cr_tree_value(&p->tree, t->plan, t->field,
					     t->element, value, ret);
	if (err && cr_tree_is_secret(t->plan, t->field)) {
		cr_error_free(err);
		err = cr_error_new(CR_ERR_FORMAT, "the value does not fit");
	}
	return err;
}

/* A whole entry, to be compared: through its bytes. */
static struct cr_error *usual_entry(struct patch *p,
				    const struct cr_image_type *type, size_t i,
				    const json_t *value, json_t **ret)
{
	struct cr_tree_aside aside;
	struct cr_out out = { 0 };
	struct cr_error *err = cr_out_init_mem(&out);
	if (!err)
		err = cr_tree_store(&p->tree, type, i, value, &out, &aside);
	if (!err) {
		struct cr_tree_entry e = { .type = type,
					   .i = i,
					   .msg = out.buf + 4 };
		uint32_t size;
		memcpy(&size, out.buf, 4);
		e.size = le32toh(size);
		err = cr_tree_load(&p->tree, &e, false, ret);
	}
	json_t *extra = json_object_get(value, "extra");
	if (!err)
		json_object_del(*ret, "extra");
	if (!err && extra && json_object_set(*ret, "extra", extra))
		err = cr_enomem;
	cr_out_deinit(&out);
	return err;
}

static struct cr_error *usual_entries(struct patch *p,
				      const struct cr_image_type *type,
				      const json_t *list, json_t **ret)
{
	json_t *all = json_array(), *one;
	struct cr_error *err = all ? NULL : cr_enomem;
	for (size_t i = 0; i < json_array_size(list) && !err; i++) {
		err = usual_entry(p, type, i, json_array_get(list, i), &one);
		if (!err && json_array_append_new(all, one))
			err = cr_enomem;
	}
	if (err)
		json_decref(all);
	else
		*ret = all;
	return err;
}

/* An image, or the list of its entries. */
static bool is_image(const struct target *t)
{
	const json_t *root = t->doc->root;
	return t->value == root || t->value == json_object_get(root, "entries");
}

/* Loads what stands aside below the target, for it is wanted whole. */
static struct cr_error *load_whole(struct patch *p, struct target *t)
{
	json_t *v;
	struct cr_error *err = NULL;
	size_t i = 0;
	if (!t->doc) {
		err = open_image(p, t->image, &t->doc);
		t->value = err ? NULL : t->doc->root;
	}
	if (err || !t->value)
		return err ? err : not_there();
	json_t *entries = json_object_get(t->doc->root, "entries");
	if (t->entry && parse_index(t->key, json_array_size(entries), &i))
		return cr_document_entry(t->doc, i, true, &t->value);
	for (i = 0; is_image(t) && i < json_array_size(entries) && !err; i++)
		err = cr_document_entry(t->doc, i, true, &v);
	return err;
}

static uint64_t count(const json_t *v)
{
	uint64_t nr = 1;
	const char *key;
	size_t i;
	json_t *below;
	json_object_foreach((json_t *)(uintptr_t)v, key, below)
		nr += count(below);
	json_array_foreach(v, i, below)
		nr += count(below);
	return nr;
}

static struct cr_error *copy_of(struct patch *p, const json_t *v, json_t **ret)
{
	p->copies += count(v);
	if (p->copies > COPIES_MAX)
		return cr_error_new(CR_ERR_FORMAT, "copies of more than %d "
						   "values",
				    COPIES_MAX);
	*ret = json_deep_copy(v);
	return *ret ? NULL : cr_enomem;
}

/* ---- operations (RFC 6902, 4) ---- */

/* {"magic": ..., "entries": [...]} */
static struct cr_error *put_image(struct patch *p, const char *name,
				  const json_t *v)
{
	json_t *magic = json_object_get(v, "magic");
	json_t *entries = json_object_get(v, "entries");
	const struct cr_image_type *type =
		json_is_string(magic) ?
			cr_image_type_by_id(json_string_value(magic),
					    json_string_length(magic)) :
			NULL;
	if (!type || !json_is_array(entries) || json_object_size(v) != 2)
		return cr_error_new(CR_ERR_FORMAT,
				    "an image is {\"magic\": ..., \"entries\": "
				    "[...]} with a known magic");
	struct cr_error *err = close_image(p, name, false);
	return err ? err : cr_tree_create(p->change, name, type, entries);
}

static struct cr_error *insert(struct target *t, json_t *v, bool replace)
{
	size_t i = 0, size = json_array_size(t->in);
	int failed;
	if (json_is_object(t->in)) {
		failed = json_object_set(t->in, t->field ? t->field->name :
							   t->key,
					 v);
	} else {
		if (!parse_index(t->key, size, &i) || i > size)
			return cr_error_new(CR_ERR_NOT_FOUND,
					    "the list has %zu element%s", size,
					    size == 1 ? "" : "s");
		failed = replace ? json_array_set(t->in, i, v) :
				   json_array_insert(t->in, i, v);
	}
	return failed ? cr_enomem : NULL;
}

static struct cr_error *put_value(struct patch *p, struct target *t,
				  const json_t *value, bool replace)
{
	json_t *v;
	if (!t->doc)
		return put_image(p, t->image, value);
	if (!t->in || t->value == t->doc->root)
		return cr_error_new(CR_ERR_FORMAT, "an image of the checkpoint "
						   "is replaced as a whole");
	if (replace && !t->value)
		return not_there();
	if (t->entry && !json_is_object(value))
		return cr_error_new(CR_ERR_FORMAT, "an entry is an object");
	struct cr_error *err = usual(p, t, value, &v);
	if (err)
		return err;
	err = insert(t, v, replace);
	json_decref(v);
	return err;
}

static struct cr_error *remove_value(struct patch *p, struct target *t)
{
	size_t i = 0;
	struct cr_error *err = NULL;
	if (!t->doc) {
		err = close_image(p, t->image, false);
		return err ? err : cr_change_remove(p->change, t->image);
	}
	if (!t->value)
		return not_there();
	if (json_is_object(t->in))
		json_object_del(t->in, t->field ? t->field->name : t->key);
	else if (parse_index(t->key, json_array_size(t->in), &i))
		json_array_remove(t->in, i);
	return NULL;
}

static struct cr_error *compare_entries(struct patch *p,
					const struct target *t,
					const json_t *want, bool *same_ret)
{
	const struct cr_image_type *type = t->doc->image.header.type;
	const json_t *have = t->value, *root = t->doc->root;
	json_t *usual_want = NULL, *usual_have = NULL;
	*same_ret = false;
	if (t->value == root) {
		if (json_object_size(want) != json_object_size(root) ||
		    !json_equal(json_object_get(want, "magic"),
				json_object_get(root, "magic")))
			return NULL;
		have = json_object_get(root, "entries");
		want = json_object_get(want, "entries");
	}
	if (!json_is_array(want))
		return NULL;
	struct cr_error *err = usual_entries(p, type, want, &usual_want);
	if (!err)
		err = usual_entries(p, type, have, &usual_have);
	*same_ret = !err && json_equal(usual_have, usual_want);
	json_decref(usual_want);
	json_decref(usual_have);
	return err;
}

static struct cr_error *compare_entry(struct patch *p, const struct target *t,
				      const json_t *want, bool *same_ret)
{
	const struct cr_image_type *type = t->doc->image.header.type;
	json_t *usual_want = NULL, *usual_have = NULL;
	size_t i = 0;
	parse_index(t->key, json_array_size(t->in), &i);
	struct cr_error *err = usual_entry(p, type, i, want, &usual_want);
	if (!err)
		err = usual_entry(p, type, i, t->value, &usual_have);
	*same_ret = !err && json_equal(usual_have, usual_want);
	json_decref(usual_want);
	json_decref(usual_have);
	return err;
}

static struct cr_error *compare_value(struct patch *p, const struct target *t,
				      const json_t *want, bool *same_ret)
{
	json_t *usual_want = NULL;
	struct cr_error *err = usual(p, t, want, &usual_want);
	*same_ret = !err && json_equal(t->value, usual_want);
	json_decref(usual_want);
	return err;
}

static struct cr_error *test_value(struct patch *p, struct target *t,
				   const json_t *want)
{
	bool same = false;
	struct cr_error *err = load_whole(p, t);
	if (!err && is_image(t))
		err = compare_entries(p, t, want, &same);
	else if (!err && t->entry)
		err = compare_entry(p, t, want, &same);
	else if (!err)
		err = compare_value(p, t, want, &same);
	if (!err && !same)
		err = cr_error_new(CR_ERR_FORMAT, "the value is another one");
	return err;
}

/* The value at "from", as a copy. */
static struct cr_error *fetch(struct patch *p, const json_t *op,
			      const char *path, bool remove, json_t **ret)
{
	const char *from = json_string_value(json_object_get(op, "from"));
	struct target t;
	if (!from)
		return cr_error_new(CR_ERR_FORMAT, "need \"from\"");
	size_t size = strlen(from);
	if (remove && !strncmp(from, path, size) && path[size] == '/')
		return cr_error_new(CR_ERR_FORMAT,
				    "cannot move a value into itself");
	struct cr_error *err = resolve(p, from, &t);
	if (err)
		return cr_error_at(err, "from %s", from);
	bool image = !t.doc;
	err = load_whole(p, &t);
	if (!err)
		err = copy_of(p, t.value, ret);
	if (image)
		t.doc = NULL;
	if (!err && remove)
		err = remove_value(p, &t);
	free_target(&t);
	return err ? cr_error_at(err, "from %s", from) : NULL;
}

static struct cr_error *apply(struct patch *p, const json_t *op,
			      const char *name, const char *path)
{
	json_t *value = json_object_get(op, "value"), *got = NULL;
	bool move = !strcmp(name, "move"), copy = !strcmp(name, "copy");
	bool add = !strcmp(name, "add"), replace = !strcmp(name, "replace");
	bool test = !strcmp(name, "test"), remove = !strcmp(name, "remove");
	struct target t;
	struct cr_error *err = NULL;
	if (!(move || copy || add || replace || test || remove))
		return cr_error_new(CR_ERR_FORMAT, "unknown operation");
	if ((add || replace || test) && !value)
		return cr_error_new(CR_ERR_FORMAT, "need \"value\"");
	if (move || copy)
		err = fetch(p, op, path, move, &got);
	if (!err)
		err = resolve(p, path, &t);
	if (err) {
		json_decref(got);
		return err;
	}
	if (test)
		err = test_value(p, &t, value);
	else if (remove)
		err = remove_value(p, &t);
	else
		err = put_value(p, &t, got ?: value, replace);
	json_decref(got);
	free_target(&t);
	return err;
}

static struct cr_error *apply_list(struct patch *p, const json_t *patch)
{
	for (size_t i = 0; i < json_array_size(patch); i++) {
		const json_t *op = json_array_get(patch, i);
		const char *name = json_string_value(json_object_get(op, "op"));
		const char *path =
			json_string_value(json_object_get(op, "path"));
		if (!name || !path)
			return cr_error_new(CR_ERR_FORMAT,
					    "operation %zu: need \"op\" and "
					    "\"path\"",
					    i);
		struct cr_error *err = apply(p, op, name, path);
		if (err)
			return cr_error_at(err, "operation %zu: %s %s", i,
					   name, path);
	}
	return NULL;
}

/* ---- merge patch (RFC 7396, 2) ---- */

static struct cr_error *merge(struct patch *p, const char *pointer,
			      const json_t *patch);

/* "a/b" as part of a pointer. */
static char *join(const char *pointer, const char *key)
{
	char *all = malloc(strlen(pointer) + 2 * strlen(key) + 2);
	if (!all)
		return NULL;
	char *o = stpcpy(all, pointer);
	*o++ = '/';
	for (; *key; key++) {
		if (*key == '~' || *key == '/') {
			*o++ = '~';
			*o++ = *key == '~' ? '0' : '1';
		} else {
			*o++ = *key;
		}
	}
	*o = 0;
	return all;
}

/* A member: null removes it. */
static struct cr_error *merge_key(struct patch *p, const char *pointer,
				  const char *key, json_t *value)
{
	cr_auto_free char *below = join(pointer, key);
	struct target t;
	if (!below)
		return cr_enomem;
	if (!json_is_null(value))
		return merge(p, below, value);
	struct cr_error *err = resolve(p, below, &t);
	if (!err) {
		if (!t.doc || t.value)
			err = remove_value(p, &t);
		cr_error_catch(&err, CR_ERR_NOT_FOUND);
		free_target(&t);
	}
	return err ? cr_error_at(err, "%s", below) : NULL;
}

static struct cr_error *merge_object(struct patch *p, const char *pointer,
				     const json_t *patch)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)patch, key, value) {
		struct cr_error *err = merge_key(p, pointer, key, value);
		if (err)
			return err;
	}
	return NULL;
}

/* An object merges with the message that is there, or that is made for it; any
 * other value replaces what is there. */
static struct cr_error *merge(struct patch *p, const char *pointer,
			      const json_t *patch)
{
	struct target t = { .doc = NULL };
	if (json_is_object(patch) && !p->only && !*pointer)
		return merge_object(p, pointer, patch);
	struct cr_error *err = resolve(p, pointer, &t);
	if (err)
		return *pointer ? cr_error_at(err, "%s", pointer) : err;
	bool image = !t.doc, object = json_is_object(patch);
	bool escaped = json_object_get(patch, "@qp");
	if (image && object) {
		/* One that is not there yet is made. */
		err = open_image(p, t.image, &t.doc);
		if (cr_error_catch(&err, CR_ERR_NOT_FOUND)) {
			err = put_image(p, t.image, patch);
			object = false;
		}
	} else if (!object || escaped) {
		err = put_value(p, &t, patch, false);
		/* The end of the list of entries is none that can be named. */
		object = false;
	} else if (!json_is_object(t.value) && t.in) {
		json_t *made = json_object();
		err = made ? insert(&t, made, t.value) : cr_enomem;
		json_decref(made);
	}
	free_target(&t);
	if (!err && object)
		return merge_object(p, pointer, patch);
	return err && *pointer ? cr_error_at(err, "%s", pointer) : err;
}

/* ---- */

struct cr_error *cr_patch_apply(struct cr_change *change, const char *image,
				struct cr_reader *patch)
{
	struct patch p = { .change = change, .only = image };
	json_t *v;
	struct cr_error *err = cr_tree_read(patch, &v);
	if (err)
		return err;
	err = cr_reader_end(patch);
	if (!err)
		err = cr_tree_init(&p.tree);
	if (!err && json_is_array(v))
		err = apply_list(&p, v);
	else if (!err && json_is_object(v))
		err = merge(&p, "", v);
	else if (!err)
		err = cr_error_new(CR_ERR_FORMAT,
				   "a patch is a list of operations or an "
				   "object to merge");
	if (!err)
		err = save_all(&p);
	close_all(&p);
	cr_tree_deinit(&p.tree);
	json_decref(v);
	return err;
}
