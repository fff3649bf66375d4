// SPDX-License-Identifier: MIT
#include "crit/manual.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/unit/crit/fake.h"

static char *page;

static void setup(void)
{
	size_t size;
	FILE *out = open_memstream(&page, &size);

	cr_manual_write(out, &fake);
	fclose(out);
}

static void teardown(void)
{
	free(page);
}

static void assert_has(const char *text)
{
	ck_assert_msg(strstr(page, text), "no \"%s\" in:\n%s", text, page);
}

START_TEST(the_header_names_command_date_and_version)
{
	const char start[] =
		".TH FAKE 1 \"2025-01-02\" \"fakes 1.2.3\" \"User Commands\"\n"
		".SH NAME\nfake \\- try the frame\n";

	ck_assert_msg(!strncmp(page, start, strlen(start)), "%s", page);
}
END_TEST

START_TEST(a_verb_has_its_usage)
{
	assert_has(".SS read\n.SY fake\n.B read\n[\\-h]\n[\\-i FILE]\n"
		   "[\\-\\-dir DIR]\n[\\-p]\n[FILE]\n[WHAT]\n.YS\n");
}
END_TEST

START_TEST(an_option_shows_all_its_names)
{
	assert_has(".TP\n\\fB\\-i\\fR, \\fB\\-\\-in\\fR, \\fB\\-\\-input\\fR "
		   "\\fIFILE\\fR\n");
}
END_TEST

START_TEST(a_choice_shows_its_words)
{
	assert_has(".TP\n\\fIWHAT\\fR\nwhich part (ps, fds)\n");
}
END_TEST

START_TEST(backslashes_and_quotes_are_escaped)
{
	assert_has("what [it]: reads, it\\(aqs a \\e file\n");
}
END_TEST

START_TEST(kept_lines_keep_their_indentation)
{
	assert_has(".RS 4\n.nf\n\\(aqkept\\(aq  text\n  \\edeeper\n"
		   "\\&.nor this\n.fi\n.RE\n");
}
END_TEST

START_TEST(text_is_never_taken_for_a_request)
{
	assert_has("\n\\&.not a request.\n");
	assert_has("\n\\&.nor this\n");
}
END_TEST

START_TEST(every_verb_is_there)
{
	assert_has("\n.SS read\n");
	assert_has("\n.SS break\n");
	assert_has("\n.SS help\n");
}
END_TEST

START_TEST(sections_follow_the_verbs)
{
	assert_has(".SH NOTES\nFirst.\n.PP\nSecond.\n.SH SEE ALSO\n");
	ck_assert(strstr(page, ".SS help") < strstr(page, ".SH NOTES"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crit/manual");
	TCase *tcase = tcase_create("write");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_header_names_command_date_and_version);
	tcase_add_test(tcase, a_verb_has_its_usage);
	tcase_add_test(tcase, an_option_shows_all_its_names);
	tcase_add_test(tcase, a_choice_shows_its_words);
	tcase_add_test(tcase, backslashes_and_quotes_are_escaped);
	tcase_add_test(tcase, kept_lines_keep_their_indentation);
	tcase_add_test(tcase, text_is_never_taken_for_a_request);
	tcase_add_test(tcase, every_verb_is_there);
	tcase_add_test(tcase, sections_follow_the_verbs);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
