// SPDX-License-Identifier: MIT
#include "lib/ops/tree.h"

#include <stdio.h>
#include <string.h>

/* Two trees being compared. */
struct diff {
	struct cr_change *change;
	const struct cr_rewrite_at *at;
	struct cr_out path;	 /* of the field */
	struct cr_out old, new_; /* texts */
	uint64_t nr;
};

static struct cr_error *put_value(struct cr_out *out, const json_t *v,
				  const char **ret)
{
	struct cr_writer w = { .out = out };
	*ret = NULL;
	struct cr_error *err = cr_out_cut(out, 0);
	if (err || !v)
		return err;
	err = cr_tree_write(&w, v);
	if (!err)
		err = cr_out_put(out, "", 1);
	*ret = out->buf;
	return err;
}

static struct cr_error *emit(struct diff *d, const json_t *old,
			     const json_t *new_, bool secret)
{
	struct cr_change_note note = {
		.image = d->at->image,
		.entry = d->at->i,
		.secret = secret,
	};
	struct cr_error *err = put_value(&d->old, old, &note.old);
	if (!err)
		err = put_value(&d->new_, new_, &note.new_);
	if (!err)
		err = cr_out_room(&d->path, 1);
	if (err)
		return err;
	*d->path.cur = 0;
	note.field = cr_out_buffered(&d->path) ? d->path.buf : NULL;
	d->nr++;
	return cr_change_note(d->change, &note);
}

static struct cr_error *diff_value(struct diff *d, const struct cr_plan *sub,
				   const json_t *old, const json_t *new_,
				   bool secret);

static struct cr_error *push(struct diff *d, const char *key)
{
	struct cr_error *err = NULL;
	if (cr_out_buffered(&d->path))
		err = cr_out_put(&d->path, ".", 1);
	return err ? err : cr_out_put(&d->path, key, strlen(key));
}

static struct cr_error *diff_key(struct diff *d, const struct cr_plan *plan,
				 const char *key, const json_t *old,
				 const json_t *new_)
{
	const struct cr_plan *sub = NULL;
	const struct cr_field *f =
		plan ? cr_plan_by_name(plan, key, strlen(key)) : NULL;
	uint64_t mark = cr_out_tell(&d->path);
	struct cr_error *err = NULL;
	if (f && f->kind == CR_FIELD_MESSAGE)
		err = cr_codec_sub(&d->at->tree->plain, f, &sub);
	if (!err)
		err = push(d, key);
	if (!err)
		err = diff_value(d, sub, old, new_,
				 f && cr_tree_is_secret(plan, f));
	return err ? err : cr_out_cut(&d->path, mark);
}

/* Its keys come in the order of the numbers of fields. */
static struct cr_error *diff_message(struct diff *d, const struct cr_plan *plan,
				     json_t *old, json_t *new_)
{
	const char *key;
	json_t *value;
	uint64_t before = d->nr;
	struct cr_error *err = NULL;
	json_object_foreach(old, key, value) {
		if (strcmp(key, "@wire"))
			err = diff_key(d, plan, key, value,
				       json_object_get(new_, key));
		if (err)
			return err;
	}
	json_object_foreach(new_, key, value) {
		if (strcmp(key, "@wire") && !json_object_get(old, key))
			err = diff_key(d, plan, key, NULL, value);
		if (err)
			return err;
	}
	/* The bytes of the message, if nothing that they say is different. */
	if (d->nr == before)
		err = diff_key(d, plan, "@wire", json_object_get(old, "@wire"),
			       json_object_get(new_, "@wire"));
	return err;
}

static struct cr_error *diff_element(struct diff *d, const struct cr_plan *sub,
				     size_t i, const json_t *old,
				     const json_t *new_)
{
	char text[32];
	uint64_t mark = cr_out_tell(&d->path);
	snprintf(text, sizeof(text), "[%zu]", i);
	struct cr_error *err = cr_out_put(&d->path, text, strlen(text));
	if (!err)
		err = diff_value(d, sub, old, new_, false);
	return err ? err : cr_out_cut(&d->path, mark);
}

/* What lies between a common beginning and a common end. */
static struct cr_error *diff_list(struct diff *d, const struct cr_plan *sub,
				  const json_t *old, const json_t *new_)
{
	size_t a = json_array_size(old), b = json_array_size(new_), i = 0;
	while (i < a && i < b &&
	       json_equal(json_array_get(old, i), json_array_get(new_, i)))
		i++;
	while (a > i && b > i &&
	       json_equal(json_array_get(old, a - 1),
			  json_array_get(new_, b - 1))) {
		a--;
		b--;
	}
	for (; i < a || i < b; i++) {
		struct cr_error *err = diff_element(
			d, sub, i, i < a ? json_array_get(old, i) : NULL,
			i < b ? json_array_get(new_, i) : NULL);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *diff_value(struct diff *d, const struct cr_plan *sub,
				   const json_t *old, const json_t *new_,
				   bool secret)
{
	if ((old && new_ && json_equal(old, new_)) || (!old && !new_))
		return NULL;
	if (json_is_object(old) && json_is_object(new_) &&
	    !json_object_get(old, "@qp") && !json_object_get(new_, "@qp"))
		return diff_message(d, sub, (json_t *)(uintptr_t)old,
				    (json_t *)(uintptr_t)new_);
	if (json_is_array(old) && json_is_array(new_))
		return diff_list(d, sub, old, new_);
	return emit(d, old, new_, secret || (sub && cr_tree_has_secrets(sub->desc)));
}

/* A whole entry that came or went. */
static struct cr_error *note_entry(struct diff *d, json_t *old, json_t *new_)
{
	struct cr_error *err = cr_tree_hide(d->at->tree, d->at->plan, NULL,
					    old ?: new_);
	return err ? err : emit(d, old, new_, false);
}

struct cr_error *cr_tree_note(struct cr_change *change,
			      const struct cr_rewrite_at *at, json_t *old,
			      json_t *new_)
{
	struct diff d = { .change = change, .at = at };
	struct cr_error *err = cr_out_init_mem(&d.path);
	if (!err)
		err = cr_out_init_mem(&d.old);
	if (!err)
		err = cr_out_init_mem(&d.new_);
	if (!err && old && new_)
		err = diff_value(&d, at->plan, old, new_, false);
	else if (!err)
		err = note_entry(&d, old, new_);
	cr_out_deinit(&d.path);
	cr_out_deinit(&d.old);
	cr_out_deinit(&d.new_);
	return err;
}
