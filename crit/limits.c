// SPDX-License-Identifier: MIT
#include "crit/limits.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

// clang-format off
static const struct {
	const char *name;
	bool is_size;
	size_t off;
} limits[] = {
	{ "members",     false, offsetof(struct cr_store_limits, nr_members) },
	{ "member-size", true,  offsetof(struct cr_store_limits, member_size) },
	{ "total-size",  true,  offsetof(struct cr_store_limits, total_size) },
	{ "ratio",       false, offsetof(struct cr_store_limits, ratio) },
};
// clang-format on

#define NR (sizeof(limits) / sizeof(limits[0]))

static struct cr_error *set_limit(struct cr_store_limits *all, const char *name,
				  const char *value)
{
	for (size_t i = 0; i < NR; i++) {
		if (strcmp(limits[i].name, name))
			continue;
		uint64_t v;
		struct cr_error *err = limits[i].is_size ?
					       cr_opts_size(value, &v) :
					       cr_opts_number(value, &v);
		if (err)
			return cr_error_at(err, "%s", name);
		/* The library takes 0 for the default. */
		if (!v)
			return cr_error_new(CR_ERR_USAGE,
					    "%s: 0 would let nothing in", name);
		memcpy((char *)all + limits[i].off, &v, sizeof(v));
		return NULL;
	}
	return cr_error_new(CR_ERR_USAGE,
			    "'%s' is none of members, member-size, total-size "
			    "and ratio",
			    name);
}

static struct cr_error *parse(char *text, struct cr_store_limits *ret)
{
	char *name;
	struct cr_error *err = NULL;
	if (!strcmp(text, "none")) {
		*ret = (struct cr_store_limits){ UINT64_MAX, UINT64_MAX,
						 UINT64_MAX, UINT64_MAX };
		return NULL;
	}
	while (!err && (name = strsep(&text, ","))) {
		char *value = strchr(name, '=');
		if (!value)
			return cr_error_new(CR_ERR_USAGE,
					    "'%s' is neither NAME=VALUE nor "
					    "none",
					    name);
		*value++ = 0;
		err = set_limit(ret, name, value);
	}
	return err;
}

struct cr_error *cr_limits_parse(const char *text, struct cr_store_limits *ret)
{
	struct cr_store_limits all = { 0 };
	cr_auto_free char *copy = strdup(text);
	if (!copy)
		return cr_enomem;
	struct cr_error *err = parse(copy, &all);
	if (err)
		return cr_error_at(err, "option '--limit'");
	*ret = all;
	return NULL;
}

struct cr_error *cr_limits_open(const struct cr_verb_call *call,
				const char *path, struct cr_set *ret)
{
	return cr_set_open_limited(path, &call->global->limits, ret);
}
