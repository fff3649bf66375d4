// SPDX-License-Identifier: MIT
/*
 * A process with memory of a fuzzer's choice: a table says where it is, images
 * that describe it are made by hand (see images/mm.proto, pagemap.proto), its
 * bytes are fuzz_memory, one mapping after the other.
 */
#ifndef CR_TESTS_FUZZ_PROCESS_H
#define CR_TESTS_FUZZ_PROCESS_H

#include "lib/pages/reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/store.h"

struct fuzz_mapping {
	uint64_t start;
	unsigned nr_pages, prot, status;
};

#define FUZZ_PAGES_MAX 16
#define FUZZ_PAGE 4096

static uint8_t mm[512], pagemap[256];
static uint8_t fuzz_memory[FUZZ_PAGES_MAX * FUZZ_PAGE];
static size_t mm_size, pagemap_size;

static uint8_t *put_varint(uint8_t *o, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		*o++ = (uint8_t)(v | 0x80);
	*o++ = (uint8_t)v;
	return o;
}

static uint8_t *put_num(uint8_t *o, unsigned field, uint64_t v)
{
	return put_varint(put_varint(o, field << 3), v);
}

static uint8_t *put_words(uint8_t *o, uint32_t a, uint32_t b)
{
	memcpy(o, &a, 4);
	memcpy(o + 4, &b, 4);
	return o + 8;
}

static uint8_t *put_vma(uint8_t *o, const struct fuzz_mapping *m)
{
	uint8_t body[64], *b = body;
	b = put_num(b, 1, m->start);
	b = put_num(b, 2, m->start + m->nr_pages * FUZZ_PAGE);
	b = put_num(b, 3, 0);
	b = put_num(b, 4, 0);
	b = put_num(b, 5, m->prot);
	b = put_num(b, 6, 0x22);
	b = put_num(b, 7, m->status);
	b = put_num(b, 8, 0xffffff);
	o = put_varint(put_varint(o, 14 << 3 | 2), (uint64_t)(b - body));
	memcpy(o, body, (size_t)(b - body));
	return o + (b - body);
}

static void make_mm(const struct fuzz_mapping *mappings)
{
	uint8_t *o = put_words(mm, 0x54564319, 0x57492820), *size = o;
	o += 4;
	for (unsigned i = 1; i <= 12; i++)
		o = put_num(o, i, 0);
	o = put_num(o, 13, 6);
	o = put_num(o, 13, FUZZ_PAGE);
	for (const struct fuzz_mapping *m = mappings; m->start; m++)
		o = put_vma(o, m);
	uint32_t n = (uint32_t)(o - size - 4);
	memcpy(size, &n, 4);
	mm_size = (size_t)(o - mm);
}

static uint8_t *put_run(uint8_t *o, uint64_t vaddr, unsigned nr)
{
	uint8_t *size = o;
	o = put_num(o + 4, 1, vaddr);
	o = put_num(put_num(put_num(o, 2, 0), 4, 4), 5, nr);
	uint32_t n = (uint32_t)(o - size - 4);
	memcpy(size, &n, 4);
	return o;
}

static void make_pagemap(const struct fuzz_mapping *mappings)
{
	uint8_t *o = put_words(pagemap, 0x54564319, 0x56084025), *size = o;
	o = put_num(o + 4, 1, 1);
	uint32_t n = (uint32_t)(o - size - 4);
	memcpy(size, &n, 4);
	for (const struct fuzz_mapping *m = mappings; m->start; m++)
		o = put_run(o, m->start, m->nr_pages);
	pagemap_size = (size_t)(o - pagemap);
}

static struct cr_error *store_each(struct cr_store *store,
				   struct cr_error *(*item)(void *arg,
							    const char *name),
				   void *arg)
{
	return item(arg, "mm-1.img");
}

static struct cr_error *store_open(struct cr_store *store, const char *name,
				   struct cr_file *ret)
{
	ret->ops = &fuzz_file_ops;
	if (!strcmp(name, "mm-1.img")) {
		ret->data = mm;
		ret->size = mm_size;
	} else if (!strcmp(name, "pagemap-1.img")) {
		ret->data = pagemap;
		ret->size = pagemap_size;
	} else if (!strcmp(name, "pages-1.img")) {
		ret->data = fuzz_memory;
		ret->size = sizeof(fuzz_memory);
	} else {
		return cr_error_new(CR_ERR_NOT_FOUND, "no such file");
	}
	return NULL;
}

static const struct cr_store_ops store_ops = {
	.each = store_each,
	.open = store_open,
	.open_top = store_open,
	.link = fuzz_no_link,
	.close = fuzz_store_close,
};

struct fuzz_process {
	struct cr_store store;
	struct cr_set set;
	struct cr_memory memory;
	struct cr_pages pages;
};

/** mappings end with {0}. The process stays where it is until it is closed. */
static inline void fuzz_process_open(struct fuzz_process *p,
				     const struct fuzz_mapping *mappings)
{
	*p = (struct fuzz_process){
		.store = { .ops = &store_ops, .dir_fd = -1, .top_fd = -1 },
	};
	p->set.store = &p->store;
	make_mm(mappings);
	make_pagemap(mappings);
	cr_codec_init(&p->set.codec, (struct cr_style){ 0 });
	struct cr_error *err = cr_memory_init(&p->memory, &p->set, NULL);
	if (!err)
		err = cr_pages_open(&p->pages, &p->memory, 1);
	if (err)
		fuzz_fail("the process cannot be opened", err);
}

static inline void fuzz_process_close(struct fuzz_process *p)
{
	cr_pages_close(&p->pages);
	cr_memory_deinit(&p->memory);
	cr_codec_deinit(&p->set.codec);
}

static inline uint64_t fuzz_word(const uint8_t **data, size_t *size)
{
	uint64_t v = 0;
	size_t n = *size < 8 ? *size : 8;
	memcpy(&v, *data, n);
	*data += n;
	*size -= n;
	return v;
}

#endif
