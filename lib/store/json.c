// SPDX-License-Identifier: MIT
#include "lib/store/json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/cleanup.h"

struct cr_error *cr_store_json_parse(const char *text, size_t size,
				     json_t **ret)
{
	json_error_t why;
	*ret = json_loadb(text, size, JSON_DECODE_ANY, &why);
	if (*ret)
		return NULL;
	if (json_error_code(&why) == json_error_out_of_memory)
		return cr_enomem;
	return cr_error_new(CR_ERR_FORMAT, "line %d column %d: %s", why.line,
			    why.column, why.text);
}

struct cr_error *cr_store_json_read(struct cr_file *file, json_t **ret)
{
	if (file->size > CR_STORE_JSON_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "%llu bytes, over the limit of %d for "
				    "JSON",
				    (unsigned long long)file->size,
				    CR_STORE_JSON_MAX);
	cr_auto_free char *text = malloc((size_t)file->size + 1);
	if (!text)
		return cr_enomem;
	struct cr_error *err = cr_file_read(file, text, (size_t)file->size, 0);
	return err ? err : cr_store_json_parse(text, (size_t)file->size, ret);
}

const char *cr_store_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text && *text ? text : NULL;
}

int64_t cr_store_json_time(const json_t *object, const char *key)
{
	const char *text = cr_store_json_text(object, key);
	struct tm tm = { 0 };
	const char *p = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (!p)
		return 0;
	int64_t t = timegm(&tm);
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	struct tm zone = { 0 };
	if ((*p == '+' || *p == '-') && strptime(p + 1, "%H:%M", &zone))
		t += (*p == '+' ? -60 : 60) *
		     (60 * zone.tm_hour + zone.tm_min);
	return t > 0 ? t : 0;
}
