// SPDX-License-Identifier: MIT
//
// Paths. The forms in which CRIU keeps them: criu/files-reg.c, criu/mount.c,
// criu/sk-unix.c (a name is relative to name_dir, or has a leading NUL), v4.2.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/memfd.pb-c.h"
#include "images/mnt.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/ops/domain/inside.h"

#define NAME_MAX_SIZE 108	   /* man 7 unix */
#define ENGINE_MAX    (16u << 20) /* bytes that are looked at */

struct mount {
	char *image, *root, *mountpoint;
	uint64_t id, dev;
};

struct edit {
	const struct cr_domain *d;
	struct cr_rules rules;
	struct mount *mount;
	size_t nr_mounts, cap_mounts;
};

/* ---- mounts ---- */

/* Where a rule's path stands in other text, such as lowerdir=/a:/b. */
static bool mentions(const char *text, const struct cr_rule *rule)
{
	for (const char *p = text; (p = strstr(p, rule->old)); p++) {
		char before = p > text ? p[-1] : 0, after = p[rule->old_size];
		if ((!before || strchr("=:,", before)) &&
		    (!after || strchr("/:,", after)))
			return true;
	}
	return false;
}

static void remark_mount(const struct edit *e, const struct cr_rewrite_at *at,
			 json_t *entry, const char *key)
{
	const char *text = json_string_value(json_object_get(entry, key));
	for (size_t i = 0; text && i < e->rules.nr; i++)
		if (mentions(text, &e->rules.rule[i]))
			cr_domain_remark(e->d,
					 "%s: entry %llu: %s is left: %s",
					 at->image, (unsigned long long)at->i,
					 key, text);
}

static struct cr_error *add_mount(void *arg, const struct cr_rewrite_at *at,
				  json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	const char *root = json_string_value(json_object_get(entry, "root"));
	const char *point =
		json_string_value(json_object_get(entry, "mountpoint"));
	remark_mount(e, at, entry, "options");
	remark_mount(e, at, entry, "ext_key");
	if (!root || !point)
		return NULL;
	if (e->nr_mounts == e->cap_mounts) {
		size_t cap = e->cap_mounts ? 2 * e->cap_mounts : 64;
		void *more = realloc(e->mount, cap * sizeof(e->mount[0]));
		if (!more)
			return cr_enomem;
		e->mount = more;
		e->cap_mounts = cap;
	}
	struct mount *m = &e->mount[e->nr_mounts++];
	*m = (struct mount){ strdup(at->image), strdup(root), strdup(point),
			     cr_domain_get(entry, "mnt_id", 0),
			     cr_domain_get(entry, "root_dev", 0) };
	return m->image && m->root && m->mountpoint ? NULL : cr_enomem;
}

static void free_mounts(struct edit *e)
{
	for (size_t i = 0; i < e->nr_mounts; i++) {
		free(e->mount[i].image);
		free(e->mount[i].root);
		free(e->mount[i].mountpoint);
	}
	free(e->mount);
}

/* What is behind `dir` in a path, with its slash; NULL: it is not below. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strcmp(dir, "/") ? strlen(dir) : 0;
	if (strncmp(path, dir, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

static char *join(const char *dir, const char *rest)
{
	char *path;
	bool top = !strcmp(dir, "/");
	if (!strcmp(rest, "/"))
		rest = "";
	if (asprintf(&path, "%s%s", top && *rest ? "" : dir, rest) < 0)
		return NULL;
	return path;
}

/* A mount that shows the directory in which this one's root is: by it the root
 * has a path that the processes know. */
static const struct mount *find_shown(const struct edit *e, const char *image,
				      uint64_t id, uint64_t dev,
				      const char *root)
{
	const struct mount *best = NULL;
	for (size_t i = 0; i < e->nr_mounts; i++) {
		const struct mount *m = &e->mount[i];
		if (m->id == id || m->dev != dev || strcmp(m->image, image) ||
		    !below(root, m->root))
			continue;
		/* Of the whole file system, if possible. */
		if (!best || strlen(m->root) < strlen(best->root))
			best = m;
	}
	return best;
}

static struct cr_error *move_root(struct edit *e, const struct cr_mean_at *at,
				  const char *root, char **ret, size_t *size)
{
	const struct mount *m =
		find_shown(e, at->at->image,
			   cr_domain_get(at->message, "mnt_id", 0),
			   cr_domain_get(at->message, "root_dev", 0), root);
	if (!m)
		return cr_rules_apply(&e->rules, root, strlen(root), ret, size);
	const char *point = m->mountpoint;
	cr_auto_free char *path = join(point, below(root, m->root));
	cr_auto_free char *moved = NULL, *point_moved = NULL;
	if (!path)
		return cr_enomem;
	struct cr_error *err =
		cr_rules_apply(&e->rules, path, strlen(path), &moved, size);
	if (!err)
		err = cr_rules_apply(&e->rules, point, strlen(point),
				     &point_moved, size);
	if (err || !moved)
		return err;
	const char *rest = below(moved, point_moved ?: point);
	if (!rest) {
		cr_domain_remark(e->d,
				 "%s: entry %llu: root is left: %s is outside "
				 "of the file system it is in",
				 at->at->image, (unsigned long long)at->at->i,
				 moved);
		return NULL;
	}
	*ret = join(m->root, rest);
	if (!*ret)
		return cr_enomem;
	*size = strlen(*ret);
	return NULL;
}

/* ---- names of unix sockets ---- */

static struct cr_error *move_abstract(struct edit *e, const char *name,
				      size_t size, char **ret, size_t *size_ret)
{
	cr_auto_free char *text = malloc(size + 1);
	if (!text)
		return cr_enomem;
	memcpy(text, name, size);
	text[0] = '@';
	text[size] = 0;
	struct cr_error *err =
		cr_rules_apply(&e->rules, text, size, ret, size_ret);
	if (!err && *ret && **ret != '@')
		return cr_error_new(CR_ERR_USAGE, "'%s' is an abstract name, so "
						  "its new one begins with '@'",
				    text);
	if (!err && *ret)
		**ret = 0;
	return err;
}

/* A relative name changes where a rule reaches beyond its directory. */
static struct cr_error *move_relative(struct edit *e,
				      const struct cr_mean_at *at,
				      const char *name, size_t size,
				      char **ret, size_t *size_ret)
{
	const char *dir =
		json_string_value(json_object_get(at->message, "name_dir"));
	cr_auto_free char *path = NULL, *to = NULL, *dir_to = NULL;
	size_t to_size, dir_size, n = dir ? strlen(dir) : 0;
	if (!dir)
		return NULL;
	path = malloc(n + size + 2);
	if (!path)
		return cr_enomem;
	memcpy(path, dir, n);
	path[n] = '/';
	memcpy(path + n + 1, name, size);
	path[n + 1 + size] = 0;
	struct cr_rule *rule = cr_rules_find(&e->rules, path, n + 1 + size);
	if (!rule || rule->old_size <= n)
		return NULL;
	struct cr_error *err = cr_rules_apply(&e->rules, path, n + 1 + size,
					      &to, &to_size);
	if (!err)
		err = cr_rules_apply(&e->rules, dir, n, &dir_to, &dir_size);
	const char *rest = err ? NULL : below(to, dir_to ?: dir);
	if (err || !rest || !*rest) {
		if (!err)
			cr_domain_remark(e->d, "%s: entry %llu: name is left: "
					       "it is relative to %s",
					 at->at->image,
					 (unsigned long long)at->at->i, dir);
		return err;
	}
	*size_ret = to_size - (size_t)(rest + 1 - to);
	*ret = malloc(*size_ret + 1);
	if (!*ret)
		return cr_enomem;
	memcpy(*ret, rest + 1, *size_ret);
	(*ret)[*size_ret] = 0;
	return NULL;
}

static struct cr_error *move_socket(struct edit *e, const struct cr_mean_at *at,
				    const char *name, size_t size, char **ret,
				    size_t *size_ret)
{
	struct cr_error *err =
		!size	     ? NULL :
		!*name	     ? move_abstract(e, name, size, ret, size_ret) :
		*name == '/' ? cr_rules_apply(&e->rules, name, size, ret,
					      size_ret) :
			       move_relative(e, at, name, size, ret, size_ret);
	if (err || !*ret || *size_ret <= NAME_MAX_SIZE)
		return err;
	return cr_error_new(CR_ERR_FORMAT, "'%s' is too long for a socket: %zu "
					   "bytes, at most %d",
			    **ret ? *ret : *ret + 1, *size_ret, NAME_MAX_SIZE);
}

/* ---- all of them ---- */

static bool is_field(const struct cr_mean_at *at,
		     const ProtobufCMessageDescriptor *desc, const char *name)
{
	return at->plan->desc == desc && !strcmp(at->field->name, name);
}

static struct cr_error *move(struct edit *e, const struct cr_mean_at *at,
			     const char *path, size_t size, char **ret,
			     size_t *size_ret)
{
	if (at->means == CR_MEANS_SOCKET_NAME)
		return move_socket(e, at, path, size, ret, size_ret);
	if (is_field(at, &mnt_entry__descriptor, "root"))
		return move_root(e, at, path, ret, size_ret);
	/* Shared memory without a name; this is how its kind is told. */
	if (is_field(at, &memfd_inode_entry__descriptor, "name") &&
	    !strcmp(path, "/dev/zero"))
		return NULL;
	return cr_rules_apply(&e->rules, path, size, ret, size_ret);
}

static struct cr_error *check_size(const char *path, size_t size)
{
	if (size < PATH_MAX)
		return NULL;
	return cr_error_new(CR_ERR_FORMAT, "'%.64s...' is too long for a path: "
					   "%zu bytes, at most %d",
			    path, size, PATH_MAX - 1);
}

static struct cr_error *on_path(void *arg, const struct cr_mean_at *at,
				json_t *value, json_t **ret)
{
	cr_auto_free char *path = NULL, *to = NULL;
	size_t size, to_size = 0;
	struct cr_error *err = cr_mean_bytes(at, value, &path, &size);
	if (!err && path)
		err = move(arg, at, path, size, &to, &to_size);
	if (!err && to)
		err = check_size(to, to_size);
	if (!err && to)
		err = cr_mean_value(at, to, to_size, ret);
	return err;
}

/* ---- what stays ---- */

static struct cr_error *remark_archives(const struct cr_domain *d)
{
	struct cr_store_names all;
	struct cr_error *err = cr_store_list(cr_change_set(d->change)->store, &all);
	for (size_t i = 0; i < all.nr && !err; i++)
		if (!strncmp(all.name[i], "tmpfs-", 6))
			cr_domain_remark(d, "%s is left: the files of a tmpfs",
					 all.name[i]);
	cr_store_names_free(&all);
	return err;
}

/* What a container engine put beside the images. */
static struct cr_error *remark_engine(struct edit *e, const char *name)
{
	struct cr_file file;
	struct cr_error *err = cr_store_open_beside(
		cr_change_set(e->d->change)->store, name, &file);
	if (err)
		return cr_error_catch(&err, CR_ERR_NOT_FOUND) ? NULL : err;
	size_t size = file.size < ENGINE_MAX ? (size_t)file.size : ENGINE_MAX;
	cr_auto_free char *text = malloc(size + 1);
	err = text ? cr_file_read(&file, text, size, 0) : cr_enomem;
	cr_file_close(&file);
	for (size_t i = 0; i < e->rules.nr && !err; i++) {
		const struct cr_rule *rule = &e->rules.rule[i];
		if (memmem(text, size, rule->old, rule->old_size))
			cr_domain_remark(e->d, "%s is left: it has '%s'", name,
					 rule->old);
	}
	return err;
}

struct cr_error *cr_domain_path(const struct cr_domain *d, char *const *word,
				size_t nr)
{
	struct edit e = { .d = d };
	struct cr_error *err = cr_rules_parse(word, nr, &e.rules);
	if (!err)
		cr_rules_trim(&e.rules);
	if (!err)
		err = cr_domain_each(d, "mountpoints", add_mount, &e, NULL);
	if (!err)
		err = cr_mean_each(d->change,
				   CR_MEANING(CR_MEANS_PATH) |
					   CR_MEANING(CR_MEANS_SOCKET_NAME),
				   on_path, &e);
	if (!err)
		err = cr_cgroup_rename(d, &e.rules, NULL);
	if (!err)
		err = cr_rules_met(d, &e.rules);
	if (!err)
		err = cr_domain_remember(d, &e.rules);
	if (!err)
		err = remark_archives(d);
	if (!err)
		err = remark_engine(&e, "config.dump");
	if (!err)
		err = remark_engine(&e, "spec.dump");
	free_mounts(&e);
	cr_rules_free(&e.rules);
	return err;
}
