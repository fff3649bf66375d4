// SPDX-License-Identifier: MIT
//
// A mount, chosen by where it is or by its id. Mountpoints are paths of the
// namespace, so those below one move with it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/ops/domain/settings.h"

#define DEPTH_MAX 1024 /* of mounts in each other */

// clang-format off
static const struct key {
	const char *name, *field;
	bool is_path, optional;
} keys[] = {
	{ "source",     "source",     false, false },
	{ "options",    "options",    false, false },
	{ "root",       "root",       true,  false },
	{ "mountpoint", "mountpoint", true,  false },
	{ "key",        "ext_key",    false, true },
};
// clang-format on

struct edit {
	const struct cr_domain *d;
	const char *which;
	uint64_t id; /* UINT64_MAX: by mountpoint */
	const struct cr_setting *setting;
	size_t nr;
	/* what was found */
	uint64_t nr_found, mnt_id, entry;
	char *image, *old;
	struct cr_rules rules; /* for mountpoints below */
	json_t *parents;       /* by id */
};

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static struct cr_error *check(const struct cr_setting *s)
{
	const struct key *key = find_key(s->key);
	if (!key)
		return cr_error_new(CR_ERR_USAGE, "'%s': a mount has source, "
						  "options, root, mountpoint "
						  "and key",
				    s->key);
	if (key->is_path && *s->value != '/')
		return cr_error_new(CR_ERR_USAGE, "'%s': %s begins with '/'",
				    s->value, s->key);
	return NULL;
}

/* ---- which mount ---- */

static struct cr_error *look(void *arg, const struct cr_rewrite_at *at,
			     json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	const char *point =
		json_string_value(json_object_get(entry, "mountpoint")) ?: "";
	uint64_t id = cr_domain_get(entry, "mnt_id", 0);
	if (e->id != UINT64_MAX ? id != e->id : strcmp(point, e->which))
		return NULL;
	if (e->nr_found++)
		return cr_error_new(CR_ERR_FORMAT, "'%s' is ambiguous: mounts "
						   "%llu and %llu; say its id",
				    e->which, (unsigned long long)e->mnt_id,
				    (unsigned long long)id);
	e->mnt_id = id;
	e->entry = at->i;
	e->image = strdup(at->image);
	e->old = strdup(point);
	return e->image && e->old ? NULL : cr_enomem;
}

/* ---- this one ---- */

static struct cr_error *set_one(struct edit *e, json_t *entry,
				const struct cr_setting *s)
{
	const struct key *key = find_key(s->key);
	if (key->optional && !*s->value) {
		json_object_del(entry, key->field);
		return NULL;
	}
	json_t *v = json_string(s->value);
	if (!v)
		return cr_error_new(CR_ERR_USAGE, "'%s' is not UTF-8",
				    s->value);
	return json_object_set_new(entry, key->field, v) ? cr_enomem : NULL;
}

static struct cr_error *set(void *arg, const struct cr_rewrite_at *at,
			    json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	struct cr_error *err = NULL;
	for (size_t i = 0; i < e->nr && !err; i++)
		err = set_one(e, entry, &e->setting[i]);
	*ret = CR_REWRITE_CHANGED;
	return err;
}

/* ---- those below ---- */

static void key_of(uint64_t id, char text[24])
{
	snprintf(text, 24, "%llu", (unsigned long long)id);
}

static struct cr_error *note_parent(void *arg, const struct cr_rewrite_at *at,
				    json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	char id[24];
	key_of(cr_domain_get(entry, "mnt_id", 0), id);
	json_t *parent = cr_tree_int((struct cr_int){
		cr_domain_get(entry, "parent_mnt_id", 0) });
	return json_object_set_new(e->parents, id, parent) ? cr_enomem : NULL;
}

/* Chains of parents may go round, or be made to be long. */
static bool is_below(const struct edit *e, uint64_t id)
{
	char text[24];
	for (unsigned i = 0; i < DEPTH_MAX; i++) {
		uint64_t parent;
		key_of(id, text);
		if (!cr_domain_u64(json_object_get(e->parents, text), &parent))
			return false;
		if (parent == e->mnt_id)
			return true;
		if (parent == id)
			return false;
		id = parent;
	}
	return false;
}

static struct cr_error *move_below(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	const char *point =
		json_string_value(json_object_get(entry, "mountpoint"));
	uint64_t id = cr_domain_get(entry, "mnt_id", 0);
	cr_auto_free char *to = NULL;
	size_t size;
	if (!point || id == e->mnt_id || !is_below(e, id))
		return NULL;
	struct cr_error *err =
		cr_rules_apply(&e->rules, point, strlen(point), &to, &size);
	if (err || !to)
		return err;
	*ret = CR_REWRITE_CHANGED;
	return json_object_set_new(entry, "mountpoint", json_string(to)) ?
		       cr_enomem :
		       NULL;
}

static struct cr_error *move_children(struct edit *e, const char *to)
{
	struct cr_rule rule = { .old = e->old, .old_size = strlen(e->old) };
	cr_auto_free char *copy = strdup(to);
	if (!copy)
		return cr_enomem;
	rule.to = copy;
	rule.to_size = strlen(copy);
	e->rules = (struct cr_rules){ &rule, 1 };
	e->parents = json_object();
	struct cr_error *err =
		e->parents ? cr_rewrite(e->d->change, e->image, NULL,
					note_parent, e) :
			     cr_enomem;
	if (!err)
		err = cr_rewrite(e->d->change, e->image, NULL, move_below, e);
	json_decref(e->parents);
	if (!err)
		cr_domain_remark(e->d, "paths of files in this mount are left: "
				       "'path %s=%s' changes them",
				 e->old, to);
	return err;
}

static struct cr_error *change(struct edit *e)
{
	struct cr_rewrite_opts only = { .first = e->entry,
					.end = e->entry + 1 };
	struct cr_error *err =
		cr_rewrite(e->d->change, e->image, &only, set, e);
	for (size_t i = 0; i < e->nr && !err; i++)
		if (!strcmp(e->setting[i].key, "mountpoint"))
			err = move_children(e, e->setting[i].value);
	return err;
}

struct cr_error *cr_domain_mount(const struct cr_domain *d, char *const *word,
				 size_t nr)
{
	struct edit e = { .d = d, .which = word[0], .nr = nr - 1 };
	struct cr_setting *settings;
	struct cr_error *err = cr_settings_parse(word + 1, nr - 1, &settings);
	e.setting = settings;
	if (!cr_domain_number(word[0], 0, UINT32_MAX, &e.id))
		e.id = UINT64_MAX;
	for (size_t i = 0; i < e.nr && !err; i++)
		err = check(&settings[i]);
	if (!err)
		err = cr_domain_each(d, "mountpoints", look, &e, NULL);
	if (!err && !e.nr_found)
		err = cr_domain_missing(d, "no mount is '%s'", word[0]);
	else if (!err)
		err = change(&e);
	free(e.image);
	free(e.old);
	cr_settings_free(settings, nr - 1);
	return err;
}
