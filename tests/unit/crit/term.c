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

static struct cr_term_column c[3];

/* The first column may not be cut. */
static void fit(unsigned columns, size_t w0, size_t w1, size_t w2)
{
	size_t width[] = { w0, w1, w2 };
	for (int i = 0; i < 3; i++) {
		c[i].width = width[i];
		c[i].keep = !i;
	}
	cr_term_fit(columns, c, 3);
}

static void assert_widths(size_t w0, size_t w1, size_t w2)
{
	ck_assert_uint_eq(c[0].width, w0);
	ck_assert_uint_eq(c[1].width, w1);
	ck_assert_uint_eq(c[2].width, w2);
}

/* "0 12": the last two are on a second line. "02": the second is hidden. */
static void assert_lines(const char *want)
{
	char got[8], *o = got;
	for (int i = 0; i < 3; i++) {
		if (c[i].folds)
			*o++ = ' ';
		if (!c[i].hidden)
			*o++ = (char)('0' + i);
	}
	*o = 0;
	ck_assert_str_eq(got, want);
}

TEST(wide_columns_give_way_first)
{
	fit(100, 30, 60, 25);
	assert_widths(30, 41, 25);
	assert_lines("012");
}

TEST(columns_of_one_width_share)
{
	fit(100, 10, 90, 90);
	assert_widths(10, 43, 43);
}

TEST(what_fits_stays)
{
	fit(100, 30, 40, 26);
	assert_widths(30, 40, 26);
	c[1].empty = true;
	fit(100, 30, 40, 26);
	assert_lines("012");
}

TEST(columns_with_nothing_in_them_go_first)
{
	c[1].empty = true;
	fit(99, 30, 40, 26);
	assert_lines("02");
	assert_widths(30, 40, 26);
	fit(57, 30, 40, 26);
	assert_lines("02");
	assert_widths(30, 40, 25);
}

TEST(what_would_become_too_narrow_is_folded)
{
	fit(74, 30, 40, 26);
	assert_widths(30, CR_TERM_NARROWEST, CR_TERM_NARROWEST);
	assert_lines("012");
	fit(73, 30, 40, 26);
	assert_widths(30, 40, 26);
	assert_lines("01 2");
	fit(72, 30, 40, 26);
	assert_lines("01 2");
	fit(71, 30, 40, 25);
	assert_lines("0 12");
	fit(71, 30, 40, 26);
	assert_lines("0 1 2");
}

TEST(folded_columns_are_cut_to_a_line)
{
	fit(20, 30, 200, 100);
	assert_widths(30, 16, 16);
	assert_lines("0 1 2");
	fit(3, 30, 200, 100);
	assert_widths(30, 3, 3);
}

TEST(without_a_terminal_nothing_is_cut)
{
	c[2].empty = true;
	fit(0, SIZE_MAX / 8, SIZE_MAX / 8, 1000000);
	assert_widths(SIZE_MAX / 8, SIZE_MAX / 8, 1000000);
	assert_lines("012");
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
