// SPDX-License-Identifier: MIT
#include "lib/pages/diff.h"

#include <stdlib.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

static const char *const kinds[] = {
	[CR_DIFF_CHANGED] = "changed", [CR_DIFF_ONLY_A] = "a",
	[CR_DIFF_ONLY_B] = "b", [CR_DIFF_UNKNOWN] = "unknown",
};

static struct cr_error *note(void *arg, const struct cr_diff_range *r)
{
	char **text = arg;
	*text = cr_test_format("%s%s%llx-%llx %s", *text, **text ? ", " : "",
			       (unsigned long long)r->start,
			       (unsigned long long)r->end, kinds[r->kind]);
	return NULL;
}

typedef struct cr_error *open_fn(struct cr_pages *pages,
				 struct cr_memory *memory, uint32_t id);

/* "START-END KIND, ...", what is wrong with the images, and "; S same N in
 * neither". */
static const char *diff_with(struct cr_diff diff, open_fn *open, uint32_t id)
{
	static const char *const names[] = { "a", "b" };
	struct cr_set set[2] = { 0 };
	struct cr_memory memory[2] = { 0 };
	struct cr_pages pages[2] = { 0 };
	struct cr_error *err = NULL;
	char *text = cr_test_format("%s", "");
	for (int i = 0; i < 2; i++) {
		if (!err)
			err = cr_set_open(cr_test_path(names[i]), &set[i]);
		if (!err)
			err = cr_memory_init(&memory[i], &set[i], NULL);
		if (!err)
			err = open(&pages[i], &memory[i], id);
		diff.pages[i] = &pages[i];
	}
	diff.fn = note;
	diff.arg = &text;
	if (!err)
		err = cr_diff_run(&diff);
	for (int i = 0; i < 2; i++) {
		cr_pages_close(&pages[i]);
		cr_memory_deinit(&memory[i]);
		if (set[i].store)
			cr_set_close(&set[i]);
	}
	char *wrong = cr_test_error(err), *path = strstr(wrong, cr_test_dir());
	if (path)
		wrong = cr_test_format("! %s", path + strlen(cr_test_dir()) + 1);
	return cr_test_format("%s%s; %llu same, %llu in neither", text, wrong,
			      (unsigned long long)diff.nr_pages[CR_DIFF_SAME],
			      (unsigned long long)diff.nr_pages[CR_DIFF_NEITHER]);
}

static const char *diff(void)
{
	return diff_with((struct cr_diff){ 0 }, cr_pages_open, 1);
}

/* A checkpoint of one anonymous mapping from 0x1000 on. */
static void memory_of(const char *dir, struct bytes content)
{
	uint64_t nr = content.size / 4096;
	put(cr_test_format("%s/mm-1.img", dir),
	    mm(4096, vma(0x1000, 0x1000 + nr * 4096, 0x201)));
	put(cr_test_format("%s/pagemap-1.img", dir),
	    pagemap(7, run(0x1000, nr, 4)));
	put(cr_test_format("%s/pages-7.img", dir), content);
}

static struct bytes with(struct bytes content, size_t at)
{
	uint8_t *p = cr_test_alloc(content.size);
	memcpy(p, content.p, content.size);
	p[at] ^= 1;
	return (struct bytes){ p, content.size };
}

TEST(nothing_differs)
{
	memory_of("a", cat(page('a'), page('b')));
	memory_of("b", cat(page('a'), page('b')));
	assert_text(diff(), "; 2 same, 0 in neither");
}

TEST(bytes_at_the_borders_of_a_page)
{
	struct bytes three = cat(page('a'), page('b'), page('c'));
	memory_of("a", three);
	memory_of("b", with(three, 4096));
	assert_text(diff(), "2000-3000 changed; 2 same, 0 in neither");
	memory_of("b", with(three, 4095));
	assert_text(diff(), "1000-2000 changed; 2 same, 0 in neither");
	memory_of("b", with(three, 3 * 4096 - 1));
	assert_text(diff(), "3000-4000 changed; 2 same, 0 in neither");
	memory_of("b", with(with(three, 4095), 4096));
	assert_text(diff(), "1000-3000 changed; 1 same, 0 in neither");
}

/* Each page of more than one chunk, alone. */
TEST(bytes_at_the_borders_of_chunks)
{
	enum { NR = 70 };
	struct bytes many = fill('x', NR * 4096);
	memory_of("a", many);
	for (unsigned i = 0; i < NR; i++) {
		memory_of("b", with(many, i * 4096 + (i & 1 ? 4095 : 0)));
		assert_text(diff(),
			    cr_test_format("%x-%x changed; %d same, 0 in "
					   "neither",
					   0x1000 + i * 4096,
					   0x2000 + i * 4096, NR - 1));
	}
}

/* The same bytes in other entries, mappings, pages and with a parent. */
TEST(across_borders_that_differ)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x4000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 3, 4)));
	put("a/pages-7.img", cat(page('a'), page('b'), page('c')));
	put("b/mm-1.img", mm(4096, vma(0x1000, 0x2000, 0x201),
			     vma(0x2000, 0x4000, 0x201)));
	put("b/pagemap-1.img", pagemap(9, run(0x1000, 1, 4), run(0x2000, 1, 1),
				       run(0x3000, 1, 4)));
	put("b/pages-9.img", cat(page('a'), page('x')));
	link_parent("b", "../c");
	put("c/pagemap-1.img", pagemap(2, run(0x2000, 1, 4)));
	put("c/pages-2.img", page('b'));
	assert_text(diff(), "3000-4000 changed; 2 same, 0 in neither");
}

/* Neighbours of different mappings are two ranges. */
TEST(a_range_stays_in_its_mapping)
{
	struct bytes map = mm(4096, vma(0x1000, 0x2000, 0x201),
			      vma(0x2000, 0x3000, 0x201));
	memory_of("a", cat(page('a'), page('b')));
	memory_of("b", cat(page('x'), page('y')));
	put("a/mm-1.img", map);
	put("b/mm-1.img", map);
	assert_text(diff(), "1000-2000 changed, 2000-3000 changed; 0 same, 0 "
			    "in neither");
}

TEST(never_touched_and_zeros_are_the_same)
{
	memory_of("a", cat(page(0), page('a')));
	put("b/mm-1.img", mm(4096, vma(0x1000, 0x3000, 0x201)));
	put("b/pagemap-1.img", pagemap(7));
	assert_text(diff(), "2000-3000 changed; 1 same, 0 in neither");
}

TEST(mapped_in_one_alone)
{
	memory_of("a", cat(page('a'), page('b')));
	memory_of("b", page('a'));
	assert_text(diff(), "2000-3000 a; 1 same, 0 in neither");
	memory_of("a", page('a'));
	memory_of("b", cat(page('a'), page('b'), page(0)));
	assert_text(diff(), "2000-4000 b; 1 same, 0 in neither");
}

/* 0x41: of a file, which is not there. */
TEST(bytes_that_one_or_both_do_not_have)
{
	struct bytes map = mm(4096, vma(0x1000, 0x3000, 0x41));
	put("a/mm-1.img", map);
	put("a/pagemap-1.img", pagemap(7));
	memory_of("b", page('a'));
	put("b/mm-1.img", map);
	assert_text(diff(), "1000-2000 unknown; 0 same, 1 in neither");
}

TEST(lazy_pages)
{
	memory_of("a", page('a'));
	memory_of("b", page('a'));
	put("b/pagemap-1.img", pagemap(7, run(0x1000, 1, 2)));
	assert_text(diff(), "1000-2000 unknown; 0 same, 0 in neither");
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 2)));
	assert_text(diff(), "; 0 same, 1 in neither");
}

/* A pre-dump does not know what is mapped. */
TEST(a_pre_dump)
{
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 4)));
	put("a/pages-7.img", page('a'));
	put("b/mm-1.img", mm(4096, vma(0x1000, 0x9000, 0x201)));
	put("b/pagemap-1.img", pagemap(7, run(0x1000, 1, 4), run(0x3000, 1, 4)));
	put("b/pages-7.img", cat(page('b'), page('c')));
	assert_text(diff(), "1000-2000 changed, 3000-4000 b; 0 same, 0 in "
			    "neither");
}

/* A is the parent of B, and has one itself. */
TEST(two_parents)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x3000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 1), run(0x2000, 1, 1)));
	link_parent("a", "../c");
	put("b/mm-1.img", mm(4096, vma(0x1000, 0x3000, 0x201)));
	put("b/pagemap-1.img", pagemap(7, run(0x1000, 1, 1), run(0x2000, 1, 4)));
	put("b/pages-7.img", page('x'));
	link_parent("b", "../a");
	put("c/pagemap-1.img", pagemap(7, run(0x1000, 2, 4)));
	put("c/pages-7.img", cat(page('a'), page('b')));
	assert_text(diff(), "2000-3000 changed; 1 same, 0 in neither");
}

/* Blocks that cannot be expanded: the same ones are the same all the same, so
 * they were not read; other ones are not comparable. */
TEST(the_same_place_is_not_read)
{
	struct bytes map = pagemap(
		7, entry(num(1, 0x1000), num(2, 0), num(4, 4), num(5, 1),
			 len(6, num(1, 4), num(2, 4), num(3, 1))));
	put("c/pages-7.img", hex("ff ff ff ff"));
	memory_of("a", page('a'));
	memory_of("b", page('a'));
	put("a/pagemap-1.img", map);
	put("b/pagemap-1.img", map);
	for (int i = 0; i < 2; i++) {
		const char *at = cr_test_path(i ? "b/pages-7.img"
						: "a/pages-7.img");
		unlink(at);
		ck_assert(!link(cr_test_path("c/pages-7.img"), at));
	}
	assert_text(diff(), "; 1 same, 0 in neither");
	put("b/pages-7.img", hex("ff ff ff ff"));
	assert_text(diff(), "1000-2000 unknown! a: pages-7.img: pagemap-1.img: "
			    "pages from 0x1000 on: block 0: 4 bytes that "
			    "are no LZ4 block of 4096; 0 same, 0 in neither");
}

/* 2^40 pages, in a few bytes. */
TEST(huge_ranges_cost_nothing)
{
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1ull << 40, 0)));
	put("b/pagemap-1.img", pagemap(7, run(0x1000, 1ull << 40, 0)));
	assert_text(diff(), "; 1099511627776 same, 0 in neither");
}

TEST(a_fault_is_told_last)
{
	memory_of("a", cat(page('a'), page('b')));
	memory_of("b", cat(page('a'), page('x')));
	put("b/pagemap-1.img", pagemap(7, run(0x1000, 1, 1), run(0x2000, 1, 4)));
	put("b/pages-7.img", page('x'));
	assert_text(diff(), "1000-2000 unknown, 2000-3000 changed! b: "
			    "pagemap-1.img: the page at 0x1000 is said to be "
			    "in the parent, and there is none; 0 same, 0 in "
			    "neither");
}

static void shared(const char *dir, uint64_t shmid, struct bytes content)
{
	put(cr_test_format("%s/mm-1.img", dir),
	    mm(4096, vma_of(0x1000, 0x3000, 0x101, 0, shmid)));
	put(cr_test_format("%s/pagemap-1.img", dir), pagemap(7));
	put(cr_test_format("%s/pagemap-shmem-%u.img", dir, (unsigned)shmid),
	    pagemap(8, run(0, content.size / 4096, 4)));
	put(cr_test_format("%s/pages-8.img", dir), content);
}

TEST(shared_memory_in_its_process_or_as_an_object)
{
	struct cr_diff skip = { .skip_shared = true };
	shared("a", 5, page('a'));
	shared("b", 5, cat(page('b'), page('c')));
	assert_text(diff(), "1000-3000 changed; 0 same, 0 in neither");
	assert_text(diff_with(skip, cr_pages_open, 1),
		    "; 0 same, 0 in neither");
	assert_text(diff_with(skip, cr_pages_open_object, 5),
		    "0-2000 changed; 0 same, 0 in neither");
	/* It is the same one if one of them does not have its pages. */
	unlink(cr_test_path("b/pagemap-shmem-5.img"));
	assert_text(diff(), "1000-2000 unknown, 2000-3000 unknown; 0 same, 0 "
			    "in neither");
	assert_text(diff_with(skip, cr_pages_open, 1),
		    "; 0 same, 0 in neither");
	/* Another object is not. */
	shared("b", 6, page('b'));
	assert_text(diff_with(skip, cr_pages_open, 1),
		    "1000-2000 changed; 1 same, 0 in neither");
}

TEST(pages_of_different_sizes)
{
	put("a/mm-1.img", mm(65536, vma(0x10000, 0x30000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x10000, 1, 4)));
	put("a/pages-7.img", fill('a', 65536));
	put("b/mm-1.img", mm(4096, vma(0x10000, 0x30000, 0x201)));
	put("b/pagemap-1.img", pagemap(7, run(0x10000, 16, 4)));
	put("b/pages-7.img", with(fill('a', 65536), 0x2fff));
	assert_text(diff(), "12000-13000 changed; 31 same, 0 in neither");
}

/* "START+SIZE ..." */
static const char *bytes_of(struct bytes a, struct bytes b)
{
	char *text = cr_test_format("%s", "");
	size_t start, end = 0;
	while (cr_diff_next(a.p, b.p, a.size, &start, &end))
		text = cr_test_format("%s%s%zu+%zu", text, *text ? " " : "",
				      start, end - start);
	return text;
}

TEST(bytes_that_differ)
{
	assert_text(bytes_of(text(""), text("")), "");
	assert_text(bytes_of(text("abc"), text("abc")), "");
	assert_text(bytes_of(text("abc"), text("xbz")), "0+1 2+1");
	assert_text(bytes_of(text("01234567890123456789"),
			     text("0123456xx90123456789")),
		    "7+2");
	assert_text(bytes_of(text("01234567890123456789"),
			     text("0123456789012345678x")),
		    "19+1");
	assert_text(bytes_of(text("0123456789"), text("abcdefghij")), "0+10");
}

TEST_MAIN("lib/pages/diff")
