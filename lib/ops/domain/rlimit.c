// SPDX-License-Identifier: MIT
//
// Resource limits: man 2 getrlimit; numbers of Linux
// include/uapi/asm-generic/resource.h, v6.11, and arch/mips.
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/ops/domain/settings.h"

// clang-format off
static const struct {
	const char *name;
	unsigned number, mips;
} limits[] = {
	{ "cpu",        0,  0 }, { "fsize",      1,  1 }, { "data",       2,  2 },
	{ "stack",      3,  3 }, { "core",       4,  4 }, { "rss",        5,  7 },
	{ "nproc",      6,  8 }, { "nofile",     7,  5 }, { "memlock",    8,  9 },
	{ "as",         9,  6 }, { "locks",     10, 10 }, { "sigpending", 11, 11 },
	{ "msgqueue",  12, 12 }, { "nice",      13, 13 }, { "rtprio",     14, 14 },
	{ "rttime",    15, 15 },
};
// clang-format on

struct limit {
	size_t row;
	bool has_soft, has_hard;
	uint64_t soft, hard;
	uint64_t hits;
};

struct edit {
	const struct cr_domain *d;
	struct limit *limit;
	size_t nr;
	json_t *tids;
};

static bool read_value(const char *text, size_t size, uint64_t *ret)
{
	char copy[32];
	if (size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = 0;
	*ret = UINT64_MAX;
	return !strcasecmp(copy, "unlimited") || !strcasecmp(copy, "infinity") ||
	       cr_domain_number(copy, 0, UINT64_MAX, ret);
}

/* SOFT:HARD, SOFT:, :HARD, or one for both. */
static bool read_values(const char *text, struct limit *l)
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	l->has_soft = n;
	l->has_hard = !colon || colon[1];
	if (!l->has_soft && !l->has_hard)
		return false;
	if (n && !read_value(text, n, &l->soft))
		return false;
	if (!colon)
		l->hard = l->soft;
	return !colon || !colon[1] ||
	       read_value(colon + 1, strlen(colon + 1), &l->hard);
}

static struct cr_error *parse(const struct cr_setting *s, struct limit *l)
{
	const char *name = s->key;
	size_t nr = sizeof(limits) / sizeof(limits[0]);
	if (!strncasecmp(name, "RLIMIT_", 7))
		name += 7;
	for (l->row = 0; l->row < nr; l->row++)
		if (!strcasecmp(limits[l->row].name, name))
			break;
	if (l->row == nr)
		return cr_error_new(CR_ERR_USAGE, "'%s' is no resource limit",
				    s->key);
	if (!read_values(s->value, l))
		return cr_error_new(CR_ERR_USAGE, "'%s': need SOFT:HARD, numbers "
						  "or 'unlimited'",
				    s->value);
	return NULL;
}

static struct cr_error *set(struct limit *l, json_t *entry)
{
	json_t *soft = cr_tree_int((struct cr_int){ l->soft });
	json_t *hard = cr_tree_int((struct cr_int){ l->hard });
	bool failed = !soft || !hard ||
		      (l->has_soft && json_object_set(entry, "cur", soft)) ||
		      (l->has_hard && json_object_set(entry, "max", hard));
	uint64_t cur = cr_domain_get(entry, "cur", 0);
	uint64_t max = cr_domain_get(entry, "max", UINT64_MAX);
	json_decref(soft);
	json_decref(hard);
	l->hits++;
	if (!failed && cur > max)
		return cr_error_new(CR_ERR_FORMAT, "the soft limit of '%s' would "
						   "be above the hard one",
				    limits[l->row].name);
	return failed ? cr_enomem : NULL;
}

static struct cr_error *set_all(void *arg, const struct cr_rewrite_at *at,
				json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	json_t *list = json_object_get(
		json_object_get(json_object_get(entry, "tc"), "rlimits"),
		"rlimits");
	const char *march =
		json_string_value(json_object_get(entry, "mtype")) ?: "";
	bool mips = !strcmp(march, "MIPS");
	struct cr_error *err = NULL;
	if (!list || !cr_domain_wants(e->d, e->tids, at->image))
		return NULL;
	for (size_t i = 0; i < e->nr && !err; i++) {
		struct limit *l = &e->limit[i];
		json_t *one = json_array_get(list,
					     mips ? limits[l->row].mips :
						    limits[l->row].number);
		if (one)
			err = set(l, one);
	}
	*ret = CR_REWRITE_CHANGED;
	return err;
}

/* Until 1.3 each is an entry of rlimit-PID.img. */
static struct cr_error *set_old(void *arg, const struct cr_rewrite_at *at,
				json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	struct cr_error *err = NULL;
	if (!cr_domain_wants(e->d, e->tids, at->image))
		return NULL;
	for (size_t i = 0; i < e->nr && !err; i++)
		if (limits[e->limit[i].row].number == at->i)
			err = set(&e->limit[i], entry);
	*ret = CR_REWRITE_CHANGED;
	return err;
}

struct cr_error *cr_domain_rlimit(const struct cr_domain *d, char *const *word,
				  size_t nr)
{
	cr_auto_free struct limit *limit = calloc(nr, sizeof(limit[0]));
	struct edit e = { .d = d, .limit = limit, .nr = nr };
	struct cr_setting *settings = NULL;
	struct cr_error *err = limit ? cr_settings_parse(word, nr, &settings) :
				       cr_enomem;
	for (size_t i = 0; i < nr && !err; i++)
		err = parse(&settings[i], &limit[i]);
	if (!err)
		err = cr_domain_tids(d, &e.tids);
	if (!err)
		err = cr_domain_each(d, "core", set_all, &e, NULL);
	if (!err)
		err = cr_domain_each(d, "rlimit", set_old, &e, NULL);
	for (size_t i = 0; i < nr && !err; i++)
		if (!limit[i].hits)
			err = cr_domain_missing(d, "no process has a limit '%s'",
						settings[i].key);
	json_decref(e.tids);
	cr_settings_free(settings, nr);
	return err;
}
