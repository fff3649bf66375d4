// SPDX-License-Identifier: MIT
#include "lib/ops/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/ops/check/inside.h"

#define CR_SEVERITY_NOTE    CR_NOTE
#define CR_SEVERITY_WARNING CR_WARNING
#define CR_SEVERITY_ERROR   CR_ERROR

const struct cr_check_rule cr_check_rules[CR_NR_RULES] = {
#define RULE(id, code, severity, fix) \
	[CR_RULE_##id] = { code, CR_SEVERITY_##severity, fix },
#include "lib/ops/check/rules.def"
};

const char *const cr_severity_names[CR_NR_SEVERITIES] = { "note", "warning",
							  "error" };

/* ---- numbers ---- */

void cr_keys_free(struct cr_keys *keys)
{
	free(keys->key);
	*keys = (struct cr_keys){ 0 };
}

bool cr_keys_add(struct cr_keys *keys, uint64_t key)
{
	if (keys->nr == keys->cap) {
		size_t cap = keys->cap ? 2 * keys->cap : 64;
		uint64_t *more =
			reallocarray(keys->key, cap, sizeof(more[0]));
		if (!more)
			return false;
		keys->key = more;
		keys->cap = cap;
	}
	keys->key[keys->nr++] = key;
	keys->sorted = false;
	return true;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

void cr_keys_sort(struct cr_keys *keys)
{
	if (!keys->sorted && keys->nr)
		qsort(keys->key, keys->nr, sizeof(keys->key[0]), by_value);
	keys->sorted = true;
}

void cr_keys_unique(struct cr_keys *keys)
{
	size_t nr = 0;
	cr_keys_sort(keys);
	for (size_t i = 0; i < keys->nr; i++) {
		if (!i || keys->key[i] != keys->key[nr - 1])
			keys->key[nr++] = keys->key[i];
	}
	keys->nr = nr;
}

bool cr_keys_has(struct cr_keys *keys, uint64_t key)
{
	cr_keys_sort(keys);
	return keys->nr && bsearch(&key, keys->key, keys->nr,
				   sizeof(keys->key[0]), by_value);
}

/* ---- findings ---- */

void cr_check_fail(struct cr_check *c, struct cr_error *err)
{
	if (!c->err)
		c->err = err;
	else
		cr_error_free(err);
}

struct cr_error *cr_check_stop(const struct cr_check *c)
{
	return c->err ? cr_enomem : NULL;
}

void cr_check_walked(struct cr_check *c, struct cr_error *err)
{
	if (c->err)
		cr_error_free(err);
	else if (err)
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
}

/* Counts a finding; true if it is to be shown. */
static bool count(struct cr_check *c, enum cr_rule rule)
{
	uint64_t nr = c->result->nr[rule]++;
	c->result->by_severity[cr_check_rules[rule].severity]++;
	return nr < CR_CHECK_SHOWN || c->opts->all;
}

static void emit(struct cr_check *c, enum cr_rule rule, const char *image,
		 int64_t entry, const char *message)
{
	struct cr_finding finding = {
		.rule = &cr_check_rules[rule],
		.image = image,
		.has_entry = entry >= 0,
		.entry = entry >= 0 ? (uint64_t)entry : 0,
		.message = message,
	};
	cr_check_fail(c, c->fn(c->arg, &finding));
}

void cr_check_found(struct cr_check *c, enum cr_rule rule, const char *image,
		    int64_t entry, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	if (c->err || !count(c, rule))
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text) {
		cr_check_fail(c, cr_enomem);
		return;
	}
	/* An error's text is safe to print, whatever the names in it. */
	struct cr_error *message = cr_error_new(CR_ERR_FORMAT, "%s", text);
	struct cr_error *name = image ? cr_error_new(CR_ERR_FORMAT, "%s", image) :
					NULL;
	emit(c, rule, name ? cr_error_text(name) : NULL, entry,
	     cr_error_text(message));
	cr_error_free(message);
	cr_error_free(name);
	free(text);
}

/* "IMAGE: " and "entry N: " at the start of an error's text. */
static const char *take_place(struct cr_check *c, const char *text,
			      struct cr_check_name **name_ret,
			      int64_t *entry_ret)
{
	const char *colon = strstr(text, ": ");
	*name_ret = NULL;
	*entry_ret = CR_NO_ENTRY;
	if (colon)
		*name_ret = cr_check_name(c, "%.*s", (int)(colon - text), text);
	if (*name_ret)
		text = colon + 2;
	char *end;
	if (!strncmp(text, "entry ", 6) && text[6] >= '0' && text[6] <= '9') {
		unsigned long long n = strtoull(text + 6, &end, 10);
		if (!strncmp(end, ": ", 2) && n <= INT64_MAX) {
			*entry_ret = (int64_t)n;
			text = end + 2;
		}
	}
	return text;
}

void cr_check_took(struct cr_check *c, enum cr_rule rule, struct cr_error *err)
{
	struct cr_check_name *name;
	int64_t entry;
	enum cr_err code = cr_error_code(err);
	if (code == CR_ERR_NOMEM || code == CR_ERR_INTERNAL) {
		cr_check_fail(c, err);
		return;
	}
	const char *text = take_place(c, cr_error_text(err), &name, &entry);
	bool again = rule == CR_RULE_IMAGE_BROKEN && name && name->broken;
	if (rule == CR_RULE_IMAGE_BROKEN && name)
		name->broken = true;
	if (!again && !c->err && count(c, rule))
		emit(c, rule, name ? name->name : NULL, entry, text);
	cr_error_free(err);
}

/* ---- images ---- */

static struct cr_error *add_name(void *arg, const char *text)
{
	struct cr_check *c = arg;
	if (c->nr_names == c->cap_names) {
		size_t cap = c->cap_names ? 2 * c->cap_names : 64;
		struct cr_check_name *more =
			reallocarray(c->name, cap, sizeof(more[0]));
		if (!more)
			return cr_enomem;
		c->name = more;
		c->cap_names = cap;
	}
	char *copy = strdup(text);
	if (!copy)
		return cr_enomem;
	c->name[c->nr_names++] = (struct cr_check_name){ .name = copy };
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct cr_check_name *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static struct cr_check_name *find_name(struct cr_check *c, char *name)
{
	struct cr_check_name key = { .name = name };
	struct cr_check_name *found =
		c->nr_names ? bsearch(&key, c->name, c->nr_names, sizeof(key),
				      by_name) :
			      NULL;
	if (found)
		found->used = true;
	return found;
}

/* Names that are asked for are made here, and shorter. */
#define NAME_ROOM 256

struct cr_check_name *cr_check_name(struct cr_check *c, const char *fmt, ...)
{
	char name[NAME_ROOM];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	return find_name(c, name);
}

void *cr_check_message(struct cr_check *c,
		       const ProtobufCMessageDescriptor *desc, const char *fmt,
		       ...)
{
	char name[NAME_ROOM];
	ProtobufCMessage *msg = NULL;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if (!find_name(c, name))
		return NULL;
	struct cr_error *err = cr_message_load(c->set, desc, &msg, "%s", name);
	if (err)
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
	return err ? NULL : msg;
}

void cr_check_messages(struct cr_check *c,
		       const ProtobufCMessageDescriptor *desc,
		       struct cr_messages *ret, const char *fmt, ...)
{
	char name[NAME_ROOM];
	va_list ap;
	*ret = (struct cr_messages){ 0 };
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if (!find_name(c, name))
		return;
	struct cr_error *err = cr_set_load(c->set, name, desc, ret);
	if (err)
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
}

bool cr_check_has_file(const struct cr_check *c, uint32_t type, uint64_t id)
{
	if (c->no_files)
		return true;
	return id <= UINT32_MAX && cr_files_has(&c->files, type, (uint32_t)id);
}

bool cr_check_own_ns(const struct cr_check *c,
		     const struct cr_check_task *task, const char *field,
		     uint32_t *id_ret)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(
			&task_kobj_ids_entry__descriptor, field);
	const TaskKobjIdsEntry *root =
		c->inventory ? c->inventory->root_ids : NULL;
	uint32_t mine, theirs = 0;
	if (!task->ids || !root)
		return false;
	memcpy(&mine, (const char *)task->ids + f->offset, sizeof(mine));
	memcpy(&theirs, (const char *)root + f->offset, sizeof(theirs));
	*id_ret = mine;
	return mine && mine != theirs;
}

/* ---- the whole ---- */

static void (*const topics[])(struct cr_check *c) = {
	cr_check_images, cr_check_tree,	 cr_check_tasks, cr_check_namespaces,
	cr_check_files,	 cr_check_maps,	 cr_check_pages, cr_check_disk,
	cr_check_needs,	 cr_check_old,	 cr_check_unreferenced,
};

static void deinit(struct cr_check *c)
{
	for (size_t i = 0; i < c->nr_names; i++)
		free(c->name[i].name);
	free(c->name);
	for (size_t i = 0; c->task && i < c->tree.nr; i++)
		cr_message_free(c->task[i].ids);
	free(c->task);
	cr_message_free(c->inventory);
	cr_pstree_free(&c->tree);
	cr_files_free(&c->files);
	cr_keys_free(&c->mounts);
	cr_keys_free(&c->roots);
}

struct cr_error *cr_check(struct cr_set *set, const struct cr_check_opts *opts,
			  cr_check_fn *fn, void *arg,
			  struct cr_check_result *ret)
{
	struct cr_check c = {
		.set = set,
		.opts = opts,
		.fn = fn,
		.arg = arg,
		.result = ret,
	};
	*ret = (struct cr_check_result){ 0 };
	c.err = cr_store_each(set->store, add_name, &c);
	if (!c.err && c.nr_names)
		qsort(c.name, c.nr_names, sizeof(c.name[0]), by_name);
	for (size_t i = 0; !c.err && i < sizeof(topics) / sizeof(topics[0]); i++)
		topics[i](&c);
	deinit(&c);
	return c.err;
}
