// SPDX-License-Identifier: MIT
#include "lib/ops/upgrade/step.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/mm.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/codec/wire.h"

#define AT_PAGESZ 6

/* ---- files ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool cr_step_has(const struct cr_step *s, const char *name)
{
	return s->names.nr && bsearch(&name, s->names.name, s->names.nr,
				      sizeof(s->names.name[0]), by_text);
}

/* The place of the first name not before a prefix. */
static size_t first(const struct cr_step *s, const char *prefix)
{
	size_t low = 0, high = s->names.nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(s->names.name[mid], prefix) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The number between prefix and suffix. A zero in front is no number of ours. */
static bool number_in(const char *p, const char *suffix, uint32_t *ret)
{
	uint64_t v = 0;
	const char *start = p;
	for (; *p >= '0' && *p <= '9' && v <= UINT32_MAX; p++)
		v = 10 * v + (uint64_t)(*p - '0');
	if (p == start || v > UINT32_MAX || strcmp(p, suffix) ||
	    (*start == '0' && p > start + 1))
		return false;
	*ret = (uint32_t)v;
	return true;
}

struct cr_error *cr_step_each(struct cr_step *s, const char *prefix,
			      const char *suffix, cr_step_fn *fn, void *arg)
{
	size_t size = strlen(prefix);
	struct cr_error *err = NULL;
	for (size_t i = first(s, prefix);
	     !err && i < s->names.nr && !strncmp(s->names.name[i], prefix, size);
	     i++) {
		uint32_t number;
		if (number_in(s->names.name[i] + size, suffix, &number))
			err = fn(s, s->names.name[i], number, arg);
	}
	return err;
}

struct cr_error *cr_step_remove(struct cr_step *s, const char *image)
{
	s->stale = true;
	s->nr++;
	return cr_change_remove(s->change, image);
}

struct cr_error *cr_step_rename(struct cr_step *s, const char *image,
				const char *to)
{
	s->stale = true;
	s->nr++;
	return cr_change_rename(s->change, image, to);
}

/* ---- entries ---- */

struct cr_error *cr_step_rewrite(struct cr_step *s, const char *image,
				 cr_rewrite_want_fn *want, cr_rewrite_fn *fn,
				 void *arg)
{
	struct cr_rewrite_opts opts = { .want = want, .tree = &s->tree };
	struct cr_error *err = cr_rewrite(s->change, image, &opts, fn, arg);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

struct cr_error *cr_step_look(struct cr_step *s, const char *image,
			      cr_rewrite_want_fn *want, cr_rewrite_fn *fn,
			      void *arg)
{
	struct cr_rewrite_opts opts = { .want = want, .tree = &s->tree };
	struct cr_error *err = cr_rewrite_look(s->set, image, &opts, fn, arg);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

static struct cr_error *add_entry(void *arg, const struct cr_rewrite_at *at,
				  json_t *entry, enum cr_rewrite *ret)
{
	return json_array_append(arg, entry) ? cr_enomem : NULL;
}

struct cr_error *cr_step_list(struct cr_step *s, const char *image,
			      json_t **ret)
{
	json_t *list = json_array();
	if (!list)
		return cr_enomem;
	struct cr_error *err = cr_step_look(s, image, NULL, add_entry, list);
	if (err)
		json_decref(list);
	else
		*ret = list;
	return err;
}

/* ---- the report ---- */

struct cr_error *cr_step_say(struct cr_step *s, enum cr_upgrade_remark what,
			     const char *fmt, ...)
{
	struct cr_upgrade *u = s->report;
	void *more = reallocarray(u->said, u->nr_said + 1, sizeof(u->said[0]));
	char *text;
	va_list args;
	if (!more)
		return cr_enomem;
	u->said = more;
	va_start(args, fmt);
	int size = vasprintf(&text, fmt, args);
	va_end(args);
	if (size < 0)
		return cr_enomem;
	u->said[u->nr_said++] = (struct cr_upgrade_said){ s->row, what, text };
	u->nr_lost += what == CR_UPGRADE_LOST;
	return NULL;
}

/* ---- processes ---- */

struct cr_error *cr_step_task(struct cr_step *s, uint32_t pid,
			      const PstreeEntry **ret)
{
	struct cr_error *err = NULL;
	if (!s->has_pstree)
		err = cr_pstree_load(s->set, &s->pstree);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		s->pstree = (struct cr_pstree){ 0 };
	if (err)
		return err;
	s->has_pstree = true;
	const struct cr_task *task =
		s->pstree.nr ? cr_pstree_find(&s->pstree, pid) : NULL;
	*ret = task ? task->entry : NULL;
	return NULL;
}

struct cr_error *cr_step_threads(struct cr_step *s, uint32_t pid,
				 cr_rewrite_fn *fn, void *arg)
{
	const PstreeEntry *task;
	char name[32];
	struct cr_error *err = cr_step_task(s, pid, &task);
	size_t nr = err || !task ? 0 : task->n_threads;
	for (size_t i = 0; !err && i < nr; i++) {
		snprintf(name, sizeof(name), "core-%" PRIu32 ".img",
			 task->threads[i]);
		err = cr_step_rewrite(s, name, NULL, fn, arg);
	}
	if (!err && !nr) {
		snprintf(name, sizeof(name), "core-%" PRIu32 ".img", pid);
		err = cr_step_rewrite(s, name, NULL, fn, arg);
	}
	return err;
}

static struct cr_error *find_page_size(struct cr_step *s, const char *name,
				       uint32_t pid, void *arg)
{
	uint64_t *size = arg;
	struct cr_messages m;
	if (*size)
		return NULL;
	struct cr_error *err = cr_set_load(s->set, name, &mm_entry__descriptor,
					   &m);
	if (err)
		return err;
	const MmEntry *mm = m.nr ? (const MmEntry *)m.msg[0] : NULL;
	for (size_t i = 0; mm && i + 1 < mm->n_mm_saved_auxv; i += 2)
		if (mm->mm_saved_auxv[i] == AT_PAGESZ)
			*size = mm->mm_saved_auxv[i + 1];
	cr_messages_free(&m);
	/* What no processor has is no size. */
	if (*size < 4096 || *size > 65536 || *size & (*size - 1))
		*size = 0;
	return NULL;
}

struct cr_error *cr_step_page_size(struct cr_step *s, uint64_t *ret)
{
	uint64_t size = 0;
	struct cr_error *err =
		cr_step_each(s, "mm-", ".img", find_page_size, &size);
	*ret = size ?: 4096;
	return err;
}

/* ---- a quick look ---- */

/* One record: *p behind it, and its number or body. False: broken. */
static bool next(const uint8_t **p, const uint8_t *end, uint64_t *tag,
		 uint64_t *value, const uint8_t **body)
{
	*p = cr_varint_get(*p, end, tag);
	if (!*p)
		return false;
	*body = NULL;
	switch (*tag & 7) {
	case CR_WIRE_VARINT:
		*p = cr_varint_get(*p, end, value);
		return *p;
	case CR_WIRE_BYTES:
		*p = cr_varint_get(*p, end, value);
		if (!*p || *value > (size_t)(end - *p))
			return false;
		*body = *p;
		*p += *value;
		return true;
	default:
		/* Fixed ones are rare; no field that is asked for is one. */
		*value = (*tag & 7) == CR_WIRE_FIXED64 ? 8 : 4;
		if ((*tag & 7) == CR_WIRE_GROUP ||
		    (*tag & 7) == CR_WIRE_GROUP_END ||
		    *value > (size_t)(end - *p))
			return false;
		*p += *value;
		return true;
	}
}

/* The path is short, which bounds the recursion. */
static bool peek(const uint8_t *p, const uint8_t *end, const uint8_t *path,
		 const uint8_t *path_end, uint64_t *value_ret)
{
	bool found = false;
	while (p < end) {
		uint64_t tag, value;
		const uint8_t *body;
		if (!next(&p, end, &tag, &value, &body))
			return true;
		if (tag >> 3 != *path)
			continue;
		bool last = path + 1 == path_end || !path[1];
		if (last) {
			found = true;
			if (value)
				*value_ret = value;
		} else if (!body ||
			   peek(body, body + value, path + 1, path_end,
				value_ret)) {
			found = true;
		}
	}
	return found;
}

bool cr_step_peek(const void *msg, size_t size, struct cr_step_path path,
		  uint64_t *value_ret)
{
	uint64_t value = 0;
	bool found = peek(msg, (const uint8_t *)msg + size, path.number,
			  path.number + sizeof(path.number), &value);
	if (found && value_ret)
		*value_ret = value;
	return found;
}

/* ---- trees ---- */

struct cr_error *cr_step_set(json_t *tree, const char *key, json_t *value)
{
	return json_object_set_new(tree, key, value) ? cr_enomem : NULL;
}

struct cr_error *cr_step_set_int(json_t *tree, const char *key, uint64_t value)
{
	return cr_step_set(tree, key,
			   cr_tree_int((struct cr_int){ .magnitude = value }));
}

struct cr_error *cr_step_set_text(json_t *tree, const char *key,
				  const char *text)
{
	return cr_step_set(tree, key, json_string(text));
}

struct cr_error *cr_step_move(json_t *from, const char *key, json_t *to,
			      const char *to_key)
{
	json_t *value = json_object_get(from, key);
	struct cr_error *err = NULL;
	if (!value)
		return NULL;
	if (!json_object_get(to, to_key))
		err = cr_step_set(to, to_key, json_incref(value));
	json_object_del(from, key);
	return err;
}

bool cr_step_u64(const json_t *tree, const char *key, uint64_t *ret)
{
	struct cr_int v;
	if (!cr_tree_get_int(json_object_get(tree, key), &v) || v.negative)
		return false;
	*ret = v.magnitude;
	return true;
}

bool cr_step_u32(const json_t *tree, const char *key, uint32_t *ret)
{
	uint64_t v;
	if (!cr_step_u64(tree, key, &v) || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

json_t *cr_step_sub(json_t *tree, const char *key)
{
	json_t *sub = json_object_get(tree, key);
	if (sub || json_object_set_new(tree, key, json_object()))
		return sub;
	return json_object_get(tree, key);
}
