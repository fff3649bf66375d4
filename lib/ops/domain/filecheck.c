// SPDX-License-Identifier: MIT
//
// What a restore compares of files: size, mode, build-id. CRIU
// criu/files-reg.c (validate_file), v4.2. A checksum (CRC32C) is in the schema, but
// no release writes or compares one, and what checksum_config means is not settled:
// in the change that would use it (CRIU pull request 1148, not merged) "all of the
// file" had different numbers. It cannot be computed anew, and of another file it
// would be wrong, so it is dropped.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/regfile.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/ops/buildid.h"
#include "lib/ops/domain/inside.h"

static const char *const checksums[] = { "checksum", "checksum_config",
					 "checksum_parameter" };

struct edit {
	const struct cr_domain *d;
	struct cr_rules rules; /* paths that are meant; none: all */
	int root_fd;	       /* -1: clear */
	uint64_t nr;
	json_t *missing; /* paths that were remarked on */
};

static void del_all(json_t *file, const char *const *keys, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		json_object_del(file, keys[i]);
}

static void clear(json_t *file)
{
	static const char *const more[] = { "size", "mode", "build_id" };
	del_all(file, more, 3);
	del_all(file, checksums, 3);
}

/* ---- from the files as they are ---- */

static int open_beneath(const struct edit *e, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, e->root_fd, path, &how, sizeof(how));
}

static int set(json_t *file, const char *key, uint64_t value)
{
	if (!json_object_get(file, key))
		return 0;
	return json_object_set_new(file, key,
				   cr_tree_int((struct cr_int){ value }));
}

static struct cr_error *set_id(const struct edit *e, const char *path,
			       json_t *file)
{
	struct cr_build_id id;
	cr_auto_close int fd = open_beneath(e, path, O_RDONLY | O_NONBLOCK);
	json_t *list = json_array();
	if (fd < 0 || !list) {
		json_decref(list);
		return fd < 0 ? cr_error_sys("%s", path) : cr_enomem;
	}
	cr_build_id_read(fd, &id);
	memset(id.bytes + id.size, 0, sizeof(id.bytes) - id.size);
	for (size_t i = 0; i < id.size; i += 4) {
		const uint8_t *b = id.bytes + i;
		uint32_t word = b[0] | (uint32_t)b[1] << 8 |
				(uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
		json_array_append_new(list, json_integer(word));
	}
	if (id.size)
		return json_object_set_new(file, "build_id", list) ?
			       cr_enomem :
			       NULL;
	json_object_del(file, "build_id");
	json_decref(list);
	return NULL;
}

/* Once a path: many descriptors may be of one. */
static void remark_missing(struct edit *e, const char *path)
{
	e->missing = e->missing ?: json_object();
	if (json_object_get(e->missing, path))
		return;
	json_object_set_new_nocheck(e->missing, path, json_true());
	cr_domain_remark(e->d, "%s is left: it is not in the sysroot", path);
}

static struct cr_error *refresh(struct edit *e, const char *path,
				json_t *file)
{
	struct stat st;
	cr_auto_close int fd = open_beneath(e, path, O_PATH);
	if (fd < 0 || fstat(fd, &st)) {
		if (e->rules.nr && errno == ENOENT)
			return cr_domain_missing(e->d, "'%s' is not in the "
						       "sysroot",
						 path);
		if (errno != ENOENT && errno != ENOTDIR)
			return cr_error_sys("%s", path);
		remark_missing(e, path);
		return NULL;
	}
	if (set(file, "size", (uint64_t)st.st_size) ||
	    set(file, "mode", st.st_mode))
		return cr_enomem;
	del_all(file, checksums, 3);
	return json_object_get(file, "build_id") ? set_id(e, path, file) : NULL;
}

/* Only what would be compared is looked for: not pipes and the like of /proc. */
static bool is_checked(const json_t *file)
{
	return json_object_get(file, "size") || json_object_get(file, "mode") ||
	       json_object_get(file, "build_id") ||
	       json_object_get(file, "checksum");
}

static struct cr_error *on_file(void *arg, const struct cr_mean_at *at,
				json_t *value, json_t **ret)
{
	struct edit *e = arg;
	char *path;
	size_t size;
	if (at->plan->desc != &reg_file_entry__descriptor ||
	    strcmp(at->field->name, "name") || !is_checked(at->message))
		return NULL;
	struct cr_error *err = cr_mean_bytes(at, value, &path, &size);
	if (err || !path)
		return err;
	struct cr_rule *rule = cr_rules_find_exact(&e->rules, path, size);
	if (rule || !e->rules.nr) {
		e->nr++;
		if (rule)
			rule->hits++;
		if (e->root_fd < 0)
			clear(at->message);
		else
			err = refresh(e, path, at->message);
		/* The name stays; the file is other. */
		*ret = json_incref(value);
	}
	free(path);
	return err;
}

/* ---- words ---- */

static struct cr_error *take_paths(struct edit *e, char *const *word, size_t nr)
{
	e->rules.rule = calloc(nr + 1, sizeof(e->rules.rule[0]));
	if (!e->rules.rule)
		return cr_enomem;
	for (size_t i = 0; i < nr; i++, e->rules.nr++) {
		struct cr_rule *rule = &e->rules.rule[i];
		rule->old = strdup(word[i]);
		rule->old_size = strlen(word[i]);
		if (!rule->old)
			return cr_enomem;
	}
	return NULL;
}

static struct cr_error *parse(struct edit *e, const char *what)
{
	bool is_refresh = !strcmp(what, "refresh");
	if (!is_refresh && strcmp(what, "clear"))
		return cr_error_new(CR_ERR_USAGE, "file-check takes 'refresh' "
						  "or 'clear'");
	if (is_refresh && !e->d->sysroot)
		return cr_error_new(CR_ERR_USAGE, "refresh needs --sysroot: / "
						  "or where the files are");
	if (!is_refresh)
		return NULL;
	e->root_fd = open(e->d->sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return e->root_fd < 0 ? cr_error_sys("sysroot %s", e->d->sysroot) :
				NULL;
}

struct cr_error *cr_domain_file_check(const struct cr_domain *d,
				      char *const *word, size_t nr)
{
	struct edit e = { .d = d, .root_fd = -1 };
	struct cr_error *err = parse(&e, word[0]);
	if (!err)
		err = take_paths(&e, word + 1, nr - 1);
	if (!err)
		err = cr_mean_each(d->change, CR_MEANING(CR_MEANS_PATH), on_file,
				   &e);
	if (!err)
		err = cr_rules_met(d, &e.rules);
	if (!err && !e.nr)
		err = cr_domain_missing(d, "no file is compared at a restore");
	if (e.root_fd >= 0)
		close(e.root_fd);
	json_decref(e.missing);
	cr_rules_free(&e.rules);
	return err;
}
