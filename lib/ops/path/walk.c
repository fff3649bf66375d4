// SPDX-License-Identifier: MIT
#include "lib/ops/path.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/nearest.h"

struct cr_error *cr_path_walk_init(struct cr_path_walk *walk, struct cr_tree *t,
				   struct cr_path *path)
{
	*walk = (struct cr_path_walk){ .t = t, .path = path };
	return cr_out_init_mem(&walk->text);
}

void cr_path_walk_deinit(struct cr_path_walk *walk)
{
	cr_out_deinit(&walk->text);
	cr_error_free(walk->ambiguous);
	cr_error_free(walk->miss);
	walk->ambiguous = walk->miss = NULL;
}

void cr_path_walk_image(struct cr_path_walk *walk, const char *image)
{
	walk->image = image;
	walk->nr_entries = 0;
}

/* ---- the path so far ---- */

static struct cr_error *add_text(struct cr_path_walk *k, const char *sep,
				 const char *text)
{
	struct cr_error *err = cr_out_put(&k->text, sep, strlen(sep));
	return err ? err : cr_out_put(&k->text, text, strlen(text));
}

static struct cr_error *add_index(struct cr_path_walk *k, uint64_t i)
{
	char text[CR_NUM_MAX];
	snprintf(text, sizeof(text), "[%llu]", (unsigned long long)i);
	return add_text(k, "", text);
}

/* With a NUL that does not count. */
static struct cr_error *end_text(struct cr_path_walk *k)
{
	struct cr_error *err = cr_out_room(&k->text, 1);
	if (!err)
		*k->text.cur = 0;
	return err;
}

/* ---- where it ends ---- */

/* Keeps what went furthest. */
static void missed(struct cr_path_walk *k, size_t depth, struct cr_error *err)
{
	if (k->miss && k->miss_depth >= depth) {
		cr_error_free(err);
		return;
	}
	cr_error_free(k->miss);
	k->miss = err;
	k->miss_depth = depth;
}

static bool is_furthest(const struct cr_path_walk *k, size_t depth)
{
	return !k->miss || k->miss_depth < depth;
}

/* "no thread_core.comm" reads better with what stands before it. */
static struct cr_error *miss(struct cr_path_walk *k, size_t depth,
			     const char *what, const char *name)
{
	if (!is_furthest(k, depth))
		return NULL;
	struct cr_error *err = end_text(k);
	if (!err)
		missed(k, depth,
		       cr_error_new(CR_ERR_NOT_FOUND, "%s: %s: %s%s", k->image,
				    k->text.buf, what, name));
	return err;
}

/* The path so far, from the entry on. */
static const char *field_path(const struct cr_path_walk *k)
{
	const char *at = cr_out_buffered(&k->text) > k->within ?
				 k->text.buf + k->within :
				 "";
	return at + (*at == '.');
}

static struct cr_error *unknown_field(struct cr_path_walk *k,
				      const struct cr_plan *plan,
				      const char *name)
{
	struct cr_nearest near = { name };
	struct cr_error *err = end_text(k);
	if (err)
		return err;
	for (unsigned i = 0; i < plan->nr_fields; i++)
		cr_nearest_try(&near, plan->fields[i].name);
	err = cr_error_new(CR_ERR_NOT_FOUND, "%s has no field '%s'%s%s%s",
			   plan->desc->name, name,
			   near.best ? " (did you mean '" : "",
			   near.best ?: "", near.best ? "'?)" : "");
	const char *at = field_path(k);
	return *at ? cr_error_at(err, "%s", at) : err;
}

/* ---- the walk ---- */

/* A step's state: what is being gone through, and how. */
struct at {
	const struct cr_path_steps *steps;
	size_t k;
	cr_place_fn *fn;
	void *arg;
	bool create;
	bool wild; /* "*" on the way: what is not there is not made */
};

static struct cr_error *go(struct cr_path_walk *k, struct at at,
			   struct cr_place place);

static struct cr_error *sub_plan(struct cr_path_walk *k, struct cr_place *place)
{
	const struct cr_field *f = place->field;
	if (!f || f->kind != CR_FIELD_MESSAGE)
		return NULL;
	return cr_codec_sub(&k->t->plain, f, &place->sub);
}

/* Makes the message that the path goes through. */
static struct cr_error *make_field(struct cr_place *place)
{
	json_t *v = json_object();
	if (!v || json_object_set_new(place->in, place->key, v))
		return cr_enomem;
	place->value = v;
	return NULL;
}

/* Names are all that follows: then what is made is sure to be used. */
static bool only_names(const struct at *at)
{
	for (size_t i = at->k + 1; i < at->steps->nr; i++)
		if (at->steps->step[i].kind != CR_PATH_NAME)
			return false;
	return true;
}

static struct cr_error *go_field(struct cr_path_walk *k, struct at at,
				 const struct cr_place *from, const char *name,
				 const struct cr_field *f)
{
	struct cr_place place = {
		.in = from->value,
		.key = f ? f->name : name,
		.plan = from->sub,
		.field = f,
	};
	uint64_t mark = cr_out_tell(&k->text);
	place.value = json_object_get(from->value, place.key);
	struct cr_error *err = sub_plan(k, &place);
	bool last = at.k + 1 == at.steps->nr;
	if (!err && !place.value) {
		bool can = at.create && f && (!at.wild || last);
		if (can && !last && f->kind == CR_FIELD_MESSAGE &&
		    !f->repeated && only_names(&at))
			err = make_field(&place);
		else if (!(can && last))
			return miss(k, at.k, "no ", place.key);
	}
	if (!err)
		err = add_text(k, ".", place.key);
	at.k++;
	if (!err)
		err = go(k, at, place);
	return err ? err : cr_out_cut(&k->text, mark);
}

static struct cr_error *go_name(struct cr_path_walk *k, struct at at,
				const struct cr_place *from)
{
	const char *name = at.steps->step[at.k].name;
	const struct cr_field *f = NULL;
	if (!json_is_object(from->value))
		return miss(k, at.k, "no message, so it has no ", name);
	if (from->sub)
		f = cr_plan_by_name(from->sub, name, strlen(name));
	bool free = !from->sub || *name == '@' || !strcmp(name, "extra");
	if (f || free)
		return go_field(k, at, from, name, f);
	struct cr_error *err = unknown_field(k, from->sub, name);
	if (!k->lax || cr_error_code(err) != CR_ERR_NOT_FOUND)
		return err;
	missed(k, at.k, cr_error_at(err, "%s", k->image));
	return NULL;
}

static struct cr_error *go_any(struct cr_path_walk *k, struct at at,
			       const struct cr_place *from)
{
	const char *key;
	json_t *value;
	at.wild = true;
	json_object_foreach(from->value, key, value) {
		const struct cr_field *f =
			from->sub ? cr_plan_by_name(from->sub, key,
						    strlen(key)) :
				    NULL;
		struct cr_error *err =
			*key == '@' ? NULL : go_field(k, at, from, key, f);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *go_element(struct cr_path_walk *k, struct at at,
				   const struct cr_place *from, size_t i)
{
	struct cr_place place = *from;
	place.in = from->value;
	place.key = NULL;
	place.index = i;
	place.element = true;
	place.value = json_array_get(from->value, i);
	uint64_t mark = cr_out_tell(&k->text);
	struct cr_error *err = add_index(k, i);
	if (!err)
		err = go(k, at, place);
	return err ? err : cr_out_cut(&k->text, mark);
}

static struct cr_error *go_index(struct cr_path_walk *k, struct at at,
				 const struct cr_place *from)
{
	int64_t i = at.steps->step[at.k].index;
	size_t nr = json_array_size(from->value);
	char what[64];
	if (!json_is_array(from->value))
		return miss(k, at.k, "no list", "");
	if (i < 0)
		i += (int64_t)nr;
	if (i < 0 || (uint64_t)i >= nr) {
		snprintf(what, sizeof(what), "has %zu element%s", nr,
			 nr == 1 ? "" : "s");
		return miss(k, at.k, what, "");
	}
	at.k++;
	return go_element(k, at, from, (size_t)i);
}

/* ---- tests ---- */

struct testing {
	struct cr_path_walk *k;
	struct cr_path_test *test;
	bool passed;
};

/* What the test compares with, as trees have it: worked out once a field. */
static struct cr_error *get_want(struct testing *g, struct cr_place *place)
{
	struct cr_path_test *test = g->test;
	const struct cr_field *f = place->field;
	json_t *raw, *want = NULL;
	if (test->want && test->of == f)
		return NULL;
	struct cr_error *err = cr_tree_from_text(
		f, place->element, test->value, strlen(test->value), &raw);
	if (!err && f) {
		err = cr_tree_value(g->k->t, place->plan, f, place->element,
				    raw, &want);
		json_decref(raw);
	} else if (!err) {
		want = raw;
	}
	if (err)
		return cr_error_at(err, "test for '%s'", test->value);
	json_decref(test->want);
	test->want = want;
	test->of = f;
	return NULL;
}

static int compare(struct cr_int a, struct cr_int b)
{
	if (a.negative != b.negative)
		return a.negative ? -1 : 1;
	int order = a.magnitude < b.magnitude ? -1 : a.magnitude > b.magnitude;
	return a.negative ? -order : order;
}

static bool holds(enum cr_path_op op, int order)
{
	return op == CR_PATH_LT ? order < 0 :
	       op == CR_PATH_LE ? order <= 0 :
	       op == CR_PATH_GT ? order > 0 :
				  order >= 0;
}

static struct cr_error *test_place(void *arg, struct cr_place *place)
{
	struct testing *g = arg;
	enum cr_path_op op = g->test->op;
	struct cr_int a, b;
	if (op == CR_PATH_HAS) {
		g->passed = true;
		return NULL;
	}
	struct cr_error *err = get_want(g, place);
	if (err)
		return err;
	if (op == CR_PATH_EQ || op == CR_PATH_NE) {
		g->passed |= json_equal(place->value, g->test->want);
		return NULL;
	}
	if (!cr_tree_get_int(g->test->want, &b))
		return cr_error_new(CR_ERR_FORMAT, "%s: is no number",
				    g->test->value);
	if (cr_tree_get_int(place->value, &a))
		g->passed |= holds(op, compare(a, b));
	return NULL;
}

static struct cr_error *passes(struct cr_path_walk *k,
			       struct cr_path_step *step,
			       const struct cr_place *place, bool *ret)
{
	*ret = true;
	for (size_t i = 0; i < step->nr_tests && *ret; i++) {
		struct cr_path_test *test = &step->test[i];
		struct testing g = { k, test, false };
		struct at at = { .steps = &test->at,
				 .fn = test_place,
				 .arg = &g };
		/* What a test misses is no miss of the path. */
		struct cr_error *before = k->miss;
		size_t depth = k->miss_depth;
		k->miss = cr_enomem;
		k->miss_depth = SIZE_MAX;
		struct cr_error *err = go(k, at, *place);
		k->miss = before;
		k->miss_depth = depth;
		if (err)
			return err;
		*ret = g.passed != (test->op == CR_PATH_NE);
	}
	return NULL;
}

/* ---- lists ---- */

/* Two elements fit where one was meant. */
static struct cr_error *note_ambiguous(struct cr_path_walk *k, size_t a,
				       size_t b, bool by_test)
{
	struct cr_error *err = k->ambiguous ? NULL : end_text(k);
	if (err || k->ambiguous)
		return err;
	k->ambiguous = cr_error_new(
		CR_ERR_FORMAT,
		by_test ? "%s: %s: [%zu] and [%zu] both fit: narrow it down, "
			  "or write [*, ...] for all that fit" :
			  "%s: %s: has several elements: write [%zu] or [%zu] "
			  "or another, or [*] for all",
		k->image, k->text.buf, a, b);
	return NULL;
}

static struct cr_error *go_each(struct cr_path_walk *k, struct at at,
				const struct cr_place *from,
				struct cr_path_step *step)
{
	size_t first = SIZE_MAX, size = json_array_size(from->value);
	bool all = step && step->all;
	at.wild |= all;
	for (size_t i = 0; i < size; i++) {
		struct cr_place place = *from;
		uint64_t before = k->nr;
		bool pass = true;
		place.value = json_array_get(from->value, i);
		place.element = true;
		struct cr_error *err =
			step ? passes(k, step, &place, &pass) : NULL;
		if (!err && pass)
			err = go_element(k, at, from, i);
		if (!err && k->nr > before && first != SIZE_MAX && !all)
			err = note_ambiguous(k, first, i, step);
		if (err)
			return err;
		if (k->nr > before)
			first = i;
	}
	return first == SIZE_MAX ?
		       miss(k, at.k, "no element of it fits", "") :
		       NULL;
}

static struct cr_error *go_select(struct cr_path_walk *k, struct at at,
				  const struct cr_place *from)
{
	struct cr_path_step *step = &at.steps->step[at.k];
	bool pass;
	at.k++;
	if (json_is_array(from->value))
		return go_each(k, at, from, step);
	/* A single message may be tested as well. */
	struct cr_error *err = passes(k, step, from, &pass);
	if (!err && pass)
		return go(k, at, *from);
	return err ? err : miss(k, at.k, "does not fit", "");
}

static struct cr_error *arrive(struct cr_path_walk *k, struct at at,
			       struct cr_place *place)
{
	/* Those of a test are not what is looked for. */
	bool counts = at.fn != test_place;
	struct cr_error *err = end_text(k);
	k->nr += counts;
	place->path = k->text.buf;
	place->field_path = field_path(k);
	return err || !at.fn ? err : at.fn(at.arg, place);
}

static struct cr_error *go(struct cr_path_walk *k, struct at at,
			   struct cr_place place)
{
	if (at.k == at.steps->nr)
		return arrive(k, at, &place);
	switch (at.steps->step[at.k].kind) {
	case CR_PATH_INDEX:
		return go_index(k, at, &place);
	case CR_PATH_EACH:
		return go_select(k, at, &place);
	case CR_PATH_NAME:
	case CR_PATH_ANY:
		break;
	}
	if (json_is_array(place.value))
		return go_each(k, at, &place, NULL);
	return at.steps->step[at.k].kind == CR_PATH_NAME ?
		       go_name(k, at, &place) :
		       go_any(k, at, &place);
}

/* ---- entries ---- */

/* The step that selects entries, if there is one. */
static struct cr_path_step *selection(const struct cr_path *path)
{
	if (path->at.nr < 2 || path->at.step[1].kind < CR_PATH_INDEX)
		return NULL;
	return &path->at.step[1];
}

bool cr_path_range(const struct cr_path *path, uint64_t nr, uint64_t *first_ret,
		   uint64_t *end_ret, bool *count_ret)
{
	const struct cr_path_step *step = selection(path);
	bool index = step && step->kind == CR_PATH_INDEX;
	int64_t i = index ? step->index : 0;
	*first_ret = 0;
	*end_ret = nr;
	*count_ret = index && i < 0 && nr == UINT64_MAX;
	if (!index || *count_ret)
		return true;
	if (i < 0)
		i += (int64_t)nr;
	if (i < 0 || (uint64_t)i >= nr)
		return false;
	*first_ret = (uint64_t)i;
	*end_ret = (uint64_t)i + 1;
	return true;
}

/* The field that a step by name goes through. */
static uint64_t need(const struct cr_plan *plan,
		     const struct cr_path_steps *at, size_t k)
{
	const struct cr_field *f = NULL;
	if (k < at->nr && at->step[k].kind == CR_PATH_NAME)
		f = cr_plan_by_name(plan, at->step[k].name,
				    strlen(at->step[k].name));
	return f ? f->bit : 0;
}

bool cr_path_is_wild(const struct cr_path *path)
{
	bool wild = path->glob;
	for (size_t i = 0; i < path->at.nr; i++) {
		const struct cr_path_step *step = &path->at.step[i];
		wild |= step->kind == CR_PATH_ANY || step->all;
	}
	return wild;
}

uint64_t cr_path_needs(const struct cr_path *path, const struct cr_plan *plan,
		       bool absent)
{
	const struct cr_path_step *step = selection(path);
	size_t k = step ? 2 : 1;
	/* What may be made need not be there. */
	bool may = absent && (k + 1 == path->at.nr || !cr_path_is_wild(path));
	uint64_t set = may ? 0 : need(plan, &path->at, k);
	for (size_t i = 0; step && i < step->nr_tests; i++)
		if (step->test[i].op != CR_PATH_NE)
			set |= need(plan, &step->test[i].at, 0);
	return set;
}

/* Of the entries that had places more than one, where one was meant. */
static struct cr_error *count_entry(struct cr_path_walk *k,
				    const struct cr_path_step *step, uint64_t i)
{
	struct cr_error *err = NULL;
	if (!k->nr_entries++)
		k->first_entry = i;
	else if (!step || (step->kind == CR_PATH_EACH && !step->all))
		err = note_ambiguous(k, (size_t)k->first_entry, (size_t)i,
				     step);
	return err;
}

struct cr_error *cr_path_walk_entry(struct cr_path_walk *walk,
				    const struct cr_image_type *type,
				    uint64_t i, json_t *entry)
{
	struct cr_path_step *step = selection(walk->path);
	bool tests = step && step->kind == CR_PATH_EACH, pass = true;
	uint64_t before = walk->nr;
	struct cr_place place = { .value = entry, .element = true };
	struct at at = {
		.steps = &walk->path->at,
		.k = step ? 2 : 1,
		.fn = walk->fn,
		.arg = walk->arg,
		.create = walk->absent,
		.wild = walk->path->glob || (tests && step->all),
	};
	struct cr_error *err = cr_tree_plan(walk->t, type, i, &place.sub);
	if (!err)
		err = cr_out_cut(&walk->text, 0);
	if (!err)
		err = add_text(walk, "", "entries");
	walk->within = cr_out_buffered(&walk->text);
	if (!err && tests)
		err = passes(walk, step, &place, &pass);
	if (!err && !pass)
		return miss(walk, 1, "no entry fits", "");
	if (!err)
		err = add_index(walk, i);
	walk->within = cr_out_buffered(&walk->text);
	if (!err)
		err = go(walk, at, place);
	if (!err)
		err = cr_out_cut(&walk->text, strlen("entries"));
	if (!err && walk->nr > before)
		err = count_entry(walk, step, i);
	return err;
}
