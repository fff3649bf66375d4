// SPDX-License-Identifier: MIT
//
// Labels of security modules. Which module they belong to stands in the
// inventory; CRIU criu/lsm.c, v4.2.
#include <string.h>

#include "images/creds.pb-c.h"
#include "images/fdinfo.pb-c.h"
#include "lib/ops/domain/settings.h"

enum what { REPLACE, SET, CLEAR };

struct edit {
	const struct cr_domain *d;
	enum what what;
	struct cr_rules rules;
	const char *label;
	json_t *tids;
	uint64_t nr;
};

static bool is_profile(const struct cr_mean_at *at)
{
	return at->plan->desc == &creds_entry__descriptor &&
	       !strcmp(at->field->name, "lsm_profile");
}

static struct cr_error *on_label(void *arg, const struct cr_mean_at *at,
				 json_t *value, json_t **ret)
{
	struct edit *e = arg;
	char *label;
	size_t size;
	/* Tables of descriptors, which have numbers of their own, are shared. */
	bool is_table = at->plan->desc == &fdinfo_entry__descriptor;
	if ((e->tids && is_table) ||
	    !cr_domain_wants(e->d, e->tids, at->at->image) ||
	    (e->what == SET && !is_profile(at)))
		return NULL;
	if (e->what != REPLACE) {
		e->nr++;
		*ret = e->what == CLEAR ? json_null() : json_string(e->label);
		return *ret ? NULL :
			      cr_error_new(CR_ERR_USAGE, "'%s' is not UTF-8",
					   e->label);
	}
	struct cr_error *err = cr_mean_bytes(at, value, &label, &size);
	if (err || !label)
		return err;
	struct cr_rule *rule = cr_rules_find_exact(&e->rules, label, size);
	free(label);
	if (!rule)
		return NULL;
	rule->hits++;
	return cr_mean_value(at, rule->to, rule->to_size, ret);
}

static struct cr_error *clear_inventory(void *arg,
					const struct cr_rewrite_at *at,
					json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	if (!json_object_get(entry, "lsmtype"))
		return NULL;
	e->nr++;
	*ret = CR_REWRITE_CHANGED;
	return json_object_set_new(entry, "lsmtype", json_string("NO_LSM")) ?
		       cr_enomem :
		       NULL;
}

static struct cr_error *clear_stack(void *arg, const struct cr_rewrite_at *at,
				    json_t *entry, enum cr_rewrite *ret)
{
	json_t *creds = json_object_get(json_object_get(entry, "thread_core"),
					"creds");
	if (!json_object_del(creds, "apparmor_data"))
		*ret = CR_REWRITE_CHANGED;
	return NULL;
}

/* No label is left to be checked, nor a policy to be loaded. */
static struct cr_error *clear_rest(struct edit *e)
{
	if (e->tids)
		return NULL;
	struct cr_error *err = cr_rewrite(e->d->change, "inventory.img", NULL,
					  clear_inventory, e);
	if (!err)
		err = cr_domain_each(e->d, "core", clear_stack, e, NULL);
	if (!err) {
		err = cr_change_remove(e->d->change, "apparmor.img");
		cr_error_catch(&err, CR_ERR_NOT_FOUND);
	}
	return err;
}

static struct cr_error *parse(struct edit *e, char *const *word, size_t nr)
{
	e->what = nr == 1 && !strcmp(word[0], "clear") ? CLEAR :
		  nr == 1 && !strchr(word[0], '=')     ? SET :
							 REPLACE;
	e->label = word[0];
	return e->what == REPLACE ? cr_rules_parse(word, nr, &e->rules) : NULL;
}

struct cr_error *cr_domain_lsm(const struct cr_domain *d, char *const *word,
			       size_t nr)
{
	struct edit e = { .d = d };
	struct cr_error *err = parse(&e, word, nr);
	if (!err)
		err = cr_domain_tids(d, &e.tids);
	if (!err)
		err = cr_mean_each(d->change, CR_MEANING(CR_MEANS_LABEL),
				   on_label, &e);
	if (!err && e.what == CLEAR)
		err = clear_rest(&e);
	if (!err && e.what == REPLACE)
		err = cr_rules_met(d, &e.rules);
	else if (!err && !e.nr)
		err = cr_domain_missing(d, "no thread has a label");
	json_decref(e.tids);
	cr_rules_free(&e.rules);
	return err;
}
