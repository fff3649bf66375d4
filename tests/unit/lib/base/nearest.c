// SPDX-License-Identifier: MIT
#include "lib/base/nearest.h"

#include "tests/support/main.h"

static const char *nearest(const char *word)
{
	static const char *const names[] = { "decode", "encode", "show",
					     "check" };
	struct cr_nearest near = { word };

	for (size_t i = 0; i < 4; i++)
		cr_nearest_try(&near, names[i]);
	return near.best;
}

TEST(a_missing_letter_is_near)
{
	ck_assert_str_eq(nearest("decde"), "decode");
}

TEST(swapped_letters_are_near)
{
	ck_assert_str_eq(nearest("shwo"), "show");
}

TEST(a_beginning_is_near)
{
	ck_assert_str_eq(nearest("ch"), "check");
}

TEST(the_nearest_of_two_wins)
{
	ck_assert_str_eq(nearest("encodee"), "encode");
}

TEST(another_word_is_not_near)
{
	ck_assert_ptr_null(nearest("x"));
	ck_assert_ptr_null(nearest("restore"));
}

TEST(a_very_long_word_is_not_near)
{
	ck_assert_ptr_null(nearest("decodedecodedecodedecodedecodedecode"));
}

TEST_MAIN("lib/base/nearest")
