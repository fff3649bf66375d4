// SPDX-License-Identifier: MIT
#include "tests/support/bytes.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "lib/base/out.h"
#include "lib/codec/wire.h"
#include "lib/image/image.h"

// Reachable until the end, so that a leak checker sees the library's leaks only.
struct block {
	struct block *next;
	max_align_t data[];
};

static struct block *blocks;

void *cr_test_alloc(size_t size)
{
	struct block *b = calloc(1, sizeof(*b) + size);

	ensure(b);
	b->next = blocks;
	blocks = b;
	return b->data;
}

char *cr_test_format(const char *fmt, ...)
{
	char *got, *kept;
	va_list ap;
	int size;

	va_start(ap, fmt);
	size = vasprintf(&got, fmt, ap);
	va_end(ap);
	ensure(size >= 0);
	kept = cr_test_alloc((size_t)size + 1);
	memcpy(kept, got, (size_t)size);
	free(got);
	return kept;
}

void *cr_test_tail(const void *data, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t whole = (size + page - 1) / page * page;
	uint8_t *map = mmap(NULL, whole + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ensure(map != MAP_FAILED);
	ensure(!mprotect(map + whole, page, PROT_NONE));
	if (size)
		memcpy(map + whole - size, data, size);
	return map + whole - size;
}

static struct bytes keep(const void *data, size_t size)
{
	return (struct bytes){ cr_test_tail(data, size), size };
}

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

struct bytes cr_test_hex(const char *p)
{
	uint8_t *got = cr_test_alloc(strlen(p) + 1);
	size_t nr = 0;

	while (*p) {
		if (*p == ' ') {
			p++;
		} else if (*p == '\'') {
			while (*++p != '\'')
				got[nr++] = (uint8_t)*p;
			p++;
		} else {
			ensure(isxdigit((unsigned char)p[0]) &&
			       isxdigit((unsigned char)p[1]));
			got[nr++] = (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
			p += 2;
		}
	}
	return keep(got, nr);
}

char *cr_test_dump(struct bytes b)
{
	char *got = cr_test_alloc(3 * b.size + 1);

	for (size_t i = 0; i < b.size; i++)
		sprintf(got + 3 * i, "%02x ", b.p[i]);
	return got;
}

struct bytes cr_test_cat(const struct bytes *parts, size_t nr)
{
	size_t size = 0;
	uint8_t *got;

	for (size_t i = 0; i < nr; i++)
		size += parts[i].size;
	got = cr_test_alloc(size + 1);
	size = 0;
	for (size_t i = 0; i < nr; i++) {
		if (parts[i].size)
			memcpy(got + size, parts[i].p, parts[i].size);
		size += parts[i].size;
	}
	return keep(got, size);
}

struct bytes cr_test_fill(uint8_t value, size_t size)
{
	uint8_t *got = cr_test_alloc(size + 1);

	memset(got, value, size);
	return keep(got, size);
}

struct bytes cr_test_varint(uint64_t value)
{
	uint8_t got[CR_VARINT_MAX];

	return keep(got, (size_t)(cr_varint_put(got, value) - got));
}

struct bytes cr_test_word(uint32_t value)
{
	return keep(&value, 4);
}

struct bytes cr_test_fixed(uint32_t number, uint64_t value, unsigned bits)
{
	return cat(cr_test_varint(cr_wire_tag(number, bits == 32 ?
							      CR_WIRE_FIXED32 :
							      CR_WIRE_FIXED64)),
		   keep(&value, bits / 8));
}

struct bytes cr_test_num(uint32_t number, uint64_t value)
{
	return cat(cr_test_varint(cr_wire_tag(number, CR_WIRE_VARINT)),
		   cr_test_varint(value));
}

struct bytes cr_test_len(uint32_t number, struct bytes body)
{
	return cat(cr_test_varint(cr_wire_tag(number, CR_WIRE_BYTES)),
		   cr_test_varint(body.size), body);
}

struct bytes cr_test_sized(struct bytes body)
{
	return cat(cr_test_word((uint32_t)body.size), body);
}

struct bytes cr_test_header(const char *id)
{
	const struct cr_image_type *type =
		cr_image_type_by_id(id, strlen(id));
	static const uint32_t before[] = { [CR_FORM_COMMON] = CR_MAGIC_COMMON,
					   [CR_FORM_SERVICE] =
						   CR_MAGIC_SERVICE };

	ensure(type);
	if (type->form == CR_FORM_OWN)
		return cr_test_word(type->magic);
	return cat(cr_test_word(before[type->form]),
		   cr_test_word(type->magic));
}
