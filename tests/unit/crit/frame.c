// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/unit/crit/fake.h"

static char *out_text, *err_text;

static void teardown(void)
{
	free(out_text);
	free(err_text);
	out_text = err_text = NULL;
}

// Runs the fake command with the blank-separated words of a line, its name
// among them.
static int run(const char *line)
{
	static char copy[256];
	static char *words[32];
	size_t out_size, err_size;
	FILE *out, *err;
	int nr = 0, status;

	teardown();
	out = open_memstream(&out_text, &out_size);
	err = open_memstream(&err_text, &err_size);
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[nr++] = word;
	words[nr] = NULL;
	status = cr_command_run(&fake, nr, words, out, err);
	fclose(out);
	fclose(err);
	return status;
}

static void assert_fails(const char *line, int status, const char *text)
{
	ck_assert_int_eq(run(line), status);
	ck_assert_str_eq(err_text, text);
	ck_assert_str_eq(out_text, "");
}

START_TEST(a_verb_gets_its_values)
{
	ck_assert_int_eq(run("fake read -p --in=x"), 0);
	ck_assert_str_eq(out_text, "in=x pretty=1\n");
	ck_assert_str_eq(err_text, "");
}
END_TEST

START_TEST(too_few_arguments_exit_with_1)
{
	assert_fails("fake", 1,
		     "usage: fake [-h] [--version] [--color WHEN] [--no-pager] [--limit WHAT]\n"
		     "            VERB ...\n"
		     "fake: error: too few arguments\n");
}
END_TEST

START_TEST(no_name_at_all_is_too_few_arguments)
{
	assert_fails("", 1,
		     "usage: fake [-h] [--version] [--color WHEN] [--no-pager] [--limit WHAT]\n"
		     "            VERB ...\n"
		     "fake: error: too few arguments\n");
}
END_TEST

START_TEST(an_unknown_verb_exits_with_2)
{
	assert_fails("fake x", 2, "fake: unknown verb 'x'; see 'fake help'\n");
}
END_TEST

START_TEST(a_mistyped_verb_gets_a_guess)
{
	assert_fails("fake raed", 2,
		     "fake: unknown verb 'raed' (did you mean 'read'?); "
		     "see 'fake help'\n");
}
END_TEST

START_TEST(a_wrong_option_of_the_command_points_to_help)
{
	assert_fails("fake --foo read", 2,
		     "fake: unknown option '--foo'; see 'fake help'\n");
}
END_TEST

START_TEST(a_wrong_option_of_a_verb_names_the_verb)
{
	assert_fails("fake read -x", 2,
		     "fake: read: unknown option '-x'; see 'fake read -h'\n");
}
END_TEST

START_TEST(wrong_usage_found_by_a_verb_exits_with_2)
{
	assert_fails("fake break -u", 2,
		     "fake: break: not like this; see 'fake break -h'\n");
}
END_TEST

START_TEST(a_failed_verb_exits_with_1)
{
	assert_fails("fake break", 1, "fake: core-1.img: broken\n");
}
END_TEST

START_TEST(version_is_one_line)
{
	ck_assert_int_eq(run("fake --version"), 0);
	ck_assert_str_eq(out_text, "fake (fakes) 1.2.3\n");
}
END_TEST

START_TEST(version_after_a_verb_is_that_verbs_business)
{
	assert_fails("fake break --version", 2,
		     "fake: break: unknown option '--version'; "
		     "see 'fake break -h'\n");
}
END_TEST

START_TEST(global_options_stand_in_front_of_the_verb_or_behind)
{
	ck_assert_int_eq(run("fake --no-pager read -p --in=x"), 0);
	ck_assert_int_eq(run("fake read -p --no-pager --in=x"), 0);
	ck_assert_str_eq(out_text, "in=x pretty=1\n");
	assert_fails("fake read --color", 2,
		     "fake: read: option '--color' needs WHEN; "
		     "see 'fake read -h'\n");
	assert_fails("fake break --color=always", 1,
		     "\033[1;31mfake:\033[m core-1.img: broken\n");
	assert_fails("fake --color=always break --color never", 1,
		     "fake: core-1.img: broken\n");
}
END_TEST

START_TEST(help_lists_the_verbs)
{
	ck_assert_int_eq(run("fake --help"), 0);
	ck_assert_str_eq(out_text,
			 "usage: fake [-h] [--version] [--color WHEN] [--no-pager] [--limit WHAT]\n"
			 "            VERB ...\n"
			 "\n"
			 "Tries the frame.\n"
			 "\n"
			 "verbs:\n"
			 "  read   read it, don't: guess\n"
			 "  break  fail\n"
			 "  help   explain a verb, or list all\n"
			 "\n"
			 "arguments:\n"
			 "  VERB              what to do, followed by its own "
			 "options\n"
			 "\n"
			 "options:\n"
			 "  -h, --help        show this help and exit\n"
			 "      --version     show the version and exit\n"
			 "      --color WHEN  whether to colour headings and "
			 "errors (auto, always, never)\n"
			 "      --no-pager    on a terminal, do not page long "
			 "output\n"
			 "      --limit WHAT  how much an archive may hold, "
			 "instead of\n"
			 "                    members=200000,member-size=1T,"
			 "total-size=4T,ratio=250; or\n"
			 "                    none\n");
}
END_TEST

START_TEST(help_of_a_verb_shows_all_of_it)
{
	ck_assert_int_eq(run("fake read -h"), 0);
	ck_assert_str_eq(out_text,
			 "usage: fake read [-h] [-i FILE] [--dir DIR] [-p] "
			 "[FILE] [WHAT]\n"
			 "\n"
			 ".not a request.\n"
			 "\n"
			 "    'kept'  text\n"
			 "      \\deeper\n"
			 "    .nor this\n"
			 "\n"
			 "arguments:\n"
			 "  FILE           the file\n"
			 "  WHAT           which part (ps, fds)\n"
			 "\n"
			 "options:\n"
			 "  -h, --help     show this help and exit\n"
			 "  -i, --in FILE  what [it]: reads, it's a \\ file\n"
			 "      --dir DIR  where to look\n"
			 "  -p, --pretty   more lines\n");
}
END_TEST

START_TEST(output_that_cannot_be_written_exits_with_1)
{
	char name[] = "fake", verb[] = "read";
	char *words[] = { name, verb, NULL };
	FILE *full = fopen("/dev/full", "w");
	size_t size;
	FILE *err = open_memstream(&err_text, &size);

	ck_assert_ptr_nonnull(full);
	ck_assert_int_eq(cr_command_run(&fake, 2, words, full, err), 1);
	fclose(err);
	fclose(full);
	ck_assert_str_eq(err_text, "fake: write to standard output: "
				   "No space left on device\n");
}
END_TEST

START_TEST(a_write_that_failed_early_is_not_forgotten)
{
	char name[] = "fake", verb[] = "read";
	char *words[] = { name, verb, NULL };
	FILE *full = fopen("/dev/full", "w");
	size_t size;
	FILE *err = open_memstream(&err_text, &size);

	ck_assert_ptr_nonnull(full);
	// Unbuffered, so that nothing is left to flush at the end.
	setvbuf(full, NULL, _IONBF, 0);
	ck_assert_int_eq(cr_command_run(&fake, 2, words, full, err), 1);
	fclose(err);
	fclose(full);
	ck_assert_str_eq(err_text, "fake: write to standard output failed\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crit/frame");
	TCase *tcase = tcase_create("run");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, a_verb_gets_its_values);
	tcase_add_test(tcase, too_few_arguments_exit_with_1);
	tcase_add_test(tcase, no_name_at_all_is_too_few_arguments);
	tcase_add_test(tcase, an_unknown_verb_exits_with_2);
	tcase_add_test(tcase, a_mistyped_verb_gets_a_guess);
	tcase_add_test(tcase, a_wrong_option_of_the_command_points_to_help);
	tcase_add_test(tcase, a_wrong_option_of_a_verb_names_the_verb);
	tcase_add_test(tcase, wrong_usage_found_by_a_verb_exits_with_2);
	tcase_add_test(tcase, a_failed_verb_exits_with_1);
	tcase_add_test(tcase, version_is_one_line);
	tcase_add_test(tcase, version_after_a_verb_is_that_verbs_business);
	tcase_add_test(tcase,
		       global_options_stand_in_front_of_the_verb_or_behind);
	tcase_add_test(tcase, help_lists_the_verbs);
	tcase_add_test(tcase, help_of_a_verb_shows_all_of_it);
	tcase_add_test(tcase, output_that_cannot_be_written_exits_with_1);
	tcase_add_test(tcase, a_write_that_failed_early_is_not_forgotten);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
