// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"
#include "lib/image/types.h"
#include "lib/ops/redact/impl.h"

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* ---- files that have no form of ours ---- */

static struct cr_error *remove_file(struct cr_redact *r, const char *name)
{
	struct cr_file file;
	struct cr_store *store = cr_change_set(r->change)->store;
	struct cr_error *err = cr_store_open_file(store, name, &file);
	if (err)
		return err;
	r->row->nr++;
	r->row->size += file.size;
	cr_file_close(&file);
	return cr_change_remove(r->change, name);
}

/* To restore, one that is not there is an empty one: CRIU criu/net.c, v4.2. */
static struct cr_error *drop_netdump(struct cr_redact *r, void *arg,
				     const char *name)
{
	static const char *const of[] = { "ifaddr-",	"route-",    "route6-",
					  "rule-",	"iptables-", "ip6tables-",
					  "nftables-",	"netns-ct-", "netns-exp-" };
	const struct cr_raw_type *raw = cr_raw_type_by_file(name);
	for (size_t i = 0; raw && i < sizeof(of) / sizeof(of[0]); i++)
		if (begins(raw->files, of[i]))
			return remove_file(r, name);
	return NULL;
}

struct cr_error *cr_redact_netdumps(struct cr_redact *r)
{
	return cr_redact_each_file(r, drop_netdump, NULL);
}

/* A gzipped tar without members. */
static const uint8_t empty_tar[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
	0x63, 0x60, 0x18, 0x05, 0xa3, 0x60, 0x14, 0x8c, 0x54, 0x00,
	0x00, 0x2e, 0xaf, 0xb5, 0xef, 0x00, 0x04, 0x00, 0x00,
};

static struct cr_error *drop_tmpfs(struct cr_redact *r, void *arg,
				   const char *name)
{
	const struct cr_raw_type *raw = cr_raw_type_by_file(name);
	struct cr_file file;
	if (!raw || !begins(raw->files, "tmpfs-"))
		return NULL;
	struct cr_store *store = cr_change_set(r->change)->store;
	struct cr_error *err = cr_store_open_file(store, name, &file);
	if (err)
		return err;
	uint64_t size = file.size;
	cr_file_close(&file);
	if (size == sizeof(empty_tar))
		return NULL;
	r->row->nr++;
	r->row->size += size;
	return cr_change_put(r->change, name, empty_tar, sizeof(empty_tar));
}

struct cr_error *cr_redact_tmpfs(struct cr_redact *r)
{
	return cr_redact_each_file(r, drop_tmpfs, NULL);
}

static struct cr_error *drop_log(struct cr_redact *r, void *arg,
				 const char *name)
{
	size_t size = strlen(name);
	return size > 4 && !strcmp(name + size - 4, ".log") ?
		       remove_file(r, name) :
		       NULL;
}

struct cr_error *cr_redact_logs(struct cr_redact *r)
{
	return cr_redact_each_file(r, drop_log, NULL);
}

/* ---- what container engines put beside ---- */

/* Keys in config.dump and spec.dump, whatever they are in. */
// clang-format off
static const struct meta {
	const char *key;
	enum { FILL, FILL_VALUES, HOST } how;
} metas[] = {
	{ "env",         FILL_VALUES },
	{ "args",        FILL },
	{ "command",     FILL },
	{ "Command",     FILL },
	{ "entrypoint",  FILL },
	{ "annotations", FILL },
	{ "labels",      FILL },
	{ "hostname",    HOST },
	{ "domainname",  HOST },
};
// clang-format on

/* x for every byte behind `from`. */
static struct cr_error *fill_text(struct cr_redact *r, json_t *text,
				  size_t from)
{
	size_t size = json_string_length(text), i = from;
	const char *old = json_string_value(text);
	while (i < size && old[i] == 'x')
		i++;
	if (i >= size)
		return NULL;
	cr_auto_free char *new_ = malloc(size + 1);
	if (!new_)
		return cr_enomem;
	memcpy(new_, old, from);
	memset(new_ + from, 'x', size - from);
	r->row->nr++;
	r->row->size += size - from;
	return json_string_setn_nocheck(text, new_, size) ? cr_enomem : NULL;
}

static struct cr_error *rename_host(struct cr_redact *r, json_t *text)
{
	struct cr_out out = { 0 };
	struct cr_error *err = cr_out_init_mem(&out);
	if (!err)
		err = cr_alias_parts(&r->alias, CR_ALIAS_HOST,
				     json_string_value(text),
				     json_string_length(text), ".", &out);
	r->row->nr++;
	if (!err && json_string_setn_nocheck(text, out.buf,
					     cr_out_buffered(&out)))
		err = cr_enomem;
	cr_out_deinit(&out);
	return err;
}

static struct cr_error *hide_text(struct cr_redact *r, const struct meta *meta,
				  json_t *text)
{
	const char *old = json_string_value(text);
	const char *equals = strchr(old, '=');
	if (meta->how == HOST)
		return rename_host(r, text);
	if (meta->how == FILL_VALUES && equals)
		return fill_text(r, text, (size_t)(equals - old) + 1);
	return fill_text(r, text, 0);
}

static const struct meta *find_meta(const char *key)
{
	for (size_t i = 0; i < sizeof(metas) / sizeof(metas[0]); i++)
		if (!strcmp(metas[i].key, key))
			return &metas[i];
	return NULL;
}

/* jansson reads no deeper than 2048. */
static struct cr_error *hide_tree(struct cr_redact *r, const struct meta *meta,
				  json_t *tree)
{
	const char *key;
	json_t *value;
	struct cr_error *err = NULL;
	if (json_is_string(tree) && meta)
		return hide_text(r, meta, tree);
	for (size_t i = 0; i < json_array_size(tree) && !err; i++)
		err = hide_tree(r, meta, json_array_get(tree, i));
	json_object_foreach(tree, key, value) {
		if (!err)
			err = hide_tree(r, meta ?: find_meta(key), value);
	}
	return err;
}

static struct cr_error *hide_in(struct cr_redact *r, const char *name,
				const char *text, size_t size)
{
	json_error_t why;
	char path[64];
	uint64_t before = r->row->nr;
	json_t *tree = json_loadb(text, size, JSON_DECODE_ANY, &why);
	if (!tree)
		return cr_redact_gap(r, "%s: cannot be read as JSON, is as it "
					"was", name);
	struct cr_error *err = hide_tree(r, NULL, tree);
	size_t indent = memmem(text, size, "\n ", 2) ? JSON_INDENT(2) : 0;
	cr_auto_free char *out = json_dumps(tree, indent | JSON_ENCODE_ANY);
	json_decref(tree);
	snprintf(path, sizeof(path), "/%s", name);
	if (!err)
		err = cr_redact_gap(r, "%s: what else stands there (names, "
				       "images, ids, paths) is as it was",
				    name);
	if (err || r->row->nr == before)
		return err;
	return out ? cr_change_put(r->change, path, out, strlen(out)) :
		     cr_enomem;
}

#define META_MAX (16 * 1024 * 1024)

/* A change does not reach what is neither with the images nor at the top: an
 * archive may have it deeper. */
static struct cr_error *say_deep(struct cr_redact *r, const char *name)
{
	struct cr_file file;
	struct cr_store *store = cr_change_set(r->change)->store;
	struct cr_error *err = cr_store_open_beside(store, name, &file);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND) || err)
		return err;
	cr_file_close(&file);
	return cr_redact_gap(r, "%s: is too deep in the archive and as it was, "
				"with environment and arguments", name);
}

static struct cr_error *hide_file(struct cr_redact *r, const char *name)
{
	struct cr_file file;
	struct cr_store *store = cr_change_set(r->change)->store;
	struct cr_error *err = cr_store_open_top(store, name, &file);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return say_deep(r, name);
	if (err)
		return err;
	size_t size = file.size < META_MAX ? (size_t)file.size : 0;
	cr_auto_free char *text = malloc(size + 1);
	if (!text)
		err = cr_enomem;
	else
		err = cr_file_read(&file, text, size, 0);
	cr_file_close(&file);
	return err ? err : hide_in(r, name, text, size);
}

struct cr_error *cr_redact_metadata(struct cr_redact *r)
{
	struct cr_error *err = hide_file(r, "config.dump");
	return err ? err : hide_file(r, "spec.dump");
}
