// SPDX-License-Identifier: MIT
#include "lib/base/num.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/support/bytes.h"
#include "tests/support/main.h"

/* What a function writes must fit CR_NUM_MAX bytes before a guard page. */
static char *room(void)
{
	static char *got;

	if (!got)
		got = cr_test_tail("00000000000000000000000000000000",
				   CR_NUM_MAX);
	return got;
}

static void assert_u64(uint64_t v)
{
	char want[32], *o = room(), *end = cr_put_u64(o, v);
	int size = snprintf(want, sizeof(want), "%" PRIu64, v);

	if (end - o != size || memcmp(o, want, (size_t)size))
		ck_abort_msg("got %.*s, want %s", (int)(end - o), o, want);
}

static void assert_i64(int64_t v)
{
	char want[32], *o = room(), *end = cr_put_i64(o, v);
	int size = snprintf(want, sizeof(want), "%" PRId64, v);

	if (end - o != size || memcmp(o, want, (size_t)size))
		ck_abort_msg("got %.*s, want %s", (int)(end - o), o, want);
}

static void assert_hex(uint64_t v)
{
	char want[32], *o = room(), *end = cr_put_hex(o, v);
	int size = snprintf(want, sizeof(want), "0x%" PRIx64, v);

	if (end - o != size || memcmp(o, want, (size_t)size))
		ck_abort_msg("got %.*s, want %s", (int)(end - o), o, want);
}

/* As good as random, and the same each time. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

TEST(boundaries_of_every_length)
{
	uint64_t ten = 1;

	assert_u64(0);
	for (int digits = 1; digits <= 20; digits++, ten *= 10) {
		assert_u64(ten - 1);
		assert_u64(ten);
		assert_u64(ten + 1);
		assert_u64(ten * 9);
	}
	assert_u64(UINT64_MAX);
	assert_u64(UINT32_MAX);
}

TEST(zeros_within_are_kept)
{
	assert_u64(100000000);
	assert_u64(1000000000000000000u);
	assert_u64(10000000000000000007u);
	assert_u64(123000000000456u);
	assert_u64(100000001);
}

TEST(every_small_number)
{
	for (uint64_t v = 0; v < 200000; v++)
		assert_u64(v);
}

TEST(random_numbers_of_every_length)
{
	uint64_t state = 0x9e3779b97f4a7c15u;

	for (int i = 0; i < 200000; i++) {
		uint64_t v = next(&state) >> i % 64;

		assert_u64(v);
		assert_i64((int64_t)v);
		assert_hex(v);
	}
}

TEST(signed_limits)
{
	assert_i64(0);
	assert_i64(-1);
	assert_i64(INT32_MIN);
	assert_i64(INT32_MAX);
	assert_i64(INT64_MIN);
	assert_i64(INT64_MAX);
	assert_i64(-100000000);
}

TEST(hex_has_no_leading_zeros)
{
	assert_hex(0);
	for (int bit = 0; bit < 64; bit++) {
		assert_hex(1ull << bit);
		assert_hex((1ull << bit) - 1);
	}
}

TEST(eight_digits_are_always_eight)
{
	char want[32], *o = room();

	for (uint32_t v = 0; v < 100000000; v += 99991) {
		ensure(cr_put_8(o, v) - o == 8);
		snprintf(want, sizeof(want), "%08" PRIu32, v);
		ensure(!memcmp(o, want, 8));
	}
	ck_assert_int_eq(cr_put_8(o, 99999999) - o, 8);
	ck_assert_mem_eq(o, "99999999", 8);
}

TEST(what_is_remembered_changes_no_digit)
{
	static const uint64_t values[] = {
		0, 5, 99999999, 100000000, 100000001, 199999999, 200000000,
		12345678900000000u, 12345678900000001u, 12345678999999999u,
		9999999999999999u, 10000000000000000u, 10000000000000001u,
		UINT64_MAX, UINT64_MAX - 1, 100000007, 7, 140737488355328u,
		140737488359424u,
	};
	struct cr_num_memo memo = { 0 };
	uint64_t state = 42;
	char want[32], *o = room();

	for (size_t i = 0; i < 20000; i++) {
		size_t nr = sizeof(values) / sizeof(values[0]);
		uint64_t v = i < nr ? values[i] :
				      (next(&state) >> i % 7 * 8) & ~0xffffull;
		char *end = cr_put_u64_memo(o, v, &memo);
		int size = snprintf(want, sizeof(want), "%" PRIu64, v);

		ensure(end - o == size && !memcmp(o, want, (size_t)size));
	}
}

static void assert_parse(const char *eight, unsigned nr, uint64_t value)
{
	uint64_t from, got = value;

	memcpy(&from, eight, 8);
	ensure(cr_num_parse8(from, &got) == nr);
	ensure(got == value);
}

TEST(digits_at_the_start_are_parsed)
{
	assert_parse("12345678", 8, 12345678);
	assert_parse("99999999", 8, 99999999);
	assert_parse("00000000", 8, 0);
	assert_parse("0,\n    \"", 1, 0);
	assert_parse("1234567,", 7, 1234567);
	assert_parse("42}]}\n  ", 2, 42);
	assert_parse("007x9999", 3, 7);
}

TEST(what_is_no_digit_ends_a_number)
{
	static const uint64_t ones[] = { 0,    1,     11,     111,
					 1111, 11111, 111111, 1111111 };
	char eight[9] = "";

	for (int c = 0; c < 256; c++) {
		for (unsigned at = 0; at < 8; at++) {
			memcpy(eight, "11111111", 8);
			eight[at] = (char)c;
			if (c >= '0' && c <= '9')
				continue;
			assert_parse(eight, at, at ? ones[at] : 77);
		}
	}
}

TEST_MAIN("lib/base/num")
