// SPDX-License-Identifier: MIT
//
// Control groups: where sets of tasks are, and the directories that have to
// exist. CRIU criu/cgroup.c, v4.2: names of directories are relative to the one
// above, those at the top to the root of the hierarchy, and may have several
// components.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/ops/domain/inside.h"

struct edit {
	const struct cr_domain *d;
	struct cr_rules *rules;
	const char *controller; /* NULL: all */
	json_t *top;		/* directories at the top of one */
	bool changed, found;
};

/* "cpu" is meant by "cpu", "cpu,cpuacct"; all are if none is said. */
static bool is_meant(const struct edit *e, const char *name)
{
	size_t n = e->controller ? strlen(e->controller) : 0;
	if (!e->controller || !strcmp(name, e->controller))
		return true;
	for (const char *p = name; n && p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, e->controller, n) && (!p[n] || p[n] == ','))
			return true;
	}
	return false;
}

static struct cr_error *set_text(struct edit *e, json_t *message,
				 const char *key, const char *text)
{
	json_t *v = json_string(text);
	/* It came out of valid text by way of the command line. */
	if (!v)
		return cr_error_new(CR_ERR_USAGE, "'%s' is not UTF-8", text);
	e->changed = true;
	return json_object_set_new(message, key, v) ? cr_enomem : NULL;
}

/* ---- sets ---- */

/* The bytes of the path that a namespace hides move like the path. */
static struct cr_error *move_prefix(struct edit *e, json_t *member,
				    const char *old, const char *to)
{
	uint64_t n = cr_domain_get(member, "cgns_prefix", 0);
	cr_auto_free char *moved = NULL;
	size_t size;
	if (!n || n > strlen(old))
		return NULL;
	struct cr_error *err =
		cr_rules_apply(e->rules, old, (size_t)n, &moved, &size);
	if (err)
		return err;
	if (!moved)
		size = (size_t)n;
	if (strncmp(to, moved ?: old, size) || (to[size] && to[size] != '/'))
		return cr_error_new(CR_ERR_FORMAT,
				    "'%s' would be outside of its control "
				    "group namespace, '%.*s'",
				    to, (int)size, moved ?: old);
	return json_object_set_new(member, "cgns_prefix",
				   json_integer((json_int_t)size)) ?
		       cr_enomem :
		       NULL;
}

static struct cr_error *move_member(struct edit *e, json_t *member)
{
	const char *name = json_string_value(json_object_get(member, "name"));
	json_t *path = json_incref(json_object_get(member, "path"));
	const char *old = json_string_value(path);
	cr_auto_free char *to = NULL;
	size_t size;
	struct cr_error *err = NULL;
	if (old && name && is_meant(e, name))
		err = cr_rules_apply(e->rules, old, strlen(old), &to, &size);
	if (!err && to)
		err = move_prefix(e, member, old, to);
	if (!err && to)
		err = set_text(e, member, "path", to);
	json_decref(path);
	return err;
}

/* ---- directories ---- */

static struct cr_error *move_dirs(struct edit *e, json_t *dirs,
				  const char *parent, const char *parent_to);

static char *join(const char *parent, const char *name)
{
	char *path;
	bool top = !strcmp(parent, "/");
	if (asprintf(&path, "%s/%s", top ? "" : parent, name) < 0)
		return NULL;
	return path;
}

/* The name below `parent`, or NULL if it is elsewhere. */
static const char *name_below(const char *path, const char *parent)
{
	size_t n = strcmp(parent, "/") ? strlen(parent) : 0;
	return !strncmp(path, parent, n) && path[n] == '/' ? path + n + 1 :
							     NULL;
}

/* *away_ret: it belongs elsewhere now, and is at the top. */
static struct cr_error *move_dir(struct edit *e, json_t *dir,
				 const char *parent, const char *parent_to,
				 bool *away_ret)
{
	json_t *held = json_incref(json_object_get(dir, "dir_name"));
	const char *name = json_string_value(held);
	cr_auto_free char *old = name ? join(parent, name) : NULL, *to = NULL;
	size_t size;
	struct cr_error *err = NULL;
	*away_ret = false;
	if (!name) {
		json_decref(held);
		return NULL;
	}
	if (!old)
		err = cr_enomem;
	if (!err)
		err = cr_rules_apply(e->rules, old, strlen(old), &to, &size);
	const char *left = err ? NULL : name_below(to ?: old, parent_to);
	if (!err && !left) {
		*away_ret = true;
		left = (to ?: old) + 1;
	}
	if (!err && strcmp(left, name))
		err = set_text(e, dir, "dir_name", left);
	if (!err)
		err = move_dirs(e, json_object_get(dir, "children"), old,
				to ?: old);
	if (!err && !json_array_size(json_object_get(dir, "children")))
		json_object_del(dir, "children");
	json_decref(held);
	return err;
}

static struct cr_error *move_dirs(struct edit *e, json_t *dirs,
				  const char *parent, const char *parent_to)
{
	struct cr_error *err = NULL;
	for (size_t i = 0, nr = json_array_size(dirs); i < nr && !err; i++) {
		bool away;
		json_t *dir = json_array_get(dirs, i);
		err = move_dir(e, dir, parent, parent_to, &away);
		if (err || !away || dirs == e->top)
			continue;
		if (json_array_append(e->top, dir))
			return cr_enomem;
		json_array_remove(dirs, i--);
		nr--;
	}
	return err;
}

static bool controller_is_meant(const struct edit *e, const json_t *controller)
{
	const json_t *names = json_object_get(controller, "cnames");
	size_t i;
	const json_t *name;
	json_array_foreach(names, i, name)
		if (json_is_string(name) && is_meant(e, json_string_value(name)))
			return true;
	return !e->controller;
}

/* ---- the image ---- */

static struct cr_error *move_entry(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	struct cr_error *err = NULL;
	size_t i, k;
	json_t *set, *member, *controller;
	json_array_foreach(json_object_get(entry, "sets"), i, set)
		json_array_foreach(json_object_get(set, "ctls"), k, member)
			if (!err)
				err = move_member(e, member);
	json_array_foreach(json_object_get(entry, "controllers"), i, controller) {
		e->top = json_object_get(controller, "dirs");
		if (!err && controller_is_meant(e, controller))
			err = move_dirs(e, e->top, "/", "/");
	}
	if (e->changed)
		*ret = CR_REWRITE_CHANGED;
	return err;
}

struct cr_error *cr_cgroup_rename(const struct cr_domain *d,
				  struct cr_rules *rules,
				  const char *controller)
{
	struct edit e = { .d = d, .rules = rules, .controller = controller };
	struct cr_error *err =
		cr_rewrite(d->change, "cgroup.img", NULL, move_entry, &e);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

/* ---- settings ---- */

static void strip_dirs(struct edit *e, json_t *dirs)
{
	size_t i;
	json_t *dir;
	json_array_foreach(dirs, i, dir) {
		if (!json_object_del(dir, "properties"))
			e->changed = true;
		strip_dirs(e, json_object_get(dir, "children"));
	}
}

static struct cr_error *strip_entry(void *arg, const struct cr_rewrite_at *at,
				    json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	size_t i;
	json_t *controller;
	json_array_foreach(json_object_get(entry, "controllers"), i, controller) {
		if (!controller_is_meant(e, controller))
			continue;
		e->found = true;
		strip_dirs(e, json_object_get(controller, "dirs"));
	}
	if (e->changed)
		*ret = CR_REWRITE_CHANGED;
	return NULL;
}

static struct cr_error *strip(const struct cr_domain *d, const char *controller)
{
	struct edit e = { .d = d, .controller = controller };
	struct cr_error *err =
		cr_rewrite(d->change, "cgroup.img", NULL, strip_entry, &e);
	if (!err && !e.found)
		err = cr_domain_missing(d, "cgroup.img: no controller '%s'",
					controller ?: "");
	return err;
}

static struct cr_error *strip_all(const struct cr_domain *d, char *const *word,
				  size_t nr)
{
	struct cr_error *err = nr ? NULL : strip(d, NULL);
	for (size_t i = 0; i < nr && !err; i++)
		err = strip(d, word[i]);
	return err;
}

/* ---- words ---- */

/* The length of "CONTROLLER:" in front; 0: there is none. */
static size_t controller_size(const char *word)
{
	size_t n = strcspn(word, ":/");
	return word[n] == ':' ? n + 1 : 0;
}

/* All words of the first one's controller, which are marked as done. */
static struct cr_error *rename_some(const struct cr_domain *d,
				    char *const *word, size_t nr, bool *done)
{
	struct cr_rules rules = { 0 };
	size_t n = controller_size(word[0]), nr_mine = 0;
	cr_auto_free char *name = n ? strndup(word[0], n - 1) : NULL;
	cr_auto_free char **mine = calloc(nr, sizeof(mine[0]));
	if (!mine || (n && !name))
		return cr_enomem;
	for (size_t i = 0; i < nr; i++) {
		if (done[i] || controller_size(word[i]) != n ||
		    strncmp(word[i], word[0], n))
			continue;
		done[i] = true;
		mine[nr_mine++] = word[i] + n;
	}
	struct cr_error *err = cr_rules_parse(mine, nr_mine, &rules);
	cr_rules_trim(&rules);
	for (size_t i = 0; i < rules.nr && !err; i++)
		if (*rules.rule[i].old != '/' || *rules.rule[i].to != '/')
			err = cr_error_new(CR_ERR_USAGE, "'%s': control groups "
							 "begin with '/'",
					   mine[i]);
	if (!err)
		err = cr_cgroup_rename(d, &rules, name);
	if (!err)
		err = cr_rules_met(d, &rules);
	cr_rules_free(&rules);
	return err;
}

struct cr_error *cr_domain_cgroup(const struct cr_domain *d, char *const *word,
				  size_t nr)
{
	cr_auto_free bool *done = calloc(nr, sizeof(done[0]));
	struct cr_error *err = NULL;
	if (!done)
		return cr_enomem;
	if (!strcmp(word[0], "strip"))
		return strip_all(d, word + 1, nr - 1);
	for (size_t i = 0; i < nr && !err; i++)
		if (!done[i])
			err = rename_some(d, word + i, nr - i, done + i);
	return err;
}
