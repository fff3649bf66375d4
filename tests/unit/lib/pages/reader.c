// SPDX-License-Identifier: MIT
#include "lib/pages/reader.h"

#include <stdlib.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

/* One process of a checkpoint of the test. */
struct at {
	struct cr_set set;
	struct cr_memory memory;
	struct cr_pages pages;
};

static struct cr_error *open_at(struct at *a, const char *dir, uint32_t pid,
				const char *sysroot)
{
	*a = (struct at){ 0 };
	struct cr_error *err = cr_set_open(cr_test_path(dir), &a->set);
	if (!err)
		err = cr_memory_init(&a->memory, &a->set, sysroot);
	if (!err)
		err = cr_pages_open(&a->pages, &a->memory, pid);
	return err;
}

static void close_at(struct at *a)
{
	cr_pages_close(&a->pages);
	cr_memory_deinit(&a->memory);
	cr_set_close(&a->set);
}

/* size bytes at vaddr of process 1: "a*4096 b*10", or the error. */
static const char *read_from(const char *dir, const char *sysroot,
			     uint64_t vaddr, size_t size)
{
	struct at a;
	uint8_t *data = malloc(size + 1);
	char *text = cr_test_format("%s", "");
	struct cr_error *err = open_at(&a, dir, 1, sysroot);
	if (!err)
		err = cr_pages_read(&a.pages, vaddr, data, size);
	close_at(&a);
	for (size_t i = 0, n; !err && i < size; i += n) {
		for (n = 1; i + n < size && data[i + n] == data[i]; n++)
			;
		text = cr_test_format("%s%s%c*%zu", text, i ? " " : "",
				      data[i] ?: '0', n);
	}
	free(data);
	return err ? cr_test_error(err) : text;
}

#define assert_read(vaddr, size, want) \
	assert_text(read_from("a", NULL, vaddr, size), want)

/* "start-end KIND" of every run of process 1, or the error. */
static const char *runs(const char *dir, const char *sysroot)
{
	static const char *const kinds[] = { "-",    "data",    "zero",
					     "file", "content", "missing",
					     "lazy" };
	struct at a;
	char *text = cr_test_format("%s", "");
	struct cr_error *err = open_at(&a, dir, 1, sysroot);
	for (uint64_t at = 0; !err && at < UINT64_MAX;) {
		struct cr_run r;
		err = cr_pages_run(&a.pages, at, &r);
		if (err)
			break;
		ck_assert_uint_gt(r.end, at);
		if (r.kind != CR_RUN_NONE)
			text = cr_test_format("%s%s%llx-%llx %s", text,
					      *text ? ", " : "",
					      (unsigned long long)r.start,
					      (unsigned long long)r.end,
					      kinds[r.kind]);
		at = r.end;
	}
	close_at(&a);
	return err ? cr_test_error(err) : text;
}

static void simple(void)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x5000, 0x201),
			     vma(0x5000, 0x7000, 0x201),
			     vma(0x9000, 0xa000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x2000, 1, 4), run(0x4000, 2, 4),
				       run(0x9000, 1, 4)));
	put("a/pages-7.img", cat(page('a'), page('b'), page('c'), page('d')));
}

TEST(bytes_across_pages_and_mappings)
{
	simple();
	assert_read(0x2000, 4096, "a*4096");
	assert_read(0x4ffe, 4, "b*2 c*2");
	assert_read(0x2ffe, 0x2004, "a*2 0*4096 b*4096 c*2");
	assert_read(0x9fff, 1, "d*1");
}

TEST(memory_never_touched_is_zeros)
{
	simple();
	assert_read(0x1000, 0x1001, "0*4096 a*1");
	assert_read(0x6ff0, 16, "0*16");
	assert_text(runs("a", NULL),
		    "1000-2000 zero, 2000-3000 data, 3000-4000 zero, "
		    "4000-5000 data, 5000-6000 data, 6000-7000 zero, "
		    "9000-a000 data");
}

TEST(nothing_is_mapped)
{
	simple();
	assert_read(0x7000, 1, "! NOT_FOUND 0x7000: nothing is mapped there");
	assert_read(0x6fff, 2, "! NOT_FOUND 0x7000: nothing is mapped there");
	assert_read(0, 1, "! NOT_FOUND 0x0: nothing is mapped there");
	assert_read(0xa000, 1, "! NOT_FOUND 0xa000: nothing is mapped there");
	assert_read(UINT64_MAX, 1,
		    "! NOT_FOUND 0xffffffffffffffff: nothing is mapped there");
}

TEST(pages_outside_of_mappings_are_there)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x2000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 3, 4)));
	put("a/pages-7.img", cat(page('a'), page('b'), page('c')));
	assert_read(0x1fff, 3, "a*1 b*2");
	assert_text(runs("a", NULL), "1000-2000 data, 2000-4000 data");
}

TEST(a_pre_dump_has_pages_without_mappings)
{
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 4)));
	put("a/pages-7.img", page('a'));
	assert_text(runs("a", NULL), "1000-2000 data");
}

TEST(a_process_without_pagemap_is_zeros)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x2000, 0x201)));
	assert_read(0x1000, 2, "0*2");
}

TEST(a_zombie_has_no_memory)
{
	put("a/core-1.img", hex(""));
	assert_read(0, 1, "! NOT_FOUND mm-1.img: no such file");
}

TEST(mappings_in_an_image_of_their_own)
{
	put("a/mm-1.img", mm(4096));
	put("a/vmas-1.img",
	    image("VMAS", entry(num(1, 0x1000), num(2, 0x2000), num(3, 0),
				num(4, 0), num(5, 3), num(6, 0x22),
				num(7, 0x201), num(8, 1))));
	assert_text(runs("a", NULL), "1000-2000 zero");
}

TEST(guard_ranges_lie_in_mappings)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x5000, 0x201),
			     vma(0x2000, 0x3000, 0x10000)));
	assert_text(runs("a", NULL), "1000-5000 zero");
}

TEST(pages_of_16_kib)
{
	put("a/mm-1.img", mm(16384, vma(0x10000, 0x20000, 0x201)));
	put("a/pagemap-1.img",
	    pagemap(7, run(0x10000, 1, 4), run(0x18000, 1, 4)));
	put("a/pages-7.img", cat(fill('a', 16384), fill('b', 16384)));
	assert_read(0x13fff, 0x4002, "a*1 0*16384 b*1");
	assert_read(0x1bffe, 3, "b*2 0*1");
}

TEST(lazy_pages)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x4000, 0x201)));
	put("a/pagemap-1.img",
	    pagemap(7, run(0x1000, 1, 6), run(0x2000, 1, 2)));
	put("a/pages-7.img", page('a'));
	assert_read(0x1000, 1, "a*1");
	assert_read(0x1fff, 2,
		    "! NOT_FOUND 0x2000: was left to be sent later (lazy)");
	assert_text(runs("a", NULL),
		    "1000-2000 data, 2000-3000 lazy, 3000-4000 zero");
}

/* ---- parents ---- */

static void chain(void)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x9000, 0x201)));
	put("a/pagemap-1.img", pagemap(7, run(0x1000, 1, 4), run(0x2000, 4, 1),
				       run(0x6000, 1, 4)));
	put("a/pages-7.img", cat(page('a'), page('A')));
	link_parent("a", "../b");
	put("b/pagemap-1.img", pagemap(3, run(0x1000, 2, 4), run(0x3000, 1, 1),
				       run(0x4000, 2, 4)));
	put("b/pages-3.img",
	    cat(page('b'), page('c'), page('d'), page('e')));
	link_parent("b", "../c");
	put("c/pagemap-1.img",
	    pagemap(5, entry(num(1, 0x2000), num(2, 3))));
	put("c/pages-5.img", cat(page('x'), page('y'), page('z')));
}

TEST(two_parents)
{
	chain();
	assert_read(0x1ffe, 0x5004,
		    "a*2 c*4096 y*4096 d*4096 e*4096 A*4096 0*2");
	assert_text(runs("a", NULL),
		    "1000-2000 data, 2000-3000 data, 3000-4000 data, "
		    "4000-6000 data, 6000-7000 data, 7000-9000 zero");
}

TEST(a_hole_in_the_parent)
{
	chain();
	put("c/pagemap-1.img", pagemap(5, run(0x2000, 1, 4)));
	assert_read(0x3000, 1,
		    "! FORMAT parent 1 (../b): pagemap-1.img: the page at "
		    "0x3000 is said to be in the parent, which has none there");
	put("b/pagemap-1.img", pagemap(3, run(0x1000, 2, 4)));
	assert_read(0x3000, 1,
		    "! FORMAT pagemap-1.img: the page at 0x3000 is said to be "
		    "in the parent, which has none there");
	unlink(cr_test_path("b/pagemap-1.img"));
	assert_read(0x3000, 1,
		    "! FORMAT pagemap-1.img: the page at 0x3000 is said to be "
		    "in the parent, which has none there");
}

TEST(no_parent)
{
	chain();
	unlink(cr_test_path("a/parent"));
	assert_read(0x1000, 1, "a*1");
	assert_read(0x3000, 1,
		    "! FORMAT pagemap-1.img: the page at 0x3000 is said to be "
		    "in the parent, and there is none");
}

TEST(a_parent_that_is_missing)
{
	chain();
	unlink(cr_test_path("a/parent"));
	link_parent("a", "../gone");
	assert_read(0x1000, 1, "a*1");
	assert_read(0x3000, 1,
		    "! FORMAT parent 1: ../gone: no such directory");
}

TEST(chains_that_loop)
{
	chain();
	put("c/pagemap-1.img", pagemap(5, run(0x2000, 3, 1)));
	link_parent("c", "../a");
	assert_read(0x3000, 1,
		    "! FORMAT parent 3: ../a: the chain of parents loops: it "
		    "is the checkpoint itself");
	unlink(cr_test_path("c/parent"));
	link_parent("c", "../b");
	assert_read(0x3000, 1,
		    "! FORMAT parent 3: ../b: the chain of parents loops: it "
		    "is a parent before it");
	unlink(cr_test_path("c/parent"));
	link_parent("c", ".");
	assert_read(0x3000, 1,
		    "! FORMAT parent 3: .: the chain of parents loops: it is "
		    "a parent before it");
}

TEST(a_fault_in_a_parent_says_where)
{
	chain();
	put("c/pages-5.img", page('x'));
	assert_read(0x3000, 1,
		    "! FORMAT parent 2 (../c): pagemap-1.img: entry 1: its "
		    "12288 bytes at 0 of pages-5.img are more than are there "
		    "(4096 bytes)");
}

TEST(seven_hundred_parents)
{
	put("0/pagemap-1.img", pagemap(1, run(0x1000, 1, 4)));
	put("0/pages-1.img", page('a'));
	for (int i = 1; i <= 700; i++) {
		put(cr_test_format("%d/pagemap-1.img", i),
		    pagemap(1, run(0x1000, 1, 1)));
		link_parent(cr_test_format("%d", i),
			    cr_test_format("../%d", i - 1));
	}
	assert_text(read_from("700", NULL, 0x1fff, 1), "a*1");
}

/* ---- shared memory ---- */

TEST(shared_memory_by_offset)
{
	put("a/mm-1.img",
	    mm(4096, vma_of(0x10000, 0x13000, 0x101, 0x1000, 55),
	       vma_of(0x20000, 0x21000, 0x501, 0, 66)));
	put("a/pagemap-1.img", pagemap(7));
	put("a/pagemap-shmem-55.img",
	    pagemap(8, run(0, 2, 4), run(0x3000, 1, 4)));
	put("a/pages-8.img", cat(page('a'), page('b'), page('c')));
	put("a/pagemap-shmem-66.img", pagemap(9, run(0, 1, 4)));
	put("a/pages-9.img", page('d'));
	assert_read(0x10ffe, 0x1004, "b*2 0*4096 c*2");
	assert_read(0x20000, 2, "d*2");
}

TEST(shared_memory_through_parents)
{
	put("a/mm-1.img", mm(4096, vma_of(0x10000, 0x11000, 0x101, 0, 55)));
	put("a/pagemap-shmem-55.img", pagemap(8, run(0, 1, 1)));
	link_parent("a", "../b");
	put("b/pagemap-shmem-55.img", pagemap(2, run(0, 1, 4)));
	put("b/pages-2.img", page('p'));
	assert_read(0x10000, 1, "p*1");
}

TEST(shared_memory_that_is_missing)
{
	put("a/mm-1.img", mm(4096, vma_of(0x10000, 0x11000, 0x101, 0, 55)));
	assert_read(0x10000, 1,
		    "! NOT_FOUND 0x10000: is in [shm 55], whose pages are not "
		    "in the checkpoint");
}

static void with_memfd(uint32_t status)
{
	put("a/mm-1.img",
	    mm(4096, vma_of(0x10000, 0x12000, status, 0x1000, 4)));
	put("a/files.img",
	    image("FILES",
		  entry(num(1, 18), num(2, 4),
			len(20, num(1, 4), num(2, 2), num(3, 0),
			    len(4, num(1, 0), num(2, 0), num(3, 0), num(4, 0),
				num(5, 0)),
			    num(5, 9)))));
	put("a/memfd.img",
	    image("MEMFD_INODE",
		  entry(str(1, "secret"), num(2, 0), num(3, 0), num(4, 8192),
			num(5, 77), num(6, 0), num(7, 9))));
	put("a/pagemap-shmem-77.img", pagemap(8, run(0x1000, 1, 4)));
	put("a/pages-8.img", page('m'));
}

TEST(memfds_by_file_and_inode)
{
	with_memfd(0x4081);
	assert_read(0x10000, 0x1001, "m*4096 0*1");
}

TEST(private_pages_of_a_memfd_come_first)
{
	with_memfd(0x4041);
	put("a/pagemap-1.img", pagemap(3, run(0x11000, 1, 4)));
	put("a/pages-3.img", page('p'));
	assert_read(0x10fff, 2, "m*1 p*1");
}

TEST(a_memfd_that_is_missing)
{
	with_memfd(0x4081);
	unlink(cr_test_path("a/memfd.img"));
	assert_read(0x10000, 1,
		    "! NOT_FOUND 0x10000: is in [memfd 4], whose pages are not "
		    "in the checkpoint");
}

TEST(an_object_by_itself)
{
	struct at a;
	char data[2];
	with_memfd(0x4081);
	ck_assert_ptr_null(open_at(&a, "a", 1, NULL));
	cr_pages_close(&a.pages);
	ck_assert_ptr_null(cr_pages_open_object(&a.pages, &a.memory, 77));
	ck_assert_ptr_null(cr_pages_read(&a.pages, 0x1000, data, 2));
	ck_assert_mem_eq(data, "mm", 2);
	cr_pages_close(&a.pages);
	assert_text(cr_test_error(cr_pages_open_object(&a.pages, &a.memory, 5)),
		    "! NOT_FOUND pagemap-shmem-5.img: no such file");
	close_at(&a);
}

/* ---- files ---- */

/* An open regular file. */
static void put_file(uint32_t id, const char *name)
{
	put("a/files.img",
	    image("FILES",
		  entry(num(1, 1), num(2, id),
			len(3, num(1, id), num(2, 0), num(3, 0),
			    len(5, num(1, 0), num(2, 0), num(3, 0), num(4, 0),
				num(5, 0)),
			    str(6, name)))));
}

static void with_file(const char *name)
{
	put("a/mm-1.img", mm(4096, vma_of(0x10000, 0x13000, 0x41, 0x1000, 4)));
	put_file(4, name);
	put("a/pagemap-1.img", pagemap(3, run(0x11000, 1, 4)));
	put("a/pages-3.img", page('p'));
	put("root/lib.so", cat(page('0'), page('1'), page('2'), fill('3', 5)));
}

TEST(mapped_files_without_a_sysroot)
{
	with_file("/lib.so");
	assert_text(runs("a", NULL), "10000-11000 missing, 11000-12000 data, "
				     "12000-13000 missing");
	assert_read(0x12010, 1,
		    "! NOT_FOUND 0x12010: is at 0x3010 in /lib.so, which is "
		    "not in the checkpoint");
}

TEST(mapped_files_from_the_sysroot)
{
	with_file("/lib.so");
	const char *root = cr_test_path("root");
	assert_text(runs("a", root),
		    "10000-11000 file, 11000-12000 data, 12000-12005 file, "
		    "12005-13000 zero");
	assert_text(read_from("a", root, 0x10fff, 0x1009),
		    "1*1 p*4096 3*5 0*3");
}

TEST(files_that_are_not_in_the_sysroot)
{
	with_file("/gone.so");
	assert_text(read_from("a", cr_test_path("root"), 0x10000, 1),
		    "! NOT_FOUND 0x10000: is at 0x1000 in /gone.so, which is "
		    "not in the sysroot");
}

TEST(names_do_not_leave_the_sysroot)
{
	with_file("/../../lib.so");
	put("outside.so", fill('!', 16384));
	assert_text(read_from("a", cr_test_path("root"), 0x10000, 1), "1*1");
	with_file("/../outside.so");
	assert_text(read_from("a", cr_test_path("root"), 0x10000, 1),
		    "! NOT_FOUND 0x10000: is at 0x1000 in /../outside.so, "
		    "which is not in the sysroot");
	with_file("/link");
	if (symlink("/../outside.so", cr_test_path("root/link")))
		abort();
	assert_text(read_from("a", cr_test_path("root"), 0x10000, 1),
		    "! NOT_FOUND 0x10000: is at 0x1000 in /link, which is not "
		    "in the sysroot");
}

TEST(what_the_kernel_makes_is_missing)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x2000, 0x1201)));
	assert_read(0x1000, 1,
		    "! NOT_FOUND 0x1000: is in [vvar], whose pages are not in "
		    "the checkpoint");
}

/* ---- blocks ---- */

/* 4096 times one byte: a literal, a match of 4090, 5 literals. */
static struct bytes lz4_page(char c)
{
	struct bytes lit = fill((uint8_t)c, 1);
	return cat(hex("1f"), lit, hex("0100"), fill(0xff, 15), hex("f6 50"),
		   fill((uint8_t)c, 5));
}

#define blocks(vaddr, nr, sizes, total, per)                            \
	entry(num(1, vaddr), num(2, 0), num(4, 12), num(5, nr),         \
	      len(6, len(1, hex(sizes)), num(2, total), num(3, per)))

static void packed(struct bytes first)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x9000, 0x201)));
	put("a/pagemap-1.img",
	    pagemap(7, blocks(0x1000, 4, "1a 00 8020 1a", 4148, 1),
		    run(0x8000, 1, 12)));
	put("a/pages-7.img", cat(first, page('p'), lz4_page('z'),
				 fill(0, 8192 - 4148), page('l')));
}

TEST(blocks_packed_zero_and_plain)
{
	packed(lz4_page('a'));
	assert_read(0x1000, 0x4001, "a*4096 0*4096 p*4096 z*4096 0*1");
	assert_read(0x1fff, 2, "a*1 0*1");
	assert_read(0x3fff, 2, "p*1 z*1");
	assert_read(0x8000, 0x1000, "l*4096");
}

TEST(blocks_that_are_broken)
{
	packed(fill(0xff, 26));
	assert_read(0x1000, 1,
		    "! FORMAT pages-7.img: pagemap-1.img: pages from 0x1000 on: "
		    "block 0: 26 bytes that are no LZ4 block of 4096");
	assert_read(0x4000, 1, "z*1");
	/* 25 literals. */
	packed(cat(hex("f0 09"), fill('x', 24)));
	assert_read(0x1000, 1,
		    "! FORMAT pages-7.img: pagemap-1.img: pages from 0x1000 on: "
		    "block 0: expands to 24 bytes, not 4096");
}

TEST(a_block_of_many_pages)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x9000, 0x201)));
	/* 1 + (4 + 15 + 32 * 255 + 7) + 5 = 8192 bytes. */
	put("a/pages-7.img",
	    cat(hex("1f 'q' 0100"), fill(0xff, 32), hex("07 50 'qqqqq'"),
		lz4_page('r')));
	put("a/pagemap-1.img", pagemap(7, blocks(0x1000, 3, "2b 1a", 69, 2)));
	assert_read(0x1000, 0x3000, "q*8192 r*4096");
}

/* ---- mm ---- */

TEST(mappings_that_overlap)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x5000, 0x201),
			     vma(0x4000, 0x6000, 0x201)));
	assert_read(0x1000, 1,
		    "! FORMAT mm-1.img: entry 0: mapping 1: 0x4000 comes "
		    "before 0x5000, where the mapping before it ends");
}

TEST(a_mapping_without_size)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x1000, 0x201)));
	assert_read(0x1000, 1, "! FORMAT mm-1.img: entry 0: mapping 0: "
			       "0x1000-0x1000 is no range");
}

TEST(a_page_size_that_is_none)
{
	put("a/mm-1.img", mm(5000));
	assert_read(0x1000, 1, "! FORMAT mm-1.img: entry 0: the page size of "
			       "the auxiliary vector is 5000");
}

TEST(a_sysroot_that_is_missing)
{
	simple();
	assert_text(read_from("a", cr_test_path("none"), 0x1000, 1),
		    cr_test_format("! SYSTEM sysroot %s: No such file or "
				   "directory",
				   cr_test_path("none")));
}

/* ---- contents that stand in images ---- */

#define ghost_of(file, id) entry(num(1, file), num(2, id), num(3, 1))
#define ghost_head(mode, ...) \
	entry(num(1, 0), num(2, 0), num(3, mode), ##__VA_ARGS__)
#define chunks(size) ghost_head(S_IFREG, num(9, 1), num(10, size))
#define chunk(off, content) \
	cat(entry(num(1, (content).size), num(2, off)), content)

/* Two pages of file 7 from its second page on. */
static void map_ghost(uint32_t status, struct bytes ghost)
{
	put("a/mm-1.img",
	    mm(4096, vma_of(0x1000, 0x3000, status, 0x1000, 7)));
	put("a/remap-fpath.img", image("REMAP_FPATH", ghost_of(7, 31)));
	put("a/ghost-file-1f.img", cat(header("GHOST_FILE"), ghost));
}

TEST(a_deleted_file_is_mapped)
{
	map_ghost(0x41, cat(ghost_head(S_IFREG), page('a'), page('b'),
			    fill('c', 10)));
	assert_read(0x1000, 0x2000, "b*4096 c*10 0*4086");
	assert_read(0x1fff, 3, "b*1 c*2");
	assert_text(runs("a", NULL), "1000-200a content, 200a-3000 zero");
	map_ghost(0x81, cat(ghost_head(S_IFREG), page('a'), page('b')));
	assert_text(runs("a", NULL), "1000-2000 content, 2000-3000 zero");
}

TEST(a_deleted_file_in_chunks)
{
	map_ghost(0x41, cat(chunks(0x2800), chunk(0xff0, fill('a', 0x20)),
			    chunk(0x1010, fill('b', 0x10)),
			    chunk(0x2700, fill('c', 0x100))));
	assert_read(0x1000, 0x1810, "a*16 b*16 0*5856 c*256 0*16");
	assert_read(0x100f, 2, "a*1 b*1");
	assert_text(runs("a", NULL),
		    "1000-1010 content, 1010-1020 content, 1020-2700 zero, "
		    "2700-2800 content, 2800-3000 zero");
	map_ghost(0x41, chunks(0x2800));
	assert_text(runs("a", NULL), "1000-2800 zero, 2800-3000 zero");
	map_ghost(0x41, ghost_head(S_IFREG));
	assert_text(runs("a", NULL), "1000-3000 zero");
}

TEST(pages_of_the_process_come_before_a_deleted_file)
{
	map_ghost(0x41, cat(ghost_head(S_IFREG), fill('g', 0x3000)));
	put("a/pagemap-1.img", pagemap(7, run(0x2000, 1, 4)));
	put("a/pages-7.img", page('p'));
	assert_read(0x1fff, 2, "g*1 p*1");
	assert_text(runs("a", NULL), "1000-2000 content, 2000-3000 data");
}

TEST(a_deleted_file_comes_before_a_new_one_of_its_name)
{
	map_ghost(0x41, cat(ghost_head(S_IFREG), fill('g', 0x3000)));
	put_file(7, "/new");
	put("root/new", fill('n', 0x3000));
	assert_text(read_from("a", cr_test_path("root"), 0x1000, 1), "g*1");
	put("a/remap-fpath.img", header("REMAP_FPATH"));
	assert_text(read_from("a", cr_test_path("root"), 0x1000, 1), "n*1");
}

TEST(an_old_mark_of_a_deleted_file)
{
	map_ghost(0x41, cat(ghost_head(S_IFREG), fill('g', 0x3000)));
	put("a/remap-fpath.img",
	    image("REMAP_FPATH", entry(num(1, 7), num(2, 0x8000001f))));
	assert_read(0x1000, 2, "g*2");
}

TEST(what_a_deleted_file_held_is_not_here)
{
	map_ghost(0x41, ghost_head(S_IFREG));
	unlink(cr_test_path("a/ghost-file-1f.img"));
	assert_text(runs("a", NULL), "1000-3000 missing");
	map_ghost(0x41, ghost_head(S_IFCHR));
	assert_text(runs("a", NULL), "1000-3000 missing");
	map_ghost(0x41, cat(ghost_head(S_IFREG), page('a')));
	put("a/remap-fpath.img",
	    image("REMAP_FPATH", entry(num(1, 7), num(2, 31), num(3, 0))));
	assert_text(runs("a", NULL), "1000-3000 missing");
}

TEST(deleted_files_that_are_broken)
{
	map_ghost(0x41, cat(chunks(0x2000), chunk(0x1000, fill('a', 9)),
			    entry(num(1, 9), num(2, 0x1001))));
	assert_read(0x1000, 1,
		    "! FORMAT ghost-file-1f.img: entry 2: 4097 comes before "
		    "4105, where the chunk before it ends");
	map_ghost(0x41, cat(chunks(0x2000), entry(num(1, 9), num(2, 0))));
	assert_read(0x1000, 1,
		    "! FORMAT ghost-file-1f.img: entry 1: byte 33: need 9 "
		    "bytes of content, have 0");
	map_ghost(0x41, ghost_head(S_IFREG));
	put("a/remap-fpath.img", image("REMAP_FPATH", entry(num(1, 7))));
	assert_read(0x1000, 1,
		    "! FORMAT remap-fpath.img: entry 0: remap_file_path_entry "
		    "lacks a required field");
}

TEST(a_mapping_at_the_end_of_what_offsets_can_say)
{
	map_ghost(0x41, cat(ghost_head(S_IFREG), page('a')));
	put("a/mm-1.img",
	    mm(4096, vma_of(0x1000, 0x3000, 0x41, UINT64_MAX - 0xfff, 7)));
	assert_text(runs("a", NULL), "1000-3000 zero");
}

#define segment(id, size, ...) \
	entry(len(1, num(1, 0), num(2, 0), num(3, 0), num(4, 0), num(5, 0), \
		  num(6, 0), num(7, id)), \
	      num(2, size), ##__VA_ARGS__)

static void map_segment(uint32_t id)
{
	put("a/mm-1.img", mm(4096, vma_of(0x1000, 0x3000, 0x401, 0, id)));
}

TEST(a_segment_whose_content_follows_its_entry)
{
	map_segment(5);
	put("a/ipcns-shm-9.img",
	    image("IPCNS_SHM", segment(6, 3), text("six"), fill(0, 1),
		  segment(4, 8, num(3, 1)),
		  segment(5, 0x1002), fill('s', 0x1002), fill(0, 2),
		  segment(5, 4), text("last")));
	assert_read(0x1000, 0x1004, "s*4098 0*2");
	assert_text(runs("a", NULL), "1000-2002 content, 2002-3000 zero");
	map_segment(6);
	assert_read(0x1000, 4, "s*1 i*1 x*1 0*1");
	map_segment(4);
	assert_text(runs("a", NULL), "1000-3000 missing");
	map_segment(7);
	assert_text(runs("a", NULL), "1000-3000 missing");
}

TEST(a_segment_with_a_pagemap)
{
	map_segment(5);
	put("a/ipcns-shm-9.img",
	    image("IPCNS_SHM", segment(5, 4), text("old.")));
	put("a/pagemap-shmem-5.img", pagemap(8, run(0, 1, 4)));
	put("a/pages-8.img", page('p'));
	assert_read(0x1000, 4, "p*4");
}

TEST(segments_that_are_broken)
{
	map_segment(5);
	put("a/ipcns-shm-9.img",
	    image("IPCNS_SHM", segment(5, UINT64_MAX), text("old.")));
	assert_read(0x1000, 1, "! FORMAT ipcns-shm-9.img: entry 0: byte 39: the "
			       "segment's content needs 18446744073709551615 "
			       "bytes, have 4");
	put("a/ipcns-shm-9.img", image("IPCNS_SHM", segment(5, 3), text("abc")));
	assert_read(0x1000, 1, "! FORMAT ipcns-shm-9.img: entry 0: byte 33: its "
			       "padding needs 1 bytes, have 0");
	put("a/ipcns-shm-9.img", image("IPCNS_SHM", entry(num(2, 3))));
	assert_read(0x1000, 1, "! FORMAT ipcns-shm-9.img: entry 0: broken "
			       "ipc_shm_entry, or it lacks a required field");
	put("a/ipcns-shm-9.img", image("IPCNS_SEM"));
	assert_read(0x1000, 1, "! FORMAT ipcns-shm-9.img: holds ipc_sem_entry, "
			       "not ipc_shm_entry");
}

TEST_MAIN("lib/pages/reader")
