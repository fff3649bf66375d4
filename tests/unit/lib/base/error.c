// SPDX-License-Identifier: MIT
#include "lib/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"

TEST(an_error_has_code_and_text)
{
	struct cr_error *err =
		cr_error_new(CR_ERR_FORMAT, "need %d bytes, have %s", 4, "2");

	ck_assert_int_eq(cr_error_code(err), CR_ERR_FORMAT);
	ck_assert_int_eq(cr_error_errno(err), 0);
	assert_text(cr_error_text(err), "need 4 bytes, have 2");
	cr_error_free(err);
}

TEST(layers_put_in_front_where_they_were)
{
	struct cr_error *err = cr_error_new(CR_ERR_FORMAT, "broken");

	err = cr_error_at(err, "byte %d", 4);
	err = cr_error_at(err, "entry %d", 1);
	err = cr_error_at(err, "%s", "core-42.img");
	ck_assert_int_eq(cr_error_code(err), CR_ERR_FORMAT);
	assert_text(cr_error_text(err),
		    "core-42.img: entry 1: byte 4: broken");
	cr_error_free(err);
}

TEST(a_text_may_have_percent_signs)
{
	struct cr_error *err = cr_error_new(CR_ERR_FORMAT, "%s", "100%s");

	err = cr_error_at(err, "%s", "%d");
	assert_text(cr_error_text(err), "%d: 100%s");
	cr_error_free(err);
}

TEST(a_failed_system_call_has_its_errno)
{
	struct cr_error *err;

	errno = ENOENT;
	err = cr_error_sys("cannot open %s", "x");
	ck_assert_int_eq(cr_error_code(err), CR_ERR_SYSTEM);
	ck_assert_int_eq(cr_error_errno(err), ENOENT);
	assert_text(cr_error_text(err),
		    "cannot open x: No such file or directory");
	err = cr_error_at(err, "y");
	ck_assert_int_eq(cr_error_errno(err), ENOENT);
	cr_error_free(err);
}

TEST(out_of_memory_is_one_object)
{
	struct cr_error *err = cr_enomem;

	ck_assert_ptr_eq(cr_error_at(err, "entry %d", 1), cr_enomem);
	ck_assert_int_eq(cr_error_code(err), CR_ERR_NOMEM);
	ck_assert_int_eq(cr_error_errno(err), 0);
	assert_text(cr_error_text(err), "out of memory");
	cr_error_free(err);
	cr_error_free(err);
	assert_text(cr_error_text(cr_enomem), "out of memory");
}

TEST(catching_out_of_memory)
{
	struct cr_error *err = cr_enomem;

	ck_assert(cr_error_catch(&err, CR_ERR_NOMEM));
	ck_assert_ptr_null(err);
}

TEST(one_code_is_caught_and_others_are_not)
{
	struct cr_error *err = cr_error_new(CR_ERR_NOT_FOUND, "no x");

	ck_assert(!cr_error_catch(&err, CR_ERR_FORMAT));
	ck_assert_ptr_nonnull(err);
	ck_assert(cr_error_catch(&err, CR_ERR_NOT_FOUND));
	ck_assert_ptr_null(err);
	ck_assert(!cr_error_catch(&err, CR_ERR_NOT_FOUND));
}

TEST(freeing_nothing)
{
	cr_error_free(NULL);
}

TEST(long_texts_are_kept)
{
	char *long_text = cr_test_alloc(10001);
	struct cr_error *err;

	memset(long_text, 'x', 10000);
	err = cr_error_new(CR_ERR_FORMAT, "%s", long_text);
	assert_text(cr_error_text(err), long_text);
	cr_error_free(err);
}

TEST(a_text_cannot_drive_a_terminal)
{
	struct cr_error *err = cr_error_new(CR_ERR_FORMAT, "a\x1b[2J\n\x7f");

	err = cr_error_at(err, "b\t\x01");
	assert_text(cr_error_text(err),
		    "b\\x09\\x01: a\\x1b[2J\\x0a\\x7f");
	cr_error_free(err);
}

TEST(a_text_is_utf8)
{
	struct cr_error *err = cr_error_new(
		CR_ERR_FORMAT, "%s",
		"\u00e9\u20ac\U0001d11e \xff \xc3 \xe2\x82 \xc2\x9b \xed\xa0\x80");

	assert_text(cr_error_text(err),
		    "\u00e9\u20ac\U0001d11e \\xff \\xc3 \\xe2\\x82 \\xc2\\x9b "
		    "\\xed\\xa0\\x80");
	cr_error_free(err);
}

TEST(the_first_of_several_says_how_many_follow)
{
	struct cr_error *err = cr_error_new(CR_ERR_FORMAT, "a");

	err = cr_error_more(err, 0);
	assert_text(cr_error_text(err), "a");
	err = cr_error_more(err, 2);
	assert_text(cr_error_text(err), "a; and 2 more");
	ck_assert_int_eq(cr_error_code(err), CR_ERR_FORMAT);
	cr_error_free(err);
	ck_assert_ptr_null(cr_error_more(NULL, 7));
	ck_assert_ptr_eq(cr_error_more(cr_enomem, 7), cr_enomem);
}

TEST_MAIN("lib/base/error")
