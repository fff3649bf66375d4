// SPDX-License-Identifier: MIT
#include "tests/support/main.h"
#include "tests/unit/crit/shell/fake.h"

static struct cr_error *mean(const struct cr_here *here, const char *text,
			     struct cr_strings *ret)
{
	struct cr_line line;
	assert_ok(cr_line_split(text, &line));
	struct cr_error *err =
		cr_here_words(here, &fake_command, &line.words, ret);
	cr_line_free(&line);
	return err;
}

static void assert_means(const struct cr_here *here, const char *text,
			 const char *want)
{
	struct cr_strings words = { .nr = 0 };
	assert_ok(mean(here, text, &words));
	ck_assert_msg(!strcmp(joined(&words), want), "%s: %s, not %s", text,
		      joined(&words), want);
	cr_strings_free(&words);
}

struct meaning {
	const char *text, *all, *one; /* without and with process 12 */
};

// clang-format off
static const struct meaning meanings[] = {
	// A view, with and without its verb, with and without a checkpoint.
	{ "x ps",              "x|--|here|ps",              "x|--pid=12|--|here|ps" },
	{ "ps",                "x|--|here|ps",              "x|--pid=12|--|here|ps" },
	{ "ps --json",         "x|--json|--|here|ps",       "x|--json|--pid=12|--|here|ps" },
	{ "x there ps",        "x|--|there|ps",             "x|--|there|ps" },
	{ "x ./ps ps",         "x|--|./ps|ps",              "x|--|./ps|ps" },
	{ "x there",           "x|--|there",                "x|--|there" },
	{ "x",                 "x|--|here",                 "x|--pid=12|--|here" },
	{ "ps -p 7",           "x|-p|7|--|here|ps",         "x|-p|7|--|here|ps" },
	{ "ps -p7",            "x|-p7|--|here|ps",          "x|-p7|--|here|ps" },
	{ "ps --pid=7",        "x|--pid=7|--|here|ps",      "x|--pid=7|--|here|ps" },
	// A word of a view is not its argument's, nor a verb's.
	{ "read 0x10 20",      "mem|--|here|read|0x10|20",  "mem|--pid=12|--|here|read|0x10|20" },
	{ "mem read map",      "mem|--|here|read|map",      "mem|--pid=12|--|here|read|map" },
	{ "mem d read 1 2",    "mem|--|d|read|1|2",         "mem|--|d|read|1|2" },
	{ "mem show",          "mem|--|here|show",          "mem|--pid=12|--|here|show" },
	{ "mem -o ps map",     "mem|-o|ps|--|here|map",     "mem|-o|ps|--pid=12|--|here|map" },
	{ "read -- -1",        "mem|--|here|read|-1",       "mem|--pid=12|--|here|read|-1" },
	{ "ps --no-pager",     "x|--no-pager|--|here|ps",   "x|--no-pager|--pid=12|--|here|ps" },
	{ "ps --color never",  "x|--color|never|--|here|ps","x|--color|never|--pid=12|--|here|ps" },
	{ "ps --bogus",        "x|--bogus|--|here|ps",      "x|--bogus|--pid=12|--|here|ps" },
	// A checkpoint alone, two, any number.
	{ "check",             "check|--|here",             "check|-p12|--|here" },
	{ "check there",       "check|--|there",            "check|--|there" },
	{ "diff",              "diff|--|here",              "diff|--pid=12|--|here" },
	{ "diff b",            "diff|--|here|b",            "diff|--pid=12|--|here|b" },
	{ "diff a b",          "diff|--|a|b",               "diff|--|a|b" },
	{ "list",              "list|--",                   "list|--" },
	{ "list a",            "list|--|a",                 "list|--|a" },
	// Images.
	{ "show pstree.img",   "show|--|here/pstree.img",   "show|--|here/pstree.img" },
	{ "show pstree",       "show|--|here/pstree.img",   "show|--|here/pstree.img" },
	{ "show mm",           "show|--|here/mm-7.img",     "show|--|here/mm-7.img" },
	{ "show core-7",       "show|--|here/core-7.img",   "show|--|here/core-7.img" },
	{ "show ./files.img",  "show|--|./files.img",       "show|--|./files.img" },
	{ "show -",            "show|--|-",                 "show|--|-" },
	{ "show none.img",     "show|--|none.img",          "show|--|none.img" },
	{ "show -i files",     "show|-i|here/files.img|--", "show|-i|here/files.img|--" },
	// Actions, which are not called without their verb.
	{ "edit get a",        "edit|--|here|get|a",        "edit|--|here|get|a" },
	{ "edit there get a",  "edit|--|there|get|a",       "edit|--|there|get|a" },
	{ "edit --patch f",    "edit|--patch|f|--|here",    "edit|--patch|f|--|here" },
	{ "get a",             "get|a",                     "get|a" },
	// What is no verb is the command's to refuse.
	{ "bogus a",           "bogus|a",                   "bogus|a" },
	{ "--version",         "--version",                 "--version" },
};
// clang-format on

TEST(words_get_the_checkpoint_and_the_process)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		struct cr_here here = fake_here();
		assert_means(&here, meanings[i].text, meanings[i].all);
		assert_ok(cr_here_choose(&here, "12"));
		assert_means(&here, meanings[i].text, meanings[i].one);
	}
}

TEST(an_image_of_the_process_needs_no_number)
{
	struct cr_here here = fake_here();
	struct cr_strings words = { .nr = 0 };
	struct cr_error *err = mean(&here, "show core", &words);
	ck_assert_ptr_nonnull(err);
	ck_assert_int_eq(cr_error_code(err), CR_ERR_USAGE);
	cr_error_free(err);
	cr_strings_free(&words);
	assert_ok(cr_here_choose(&here, "12"));
	assert_means(&here, "show core", "show|--|here/core-12.img");
}

TEST(without_a_checkpoint_nothing_is_put_in)
{
	struct cr_here here = { .path = NULL };
	assert_means(&here, "ps", "x|--|ps");
	assert_means(&here, "show files", "show|--|files");
	assert_means(&here, "check", "check|--");
}

TEST(a_process_must_be_there)
{
	struct cr_here here = fake_here();
	struct cr_error *err = cr_here_choose(&here, "8");
	ck_assert_int_eq(cr_error_code(err), CR_ERR_NOT_FOUND);
	cr_error_free(err);
	err = cr_here_choose(&here, "7x");
	ck_assert_int_eq(cr_error_code(err), CR_ERR_USAGE);
	cr_error_free(err);
	ck_assert(!here.has_pid);
	assert_ok(cr_here_choose(&here, "7"));
	ck_assert(here.has_pid && here.current == 7);
	err = cr_here_choose(&here, "8");
	cr_error_free(err);
	ck_assert(here.has_pid && here.current == 7);
	assert_ok(cr_here_choose(&here, NULL));
	ck_assert(!here.has_pid);
}

TEST_MAIN("crit/shell/here")
