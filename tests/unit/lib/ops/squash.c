// SPDX-License-Identifier: MIT
#include "lib/ops/squash.h"

#include <string.h>

#include "tests/support/chain.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

static const char *squash(const char *dir, struct cr_squash *s)
{
	struct cr_change *change = NULL;
	struct cr_change_opts opts = { .out = NULL };
	*s = (struct cr_squash){ 0 };
	struct cr_error *err =
		cr_change_open(cr_test_path(dir), &opts, &change);
	if (!err)
		err = cr_squash(change, s);
	if (!err)
		err = cr_change_commit(change);
	cr_change_close(change);
	return err ? cr_test_error(err) : "";
}

static void squash_chains(unsigned layers)
{
	for (uint32_t i = 0; i < 25; i++) {
		struct cr_squash s;
		const struct cr_test_chain chain = {
			.seed = 100 * layers + i,
			.layers = layers,
		};
		const char *dir = cr_test_chain_dir(&chain, 0);
		cr_test_chain_make(&chain);
		const char *before = cr_test_chain_memory(dir);
		assert_text(squash(dir, &s), "");
		ck_assert_uint_eq(s.nr_parents, layers - 1);
		ck_assert(s.nr_pages);
		assert_text(cr_test_chain_memory(dir), before);
		ck_assert(!strstr(cr_test_list(cr_test_path(dir)), "parent"));
	}
}

TEST(memory_of_a_parent_reads_the_same)
{
	squash_chains(2);
}

TEST(memory_of_two_parents_reads_the_same)
{
	squash_chains(3);
}

TEST(memory_of_four_parents_reads_the_same)
{
	squash_chains(5);
}

static void simple(void)
{
	put("p1/mm-1.img", mm(4096, vma(0x1000, 0x9000, 0x201)));
	put("p1/pagemap-1.img", pagemap(5, run(0x1000, 4, 4)));
	put("p1/pages-5.img", cat(page('a'), page('b'), page('c'), page('d')));
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x9000, 0x201)));
	link_parent("a", "../p1");
}

static struct bytes content(const char *name)
{
	return cr_test_content(cr_test_path(name));
}

TEST(entries_that_follow_each_other_become_one)
{
	struct cr_squash s;
	simple();
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 1), run(0x2000, 1, 4),
				       run(0x3000, 2, 1), run(0x5000, 1, 4)));
	put("a/pages-7.img", cat(page('B'), page('E')));
	assert_text(squash("a", &s), "");
	assert_bytes(content("a/pagemap-1.img"), pagemap(7, run(0x1000, 5, 4)));
	assert_bytes(content("a/pages-7.img"),
		     cat(page('a'), page('B'), page('c'), page('d'),
			 page('E')));
	ck_assert_uint_eq(s.nr_pages, 3);
	ck_assert_uint_eq(s.nr_pagemaps, 1);
}

TEST(fields_that_are_not_known_stay)
{
	struct cr_squash s;
	simple();
	struct bytes extra = cat(num(77, 1), f32(78, 5), str(79, "what"));
	put("a/pagemap-1.img",
	    pagemap(7, entry(num(1, 0x1000), num(2, 0), num(4, 1), num(5, 2),
			     extra),
		    run(0x3000, 2, 1)));
	put("a/pages-7.img", hex(""));
	assert_text(squash("a", &s), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(7,
			     entry(num(1, 0x1000), num(2, 0), num(4, 4),
				   num(5, 2), extra),
			     run(0x3000, 2, 4)));
}

TEST(old_entries_stay_old)
{
	struct cr_squash s;
	simple();
	put("a/pagemap-1.img",
	    pagemap(7, entry(num(1, 0x1000), num(2, 2), num(3, 1)),
		    entry(num(1, 0x3000), num(2, 1)),
		    entry(num(1, 0x4000), num(2, 1), num(3, 1))));
	put("a/pages-7.img", page('C'));
	assert_text(squash("a", &s), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(7, entry(num(1, 0x1000), num(2, 4))));
}

TEST(a_pages_image_without_parent_is_left_alone)
{
	struct cr_squash s;
	simple();
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 4)));
	put("a/pages-7.img", page('A'));
	assert_text(squash("a", &s), "");
	ck_assert_uint_eq(s.nr_pagemaps, 0);
	assert_text(cr_test_list(cr_test_path("a")),
		    "mm-1.img pagemap-1.img pages-7.img");
}

TEST(mappings_do_not_matter)
{
	struct cr_squash s;
	simple();
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x1800, 0x201),
			     vma_of(0x1801, 0x3000, 0x101, UINT64_MAX, 9)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 4, 1)));
	put("a/pages-7.img", hex(""));
	assert_text(squash("a", &s), "");
	assert_bytes(content("a/pagemap-1.img"), pagemap(7, run(0x1000, 4, 4)));
	ck_assert_uint_eq(content("a/pages-7.img").size, 4 * 4096);
}

TEST(two_pagemaps_of_one_pages_image)
{
	struct cr_squash s;
	simple();
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 1)));
	put("a/pagemap-2.img", pagemap(7, run(0x1000, 1, 4)));
	put("a/pages-7.img", page('A'));
	assert_text(squash("a", &s),
		    "! FORMAT pages-7.img belongs to two pagemaps");
}

TEST(bytes_of_no_entry)
{
	struct cr_squash s;
	simple();
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 1), run(0x2000, 1, 4)));
	put("a/pages-7.img", cat(page('A'), hex("00")));
	assert_text(squash("a", &s),
		    "! FORMAT pages-7.img: its last 1 bytes are of no entry of "
		    "pagemap-1.img");
}

TEST(a_page_that_no_parent_has)
{
	struct cr_squash s;
	simple();
	put("a/pagemap-1.img", pagemap(7, run(0x4000, 2, 1)));
	put("a/pages-7.img", hex(""));
	const char *text = squash("a", &s);
	ck_assert_msg(strstr(text, "0x5000 is said to be in the parent"), "%s",
		      text);
	assert_text(cr_test_list(cr_test_path("a")),
		    "mm-1.img pagemap-1.img pages-7.img parent@");
}

TEST(without_a_parent_nothing_changes)
{
	struct cr_squash s;
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x9000, 0x201)));
	assert_text(squash("a", &s), "");
	ck_assert_uint_eq(s.nr_parents, 0);
	assert_text(cr_test_list(cr_test_path("a")), "mm-1.img");
}

TEST_MAIN("lib/ops/squash")
