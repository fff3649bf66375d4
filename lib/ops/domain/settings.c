// SPDX-License-Identifier: MIT
#include "lib/ops/domain/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cr_error *cr_settings_parse(char *const *word, size_t nr,
				   struct cr_setting **ret)
{
	*ret = calloc(nr + 1, sizeof(**ret));
	if (!*ret)
		return cr_enomem;
	for (size_t i = 0; i < nr; i++) {
		const char *equals = strchr(word[i], '=');
		if (!equals || equals == word[i])
			return cr_error_new(CR_ERR_USAGE,
					    "'%s': need KEY=VALUE", word[i]);
		(*ret)[i].key = strndup(word[i], (size_t)(equals - word[i]));
		(*ret)[i].value = equals + 1;
		if (!(*ret)[i].key)
			return cr_enomem;
	}
	return NULL;
}

void cr_settings_free(struct cr_setting *settings, size_t nr)
{
	for (size_t i = 0; settings && i < nr; i++)
		free(settings[i].key);
	free(settings);
}

struct tids {
	const struct cr_domain *d;
	json_t *all;
};

static struct cr_error *add_tid(struct tids *t, uint64_t tid)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)tid);
	return json_object_set_new(t->all, text, json_true()) ? cr_enomem :
								NULL;
}

static struct cr_error *look(void *arg, const struct cr_rewrite_at *at,
			     json_t *entry, enum cr_rewrite *ret)
{
	struct tids *t = arg;
	const json_t *threads = json_object_get(entry, "threads");
	uint64_t tid, pid = cr_domain_get(entry, "pid", 0);
	if (!cr_domain_is_meant(t->d, pid))
		return NULL;
	struct cr_error *err = add_tid(t, pid);
	for (size_t i = 0; i < json_array_size(threads) && !err; i++)
		if (cr_domain_u64(json_array_get(threads, i), &tid))
			err = add_tid(t, tid);
	return err;
}

bool cr_domain_is_meant(const struct cr_domain *d, uint64_t pid)
{
	bool meant = !d->nr_pids;
	for (size_t i = 0; i < d->nr_pids; i++)
		meant |= d->pid[i] == pid;
	return meant;
}

static bool has_tid(const json_t *tids, uint64_t tid)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)tid);
	return json_object_get(tids, text);
}

struct cr_error *cr_domain_tids(const struct cr_domain *d, json_t **ret)
{
	struct tids t = { d, NULL };
	*ret = NULL;
	if (!d->nr_pids)
		return NULL;
	t.all = json_object();
	if (!t.all)
		return cr_enomem;
	struct cr_error *err = cr_rewrite_look(cr_change_set(d->change),
					       "pstree.img", NULL, look, &t);
	for (size_t i = 0; i < d->nr_pids && !err; i++)
		if (!has_tid(t.all, d->pid[i]))
			err = cr_error_new(CR_ERR_NOT_FOUND, "no process is %u",
					   d->pid[i]);
	if (err)
		json_decref(t.all);
	else
		*ret = t.all;
	return err;
}

bool cr_domain_wants(const struct cr_domain *d, const json_t *tids,
		     const char *image)
{
	char text[24];
	const char *dash = strrchr(image, '-');
	if (!tids)
		return true;
	if (!dash)
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(dash + 1, "."),
		 dash + 1);
	return json_object_get(tids, text);
}
