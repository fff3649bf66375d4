// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "lib/ops/domain/inside.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

static size_t split(const char *text, char **words, char *copy)
{
	size_t nr = 0;
	char *rest = strcpy(copy, text), *word;
	while ((word = strsep(&rest, " ")))
		words[nr++] = word;
	return nr;
}

/* The path after rules with blanks between them, "-" if none fits, or the
 * error. */
static char *moved(const char *text, const char *path, size_t size)
{
	char copy[256], *words[8], *to;
	struct cr_rules rules = { 0 };
	size_t to_size, nr = split(text, words, copy);
	struct cr_error *err = cr_rules_parse(words, nr, &rules);
	cr_rules_trim(&rules);
	if (!err)
		err = cr_rules_apply(&rules, path, size, &to, &to_size);
	char *ret = err ? cr_test_error(err) :
		    to	? cr_test_format("%s", to) :
			  cr_test_format("-");
	if (!err && to) {
		/* Ends where it says, whatever is in it. */
		ck_assert_int_eq(to[to_size], 0);
		free(to);
	}
	cr_rules_free(&rules);
	return ret;
}

#define assert_moved(rules, path, want) \
	assert_text(moved(rules, path, strlen(path)), want)

TEST(whole_components_are_meant)
{
	assert_moved("/a/b=/x", "/a/b", "/x");
	assert_moved("/a/b=/x", "/a/b/c", "/x/c");
	assert_moved("/a/b=/x", "/a/bc", "-");
	assert_moved("/a/b=/x", "/a", "-");
	assert_moved("/a/b=/x", "/y/a/b", "-");
	assert_moved("/a/b=/x", "a/b", "-");
	assert_moved("a=b", "a/c", "b/c");
}

TEST(slashes_at_the_end_mean_nothing)
{
	assert_moved("/a/=/x//", "/a/c", "/x/c");
	assert_moved("/a/=/x/", "/a", "/x");
	assert_moved("/a=/x", "/a/", "/x/");
}

TEST(the_root_is_below_nothing)
{
	assert_moved("/=/x", "/", "/x");
	assert_moved("/=/x", "/a/b", "/x/a/b");
	assert_moved("/=/x", "a", "-");
	assert_moved("/a=/", "/a/b", "/b");
	assert_moved("/a=/", "/a", "/");
	assert_moved("/=/", "/a", "/a");
}

TEST(the_longest_rule_counts)
{
	assert_moved("/a=/x /a/b=/y", "/a/b/c", "/y/c");
	assert_moved("/a/b=/y /a=/x", "/a/b/c", "/y/c");
	assert_moved("/a/b=/y /a=/x", "/a/c", "/x/c");
}

TEST(rules_act_at_once)
{
	assert_moved("/a=/b /b=/a", "/a/c", "/b/c");
	assert_moved("/a=/b /b=/a", "/b/c", "/a/c");
}

TEST(equals_signs_can_be_in_names)
{
	assert_moved("/a\\=b=/c=d", "/a=b/e", "/c=d/e");
	assert_moved("/a\\\\=/c", "/a\\/e", "/c/e");
	assert_moved("/a\\b=/c", "/a\\b/e", "/c/e");
}

TEST(what_follows_a_nul_stays)
{
	assert_text(moved("/a=/bb", "/a", 3), "/bb");
	assert_text(moved("/a=/bb", "/a\0/c", 5), "/bb");
	assert_moved("/a=/x", "", "-");
}

TEST(words_that_are_no_rules)
{
	assert_moved("/a", "", "! USAGE '/a': need OLD=NEW");
	assert_moved("=/a", "", "! USAGE '=/a': need OLD=NEW, neither of them empty");
	assert_moved("/a=", "", "! USAGE '/a=': need OLD=NEW, neither of them empty");
	assert_moved("/a=/b /a=/c", "", "! USAGE '/a' is given twice");
}

TEST(numbers_of_images)
{
	uint64_t n = 0;
	ck_assert(cr_domain_name_number("core-12.img", "core", &n));
	ck_assert_uint_eq(n, 12);
	static const char *const bad[] = {
		"core-.img", "core-012.img", "core-12", "core-12.imgx",
		"core-x.img", "core-1-2.img", "score-1.img", "core1.img",
		"core-99999999999999999999.img",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!cr_domain_name_number(bad[i], "core", &n), "%s",
			      bad[i]);
	ck_assert(!cr_domain_name_number("pagemap-shmem-1.img", "pagemap", &n));
}

TEST_MAIN("lib/ops/domain/rules")
