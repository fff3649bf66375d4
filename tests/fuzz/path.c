// SPDX-License-Identifier: MIT
/*
 * Paths and values as people write them, on trees of images. The first byte
 * chooses the type of image; then a path up to a NUL, a value up to a NUL, and
 * the message of an entry.
 *
 * An entry comes back from its tree byte for byte; what is set where the path
 * leads can be stored, or is refused; and what is shown of a value sets it.
 */
#include "lib/ops/path.h"
#include "tests/fuzz/fuzz.h"

struct run {
	struct cr_tree t;
	const char *value;
};

/* The text of a value makes the value. */
static void check_shown(struct run *r, const struct cr_place *p)
{
	struct cr_out out;
	json_t *raw, *again;
	if (!p->field || !p->value)
		return;
	if (cr_out_init_mem(&out))
		abort();
	struct cr_error *err = cr_tree_to_text(&r->t, p->plan, p->field,
					       p->element, p->value, &out);
	if (!err)
		err = cr_tree_from_text(p->field, p->element, out.buf,
					cr_out_buffered(&out), &raw);
	if (!err) {
		err = cr_tree_value(&r->t, p->plan, p->field, p->element, raw,
				    &again);
		json_decref(raw);
	}
	if (err)
		fuzz_fail("what is shown cannot be set", err);
	fuzz_check(json_equal(again, p->value), "shown as another value");
	json_decref(again);
	cr_out_deinit(&out);
}

static struct cr_error *set_value(void *arg, struct cr_place *p)
{
	struct run *r = arg;
	json_t *raw, *v;
	if (p->element && p->value && json_is_array(p->value))
		return NULL;
	check_shown(r, p);
	if (!p->field || !p->in)
		return NULL;
	struct cr_error *err = cr_tree_from_text(
		p->field, p->element, r->value, strlen(r->value), &raw);
	if (err) {
		cr_error_free(err);
		return NULL;
	}
	err = cr_tree_value(&r->t, p->plan, p->field, p->element, raw, &v);
	json_decref(raw);
	if (err) {
		cr_error_free(err);
		return NULL;
	}
	int failed = p->key ? json_object_set(p->in, p->key, v) :
			      json_array_set(p->in, p->index, v);
	json_decref(v);
	fuzz_check(!failed, "a value that cannot be put");
	return NULL;
}

/* A tree that nobody changed gives the bytes that it was made of; another one is
 * stored or refused. */
static void check_stored(struct run *r, const struct cr_tree_entry *e,
			 const json_t *tree, bool walked)
{
	struct cr_out out;
	struct cr_tree_aside aside;
	if (cr_out_init_mem(&out))
		abort();
	struct cr_error *err =
		cr_tree_store(&r->t, e->type, e->i, tree, &out, &aside);
	if (!walked) {
		if (err)
			fuzz_fail("what was loaded cannot be stored", err);
		fuzz_check(cr_out_buffered(&out) - 4 == e->size &&
				   !memcmp(out.buf + 4, e->msg, e->size),
			   "stored as other bytes");
	}
	cr_error_free(err);
	cr_out_deinit(&out);
}

static void walk(struct run *r, struct cr_path *path,
		 const struct cr_image_type *type, json_t *tree)
{
	struct cr_path_walk k;
	const struct cr_plan *plan;
	if (cr_path_walk_init(&k, &r->t, path) ||
	    cr_tree_plan(&r->t, type, 1, &plan))
		abort();
	(void)cr_path_needs(path, plan, true);
	k.fn = set_value;
	k.arg = r;
	k.absent = true;
	cr_path_walk_image(&k, "x.img");
	cr_error_free(cr_path_walk_entry(&k, type, 1, tree));
	cr_path_walk_deinit(&k);
}

static const char *take_text(const uint8_t **data, size_t *size)
{
	const uint8_t *nul = memchr(*data, 0, *size);
	size_t n = nul ? (size_t)(nul - *data) : *size;
	char *text = strndup((const char *)*data, n);
	*data += n + (nul ? 1 : 0);
	*size -= n + (nul ? 1 : 0);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	struct cr_path path;
	json_t *tree;
	if (size < 1)
		return 0;
	const struct cr_image_type *type =
		&cr_image_types[*data++ % cr_nr_image_types];
	size--;
	const char *text = take_text(&data, &size);
	r.value = take_text(&data, &size);
	if (cr_tree_init(&r.t))
		abort();
	struct cr_tree_entry e = { .type = type, .i = 1, .msg = data,
				   .size = size };
	struct cr_error *err = cr_path_parse(text, strlen(text), &path);
	if (!err) {
		err = cr_tree_load(&r.t, &e, false, &tree);
		if (!err) {
			check_stored(&r, &e, tree, false);
			walk(&r, &path, type, tree);
			check_stored(&r, &e, tree, true);
			json_decref(tree);
		}
		cr_path_free(&path);
	}
	cr_error_free(err);
	cr_tree_deinit(&r.t);
	free((void *)(uintptr_t)text);
	free((void *)(uintptr_t)r.value);
	return 0;
}
