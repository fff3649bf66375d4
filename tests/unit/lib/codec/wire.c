// SPDX-License-Identifier: MIT
#include "lib/codec/wire.h"

#include "tests/support/bytes.h"
#include "tests/support/main.h"

/* A varint at the very end of memory, or with bytes behind it. */
static const char *get(struct bytes b, size_t size)
{
	uint64_t v;
	const uint8_t *p = cr_varint_get(b.p, b.p + size, &v);

	return p ? cr_test_format("%llu in %td", (unsigned long long)v,
				  p - b.p) :
		   "none";
}

/* The same with anything behind it, within the end and beyond. */
static void assert_get(const char *digits, const char *want)
{
	struct bytes b = hex(digits);
	static const uint8_t behind[] = { 0, 1, 0x7f, 0x80, 0xff };

	assert_text(get(b, b.size), want);
	if (!strcmp(want, "none"))
		return;
	for (size_t i = 0; i < sizeof(behind); i++) {
		uint8_t more[32];
		struct bytes c = { more, sizeof(more) };

		memset(more, behind[i], sizeof(more));
		memcpy(more, b.p, b.size);
		for (size_t size = b.size; size < sizeof(more); size++)
			assert_text(get(c, size), want);
	}
}

TEST(varints_of_every_length)
{
	assert_get("00", "0 in 1");
	assert_get("7f", "127 in 1");
	assert_get("80 01", "128 in 2");
	assert_get("ff 7f", "16383 in 2");
	assert_get("80 80 01", "16384 in 3");
	assert_get("ff ff 7f", "2097151 in 3");
	assert_get("80 80 80 01", "2097152 in 4");
	assert_get("ff ff ff ff 0f", "4294967295 in 5");
	assert_get("80 80 80 80 80 01", "34359738368 in 6");
	assert_get("ff ff ff ff ff ff 7f", "562949953421311 in 7");
	assert_get("ff ff ff ff ff ff ff 7f", "72057594037927935 in 8");
	assert_get("80 80 80 80 80 80 80 80 01", "72057594037927936 in 9");
	assert_get("ff ff ff ff ff ff ff ff 7f",
		   "9223372036854775807 in 9");
	assert_get("80 80 80 80 80 80 80 80 80 01",
		   "9223372036854775808 in 10");
	assert_get("ff ff ff ff ff ff ff ff ff 01",
		   "18446744073709551615 in 10");
}

TEST(every_power_of_two_comes_back)
{
	for (int bit = 0; bit < 64; bit++) {
		for (int less = 0; less < 2; less++) {
			uint64_t v = (1ull << bit) - (unsigned)less;
			struct bytes b = cr_test_varint(v);

			assert_get(cr_test_dump(b),
				   cr_test_format("%llu in %zu",
						  (unsigned long long)v,
						  b.size));
		}
	}
}

TEST(every_cut_varint_is_none)
{
	struct bytes b = hex("ff ff ff ff ff ff ff ff ff 01");

	for (size_t size = 0; size < 10; size++) {
		assert_text(get(b, size), "none");
		assert_text(get((struct bytes){ cr_test_tail(b.p, size), size },
				size),
			    "none");
	}
}

TEST(varints_longer_than_need_be_are_none)
{
	struct bytes b = hex("");

	assert_get("80 00", "none");
	assert_get("81 80 00", "none");
	for (int i = 0; i < 9; i++) {
		b = cat(b, hex("ff"));
		assert_get(cr_test_dump(cat(b, hex("00"))), "none");
		assert_text(get(cat(b, hex("00 ff ff ff ff ff ff ff ff ff")),
				b.size + 10),
			    "none");
	}
}

TEST(varints_of_more_than_64_bits_are_none)
{
	assert_get("ff ff ff ff ff ff ff ff ff 02", "none");
	assert_get("ff ff ff ff ff ff ff ff ff 7f", "none");
	assert_get("80 80 80 80 80 80 80 80 80 80 01", "none");
	assert_get("ff ff ff ff ff ff ff ff ff ff", "none");
}

TEST(zigzag)
{
	static const struct {
		int64_t plain;
		uint64_t coded;
	} rows[] = {
		{ 0, 0 }, { -1, 1 }, { 1, 2 }, { -2, 3 },
		{ INT32_MAX, 0xfffffffe }, { INT32_MIN, 0xffffffff },
		{ INT64_MAX, UINT64_MAX - 1 }, { INT64_MIN, UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_uint_eq(cr_zigzag_put(rows[i].plain), rows[i].coded);
		ck_assert_int_eq(cr_zigzag_get(rows[i].coded), rows[i].plain);
	}
}

TEST_MAIN("lib/codec/wire")
