// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "lib/ops/rekey.h"

static bool find_risk(const char *word, size_t size, unsigned *ret)
{
	for (unsigned i = 0; i < CR_NR_REKEY_RISKS; i++) {
		const char *name = cr_rekey_risk_name(i, NULL);
		if (strlen(name) == size && !memcmp(name, word, size)) {
			*ret |= 1u << i;
			return true;
		}
	}
	return false;
}

struct cr_error *cr_rekey_read_risks(const char *list, unsigned *ret)
{
	*ret = 0;
	while (list && *list) {
		size_t size = strcspn(list, ",");
		if (!find_risk(list, size, ret))
			return cr_error_new(CR_ERR_USAGE,
					    "--accept: '%.*s' is no risk",
					    (int)size, list);
		list += size;
		list += *list == ',';
	}
	return NULL;
}

static bool read_bits(const char *text, unsigned *ret)
{
	char *end;
	unsigned long bits = strtoul(text, &end, 10);
	*ret = (unsigned)bits;
	return *text >= '0' && *text <= '9' && !*end &&
	       bits >= CR_PAC_VA_BITS_MIN && bits <= CR_PAC_VA_BITS_MAX;
}

struct cr_error *cr_rekey_read_scheme(const char *text,
				      struct cr_pac_scheme *ret)
{
	size_t size = strcspn(text, "/");
	ret->tags = CR_PAC_TAG_LINUX;
	for (unsigned i = 0; i < CR_NR_PAC_ALGORITHMS; i++) {
		const char *name = cr_pac_algorithm_name(i);
		ret->algorithm = i;
		if (strlen(name) == size && !memcmp(name, text, size) &&
		    text[size] && read_bits(text + size + 1, &ret->va_bits))
			return NULL;
	}
	return cr_error_new(CR_ERR_USAGE,
			    "--from: '%s' is no algorithm and address size, "
			    "such as qarma5/48",
			    text);
}
