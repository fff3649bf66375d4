// SPDX-License-Identifier: MIT
//
// Credentials of threads: man 7 credentials, man 7 capabilities.
#include <stdlib.h>
#include <string.h>

#include "images/creds.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/image/caps.h"
#include "lib/ops/domain/settings.h"

enum kind { ID, GROUPS, CAPS, FLAG };

// clang-format off
static const struct key {
	const char *name;
	enum kind kind;
	const char *fields[4];
} keys[] = {
	{ "uid",          ID,     { "uid", "euid", "suid", "fsuid" } },
	{ "gid",          ID,     { "gid", "egid", "sgid", "fsgid" } },
	{ "ruid",         ID,     { "uid" } },
	{ "euid",         ID,     { "euid" } },
	{ "suid",         ID,     { "suid" } },
	{ "fsuid",        ID,     { "fsuid" } },
	{ "rgid",         ID,     { "gid" } },
	{ "egid",         ID,     { "egid" } },
	{ "sgid",         ID,     { "sgid" } },
	{ "fsgid",        ID,     { "fsgid" } },
	{ "groups",       GROUPS, { "groups" } },
	{ "cap_inh",      CAPS,   { "cap_inh" } },
	{ "cap_prm",      CAPS,   { "cap_prm" } },
	{ "cap_eff",      CAPS,   { "cap_eff" } },
	{ "cap_bnd",      CAPS,   { "cap_bnd" } },
	{ "cap_amb",      CAPS,   { "cap_amb" } },
	{ "no_new_privs", FLAG,   { "no_new_privs" } },
};
// clang-format on

struct setting {
	const struct key *key;
	bool has_old; /* uid=OLD:NEW */
	uint64_t old, value;
	json_t *groups;
	uint64_t hits;
};

struct edit {
	const struct cr_domain *d;
	struct setting *setting;
	size_t nr;
	json_t *tids;
};

/* ---- words ---- */

static bool read_id(const char *text, struct setting *s)
{
	const char *colon = strchr(text, ':');
	cr_auto_free char *old =
		colon ? strndup(text, (size_t)(colon - text)) : NULL;
	s->has_old = colon;
	if (colon && (!old || !cr_domain_number(old, 0, UINT32_MAX - 1,
						&s->old)))
		return false;
	return cr_domain_number(colon ? colon + 1 : text, 0, UINT32_MAX - 1,
				&s->value);
}

/* Calls fn for what stands between commas. */
static bool each_word(const char *text, bool (*fn)(struct setting *,
						    const char *),
		      struct setting *s)
{
	cr_auto_free char *copy = strdup(text);
	char *rest = copy, *word;
	bool ok = copy;
	while (ok && (word = strsep(&rest, ",")))
		ok = fn(s, word);
	return ok;
}

static bool add_group(struct setting *s, const char *word)
{
	uint64_t id;
	return cr_domain_number(word, 0, UINT32_MAX - 1, &id) &&
	       !json_array_append_new(s->groups, json_integer((json_int_t)id));
}

static bool add_cap(struct setting *s, const char *word)
{
	uint64_t mask;
	if (!strncasecmp(word, "cap_", 4))
		word += 4;
	for (unsigned i = 0; i < cr_nr_cap_names; i++)
		if (!strcasecmp(cr_cap_names[i], word)) {
			s->value |= UINT64_C(1) << i;
			return true;
		}
	if (!cr_domain_number(word, 0, UINT64_MAX, &mask))
		return false;
	s->value |= mask;
	return true;
}

static bool read_caps(const char *text, struct setting *s)
{
	if (!strcmp(text, "none"))
		return true;
	if (!strcmp(text, "all"))
		s->value = (UINT64_C(1) << cr_nr_cap_names) - 1;
	return s->value || each_word(text, add_cap, s);
}

static bool read_value(const char *text, struct setting *s)
{
	switch (s->key->kind) {
	case ID:
		return read_id(text, s);
	case GROUPS:
		s->groups = json_array();
		return s->groups && (!*text || each_word(text, add_group, s));
	case CAPS:
		return read_caps(text, s);
	case FLAG:
		return cr_domain_number(text, 0, 1, &s->value);
	}
	return false;
}

static struct cr_error *parse(const struct cr_setting *word, struct setting *s)
{
	static const char *const need[] = {
		[ID] = "an id, or OLD:NEW",
		[GROUPS] = "ids with commas between them",
		[CAPS] = "names of capabilities, 0x..., 'all' or 'none'",
		[FLAG] = "0 or 1",
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].name, word->key))
			s->key = &keys[i];
	if (!s->key)
		return cr_error_new(CR_ERR_USAGE, "'%s' is no credential",
				    word->key);
	if (!read_value(word->value, s))
		return cr_error_new(CR_ERR_USAGE, "%s=%s: need %s", word->key,
				    word->value, need[s->key->kind]);
	return NULL;
}

/* ---- messages ---- */

static int set_id(struct setting *s, json_t *creds)
{
	int failed = 0;
	for (size_t i = 0; i < 4 && s->key->fields[i]; i++) {
		const char *field = s->key->fields[i];
		if (s->has_old &&
		    cr_domain_get(creds, field, UINT64_MAX) != s->old)
			continue;
		s->hits++;
		failed |= json_object_set_new(creds, field,
					      json_integer(
						      (json_int_t)s->value));
	}
	return failed;
}

/* In as many words as there are; two if there are none. */
static int set_caps(struct setting *s, json_t *creds)
{
	const char *field = s->key->fields[0];
	size_t nr = json_array_size(json_object_get(creds, field));
	json_t *list = json_array();
	int failed = !list;
	for (size_t i = 0; i < (nr ?: 2); i++) {
		uint64_t word = i < 2 ? s->value >> (32 * i) & UINT32_MAX : 0;
		failed |= json_array_append_new(list,
						json_integer((json_int_t)word));
	}
	s->hits++;
	return json_object_set_new(creds, field, list) || failed;
}

static int set(struct setting *s, json_t *creds)
{
	switch (s->key->kind) {
	case ID:
		return set_id(s, creds);
	case CAPS:
		return set_caps(s, creds);
	case GROUPS:
		s->hits++;
		if (!json_array_size(s->groups)) {
			json_object_del(creds, "groups");
			return 0;
		}
		return json_object_set(creds, "groups", s->groups);
	case FLAG:
		s->hits++;
		return json_object_set_new(creds, "no_new_privs",
					   json_integer((json_int_t)s->value));
	}
	return 0;
}

static uint64_t caps_of(const json_t *creds, const char *field)
{
	const json_t *list = json_object_get(creds, field);
	uint64_t low = 0, high = 0;
	cr_domain_u64(json_array_get(list, 0), &low);
	cr_domain_u64(json_array_get(list, 1), &high);
	return low | high << 32;
}

/* What the kernel would refuse. */
static struct cr_error *check_caps(const json_t *creds)
{
	uint64_t prm = caps_of(creds, "cap_prm");
	if (caps_of(creds, "cap_eff") & ~prm)
		return cr_error_new(CR_ERR_FORMAT, "cap_eff would have what "
						   "cap_prm has not");
	if (caps_of(creds, "cap_amb") & ~(prm & caps_of(creds, "cap_inh")))
		return cr_error_new(CR_ERR_FORMAT, "cap_amb would have what "
						   "cap_prm or cap_inh has "
						   "not");
	return NULL;
}

static struct cr_error *set_all(struct edit *e, json_t *creds,
				enum cr_rewrite *ret)
{
	bool caps = false;
	int failed = 0;
	for (size_t i = 0; i < e->nr; i++) {
		failed |= set(&e->setting[i], creds);
		caps |= e->setting[i].key->kind == CAPS;
	}
	*ret = CR_REWRITE_CHANGED;
	return failed ? cr_enomem : caps ? check_caps(creds) : NULL;
}

static struct cr_error *on_core(void *arg, const struct cr_rewrite_at *at,
				json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	json_t *creds = json_object_get(json_object_get(entry, "thread_core"),
					"creds");
	if (!creds || !cr_domain_wants(e->d, e->tids, at->image))
		return NULL;
	return set_all(e, creds, ret);
}

/* Until 2.0 they are an image of the process. */
static struct cr_error *on_creds(void *arg, const struct cr_rewrite_at *at,
				 json_t *entry, enum cr_rewrite *ret)
{
	struct edit *e = arg;
	if (!cr_domain_wants(e->d, e->tids, at->image))
		return NULL;
	return set_all(e, entry, ret);
}

struct cr_error *cr_domain_cred(const struct cr_domain *d, char *const *word,
				size_t nr)
{
	cr_auto_free struct setting *setting = calloc(nr, sizeof(setting[0]));
	struct edit e = { .d = d, .setting = setting, .nr = nr };
	struct cr_setting *words = NULL;
	struct cr_error *err =
		setting ? cr_settings_parse(word, nr, &words) : cr_enomem;
	for (size_t i = 0; i < nr && !err; i++)
		err = parse(&words[i], &setting[i]);
	if (!err)
		err = cr_domain_tids(d, &e.tids);
	if (!err)
		err = cr_domain_each(d, "core", on_core, &e, NULL);
	if (!err)
		err = cr_domain_each(d, "creds", on_creds, &e, NULL);
	for (size_t i = 0; i < nr && !err; i++)
		if (!setting[i].hits)
			err = cr_domain_missing(d, "no thread has what '%s' "
						   "would change",
						word[i]);
	for (size_t i = 0; setting && i < nr; i++)
		json_decref(setting[i].groups);
	json_decref(e.tids);
	cr_settings_free(words, nr);
	return err;
}
