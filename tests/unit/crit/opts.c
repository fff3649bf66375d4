// SPDX-License-Identifier: MIT
#include "crit/opts.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

struct values {
	const char *in, *out, *dir, *file, *list;
	bool pretty, quiet;
	unsigned format, what;
	uint64_t number;
	struct cr_words words;
};

static const char *const formats[] = { "json", "text", NULL };

// clang-format off
static const struct cr_opt opts[] = {
	{ 'i', "in", "input", CR_STRING(struct values, in, CR_TAKES_FILE),
	  "FILE", "what to read" },
	{ 'o', "out", "output", CR_STRING(struct values, out, CR_TAKES_FILE),
	  "FILE", "what to write" },
	{ 'p', "pretty", NULL, CR_FLAG(struct values, pretty),
	  NULL, "more lines" },
	{ 'q', NULL, NULL, CR_FLAG(struct values, quiet),
	  NULL, "say less" },
	{ 0, "format", NULL, CR_CHOICE(struct values, format, formats),
	  "FORM", "how it looks" },
	{ 0, "prefix-of-pretty-long-name", NULL,
	  CR_STRING(struct values, dir, CR_TAKES_DIR), "DIR", "where" },
	{ CR_ARG, CR_STRING(struct values, file, CR_TAKES_FILE),
	  "FILE", "the file" },
	{ CR_ARG, CR_CHOICE(struct values, what, formats),
	  "WHAT", "which one", CR_OPTIONAL },
	{ 0 },
};

static const struct cr_opt many[] = {
	{ CR_ARG, CR_STRING(struct values, file, CR_TAKES_FILE),
	  "FILE", "the file" },
	{ CR_ARG, CR_WORDS(struct values, words, CR_TAKES_FILE),
	  "MORE", "more files", CR_MANY },
	{ 0 },
};

static const struct cr_opt any[] = {
	{ 'q', NULL, NULL, CR_FLAG(struct values, quiet), NULL, "say less" },
	{ CR_ARG, CR_WORDS(struct values, words, CR_TAKES_FILE),
	  "MORE", "more files", CR_ANY },
	{ 0 },
};

static const struct cr_opt numbers[] = {
	{ 'n', "number", NULL, CR_NUMBER(struct values, number),
	  "N", "how many" },
	{ 0 },
};

static const struct cr_opt lists[] = {
	{ 'l', "list", NULL, CR_LIST(struct values, list, CR_TAKES_PID),
	  "PID[,PID...]", "these" },
	{ 'n', "number", NULL, CR_NUMBER(struct values, number),
	  "N", "how many" },
	{ 0 },
};

static const struct cr_opt limited[] = {
	{ 'c', "count", NULL, CR_COUNT(struct values, number), "N", "how many",
	  .of = "json" },
	{ 'q', NULL, NULL, CR_FLAG(struct values, quiet), NULL, "say less",
	  .of = "txt text json" },
	{ 'p', "pretty", NULL, CR_FLAG(struct values, pretty), NULL, "more" },
	{ CR_ARG, CR_CHOICE(struct values, what, formats), "WHAT", "which one" },
	{ 0 },
};

static const struct cr_opt limited_more[] = {
	{ 'q', NULL, NULL, CR_FLAG(struct values, quiet), NULL, "say less",
	  .of = "tex jsonp" },
	{ CR_ARG, CR_CHOICE(struct values, what, formats), "WHAT", "which one" },
	{ 0 },
};

static const struct cr_opt rest[] = {
	{ 'q', NULL, NULL, CR_FLAG(struct values, quiet), NULL, "say less" },
	{ CR_ARG, CR_WORDS(struct values, words, CR_TAKES_ANYTHING),
	  "VERB", "what to do", CR_REST },
	{ 0 },
};
// clang-format on

static struct values got;
static bool help;

// Parses the blank-separated words of a line.
static struct cr_error *parse(const struct cr_opt *table, const char *line)
{
	static char copy[256];
	static char *words[32];
	size_t nr = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[nr++] = word;
	got = (struct values){ 0 };
	return cr_opts_parse(table, words, nr, &got, &help);
}

static void assert_parses(const struct cr_opt *table, const char *line)
{
	struct cr_error *err = parse(table, line);

	ck_assert_msg(!err, "%s: %s", line, err ? cr_error_text(err) : "");
}

static void assert_refused(const struct cr_opt *table, const char *line,
			   const char *text)
{
	struct cr_error *err = parse(table, line);

	ck_assert_ptr_nonnull(err);
	ck_assert_str_eq(cr_error_text(err), text);
	ck_assert_int_eq(cr_error_code(err), CR_ERR_USAGE);
	cr_error_free(err);
}

START_TEST(nothing_given_leaves_values_zero)
{
	assert_parses(any, "");
	ck_assert(!got.quiet);
	ck_assert_uint_eq(got.words.nr, 0);
	ck_assert(!help);
}
END_TEST

START_TEST(a_letter_takes_the_next_word)
{
	assert_parses(opts, "f -i a");
	ck_assert_str_eq(got.in, "a");
}
END_TEST

START_TEST(a_letter_takes_the_rest_of_its_word)
{
	assert_parses(opts, "f -ia");
	ck_assert_str_eq(got.in, "a");
}
END_TEST

START_TEST(a_letter_takes_what_follows_an_equals_sign)
{
	assert_parses(opts, "f -i=a");
	ck_assert_str_eq(got.in, "a");
}
END_TEST

START_TEST(a_name_takes_the_next_word)
{
	assert_parses(opts, "f --in a");
	ck_assert_str_eq(got.in, "a");
}
END_TEST

START_TEST(a_name_takes_what_follows_an_equals_sign)
{
	assert_parses(opts, "f --in=a=b");
	ck_assert_str_eq(got.in, "a=b");
}
END_TEST

START_TEST(a_value_may_be_empty)
{
	assert_parses(opts, "f --in=");
	ck_assert_str_eq(got.in, "");
}
END_TEST

START_TEST(a_value_may_start_with_a_dash)
{
	assert_parses(opts, "f --in -p");
	ck_assert_str_eq(got.in, "-p");
	ck_assert(!got.pretty);
}
END_TEST

START_TEST(an_alias_is_the_same_option)
{
	assert_parses(opts, "f --input a --output=b");
	ck_assert_str_eq(got.in, "a");
	ck_assert_str_eq(got.out, "b");
}
END_TEST

START_TEST(a_name_may_be_shortened)
{
	assert_parses(opts, "f --pret --form text");
	ck_assert(got.pretty);
	ck_assert_uint_eq(got.format, 2);
}
END_TEST

START_TEST(a_name_and_its_alias_are_not_ambiguous)
{
	assert_parses(opts, "f --i a --outp=b");
	ck_assert_str_eq(got.in, "a");
	ck_assert_str_eq(got.out, "b");
}
END_TEST

START_TEST(letters_may_be_joined)
{
	assert_parses(opts, "f -pqia");
	ck_assert(got.pretty);
	ck_assert(got.quiet);
	ck_assert_str_eq(got.in, "a");
}
END_TEST

START_TEST(the_last_one_wins)
{
	assert_parses(opts, "f -i a --in b");
	ck_assert_str_eq(got.in, "b");
}
END_TEST

START_TEST(options_may_follow_arguments)
{
	assert_parses(opts, "f -p json --in a");
	ck_assert_str_eq(got.file, "f");
	ck_assert_uint_eq(got.what, 1);
	ck_assert(got.pretty);
	ck_assert_str_eq(got.in, "a");
}
END_TEST

START_TEST(a_dash_is_an_argument)
{
	assert_parses(opts, "-");
	ck_assert_str_eq(got.file, "-");
}
END_TEST

START_TEST(two_dashes_end_options)
{
	assert_parses(any, "-q -- -q -- --help");
	ck_assert(got.quiet);
	ck_assert_uint_eq(got.words.nr, 3);
	ck_assert_str_eq(got.words.word[0], "-q");
	ck_assert_str_eq(got.words.word[1], "--");
	ck_assert_str_eq(got.words.word[2], "--help");
	ck_assert(!help);
}
END_TEST

START_TEST(an_optional_argument_may_be_missing)
{
	assert_parses(opts, "f");
	ck_assert_str_eq(got.file, "f");
	ck_assert_uint_eq(got.what, 0);
}
END_TEST

START_TEST(many_takes_all_arguments_left)
{
	assert_parses(many, "a b c");
	ck_assert_str_eq(got.file, "a");
	ck_assert_uint_eq(got.words.nr, 2);
	ck_assert_str_eq(got.words.word[0], "b");
	ck_assert_str_eq(got.words.word[1], "c");
}
END_TEST

START_TEST(rest_is_not_parsed)
{
	assert_parses(rest, "-q verb -x -- --help");
	ck_assert(got.quiet);
	ck_assert(!help);
	ck_assert_uint_eq(got.words.nr, 4);
	ck_assert_str_eq(got.words.word[0], "verb");
	ck_assert_str_eq(got.words.word[1], "-x");
	ck_assert_str_eq(got.words.word[2], "--");
	ck_assert_str_eq(got.words.word[3], "--help");
}
END_TEST

START_TEST(help_is_known_without_a_row)
{
	assert_parses(opts, "-h");
	ck_assert(help);
	assert_parses(opts, "--help");
	ck_assert(help);
	assert_parses(NULL, "-h");
	ck_assert(help);
}
END_TEST

START_TEST(nothing_is_refused_after_help)
{
	assert_parses(opts, "-h --what-ever a b c");
	ck_assert(help);
}
END_TEST

START_TEST(an_unknown_letter_is_refused)
{
	assert_refused(opts, "f -px", "unknown option '-x'");
}
END_TEST

START_TEST(an_unknown_name_is_refused)
{
	assert_refused(opts, "f --zzz=1", "unknown option '--zzz'");
}
END_TEST

START_TEST(a_mistyped_name_is_refused_with_a_guess)
{
	assert_refused(opts, "f --ouptut=x",
		       "unknown option '--ouptut' (did you mean '--output'?)");
}
END_TEST

START_TEST(an_ambiguous_name_is_refused)
{
	assert_refused(opts, "f --pre",
		       "option '--pre' is ambiguous: '--pretty' or "
		       "'--prefix-of-pretty-long-name'");
}
END_TEST

START_TEST(numbers_are_decimal_or_hex)
{
	assert_parses(numbers, "-n 010");
	ck_assert_uint_eq(got.number, 10);
	assert_parses(numbers, "--number=0xffffFFFFffffffff");
	ck_assert_uint_eq(got.number, UINT64_MAX);
	assert_parses(numbers, "");
	ck_assert_uint_eq(got.number, 0);
}
END_TEST

START_TEST(sizes_have_units)
{
	uint64_t size;

	ck_assert_ptr_null(cr_opts_size("10", &size));
	ck_assert_uint_eq(size, 10);
	ck_assert_ptr_null(cr_opts_size("0x10k", &size));
	ck_assert_uint_eq(size, 16384);
	ck_assert_ptr_null(cr_opts_size("3G", &size));
	ck_assert_uint_eq(size, 3ull << 30);
}
END_TEST

static void assert_no_size(const char *text, const char *want)
{
	uint64_t size;
	struct cr_error *err = cr_opts_size(text, &size);

	ck_assert_ptr_nonnull(err);
	ck_assert_str_eq(cr_error_text(err), want);
	cr_error_free(err);
}

START_TEST(pids_are_a_list)
{
	uint32_t *pids = NULL;
	size_t nr = 0;
	ck_assert_ptr_null(cr_opts_pids("7,1,4294967295,7,1", &pids, &nr));
	ck_assert_uint_eq(nr, 3);
	ck_assert_uint_eq(pids[0], 1);
	ck_assert_uint_eq(pids[1], 7);
	ck_assert_uint_eq(pids[2], UINT32_MAX);
	free(pids);
	static const char *const bad[][2] = {
		{ "", "'' is no pid" },	      { "1,", "'' is no pid" },
		{ ",1", "'' is no pid" },     { "1,x,2", "'x' is no pid" },
		{ "1 2", "'1 2' is no pid" }, { "-1", "'-1' is no pid" },
		{ "4294967296", "'4294967296' is no pid" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cr_error *err = cr_opts_pids(bad[i][0], &pids, &nr);
		ck_assert_str_eq(cr_error_text(err), bad[i][1]);
		cr_error_free(err);
	}
}
END_TEST

START_TEST(a_repeated_list_is_joined)
{
	assert_parses(lists, "-l 1");
	ck_assert_str_eq(got.list, "1");
	cr_opts_free(lists, &got);
	ck_assert_ptr_null(got.list);
	assert_parses(lists, "-l1 --list=2,3 -n 4 -n 5 -l 1");
	ck_assert_str_eq(got.list, "1,2,3,1");
	ck_assert_uint_eq(got.number, 5);
	cr_opts_free(lists, &got);
	assert_parses(lists, "");
	ck_assert_ptr_null(got.list);
	cr_opts_free(lists, &got);
}
END_TEST

START_TEST(a_list_is_freed_when_parsing_fails)
{
	assert_refused(lists, "-l 1 -l 2 -n x",
		       "option '-n': 'x' is not a number");
	ck_assert_ptr_null(got.list);
	assert_refused(lists, "-l 1 -l", "option '-l' needs PID[,PID...]");
	ck_assert_ptr_null(got.list);
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
	assert_refused(numbers, "-n 1x", "option '-n': '1x' is not a number");
	assert_refused(numbers, "-n -1", "option '-n': '-1' is not a number");
	assert_refused(numbers, "-n 0x", "option '-n': '0x' is not a number");
	assert_refused(numbers, "-n 18446744073709551616",
		       "option '-n': '18446744073709551616' is not a number");
	assert_no_size("1KK", "'1KK' is not a size");
	assert_no_size("1B", "'1B' is not a size");
	assert_no_size("K", "'K' is not a size");
	assert_no_size("16777216T", "'16777216T' is not a size");
}
END_TEST

START_TEST(a_count_is_not_zero)
{
	assert_parses(limited, "-c 1 json");
	ck_assert_uint_eq(got.number, 1);
	assert_refused(limited, "-c 0 json", "option '-c': 0 is too small");
	assert_refused(limited, "-c x json",
		       "option '-c': 'x' is not a number");
}
END_TEST

START_TEST(an_option_of_another_word_is_refused)
{
	assert_parses(limited, "text -q -p");
	assert_parses(limited, "-qc3 json");
	assert_refused(limited, "-c 3 text",
		       "option '--count' is for json, not for text");
	assert_refused(limited_more, "json -q",
		       "option '-q' is for tex, jsonp, not for json");
}
END_TEST

START_TEST(a_missing_value_is_refused)
{
	assert_refused(opts, "f -i", "option '-i' needs FILE");
	assert_refused(opts, "f --inp", "option '--input' needs FILE");
}
END_TEST

START_TEST(a_value_for_a_flag_is_refused)
{
	assert_refused(opts, "f --pretty=1",
		       "option '--pretty' takes no value");
}
END_TEST

START_TEST(a_wrong_choice_is_refused)
{
	assert_refused(opts, "f --format xml",
		       "option '--format': 'xml' is not one of json, text");
}
END_TEST

START_TEST(a_wrong_choice_of_an_argument_is_refused)
{
	assert_refused(opts, "f xml", "WHAT: 'xml' is not one of json, text");
}
END_TEST

START_TEST(a_missing_argument_is_refused)
{
	assert_refused(opts, "-p", "FILE is missing");
	assert_refused(many, "a", "MORE is missing");
}
END_TEST

START_TEST(an_argument_too_many_is_refused)
{
	assert_refused(opts, "f json g", "unexpected argument 'g'");
	assert_refused(NULL, "f", "unexpected argument 'f'");
}
END_TEST

static char *printed;
static size_t printed_size;
static FILE *out;

static void setup(void)
{
	out = open_memstream(&printed, &printed_size);
	ck_assert_ptr_nonnull(out);
}

static void teardown(void)
{
	free(printed);
}

static void assert_printed(const char *want)
{
	fclose(out);
	ck_assert_str_eq(printed, want);
}

START_TEST(the_usage_line_wraps_between_options)
{
	cr_opts_usage(out, "crit try", opts);
	assert_printed(
		"usage: crit try [-h] [-i FILE] [-o FILE] [-p] [-q] "
		"[--format FORM]\n"
		"                [--prefix-of-pretty-long-name DIR] FILE "
		"[WHAT]\n");
}
END_TEST

START_TEST(the_usage_line_shows_how_often)
{
	cr_opts_usage(out, "a", many);
	cr_opts_usage(out, "b", any);
	cr_opts_usage(out, "c", rest);
	assert_printed("usage: a [-h] FILE MORE...\n"
		       "usage: b [-h] [-q] [MORE...]\n"
		       "usage: c [-h] [-q] VERB ...\n");
}
END_TEST

START_TEST(help_lists_arguments_and_options_in_columns)
{
	cr_opts_help(out, opts);
	assert_printed(
		"\narguments:\n"
		"  FILE               the file\n"
		"  WHAT               which one (json, text)\n"
		"\noptions:\n"
		"  -h, --help         show this help and exit\n"
		"  -i, --in FILE      what to read\n"
		"  -o, --out FILE     what to write\n"
		"  -p, --pretty       more lines\n"
		"  -q                 say less\n"
		"      --format FORM  how it looks (json, text)\n"
		"      --prefix-of-pretty-long-name DIR\n"
		"                     where\n");
}
END_TEST

START_TEST(help_without_arguments_has_no_such_section)
{
	cr_opts_help(out, NULL);
	assert_printed("\noptions:\n"
		       "  -h, --help  show this help and exit\n");
}
END_TEST

START_TEST(walking_starts_with_help)
{
	const struct cr_opt *opt = cr_opts_next(any, NULL);

	ck_assert_str_eq(opt->name, "help");
	opt = cr_opts_next(any, opt);
	ck_assert_ptr_eq(opt, any);
	opt = cr_opts_next(any, opt);
	ck_assert_ptr_eq(opt, any + 1);
	ck_assert_ptr_null(cr_opts_next(any, opt));
}
END_TEST

START_TEST(a_second_table_has_options_that_the_first_has_not)
{
	char copy[] = "-n 5 x --pretty -q --number=7";
	char *words[8];
	size_t nr = 0;
	struct values own = { 0 }, more = { 0 };
	bool wants_help;

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[nr++] = word;
	ck_assert_ptr_null(cr_opts_parse_both(opts, &own, numbers, &more,
					      words, nr, &wants_help));
	ck_assert_str_eq(own.file, "x");
	ck_assert(own.pretty && own.quiet && !own.number);
	ck_assert_uint_eq(more.number, 7);
	ck_assert(!more.pretty && !more.quiet);
}
END_TEST

START_TEST(the_first_table_of_two_counts)
{
	char option[] = "-q";
	char *words[] = { option };
	struct values own = { 0 }, more = { 0 };
	bool wants_help;

	ck_assert_ptr_null(cr_opts_parse_both(any, &own, opts, &more, words, 1,
					      &wants_help));
	ck_assert(own.quiet && !more.quiet);
}
END_TEST

static void assert_option(const char *word, const char *want, bool next)
{
	bool got_next;
	const struct cr_opt *opt =
		cr_opts_option(opts, numbers, word, &got_next);

	ck_assert_int_eq(!opt, !want);
	ck_assert_int_eq(got_next, next);
	if (want)
		ck_assert_str_eq(opt->help, want);
}

START_TEST(a_word_is_told_what_it_is)
{
	assert_option("-i", "what to read", true);
	assert_option("-ix", "what to read", false);
	assert_option("-pi", "what to read", true);
	assert_option("-p", "more lines", false);
	assert_option("--in", "what to read", true);
	assert_option("--in=x", "what to read", false);
	assert_option("--prett", "more lines", false);
	assert_option("--number", "how many", true);
	assert_option("-n", "how many", true);
	assert_option("-n5", "how many", false);
	assert_option("-h", "show this help and exit", false);
	assert_option("--pre", NULL, false);
	assert_option("--bogus", NULL, false);
	assert_option("-pz", NULL, false);
	assert_option("in", NULL, false);
	assert_option("-", NULL, false);
	assert_option("--", NULL, false);
	assert_option("", NULL, false);
}
END_TEST

static TCase *parsing(void)
{
	TCase *tcase = tcase_create("parse");

	tcase_add_test(tcase, nothing_given_leaves_values_zero);
	tcase_add_test(tcase, a_letter_takes_the_next_word);
	tcase_add_test(tcase, a_letter_takes_the_rest_of_its_word);
	tcase_add_test(tcase, a_letter_takes_what_follows_an_equals_sign);
	tcase_add_test(tcase, a_name_takes_the_next_word);
	tcase_add_test(tcase, a_name_takes_what_follows_an_equals_sign);
	tcase_add_test(tcase, a_value_may_be_empty);
	tcase_add_test(tcase, a_value_may_start_with_a_dash);
	tcase_add_test(tcase, an_alias_is_the_same_option);
	tcase_add_test(tcase, a_name_may_be_shortened);
	tcase_add_test(tcase, a_name_and_its_alias_are_not_ambiguous);
	tcase_add_test(tcase, letters_may_be_joined);
	tcase_add_test(tcase, the_last_one_wins);
	tcase_add_test(tcase, options_may_follow_arguments);
	tcase_add_test(tcase, a_dash_is_an_argument);
	tcase_add_test(tcase, two_dashes_end_options);
	tcase_add_test(tcase, an_optional_argument_may_be_missing);
	tcase_add_test(tcase, many_takes_all_arguments_left);
	tcase_add_test(tcase, rest_is_not_parsed);
	tcase_add_test(tcase, help_is_known_without_a_row);
	tcase_add_test(tcase, nothing_is_refused_after_help);
	tcase_add_test(tcase, numbers_are_decimal_or_hex);
	tcase_add_test(tcase, sizes_have_units);
	tcase_add_test(tcase,
		       a_second_table_has_options_that_the_first_has_not);
	tcase_add_test(tcase, the_first_table_of_two_counts);
	tcase_add_test(tcase, a_word_is_told_what_it_is);
	return tcase;
}

static TCase *refusing(void)
{
	TCase *tcase = tcase_create("refuse");

	tcase_add_test(tcase, an_unknown_letter_is_refused);
	tcase_add_test(tcase, an_unknown_name_is_refused);
	tcase_add_test(tcase, a_mistyped_name_is_refused_with_a_guess);
	tcase_add_test(tcase, an_ambiguous_name_is_refused);
	tcase_add_test(tcase, pids_are_a_list);
	tcase_add_test(tcase, a_repeated_list_is_joined);
	tcase_add_test(tcase, a_list_is_freed_when_parsing_fails);
	tcase_add_test(tcase, what_is_no_number_is_refused);
	tcase_add_test(tcase, a_count_is_not_zero);
	tcase_add_test(tcase, an_option_of_another_word_is_refused);
	tcase_add_test(tcase, a_missing_value_is_refused);
	tcase_add_test(tcase, a_value_for_a_flag_is_refused);
	tcase_add_test(tcase, a_wrong_choice_is_refused);
	tcase_add_test(tcase, a_wrong_choice_of_an_argument_is_refused);
	tcase_add_test(tcase, a_missing_argument_is_refused);
	tcase_add_test(tcase, an_argument_too_many_is_refused);
	return tcase;
}

static TCase *printing(void)
{
	TCase *tcase = tcase_create("print");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_usage_line_wraps_between_options);
	tcase_add_test(tcase, the_usage_line_shows_how_often);
	tcase_add_test(tcase, help_lists_arguments_and_options_in_columns);
	tcase_add_test(tcase, help_without_arguments_has_no_such_section);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("crit/opts");
	TCase *walking = tcase_create("walk");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_test(walking, walking_starts_with_help);
	suite_add_tcase(suite, parsing());
	suite_add_tcase(suite, refusing());
	suite_add_tcase(suite, printing());
	suite_add_tcase(suite, walking);
	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
