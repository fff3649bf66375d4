// SPDX-License-Identifier: MIT
#include "lib/ops/edit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/nearest.h"

/* ---- edits from text ---- */

/* The equals sign behind the path: one outside of brackets. */
static const char *find_equals(const char *text)
{
	unsigned depth = 0;
	bool quoted = false;
	for (const char *p = text; *p; p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"' && depth)
			quoted = !quoted;
		else if (*p == '[' && !quoted)
			depth++;
		else if (*p == ']' && !quoted && depth)
			depth--;
		else if (*p == '=' && !depth)
			return p;
	}
	return NULL;
}

struct cr_error *cr_edit_parse(enum cr_edit_op op, const char *text,
			       struct cr_edit *ret)
{
	const char *equals = op == CR_EDIT_UNSET ? NULL : find_equals(text);
	size_t size = equals ? (size_t)(equals - text) : strlen(text);
	*ret = (struct cr_edit){ .op = op };
	if (op != CR_EDIT_UNSET && !equals)
		return cr_error_new(CR_ERR_USAGE, "'%s': need PATH=VALUE",
				    text);
	ret->value = equals ? equals + 1 : NULL;
	return cr_path_parse(text, size, &ret->path);
}

/* ---- an edit being done ---- */

/* A place to be emptied when all edits of an entry have been done. */
struct spot {
	json_t *in; /* a reference */
	char *key;
	size_t index;
};

struct edits;

struct doing {
	struct edits *all;
	struct cr_edit *edit; /* NULL: get */
	struct cr_path *path;
	struct cr_path_walk walk;
	const char *image;
	bool matched; /* an image */
	uint64_t first, end;
	cr_edit_get_fn *get;
	void *get_arg;
};

struct edits {
	const struct cr_edit_opts *opts;
	struct cr_set *set;
	struct cr_change *change; /* NULL: get */
	struct doing *doing;
	size_t nr;
	struct cr_tree tree;
	const char *image;
	json_t *append; /* entries, of the image */
	bool drop;	/* the entry */
	struct spot *spot;
	size_t nr_spots, cap_spots;
	bool unfiltered;
};

/* ---- set ---- */

/* What is wrong with key material says nothing of it. */
static struct cr_error *hide_value(const struct cr_place *place,
				   struct cr_error *err)
{
	const struct cr_field *f = place->field;
	bool secret = f && cr_tree_is_secret(place->plan, f);
	if (f && f->kind == CR_FIELD_MESSAGE)
		secret = cr_tree_has_secrets(f->desc->descriptor);
	if (cr_error_code(err) != CR_ERR_FORMAT || !secret)
		return err;
	cr_error_free(err);
	return cr_error_new(CR_ERR_FORMAT, "the value does not fit");
}

static struct cr_error *value_for(struct cr_tree *t,
				  const struct cr_place *place, bool element,
				  const char *text, json_t **ret)
{
	const struct cr_field *f = place->field;
	json_t *raw;
	struct cr_error *err =
		cr_tree_from_text(f, element, text, strlen(text), &raw);
	if (!err && f) {
		err = cr_tree_value(t, place->plan, f, element, raw, ret);
		json_decref(raw);
	} else if (!err) {
		*ret = raw;
	}
	if (err)
		err = hide_value(place, err);
	return err && *place->field_path ?
		       cr_error_at(err, "%s", place->field_path) :
		       err;
}

/* A whole entry; a payload stays where none is given. */
static struct cr_error *set_entry(struct cr_place *place, json_t *v)
{
	json_t *extra = json_incref(json_object_get(place->value, "extra"));
	struct cr_error *err = NULL;
	if (!json_is_object(v))
		err = cr_error_new(CR_ERR_FORMAT, "an entry is a JSON object");
	else if (json_object_clear(place->value) ||
		 json_object_update(place->value, v))
		err = cr_enomem;
	if (!err && extra && !json_object_get(v, "extra") &&
	    json_object_set(place->value, "extra", extra))
		err = cr_enomem;
	json_decref(extra);
	return err;
}

static struct cr_error *set_place(void *arg, struct cr_place *place)
{
	struct doing *d = arg;
	json_t *v;
	int failed = 0;
	struct cr_error *err = value_for(d->walk.t, place, place->element,
					 d->edit->value, &v);
	if (err)
		return err;
	if (!place->in)
		err = set_entry(place, v);
	else if (place->key)
		failed = json_object_set(place->in, place->key, v);
	else
		failed = json_array_set(place->in, place->index, v);
	json_decref(v);
	return failed ? cr_enomem : err;
}

/* ---- unset ---- */

static struct cr_error *unset_place(void *arg, struct cr_place *place)
{
	struct edits *e = ((struct doing *)arg)->all;
	if (!place->in) {
		e->drop = true;
		return NULL;
	}
	if (e->nr_spots == e->cap_spots) {
		size_t cap = e->cap_spots ? 2 * e->cap_spots : 16;
		void *more = realloc(e->spot, cap * sizeof(e->spot[0]));
		if (!more)
			return cr_enomem;
		e->spot = more;
		e->cap_spots = cap;
	}
	char *key = place->key ? strdup(place->key) : NULL;
	if (place->key && !key)
		return cr_enomem;
	e->spot[e->nr_spots++] = (struct spot){ json_incref(place->in), key,
						place->index };
	return NULL;
}

/* By list, and within it the last element first. */
static int by_index(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	if (x->in != y->in)
		return x->in < y->in ? -1 : 1;
	return x->index < y->index ? 1 : x->index > y->index ? -1 : 0;
}

/* From the last to the first, so that indexes stay true. */
static void empty_spots(struct edits *e)
{
	if (e->nr_spots)
		qsort(e->spot, e->nr_spots, sizeof(e->spot[0]), by_index);
	for (size_t i = 0; i < e->nr_spots; i++) {
		struct spot *s = &e->spot[i];
		bool again = i && s->in == s[-1].in && s->index == s[-1].index;
		if (s->key)
			json_object_del(s->in, s->key);
		else if (!again)
			json_array_remove(s->in, s->index);
	}
	/* Not before, for they are told apart by where they are. */
	for (size_t i = 0; i < e->nr_spots; i++) {
		json_decref(e->spot[i].in);
		free(e->spot[i].key);
	}
	e->nr_spots = 0;
}

/* ---- append ---- */

static struct cr_error *append_place(void *arg, struct cr_place *place)
{
	struct doing *d = arg;
	const struct cr_field *f = place->field;
	bool list = f ? f->repeated && !place->element :
			json_is_array(place->value);
	json_t *v;
	if (!list)
		return cr_error_new(CR_ERR_FORMAT, "%s%sno list",
				    place->field_path,
				    *place->field_path ? ": " : "");
	struct cr_error *err =
		value_for(d->walk.t, place, true, d->edit->value, &v);
	if (err)
		return err;
	if (!place->value) {
		place->value = json_array();
		if (json_object_set_new(place->in, place->key, place->value))
			err = cr_enomem;
	}
	if (!err && json_array_append(place->value, v))
		err = cr_enomem;
	json_decref(v);
	return err;
}

static struct cr_error *append_entry(struct edits *e, struct doing *d)
{
	json_t *v;
	const char *text = d->edit->value;
	struct cr_error *err = cr_tree_parse(text, strlen(text), &v);
	if (err)
		return cr_error_at(err, "%s: need JSON for an entry", e->image);
	d->walk.nr++;
	e->append = e->append ?: json_array();
	return json_array_append_new(e->append, v) ? cr_enomem : NULL;
}

/* ---- get ---- */

static struct cr_error *get_place(void *arg, struct cr_place *place)
{
	struct doing *d = arg;
	return d->get(d->get_arg, d->image, d->walk.t, place);
}

/* ---- entries ---- */

static cr_place_fn *const fns[] = {
	[CR_EDIT_SET] = set_place,
	[CR_EDIT_UNSET] = unset_place,
	[CR_EDIT_APPEND] = append_place,
};

static bool is_meant(const struct edits *e, const struct doing *d, uint64_t i)
{
	return d->image == e->image && i >= d->first && i < d->end;
}

/* An entry is read if it has the fields that one of the edits needs. */
static bool want(void *arg, const struct cr_rewrite_at *at, const void *msg,
		 size_t size)
{
	struct edits *e = arg;
	uint64_t has = cr_tree_fields(at->plan, msg, size);
	for (size_t i = 0; i < e->nr; i++) {
		struct doing *d = &e->doing[i];
		if (!is_meant(e, d, at->i))
			continue;
		uint64_t needs = cr_path_needs(d->path, at->plan,
					       d->walk.absent);
		if ((has & needs) == needs || e->unfiltered)
			return true;
	}
	return false;
}

static struct cr_error *edit_entry(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	struct edits *e = arg;
	for (size_t i = 0; i < e->nr; i++) {
		struct doing *d = &e->doing[i];
		if (!is_meant(e, d, at->i))
			continue;
		struct cr_error *err =
			cr_path_walk_entry(&d->walk, at->type, at->i, entry);
		if (err)
			return err;
	}
	empty_spots(e);
	if (e->change)
		*ret = e->drop ? CR_REWRITE_DROP : CR_REWRITE_CHANGED;
	e->drop = false;
	return NULL;
}

/* ---- one image ---- */

static bool means_entries(const struct doing *d)
{
	return d->path->at.nr == 1;
}

/* Which entries a path means, and the range of all of them. */
static struct cr_error *find_range(struct edits *e, struct doing *d,
				   struct cr_rewrite_opts *o)
{
	bool count;
	if (!cr_path_range(d->path, UINT64_MAX, &d->first, &d->end, &count))
		d->end = 0;
	if (count) {
		uint64_t nr;
		struct cr_error *err = cr_tree_count(e->set, e->image, &nr);
		if (err)
			return err;
		if (!cr_path_range(d->path, nr, &d->first, &d->end, &count))
			d->first = d->end = 0;
	}
	if (d->first < o->first)
		o->first = d->first;
	if (d->end > o->end)
		o->end = d->end;
	return NULL;
}

static struct cr_error *begin_image(struct edits *e, struct cr_rewrite_opts *o)
{
	*o = (struct cr_rewrite_opts){
		.first = UINT64_MAX,
		.want = want,
		.tree = &e->tree,
	};
	for (size_t i = 0; i < e->nr; i++) {
		struct doing *d = &e->doing[i];
		struct cr_error *err = NULL;
		d->image = NULL;
		if (!cr_path_takes(d->path, e->image))
			continue;
		d->matched = true;
		if (d->edit && d->edit->op == CR_EDIT_APPEND &&
		    means_entries(d)) {
			err = append_entry(e, d);
		} else {
			d->image = e->image;
			cr_path_walk_image(&d->walk, e->image);
			/* What is got may be a whole entry. */
			o->payload |= d->path->payload || !e->change;
			err = find_range(e, d, o);
		}
		if (err)
			return err;
	}
	o->append = e->append;
	/* Zero would mean all. */
	if (o->first >= o->end)
		o->first = o->end = 1;
	return NULL;
}

static struct cr_error *edit_image(struct edits *e)
{
	struct cr_rewrite_opts o;
	struct cr_error *err = begin_image(e, &o);
	bool idle = o.first >= o.end && !o.append;
	if (!err && !idle)
		err = e->change ? cr_rewrite(e->change, e->image, &o,
					     edit_entry, e) :
				  cr_rewrite_look(e->set, e->image, &o,
						  edit_entry, e);
	json_decref(cr_take_ptr(e->append));
	return err;
}

/* ---- all images ---- */

static struct cr_error *no_image(struct edits *e, const struct doing *d,
				 const struct cr_store_names *all)
{
	const char *name = d->path->image;
	struct cr_nearest near = { name };
	for (size_t i = 0; i < all->nr; i++)
		cr_nearest_try(&near, all->name[i]);
	if (d->path->glob)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "no image has a name like '%s'", name);
	return cr_error_new(CR_ERR_NOT_FOUND, "%s: no such image%s%s%s", name,
			    near.best ? " (did you mean " : "",
			    near.best ?: "", near.best ? "?)" : "");
}

static bool any_takes(const struct edits *e, const char *name)
{
	for (size_t i = 0; i < e->nr; i++) {
		const struct cr_path *path = e->doing[i].path;
		if (!cr_path_takes(path, name))
			continue;
		/* A pattern means images only. */
		if (!path->glob || cr_image_type_by_file(name))
			return true;
	}
	return false;
}

static struct cr_error *edit_images(struct edits *e, struct cr_store_names *all)
{
	struct cr_error *err = cr_store_list(e->set->store, all);
	for (size_t i = 0; i < all->nr && !err; i++) {
		e->image = all->name[i];
		if (any_takes(e, e->image))
			err = edit_image(e);
	}
	return err;
}

/* An index beyond the last entry. */
static struct cr_error *no_entry(struct edits *e, const struct doing *d)
{
	uint64_t nr;
	struct cr_error *err = cr_tree_count(e->set, d->path->image, &nr);
	return err ? err :
		     cr_error_new(CR_ERR_NOT_FOUND,
				  "%s: entries: has %llu element%s",
				  d->path->image, (unsigned long long)nr,
				  nr == 1 ? "" : "s");
}

/* The path led nowhere: where did it end? Entries that were passed over are
 * looked at for that. */
static struct cr_error *explain_miss(struct edits *e, struct doing *d,
				     struct cr_store_names *all)
{
	struct edits again = {
		.opts = e->opts,
		.set = e->set,
		.doing = d,
		.nr = 1,
		.unfiltered = true,
	};
	struct cr_error *err = NULL;
	if (!d->matched)
		return no_image(e, d, all);
	d->walk.fn = NULL;
	d->walk.absent = false;
	d->edit = NULL;
	if (!d->walk.miss) {
		err = cr_tree_init(&again.tree);
		for (size_t i = 0; i < all->nr && !err; i++) {
			again.image = all->name[i];
			if (any_takes(&again, again.image))
				err = edit_image(&again);
		}
		cr_tree_deinit(&again.tree);
	}
	if (err)
		return err;
	if (d->walk.miss)
		return cr_take_ptr(d->walk.miss);
	if (!d->path->glob)
		return no_entry(e, d);
	return cr_error_new(CR_ERR_NOT_FOUND, "%s: nothing there fits the path",
			    d->path->image);
}

static struct cr_error *check_found(struct edits *e, struct cr_store_names *all)
{
	for (size_t i = 0; i < e->nr; i++) {
		struct doing *d = &e->doing[i];
		if (e->change && d->walk.ambiguous)
			return cr_take_ptr(d->walk.ambiguous);
		if (!d->walk.nr && !e->opts->if_exists)
			return explain_miss(e, d, all);
	}
	return NULL;
}

/* Which image: what the path says, or what the caller has opened. */
static struct cr_error *name_image(const struct edits *e, struct cr_path *path)
{
	const char *only = e->opts->image;
	if (!path->image && !only)
		return cr_error_new(CR_ERR_USAGE,
				    "the path does not say of which image: "
				    "IMAGE:entries...");
	if (!path->image) {
		path->image = strdup(only);
		return path->image ? NULL : cr_enomem;
	}
	if (only && strcmp(path->image, only))
		return cr_error_new(CR_ERR_USAGE, "the path is about %s, but "
						  "the target is %s",
				    path->image, only);
	return NULL;
}

static struct cr_error *begin(struct edits *e, struct doing *d)
{
	struct cr_error *err = name_image(e, d->path);
	if (!err)
		err = cr_path_walk_init(&d->walk, &e->tree, d->path);
	if (err)
		return err;
	d->all = e;
	d->walk.arg = d;
	d->walk.fn = d->edit ? fns[d->edit->op] : get_place;
	d->walk.absent = d->edit && d->edit->op != CR_EDIT_UNSET;
	d->walk.lax = d->path->glob;
	if (means_entries(d) && !(d->edit && d->edit->op == CR_EDIT_APPEND) &&
	    e->change)
		err = cr_error_new(CR_ERR_USAGE, "say which entries: "
						 "entries[0], or entries[*] "
						 "for all");
	return err;
}

static struct cr_error *run(struct edits *e)
{
	struct cr_store_names all = { .name = NULL };
	struct cr_error *err = cr_tree_init(&e->tree);
	for (size_t i = 0; i < e->nr && !err; i++)
		err = begin(e, &e->doing[i]);
	if (!err)
		err = edit_images(e, &all);
	if (!err)
		err = check_found(e, &all);
	for (size_t i = 0; i < e->nr; i++)
		cr_path_walk_deinit(&e->doing[i].walk);
	empty_spots(e);
	free(e->spot);
	cr_store_names_free(&all);
	cr_tree_deinit(&e->tree);
	return err;
}

struct cr_error *cr_edit_run(struct cr_change *change,
			     const struct cr_edit_opts *opts,
			     struct cr_edit *edits, size_t nr)
{
	cr_auto_free struct doing *doing = calloc(nr, sizeof(doing[0]));
	struct edits e = {
		.opts = opts,
		.set = cr_change_set(change),
		.change = change,
		.doing = doing,
		.nr = nr,
	};
	if (!doing)
		return cr_enomem;
	for (size_t i = 0; i < nr; i++) {
		doing[i].edit = &edits[i];
		doing[i].path = &edits[i].path;
	}
	return run(&e);
}

struct cr_error *cr_edit_get(struct cr_set *set, const struct cr_edit_opts *opts,
			     struct cr_path *path, cr_edit_get_fn *fn, void *arg)
{
	struct doing doing = { .path = path, .get = fn, .get_arg = arg };
	struct edits e = { .opts = opts, .set = set, .doing = &doing, .nr = 1 };
	return run(&e);
}
