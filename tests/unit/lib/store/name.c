// SPDX-License-Identifier: MIT
#include "lib/store/name.h"

#include "tests/support/bytes.h"
#include "tests/support/main.h"

static const char *clean(const char *name)
{
	static const char *const states[] = { "", "absolute", "dotdot",
					      "too long" };
	char *got = cr_test_alloc(CR_NAME_MAX);
	enum cr_name state = cr_name_clean(name, got);

	return state == CR_NAME_OK ? got :
				     cr_test_format("! %s", states[state]);
}

TEST(a_clean_name_has_nothing_to_spare)
{
	assert_text(clean("a/b"), "a/b");
	assert_text(clean("./a//./b/"), "a/b");
	assert_text(clean("./"), "");
	assert_text(clean(""), "");
	assert_text(clean("..."), "...");
	assert_text(clean(".a/..b/c.."), ".a/..b/c..");
}

TEST(names_that_lead_elsewhere_are_not_cleaned)
{
	assert_text(clean("/a"), "! absolute");
	assert_text(clean("//"), "! absolute");
	assert_text(clean(".."), "! dotdot");
	assert_text(clean("a/../b"), "! dotdot");
	assert_text(clean("a/.."), "! dotdot");
}

TEST(names_have_the_length_that_the_system_allows)
{
	char *name = cr_test_alloc(CR_NAME_MAX + 1);

	memset(name, 'n', CR_NAME_MAX - 1);
	assert_text(clean(name), name);
	name[CR_NAME_MAX - 1] = 'n';
	assert_text(clean(name), "! too long");
	name[CR_NAME_MAX / 2] = '/';
	assert_text(clean(name), "! too long");
}

/* Where a walk gets to, `link` being the only link. */
static const char *walk(const char *root, const char *base, const char *name,
			const char *link, const char *target)
{
	struct cr_name_walk w;
	enum cr_name_step step = CR_NAME_CONFUSED;

	if (cr_name_walk_init(&w, root, base, name))
		do {
			step = cr_name_step(&w);
			if (step == CR_NAME_STEP && !strcmp(w.path, link))
				step = cr_name_follow(&w, target);
		} while (step == CR_NAME_STEP);
	return step == CR_NAME_ARRIVED ? cr_test_format("%s", w.path) :
	       step == CR_NAME_OUT     ? "! out" :
					 "! confused";
}

TEST(a_walk_stays_in_its_root)
{
	assert_text(walk("c", "c", "a/./b//", "-", ""), "c/a/b");
	assert_text(walk("c", "c", "a/../b", "-", ""), "c/b");
	assert_text(walk("c", "c", "a/..", "-", ""), "c");
	assert_text(walk("c", "c", "..", "-", ""), "! out");
	assert_text(walk("c", "c", "a/../../c/b", "-", ""), "! out");
	assert_text(walk("", "c/d", "../x", "-", ""), "c/x");
	assert_text(walk("", "c/d", "../../x", "-", ""), "x");
	assert_text(walk("", "c/d", "../../..", "-", ""), "! out");
	assert_text(walk("", "", "", "-", ""), "");
}

TEST(a_link_is_followed_from_where_it_stands)
{
	assert_text(walk("", "", "a/l/x", "a/l", "b"), "a/b/x");
	assert_text(walk("", "", "a/l/x", "a/l", "../b/"), "b/x");
	assert_text(walk("", "", "a/l", "a/l", "."), "a");
	assert_text(walk("a", "a", "l", "a/l", "../b"), "! out");
	assert_text(walk("", "", "l", "l", "/etc"), "! out");
	assert_text(walk("", "", "l", "l", "l"), "! confused");
	assert_text(walk("", "", "l", "l", "l/l"), "! confused");
}

TEST_MAIN("lib/store/name")
