// SPDX-License-Identifier: MIT
#include <string.h>

#include "crit/edit/edit.h"
#include "crit/stream.h"
#include "lib/base/cleanup.h"
#include "lib/ops/edit.h"

#define REDACTED "(secret)"

/* What was found, on its way out. */
struct get {
	const struct cr_edit_call *call;
	bool json, secrets;
	struct cr_writer w;
	struct cr_out out;
	uint64_t nr;
	/* The first value waits, for alone it has no path. */
	struct cr_out first, path;
};

static struct cr_error *put_path(struct get *g, const char *image,
				 const char *path, struct cr_out *out)
{
	struct cr_error *err = NULL;
	if (!g->call->image) {
		err = cr_out_put(out, image, strlen(image));
		if (!err)
			err = cr_out_put(out, ":", 1);
	}
	return err ? err : cr_out_put(out, path, strlen(path));
}

static bool is_hidden(const struct get *g, const struct cr_place *place)
{
	return !g->secrets && place->field &&
	       cr_tree_is_secret(place->plan, place->field);
}

/* The value without what is not shown; a whole entry has no field. */
static struct cr_error *visible(struct get *g, struct cr_tree *t,
				const struct cr_place *place, json_t **ret)
{
	const struct cr_plan *plan = place->field ? place->plan : place->sub;
	*ret = json_incref(place->value);
	if (g->secrets || !plan || !cr_tree_has_secrets(plan->desc))
		return NULL;
	json_decref(*ret);
	*ret = json_deep_copy(place->value);
	return *ret ? cr_tree_hide(t, plan, place->field, *ret) : cr_enomem;
}

static struct cr_error *put_text(struct get *g, struct cr_tree *t,
				 const struct cr_place *place,
				 struct cr_out *out)
{
	if (is_hidden(g, place))
		return cr_out_put(out, REDACTED, strlen(REDACTED));
	bool message = !place->field ||
		       place->field->kind == CR_FIELD_MESSAGE;
	if (!message)
		return cr_tree_to_text(t, place->plan, place->field,
				       place->element, place->value, out);
	/* With null for what is hidden it is nothing to be encoded. */
	struct cr_writer w = { .out = out };
	json_t *v = NULL;
	struct cr_error *err = visible(g, t, place, &v);
	if (!err && place->field && json_equal(v, place->value))
		err = cr_tree_to_text(t, place->plan, place->field,
				      place->element, v, out);
	else if (!err)
		err = cr_tree_write_as(&w, t, place->field ? place->plan :
							     place->sub,
				       place->field, v);
	json_decref(v);
	return err;
}

static struct cr_error *put_line(struct get *g, const char *image,
				 struct cr_tree *t,
				 const struct cr_place *place)
{
	struct cr_error *err = NULL;
	if (!g->nr++) {
		err = put_path(g, image, place->path, &g->path);
		return err ? err : put_text(g, t, place, &g->first);
	}
	if (g->nr == 2) {
		err = cr_out_put(&g->out, g->path.buf,
				 cr_out_buffered(&g->path));
		if (!err)
			err = cr_out_put(&g->out, "=", 1);
		if (!err)
			err = cr_out_put(&g->out, g->first.buf,
					 cr_out_buffered(&g->first));
		if (!err)
			err = cr_out_put(&g->out, "\n", 1);
	}
	if (!err)
		err = put_path(g, image, place->path, &g->out);
	if (!err)
		err = cr_out_put(&g->out, "=", 1);
	if (!err)
		err = put_text(g, t, place, &g->out);
	if (!err)
		err = cr_out_put(&g->out, "\n", 1);
	return err ? err : cr_out_drain(&g->out);
}

static struct cr_error *put_json(struct get *g, const char *image,
				 struct cr_tree *t,
				 const struct cr_place *place)
{
	json_t *v = NULL;
	struct cr_error *err = cr_out_cut(&g->path, 0);
	if (!err)
		err = put_path(g, image, place->path, &g->path);
	if (!err)
		err = cr_writer_item(&g->w);
	if (!err)
		err = cr_writer_open(&g->w, '{');
	if (!err)
		err = cr_writer_key(&g->w, "path");
	if (!err)
		err = cr_writer_string(&g->w, g->path.buf,
				       cr_out_buffered(&g->path));
	if (!err)
		err = cr_writer_key(&g->w, "value");
	if (!err && is_hidden(g, place))
		err = cr_writer_raw(&g->w, "null");
	else if (!err)
		err = visible(g, t, place, &v);
	if (!err && v)
		err = cr_tree_write_as(&g->w, t,
				       place->field ? place->plan : place->sub,
				       place->field, v);
	json_decref(v);
	g->nr++;
	if (!err)
		err = cr_writer_close(&g->w, '}');
	return err ? err : cr_out_drain(&g->out);
}

static struct cr_error *found(void *arg, const char *image, struct cr_tree *t,
			      const struct cr_place *place)
{
	struct get *g = arg;
	return g->json ? put_json(g, image, t, place) :
			 put_line(g, image, t, place);
}

static struct cr_error *get_path(struct get *g, const char *text)
{
	struct cr_edit_opts opts = { g->call->image, g->call->o->if_exists };
	struct cr_path path;
	struct cr_error *err = cr_path_parse(text, strlen(text), &path);
	if (err)
		return err;
	err = cr_edit_get(g->call->set, &opts, &path, found, g);
	cr_path_free(&path);
	return err;
}

static struct cr_error *finish(struct get *g)
{
	struct cr_error *err = NULL;
	if (g->json)
		err = cr_writer_close(&g->w, ']');
	else if (g->nr == 1)
		err = cr_out_put(&g->out, g->first.buf,
				 cr_out_buffered(&g->first));
	if (!err && (g->json || g->nr == 1))
		err = cr_out_put(&g->out, "\n", 1);
	return err ? err : cr_out_flush(&g->out);
}

struct cr_error *cr_edit_act_get(struct cr_edit_call *call)
{
	const struct cr_edit_options *o = call->o;
	struct get g = {
		.call = call,
		.json = o->change.json,
		.secrets = o->change.secrets,
	};
	struct cr_error *err = cr_stream_begin(&g.out, call->out);
	if (!err)
		err = cr_out_init_mem(&g.first);
	if (!err)
		err = cr_out_init_mem(&g.path);
	g.w = (struct cr_writer){ .out = &g.out };
	if (!err && g.json)
		err = cr_writer_open(&g.w, '[');
	for (size_t i = 0; i < o->args.nr && !err; i++)
		err = get_path(&g, o->args.word[i]);
	if (!err)
		err = finish(&g);
	cr_out_deinit(&g.out);
	cr_out_deinit(&g.first);
	cr_out_deinit(&g.path);
	return err;
}
