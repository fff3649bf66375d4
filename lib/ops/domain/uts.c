// SPDX-License-Identifier: MIT
//
// The two names of uname(2) that can be set.
#include <string.h>

#include "lib/ops/domain/settings.h"

#define NAME_SIZE_MAX 64 /* Linux include/uapi/linux/utsname.h, __NEW_UTS_LEN */

struct edit {
	const struct cr_setting *setting;
	size_t nr;
};

static const char *field_of(const char *key)
{
	if (!strcmp(key, "host") || !strcmp(key, "nodename"))
		return "nodename";
	if (!strcmp(key, "domain") || !strcmp(key, "domainname"))
		return "domainname";
	return NULL;
}

static struct cr_error *check(const struct cr_setting *s)
{
	if (!field_of(s->key))
		return cr_error_new(CR_ERR_USAGE, "'%s': uts has 'host' and "
						  "'domain'",
				    s->key);
	if (strlen(s->value) > NAME_SIZE_MAX)
		return cr_error_new(CR_ERR_USAGE, "'%s' is too long: a name has "
						  "%d bytes at most",
				    s->value, NAME_SIZE_MAX);
	return NULL;
}

static struct cr_error *set(void *arg, const struct cr_rewrite_at *at,
			    json_t *entry, enum cr_rewrite *ret)
{
	const struct edit *e = arg;
	for (size_t i = 0; i < e->nr; i++) {
		const struct cr_setting *s = &e->setting[i];
		json_t *name = json_string(s->value);
		if (!name)
			return cr_error_new(CR_ERR_USAGE, "'%s' is not UTF-8",
					    s->value);
		if (json_object_set_new(entry, field_of(s->key), name))
			return cr_enomem;
	}
	*ret = CR_REWRITE_CHANGED;
	return NULL;
}

struct cr_error *cr_domain_uts(const struct cr_domain *d, char *const *word,
			       size_t nr)
{
	struct cr_setting *settings;
	size_t nr_images = 0;
	struct cr_error *err = cr_settings_parse(word, nr, &settings);
	struct edit e = { settings, nr };
	for (size_t i = 0; i < nr && !err; i++)
		err = check(&settings[i]);
	if (!err)
		err = cr_domain_each(d, "utsns", set, &e, &nr_images);
	if (!err && !nr_images)
		err = cr_domain_missing(d, "there is no image of a UTS "
					   "namespace: the names are the "
					   "machine's");
	if (!err && nr_images > 1)
		err = cr_error_new(CR_ERR_FORMAT, "there are %zu UTS namespaces: "
						  "say which, as in 'set "
						  "utsns-N.img:entries[0]."
						  "nodename=NAME'",
				   nr_images);
	cr_settings_free(settings, nr);
	return err;
}
