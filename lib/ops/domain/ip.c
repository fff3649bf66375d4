// SPDX-License-Identifier: MIT
//
// IP addresses. An IPv4 address also stands behind ::ffff: in sockets of IPv6.
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/codec/present.h"
#include "lib/ops/domain/dumps.h"
#include "lib/ops/domain/inside.h"

#define MAPPED 0xffff0000u /* third word of ::ffff:0:0 */

struct address {
	uint32_t word[4];
	unsigned nr; /* 1 or 4 */
};

struct pair {
	struct address old, to;
	uint64_t hits;
};

struct edit {
	struct pair *pair;
	size_t nr;
};

static struct cr_error *parse(const char *text, size_t size,
			      struct address *ret)
{
	*ret = (struct address){ .nr = 0 };
	struct cr_error *err =
		cr_present_parse_address(text, size, ret->word, &ret->nr);
	if (err) {
		cr_error_free(err);
		return cr_error_new(CR_ERR_USAGE, "'%s' is no IP address",
				    text);
	}
	if (ret->nr == 4 && !ret->word[0] && !ret->word[1] &&
	    ret->word[2] == MAPPED)
		*ret = (struct address){ { ret->word[3] }, 1 };
	return NULL;
}

static struct cr_error *parse_pair(const struct cr_rule *rule,
				   struct pair *ret)
{
	struct cr_error *err = parse(rule->old, rule->old_size, &ret->old);
	if (!err)
		err = parse(rule->to, rule->to_size, &ret->to);
	if (!err && ret->old.nr != ret->to.nr)
		err = cr_error_new(CR_ERR_USAGE, "'%s=%s': one is an IPv4 and "
						 "one an IPv6 address",
				   rule->old, rule->to);
	return err;
}

static struct pair *find(const struct edit *e, const struct address *a)
{
	for (size_t i = 0; i < e->nr; i++)
		if (e->pair[i].old.nr == a->nr &&
		    !memcmp(e->pair[i].old.word, a->word,
			    a->nr * sizeof(a->word[0])))
			return &e->pair[i];
	return NULL;
}

static struct cr_error *on_address(void *arg, const struct cr_mean_at *at,
				   json_t *value, json_t **ret)
{
	struct address a, v4;
	if (!cr_mean_words(value, a.word, &a.nr))
		return NULL;
	v4 = (struct address){ { a.word[3] }, 1 };
	bool mapped = a.nr == 4 && !a.word[0] && !a.word[1] &&
		      a.word[2] == MAPPED;
	struct pair *pair = find(arg, mapped ? &v4 : &a);
	if (!pair)
		return NULL;
	pair->hits++;
	if (mapped)
		a.word[3] = pair->to.word[0];
	else
		a = pair->to;
	return cr_mean_from_words(a.word, a.nr, ret);
}

static struct cr_error *look_at_dumps(const struct cr_domain *d,
				      const struct edit *e)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; i < e->nr && !err; i++) {
		const struct address *a = &e->pair[i].old;
		char text[64];
		char *end = cr_present_address(text, a->word, a->nr, true);
		/* Without its quotes. */
		end[-1] = 0;
		err = cr_dumps_find_address(d, text + 1, a->word,
					    a->nr * sizeof(a->word[0]));
	}
	return err;
}

struct cr_error *cr_domain_ip(const struct cr_domain *d, char *const *word,
			      size_t nr)
{
	cr_auto_free struct pair *pair = calloc(nr, sizeof(pair[0]));
	struct edit e = { pair, nr };
	struct cr_rules rules = { 0 };
	uint64_t hits = 0;
	struct cr_error *err = pair ? cr_rules_parse(word, nr, &rules) :
				      cr_enomem;
	for (size_t i = 0; i < nr && !err; i++)
		err = parse_pair(&rules.rule[i], &pair[i]);
	if (!err)
		err = cr_mean_each(d->change, CR_MEANING(CR_MEANS_IP),
				   on_address, &e);
	for (size_t i = 0; i < nr && !err; i++)
		hits += rules.rule[i].hits = pair[i].hits;
	if (!err)
		err = cr_rules_met(d, &rules);
	if (!err)
		err = look_at_dumps(d, &e);
	if (!err && hits)
		cr_domain_remark(d, "other ends of connections that are not in "
				    "this checkpoint have to know the new "
				    "address");
	cr_rules_free(&rules);
	return err;
}
