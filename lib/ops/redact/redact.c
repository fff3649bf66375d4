// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"
#include "lib/image/types.h"
#include "lib/ops/redact/impl.h"

const char cr_redact_caveat[] =
	"that no secret is left cannot be proven: what is covered has been "
	"replaced, and nothing more is known";

// To add a kind: its function, declared in impl.h, and its row; the order is the
// one in which they are done. Names and what is covered are in help and reports.
// clang-format off
static const struct kind {
	const char *name, *what;
	cr_redact_fn *run;
	bool in_memory; /* nothing is left of it when all memory is gone */
	bool on_demand; /* not done unless it is asked for */
} kinds[] = {
	{ "env",       "values of environment variables",                     cr_redact_env,         true,  false },
	{ "cmd",       "command lines",                                       cr_redact_cmd,         true,  false },
	{ "pattern",   "what a pattern finds in memory",                      cr_redact_pattern,     true,  true },
	{ "memory",    "memory pages",                                        cr_redact_some_memory, false, true },
	{ "keys",      "pointer authentication keys",                         cr_redact_keys,        false, false },
	{ "registers", "floating point and vector registers",                 cr_redact_registers,   false, false },
	{ "queues",    "data in sockets",                                     cr_redact_queues,      false, false },
	{ "pipes",     "data in pipes and FIFOs",                             cr_redact_pipes,       false, false },
	{ "tty",       "unread input of terminals",                           cr_redact_tty,         false, false },
	{ "ipc",       "SysV messages and shared memory, values of BPF maps", cr_redact_ipc,         false, false },
	{ "ghosts",    "contents of deleted files",                           cr_redact_ghosts,      false, false },
	{ "tmpfs",     "contents of tmpfs mounts",                            cr_redact_tmpfs,       false, false },
	{ "netdumps",  "raw dumps of addresses, routes and filter rules",     cr_redact_netdumps,    false, false },
	{ "logs",      "log files",                                           cr_redact_logs,        false, false },
	{ "metadata",  "environment, arguments, host name and annotations in config.dump and spec.dump", cr_redact_metadata, false, false },
	{ "hosts",     "host and domain names",                               cr_redact_hosts,       false, false },
	{ "addresses", "IP and MAC addresses",                                cr_redact_addresses,   false, false },
	{ "names",     "paths, control groups, names of sockets",             cr_redact_names,       false, false },
	{ "comm",      "names of threads",                                    cr_redact_comm,        false, false },
	{ "labels",    "labels of security modules",                          cr_redact_labels,      false, false },
};

static const char *const memories[] = { "anon", "heap", "stack", "shared", "file", "other" };
// clang-format on

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(NR_KINDS == CR_REDACT_KINDS, "a row a kind");

const char *cr_redact_kind(unsigned i, const char **what_ret)
{
	*what_ret = i < NR_KINDS ? kinds[i].what : NULL;
	return i < NR_KINDS ? kinds[i].name : NULL;
}

/* ---- what the functions of kinds share ---- */

struct cr_error *cr_redact_gap(struct cr_redact *r, const char *fmt, ...)
{
	va_list args;
	char text[512];
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	cr_auto_free char *safe = cr_utf8_safe(text);
	if (!safe || json_array_append_new(r->gaps, json_string(safe)))
		return cr_enomem;
	return NULL;
}

/* The next word of a list, NULL at the end. */
static const char *next_word(const char **list, size_t *size_ret)
{
	const char *word = *list + (**list == ',');
	*size_ret = strcspn(word, ",");
	*list = word + *size_ret;
	return *size_ret || **list ? word : NULL;
}

bool cr_redact_lists(const char *list, const char *word)
{
	const char *w;
	size_t size;
	while (list && (w = next_word(&list, &size)))
		if (strlen(word) == size && !memcmp(w, word, size))
			return true;
	return false;
}

static bool is_below(const char *path, size_t size, const char *prefix,
		     size_t prefix_size)
{
	while (prefix_size && prefix[prefix_size - 1] == '/')
		prefix_size--;
	return prefix_size && size >= prefix_size &&
	       !memcmp(path, prefix, prefix_size) &&
	       (size == prefix_size || path[prefix_size] == '/');
}

static bool is_below_any(const char *list, const char *path, size_t size)
{
	const char *w;
	size_t n;
	while (list && (w = next_word(&list, &n)))
		if (n && *w == '/' && is_below(path, size, w, n))
			return true;
	return false;
}

/* Mount points begin with "./". */
bool cr_redact_keeps(const struct cr_redact *r, const char *path, size_t size)
{
	static const char system[] =
		"/usr,/lib,/lib32,/lib64,/bin,/sbin,/proc,/sys,/dev";
	if (size > 1 && path[0] == '.' && path[1] == '/') {
		path++;
		size--;
	}
	if (memmem(path, size, "/..", 3))
		return false;
	return is_below_any(system, path, size) ||
	       is_below_any(r->opts->keep, path, size);
}

struct cr_error *cr_redact_each_file(struct cr_redact *r,
				     struct cr_error *(*fn)(struct cr_redact *r,
							    void *arg,
							    const char *name),
				     void *arg)
{
	struct cr_store_names all;
	struct cr_store *store = cr_change_set(r->change)->store;
	struct cr_error *err = cr_store_list(store, &all);
	for (size_t i = 0; i < all.nr && !err; i++)
		err = fn(r, arg, all.name[i]);
	cr_store_names_free(&all);
	return err;
}

/* ---- what is wanted ---- */

static struct cr_error *check_words(const char *list, const char *option,
				    bool paths)
{
	const char *w;
	size_t size;
	while (list && (w = next_word(&list, &size))) {
		size_t i = 0;
		while (i < NR_KINDS && (strlen(kinds[i].name) != size ||
					memcmp(kinds[i].name, w, size)))
			i++;
		if (i == NR_KINDS && !(paths && *w == '/'))
			return cr_error_new(CR_ERR_USAGE,
					    "option '%s': '%.*s' is no kind%s",
					    option, (int)size, w,
					    paths ? " and no path" : "");
	}
	return NULL;
}

static struct cr_error *choose_memory(struct cr_redact *r, const char *list)
{
	const char *w;
	size_t size;
	while (list && (w = next_word(&list, &size))) {
		unsigned i = 0;
		while (i < 6 && (strlen(memories[i]) != size ||
				 memcmp(memories[i], w, size)))
			i++;
		if (i < 6)
			r->memory |= 1u << i;
		else if (size == 3 && !memcmp(w, "all", 3))
			r->memory = CR_REDACT_ALL;
		else
			return cr_error_new(CR_ERR_USAGE,
					    "option '--memory': '%.*s' is no "
					    "kind of memory",
					    (int)size, w);
	}
	return NULL;
}

static struct cr_error *choose(struct cr_redact *r)
{
	const struct cr_redact_opts *o = r->opts;
	struct cr_error *err = check_words(o->only, "--only", false);
	if (!err)
		err = check_words(o->keep, "--keep", true);
	if (!err)
		err = choose_memory(r, o->memory);
	if (!o->memory && cr_redact_lists(o->only, "memory"))
		r->memory = CR_REDACT_ALL;
	if (cr_redact_lists(o->keep, "memory"))
		r->memory = 0;
	if (!err && !o->pattern && cr_redact_lists(o->only, "pattern"))
		err = cr_error_new(CR_ERR_USAGE,
				   "which pattern? give --pattern or --hex");
	return err;
}

static bool wants(const struct cr_redact *r, const struct kind *kind)
{
	const struct cr_redact_opts *o = r->opts;
	if (cr_redact_lists(o->keep, kind->name))
		return false;
	if (kind->run == cr_redact_some_memory)
		return r->memory;
	if (kind->run == cr_redact_pattern)
		return o->pattern;
	return !o->only || cr_redact_lists(o->only, kind->name);
}

/* ---- what is not covered ---- */

static struct cr_error *say_memory(struct cr_redact *r)
{
	char list[64] = "";
	for (unsigned i = 0; i < 6; i++)
		if (!(r->memory >> i & 1))
			snprintf(list + strlen(list),
				 sizeof(list) - strlen(list), "%s%s",
				 *list ? ", " : "", memories[i]);
	if (r->memory == CR_REDACT_ALL)
		return NULL;
	return cr_redact_gap(r, "memory (%s): pages are as they were, with "
				"whatever programs keep there, copies of what "
				"was covered elsewhere included; --memory "
				"all covers it",
			     list);
}

static struct cr_error *say_kinds(struct cr_redact *r,
				  const struct cr_redact_row *rows)
{
	char list[256] = "";
	for (size_t i = 0; i < NR_KINDS; i++)
		if (!rows[i].done && !kinds[i].on_demand)
			snprintf(list + strlen(list),
				 sizeof(list) - strlen(list), "%s%s",
				 *list ? ", " : "", kinds[i].name);
	struct cr_error *err = say_memory(r);
	return err || !*list ? err :
			       cr_redact_gap(r, "kept, as was asked: %s", list);
}

static struct cr_error *say_parent(struct cr_redact *r)
{
	cr_auto_free char *link = NULL;
	struct cr_store *store = cr_change_set(r->change)->store;
	struct cr_error *err = cr_store_read_link(store, "parent", &link);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND) || err)
		return err;
	return cr_redact_gap(r, "parent: the checkpoint before this one, %s, "
				"is as it was, with the memory pages in it; "
				"'crit squash' first, or redact each",
			     link);
}

/* Files whose form nobody here knows. */
static struct cr_error *say_file(struct cr_redact *r, void *arg,
				 const char *name)
{
	unsigned *nr = arg;
	const struct cr_raw_type *raw = cr_raw_type_by_file(name);
	if (!strcmp(name, "parent") || cr_image_type_by_file(name))
		return NULL;
	if (raw && strncmp(raw->files, "amdgpu-", 7) &&
	    strcmp(raw->files, "cipher.img") &&
	    strcmp(raw->files, "pages-shmem-%u.img"))
		return NULL;
	if (++*nr > 20)
		return NULL;
	return cr_redact_gap(r, "%s: %s", name,
			     raw ? raw->what : "is no image that is known");
}

static struct cr_error *say_top(struct cr_redact *r)
{
	static const char *const names[] = {
		"rootfs-diff.tar", "devshm-checkpoint.tar", "network.status",
		"deleted.files",   "bind.mounts",	    "volumes",
	};
	struct cr_store *store = cr_change_set(r->change)->store;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct cr_file file = { 0 };
		struct cr_error *err =
			cr_store_open_beside(store, names[i], &file);
		bool there = !err;
		cr_error_free(err);
		if (!there)
			continue;
		cr_file_close(&file);
		err = cr_redact_gap(r, "%s: what the container engine put "
				       "beside is as it was",
				    names[i]);
		if (err)
			return err;
	}
	return NULL;
}

static struct cr_error *say_always(struct cr_redact *r)
{
	static const char *const texts[] = {
		"files that were open or mapped: their contents are not in the "
		"checkpoint",
		"general registers, process and user ids, ports, times, sizes, "
		"limits and settings: as they were",
		"mount options, names of devices and of external resources, "
		"policies, and fields that the schema does not know: as they "
		"were",
		"what can be concluded from sizes, counts and structure",
	};
	struct cr_error *err = NULL;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !err; i++)
		err = cr_redact_gap(r, "%s", texts[i]);
	if (!err)
		err = cr_redact_gap(r, "blocks of old files on the disk, if it "
				       "was done in place: deleted, not wiped");
	return err;
}

static struct cr_error *say_gaps(struct cr_redact *r,
				 const struct cr_redact_row *rows)
{
	unsigned nr = 0;
	struct cr_error *err = say_kinds(r, rows);
	if (!err)
		err = say_parent(r);
	if (!err)
		err = cr_redact_each_file(r, say_file, &nr);
	if (!err && nr > 20)
		err = cr_redact_gap(r, "%u more files that are no images",
				    nr - 20);
	if (!err)
		err = say_top(r);
	return err ? err : say_always(r);
}

/* ---- */

static struct cr_error *run_kinds(struct cr_redact *r,
				  struct cr_redact_row *rows)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; i < NR_KINDS && !err; i++) {
		r->row = &rows[i];
		if (!wants(r, &kinds[i]))
			continue;
		r->row->done = true;
		if (!kinds[i].in_memory || r->memory != CR_REDACT_ALL)
			err = kinds[i].run(r);
	}
	return err;
}

struct cr_error *cr_redact(struct cr_change *change,
			   const struct cr_redact_opts *opts,
			   struct cr_redact_result *ret)
{
	struct cr_redact r = { .change = change,
			       .opts = opts,
			       .gaps = json_array() };
	struct cr_redact_result sum = { .gaps = r.gaps };
	struct cr_error *err = cr_alias_init(&r.alias);
	if (!err && !r.gaps)
		err = cr_enomem;
	if (!err)
		err = choose(&r);
	if (!err)
		err = run_kinds(&r, sum.row);
	if (!err)
		err = say_gaps(&r, sum.row);
	if (!err)
		err = cr_alias_dump(&r.alias, &sum.map);
	cr_alias_deinit(&r.alias);
	if (err)
		cr_redact_result_deinit(&sum);
	else
		*ret = sum;
	return err;
}

void cr_redact_result_deinit(struct cr_redact_result *result)
{
	json_decref(result->gaps);
	json_decref(result->map);
	*result = (struct cr_redact_result){ 0 };
}
