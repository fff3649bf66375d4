// SPDX-License-Identifier: MIT
#include "lib/ops/upgrade.h"

#include <unistd.h>

#include "lib/ops/upgrade/step.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

/* ---- the table ---- */

TEST(rows_have_names_of_their_own)
{
	for (size_t i = 0; i < cr_nr_upgrade_rows; i++) {
		ck_assert(cr_upgrade_rows[i].up || cr_upgrade_rows[i].down);
		ck_assert_int_gt(strlen(cr_upgrade_rows[i].summary), 0);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(cr_upgrade_rows[i].name,
					 cr_upgrade_rows[k].name);
	}
}

TEST(rows_are_in_the_order_of_versions)
{
	for (size_t i = 1; i < cr_nr_upgrade_rows; i++)
		ck_assert_uint_le(cr_upgrade_rows[i - 1].since,
				  cr_upgrade_rows[i].since);
	ck_assert_uint_eq(cr_upgrade_rows[cr_nr_upgrade_rows - 1].since,
			  CR_UPGRADE_NEWEST);
}

TEST(every_row_has_a_golden_case)
{
	const char *name;
	for (size_t i = 0; i < cr_nr_upgrade_rows; i++) {
		name = cr_test_format("tests/golden/upgrade/%s/cmd",
				      cr_upgrade_rows[i].name);
		if (access(name, R_OK))
			ck_abort_msg("no %s", name);
	}
}

/* ---- versions ---- */

static char *version(const char *text)
{
	uint32_t v;
	struct cr_error *err = cr_upgrade_version(text, &v);
	return err ? cr_test_error(err) : cr_test_format("%u", v);
}

TEST(versions_are_two_or_three_numbers)
{
	ck_assert_str_eq(version("4.1"), "4001");
	ck_assert_str_eq(version("3.17.1"), "3017");
	ck_assert_str_eq(version("1.0"), "1000");
	ck_assert_uint_lt(CR_CRIU(3, 9), CR_CRIU(3, 10));
}

TEST(other_texts_are_none)
{
	static const char *const bad[] = { "",	   "4",	     "4.",    ".1",
					   "4.1.", "4.1.1.1", "4.1 ", " 4.1",
					   "-4.1", "4.x",    "1.0000" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_str_eq(version(bad[i]),
				 cr_test_format("! USAGE '%s' is no version of "
						"CRIU such as 4.1",
						bad[i]));
	ck_assert_str_eq(version("4.4"), "! USAGE version 4.4 is not known; the "
					 "newest is 4.3");
}

/* ---- a quick look ---- */

static const struct cr_step_path two_three = { { 2, 3 } };
static const struct cr_step_path three = { { 3 } };

#define peek(path, ret, ...)                                      \
	({                                                        \
		struct bytes b_ = cat(__VA_ARGS__);               \
		b_.p = cr_test_tail(b_.p, b_.size);               \
		cr_step_peek(b_.p, b_.size, path, ret);           \
	})

TEST(fields_within_messages_are_found)
{
	uint64_t v = 7;
	ck_assert(peek(two_three, &v, num(1, 1), len(2, num(3, 300))));
	ck_assert_uint_eq(v, 300);
	ck_assert(!peek(two_three, &v, num(3, 1), len(2, num(4, 300))));
	ck_assert(!peek(two_three, &v, len(1, len(2, num(3, 1)))));
	ck_assert_uint_eq(v, 300);
	ck_assert(peek(three, &v, f64(1, 3), f32(2, 3), len(3, num(1, 1))));
	ck_assert_uint_eq(v, 2);
}

TEST(of_several_the_one_that_is_not_0_counts)
{
	uint64_t v = 7;
	ck_assert(peek(two_three, &v, len(2, num(3, 5)), len(2, num(3, 0))));
	ck_assert_uint_eq(v, 5);
	ck_assert(peek(three, &v, num(3, 0), num(3, 0)));
	ck_assert_uint_eq(v, 0);
}

TEST(what_is_broken_may_have_it)
{
	ck_assert(peek(three, NULL, hex("08")));
	ck_assert(peek(three, NULL, hex("0a 05 00")));
	ck_assert(peek(three, NULL, hex("0b")));
	ck_assert(peek(three, NULL, hex("09 00")));
	ck_assert(peek(two_three, NULL, num(2, 1)));
}

TEST_MAIN("lib/ops/upgrade")
