// SPDX-License-Identifier: MIT
/*
 * The list of verbs: no row lacks what help, the man page and the shells are
 * written from, and each is in all of them.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "crit/complete.h"
#include "crit/manual.h"
#include "crit/verb.h"

#define for_each_verb(verb)                                               \
	for (const struct cr_verb *const *at = cr_crit.verbs, *verb = *at; \
	     verb; verb = *++at)

// What one of the writers prints; the caller frees it.
enum doc { MAN, BASH, FISH, ZSH, NR_DOCS };

static const char *const doc_names[] = { "man", "bash", "fish", "zsh" };

static char *write_doc(enum doc doc)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	if (doc == MAN)
		cr_manual_write(out, &cr_crit);
	for (unsigned i = 0; doc != MAN && cr_complete_shells[i]; i++) {
		if (!strcmp(cr_complete_shells[i], doc_names[doc]))
			cr_complete_write(out, &cr_crit, i + 1);
	}
	fclose(out);
	return text;
}

START_TEST(every_verb_has_its_texts_and_runs)
{
	for_each_verb(verb) {
		ck_assert_ptr_nonnull(verb->name);
		ck_assert_msg(verb->summary && *verb->summary, "%s",
			      verb->name);
		ck_assert_msg(verb->text && *verb->text, "%s", verb->name);
		ck_assert_msg(verb->run != NULL, "%s", verb->name);
	}
}
END_TEST

START_TEST(names_differ)
{
	for_each_verb(verb) {
		for (const struct cr_verb *const *other = at + 1; *other;
		     other++)
			ck_assert_str_ne(verb->name, (*other)->name);
	}
}
END_TEST

START_TEST(summaries_have_no_full_stop)
{
	for_each_verb(verb) {
		size_t len = strlen(verb->summary);

		ck_assert_msg(verb->summary[len - 1] != '.', "%s", verb->name);
	}
}
END_TEST

static void check_row(const struct cr_verb *verb, const struct cr_opt *opt)
{
	ck_assert_msg(opt->help && *opt->help, "%s: a row without help",
		      verb->name);
	if (cr_opts_has_value(opt) || cr_opts_is_arg(opt))
		ck_assert_msg(opt->value != NULL, "%s: %s", verb->name,
			      opt->help);
	ck_assert_int_eq(opt->takes == CR_TAKES_CHOICE ||
				 opt->takes == CR_TAKES_PATH,
			 opt->words != NULL);
	ck_assert_int_eq(opt->kind == CR_KIND_WORDS, opt->arity >= CR_MANY);
	if (opt->kind == CR_KIND_WORDS)
		ck_assert_msg(cr_opts_is_arg(opt), "%s: %s", verb->name,
			      opt->help);
	if (opt->kind != CR_KIND_HELP)
		ck_assert_uint_lt(opt->off, verb->values_size);
}

START_TEST(every_row_is_whole)
{
	for_each_verb(verb) {
		cr_opts_for_each(opt, verb->opts)
			check_row(verb, opt);
	}
}
END_TEST

// `crit shell` puts the current checkpoint in for an argument that takes one.
START_TEST(an_argument_DIR_is_a_checkpoint_and_pid_a_process)
{
	for_each_verb(verb) {
		cr_opts_for_each(opt, verb->opts) {
			ck_assert_msg(!cr_opts_is_arg(opt) ||
					      opt->takes != CR_TAKES_DIR,
				      "%s: %s: CR_TAKES_CHECKPOINT?",
				      verb->name, opt->value);
			ck_assert_msg(!opt->name || strcmp(opt->name, "pid") ||
					      opt->takes == CR_TAKES_PID,
				      "%s: --pid: CR_TAKES_PID?", verb->name);
		}
	}
}
END_TEST

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool clash(const struct cr_opt *a, const struct cr_opt *b)
{
	return (a->letter && a->letter == b->letter) ||
	       same(a->name, b->name) || same(a->name, b->alias) ||
	       same(a->alias, b->name) || same(a->alias, b->alias);
}

START_TEST(no_option_of_a_verb_is_listed_twice)
{
	for_each_verb(verb) {
		cr_opts_for_each(a, verb->opts) {
			cr_opts_for_each(b, verb->opts)
				ck_assert_msg(a == b || !clash(a, b),
					      "%s: %s", verb->name, a->help);
		}
	}
}
END_TEST

START_TEST(arguments_that_may_be_missing_come_last)
{
	for_each_verb(verb) {
		enum cr_arity seen = CR_ONE;

		cr_opts_for_each(opt, verb->opts) {
			if (!cr_opts_is_arg(opt))
				continue;
			ck_assert_msg(seen < CR_MANY, "%s", verb->name);
			ck_assert_msg(seen == CR_ONE || opt->arity != CR_ONE,
				      "%s", verb->name);
			seen = opt->arity;
		}
	}
}
END_TEST

START_TEST(help_fits_80_columns)
{
	for_each_verb(verb) {
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		cr_command_help(out, &cr_crit, verb);
		fclose(out);
		for (char *line = strtok(text, "\n"); line;
		     line = strtok(NULL, "\n"))
			ck_assert_msg(strlen(line) <= 80, "%s: %s", verb->name,
				      line);
		free(text);
	}
}
END_TEST

// The name of the option as the man page spells it.
static const char *troff_name(const char *name, char *buf)
{
	char *to = buf;

	for (; *name; name++) {
		if (*name == '-')
			*to++ = '\\';
		*to++ = *name;
	}
	*to = 0;
	return buf;
}

START_TEST(every_verb_is_in_every_document)
{
	char *text = write_doc(_i);

	for_each_verb(verb)
		ck_assert_msg(strstr(text, verb->name), "%s: no %s",
			      doc_names[_i], verb->name);
	free(text);
}
END_TEST

START_TEST(every_option_is_in_every_document)
{
	char *text = write_doc(_i), name[200];

	for_each_verb(verb) {
		cr_opts_for_each(opt, verb->opts) {
			const char *want = opt->name;

			if (want && _i == MAN)
				want = troff_name(want, name);
			ck_assert_msg(!want || strstr(text, want), "%s: no %s",
				      doc_names[_i], want);
		}
	}
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crit/verbs");
	TCase *tcase = tcase_create("list");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_test(tcase, every_verb_has_its_texts_and_runs);
	tcase_add_test(tcase, names_differ);
	tcase_add_test(tcase, summaries_have_no_full_stop);
	tcase_add_test(tcase, every_row_is_whole);
	tcase_add_test(tcase,
		       an_argument_DIR_is_a_checkpoint_and_pid_a_process);
	tcase_add_test(tcase, no_option_of_a_verb_is_listed_twice);
	tcase_add_test(tcase, arguments_that_may_be_missing_come_last);
	tcase_add_test(tcase, help_fits_80_columns);
	tcase_add_loop_test(tcase, every_verb_is_in_every_document, 0, NR_DOCS);
	tcase_add_loop_test(tcase, every_option_is_in_every_document, 0,
			    NR_DOCS);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
