// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/ops/tree/frame.h"

struct cr_rewriting {
	struct cr_tree_image image;
	struct cr_change *change; /* NULL: only looking */
	struct cr_out *out;	  /* NULL: nothing has changed so far */
	uint64_t copied;	  /* of the image, into out */
	struct cr_out bytes;
	bool own_tree;
	struct cr_tree tree;
};

/* Everything up to `off` is as it was, or written. */
static struct cr_error *copy_up_to(struct cr_rewriting *r,
				   const struct cr_rewrite_at *at, uint64_t off)
{
	struct cr_error *err = NULL;
	if (!r->out)
		err = cr_change_create(r->change, at->image, &r->out);
	if (!err)
		err = cr_tree_image_copy(&r->image, r->copied, off, r->out);
	r->copied = off;
	return err;
}

static struct cr_error *put_bytes(struct cr_rewriting *r)
{
	struct cr_error *err = cr_out_put(r->out, r->bytes.buf,
					  cr_out_buffered(&r->bytes));
	return err ? err : cr_out_drain(r->out);
}

static struct cr_error *change_entry(struct cr_rewriting *r,
				     const struct cr_rewrite_at *at,
				     const json_t *tree)
{
	bool aside, same = false;
	struct cr_tree_image *m = &r->image;
	struct cr_error *err =
		cr_tree_image_store(m, at->tree, tree, &r->bytes, &aside);
	if (!err)
		err = cr_tree_image_same(m, &r->bytes, aside, &same);
	if (err || same)
		return err;
	err = cr_tree_image_note(m, r->change, at, &r->bytes, aside);
	if (!err)
		err = copy_up_to(r, at, m->span.start);
	if (!err)
		err = put_bytes(r);
	r->copied = aside ? m->span.payload : m->span.end;
	return err;
}

static struct cr_error *drop_entry(struct cr_rewriting *r,
				   const struct cr_rewrite_at *at)
{
	struct cr_error *err = cr_tree_image_gone(&r->image, r->change, at);
	if (!err)
		err = copy_up_to(r, at, r->image.span.start);
	r->copied = r->image.span.end;
	return err;
}

/* A new entry's bytes to `out`, and its note. */
static struct cr_error *add_entry(struct cr_change *change,
				  const struct cr_rewrite_at *at,
				  const json_t *tree, struct cr_out *bytes)
{
	struct cr_tree_aside aside;
	struct cr_error *err = cr_out_cut(bytes, 0);
	if (!err)
		err = cr_tree_store(at->tree, at->type, at->i, tree, bytes,
				    &aside);
	if (!err && aside.is)
		err = cr_error_new(CR_ERR_FORMAT,
				   "extra: belongs to another entry");
	return err ? err : cr_tree_note_bytes(change, at, bytes->buf);
}

struct cr_error *cr_rewrite_insert(const struct cr_rewrite_at *at,
				   const json_t *entry)
{
	struct cr_rewriting *r = at->state;
	struct cr_error *err = add_entry(r->change, at, entry, &r->bytes);
	if (!err)
		err = copy_up_to(r, at, r->image.span.start);
	return err ? err : put_bytes(r);
}

/* ---- going through ---- */

static struct cr_error *look_at_entry(struct cr_rewriting *r,
				      const struct cr_rewrite_at *at,
				      const struct cr_rewrite_opts *o,
				      cr_rewrite_fn *fn, void *arg)
{
	enum cr_rewrite what = CR_REWRITE_KEEP;
	struct cr_tree_entry e = cr_tree_image_entry(&r->image);
	json_t *tree;
	if (o->want && !o->want(arg, at, e.msg, e.size))
		return NULL;
	struct cr_error *err = cr_tree_load(at->tree, &e, o->payload, &tree);
	if (err)
		return err;
	err = fn(arg, at, tree, &what);
	if (!err && what == CR_REWRITE_CHANGED)
		err = change_entry(r, at, tree);
	if (!err && what == CR_REWRITE_DROP)
		err = drop_entry(r, at);
	json_decref(tree);
	return err;
}

static struct cr_error *at_entry(struct cr_error *err, uint64_t i)
{
	return err ? cr_error_at(err, "entry %llu", (unsigned long long)i) :
		     NULL;
}

/* *end_ret: the whole image has been gone through. */
static struct cr_error *go_through(struct cr_rewriting *r,
				   struct cr_rewrite_at *at,
				   const struct cr_rewrite_opts *o,
				   cr_rewrite_fn *fn, void *arg)
{
	bool all = o->append || !o->end;
	bool end = false;
	/* The rest of an image that changes is passed, to see that it is whole. */
	for (uint64_t i = 0; all || r->out || i < o->end; i++) {
		bool wanted = fn && i >= o->first && (!o->end || i < o->end);
		struct cr_error *err = cr_tree_image_next(
			&r->image, at->tree, wanted, &end);
		if (err || end)
			return err;
		at->i = i;
		if (wanted)
			err = cr_tree_plan(at->tree, at->type, i, &at->plan);
		if (!err && wanted)
			err = look_at_entry(r, at, o, fn, arg);
		if (err)
			return at_entry(err, i);
	}
	return NULL;
}

static struct cr_error *append(struct cr_rewriting *r, struct cr_rewrite_at *at,
			       const json_t *entries)
{
	struct cr_error *err = NULL;
	if (json_array_size(entries) && r->image.ended)
		return cr_error_new(CR_ERR_FORMAT,
				    "the last entry holds the rest of the file, "
				    "so none can follow");
	for (size_t i = 0; i < json_array_size(entries) && !err; i++) {
		at->i = r->image.i + i;
		err = cr_tree_plan(at->tree, at->type, at->i, &at->plan);
		if (!err)
			err = add_entry(r->change, at,
					json_array_get(entries, i), &r->bytes);
		if (!err)
			err = copy_up_to(r, at, r->image.file.size);
		if (!err)
			err = put_bytes(r);
		err = at_entry(err, at->i);
	}
	return err;
}

static struct cr_error *finish(struct cr_rewriting *r,
			       const struct cr_rewrite_at *at)
{
	if (!r->out)
		return NULL;
	struct cr_error *err = copy_up_to(r, at, r->image.file.size);
	if (err)
		return err;
	struct cr_out *out = r->out;
	r->out = NULL;
	return cr_change_finish(r->change, out);
}

static struct cr_error *run(struct cr_rewriting *r, struct cr_set *set,
			    const char *image, const struct cr_rewrite_opts *o,
			    cr_rewrite_fn *fn, void *arg)
{
	struct cr_rewrite_at at = {
		.image = image,
		.tree = o->tree ?: &r->tree,
		.state = r,
	};
	struct cr_error *err = cr_tree_image_open(set, image, &r->image);
	if (err)
		return err;
	at.type = r->image.header.type;
	if (!o->tree)
		err = cr_tree_init(&r->tree);
	if (!err)
		err = cr_out_init_mem(&r->bytes);
	if (!err)
		err = go_through(r, &at, o, fn, arg);
	if (!err && o->append)
		err = append(r, &at, o->append);
	if (!err)
		err = finish(r, &at);
	if (r->out)
		cr_change_abandon(r->change, r->out);
	cr_tree_image_close(&r->image);
	cr_out_deinit(&r->bytes);
	if (!o->tree)
		cr_tree_deinit(&r->tree);
	return err ? cr_error_at(err, "%s", image) : NULL;
}

struct cr_error *cr_rewrite(struct cr_change *change, const char *image,
			    const struct cr_rewrite_opts *opts,
			    cr_rewrite_fn *fn, void *arg)
{
	static const struct cr_rewrite_opts all;
	struct cr_rewriting r = { .change = change };
	return run(&r, cr_change_set(change), image, opts ?: &all, fn, arg);
}

struct cr_error *cr_rewrite_look(struct cr_set *set, const char *image,
				 const struct cr_rewrite_opts *opts,
				 cr_rewrite_fn *fn, void *arg)
{
	static const struct cr_rewrite_opts all;
	struct cr_rewriting r = { .change = NULL };
	return run(&r, set, image, opts ?: &all, fn, arg);
}

struct cr_error *cr_tree_append(struct cr_change *change, const char *image,
				json_t *entry)
{
	json_t *list = json_pack("[O]", entry);
	struct cr_rewrite_opts opts = { .append = list };
	if (!list)
		return cr_enomem;
	struct cr_error *err = cr_rewrite(change, image, &opts, NULL, NULL);
	json_decref(list);
	return err;
}

struct cr_error *cr_tree_count(struct cr_set *set, const char *image,
			       uint64_t *nr_ret)
{
	struct cr_tree_image m;
	struct cr_tree t;
	bool end = false;
	struct cr_error *err = cr_tree_image_open(set, image, &m);
	if (err)
		return err;
	err = cr_tree_init(&t);
	while (!err && !end)
		err = cr_tree_image_next(&m, &t, false, &end);
	*nr_ret = m.i;
	cr_tree_image_close(&m);
	cr_tree_deinit(&t);
	return err ? cr_error_at(err, "%s", image) : NULL;
}

/* ---- new images ---- */

static struct cr_error *write_entries(struct cr_rewriting *r,
				      struct cr_rewrite_at *at,
				      const json_t *entries)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; i < json_array_size(entries) && !err; i++) {
		at->i = i;
		err = cr_tree_plan(at->tree, at->type, i, &at->plan);
		if (!err)
			err = add_entry(r->change, at,
					json_array_get(entries, i), &r->bytes);
		if (!err)
			err = put_bytes(r);
		err = at_entry(err, i);
	}
	return err;
}

struct cr_error *cr_tree_create(struct cr_change *change, const char *image,
				const struct cr_image_type *type,
				const json_t *entries)
{
	struct cr_rewriting r = { .change = change };
	struct cr_image_header header = { type, type->form };
	struct cr_rewrite_at at = { .image = image,
				    .type = type,
				    .tree = &r.tree,
				    .state = &r };
	struct cr_error *err = cr_tree_init(&r.tree);
	if (!err)
		err = cr_out_init_mem(&r.bytes);
	if (!err)
		err = cr_change_create(change, image, &r.out);
	if (!err)
		err = cr_image_write_header(r.out, &header);
	if (!err)
		err = write_entries(&r, &at, entries);
	if (!err)
		err = cr_change_finish(change, cr_take_ptr(r.out));
	if (r.out)
		cr_change_abandon(change, r.out);
	cr_out_deinit(&r.bytes);
	cr_tree_deinit(&r.tree);
	return err ? cr_error_at(err, "%s", image) : NULL;
}
