// SPDX-License-Identifier: MIT
#include "lib/ops/compress.h"

#include <string.h>

#include "lib/ops/squash.h"
#include "lib/pages/lz4.h"
#include "tests/support/chain.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

enum what { COMPRESS, DECOMPRESS, SQUASH };

static struct cr_compress sum;
static uint32_t block_size;

static const char *change(const char *dir, enum what what)
{
	struct cr_change *c = NULL;
	struct cr_change_opts opts = { .out = NULL };
	struct cr_squash s;
	sum = (struct cr_compress){ 0 };
	struct cr_error *err = cr_change_open(cr_test_path(dir), &opts, &c);
	if (!err)
		err = what == COMPRESS ? cr_compress(c, block_size, 1, &sum) :
		      what == DECOMPRESS ? cr_decompress(c, &sum) :
					   cr_squash(c, &s);
	if (!err)
		err = cr_change_commit(c);
	cr_change_close(c);
	return err ? cr_test_error(err) : "";
}

static struct bytes content(const char *dir, const char *name)
{
	return cr_test_content(cr_test_path(cr_test_format("%s/%s", dir, name)));
}

static const char *const files[] = { "inventory.img", "pagemap-1.img",
				     "pages-1.img", "pagemap-shmem-7.img",
				     "pages-2.img" };

static void there_and_back(unsigned layers)
{
	static const uint32_t pages[] = { 1, 3, 16 };
	for (uint32_t i = 0; i < 15; i++) {
		const struct cr_test_chain chain = {
			.seed = 1000 * layers + i,
			.layers = layers,
			.plain = true,
		};
		const char *dir = cr_test_chain_dir(&chain, 0);
		block_size = pages[i % 3] * cr_test_chain_make(&chain);
		const char *before = cr_test_chain_memory(dir);
		struct bytes old[5];
		for (size_t k = 0; k < 5; k++)
			old[k] = content(dir, files[k]);
		assert_text(change(dir, COMPRESS), "");
		ck_assert(sum.size < sum.old_size);
		assert_text(cr_test_chain_memory(dir), before);
		assert_text(change(dir, COMPRESS), "");
		ck_assert(sum.already);
		assert_text(change(dir, DECOMPRESS), "");
		ck_assert(!sum.already);
		assert_text(cr_test_chain_memory(dir), before);
		/* A parent that is compressed keeps the version. */
		for (size_t k = layers > 1; k < 5; k++)
			assert_bytes(content(dir, files[k]), old[k]);
		assert_text(change(dir, DECOMPRESS), "");
		ck_assert(sum.already);
	}
}

TEST(back_to_what_it_was)
{
	there_and_back(1);
}

TEST(with_a_parent_back_to_what_it_was)
{
	there_and_back(2);
}

TEST(memory_reads_the_same_in_any_order)
{
	static const enum what orders[][4] = {
		{ COMPRESS, SQUASH, DECOMPRESS, COMPRESS },
		{ SQUASH, COMPRESS, DECOMPRESS, DECOMPRESS },
		{ DECOMPRESS, COMPRESS, SQUASH, DECOMPRESS },
		{ DECOMPRESS, SQUASH, COMPRESS, DECOMPRESS },
	};
	for (uint32_t i = 0; i < 20; i++) {
		const struct cr_test_chain chain = {
			.seed = 7000 + i,
			.layers = 2 + i % 2,
		};
		const char *dir = cr_test_chain_dir(&chain, 0);
		block_size = 4 * cr_test_chain_make(&chain);
		const char *before = cr_test_chain_memory(dir);
		for (size_t k = 0; k < 4; k++) {
			assert_text(change(dir, orders[i % 4][k]), "");
			assert_text(cr_test_chain_memory(dir), before);
		}
	}
}

/* ---- what is written ---- */

static struct bytes inventory(struct bytes fields)
{
	return cat(word(0x58313116), entry(fields));
}

static void simple(struct bytes map, struct bytes data)
{
	put("a/inventory.img", inventory(cat(num(1, 2), num(4, 1))));
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x90000, 0x201)));
	put("a/pagemap-1.img", map);
	put("a/pages-1.img", data);
	block_size = 8192;
}

/* A page that LZ4 makes nothing of. */
static struct bytes noise(uint32_t seed)
{
	static uint8_t data[4096];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)cr_test_chance(&seed, 256);
	return cat((struct bytes){ data, sizeof(data) });
}

static size_t packed_size(struct bytes plain)
{
	uint8_t packed[8192];
	return cr_lz4_pack(plain.p, plain.size, packed, sizeof(packed), 1);
}

#define blocks(total, ...) \
	len(6, len(1, __VA_ARGS__), num(2, total), num(3, 2))
#define packed(vaddr, nr, flags, b) \
	entry(num(1, vaddr), num(2, 0), num(4, flags), num(5, nr), b)

TEST(zero_plain_and_packed_blocks)
{
	struct bytes z = page(0), n = noise(1), a = page('a');
	simple(pagemap(1, run(0x1000, 7, 4), run(0x20000, 2, 4),
		       run(0x30000, 1, 1), run(0x40000, 2, 6)),
	       cat(a, a, z, z, noise(2), noise(3), a, z, z, n, noise(4)));
	assert_text(change("a", COMPRESS), "");
	struct bytes map = content("a", "pagemap-1.img");
	struct bytes data = content("a", "pages-1.img");
	size_t two = packed_size(cat(a, a)), one = packed_size(a);
	assert_bytes(map,
		     pagemap(1,
			     packed(0x1000, 7, 4,
				    blocks(two + 8192 + one,
					   cr_test_varint(two), hex("00 8040"),
					   cr_test_varint(one))),
			     packed(0x20000, 2, 4, blocks(0, hex("00"))),
			     run(0x30000, 1, 1), run(0x40000, 2, 12 | 2)));
	ck_assert_uint_eq(data.size, 3 * 4096 + 8192);
	assert_bytes(content("a", "inventory.img"),
		     inventory(cat(num(1, 3), num(4, 1), num(15, 1),
				   num(16, 8192))));
	ck_assert_uint_eq(sum.nr_pages, 11);
}

TEST(fields_that_are_not_known_stay)
{
	struct bytes extra = cat(num(77, 1), str(79, "what"));
	simple(pagemap(1, entry(num(1, 0x1000), num(2, 0), num(4, 4), num(5, 1),
				extra)),
	       page(0));
	assert_text(change("a", COMPRESS), "");
	assert_bytes(content("a", "pagemap-1.img"),
		     pagemap(1, packed(0x1000, 1, 4,
				       cat(blocks(0, hex("00")), extra))));
}

TEST(huge_pages_stay_plain)
{
	simple(pagemap(1, run(0x1000, 4, 4)),
	       cat(page('a'), page('b'), page('c'), page('d')));
	put("a/mm-1.img",
	    mm(4096, len(14, num(1, 0x3000), num(2, 0x4000), num(3, 0),
			 num(4, 0), num(5, 3), num(6, 0x40022), num(7, 0x201),
			 num(8, 1))));
	assert_text(change("a", COMPRESS), "");
	struct bytes data = content("a", "pages-1.img");
	ck_assert_uint_gt(data.size, 8192);
	ck_assert_uint_lt(data.size, 8192 + 100);
}

TEST(faults)
{
	simple(pagemap(1, run(0x1000, 1, 4)), page('a'));
	block_size = 4096 * 3 / 2;
	assert_text(change("a", COMPRESS),
		    "! USAGE blocks of 6144 bytes, with pages of 4096");
	put("a/inventory.img", inventory(num(1, 1)));
	assert_text(change("a", COMPRESS),
		    "! UNSUPPORTED inventory.img: image version 1 cannot have "
		    "compressed pages");
	unlink(cr_test_path("a/inventory.img"));
	assert_text(change("a", COMPRESS),
		    "! NOT_FOUND inventory.img: no such file");
}

TEST(a_block_that_is_broken)
{
	simple(pagemap(1, packed(0x1000, 2, 4, blocks(3, hex("03")))),
	       hex("ffffff"));
	put("a/inventory.img", inventory(cat(num(1, 3), num(15, 1))));
	const char *text = change("a", DECOMPRESS);
	ck_assert_msg(strstr(text, "block 0: 3 bytes that are no LZ4 block"),
		      "%s", text);
	assert_bytes(content("a", "pages-1.img"), hex("ffffff"));
}

TEST_MAIN("lib/ops/compress")
