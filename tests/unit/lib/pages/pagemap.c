// SPDX-License-Identifier: MIT
#include "lib/pages/pagemap.h"

#include <stdlib.h>

#include "lib/store/store.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

/* "start+nr flags @off" of each range, or the error. */
static const char *load_sized(uint32_t page_size)
{
	struct cr_store *store;
	struct cr_pagemap map;
	char *text = cr_test_format("%s", "");
	ck_assert_ptr_null(cr_store_open(cr_test_path("a"), &store));
	struct cr_error *err =
		cr_pagemap_init(&map, store, "pagemap-1.img", page_size);
	cr_store_close(store);
	if (err)
		return cr_test_error(err);
	for (size_t i = 0; i < map.nr; i++)
		text = cr_test_format(
			"%s%s%llx+%llu %u @%llu", text, i ? ", " : "",
			(unsigned long long)map.range[i].start,
			(unsigned long long)map.range[i].nr_pages,
			(unsigned)map.range[i].flags,
			(unsigned long long)map.range[i].off);
	cr_pagemap_deinit(&map);
	return text;
}

static const char *load(void)
{
	return load_sized(4096);
}

static void given(struct bytes image, size_t nr_pages)
{
	put("a/pagemap-1.img", image);
	put("a/pages-7.img", fill('x', nr_pages * 4096));
}

TEST(ranges_follow_each_other_in_the_pages_image)
{
	given(pagemap(7, run(0x1000, 2, 4), run(0x5000, 1, 4),
		      run(0x8000, 3, 6)),
	      6);
	assert_text(load(), "1000+2 4 @0, 5000+1 4 @8192, 8000+3 6 @12288");
}

TEST(what_is_not_present_takes_no_room)
{
	given(pagemap(7, run(0x1000, 1, 1), run(0x2000, 9, 2),
		      run(0xb000, 1, 4)),
	      1);
	assert_text(load(), "1000+1 1 @0, 2000+9 2 @0, b000+1 4 @0");
}

TEST(old_entries_have_32_bits_and_in_parent)
{
	given(pagemap(7, entry(num(1, 0x1000), num(2, 2)),
		      entry(num(1, 0x3000), num(2, 1), num(3, 1)),
		      entry(num(1, 0x4000), num(2, 1), num(3, 0))),
	      3);
	assert_text(load(), "1000+2 4 @0, 3000+1 1 @0, 4000+1 4 @8192");
}

TEST(flags_win_over_in_parent)
{
	given(pagemap(7, entry(num(1, 0x1000), num(2, 1), num(3, 1),
			       num(4, 4))),
	      1);
	assert_text(load(), "1000+1 4 @0");
}

TEST(the_64_bit_count_wins_unless_it_is_0)
{
	given(pagemap(7, entry(num(1, 0x1000), num(2, 9), num(4, 4), num(5, 1)),
		      entry(num(1, 0x9000), num(2, 1), num(4, 4), num(5, 0))),
	      2);
	assert_text(load(), "1000+1 4 @0, 9000+1 4 @4096");
}

TEST(entries_without_pages_are_left_out)
{
	given(pagemap(7, run(0x1000, 0, 4), run(0x1000, 1, 4)), 1);
	assert_text(load(), "1000+1 4 @0");
}

TEST(fields_in_any_order_and_unknown_ones)
{
	given(pagemap(7, entry(num(5, 1), str(99, "x"), num(4, 4), num(2, 0),
			       num(1, 0x1000))),
	      1);
	assert_text(load(), "1000+1 4 @0");
}

TEST(pages_of_16_and_64_kib)
{
	given(pagemap(7, run(0x10000, 2, 4), run(0x40000, 1, 4)), 48);
	assert_text(load_sized(16384), "10000+2 4 @0, 40000+1 4 @32768");
	assert_text(load_sized(65536), "10000+2 4 @0, 40000+1 4 @131072");
}

TEST(aligned_payloads_begin_at_a_page_border)
{
	given(pagemap(7,
		      entry(num(1, 0x1000), num(2, 0), num(4, 4), num(5, 1),
			    len(6, len(1, hex("0a")), num(2, 10), num(3, 1))),
		      run(0x2000, 1, 4 | 8)),
	      2);
	assert_text(load(), "1000+1 68 @0, 2000+1 12 @4096");
}

TEST(blocks_have_places)
{
	struct cr_store *store;
	struct cr_pagemap map;
	struct cr_block b;
	/* 5 pages, 2 a block: 100 bytes, zeros, plain. */
	given(pagemap(7, run(0x1000, 1, 4),
		      entry(num(1, 0x8000), num(2, 0), num(4, 4), num(5, 5),
			    len(6, len(1, hex("64 00 8020")), num(2, 4196),
				num(3, 2)))),
	      4);
	ck_assert_ptr_null(cr_store_open(cr_test_path("a"), &store));
	ck_assert_ptr_null(
		cr_pagemap_init(&map, store, "pagemap-1.img", 4096));
	cr_pagemap_block(&map, 1, 0x9fff, &b);
	ck_assert_uint_eq(b.start, 0x8000);
	ck_assert_uint_eq(b.off, 4096);
	ck_assert_uint_eq(b.size, 100);
	ck_assert_uint_eq(b.plain_size, 8192);
	cr_pagemap_block(&map, 1, 0xa000, &b);
	ck_assert_uint_eq(b.start, 0xa000);
	ck_assert_uint_eq(b.size, 0);
	cr_pagemap_block(&map, 1, 0xcfff, &b);
	ck_assert_uint_eq(b.nr, 2);
	ck_assert_uint_eq(b.off, 4196);
	ck_assert_uint_eq(b.size, 4096);
	ck_assert_uint_eq(b.plain_size, 4096);
	cr_pagemap_deinit(&map);
	cr_store_close(store);
}

TEST(a_million_entries_are_small)
{
	size_t nr = 1000000;
	struct bytes head = pagemap(7), one = run(0x111111000, 1, 1);
	uint8_t *all = cr_test_alloc(head.size + nr * one.size), *p = all;
	memcpy(p, head.p, head.size);
	p += head.size;
	for (size_t i = 0; i < nr; i++) {
		/* The address: five bytes behind the size word and the tag. */
		uint64_t v = 0x100000000 + i * 0x2000;
		memcpy(p, one.p, one.size);
		for (int k = 0; k < 5; k++)
			p[5 + k] = (uint8_t)((v >> (7 * k) & 0x7f) |
					     (k < 4 ? 0x80 : 0));
		p += one.size;
	}
	put("a/pagemap-1.img", (struct bytes){ all, (size_t)(p - all) });
	struct cr_store *store;
	struct cr_pagemap map;
	ck_assert_ptr_null(cr_store_open(cr_test_path("a"), &store));
	ck_assert_ptr_null(
		cr_pagemap_init(&map, store, "pagemap-1.img", 4096));
	ck_assert_uint_eq(map.nr, nr);
	ck_assert_uint_le(sizeof(map.range[0]), 24);
	ck_assert_uint_eq(cr_pagemap_find(&map, 0x100000000), 0);
	ck_assert_uint_eq(cr_pagemap_find(&map, 0x100001000), 1);
	ck_assert_uint_eq(cr_pagemap_find(&map, 0x100000000 + nr * 0x2000),
			  nr);
	cr_pagemap_deinit(&map);
	cr_store_close(store);
}

/* ---- faults ---- */

#define assert_fault(entries, nr_pages, error)                       \
	do {                                                         \
		given(entries, nr_pages);                            \
		assert_text(load(), "! FORMAT pagemap-1.img: " error); \
	} while (0)

TEST(entries_out_of_order)
{
	assert_fault(pagemap(7, run(0x5000, 1, 4), run(0x1000, 1, 4)), 2,
		     "entry 2: 0x1000 comes before 0x6000, where the pages "
		     "before it end");
}

TEST(entries_that_overlap)
{
	assert_fault(pagemap(7, run(0x1000, 2, 4), run(0x2000, 1, 4)), 3,
		     "entry 2: 0x2000 comes before 0x3000, where the pages "
		     "before it end");
}

TEST(more_than_the_pages_image_has)
{
	assert_fault(pagemap(7, run(0x1000, 1, 4), run(0x3000, 2, 4)), 2,
		     "entry 2: its 8192 bytes at 4096 of pages-7.img are more "
		     "than are there (8192 bytes)");
}

TEST(a_pages_image_that_is_missing)
{
	put("a/pagemap-1.img", pagemap(8, run(0x1000, 1, 4)));
	assert_text(load(), "! FORMAT pagemap-1.img: entry 1: its pages are in "
			    "pages-8.img, which is not there");
	put("a/pagemap-1.img", pagemap(8, run(0x1000, 1, 1)));
	assert_text(load(), "1000+1 1 @0");
}

TEST(pages_id_0_is_one_as_any)
{
	put("a/pagemap-1.img", pagemap(0, run(0x1000, 1, 4)));
	put("a/pages-0.img", page('a'));
	assert_text(load(), "1000+1 4 @0");
}

TEST(no_pages_id)
{
	assert_fault(image("PAGEMAP", entry(hex(""))), 0,
		     "entry 0: there is no pages_id");
}

TEST(an_image_without_entries)
{
	assert_fault(image("PAGEMAP"), 0, "is empty");
}

TEST(addresses_that_overflow)
{
	assert_fault(pagemap(7, run(0xfffffffffffff000, 1, 1)), 0,
		     "entry 1: 0xfffffffffffff000 and 1 pages are more than "
		     "there are addresses");
	assert_fault(pagemap(7, run(0, 1ull << 52, 1)), 0,
		     "entry 1: 0x0 and 4503599627370496 pages are more than "
		     "there are addresses");
	assert_fault(pagemap(7, run(0x1000, (1ull << 51) - 1, 4)), 1,
		     "entry 1: its 9223372036854771712 bytes at 0 of "
		     "pages-7.img are more than are there (4096 bytes)");
}

TEST(addresses_off_a_page_border)
{
	assert_fault(pagemap(7, run(0x1001, 1, 4)), 1,
		     "entry 1: 0x1001 is not on a border of pages of 4096 "
		     "bytes");
}

TEST(an_entry_without_address)
{
	assert_fault(pagemap(7, entry(num(2, 1))), 1,
		     "entry 1: there is no address");
}

TEST(messages_that_are_cut)
{
	assert_fault(pagemap(7, cat(word(3), hex("08"))), 0,
		     "entry 1: byte 14: size 3 is more than the file has left");
	assert_fault(pagemap(7, entry(hex("08 80"))), 0,
		     "entry 1: byte 19: a varint is cut off");
}

TEST(another_image)
{
	assert_fault(image("PSTREE"), 0,
		     "holds pstree_entry, not pagemap_entry");
}

#define blocks(sizes, total, per)                                     \
	pagemap(7, entry(num(1, 0x1000), num(2, 0), num(4, 4),        \
			 num(5, 3), len(6, len(1, hex(sizes)),        \
					num(2, total), num(3, per))))

TEST(blocks_that_contradict_themselves)
{
	assert_fault(blocks("01 01", 2, 1), 3,
		     "entry 1: 2 blocks for 3 pages in blocks of 1");
	assert_fault(blocks("01 01 01", 2, 2), 3,
		     "entry 1: 3 blocks for 3 pages in blocks of 2");
	assert_fault(blocks("01 01", 3, 2), 3,
		     "entry 1: the blocks have 2 bytes, not 3");
	assert_fault(blocks("01 8120", 4098, 2), 3,
		     "entry 1: block 1: 4097 bytes for 1 pages");
	assert_fault(blocks("01 01", 2, 0), 3,
		     "entry 1: blocks of 0 pages (1 to 1024 are possible)");
	assert_fault(blocks("01 01", 2, 1025), 3,
		     "entry 1: blocks of 1025 pages (1 to 1024 are possible)");
	assert_fault(blocks("01 80", 2, 2), 3,
		     "entry 1: byte 33: a block's size is cut off");
	assert_fault(blocks("8020 8020 8020", 12288, 1), 2,
		     "entry 1: its 12288 bytes at 0 of pages-7.img are more "
		     "than are there (8192 bytes)");
}

TEST_MAIN("lib/pages/pagemap")
