// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/unit/crit/fake.h"

static char *printed;

// Runs "fake help" with the blank-separated words of a line.
static struct cr_error *run(const char *line)
{
	static char copy[256];
	static char *words[32];
	static max_align_t values[16];
	struct cr_verb_call call = { &fake, &cr_verb_help, values };
	struct cr_error *err;
	size_t nr = 0, size;
	bool help = false;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[nr++] = word;
	ck_assert_uint_le(cr_verb_help.values_size, sizeof(values));
	memset(values, 0, sizeof(values));
	err = cr_opts_parse(cr_verb_help.opts, words, nr, values, &help);
	ck_assert_ptr_null(err);
	call.out = open_memstream(&printed, &size);
	err = cr_verb_help.run(&call);
	fclose(call.out);
	return err;
}

static void teardown(void)
{
	free(printed);
}

static void assert_starts(const char *line, const char *start)
{
	ck_assert_ptr_null(run(line));
	ck_assert_msg(!strncmp(printed, start, strlen(start)), "%s", printed);
}

static void assert_refused(const char *line, const char *text)
{
	struct cr_error *err = run(line);

	ck_assert_ptr_nonnull(err);
	ck_assert_str_eq(cr_error_text(err), text);
	ck_assert_int_eq(cr_error_code(err), CR_ERR_USAGE);
	ck_assert_str_eq(printed, "");
	cr_error_free(err);
}

START_TEST(alone_it_explains_the_command)
{
	assert_starts("", "usage: fake [-h] [--version] [--color WHEN] [--no-pager] [--limit WHAT]\n"
		     "            VERB ...\n");
}
END_TEST

START_TEST(with_a_verb_it_explains_the_verb)
{
	assert_starts("break", "usage: fake break [-h] [-u]\n");
}
END_TEST

START_TEST(an_unknown_verb_is_refused)
{
	assert_refused("braek",
		       "unknown verb 'braek' (did you mean 'break'?)");
}
END_TEST

START_TEST(man_writes_the_page)
{
	assert_starts("--man", ".TH FAKE 1 ");
}
END_TEST

START_TEST(completion_writes_the_script_of_that_shell)
{
	assert_starts("--completion zsh", "#compdef fake\n");
	free(printed);
	assert_starts("--completion bash", "# bash completion");
	free(printed);
	assert_starts("--completion fish", "# fish completion");
}
END_TEST

START_TEST(only_one_thing_at_a_time)
{
	assert_refused("--man read",
		       "give only one of VERB, --man and --completion");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crit/help");
	TCase *tcase = tcase_create("run");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, alone_it_explains_the_command);
	tcase_add_test(tcase, with_a_verb_it_explains_the_verb);
	tcase_add_test(tcase, an_unknown_verb_is_refused);
	tcase_add_test(tcase, man_writes_the_page);
	tcase_add_test(tcase, completion_writes_the_script_of_that_shell);
	tcase_add_test(tcase, only_one_thing_at_a_time);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
