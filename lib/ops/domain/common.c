// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"
#include "lib/ops/domain/inside.h"

/* ---- texts ---- */

void cr_domain_remark(const struct cr_domain *d, const char *fmt, ...)
{
	cr_auto_free char *text = NULL;
	va_list args;
	if (!d->remark)
		return;
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	cr_auto_free char *safe = text ? cr_utf8_safe(text) : NULL;
	if (safe)
		d->remark(d->arg, safe);
}

struct cr_error *cr_domain_missing(const struct cr_domain *d, const char *fmt,
				   ...)
{
	cr_auto_free char *text = NULL;
	va_list args;
	if (d->if_exists)
		return NULL;
	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return cr_enomem;
	}
	return cr_error_new(CR_ERR_NOT_FOUND, "%s", text);
}

/* ---- numbers ---- */

bool cr_domain_number(const char *text, uint64_t min, uint64_t max,
		      uint64_t *ret)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long long v =
		strtoull(text, &end, text[1] == 'x' || text[1] == 'X' ? 16 : 10);
	if (errno || *end || v < min || v > max)
		return false;
	*ret = v;
	return true;
}

bool cr_domain_u64(const json_t *value, uint64_t *ret)
{
	struct cr_int v;
	if (!value || !cr_tree_get_int(value, &v) || v.negative)
		return false;
	*ret = v.magnitude;
	return true;
}

uint64_t cr_domain_get(const json_t *message, const char *key,
		       uint64_t otherwise)
{
	uint64_t v;
	return cr_domain_u64(json_object_get(message, key), &v) ? v : otherwise;
}

/* ---- images by name ---- */

bool cr_domain_name_number(const char *name, const char *stem, uint64_t *ret)
{
	size_t size = strlen(stem);
	char *end;
	if (strncmp(name, stem, size) || name[size] != '-')
		return false;
	const char *digits = name + size + 1;
	if (*digits < '0' || *digits > '9' || (*digits == '0' && digits[1] != '.'))
		return false;
	errno = 0;
	*ret = strtoull(digits, &end, 10);
	return !errno && !strcmp(end, ".img");
}

struct cr_error *cr_domain_each(const struct cr_domain *d, const char *stem,
				cr_rewrite_fn *fn, void *arg, size_t *nr_ret)
{
	struct cr_store_names all;
	size_t nr = 0;
	uint64_t number;
	struct cr_error *err = cr_store_list(cr_change_set(d->change)->store, &all);
	for (size_t i = 0; i < all.nr && !err; i++) {
		if (!cr_domain_name_number(all.name[i], stem, &number))
			continue;
		nr++;
		err = cr_rewrite(d->change, all.name[i], NULL, fn, arg);
	}
	cr_store_names_free(&all);
	if (nr_ret)
		*nr_ret = nr;
	return err;
}
