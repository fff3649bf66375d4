// SPDX-License-Identifier: MIT
#include "tests/support/main.h"
#include "tests/unit/crit/shell/fake.h"

struct split {
	const char *text, *words, *command, *file;
};

// clang-format off
static const struct split splits[] = {
	{ "",                       "",              NULL,  NULL },
	{ " \t",                    "",              NULL,  NULL },
	{ "ps",                     "ps",            NULL,  NULL },
	{ " x  a\tps ",             "x|a|ps",        NULL,  NULL },
	{ "a 'b c' d",              "a|b c|d",       NULL,  NULL },
	{ "a\"b c\"'d'e",           "ab cde",        NULL,  NULL },
	{ "\"a\\\"b\\\\c\\d\"",     "a\"b\\c\\d",    NULL,  NULL },
	{ "'a\\b'",                 "a\\b",          NULL,  NULL },
	{ "a\\ b \\'",              "a b|'",         NULL,  NULL },
	{ "a\\",                    "a\\",           NULL,  NULL },
	{ "'' b",                   "|b",            NULL,  NULL },
	{ "a # b 'c",               "a",             NULL,  NULL },
	{ "a#b",                    "a#b",           NULL,  NULL },
	{ "a $b *; &c",             "a|$b|*;|&c",    NULL,  NULL },
	{ "ps | grep 'a | b' ",     "ps",            "grep 'a | b'", NULL },
	{ "ps|wc",                  "ps",            "wc",  NULL },
	{ "ps '|' x",               "ps|||x",        NULL,  NULL },
	{ "ps > 'a b' # c",         "ps",            NULL,  "a b" },
	{ "ps>a",                   "ps",            NULL,  "a" },
	{ " ! ls | wc > x ",        "",              "ls | wc > x", NULL },
	{ "a !b",                   "a|!b",          NULL,  NULL },
};
// clang-format on

static void assert_text(const char *got, const char *want)
{
	ck_assert_int_eq(!got, !want);
	if (want)
		ck_assert_str_eq(got, want);
}

TEST(a_line_is_split)
{
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		const struct split *want = &splits[i];
		struct cr_line line;
		assert_ok(cr_line_split(want->text, &line));
		ck_assert_str_eq(joined(&line.words), want->words);
		assert_text(line.command, want->command);
		assert_text(line.file, want->file);
		ck_assert_int_eq(line.is_command, strchr(want->text, '!') &&
							  !line.words.nr);
		cr_line_free(&line);
	}
}

static const char *const wrong[][2] = {
	{ "a 'b", "a ' without its end" },
	{ "a \"b\\\"", "a \" without its end" },
	{ "a |", "a command is missing" },
	{ "!  ", "a command is missing" },
	{ "a >", "a file is missing behind >" },
	{ "a > b c", "the file behind > must come last" },
	{ "a > b | c", "the file behind > must come last" },
	{ "a > 'b", "a ' without its end" },
};

TEST(what_cannot_be_split_is_wrong_usage)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct cr_line line;
		struct cr_error *err = cr_line_split(wrong[i][0], &line);
		ck_assert_ptr_nonnull(err);
		ck_assert_int_eq(cr_error_code(err), CR_ERR_USAGE);
		ck_assert_str_eq(cr_error_text(err), wrong[i][1]);
		cr_error_free(err);
		cr_line_free(&line);
	}
}

TEST(sorted_strings_are_found_and_not_there_twice)
{
	struct cr_strings s = { .nr = 0 };
	ck_assert(!cr_strings_has(&s, "a"));
	for (int i = 0; i < 40; i++)
		assert_ok(cr_strings_addf(&s, "%d", i % 20));
	cr_strings_sort(&s);
	ck_assert_uint_eq(s.nr, 20);
	ck_assert_ptr_null(s.item[20]);
	ck_assert(cr_strings_has(&s, "7"));
	ck_assert(!cr_strings_has(&s, "20"));
	cr_strings_free(&s);
	ck_assert_uint_eq(s.nr, 0);
}

TEST_MAIN("crit/shell/words")
