// SPDX-License-Identifier: MIT
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/cleanup.h"
#include "lib/ops/mean.h"
#include "lib/ops/redact/impl.h"

/* ---- values by their meaning ---- */

static struct cr_error *drop_key(void *arg, const struct cr_mean_at *at,
				 json_t *value, json_t **ret)
{
	struct cr_redact *r = arg;
	struct cr_int v;
	if (cr_tree_get_int(value, &v) && !v.magnitude)
		return NULL;
	*ret = json_integer(0);
	r->row->nr++;
	r->row->size += 8;
	return *ret ? NULL : cr_enomem;
}

struct cr_error *cr_redact_keys(struct cr_redact *r)
{
	return cr_mean_each(r->change, CR_MEANING(CR_MEANS_KEY), drop_key, r);
}

/* Which class of names a meaning has, and what stands between parts. */
// clang-format off
static const struct {
	enum cr_alias_class class;
	const char *seps;
} names[] = {
	[CR_MEANS_PATH]        = { CR_ALIAS_NAME,  "/" },
	[CR_MEANS_SOCKET_NAME] = { CR_ALIAS_NAME,  "/" },
	[CR_MEANS_CGROUP_PATH] = { CR_ALIAS_NAME,  "/" },
	[CR_MEANS_HOST_NAME]   = { CR_ALIAS_HOST,  "." },
	[CR_MEANS_LABEL]       = { CR_ALIAS_LABEL, "/:" },
	[CR_MEANS_COMM]        = { CR_ALIAS_COMM,  "" },
};
// clang-format on

/* What says nothing of its owner: "(none)" of a domain; the source of a mount
 * that is no path, which is the name of its file system. */
static bool says_nothing(const struct cr_redact *r, const struct cr_mean_at *at,
			 const char *name, size_t size)
{
	if (at->means == CR_MEANS_HOST_NAME)
		return !strcmp(name, "(none)") || !strcmp(name, "localhost");
	if (at->means == CR_MEANS_LABEL)
		return !strcmp(name, "unconfined");
	if (at->means == CR_MEANS_PATH &&
	    !strcmp(at->field->name, "source") && !memchr(name, '/', size))
		return true;
	return at->means != CR_MEANS_COMM && cr_redact_keeps(r, name, size);
}

static struct cr_error *rename_value(void *arg, const struct cr_mean_at *at,
				     json_t *value, json_t **ret)
{
	struct cr_redact *r = arg;
	cr_auto_free char *name = NULL;
	size_t size;
	struct cr_out out = { 0 };
	struct cr_error *err = cr_mean_bytes(at, value, &name, &size);
	if (err || !name || says_nothing(r, at, name, size))
		return err;
	err = cr_out_init_mem(&out);
	if (!err)
		err = cr_alias_parts(&r->alias, names[at->means].class, name,
				     size, names[at->means].seps, &out);
	size_t n = cr_out_buffered(&out);
	if (!err && (n != size || memcmp(name, out.buf, n))) {
		err = cr_mean_value(at, out.buf, n, ret);
		r->row->nr++;
	}
	cr_out_deinit(&out);
	return err;
}

static struct cr_error *rename_all(struct cr_redact *r, unsigned meanings)
{
	return cr_mean_each(r->change, meanings, rename_value, r);
}

struct cr_error *cr_redact_names(struct cr_redact *r)
{
	return rename_all(r, CR_MEANING(CR_MEANS_PATH) |
				     CR_MEANING(CR_MEANS_SOCKET_NAME) |
				     CR_MEANING(CR_MEANS_CGROUP_PATH));
}

struct cr_error *cr_redact_comm(struct cr_redact *r)
{
	return rename_all(r, CR_MEANING(CR_MEANS_COMM));
}

struct cr_error *cr_redact_hosts(struct cr_redact *r)
{
	return rename_all(r, CR_MEANING(CR_MEANS_HOST_NAME));
}

struct cr_error *cr_redact_labels(struct cr_redact *r)
{
	return rename_all(r, CR_MEANING(CR_MEANS_LABEL));
}

/* ---- addresses ---- */

static struct cr_error *change_ip(struct cr_redact *r, const json_t *value,
				  json_t **ret)
{
	uint32_t word[4] = { 0 }, old[4];
	unsigned nr;
	if (!cr_mean_words(value, word, &nr))
		return NULL;
	memcpy(old, word, sizeof(old));
	struct cr_error *err =
		nr == 1 ? cr_alias_ip4(&r->alias, (uint8_t *)word) :
			  cr_alias_ip6(&r->alias, (uint8_t *)word);
	if (err || !memcmp(old, word, nr * sizeof(word[0])))
		return err;
	r->row->nr++;
	return cr_mean_from_words(word, nr, ret);
}

static struct cr_error *change_mac(struct cr_redact *r,
				   const struct cr_mean_at *at, json_t *value,
				   json_t **ret)
{
	cr_auto_free char *mac = NULL;
	cr_auto_free char *old = NULL;
	size_t size;
	struct cr_error *err = cr_mean_bytes(at, value, &mac, &size);
	if (err || !mac)
		return err;
	old = malloc(size + 1);
	if (!old)
		return cr_enomem;
	memcpy(old, mac, size);
	err = cr_alias_mac(&r->alias, (uint8_t *)mac, size);
	if (err || !memcmp(old, mac, size))
		return err;
	r->row->nr++;
	return cr_mean_value(at, mac, size, ret);
}

static struct cr_error *change_address(void *arg, const struct cr_mean_at *at,
				       json_t *value, json_t **ret)
{
	return at->means == CR_MEANS_IP ? change_ip(arg, value, ret) :
					  change_mac(arg, at, value, ret);
}

struct cr_error *cr_redact_addresses(struct cr_redact *r)
{
	return cr_mean_each(r->change,
			    CR_MEANING(CR_MEANS_IP) | CR_MEANING(CR_MEANS_MAC),
			    change_address, r);
}

/* ---- values by their names ---- */

/* Fields in which nothing but contents is. */
// clang-format off
static const struct content {
	const char *image, *key;
	cr_redact_fn *of;
} contents[] = {
	{ "CORE",      "st_space",   cr_redact_registers },
	{ "CORE",      "xmm_space",  cr_redact_registers },
	{ "CORE",      "ymmh_space", cr_redact_registers },
	{ "CORE",      "zmm_upper",  cr_redact_registers },
	{ "CORE",      "hi16_zmm",   cr_redact_registers },
	{ "CORE",      "vregs",      cr_redact_registers },
	{ "TTY_DATA",  "data",       cr_redact_tty },
	{ "IPCNS_MSG", "extra",      cr_redact_ipc },
};
// clang-format on

struct blank {
	struct cr_redact *r;
	cr_redact_fn *of;
	const struct content *content; /* being looked for */
	bool changed;
};

/* Base64 of as many bytes, all zero. */
static struct cr_error *blank_bytes(struct blank *b, json_t *text)
{
	struct cr_base64 state = { 0 };
	size_t size = json_string_length(text);
	cr_auto_free uint8_t *data = malloc(size / 4 * 3 + 3);
	cr_auto_free char *zeros = malloc(cr_base64_room(size) + 1);
	if (!data || !zeros)
		return cr_enomem;
	uint8_t *end = data;
	if (cr_base64_feed(&state, json_string_value(text), size, &end))
		return NULL;
	size_t n = (size_t)(end - data), i = 0;
	while (i < n && !data[i])
		i++;
	if (i == n)
		return NULL;
	memset(data, 0, n);
	char *stop = cr_base64_put(zeros, data, n, false);
	b->changed = true;
	b->r->row->nr++;
	b->r->row->size += n;
	return json_string_setn(text, zeros, (size_t)(stop - zeros)) ?
		       cr_enomem :
		       NULL;
}

static struct cr_error *blank_list(struct blank *b, json_t *list)
{
	bool any = false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *v = json_array_get(list, i);
		struct cr_int number;
		struct cr_error *err = NULL;
		if (json_is_string(v) && b->of == cr_redact_ipc) {
			err = blank_bytes(b, v);
		} else if (cr_tree_get_int(v, &number) && number.magnitude) {
			any = true;
			if (json_array_set_new(list, i, json_integer(0)))
				err = cr_enomem;
		}
		if (err)
			return err;
	}
	b->r->row->nr += any;
	b->changed |= any;
	return NULL;
}

/* Trees are as deep as the decoder lets them be. */
static struct cr_error *blank_tree(struct blank *b, json_t *tree)
{
	const char *key;
	json_t *value;
	struct cr_error *err = NULL;
	json_object_foreach(tree, key, value) {
		bool hit = !strcmp(key, b->content->key);
		if (hit && json_is_string(value))
			err = blank_bytes(b, value);
		else if (hit && json_is_array(value))
			err = blank_list(b, value);
		else if (json_is_object(value))
			err = blank_tree(b, value);
		if (err)
			return err;
	}
	return NULL;
}

#define NR_CONTENTS (sizeof(contents) / sizeof(contents[0]))

static struct cr_error *blank_entry(void *arg, const struct cr_rewrite_at *at,
				    json_t *entry, enum cr_rewrite *ret)
{
	struct blank *b = arg;
	struct cr_error *err = NULL;
	b->changed = false;
	for (size_t i = 0; i < NR_CONTENTS && !err; i++) {
		b->content = &contents[i];
		if (contents[i].of == b->of &&
		    !strcmp(contents[i].image, at->type->id))
			err = blank_tree(b, entry);
	}
	if (b->changed)
		*ret = CR_REWRITE_CHANGED;
	return err;
}

static struct cr_error *blank_file(struct cr_redact *r, void *arg,
				   const char *name)
{
	struct blank *b = arg;
	const struct cr_image_type *type = cr_image_type_by_file(name);
	struct cr_rewrite_opts opts = { .payload = b->of == cr_redact_ipc };
	for (size_t i = 0; type && i < NR_CONTENTS; i++)
		if (contents[i].of == b->of &&
		    !strcmp(contents[i].image, type->id))
			return cr_rewrite(r->change, name, &opts, blank_entry,
					  b);
	return NULL;
}

static struct cr_error *blank_all(struct cr_redact *r, cr_redact_fn *of)
{
	struct blank b = { .r = r, .of = of };
	return cr_redact_each_file(r, blank_file, &b);
}

struct cr_error *cr_redact_registers(struct cr_redact *r)
{
	return blank_all(r, cr_redact_registers);
}

struct cr_error *cr_redact_tty(struct cr_redact *r)
{
	return blank_all(r, cr_redact_tty);
}

struct cr_error *cr_redact_messages(struct cr_redact *r)
{
	return blank_all(r, cr_redact_ipc);
}
