// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "crit/term.h"
#include "tests/support/main.h"

static size_t width(const char *text)
{
	return cr_term_width(text, strlen(text));
}

TEST(width_counts_columns)
{
	ck_assert_uint_eq(width(""), 0);
	ck_assert_uint_eq(width("abc"), 3);
	ck_assert_uint_eq(width("\xc3\xa4"), 1);	 /* a umlaut */
	ck_assert_uint_eq(width("a\xcc\x88"), 1);	 /* a, combining */
	ck_assert_uint_eq(width("\xe6\xbc\xa2"), 2);	 /* a Han character */
	ck_assert_uint_eq(width("\xf0\x9f\x98\x80"), 2); /* a face */
	ck_assert_uint_eq(width("\xff\xe6\xbc"), 3);	 /* no UTF-8 */
}

static const bool keep[3] = { true, false, false };

TEST(wide_columns_give_way_first)
{
	size_t w[3] = { 30, 60, 25 };
	cr_term_fit(100, w, keep, 3);
	ck_assert_uint_eq(w[0], 30);
	ck_assert_uint_eq(w[1] + w[2], 66);
	ck_assert_uint_eq(w[2], 25);
}

TEST(columns_of_one_width_share)
{
	size_t w[3] = { 10, 90, 90 };
	cr_term_fit(100, w, keep, 3);
	ck_assert_uint_eq(w[1], 43);
	ck_assert_uint_eq(w[2], 43);
}

TEST(what_fits_stays_and_so_do_numbers_and_narrow_columns)
{
	size_t w[3] = { 30, 40, 26 };
	cr_term_fit(100, w, keep, 3);
	ck_assert_uint_eq(w[1], 40);
	cr_term_fit(20, w, keep, 3);
	ck_assert_uint_eq(w[0], 30);
	ck_assert_uint_eq(w[1], CR_TERM_NARROWEST);
	ck_assert_uint_eq(w[2], CR_TERM_NARROWEST);
}

TEST(without_a_terminal_nothing_is_cut)
{
	size_t w[3] = { SIZE_MAX / 8, SIZE_MAX / 8, 1000000 };
	cr_term_fit(0, w, keep, 3);
	ck_assert_uint_eq(w[1], SIZE_MAX / 8);
	ck_assert_uint_eq(w[2], 1000000);
}

static void assert_cut(const char *text, size_t to, const char *want)
{
	static const struct cr_term plain = { .utf8 = false };
	char got[200];
	struct cr_cut cut = cr_term_cut(&plain, text, strlen(text), to);
	snprintf(got, sizeof(got), "%.*s%s%s", (int)cut.head, text, cut.between,
		 text + strlen(text) - cut.tail);
	ck_assert_str_eq(got, want);
	ck_assert_uint_le(width(got), to);
}

TEST(a_cut_keeps_both_ends)
{
	assert_cut("abcdefghij", 10, "abcdefghij");
	assert_cut("abcdefghij", 9, "abcd~ghij");
	assert_cut("abcdefghij", 8, "abc~ghij");
	assert_cut("abcdefghij", 2, "~j");
	assert_cut("abcdefghij", 1, "~");
	assert_cut("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 5,
		   "\xe6\xbc\xa2~\xe6\xbc\xa2");
	assert_cut("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 4,
		   "~\xe6\xbc\xa2");
}

TEST(an_ellipsis_takes_a_terminal_that_shows_it)
{
	struct cr_term term = { .utf8 = true };
	ck_assert_str_eq(cr_term_cut(&term, "abcd", 4, 3).between,
			 "\xe2\x80\xa6");
	ck_assert_str_eq(cr_term_cut(&term, "abcd", 4, 4).between, "");
}

TEST(a_file_has_no_colour_and_no_width)
{
	struct cr_term term;
	FILE *file = tmpfile();
	ck_assert_ptr_nonnull(file);
	setenv("COLUMNS", "40", 1);
	setenv("TERM", "xterm", 1);
	cr_term_init(&term, 0, file, file);
	ck_assert_uint_eq(term.columns, 0);
	ck_assert(!term.is_tty && !term.color && !term.errors_color);
	ck_assert_str_eq(cr_term_on(&term, CR_MARK_HEADING), "");
	ck_assert_str_eq(cr_term_off(&term, CR_MARK_ERROR), "");
	cr_term_init(&term, CR_COLOR_ALWAYS, file, file);
	ck_assert(!term.is_tty && term.color && term.errors_color);
	ck_assert_str_eq(cr_term_on(&term, CR_MARK_HEADING), "\033[1m");
	ck_assert_str_eq(cr_term_off(&term, CR_MARK_ERROR), "\033[m");
	fclose(file);
}

TEST_MAIN("crit/term")
