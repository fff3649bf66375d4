// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "lib/ops/domain/inside.h"

/* Copies up to an equals sign, or the end; returns where it stopped. */
static const char *take(const char *text, bool up_to_equals, char **ret,
			size_t *size_ret)
{
	char *o = malloc(strlen(text) + 1);
	size_t n = 0;
	*ret = o;
	if (!o)
		return NULL;
	for (; *text && !(up_to_equals && *text == '='); text++) {
		if (*text == '\\' && (text[1] == '=' || text[1] == '\\'))
			text++;
		o[n++] = *text;
	}
	o[n] = 0;
	*size_ret = n;
	return text;
}

static struct cr_error *parse(const char *word, struct cr_rule *rule)
{
	const char *p = take(word, true, &rule->old, &rule->old_size);
	if (p && *p != '=')
		return cr_error_new(CR_ERR_USAGE, "'%s': need OLD=NEW", word);
	if (p)
		p = take(p + 1, false, &rule->to, &rule->to_size);
	if (!p)
		return cr_enomem;
	if (!rule->old_size || !rule->to_size)
		return cr_error_new(CR_ERR_USAGE, "'%s': need OLD=NEW, neither "
						  "of them empty",
				    word);
	return NULL;
}

struct cr_error *cr_rules_parse(char *const *word, size_t nr,
				struct cr_rules *ret)
{
	struct cr_error *err = NULL;
	*ret = (struct cr_rules){ calloc(nr ? nr : 1, sizeof(ret->rule[0])),
				  nr };
	if (!ret->rule)
		return cr_enomem;
	for (size_t i = 0; i < nr && !err; i++) {
		struct cr_rule *rule = &ret->rule[i];
		err = parse(word[i], rule);
		for (size_t k = 0; k < i && !err; k++)
			if (!strcmp(ret->rule[k].old, rule->old))
				err = cr_error_new(CR_ERR_USAGE,
						   "'%s' is given twice",
						   rule->old);
	}
	return err;
}

void cr_rules_free(struct cr_rules *rules)
{
	for (size_t i = 0; rules->rule && i < rules->nr; i++) {
		free(rules->rule[i].old);
		free(rules->rule[i].to);
	}
	free(rules->rule);
}

static void trim(char *path, size_t *size)
{
	while (*size > 1 && path[*size - 1] == '/')
		path[--*size] = 0;
}

void cr_rules_trim(struct cr_rules *rules)
{
	for (size_t i = 0; i < rules->nr; i++) {
		trim(rules->rule[i].old, &rules->rule[i].old_size);
		trim(rules->rule[i].to, &rules->rule[i].to_size);
	}
}

/* Whole components: what follows is nothing, a slash, or the end of a C string.
 * "/" leads to every absolute path. */
static bool leads(const struct cr_rule *rule, const char *path, size_t size)
{
	size_t n = rule->old_size;
	if (size < n || memcmp(path, rule->old, n))
		return false;
	return size == n || path[n] == '/' || !path[n] ||
	       rule->old[n - 1] == '/';
}

struct cr_rule *cr_rules_find(const struct cr_rules *rules, const char *path,
			      size_t size)
{
	struct cr_rule *best = NULL;
	for (size_t i = 0; i < rules->nr; i++) {
		struct cr_rule *rule = &rules->rule[i];
		if (leads(rule, path, size) &&
		    (!best || rule->old_size > best->old_size))
			best = rule;
	}
	return best;
}

struct cr_rule *cr_rules_find_exact(const struct cr_rules *rules,
				    const void *text, size_t size)
{
	for (size_t i = 0; i < rules->nr; i++) {
		struct cr_rule *rule = &rules->rule[i];
		if (rule->old_size == size && !memcmp(rule->old, text, size))
			return rule;
	}
	return NULL;
}

struct cr_error *cr_rules_apply(struct cr_rules *rules, const char *path,
				size_t size, char **ret, size_t *size_ret)
{
	struct cr_rule *rule = cr_rules_find(rules, path, size);
	*ret = NULL;
	if (!rule)
		return NULL;
	/* The rest begins with a slash, or is nothing. */
	const char *rest = path + rule->old_size;
	size_t left = size - rule->old_size, head = rule->to_size;
	if (rule->old[rule->old_size - 1] == '/' && left && *rest) {
		rest--;
		left++;
	}
	if (rule->to[head - 1] == '/' && left && *rest == '/')
		head--;
	char *o = malloc(head + left + 1);
	if (!o)
		return cr_enomem;
	memcpy(o, rule->to, head);
	memcpy(o + head, rest, left);
	o[head + left] = 0;
	*ret = o;
	*size_ret = head + left;
	rule->hits++;
	return NULL;
}

struct cr_error *cr_rules_met(const struct cr_domain *d,
			      const struct cr_rules *rules)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; i < rules->nr && !err; i++)
		if (!rules->rule[i].hits)
			err = cr_domain_missing(d, "'%s' is nowhere in the "
						   "images",
						rules->rule[i].old);
	return err;
}
