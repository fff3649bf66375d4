// SPDX-License-Identifier: MIT
/*
 * The script for bash is run: a line is completed as bash would have it done,
 * COMP_WORDS being its words. Those for zsh and fish are only looked at.
 */
#include "crit/complete.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/unit/crit/fake.h"

static char *script(const char *shell)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned i = 0;

	while (strcmp(cr_complete_shells[i], shell))
		i++;
	cr_complete_write(out, &fake, i + 1);
	fclose(out);
	return text;
}

static void assert_has(const char *shell, const char *part)
{
	char *text = script(shell);

	ck_assert_msg(strstr(text, part), "no \"%s\" in:\n%s", part, text);
	free(text);
}

static char *run_bash(const char *text)
{
	char *got;
	size_t size;
	FILE *out = open_memstream(&got, &size), *bash;
	int byte;

	setenv("TEST_SCRIPT", text, 1);
	bash = popen("exec bash --norc --noprofile -c \"$TEST_SCRIPT\" 2>&1",
		     "r");
	ck_assert_ptr_nonnull(bash);
	while ((byte = fgetc(bash)) != EOF)
		fputc(byte, out);
	ck_assert_int_eq(pclose(bash), 0);
	fclose(out);
	got[strcspn(got, "\n")] = 0;
	return got;
}

// Completes the last of the words, split the way bash splits a line, and
// compares what is offered, blank-separated. Where the shell itself is to offer
// file names, that shows as the arguments of compopt.
static void assert_offers(const char *words, const char *want)
{
	char *text = script("bash"), *driver, *got;
	size_t size;
	FILE *out = open_memstream(&driver, &size);

	fprintf(out,
		"complete() { :; }\ncompopt() { echo -n \"$*\"; }\n%s\n"
		"COMP_WORDS=(%s)\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
		"_fake\necho \"${COMPREPLY[*]}\"\n",
		text, words);
	fclose(out);
	got = run_bash(driver);
	ck_assert_str_eq(got, want);
	free(got);
	free(driver);
	free(text);
}

START_TEST(bash_offers_the_verbs)
{
	assert_offers("fake ''", "read break help");
	assert_offers("fake br", "break");
}
END_TEST

START_TEST(bash_offers_the_options_of_the_command)
{
	assert_offers("fake --", "--help --version --color --no-pager "
				"--limit");
}
END_TEST

START_TEST(bash_finds_the_verb_behind_options)
{
	assert_offers("fake --version br", "break");
}
END_TEST

START_TEST(bash_offers_the_options_of_a_verb)
{
	assert_offers("fake read -", "-h --help -i --in --dir -p --pretty");
	assert_offers("fake read --p", "--pretty");
	assert_offers("fake break -", "-h --help -u");
}
END_TEST

START_TEST(bash_offers_files_after_an_option_that_takes_one)
{
	assert_offers("fake read -i x", "-o default");
	assert_offers("fake read --in ''", "-o default");
	assert_offers("fake read --input x", "-o default");
}
END_TEST

START_TEST(bash_offers_files_after_an_equals_sign)
{
	assert_offers("fake read --in =", "-o default");
	assert_offers("fake read --in = x", "-o default");
}
END_TEST

START_TEST(bash_offers_directories)
{
	assert_offers("fake read --dir x", "-o dirnames");
}
END_TEST

START_TEST(bash_offers_the_words_of_a_choice)
{
	assert_offers("fake help --completion ''", "bash fish zsh");
	assert_offers("fake help --completion =", "bash fish zsh");
	assert_offers("fake help --completion = z", "zsh");
}
END_TEST

START_TEST(bash_counts_arguments)
{
	assert_offers("fake read ''", "-o default");
	assert_offers("fake read -i x -p ''", "-o default");
	assert_offers("fake read -i x file f", "fds");
	assert_offers("fake read --in = x file -p ''", "ps fds");
	assert_offers("fake read file ps ''", "");
}
END_TEST

START_TEST(bash_offers_verbs_to_help)
{
	assert_offers("fake help b", "break");
}
END_TEST

START_TEST(bash_offers_no_options_after_two_dashes)
{
	assert_offers("fake read -- -", "-o default");
}
END_TEST

START_TEST(bash_offers_nothing_after_an_unknown_verb)
{
	assert_offers("fake what ''", "");
	assert_offers("fake what -", "");
}
END_TEST

START_TEST(zsh_quotes_what_is_special)
{
	assert_has("zsh", "\t\t'(-i --in --input)'{-i+,--in=}"
			  "'[what \\[it\\]\\: reads, it'\\''s a \\\\ file]"
			  ":FILE:_files' \\\n");
	assert_has("zsh", "\t\t'read:read it, don'\\''t: guess'\n");
}
END_TEST

START_TEST(zsh_understands_an_alias_without_offering_it)
{
	assert_has("zsh", "\t\t'!--input=:FILE:_files' \\\n");
}
END_TEST

START_TEST(zsh_passes_its_arguments_on)
{
	assert_has("zsh", "\t_fake \"$@\"\n");
}
END_TEST

START_TEST(fish_quotes_what_is_special)
{
	assert_has("fish", "complete -c fake -n '__fake_verb \"read\"' -s i "
			   "-l in -r -F -d "
			   "'what [it]: reads, it'\\''s a \\\\ file'\n");
}
END_TEST

START_TEST(fish_offers_the_words_of_a_choice)
{
	assert_has("fish", "complete -c fake -n '__fake_verb \"read\"' -f "
			   "-a 'ps fds' -d 'which part'\n");
}
END_TEST

static TCase *bash(void)
{
	TCase *tcase = tcase_create("bash");

	tcase_add_test(tcase, bash_offers_the_verbs);
	tcase_add_test(tcase, bash_offers_the_options_of_the_command);
	tcase_add_test(tcase, bash_finds_the_verb_behind_options);
	tcase_add_test(tcase, bash_offers_the_options_of_a_verb);
	tcase_add_test(tcase, bash_offers_files_after_an_option_that_takes_one);
	tcase_add_test(tcase, bash_offers_files_after_an_equals_sign);
	tcase_add_test(tcase, bash_offers_directories);
	tcase_add_test(tcase, bash_offers_the_words_of_a_choice);
	tcase_add_test(tcase, bash_counts_arguments);
	tcase_add_test(tcase, bash_offers_verbs_to_help);
	tcase_add_test(tcase, bash_offers_no_options_after_two_dashes);
	tcase_add_test(tcase, bash_offers_nothing_after_an_unknown_verb);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("crit/complete");
	TCase *others = tcase_create("zsh and fish");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_test(others, zsh_quotes_what_is_special);
	tcase_add_test(others, zsh_understands_an_alias_without_offering_it);
	tcase_add_test(others, zsh_passes_its_arguments_on);
	tcase_add_test(others, fish_quotes_what_is_special);
	tcase_add_test(others, fish_offers_the_words_of_a_choice);
	suite_add_tcase(suite, bash());
	suite_add_tcase(suite, others);
	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
