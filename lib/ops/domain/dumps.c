// SPDX-License-Identifier: MIT
#include "lib/ops/domain/dumps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define DUMP_MAX (16u << 20) /* bytes that are looked at */

// clang-format off
static const struct {
	const char *stem;
	bool is_text;
} dumps[] = {
	{ "ifaddr",    false },
	{ "route",     false },
	{ "route6",    false },
	{ "rule",      false },
	{ "netns-ct",  false },
	{ "netns-exp", false },
	{ "iptables",  true },
	{ "ip6tables", true },
	{ "nftables",  true },
};
// clang-format on

struct wanted {
	const char *text;
	const char *part; /* characters that would make it another word */
	const char *before, *or_before; /* words in front; NULL: any */
	const void *bytes;
	size_t size;
	const void *or_bytes; /* NULL: none */
};

static bool has_bytes(const char *data, size_t size, const struct wanted *w)
{
	return memmem(data, size, w->bytes, w->size) ||
	       (w->or_bytes && memmem(data, size, w->or_bytes, w->size));
}

static bool ends_with(const char *data, const char *p, const char *word)
{
	size_t n = strlen(word);
	return (size_t)(p - data) >= n && !memcmp(p - n, word, n);
}

static bool has_text(const char *data, const struct wanted *w)
{
	size_t n = strlen(w->text);
	for (const char *p = data; (p = strstr(p, w->text)); p++) {
		bool starts = p == data || !strchr(w->part, p[-1]);
		bool ends = !p[n] || !strchr(w->part, p[n]);
		bool placed = !w->before || ends_with(data, p, w->before) ||
			      ends_with(data, p, w->or_before);
		if (starts && ends && placed)
			return true;
	}
	return false;
}

static struct cr_error *search(const struct cr_domain *d, const char *name,
			       bool is_text, const struct wanted *w)
{
	struct cr_file file;
	struct cr_error *err = cr_store_open_file(
		cr_change_set(d->change)->store, name, &file);
	if (err)
		return err;
	size_t size = file.size < DUMP_MAX ? (size_t)file.size : DUMP_MAX;
	cr_auto_free char *data = malloc(size + 1);
	if (!data)
		err = cr_enomem;
	else
		err = cr_file_read(&file, data, size, 0);
	cr_file_close(&file);
	if (err)
		return err;
	data[size] = 0;
	if (is_text ? has_text(data, w) : has_bytes(data, size, w))
		cr_domain_remark(d, "%s is left: it has %s", name, w->text);
	return NULL;
}

static struct cr_error *search_all(const struct cr_domain *d,
				   const struct wanted *w)
{
	struct cr_store_names all;
	uint64_t number;
	struct cr_error *err = cr_store_list(cr_change_set(d->change)->store, &all);
	for (size_t i = 0; i < all.nr && !err; i++)
		for (size_t k = 0; k < sizeof(dumps) / sizeof(dumps[0]); k++)
			if (!err && cr_domain_name_number(all.name[i],
							  dumps[k].stem,
							  &number))
				err = search(d, all.name[i], dumps[k].is_text,
					     w);
	cr_store_names_free(&all);
	return err;
}

struct cr_error *cr_dumps_find_address(const struct cr_domain *d,
				       const char *text, const void *bytes,
				       size_t size)
{
	struct wanted w = { text, "0123456789.:abcdefABCDEF", NULL, NULL, bytes,
			    size };
	return search_all(d, &w);
}

struct cr_error *cr_dumps_find_port(const struct cr_domain *d, uint16_t port)
{
	char text[8];
	uint8_t high = (uint8_t)(port >> 8), low = (uint8_t)port;
	/* Attributes CTA_PROTO_SRC_PORT and CTA_PROTO_DST_PORT of conntrack:
	 * length 6, type, the port. Other dumps have no ports. */
	const uint8_t src[] = { 6, 0, 2, 0, high, low };
	const uint8_t dst[] = { 6, 0, 3, 0, high, low };
	snprintf(text, sizeof(text), "%u", port);
	struct wanted w = { text, "0123456789", "port ", "ports ", src,
			    sizeof(src), dst };
	return search_all(d, &w);
}
