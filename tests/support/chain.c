// SPDX-License-Identifier: MIT
#include "tests/support/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "lib/base/out.h"
#include "lib/codec/wire.h"
#include "lib/pages/lz4.h"
#include "lib/pages/reader.h"
#include "tests/support/codec.h"
#include "tests/support/pages.h"

#define NR (2 * CHAIN_PAGES) /* of private pages; shared ones are half of it */

enum { ABSENT = 16 }; /* beside flags of entries */

uint32_t cr_test_chance(uint32_t *seed, uint32_t limit)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % limit;
}

struct layer {
	struct cr_test_chain top; /* as it was asked for */
	struct cr_test_chain c;
	uint32_t page_size;
	uint32_t per_block;  /* 0: plain */
	bool old_count, old_flags;
	struct cr_out map, data;
};

static uint32_t chance(struct layer *l, uint32_t limit)
{
	return cr_test_chance(&l->c.seed, limit);
}

static void some_page(struct layer *l, uint8_t *page)
{
	uint32_t kind = chance(l, 4);
	memset(page, kind == 1 ? (int)chance(l, 256) : 0, l->page_size);
	for (uint32_t i = 0; kind > 1 && i < l->page_size; i++)
		page[i] = (uint8_t)(kind == 2 ? chance(l, 256) : i * kind / 9);
	if (kind == 3)
		page[chance(l, l->page_size)] = 'x';
}

static bool all_zero(struct bytes b)
{
	for (size_t i = 0; i < b.size; i++)
		if (b.p[i])
			return false;
	return true;
}

static void append(struct cr_out *out, struct bytes b)
{
	if (b.size)
		ck_assert_ptr_null(cr_out_put(out, b.p, b.size));
}

/* What an output in memory holds. */
static struct bytes all_of(const struct cr_out *out)
{
	return (struct bytes){ (uint8_t *)out->buf, cr_out_buffered(out) };
}

/* Fields, without the guard pages that tests' bytes usually have: there are too
 * many of them. */
static void append_varint(struct cr_out *out, uint64_t v)
{
	uint8_t b[10];
	append(out, (struct bytes){ b, (size_t)(cr_varint_put(b, v) - b) });
}

static void append_num(struct cr_out *out, uint32_t number, uint64_t v)
{
	append_varint(out, number << 3);
	append_varint(out, v);
}

static void append_len(struct cr_out *out, uint32_t number, struct bytes b)
{
	append_varint(out, number << 3 | 2);
	append_varint(out, b.size);
	append(out, b);
}

/* Stores pages in blocks; what the entry says of them. */
static void store_blocks(struct layer *l, struct bytes pages, bool *aligned,
			 struct cr_out *blocks)
{
	struct cr_out payload, sizes;
	size_t block = (size_t)l->per_block * l->page_size;
	uint8_t *packed = malloc(block);
	ck_assert_ptr_null(cr_out_init_mem(&payload));
	ck_assert_ptr_null(cr_out_init_mem(&sizes));
	for (size_t at = 0; at < pages.size; at += block) {
		size_t n = pages.size - at < block ? pages.size - at : block;
		struct bytes plain = { pages.p + at, n };
		size_t size = cr_lz4_pack(plain.p, n, packed, n / 8 * 7 - 1, 1);
		struct bytes stored = size ? (struct bytes){ packed, size } :
					     plain;
		if (all_zero(plain))
			stored.size = 0;
		if (!cr_out_buffered(&payload) && stored.size == n)
			*aligned = true;
		append_varint(&sizes, stored.size);
		append(&payload, stored);
	}
	size_t over = cr_out_buffered(&l->data) % l->page_size;
	if (*aligned && over)
		append(&l->data, fill(0, l->page_size - over));
	append(&l->data, all_of(&payload));
	append_len(blocks, 1, all_of(&sizes));
	append_num(blocks, 2, cr_out_buffered(&payload));
	append_num(blocks, 3, l->per_block);
	cr_out_deinit(&payload);
	cr_out_deinit(&sizes);
	free(packed);
}

static void put_entry(struct layer *l, uint64_t vaddr, uint32_t nr,
		      uint32_t flags)
{
	struct cr_out blocks, e;
	bool aligned = false;
	size_t size = (size_t)nr * l->page_size;
	uint8_t *data = malloc(size);
	ck_assert_ptr_null(cr_out_init_mem(&blocks));
	ck_assert_ptr_null(cr_out_init_mem(&e));
	for (uint32_t i = 0; i < nr; i++)
		some_page(l, data + (size_t)i * l->page_size);
	struct bytes pages = { data, size };
	if (flags & 4 && l->per_block)
		store_blocks(l, pages, &aligned, &blocks);
	else if (flags & 4)
		append(&l->data, pages);
	flags |= aligned ? 8 : 0;
	append_num(&e, 1, vaddr);
	append_num(&e, 2, l->old_count ? nr : 0);
	if (!l->old_flags || (flags != 1 && flags != 4))
		append_num(&e, 4, flags);
	else if (flags == 1)
		append_num(&e, 3, 1);
	if (!l->old_count)
		append_num(&e, 5, nr);
	if (cr_out_buffered(&blocks))
		append_len(&e, 6, all_of(&blocks));
	uint32_t word = (uint32_t)cr_out_buffered(&e);
	append(&l->map, (struct bytes){ (uint8_t *)&word, 4 });
	append(&l->map, all_of(&e));
	cr_out_deinit(&blocks);
	cr_out_deinit(&e);
	free(data);
}

/* What becomes of a page, given what the layer below has. */
static uint8_t some_state(struct layer *l, uint8_t below)
{
	uint32_t n = chance(l, 10);
	if (n < 4 && below != ABSENT)
		return CR_RANGE_PARENT;
	if (n == 9 && !l->c.no_lazy)
		return CR_RANGE_LAZY;
	if (n < 7)
		return CR_RANGE_PRESENT | (chance(l, 8) ? 0 : CR_RANGE_LAZY);
	return ABSENT;
}

/* One pagemap of the layer; state is that of the layer below, then of this. */
static void put_object(struct layer *l, const char *dir, const char *name,
		       uint32_t id, uint64_t start, uint8_t *state,
		       uint32_t nr)
{
	uint32_t run = 0;
	ck_assert_ptr_null(cr_out_init_mem(&l->map));
	ck_assert_ptr_null(cr_out_init_mem(&l->data));
	append(&l->map, image("PAGEMAP", entry(num(1, id))));
	for (uint32_t i = 0; i < nr; i++)
		state[i] = i && chance(l, 3) && (state[i - 1] != 1 ||
						 state[i] != ABSENT) ?
				   state[i - 1] :
				   some_state(l, state[i]);
	for (uint32_t i = 0; i < nr; i++) {
		run++;
		if (i + 1 < nr && state[i + 1] == state[i] && chance(l, 12))
			continue;
		if (state[i] != ABSENT)
			put_entry(l, start + (i + 1 - run) * l->page_size, run,
				  state[i]);
		run = 0;
	}
	put(cr_test_format("%s/%s", dir, name), all_of(&l->map));
	put(cr_test_format("%s/pages-%u.img", dir, (unsigned)id),
	    all_of(&l->data));
	cr_out_deinit(&l->map);
	cr_out_deinit(&l->data);
}

static void put_layer(struct layer *l, unsigned i, uint8_t *private,
		      uint8_t *shared)
{
	const char *dir = cr_test_chain_dir(&l->top, i);
	bool packed = chance(l, 2) && (i || !l->c.plain);
	static const uint32_t per_block[] = { 1, 2, 4 };
	l->per_block = packed ? per_block[chance(l, 3)] : 0;
	l->old_count = !packed && chance(l, 2) && (i || !l->c.plain);
	l->old_flags = l->old_count && chance(l, 2);
	uint64_t size = (uint64_t)CHAIN_PAGES * l->page_size;
	uint64_t s = CHAIN_START;
	put_object(l, dir, "pagemap-1.img", 1, s, private, NR);
	put_object(l, dir, "pagemap-shmem-7.img", 2, 0, shared, CHAIN_PAGES);
	put(cr_test_format("%s/mm-1.img", dir),
	    mm(l->page_size, vma(s, s + size, 0x201),
	       vma(s + size, s + 2 * size, 0x201),
	       vma_of(s + 2 * size, s + 3 * size, 0x101, 0, CHAIN_SHARED)));
	struct bytes form = cat(num(15, 1), num(16, l->per_block * l->page_size));
	put(cr_test_format("%s/inventory.img", dir),
	    cat(word(0x58313116),
		entry(num(1, packed ? 3 : 2),
		      packed ? form : (struct bytes){ 0 }, num(99, 5))));
}

const char *cr_test_chain_dir(const struct cr_test_chain *chain, unsigned i)
{
	return cr_test_format("%u-%u", (unsigned)chain->seed, i);
}

uint32_t cr_test_chain_make(const struct cr_test_chain *chain)
{
	struct layer l = {
		.top = *chain,
			   .c = *chain,
			   .page_size = chain->page_size,
	};
	uint8_t private[NR], shared[CHAIN_PAGES];
	memset(private, ABSENT, sizeof(private));
	memset(shared, ABSENT, sizeof(shared));
	if (!l.page_size)
		l.page_size = chance(&l, 3) ? 4096 : 16384;
	for (unsigned i = chain->layers; i-- > 0;) {
		put_layer(&l, i, private, shared);
		if (i + 1 < chain->layers)
			link_parent(cr_test_chain_dir(chain, i),
				    cr_test_format("../%s",
						   cr_test_chain_dir(
							   chain, i + 1)));
	}
	return l.page_size;
}

/* ---- reading ---- */

static void add_page(struct cr_out *out, struct cr_pages *pages,
		     uint64_t vaddr, uint32_t size)
{
	struct cr_run run;
	static uint8_t data[65536];
	char word[24];
	struct cr_error *err = cr_pages_run(pages, vaddr, &run);
	uint64_t sum = 14695981039346656037u;
	if (!err && run.kind != CR_RUN_LAZY && run.kind != CR_RUN_NONE) {
		err = cr_pages_fill(pages, &run, vaddr, data, size);
		for (uint32_t i = 0; i < size; i++)
			sum = (sum ^ data[i]) * 1099511628211u;
	}
	snprintf(word, sizeof(word), " %llx", (unsigned long long)sum);
	if (!err && (run.kind == CR_RUN_LAZY || run.kind == CR_RUN_NONE))
		strcpy(word, run.kind == CR_RUN_LAZY ? " L" : " -");
	append(out, text(word));
	if (err)
		append(out, text(cr_test_error(err)));
}

const char *cr_test_chain_memory(const char *dir)
{
	struct cr_set set = { 0 };
	struct cr_memory memory = { 0 };
	struct cr_pages pages = { 0 };
	struct cr_out text = { 0 };
	struct cr_error *err = cr_set_open(cr_test_path(dir), &set);
	if (!err)
		err = cr_memory_init(&memory, &set, NULL);
	if (!err)
		err = cr_out_init_mem(&text);
	if (!err)
		err = cr_pages_open(&pages, &memory, 1);
	uint32_t size = pages.space.page_size;
	for (uint64_t i = 0; !err && i < 3 * CHAIN_PAGES; i++)
		add_page(&text, &pages, CHAIN_START + i * size, size);
	cr_pages_close(&pages);
	if (!err)
		err = cr_pages_open_object(&pages, &memory, CHAIN_SHARED);
	for (uint64_t i = 0; !err && i < CHAIN_PAGES; i++)
		add_page(&text, &pages, i * size, size);
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
	const char *ret = cr_test_format("%.*s",
					 (int)cr_out_buffered(&text),
					 text.buf);
	cr_out_deinit(&text);
	return err ? cr_test_error(err) : ret;
}
