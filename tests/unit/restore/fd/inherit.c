// SPDX-License-Identifier: MIT
#include "restore/fd/inherit.h"

#include <stdio.h>

#include "tests/support/main.h"

static void key(const struct cr_ofile *file, char *buf, size_t size)
{
	snprintf(buf, size, "%s", (const char *)file->data);
}

static const struct cr_fd_kind kind = { .key = key };

// The descriptor that a list gives for a key, or -1.
static int given(const char *list, const char *name)
{
	struct cr_options options = { .inherit = list };
	struct cr_rplan plan = { .options = &options };
	struct cr_ofile file = { .kind = &kind,
				 .inherited = -1,
				 .data = (void *)(uintptr_t)name };
	ck_assert_ptr_null(cr_inherit_plan(&plan, &file));
	return file.inherited;
}

TEST(a_key_is_a_whole_name)
{
	ck_assert_int_eq(given("fd[3]:pipe:[5]", "pipe:[5]"), 3);
	ck_assert_int_eq(given("fd[3]:pipe:[5]", "pipe:[55]"), -1);
	ck_assert_int_eq(given("fd[3]:pipe:[55]", "pipe:[5]"), -1);
	ck_assert_int_eq(given("fd[3]:pipe:[5],fd[4]:pipe:[6]", "pipe:[6]"), 4);
	ck_assert_int_eq(given(NULL, "pipe:[6]"), -1);
}

TEST(a_path_may_lack_its_first_slash)
{
	ck_assert_int_eq(given("fd[3]:tmp/a", "/tmp/a"), 3);
	ck_assert_int_eq(given("fd[3]:/tmp/a", "/tmp/a"), 3);
	ck_assert_int_eq(given("fd[3]:/tmp/a", "tmp/a"), -1);
	ck_assert_int_eq(given("fd[3]:/", "/"), 3);
	ck_assert_int_eq(given("fd[3]:/a", "//a"), 3);
}

TEST(a_path_may_have_commas)
{
	ck_assert_int_eq(given("fd[3]:/a,b,fd[4]:/c", "/a,b"), 3);
	ck_assert_int_eq(given("fd[3]:/a,b,fd[4]:/c", "/c"), 4);
	ck_assert_int_eq(given("fd[3]:/a,b,fd[4]:/c", "/a"), -1);
}

TEST_MAIN("restore/fd/inherit")
