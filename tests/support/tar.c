// SPDX-License-Identifier: MIT
#include "tests/support/tar.h"

#include <dlfcn.h>
#include <stdio.h>

#include <archive.h>
#include <archive_entry.h>
#include <check.h>

#include "tests/support/files.h"

// ---- tar ----

// Numbers that do not fit octal digits are binary, as GNU tar writes them.
static void put_number(uint8_t *to, size_t size, uint64_t v)
{
	if (v >> (3 * (size - 1))) {
		for (size_t i = size; i-- > 0; v >>= 8)
			to[i] = (uint8_t)v;
		to[0] |= 0x80;
		return;
	}
	char text[32];
	snprintf(text, sizeof(text), "%0*llo", (int)size - 1,
		 (unsigned long long)v);
	memcpy(to, text, size - 1);
}

static void put_sum(uint8_t head[512])
{
	unsigned sum = 0;
	char text[16];

	memset(head + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += head[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(head + 148, text, 7);
}

static void put_head(uint8_t head[512], char type, const char *name,
		     const char *link, uint64_t size)
{
	ck_assert_uint_le(strlen(name), 100);
	ck_assert_uint_le(strlen(link), 100);
	memset(head, 0, 512);
	memcpy(head, name, strlen(name));
	put_number(head + 100, 8, 0644);
	put_number(head + 108, 8, 0);
	put_number(head + 116, 8, 0);
	put_number(head + 124, 12, size);
	put_number(head + 136, 12, TAR_TIME);
	head[156] = (uint8_t)type;
	memcpy(head + 157, link, strlen(link));
	memcpy(head + 257, "ustar\00000", 8);
	put_sum(head);
}

static struct bytes padded(struct bytes data)
{
	return cat(data, fill(0, -data.size % 512));
}

struct bytes cr_test_member(char type, const char *name, const char *link,
			    uint64_t size, struct bytes data)
{
	uint8_t head[512];

	put_head(head, type, name, link, size);
	return cat(((struct bytes){ head, 512 }), padded(data));
}

struct bytes cr_test_sparse(const char *name, uint64_t off, struct bytes data)
{
	uint8_t head[512];

	put_head(head, 'S', name, "", data.size);
	memcpy(head + 257, "ustar  ", 8);
	put_number(head + 386, 12, off);
	put_number(head + 398, 12, data.size);
	put_number(head + 483, 12, off + data.size);
	put_sum(head);
	return cat(((struct bytes){ head, 512 }), padded(data));
}

// ---- compression ----

static void *symbol(const char *name)
{
	void *lib = dlopen("libarchive.so.13", RTLD_NOW | RTLD_NODELETE);
	void *found;

	ck_assert_msg(lib != NULL, "no libarchive.so.13");
	found = dlsym(lib, name);
	ck_assert_msg(found != NULL, "no %s", name);
	dlclose(lib);
	return found;
}

#define CALL(name, ...) ((__typeof__(name) *)symbol(#name))(__VA_ARGS__)

struct bytes cr_test_compress(const char *filter, struct bytes b)
{
	size_t room = b.size + 65536, used = 0;
	void *to = cr_test_alloc(room);
	struct archive *a = CALL(archive_write_new);
	struct archive_entry *e = CALL(archive_entry_new);

	ck_assert_int_eq(CALL(archive_write_add_filter_by_name, a, filter), 0);
	ck_assert_int_eq(CALL(archive_write_set_format_raw, a), 0);
	ck_assert_int_eq(CALL(archive_write_set_filter_option, a, filter,
			      "compression-level", "1"),
			 0);
	ck_assert_int_eq(CALL(archive_write_set_bytes_in_last_block, a, 1), 0);
	ck_assert_int_eq(CALL(archive_write_open_memory, a, to, room, &used),
			 0);
	CALL(archive_entry_set_filetype, e, AE_IFREG);
	ck_assert_int_eq(CALL(archive_write_header, a, e), 0);
	ck_assert_int_eq(CALL(archive_write_data, a, b.p, b.size), b.size);
	ck_assert_int_eq(CALL(archive_write_close, a), 0);
	CALL(archive_entry_free, e);
	CALL(archive_write_free, a);
	return (struct bytes){ to, used };
}

// ---- files ----

const char *cr_test_archive(struct bytes b)
{
	static int nr;

	return cr_test_file(cr_test_format("%d.tar", nr++), b, 0600);
}
