// SPDX-License-Identifier: MIT
//
// The environment that a program was started with: text at the top of its stack,
// to which its pointers lead, so nothing there can move or grow. man 5 proc
// (environ).
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/image/process.h"
#include "lib/ops/domain/inside.h"
#include "lib/ops/poke.h"
#include "lib/pages/reader.h"

#define ENV_MAX (16u << 20) /* bytes */

struct variable {
	const char *word; /* NAME=VALUE, or NAME to be unset */
	size_t name_size;
	bool unset;
	uint64_t hits;
};

struct edit {
	const struct cr_domain *d;
	struct variable *var;
	size_t nr;
	struct cr_rules left; /* what was there, to be looked for elsewhere */
	size_t cap_left;
};

static struct cr_error *parse(const char *word, struct variable *v)
{
	const char *equals = strchr(word, '=');
	size_t n = strlen(word);
	bool unset = !equals && n && word[n - 1] == '-';
	*v = (struct variable){ word, equals ? (size_t)(equals - word) : n - 1,
				unset, 0 };
	if ((!equals && !unset) || !v->name_size)
		return cr_error_new(CR_ERR_USAGE, "'%s': need NAME=VALUE, or "
						  "NAME- to unset it",
				    word);
	return NULL;
}

static struct cr_error *add_left(struct edit *e, const char *text)
{
	size_t size = strlen(text);
	if (cr_rules_find_exact(&e->left, text, size))
		return NULL;
	if (e->left.nr == e->cap_left) {
		e->cap_left = e->cap_left ? 2 * e->cap_left : 16;
		void *more = realloc(e->left.rule,
				     e->cap_left * sizeof(e->left.rule[0]));
		if (!more)
			return cr_enomem;
		e->left.rule = more;
	}
	char *copy = strdup(text);
	if (!copy)
		return cr_enomem;
	e->left.rule[e->left.nr++] =
		(struct cr_rule){ .old = copy, .old_size = size };
	return NULL;
}

/* A variable in size bytes of the environment, at vaddr; the bytes behind its
 * new value become NULs. */
static struct cr_error *set(struct edit *e, struct variable *v, uint32_t pid,
			    const char *old, size_t size, uint64_t vaddr)
{
	size_t need = v->unset ? 0 : strlen(v->word);
	if (need > size)
		return cr_error_new(CR_ERR_FORMAT,
				    "process %u: the new '%.*s' is longer than "
				    "what is there: %zu bytes, not %zu",
				    pid, (int)v->name_size, v->word, need, size);
	cr_auto_free char *bytes = calloc(1, size + 1);
	if (!bytes)
		return cr_enomem;
	if (need)
		memcpy(bytes, v->word, need);
	v->hits++;
	if (!memcmp(bytes, old, size))
		return NULL;
	struct cr_error *err = add_left(e, old);
	return err ? err :
		     cr_poke(e->d->change, pid, vaddr, bytes, size,
			     e->d->sysroot);
}

static struct cr_error *set_all(struct edit *e, uint32_t pid, const char *env,
				size_t size, uint64_t start)
{
	struct cr_error *err = NULL;
	for (size_t off = 0; off < size && !err;) {
		const char *text = env + off;
		size_t n = strlen(text);
		for (size_t i = 0; i < e->nr && !err; i++) {
			struct variable *v = &e->var[i];
			if (!strncmp(text, v->word, v->name_size) &&
			    text[v->name_size] == '=')
				err = set(e, v, pid, text, n, start + off);
		}
		off += n + 1;
	}
	return err;
}

static struct cr_error *read_env(struct cr_memory *memory, uint32_t pid,
				 const MmEntry *mm, char **ret,
				 size_t *size_ret)
{
	struct cr_pages pages = { 0 };
	uint64_t size = mm->mm_env_end - mm->mm_env_start;
	if (mm->mm_env_end < mm->mm_env_start || size > ENV_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "mm-%u.img: no range of addresses for the "
				    "environment",
				    pid);
	char *env = malloc((size_t)size + 1);
	struct cr_error *err = env ? cr_pages_open(&pages, memory, pid) :
				     cr_enomem;
	if (!err && size)
		err = cr_pages_read(&pages, mm->mm_env_start, env,
				    (size_t)size);
	cr_pages_close(&pages);
	if (err) {
		free(env);
		return cr_error_at(err, "the environment of process %u", pid);
	}
	env[size] = 0;
	*ret = env;
	*size_ret = (size_t)size;
	return NULL;
}

static struct cr_error *edit_process(struct edit *e, struct cr_memory *memory,
				     uint32_t pid)
{
	struct cr_mm mm = { 0 };
	cr_auto_free char *env = NULL;
	size_t size = 0;
	uint64_t start = 0;
	struct cr_error *err = cr_mm_load(cr_change_set(e->d->change), pid, &mm);
	if (!err && mm.entry) {
		start = mm.entry->mm_env_start;
		err = read_env(memory, pid, mm.entry, &env, &size);
	}
	cr_mm_free(&mm);
	return err || !env ? err : set_all(e, pid, env, size, start);
}

static struct cr_error *edit_processes(struct edit *e)
{
	struct cr_memory memory = { 0 };
	struct cr_memory_ids pids = { 0 };
	size_t nr = 0;
	struct cr_error *err = cr_memory_init(
		&memory, cr_change_set(e->d->change), e->d->sysroot);
	if (!err)
		err = cr_memory_pids(&memory, &pids);
	for (size_t i = 0; i < pids.nr && !err; i++) {
		if (!cr_domain_is_meant(e->d, pids.id[i]))
			continue;
		nr++;
		err = edit_process(e, &memory, pids.id[i]);
	}
	free(pids.id);
	cr_memory_deinit(&memory);
	if (!err && nr < e->d->nr_pids)
		err = cr_error_new(CR_ERR_NOT_FOUND, "no such process has memory "
						     "here");
	return err;
}

struct cr_error *cr_domain_env(const struct cr_domain *d, char *const *word,
			       size_t nr)
{
	cr_auto_free struct variable *var = calloc(nr, sizeof(var[0]));
	struct edit e = { .d = d, .var = var, .nr = nr };
	struct cr_error *err = var ? NULL : cr_enomem;
	for (size_t i = 0; i < nr && !err; i++)
		err = parse(word[i], &var[i]);
	if (!err)
		err = edit_processes(&e);
	for (size_t i = 0; i < nr && !err; i++)
		if (!var[i].hits)
			err = cr_domain_missing(
				d, "'%.*s' is in no environment, and none can "
				   "grow",
				(int)var[i].name_size, var[i].word);
	if (!err)
		err = cr_domain_remember(d, &e.left);
	cr_rules_free(&e.left);
	return err;
}
