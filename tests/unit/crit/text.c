// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "crit/text.h"

// What a call prints, in a buffer of ours.
static char *got;
static size_t got_size;
static FILE *out;

static void setup(void)
{
	out = open_memstream(&got, &got_size);
	ck_assert_ptr_nonnull(out);
}

static void teardown(void)
{
	free(got);
}

static void assert_got(const char *want)
{
	fclose(out);
	ck_assert_str_eq(got, want);
}

#define TEN "123456789 "

START_TEST(a_full_line_is_broken_before_the_word_that_does_not_fit)
{
	cr_text_fill(out, TEN TEN TEN TEN TEN TEN TEN "12345678 1");
	assert_got(TEN TEN TEN TEN TEN TEN TEN "12345678\n1\n");
}
END_TEST

START_TEST(a_line_may_be_79_columns_long)
{
	cr_text_fill(out, TEN TEN TEN TEN TEN TEN TEN "123456789");
	assert_got(TEN TEN TEN TEN TEN TEN TEN "123456789\n");
}
END_TEST

START_TEST(newlines_in_a_paragraph_are_blanks)
{
	cr_text_fill(out, "one\ntwo  three\n");
	assert_got("one two three\n");
}
END_TEST

START_TEST(an_empty_line_starts_a_paragraph)
{
	cr_text_fill(out, "one\n\n\ntwo");
	assert_got("one\n\ntwo\n");
}
END_TEST

START_TEST(a_paragraph_that_starts_with_a_blank_is_kept)
{
	cr_text_fill(out, "one\n\n  a\n    b   c\n\ntwo");
	assert_got("one\n\n  a\n    b   c\n\ntwo\n");
}
END_TEST

START_TEST(no_text_prints_nothing)
{
	cr_text_fill(out, "");
	assert_got("");
}
END_TEST

START_TEST(a_row_continues_below_its_text)
{
	cr_text_row(out, "label", 10,
		    TEN TEN TEN TEN TEN TEN TEN "next");
	assert_got("  label   " TEN TEN TEN TEN TEN TEN "123456789\n"
		   "          next\n");
}
END_TEST

START_TEST(a_label_that_is_too_wide_has_a_line_of_its_own)
{
	cr_text_row(out, "label", 8, "text");
	assert_got("  label\n        text\n");
}
END_TEST

START_TEST(a_word_wider_than_the_line_is_not_broken)
{
	char word[101];

	memset(word, 'x', 100);
	word[100] = 0;
	cr_text_fill(out, word);
	word[100] = '\n';
	fclose(out);
	ck_assert_uint_eq(got_size, 101);
	ck_assert_mem_eq(got, word, 101);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crit/text");
	TCase *fill = tcase_create("fill");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_checked_fixture(fill, setup, teardown);
	tcase_add_test(fill,
		       a_full_line_is_broken_before_the_word_that_does_not_fit);
	tcase_add_test(fill, a_line_may_be_79_columns_long);
	tcase_add_test(fill, newlines_in_a_paragraph_are_blanks);
	tcase_add_test(fill, an_empty_line_starts_a_paragraph);
	tcase_add_test(fill, a_paragraph_that_starts_with_a_blank_is_kept);
	tcase_add_test(fill, no_text_prints_nothing);
	tcase_add_test(fill, a_row_continues_below_its_text);
	tcase_add_test(fill, a_label_that_is_too_wide_has_a_line_of_its_own);
	tcase_add_test(fill, a_word_wider_than_the_line_is_not_broken);
	suite_add_tcase(suite, fill);
	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
