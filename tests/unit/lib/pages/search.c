// SPDX-License-Identifier: MIT
#include "lib/pages/search.h"

#include <stdlib.h>

#include "lib/pages/scan.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

static struct cr_error *note(void *arg, uint64_t vaddr, const void *data,
			     size_t size)
{
	char **text = arg;
	*text = cr_test_format("%s%s%llx+%zu", *text, **text ? " " : "",
			       (unsigned long long)vaddr, size);
	return NULL;
}

/* "ADDRESS+SIZE" of each match in process 1. */
static const char *search_with(struct cr_error *err, struct cr_search *search)
{
	struct cr_set set = { 0 };
	struct cr_memory memory = { 0 };
	struct cr_pages pages = { 0 };
	char *text = cr_test_format("%s", "");
	if (!err)
		err = cr_set_open(cr_test_path("a"), &set);
	if (!err)
		err = cr_memory_init(&memory, &set, NULL);
	if (!err)
		err = cr_pages_open(&pages, &memory, 1);
	if (!err)
		err = cr_search_run(search, &pages, 0, UINT64_MAX, note, &text);
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	if (set.store)
		cr_set_close(&set);
	cr_search_deinit(search);
	return err ? cr_test_error(err) : text;
}

static const char *search(struct bytes pattern)
{
	struct cr_search s;
	return search_with(cr_search_init(&s, pattern.p, pattern.size), &s);
}

static const char *regex(const char *re)
{
	struct cr_search s;
	return search_with(cr_search_init_regex(&s, re), &s);
}

/* What process 1 has from 0x1000 on, in one mapping. */
static void memory_of(struct bytes content)
{
	uint64_t nr = (content.size + 4095) / 4096;
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x1000 + nr * 4096, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, nr, 4)));
	put("a/pages-7.img",
	    cat(content, fill(0, (size_t)nr * 4096 - content.size)));
}

/* A page that begins and ends as told. */
static struct bytes page_with(const char *first, const char *last)
{
	return cat(text(first), fill('.', 4096 - strlen(first) - strlen(last)),
		   text(last));
}

#define assert_found(pattern, want)                       \
	do {                                              \
		assert_text(search(text(pattern)), want); \
		assert_text(regex(pattern), want);        \
	} while (0)

TEST(within_a_page)
{
	memory_of(page_with("needle", "needle"));
	assert_found("needle", "1000+6 1ffa+6");
	assert_found("x", "");
}

TEST(across_pages)
{
	memory_of(cat(page_with("", "nee"), page_with("dle", "")));
	assert_found("needle", "1ffd+6");
}

TEST(across_entries_mappings_and_images)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x3000, 0x201),
			     vma_of(0x3000, 0x4000, 0x101, 0, 5),
			     vma(0x4000, 0x5000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 4), run(0x2000, 1, 6),
				       run(0x4000, 1, 4)));
	put("a/pages-7.img", cat(page_with("", "AB"), page_with("CD", "EF"),
				 page_with("IJ", "")));
	put("a/pagemap-shmem-5.img", pagemap(8, run(0, 1, 4)));
	put("a/pages-8.img", page_with("FG", "H"));
	assert_found("ABCD", "1ffe+4");
	assert_found("EFFG", "2ffe+4");
	assert_found("HIJ", "3fff+3");
}

TEST(across_parents)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x4000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 4), run(0x2000, 1, 1),
				       run(0x3000, 1, 4)));
	put("a/pages-7.img", cat(page_with("", "AB"), page_with("EF", "")));
	link_parent("a", "../b");
	put("b/pagemap-1.img", pagemap(7, run(0x2000, 1, 4)));
	put("b/pages-7.img", page_with("C", "D"));
	assert_found("ABC", "1ffe+3");
	assert_found("DEF", "2fff+3");
}

TEST(through_a_whole_page)
{
	memory_of(cat(page_with("", "<"), page('a'), page_with(">", "")));
	assert_text(search(cat(text("<"), page('a'), text(">"))), "1fff+4098");
}

TEST(not_across_what_is_not_there)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x2000, 0x201),
			     vma(0x3000, 0x4000, 0x201),
			     vma(0x5000, 0x7000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 4), run(0x3000, 1, 4),
				       run(0x5000, 1, 2), run(0x6000, 1, 4)));
	put("a/pages-7.img", cat(page_with("", "nee"), page_with("dle", "nee"),
				 page_with("dle", "")));
	assert_found("needle", "");
	assert_found("nee", "1ffd+3 3ffd+3");
}

TEST(zeros_never_touched_may_begin_or_end_a_match)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x4000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x2000, 1, 4)));
	put("a/pages-7.img", page_with("AB", "CD"));
	assert_text(search(hex("00 'AB'")), "1fff+3");
	assert_text(search(hex("'CD' 0000")), "2ffe+4");
	assert_text(search(hex("0000")), "");
}

TEST(long_stretches_of_zeros_are_not_gone_through)
{
	uint64_t far = 0x700000000000;
	put("a/mm-1.img", mm(4096, vma(0x1000, far + 0x2000, 0x201)));
	put("a/pagemap-1.img",
	    pagemap(7, run(0x1000, 1, 4), run(far, 1, 4)));
	put("a/pages-7.img", cat(page_with("", "AB"), page_with("CD", "EF")));
	assert_text(search(hex("'AB' 0000")), "1ffe+4");
	assert_text(search(hex("0000 'CD'")), "6ffffffffffe+4");
	assert_text(search(hex("'EF' 0000")), "700000000ffe+4");
	assert_text(search(text("E")), "700000000ffe+1");
	assert_text(regex("^CD\\.*EF$"), "700000000000+4096");
}

TEST(across_windows)
{
	/* Around every border of a window of the scan. */
	size_t step = CR_SCAN_STEP;
	for (size_t at = step - 8; at <= step + 8; at++) {
		memory_of(cat(fill('.', at), text("needle"),
			      fill('.', 2 * step - 6), text("needle"),
			      fill('.', 9000)));
		const char *want = cr_test_format(
			"%zx+6 %zx+6", 0x1000 + at, 0x1000 + at + 2 * step);
		assert_found("needle", want);
	}
}

TEST(across_windows_of_a_regex)
{
	size_t border = CR_SCAN_STEP + CR_SEARCH_REGEX_MAX + 1;
	for (size_t at = border - 4106; at <= border + 2; at += 456) {
		memory_of(cat(fill('.', at), text("\n<"), fill('a', 4000),
			      text(">"), fill('.', 9000)));
		assert_text(regex("^<a*>"),
			    cr_test_format("%zx+4002", 0x1001 + at));
	}
}

TEST(matches_overlap)
{
	memory_of(text("abababa"));
	assert_text(search(text("aba")), "1000+3 1002+3 1004+3");
	assert_text(regex("aba"), "1000+3 1004+3");
}

TEST(every_place_and_every_size)
{
	for (size_t size = 1; size <= 70; size++) {
		struct bytes pattern = cat(fill('x', size - 1), text("y"));
		for (size_t at = 0; at < 140; at += 7) {
			struct bytes data = cat(fill('x', at), pattern,
						fill('x', 130));
			struct cr_find find;
			uint8_t *tail = cr_test_tail(data.p, data.size);
			cr_find_init(&find, pattern.p, size);
			ck_assert_ptr_eq(cr_find_next(&find, tail, data.size),
					 tail + at);
			ck_assert_ptr_null(
				cr_find_next(&find, tail, at + size - 1));
		}
	}
}

TEST(bytes_above_ascii)
{
	memory_of(hex("'caf' c3a9 ff 'caf' e9"));
	assert_text(search(hex("e9")), "1009+1");
	assert_text(regex("caf."), "1000+4 1006+4");
}

TEST(a_nul_ends_a_line)
{
	memory_of(hex("'ab=1' 00 'b=2' 00 0a 'b=3'"));
	assert_text(regex("^b=.*"), "1005+3 100a+3");
	assert_text(regex("1$"), "1003+1");
	assert_text(regex("b[^q]*"), "1001+3 1005+3 100a+3");
}

TEST(empty_matches_are_none)
{
	memory_of(text("aab"));
	assert_text(regex("a*"), "1000+2");
}

TEST(a_long_match_is_cut)
{
	memory_of(cat(fill('a', 5000), text("b")));
	assert_text(regex("a+b?"), "1000+4096 2000+905");
}

TEST(patterns_that_are_none)
{
	assert_text(search(text("")), "! USAGE nothing to search for");
	assert_text(regex(""), "! USAGE nothing to search for");
	assert_text(search(fill('a', 65537)),
		    "! USAGE a pattern of 65537 bytes (65536 are possible)");
	assert_text(regex("(a"), "! USAGE regular expression '(a': Unmatched "
				 "( or \\(");
}

TEST(errors_of_the_memory_end_it)
{
	memory_of(page('a'));
	put("a/pages-7.img", hex(""));
	assert_text(search(text("a")),
		    "! FORMAT pagemap-1.img: entry 1: its 4096 bytes at 0 of "
		    "pages-7.img are more than are there (0 bytes)");
}

TEST_MAIN("lib/pages/search")
