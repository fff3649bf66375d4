// SPDX-License-Identifier: MIT
#include "lib/pac/pac.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/main.h"

#define QARMA5 CR_PAC_QARMA5, /* va_bits */
#define QARMA3 CR_PAC_QARMA3,

static const struct cr_pac_key key = { .lo = 0x0123456789abcdef,
				       .hi = 0xfedcba9876543210 };

/* One row of a file of vectors; see tests/data/pac/README.md. */
struct row {
	char algorithm[16], kind[16], key[4];
	unsigned va_bits;
	struct cr_pac_key k;
	uint64_t ptr, modifier, result;
};

static void check_row(const struct row *row)
{
	struct cr_pac_scheme scheme = {
		strcmp(row->algorithm, "qarma3") ? CR_PAC_QARMA5 : CR_PAC_QARMA3,
		row->va_bits, CR_PAC_TAG_LINUX
	};
	if (!strcmp(row->key, "GA")) {
		ck_assert_uint_eq(cr_pac_generic(scheme.algorithm, &row->k,
						 row->ptr, row->modifier),
				  row->result >> 32);
		return;
	}
	enum cr_pac_use use = row->key[0] == 'I' ? CR_PAC_CODE : CR_PAC_DATA;
	uint64_t plain = cr_pac_strip(&scheme, use, row->ptr);
	ck_assert_uint_eq(cr_pac_sign(&scheme, &row->k, use, row->ptr,
				      row->modifier),
			  row->result);
	ck_assert_uint_eq(cr_pac_strip(&scheme, use, row->result), plain);
	/* What was no proper pointer when it was signed does not pass. */
	ck_assert_int_eq(cr_pac_auth(&scheme, &row->k, use, row->result,
				     row->modifier),
			 plain == row->ptr);
}

static unsigned check_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];
	unsigned nr = 0;

	ck_assert_msg(f, "%s: cannot be opened", path);
	while (fgets(line, sizeof(line), f)) {
		struct row row;
		if (sscanf(line,
			   "%15s %u %15s %3s %" SCNx64 " %" SCNx64 " %" SCNx64
			   " %" SCNx64 " %" SCNx64,
			   row.algorithm, &row.va_bits, row.kind, row.key,
			   &row.k.hi, &row.k.lo, &row.ptr, &row.modifier,
			   &row.result) != 9)
			continue;
		check_row(&row);
		nr++;
	}
	fclose(f);
	return nr;
}

TEST(a_machine_signs_the_same)
{
	ck_assert_uint_eq(check_file("tests/data/pac/qarma5.tsv"), 400);
	ck_assert_uint_eq(check_file("tests/data/pac/qarma3.tsv"), 400);
}

struct example {
	struct cr_pac_scheme scheme;
	struct cr_pac_key key;
	uint64_t modifier, plain, signed_ptr;
};

// clang-format off
static const struct example examples[] = {
	/* measured on hardware that others published */
	{ { QARMA5 39, CR_PAC_TAG_LINUX }, key, 0x1122334455667788, 0x0000000012345000, 0x002a920012345000 },
	{ { QARMA5 39, 0 },                key, 0x1122334455667788, 0xffffffc012345000, 0xb1e67d4012345000 },
	{ { QARMA5 39, 0 },                key, 0x1122334455667788, 0xffffff8000abc000, 0xd5a28d0000abc000 },
	{ { QARMA3 48, 0 }, { 0x4de594c526f0f1cc, 0xd94d88c0873cc2b6 }, 0, 0x0ae500000ae50000, 0xe4bf00000ae50000 },
	{ { QARMA5 48, 0 }, { 0x48ad369c24681357, 0xb752c963db97eca8 }, 0x9876, 0x130, 0xbf36000000000130 },
	/* by a second program of the same definition */
	{ { QARMA5 48, CR_PAC_TAG_LINUX }, key, 0x1122334455667788, 0x0000aaaac0de1234, 0x0039aaaac0de1234 },
	{ { QARMA3 48, CR_PAC_TAG_LINUX }, key, 0x1122334455667788, 0x0000aaaac0de1234, 0x0034aaaac0de1234 },
	{ { QARMA5 52, CR_PAC_TAG_LINUX }, key, 0x1122334455667788, 0x0000aaaac0de1234, 0x0030aaaac0de1234 },
};
// clang-format on

TEST(published_pointers)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		ck_assert_uint_eq(cr_pac_sign(&e->scheme, &e->key, CR_PAC_CODE,
					      e->plain, e->modifier),
				  e->signed_ptr);
	}
}

TEST(published_generic_codes)
{
	static const struct {
		uint64_t data, modifier;
		struct cr_pac_key key;
		uint32_t want;
	} row[] = {
		{ 0, 0, { 0, 0 }, 0x76243b95 },
		{ -1, -1, { -1, -1 }, 0x56b6776d },
		{ 0x8000000000000000, 1, { 2, 4 }, 0xb31a56a5 },
		{ 0x0123456789abcdef, 0x1020304050607080,
		  { 0x1122334455667788, 0x8877665544332211 }, 0x7b4ef811 },
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ck_assert_uint_eq(cr_pac_generic(CR_PAC_QARMA5, &row[i].key,
						 row[i].data, row[i].modifier),
				  row[i].want);
}

TEST(the_field_depends_on_address_size_and_tags)
{
	static const struct {
		unsigned va_bits;
		uint64_t low, low_untagged, high_code, high_data;
	} row[] = {
		{ 39, 0x007fff8000000000, 0xff7fff8000000000, 0xff7fff8000000000, 0x007fff8000000000 },
		{ 42, 0x007ffc0000000000, 0xff7ffc0000000000, 0xff7ffc0000000000, 0x007ffc0000000000 },
		{ 47, 0x007f800000000000, 0xff7f800000000000, 0xff7f800000000000, 0x007f800000000000 },
		{ 48, 0x007f000000000000, 0xff7f000000000000, 0xff7f000000000000, 0x007f000000000000 },
		{ 52, 0x0070000000000000, 0xff70000000000000, 0xff70000000000000, 0x0070000000000000 },
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct cr_pac_scheme s = { CR_PAC_QARMA5, row[i].va_bits,
					   CR_PAC_TAG_LINUX };
		ck_assert_uint_eq(cr_pac_field(&s, CR_PAC_CODE, 0), row[i].low);
		ck_assert_uint_eq(cr_pac_field(&s, CR_PAC_DATA, 0), row[i].low);
		ck_assert_uint_eq(cr_pac_field(&s, CR_PAC_CODE, -1),
				  row[i].high_code);
		ck_assert_uint_eq(cr_pac_field(&s, CR_PAC_DATA, -1),
				  row[i].high_data);
		s.tags = 0;
		ck_assert_uint_eq(cr_pac_field(&s, CR_PAC_CODE, 0),
				  row[i].low_untagged);
	}
}

/* What was signed passes with its key, its modifier and its bits alone. */
TEST(every_address_size_there_and_back)
{
	static const unsigned sizes[] = { 39, 42, 47, 48, 52 };
	unsigned passed = 0;

	for (unsigned i = 0; i < 5 * 2 * 64; i++) {
		struct cr_pac_scheme s = { i & 1, sizes[i / 2 % 5],
					   CR_PAC_TAG_LINUX };
		uint64_t ptr = 0x5a00000000400000 + i * 0x1234;
		uint64_t mod = 0x7ffffffff000 - i * 16;
		uint64_t got = cr_pac_sign(&s, &key, CR_PAC_CODE, ptr, mod);
		struct cr_pac_key other = { key.lo ^ 1, key.hi };

		ck_assert(cr_pac_auth(&s, &key, CR_PAC_CODE, got, mod));
		ck_assert_uint_eq(cr_pac_strip(&s, CR_PAC_CODE, got), ptr);
		uint64_t bit = UINT64_C(1) << s.va_bits;
		ck_assert(!cr_pac_auth(&s, &key, CR_PAC_CODE, got ^ bit, mod));
		passed += cr_pac_auth(&s, &key, CR_PAC_CODE, got, mod + 16);
		passed += cr_pac_auth(&s, &other, CR_PAC_CODE, got, mod);
	}
	/* By chance: of 128 each one in 65536, 8192, 256, 128, 8, twice. */
	ck_assert_uint_lt(passed, 80);
}

TEST(two_modifiers_become_one)
{
	ck_assert_uint_eq(cr_pac_modifier_lr(0x0000fffffffff120,
					     0x0000aaaac0de1234),
			  0x5606f091ffffff12);
}

TEST(fingerprints_tell_keys_apart)
{
	const struct cr_pac_key a = { 1, 2 }, b = { 2, 1 }, c = { 1, 3 };
	uint32_t print = cr_pac_fingerprint(&a);
	ck_assert_uint_eq(print, cr_pac_fingerprint(&a));
	ck_assert_uint_ne(print, cr_pac_fingerprint(&b));
	ck_assert_uint_ne(print, cr_pac_fingerprint(&c));
}

TEST_MAIN("lib/pac/pac")
