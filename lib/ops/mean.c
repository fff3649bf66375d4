// SPDX-License-Identifier: MIT
#include "lib/ops/mean.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/cleanup.h"
#include "lib/base/qp.h"

/* ---- which messages lead to a meaning ---- */

/* By the index of cr_message_hints: what a message and those in it mean. */
struct reach {
	unsigned *mask;
};

static size_t index_of(const ProtobufCMessageDescriptor *desc)
{
	return (size_t)(cr_hints_find(desc) - cr_message_hints);
}

static unsigned mask_of(const struct reach *reach,
			const ProtobufCMessageDescriptor *desc)
{
	return desc && cr_hints_find(desc) ? reach->mask[index_of(desc)] : 0;
}

/* True if something was added: messages contain each other, and themselves. */
static bool spread(struct reach *reach, size_t i)
{
	const ProtobufCMessageDescriptor *desc = cr_message_hints[i].desc;
	unsigned old = reach->mask[i];
	for (unsigned k = 0; k < desc->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &desc->fields[k];
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			reach->mask[i] |= mask_of(reach, f->descriptor);
	}
	return reach->mask[i] != old;
}

static struct cr_error *reach_init(struct reach *reach)
{
	bool more = true;
	reach->mask = calloc(cr_nr_message_hints, sizeof(reach->mask[0]));
	if (!reach->mask)
		return cr_enomem;
	for (size_t i = 0; i < cr_nr_message_hints; i++) {
		const struct cr_message_hints *m = &cr_message_hints[i];
		for (unsigned k = 0; k < m->nr_meanings; k++)
			reach->mask[i] |= CR_MEANING(m->meanings[k].means);
	}
	while (more) {
		more = false;
		for (size_t i = 0; i < cr_nr_message_hints; i++)
			more |= spread(reach, i);
	}
	return NULL;
}

unsigned cr_mean_of_type(const struct cr_image_type *type)
{
	struct reach reach;
	struct cr_error *err = reach_init(&reach);
	unsigned mask = ~0u;
	if (!err)
		mask = mask_of(&reach, type->head) |
		       mask_of(&reach, type->entry);
	cr_error_free(err);
	free(reach.mask);
	return mask;
}

/* ---- an entry ---- */

struct walk {
	struct cr_change *change; /* NULL: to look */
	unsigned meanings;
	struct reach reach;
	cr_mean_fn *fn;
	void *arg;
	const struct cr_rewrite_at *at;
	json_t *entry;
	bool changed;
	/* Fields of the plan that lead to something. */
	const struct cr_plan *plan;
	uint64_t wanted;
};

static enum cr_meaning meaning_of(const struct cr_plan *plan,
				  const struct cr_field *f)
{
	return cr_hints_meaning(plan->desc, cr_field_number(f));
}

static bool leads(const struct walk *w, const struct cr_plan *plan,
		  const struct cr_field *f)
{
	unsigned mask = f->kind == CR_FIELD_MESSAGE ?
				mask_of(&w->reach, f->desc->descriptor) :
				CR_MEANING(meaning_of(plan, f));
	return mask & w->meanings;
}

static bool want(void *arg, const struct cr_rewrite_at *at, const void *msg,
		 size_t size)
{
	struct walk *w = arg;
	if (w->plan != at->plan) {
		w->plan = at->plan;
		w->wanted = 0;
		for (unsigned i = 0; i < at->plan->nr_fields; i++) {
			const struct cr_field *f = &at->plan->fields[i];
			if (leads(w, at->plan, f))
				w->wanted |= f->bit;
		}
	}
	return cr_tree_fields(at->plan, msg, size) & w->wanted;
}

static struct cr_error *at_field(struct cr_error *err,
				 const struct cr_field *f)
{
	return err ? cr_error_at(err, "%s", f->name) : NULL;
}

/* One value; *ret NULL: it stays. */
static struct cr_error *visit(struct walk *w, struct cr_mean_at *m,
			      json_t *value, json_t **ret)
{
	*ret = NULL;
	struct cr_error *err = w->fn(w->arg, m, value, ret);
	w->changed |= *ret != NULL;
	return at_field(err, m->field);
}

static struct cr_error *visit_list(struct walk *w, struct cr_mean_at *m,
				   json_t *list)
{
	struct cr_error *err = NULL;
	m->element = true;
	for (size_t i = 0; i < json_array_size(list) && !err; i++) {
		json_t *to;
		err = visit(w, m, json_array_get(list, i), &to);
		if (!err && json_is_null(to))
			json_array_remove(list, i--);
		else if (!err && to && json_array_set(list, i, to))
			err = cr_enomem;
		json_decref(to);
	}
	return err;
}

static struct cr_error *visit_field(struct walk *w, struct cr_mean_at *m,
				    json_t *value)
{
	json_t *to;
	/* What is repeated but escaped as a whole is left alone. */
	if (m->field->repeated && !json_is_array(value))
		return NULL;
	if (m->field->repeated && m->means != CR_MEANS_IP)
		return visit_list(w, m, value);
	struct cr_error *err = visit(w, m, value, &to);
	if (!err && json_is_null(to))
		json_object_del(m->message, m->field->name);
	else if (!err && to &&
		 json_object_set(m->message, m->field->name, to))
		err = cr_enomem;
	json_decref(to);
	return err;
}

static struct cr_error *walk_message(struct walk *w, const struct cr_plan *plan,
				     json_t *message);

static struct cr_error *walk_below(struct walk *w, const struct cr_field *f,
				   json_t *value)
{
	const struct cr_plan *sub;
	struct cr_error *err = cr_codec_sub(&w->at->tree->plain, f, &sub);
	if (err || json_is_object(value))
		return err ? err : walk_message(w, sub, value);
	for (size_t i = 0; i < json_array_size(value) && !err; i++)
		err = walk_message(w, sub, json_array_get(value, i));
	return err;
}

/* Trees are as deep as the decoder lets them be. */
static struct cr_error *walk_message(struct walk *w, const struct cr_plan *plan,
				     json_t *message)
{
	struct cr_error *err = NULL;
	if (!json_is_object(message))
		return NULL;
	for (unsigned i = 0; i < plan->nr_fields && !err; i++) {
		const struct cr_field *f = &plan->fields[i];
		json_t *value = json_object_get(message, f->name);
		if (!value || !leads(w, plan, f))
			continue;
		json_incref(value);
		struct cr_mean_at m = { w->at, meaning_of(plan, f), w->entry,
					message, plan, f, false };
		err = f->kind == CR_FIELD_MESSAGE ? walk_below(w, f, value) :
						    visit_field(w, &m, value);
		json_decref(value);
	}
	return err;
}

static struct cr_error *on_entry(void *arg, const struct cr_rewrite_at *at,
				 json_t *entry, enum cr_rewrite *ret)
{
	struct walk *w = arg;
	w->at = at;
	w->entry = entry;
	w->changed = false;
	struct cr_error *err = walk_message(w, at->plan, entry);
	if (w->change && w->changed)
		*ret = CR_REWRITE_CHANGED;
	return err;
}

/* ---- all images ---- */

/* Images that can have one of the meanings. */
static bool is_of_these(struct walk *w, const char *name)
{
	const struct cr_image_type *type = cr_image_type_by_file(name);
	return type && (mask_of(&w->reach, type->head) |
			mask_of(&w->reach, type->entry)) &
			       w->meanings;
}

static struct cr_error *go_to_image(struct cr_set *set, struct walk *w,
				    const char *name,
				    const struct cr_rewrite_opts *opts)
{
	if (!is_of_these(w, name))
		return NULL;
	return w->change ? cr_rewrite(w->change, name, opts, on_entry, w) :
			   cr_rewrite_look(set, name, opts, on_entry, w);
}

/* Images are rewritten while others are found, so names are collected first. */
static struct cr_error *go(struct cr_set *set, struct walk *w)
{
	struct cr_store_names all = { 0 };
	struct cr_tree tree = { 0 };
	struct cr_rewrite_opts opts = { .want = want, .tree = &tree };
	struct cr_error *err = reach_init(&w->reach);
	if (!err)
		err = cr_tree_init(&tree);
	if (!err)
		err = cr_store_list(set->store, &all);
	for (size_t i = 0; i < all.nr && !err; i++)
		err = go_to_image(set, w, all.name[i], &opts);
	cr_store_names_free(&all);
	cr_tree_deinit(&tree);
	free(w->reach.mask);
	return err;
}

struct cr_error *cr_mean_each(struct cr_change *change, unsigned meanings,
			      cr_mean_fn *fn, void *arg)
{
	struct walk w = {
		.change = change, .meanings = meanings, .fn = fn, .arg = arg
	};
	return go(cr_change_set(change), &w);
}

struct cr_error *cr_mean_look(struct cr_set *set, unsigned meanings,
			      cr_mean_fn *fn, void *arg)
{
	struct walk w = { .meanings = meanings, .fn = fn, .arg = arg };
	return go(set, &w);
}

/* ---- text ---- */

struct cr_error *cr_mean_bytes(const struct cr_mean_at *at,
			       const json_t *value, char **ret,
			       size_t *size_ret)
{
	const json_t *qp = json_object_get(value, "@qp");
	const struct cr_field *f = at->field;
	bool is_bytes = f->kind == CR_FIELD_BYTES;
	bool quoted = qp || (is_bytes && f->hint == CR_FORM_CONV);
	const json_t *text = qp ?: value;
	*ret = NULL;
	if (!json_is_string(text))
		return NULL;
	size_t size = json_string_length(text);
	uint8_t *data = malloc(size + 4), *end = data;
	if (!data)
		return cr_enomem;
	struct cr_base64 state = { 0 };
	if (quoted)
		end = cr_qp_decode(data, json_string_value(text), size);
	else if (!is_bytes)
		end = (uint8_t *)mempcpy(data, json_string_value(text), size);
	else if (cr_base64_feed(&state, json_string_value(text), size, &end))
		end = NULL;
	if (!end) {
		free(data);
		return NULL;
	}
	*end = 0;
	*ret = (char *)data;
	*size_ret = (size_t)(end - data);
	return NULL;
}

struct cr_error *cr_mean_value(const struct cr_mean_at *at, const void *data,
			       size_t size, json_t **ret)
{
	cr_auto_free char *text = malloc(3 * size + 1);
	if (!text)
		return cr_enomem;
	char *end = cr_qp_put_bytes(text, data, size);
	json_t *raw = json_object();
	if (!raw || json_object_set_new(raw, "@qp",
					json_stringn(text,
						     (size_t)(end - text)))) {
		json_decref(raw);
		return cr_enomem;
	}
	struct cr_error *err = cr_tree_value(at->at->tree, at->plan, at->field,
					     at->element, raw, ret);
	json_decref(raw);
	return err;
}

/* ---- IP addresses ---- */

bool cr_mean_words(const json_t *value, uint32_t word[4], unsigned *nr_ret)
{
	size_t nr = json_array_size(value);
	if (nr != 1 && nr != 4)
		return false;
	for (size_t i = 0; i < nr; i++) {
		struct cr_int v;
		if (!cr_tree_get_int(json_array_get(value, i), &v) ||
		    v.negative || v.magnitude > UINT32_MAX)
			return false;
		word[i] = (uint32_t)v.magnitude;
	}
	*nr_ret = (unsigned)nr;
	return true;
}

struct cr_error *cr_mean_from_words(const uint32_t *word, unsigned nr,
				    json_t **ret)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < nr && list; i++) {
		if (!json_array_append_new(list, json_integer(word[i])))
			continue;
		json_decref(list);
		list = NULL;
	}
	*ret = list;
	return list ? NULL : cr_enomem;
}
