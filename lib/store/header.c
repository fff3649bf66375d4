// SPDX-License-Identifier: MIT
#include "lib/store/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
const struct cr_header_field
	cr_header_name  = {   0, 100 },
	cr_header_mode  = { 100,   8 },
	cr_header_size  = { 124,  12 },
	cr_header_mtime = { 136,  12 },
	cr_header_link  = { 157, 100 };

static const struct cr_header_field
	sum    = { 148,   8 },
	magic  = { 257,   8 },
	prefix = { 345, 155 };
// clang-format on

bool cr_header_is_end(const uint8_t *head)
{
	return !head[0] && !memcmp(head, head + 1, CR_HEADER_SIZE - 1);
}

/* The sum of the bytes, its own eight counted as blanks. */
static unsigned sum_of(const uint8_t *head)
{
	unsigned total = 8 * ' ';
	for (size_t i = 0; i < CR_HEADER_SIZE; i++)
		total += i - sum.off < sum.size ? 0 : head[i];
	return total;
}

bool cr_header_is_valid(const uint8_t *head)
{
	uint64_t said;
	return cr_header_number(head, sum, &said) && said == sum_of(head);
}

void cr_header_seal(uint8_t *head)
{
	/* Six digits, a NUL and a blank, as everybody writes it. */
	snprintf((char *)head + sum.off, sum.size, "%06o", sum_of(head));
	head[sum.off + 7] = ' ';
}

bool cr_header_number(const uint8_t *head, struct cr_header_field field,
		      uint64_t *ret)
{
	const uint8_t *p = head + field.off, *end = p + field.size;
	uint64_t value = 0;
	if (*p == 0x80) {
		for (p++; p < end; p++) {
			if (value >> 56)
				return false;
			value = value << 8 | *p;
		}
		*ret = value;
		return true;
	}
	while (p < end && *p == ' ')
		p++;
	for (; p < end && *p >= '0' && *p <= '7'; p++)
		value = value << 3 | (uint64_t)(*p - '0');
	*ret = value;
	return p == end || !*p || *p == ' ';
}

void cr_header_set_number(uint8_t *head, struct cr_header_field field,
			  uint64_t value)
{
	uint8_t *p = head + field.off;
	memset(p, 0, field.size);
	if (value >> (3 * (field.size - 1))) {
		for (size_t i = field.size; i-- > 1; value >>= 8)
			p[i] = (uint8_t)value;
		p[0] = 0x80;
		return;
	}
	for (size_t i = field.size - 1; i-- > 0; value >>= 3)
		p[i] = (uint8_t)('0' + (value & 7));
}

bool cr_header_set_text(uint8_t *head, struct cr_header_field field,
			const char *text)
{
	size_t size = strlen(text);
	memset(head + field.off, 0, field.size);
	memcpy(head + field.off, text, size < field.size ? size : field.size);
	return size <= field.size;
}

void cr_header_init(uint8_t *head)
{
	static const struct cr_header_field uid = { 108, 8 }, gid = { 116, 8 };
	memset(head, 0, CR_HEADER_SIZE);
	cr_header_set_number(head, cr_header_mode, 0600);
	cr_header_set_number(head, uid, 0);
	cr_header_set_number(head, gid, 0);
	head[CR_HEADER_TYPE] = '0';
	memcpy(head + magic.off, "ustar\00000", magic.size);
}

/* Where there is no ustar magic other things stand there. */
void cr_header_drop_prefix(uint8_t *head)
{
	if (!memcmp(head + magic.off, "ustar\0", 6))
		memset(head + prefix.off, 0, prefix.size);
}

/* ---- pax records ---- */

struct cr_error *cr_pax_next(const char *text, size_t size, struct cr_pax *ret)
{
	size_t length = 0, i = 0;
	for (; i < size && i < 10 && text[i] >= '0' && text[i] <= '9'; i++)
		length = 10 * length + (size_t)(text[i] - '0');
	const char *key = text + i + 1;
	const char *equals =
		i && i < size && text[i] == ' ' && length > i + 1 &&
				length <= size ?
			memchr(key, '=', length - i - 1) :
			NULL;
	if (!equals || text[length - 1] != '\n')
		return cr_error_new(CR_ERR_FORMAT, "a broken pax header");
	*ret = (struct cr_pax){
		.key = key,
		.value = equals + 1,
		.key_size = (size_t)(equals - key),
		.value_size = (size_t)(text + length - 1 - (equals + 1)),
		.size = length,
	};
	return NULL;
}

bool cr_pax_is(const struct cr_pax *record, const char *key)
{
	return record->key_size == strlen(key) &&
	       !memcmp(record->key, key, record->key_size);
}

/* The length counts its own digits. */
char *cr_pax_make(const char *key, const char *value, size_t *size_ret)
{
	size_t rest = strlen(key) + strlen(value) + 3, size = rest;
	char *text;
	for (int i = 0; i < 3; i++)
		size = rest + (size_t)snprintf(NULL, 0, "%zu", size);
	if (asprintf(&text, "%zu %s=%s\n", size, key, value) < 0)
		return NULL;
	*size_ret = size;
	return text;
}
