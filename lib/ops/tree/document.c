// SPDX-License-Identifier: MIT
#include "lib/ops/tree/document.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

static struct cr_error *grow(void *list, size_t nr, size_t *cap, size_t size)
{
	void **all = list;
	if (nr < *cap)
		return NULL;
	size_t more = *cap ? 2 * *cap : 16;
	void *p = reallocarray(*all, more, size);
	if (!p)
		return cr_enomem;
	*all = p;
	*cap = more;
	return NULL;
}

/* Where every entry is. */
static struct cr_error *index_entries(struct cr_document *doc)
{
	for (bool end = false;;) {
		struct cr_error *err = cr_tree_image_next(
			&doc->image, doc->tree, false, &end);
		if (err || end)
			return err;
		err = grow(&doc->span, doc->nr_spans, &doc->cap_spans,
			   sizeof(doc->span[0]));
		if (err)
			return err;
		doc->span[doc->nr_spans++] = doc->image.span;
	}
}

static struct cr_error *make_root(struct cr_document *doc)
{
	json_t *entries = json_array();
	int failed = !entries;
	for (size_t i = 0; i < doc->nr_spans && !failed; i++)
		failed = json_array_append_new(entries, json_real((double)i));
	if (!failed)
		doc->root = json_pack("{s:s,s:o}", "magic",
				      doc->image.header.type->id, "entries",
				      entries);
	return doc->root ? NULL : cr_enomem;
}

struct cr_error *cr_document_open(struct cr_change *change,
				  struct cr_tree *tree, const char *name,
				  struct cr_document *ret)
{
	struct cr_document doc = { .change = change, .tree = tree };
	struct cr_error *err = cr_tree_image_open(cr_change_set(change), name,
						  &doc.image);
	if (err)
		return err;
	/* The source of an image that is open points to it. */
	*ret = doc;
	ret->image.src.read_arg = &ret->image;
	ret->name = strdup(name);
	err = ret->name ? index_entries(ret) : cr_enomem;
	if (err)
		err = cr_error_at(err, "%s", name);
	else
		err = make_root(ret);
	if (err)
		cr_document_close(ret);
	return err;
}

void cr_document_close(struct cr_document *doc)
{
	cr_tree_image_close(&doc->image);
	free(doc->name);
	free(doc->span);
	json_decref(doc->root);
	for (size_t i = 0; i < doc->nr_loaded; i++)
		json_decref(doc->loaded[i].tree);
	free(doc->loaded);
	*doc = (struct cr_document){ .change = NULL };
}

/* ---- entries ---- */

static struct cr_error *load(struct cr_document *doc, size_t from, bool payload,
			     json_t **ret)
{
	struct cr_error *err = cr_tree_image_go(&doc->image, doc->tree,
						&doc->span[from], from);
	struct cr_tree_entry e = cr_tree_image_entry(&doc->image);
	if (!err)
		err = cr_tree_load(doc->tree, &e, payload, ret);
	return err ? cr_error_at(err, "%s: entry %zu", doc->name, from) : NULL;
}

static struct cr_error *remember(struct cr_document *doc, json_t *tree,
				 size_t from)
{
	struct cr_error *err = grow(&doc->loaded, doc->nr_loaded,
				    &doc->cap_loaded, sizeof(doc->loaded[0]));
	if (!err)
		doc->loaded[doc->nr_loaded++] =
			(struct cr_loaded){ json_incref(tree), from };
	return err;
}

/* The payload as well, in place of what stands for it. */
static struct cr_error *load_payload(struct cr_document *doc, json_t *tree)
{
	static const char *const keys[] = { "extra", "@padding" };
	json_t *extra = json_object_get(tree, "extra"), *whole;
	if (!json_is_real(extra))
		return NULL;
	struct cr_error *err =
		load(doc, (size_t)json_real_value(extra), true, &whole);
	if (err)
		return err;
	json_object_del(tree, "extra");
	for (int i = 0; i < 2 && !err; i++) {
		json_t *v = json_object_get(whole, keys[i]);
		if (v && json_object_set(tree, keys[i], v))
			err = cr_enomem;
	}
	json_decref(whole);
	return err;
}

struct cr_error *cr_document_entry(struct cr_document *doc, size_t i,
				   bool payload, json_t **ret)
{
	json_t *entries = json_object_get(doc->root, "entries");
	json_t *v = json_array_get(entries, i);
	struct cr_error *err = NULL;
	if (json_is_real(v)) {
		size_t from = (size_t)json_real_value(v);
		err = load(doc, from, false, &v);
		if (!err)
			err = remember(doc, v, from);
		if (!err && json_array_set_new(entries, i, v))
			err = cr_enomem;
	}
	if (!err && payload)
		err = load_payload(doc, v);
	*ret = v;
	return err;
}

/* ---- saving ---- */

struct save {
	struct cr_document *doc;
	struct cr_out *out;    /* NULL: no difference so far */
	size_t next;	       /* of the old entries, while there is none */
	uint64_t start, end;   /* bytes of the image to be copied next */
	struct cr_out bytes;
	bool *used;	       /* old entries that have been put */
	bool *known;	       /* those that are still there, somewhere */
	size_t k;
};

static struct cr_error *flush_run(struct save *s)
{
	struct cr_error *err = cr_tree_image_copy(&s->doc->image, s->start,
						  s->end, s->out);
	s->start = s->end = 0;
	return err;
}

/* From here on the bytes differ. */
static struct cr_error *begin_output(struct save *s)
{
	struct cr_document *doc = s->doc;
	if (s->out)
		return NULL;
	struct cr_error *err =
		cr_change_create(doc->change, doc->name, &s->out);
	if (!err)
		err = cr_image_write_header(s->out, &doc->image.header);
	if (s->next) {
		s->start = doc->span[0].start;
		s->end = doc->span[s->next - 1].end;
	}
	return err;
}

static struct cr_error *put_old(struct save *s, size_t from)
{
	const struct cr_tree_span *span = &s->doc->span[from];
	s->used[from] = true;
	if (!s->out && from == s->next) {
		s->next++;
		return NULL;
	}
	struct cr_error *err = begin_output(s);
	if (!err && span->start != s->end)
		err = flush_run(s);
	if (s->start == s->end)
		s->start = span->start;
	s->end = span->end;
	return err;
}

static struct cr_error *put_bytes(struct save *s)
{
	struct cr_error *err = begin_output(s);
	if (!err)
		err = flush_run(s);
	if (!err)
		err = cr_out_put(s->out, s->bytes.buf,
				 cr_out_buffered(&s->bytes));
	return err ? err : cr_out_drain(s->out);
}

/* Where an entry was. */
static bool was_at(const struct cr_document *doc, const json_t *v, size_t *ret)
{
	if (json_is_real(v)) {
		*ret = (size_t)json_real_value(v);
		return true;
	}
	for (size_t i = 0; i < doc->nr_loaded; i++)
		if (doc->loaded[i].tree == v) {
			*ret = doc->loaded[i].i;
			return true;
		}
	return false;
}

/* The same; one that is new in the place of one that is gone counts as that
 * one. */
static bool origin(const struct save *s, const json_t *tree, size_t *ret)
{
	if (was_at(s->doc, tree, ret))
		return true;
	*ret = s->k;
	return s->k < s->doc->nr_spans && !s->known[s->k];
}

static void mark_known(struct save *s, const json_t *entries)
{
	for (size_t k = 0, i; k < json_array_size(entries); k++)
		if (was_at(s->doc, json_array_get(entries, k), &i))
			s->known[i] = true;
}

static struct cr_error *plan_at(struct save *s, struct cr_rewrite_at *at,
				size_t i)
{
	*at = (struct cr_rewrite_at){
		.image = s->doc->name,
		.type = s->doc->image.header.type,
		.i = i,
		.tree = s->doc->tree,
	};
	return cr_tree_plan(at->tree, at->type, i, &at->plan);
}

static struct cr_error *put_changed(struct save *s, const json_t *tree,
				    size_t from)
{
	struct cr_document *doc = s->doc;
	struct cr_rewrite_at at;
	bool aside, same = false;
	struct cr_error *err = cr_tree_image_go(&doc->image, doc->tree,
						&doc->span[from], from);
	if (!err)
		err = cr_tree_image_store(&doc->image, doc->tree, tree,
					  &s->bytes, &aside);
	if (!err)
		err = cr_tree_image_same(&doc->image, &s->bytes, aside, &same);
	if (err || same)
		return err ? err : put_old(s, from);
	s->used[from] = true;
	err = plan_at(s, &at, from);
	if (!err)
		err = cr_tree_image_note(&doc->image, doc->change, &at,
					 &s->bytes, aside);
	if (!err)
		err = put_bytes(s);
	if (!err && aside)
		err = cr_tree_image_copy(&doc->image, doc->span[from].payload,
					 doc->span[from].end, s->out);
	return err;
}

static struct cr_error *put_new(struct save *s, const json_t *tree)
{
	struct cr_rewrite_at at;
	struct cr_tree_aside aside;
	json_t *extra = json_object_get(tree, "extra");
	struct cr_error *err = plan_at(s, &at, s->k);
	if (!err)
		err = cr_out_cut(&s->bytes, 0);
	/* A copy of an entry has the other's payload. */
	if (!err && json_is_real(extra))
		err = load_payload(s->doc, (json_t *)(uintptr_t)tree);
	if (!err)
		err = cr_tree_store(at.tree, at.type, at.i, tree, &s->bytes,
				    &aside);
	if (!err)
		err = cr_tree_note_bytes(s->doc->change, &at, s->bytes.buf);
	return err ? err : put_bytes(s);
}

static struct cr_error *put_element(struct save *s, json_t *v)
{
	size_t from;
	struct cr_document *doc = s->doc;
	if (json_is_real(v)) {
		from = (size_t)json_real_value(v);
		/* The first entry may be of another kind. */
		if (doc->image.header.type->head && !from != !s->k)
			return cr_error_new(CR_ERR_FORMAT,
					    "entry %zu cannot stand here", from);
		return put_old(s, from);
	}
	return origin(s, v, &from) && !s->used[from] ? put_changed(s, v, from) :
						       put_new(s, v);
}

static struct cr_error *note_dropped(struct save *s)
{
	struct cr_document *doc = s->doc;
	for (size_t i = 0; i < doc->nr_spans; i++) {
		struct cr_rewrite_at at;
		if (s->used[i])
			continue;
		struct cr_error *err = plan_at(s, &at, i);
		if (!err)
			err = cr_tree_image_go(&doc->image, doc->tree,
					       &doc->span[i], i);
		if (!err)
			err = cr_tree_image_gone(&doc->image, doc->change, &at);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *check_root(struct cr_document *doc)
{
	const char *id = doc->image.header.type->id;
	const char *magic =
		json_string_value(json_object_get(doc->root, "magic"));
	if (!magic || strcmp(magic, id))
		return cr_error_new(CR_ERR_FORMAT,
				    "magic: must stay \"%s\"; put another image "
				    "in its place",
				    id);
	const char *form = json_string_value(
		json_object_get(doc->root, "@header"));
	if (form && strcmp(form, cr_image_form_names[doc->image.header.form]))
		return cr_error_new(CR_ERR_FORMAT,
				    "@header: must stay as it is");
	if (!json_is_array(json_object_get(doc->root, "entries")) ||
	    json_object_size(doc->root) != 2 + !!form)
		return cr_error_new(CR_ERR_FORMAT, "an image is \"magic\" and a "
						   "list of \"entries\"");
	return NULL;
}

static struct cr_error *save_elements(struct save *s)
{
	json_t *entries = json_object_get(s->doc->root, "entries");
	struct cr_error *err = check_root(s->doc);
	if (!err)
		mark_known(s, entries);
	for (s->k = 0; !err && s->k < json_array_size(entries); s->k++) {
		err = put_element(s, json_array_get(entries, s->k));
		if (err)
			return cr_error_at(err, "entry %zu", s->k);
	}
	if (!err)
		err = note_dropped(s);
	if (!err && s->next < s->doc->nr_spans)
		err = begin_output(s);
	if (!err && s->out)
		err = flush_run(s);
	if (!err && s->out)
		err = cr_change_finish(s->doc->change, cr_take_ptr(s->out));
	return err;
}

struct cr_error *cr_document_save(struct cr_document *doc)
{
	struct save s = { .doc = doc };
	s.used = calloc(2 * doc->nr_spans + 1, sizeof(s.used[0]));
	s.known = s.used + doc->nr_spans;
	struct cr_error *err = s.used ? cr_out_init_mem(&s.bytes) : cr_enomem;
	if (!err)
		err = save_elements(&s);
	if (s.out)
		cr_change_abandon(doc->change, s.out);
	cr_out_deinit(&s.bytes);
	free(s.used);
	return err ? cr_error_at(err, "%s", doc->name) : NULL;
}

/* ---- another tree ---- */

/* Whether a new tree comes to the bytes of an old entry, whose number then
 * stands in its place. */
static struct cr_error *try_same(struct cr_document *doc, struct cr_out *bytes,
				 json_t *entries, size_t k, size_t from,
				 bool *ret)
{
	bool aside;
	const struct cr_image_type *type = doc->image.header.type;
	*ret = !type->head || !from == !k;
	if (!*ret)
		return NULL;
	struct cr_error *err = cr_tree_image_go(&doc->image, doc->tree,
						&doc->span[from], from);
	if (!err)
		err = cr_tree_image_store(&doc->image, doc->tree,
					  json_array_get(entries, k), bytes,
					  &aside);
	if (err)
		return cr_error_at(err, "%s: entry %zu", doc->name, k);
	err = cr_tree_image_same(&doc->image, bytes, aside, ret);
	if (!err && *ret &&
	    json_array_set_new(entries, k, json_real((double)from)))
		err = cr_enomem;
	return err;
}

struct cr_error *cr_document_adopt(struct cr_document *doc, json_t *root)
{
	json_decref(doc->root);
	doc->root = root;
	struct cr_out bytes = { 0 };
	struct cr_error *err = check_root(doc);
	if (err)
		return cr_error_at(err, "%s", doc->name);
	json_t *entries = json_object_get(root, "entries");
	size_t nr = json_array_size(entries), old = doc->nr_spans, i = 0;
	bool same = true;
	err = cr_out_init_mem(&bytes);
	while (!err && i < nr && i < old && same) {
		err = try_same(doc, &bytes, entries, i, i, &same);
		i += same;
	}
	for (same = true; !err && nr > i && old > i && same; nr--, old--)
		err = try_same(doc, &bytes, entries, nr - 1, old - 1, &same);
	cr_out_deinit(&bytes);
	return err;
}
