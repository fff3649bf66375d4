// SPDX-License-Identifier: MIT
#include "lib/ops/poke.h"

#include <stdlib.h>
#include <string.h>

#include "lib/pages/reader.h"
#include "tests/support/chain.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

static uint64_t nr_notes;
static const char *sysroot;

static const char *poke(const char *dir, uint64_t vaddr, struct bytes b)
{
	struct cr_change *c = NULL;
	struct cr_change_opts opts = { .out = NULL };
	struct cr_error *err = cr_change_open(cr_test_path(dir), &opts, &c);
	if (!err)
		err = cr_poke(c, 1, vaddr, b.p, b.size, sysroot);
	if (!err)
		err = cr_change_commit(c);
	nr_notes = c ? cr_change_nr_notes(c) : 0;
	cr_change_close(c);
	return err ? cr_test_error(err) : "";
}

/* All of process 1, in memory that the caller frees. */
static uint8_t *read_all(const char *dir, size_t size)
{
	struct cr_set set = { 0 };
	struct cr_memory memory = { 0 };
	struct cr_pages pages = { 0 };
	uint8_t *data = malloc(size);
	struct cr_error *err = cr_set_open(cr_test_path(dir), &set);
	if (!err)
		err = cr_memory_init(&memory, &set, NULL);
	if (!err)
		err = cr_pages_open(&pages, &memory, 1);
	if (!err)
		err = cr_pages_read(&pages, CHAIN_START, data, size);
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	return data;
}

/* Writes here and there; each time, all of memory is what it should be. */
static void write_by_chance(unsigned layers, uint32_t start)
{
	for (uint32_t i = start; i < start + 8; i++) {
		const struct cr_test_chain chain = {
			.seed = 500 * layers + i,
			.layers = layers,
			.no_lazy = true,
		};
		const char *dir = cr_test_chain_dir(&chain, 0);
		uint32_t seed = i, page = cr_test_chain_make(&chain);
		size_t all = (size_t)3 * CHAIN_PAGES * page;
		uint8_t *want = read_all(dir, all);
		for (unsigned n = 0; n < 6; n++) {
			size_t size = 1 + cr_test_chance(&seed, 3 * page);
			size_t at = cr_test_chance(&seed,
						   (uint32_t)(all - size));
			if (n % 2)
				at = at / page * page;
			for (size_t k = 0; k < size; k++)
				want[at + k] = (uint8_t)cr_test_chance(&seed,
								       256);
			assert_text(poke(dir, CHAIN_START + at,
					 (struct bytes){ want + at, size }),
				    "");
			uint8_t *got = read_all(dir, all);
			ck_assert_msg(!memcmp(got, want, all),
				      "seed %u, write %u", i, n);
			free(got);
		}
		free(want);
	}
}

TEST(one_checkpoint)
{
	write_by_chance(1, 0);
}

TEST(with_a_parent)
{
	write_by_chance(2, 0);
}

TEST(with_three_parents)
{
	write_by_chance(4, 0);
}

/* ---- what is written ---- */

static struct bytes content(const char *name)
{
	return cr_test_content(cr_test_path(name));
}

static void simple(struct bytes map, struct bytes data)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x9000, 0x201),
			     vma_of(0x9000, 0xb000, 0x41, 0, 3),
			     vma_of(0xb000, 0xd000, 0x81, 0, 3),
			     vma(0xe000, 0xf000, 0x205)));
	put("a/pagemap-1.img", map);
	put("a/pages-1.img", data);
}

TEST(a_page_that_is_here)
{
	simple(pagemap(1, run(0x1000, 2, 4)), cat(page('a'), page('b')));
	assert_text(poke("a", 0x1fff, text("xy")), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(1, run(0x1000, 2, 4)));
	assert_bytes(content("a/pages-1.img"),
		     cat(fill('a', 4095), text("xy"), fill('b', 4095)));
}

TEST(a_note_for_each_stretch)
{
	simple(pagemap(1, run(0x1000, 3, 4)),
	       cat(page('a'), page('b'), page('c')));
	assert_text(poke("a", 0x1fff, fill('x', 8194)), "");
	ck_assert_uint_eq(nr_notes, 1);
	assert_text(poke("a", 0x1fff, cat(text("y"), fill('x', 8192),
					  text("y"))), "");
	ck_assert_uint_eq(nr_notes, 2);
}

TEST(bytes_that_are_there_already)
{
	simple(pagemap(1, run(0x1000, 1, 4)), page('a'));
	assert_text(poke("a", 0x1ffe, cat(text("aa"), fill(0, 10))), "");
	ck_assert_uint_eq(nr_notes, 0);
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(1, run(0x1000, 1, 4)));
}

TEST(a_page_never_touched)
{
	simple(pagemap(1, run(0x1000, 1, 4), run(0x5000, 1, 4)),
	       cat(page('a'), page('b')));
	assert_text(poke("a", 0x3001, text("x")), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(1, run(0x1000, 1, 4), run(0x3000, 1, 4),
			     run(0x5000, 1, 4)));
	assert_bytes(content("a/pages-1.img"),
		     cat(page('a'), fill(0, 1), text("x"), fill(0, 4094),
			 page('b')));
	assert_text(poke("a", 0x8fff, text("z")), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(1, run(0x1000, 1, 4), run(0x3000, 1, 4),
			     run(0x5000, 1, 4), run(0x8000, 1, 4)));
}

TEST(an_entry_is_split)
{
	struct bytes extra = num(77, 1);
	simple(pagemap(1, entry(num(1, 0x1000), num(2, 0), num(4, 1),
				num(5, 4), extra)),
	       hex(""));
	put("p/pagemap-1.img", pagemap(1, run(0x1000, 4, 4)));
	put("p/pages-1.img", cat(page('a'), page('b'), page('c'), page('d')));
	link_parent("a", "../p");
	assert_text(poke("a", 0x2ffe, text("wxyz")), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(1,
			     entry(num(1, 0x1000), num(2, 0), num(4, 1),
				   num(5, 1), extra),
			     entry(num(1, 0x2000), num(2, 0), num(4, 4),
				   num(5, 2), extra),
			     entry(num(1, 0x4000), num(2, 0), num(4, 1),
				   num(5, 1), extra)));
	assert_bytes(content("a/pages-1.img"),
		     cat(fill('b', 4094), text("wxyz"), fill('c', 4094)));
}

TEST(old_entries_stay_old)
{
	simple(pagemap(1, entry(num(1, 0x1000), num(2, 1))), page('a'));
	assert_text(poke("a", 0x3000, text("x")), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(1, entry(num(1, 0x1000), num(2, 1)),
			     entry(num(1, 0x3000), num(2, 1))));
}

TEST(the_first_entry_can_be_read_by_all)
{
	simple(pagemap(1), hex(""));
	assert_text(poke("a", 0x3000, text("x")), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(1, entry(num(1, 0x3000), num(2, 1), num(4, 4),
				      num(5, 1))));
}

TEST(a_page_of_a_file)
{
	simple(pagemap(1, run(0x1000, 1, 4)), page('a'));
	put("root/x", text("0123456789"));
	put("a/files.img",
	    image("FILES", entry(num(1, 1), num(2, 3),
				 len(3, num(1, 3), num(2, 0), num(3, 0),
				     len(5, num(1, 0), num(2, 0), num(3, 0),
					 num(4, 0), num(5, 0)),
				     str(6, "/x")))));
	const char *text = poke("a", 0x9004, text("x"));
	ck_assert_msg(strstr(text, "NOT_FOUND"), "%s", text);
	sysroot = cr_test_path("root");
	assert_text(poke("a", 0x9004, text("x")), "");
	assert_bytes(content("a/pages-1.img"),
		     cat(page('a'), text("0123x56789"), fill(0, 4086)));
	sysroot = NULL;
	assert_text(poke("a", 0xa000, page('w')), "");
	text = poke("a", 0xb000, text("x"));
	assert_text(text, "! UNSUPPORTED 0xb000: is in /x, which is mapped "
			  "shared: its bytes are in that file, not in the "
			  "checkpoint");
}

TEST(what_cannot_be_written)
{
	simple(pagemap(1, run(0x1000, 1, 4), run(0x4000, 1, 2)), page('a'));
	assert_text(poke("a", 0xd000, text("x")),
		    "! NOT_FOUND 0xd000: nothing is mapped there");
	assert_text(poke("a", 0xcfff, text("xy")),
		    "! UNSUPPORTED 0xcfff: is in [file 3], which is mapped "
		    "shared: its bytes are in that file, not in the "
		    "checkpoint");
	assert_text(poke("a", 0x4000, text("x")),
		    "! NOT_FOUND pagemap-1.img: entry 2: 0x4000: was left to be "
		    "sent later (lazy)");
	assert_text(poke("a", UINT64_MAX, text("xy")),
		    "! USAGE 0xffffffffffffffff and 2 bytes are more than "
		    "there are addresses");
	/* All of a lazy page needs none of it. */
	assert_text(poke("a", 0x4000, page('x')), "");
	assert_bytes(content("a/pagemap-1.img"),
		     pagemap(1, run(0x1000, 1, 4), run(0x4000, 1, 6)));
}

TEST(at_the_end_of_all_addresses)
{
	uint64_t last = UINT64_MAX - 4095;
	put("a/mm-1.img", mm(4096, vma_of(0x1000, 0x3000, 0x101, last, 7),
			     vma(last, UINT64_MAX, 0x201)));
	put("a/pagemap-1.img", pagemap(1));
	put("a/pages-1.img", hex(""));
	put("a/pagemap-shmem-7.img", pagemap(2));
	put("a/pages-2.img", hex(""));
	assert_text(poke("a", last + 16, text("x")),
		    "! USAGE 0xfffffffffffff010 and 1 bytes are more than "
		    "there are addresses");
	assert_text(poke("a", 0x1000, text("x")),
		    "! USAGE 0xfffffffffffff000 and 1 bytes are more than "
		    "there are addresses");
	assert_text(poke("a", 0x2800, text("x")),
		    "! USAGE 0x2800 and 1 bytes are more than there are "
		    "addresses");
}

TEST(mappings_that_end_within_a_page)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x1800, 0x201),
			     vma(0x1800, 0x3000, 0x201)));
	put("a/pagemap-1.img", pagemap(1));
	put("a/pages-1.img", hex(""));
	assert_text(poke("a", 0x17ff, text("xy")), "");
	assert_bytes(content("a/pages-1.img"),
		     cat(fill(0, 0x7ff), text("xy"), fill(0, 0x7ff)));
}

TEST(shared_memory_mapped_twice)
{
	put("a/mm-1.img", mm(4096, vma_of(0x1000, 0x2000, 0x101, 0x1000, 7),
			     vma_of(0x2000, 0x3000, 0x101, 0x1000, 7)));
	put("a/pagemap-1.img", pagemap(1));
	put("a/pages-1.img", hex(""));
	put("a/pagemap-shmem-7.img", pagemap(2, run(0, 1, 4)));
	put("a/pages-2.img", page('a'));
	assert_text(poke("a", 0x1ff0, fill('x', 16)), "");
	assert_bytes(content("a/pagemap-shmem-7.img"),
		     pagemap(2, run(0, 1, 4), run(0x1000, 1, 4)));
	assert_text(poke("a", 0x1000, fill('y', 4097)),
		    "! UNSUPPORTED byte 4096 of shared memory 7 is written to "
		    "twice");
}

static const char *poke_all(const struct cr_poke *list, size_t nr)
{
	struct cr_change *c = NULL;
	struct cr_change_opts opts = { .out = NULL };
	struct cr_error *err = cr_change_open(cr_test_path("a"), &opts, &c);
	if (!err)
		err = cr_poke_all(c, list, nr, NULL);
	if (!err)
		err = cr_change_commit(c);
	cr_change_close(c);
	return err ? cr_test_error(err) : "";
}

TEST(a_list_of_two_processes_that_share_memory)
{
	for (unsigned pid = 1; pid < 3; pid++) {
		put(cr_test_format("a/mm-%u.img", pid),
		    mm(4096, vma_of(0x1000, 0x2000, 0x101, 0x1000, 7),
		       vma(0x5000, 0x7000, 0x201)));
		put(cr_test_format("a/pagemap-%u.img", pid),
		    pagemap(pid, run(0x5000, 1, 4)));
		put(cr_test_format("a/pages-%u.img", pid), page('a'));
	}
	put("a/pagemap-shmem-7.img", pagemap(3, run(0, 1, 4)));
	put("a/pages-3.img", page('a'));
	/* In any order, the same in shared memory, some in a page. */
	assert_text(poke_all((struct cr_poke[]){
				     { 1, 0x5008, "xy", 2 },
				     { 1, 0x1004, "same", 4 },
				     { 1, 0x5000, "z", 1 },
				     { 2, 0x5ffe, "1234", 4 },
				     { 2, 0x1004, "same", 4 },
			     }, 5), "");
	assert_bytes(content("a/pages-1.img"),
		     cat(text("zaaaaaaaxy"), fill('a', 4086)));
	assert_bytes(content("a/pages-2.img"),
		     cat(fill('a', 4094), text("1234"), fill(0, 4094)));
	assert_bytes(content("a/pages-3.img"),
		     cat(page('a'), fill(0, 4), text("same"), fill(0, 4088)));
	assert_text(poke_all((struct cr_poke[]){ { 1, 0x5008, "xy", 2 },
						 { 2, 0x9000, "z", 1 } }, 2),
		    "! NOT_FOUND process 2: 0x9000: nothing is mapped there");
	assert_text(poke_all((struct cr_poke[]){ { 1, 0x5008, "11", 2 },
						 { 1, 0x5009, "2", 1 } }, 2),
		    "! UNSUPPORTED byte 20489 of process 1 is written to twice");
}

TEST_MAIN("lib/ops/poke")
