// SPDX-License-Identifier: MIT
#include "lib/ops/compress.h"

#include "lib/ops/repage.h"

enum { IMG_VERSION = 1, COMPRESS = 15, BLOCK_SIZE = 16 }; /* inventory_entry */

struct packing {
	uint32_t block_size; /* 0: expanding */
	unsigned acceleration;
	struct cr_compress *sum;
};

static struct cr_error *pack_entry(struct cr_repage *m, void *arg,
				   const struct cr_pagemap_entry *entry,
				   const struct cr_range *range)
{
	struct packing *p = arg;
	if (!entry)
		return NULL;
	if (range && range->flags & CR_RANGE_PRESENT)
		p->sum->nr_pages += range->nr_pages;
	return cr_repage_store(m, entry, range);
}

/* Whether the pagemap's form is another one than it shall be. */
static bool is_due(const struct cr_repage *m, const struct packing *p)
{
	const uint8_t which = p->block_size ? CR_RANGE_PRESENT :
					      CR_RANGE_ALIGNED | CR_RANGE_BLOCKS;
	for (size_t i = 0; i < m->map.nr; i++)
		if (m->map.range[i].flags & which)
			return true;
	return false;
}

static struct cr_error *pack_pagemap(struct cr_repage *m, void *arg)
{
	struct packing *p = arg;
	if (p->block_size % m->map.page_size)
		return cr_error_new(CR_ERR_USAGE,
				    "blocks of %u bytes, with pages of %u",
				    (unsigned)p->block_size,
				    (unsigned)m->map.page_size);
	if (!is_due(m, p))
		return NULL;
	p->sum->nr_pagemaps++;
	p->sum->old_size += m->file.size;
	struct cr_error *err = cr_repage_write(
		m, p->block_size, p->acceleration, false, pack_entry, p);
	p->sum->size += m->written;
	return err;
}

static struct cr_error *set_form(struct cr_change *change, uint32_t version,
				 uint32_t block_size)
{
	bool packed = block_size;
	const struct cr_inventory_field fields[] = {
		{ IMG_VERSION, "img_version", true, version },
		{ COMPRESS, "compress", packed, 1 },
		{ BLOCK_SIZE, "compress_block_size", packed, block_size },
	};
	return cr_inventory_set(change, fields, 3);
}

static struct cr_error *check_form(const struct cr_repage *m)
{
	if (!m->inventory.exists)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "inventory.img: no such file");
	if (m->inventory.img_version == CR_IMG_V1_1 ||
	    m->inventory.img_version == CR_IMG_V1_2)
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "inventory.img: image version %u cannot have "
			    "compressed pages",
			    (unsigned)m->inventory.img_version);
}

struct cr_error *cr_compress(struct cr_change *change, uint32_t block_size,
			     unsigned acceleration, struct cr_compress *ret)
{
	struct cr_compress sum = { 0 };
	struct packing p = {
		.block_size = block_size ?: CR_COMPRESS_BLOCK_SIZE,
		.acceleration = acceleration,
		.sum = &sum,
	};
	struct cr_repage m;
	if (p.block_size > CR_BLOCK_MAX)
		return cr_error_new(CR_ERR_USAGE,
				    "blocks of %u bytes: at most %u",
				    (unsigned)block_size, CR_BLOCK_MAX);
	struct cr_error *err = cr_repage_init(&m, change, NULL);
	if (err)
		return err;
	err = check_form(&m);
	sum.already = m.inventory.compress;
	if (!err && !sum.already)
		err = cr_repage_each(&m, pack_pagemap, &p);
	if (!err && !sum.already)
		err = set_form(change, CR_IMG_V1_2, p.block_size);
	cr_repage_deinit(&m);
	if (!err)
		*ret = sum;
	return err;
}

/* CRIU reads a v1.1 checkpoint on the premise that its parents are such. */
static struct cr_error *version_without(struct cr_repage *m, uint32_t *ret)
{
	*ret = CR_IMG_V1_1;
	for (unsigned i = 1;; i++) {
		struct cr_inventory inventory;
		struct cr_set parent = *m->memory.set;
		struct cr_error *err =
			cr_chain_layer(&m->memory.chain, i, &parent.store);
		if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
			return NULL;
		if (!err)
			err = cr_inventory_load(&parent, &inventory);
		if (!err && inventory.img_version != CR_IMG_V1_2)
			continue;
		/* One that is not here may be compressed as well. */
		*ret = CR_IMG_V1_2;
		cr_error_free(err);
		return NULL;
	}
}

struct cr_error *cr_decompress(struct cr_change *change,
			       struct cr_compress *ret)
{
	struct cr_compress sum = { 0 };
	struct packing p = { .sum = &sum };
	struct cr_repage m;
	uint32_t version = 0;
	struct cr_error *err = cr_repage_init(&m, change, NULL);
	if (err)
		return err;
	err = check_form(&m);
	if (!err)
		err = cr_repage_each(&m, pack_pagemap, &p);
	sum.already = !m.inventory.compress && !sum.nr_pagemaps;
	if (!err && !sum.already)
		err = version_without(&m, &version);
	if (!err && !sum.already)
		err = set_form(change, version, 0);
	cr_repage_deinit(&m);
	if (!err)
		*ret = sum;
	return err;
}
