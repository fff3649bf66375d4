// SPDX-License-Identifier: MIT
#include "lib/ops/domain/pids.h"

#include <string.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"

/* "1>2 3>4" of what lines say; there: an id that is there, too. */
static char *mapped(const char *lines, uint32_t there)
{
	struct cr_pids pids = { 0 };
	struct cr_error *err = cr_pids_parse_lines(&pids, lines, strlen(lines));
	char *all = cr_test_format("%s", "");
	if (!err && there)
		err = cr_pids_add(&pids, there, there, false);
	if (!err)
		err = cr_pids_sort(&pids);
	if (!err)
		err = cr_pids_check(&pids);
	for (size_t i = 0; i < pids.nr && !err; i++)
		all = cr_test_format("%s%s%u>%u", all, i ? " " : "",
				     pids.pair[i].old, pids.pair[i].to);
	cr_pids_free(&pids);
	return err ? cr_test_error(err) : all;
}

TEST(lines_comments_and_blanks)
{
	assert_text(mapped("1=2", 0), "1>2");
	assert_text(mapped("# a\n\n 5 = 6 # b\r\n3\t4\n", 0), "3>4 5>6");
	assert_text(mapped("", 0), "");
}

TEST(lines_that_are_no_pairs)
{
	assert_text(mapped("1=2\nx", 0),
		    "! USAGE line 2: 'x': need OLD=NEW, ids from 1 to 4194303");
	assert_text(mapped("0=2", 0),
		    "! USAGE line 1: '0=2': need OLD=NEW, ids from 1 to 4194303");
	assert_text(mapped("1=4194304", 0),
		    "! USAGE line 1: '1=4194304': need OLD=NEW, ids from 1 to 4194303");
	assert_text(mapped("1=-1", 0),
		    "! USAGE line 1: '1=-1': need OLD=NEW, ids from 1 to 4194303");
	assert_text(mapped("1=2=3", 0),
		    "! USAGE line 1: '1=2=3': need OLD=NEW, ids from 1 to 4194303");
	assert_text(mapped("4194303=1", 0), "4194303>1");
}

TEST(ids_may_change_places)
{
	assert_text(mapped("1=2\n2=1", 0), "1>2 2>1");
	assert_text(mapped("1=2\n2=3\n3=1", 2), "1>2 2>3 3>1");
}

TEST(an_id_that_is_there_is_not_taken)
{
	assert_text(mapped("1=2", 2), "! USAGE both 1 and 2 would be 2");
	assert_text(mapped("1=2", 1), "1>2");
	assert_text(mapped("1=9\n2=9", 0), "! USAGE both 1 and 2 would be 9");
}

TEST(an_id_becomes_one)
{
	assert_text(mapped("1=2\n1=3", 0), "! USAGE 1 cannot become both 2 and 3");
	assert_text(mapped("1=2\n1=2", 0), "1>2");
}

TEST(lookups)
{
	struct cr_pids pids = { 0 };
	ck_assert_ptr_null(cr_pids_find(&pids, 1));
	for (uint32_t i = 100; i; i--)
		ck_assert_ptr_null(cr_pids_add(&pids, 2 * i, i, true));
	ck_assert_ptr_null(cr_pids_sort(&pids));
	for (uint32_t i = 1; i <= 100; i++) {
		ck_assert_uint_eq(cr_pids_find(&pids, 2 * i)->to, i);
		ck_assert_ptr_null(cr_pids_find(&pids, 2 * i + 1));
	}
	ck_assert_ptr_null(cr_pids_find(&pids, (UINT64_C(1) << 32) + 2));
	cr_pids_free(&pids);
}

TEST_MAIN("lib/ops/domain/pids")
