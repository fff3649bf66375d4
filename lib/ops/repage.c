// SPDX-License-Identifier: MIT
#include "lib/ops/repage.h"

#include <stdio.h>
#include <stdlib.h>

typedef unsigned long long ull;

#define MAP_HUGETLB    0x40000
#define VMA_EXT_PLUGIN (1u << 27)
#define DEFAULT_BLOCK  (256 * 1024)

/* Pages that CRIU, v4.3, does not restore from compressed blocks: huge ones, and
 * those that a plugin looks after. */
struct cr_repage_part {
	bool is_shared;
	uint32_t id;
	uint64_t start, end;
};

/* ---- what is special ---- */

static struct cr_error *add_part(struct cr_repage *m,
				 struct cr_repage_part part)
{
	if (m->nr_parts == m->cap_parts) {
		size_t cap = m->cap_parts ? 2 * m->cap_parts : 16;
		void *more = realloc(m->part, cap * sizeof(part));
		if (!more)
			return cr_enomem;
		m->part = more;
		m->cap_parts = cap;
	}
	m->part[m->nr_parts++] = part;
	return NULL;
}

static struct cr_error *look_at_vma(struct cr_repage *m, uint32_t pid,
				    const struct cr_vma *vma)
{
	struct cr_repage_part part = { false, pid, vma->start, vma->end };
	bool is_shared;
	uint32_t id;
	if (!(vma->flags & MAP_HUGETLB) && !(vma->status & VMA_EXT_PLUGIN))
		return NULL;
	struct cr_error *err =
		cr_memory_shmid(&m->memory, vma, &is_shared, &id);
	if (!err && is_shared) {
		part = (struct cr_repage_part){ true, id, vma->pgoff, 0 };
		if (__builtin_add_overflow(vma->pgoff, vma->end - vma->start,
					   &part.end))
			part.end = UINT64_MAX;
	}
	return err ? err : add_part(m, part);
}

static struct cr_error *look_at_process(struct cr_repage *m, uint32_t pid)
{
	struct cr_space space;
	struct cr_error *err = cr_space_init(&space, m->memory.set, pid);
	for (size_t i = 0; !err && i < space.nr; i++)
		err = look_at_vma(m, pid, &space.vma[i]);
	if (!err || space.vma)
		cr_space_deinit(&space);
	return err;
}

static bool keeps_plain(void *arg, uint64_t vaddr, uint64_t size)
{
	const struct cr_repage *m = arg;
	for (size_t i = 0; i < m->nr_parts; i++) {
		const struct cr_repage_part *p = &m->part[i];
		if (p->is_shared == m->is_shared && p->id == m->object->id &&
		    vaddr < p->end && vaddr + size > p->start)
			return true;
	}
	return false;
}

/* ---- all pagemaps ---- */

static struct cr_error *each_id(struct cr_repage *m,
				struct cr_error *(*fn)(struct cr_repage *m,
						       bool is_shared,
						       uint32_t id, void *arg),
				void *arg)
{
	struct cr_memory_ids pids = { 0 }, objects = { 0 };
	struct cr_error *err = cr_memory_pids(&m->memory, &pids);
	if (!err)
		err = cr_memory_objects(&m->memory, &objects);
	for (size_t i = 0; !err && i < pids.nr; i++)
		err = fn(m, false, pids.id[i], arg);
	for (size_t i = 0; !err && i < objects.nr; i++)
		err = fn(m, true, objects.id[i], arg);
	free(pids.id);
	free(objects.id);
	return err;
}

static struct cr_error *note_id(struct cr_repage *m, bool is_shared,
				uint32_t id, void *arg)
{
	struct cr_object name;
	size_t *cap = arg, nr = m->pages_ids.nr;
	struct cr_error *err = NULL;
	if (!is_shared)
		err = look_at_process(m, id);
	if (err)
		return err;
	if (nr == *cap) {
		*cap = *cap ? 2 * *cap : 64;
		void *more = realloc(m->pages_ids.id,
				     *cap * sizeof(m->pages_ids.id[0]));
		if (!more)
			return cr_enomem;
		m->pages_ids.id = more;
	}
	cr_object_init(&name, is_shared ? "pagemap-shmem" : "pagemap", id, 0);
	err = cr_pagemap_read_id(m->memory.set->store, name.name,
				 &m->pages_ids.id[nr]);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return NULL;
	m->pages_ids.nr += !err;
	return err;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static struct cr_error *check_ids(struct cr_repage *m)
{
	size_t cap = 0;
	struct cr_error *err = each_id(m, note_id, &cap);
	struct cr_repage_ids *ids = &m->pages_ids;
	if (!err && ids->nr)
		qsort(ids->id, ids->nr, sizeof(ids->id[0]), compare_ids);
	for (size_t i = 1; !err && i < ids->nr; i++)
		if (ids->id[i - 1] == ids->id[i])
			err = cr_error_new(CR_ERR_FORMAT,
					   "pages-%u.img belongs to two "
					   "pagemaps",
					   (unsigned)ids->id[i]);
	return err;
}

struct cr_error *cr_repage_init(struct cr_repage *m, struct cr_change *change,
				const char *sysroot)
{
	*m = (struct cr_repage){ .change = change };
	struct cr_set *set = cr_change_set(change);
	struct cr_error *err = cr_memory_init(&m->memory, set, sysroot);
	if (!err)
		err = cr_inventory_load(set, &m->inventory);
	if (!err)
		err = check_ids(m);
	if (err)
		cr_repage_deinit(m);
	return err;
}

static void close_pagemap(struct cr_repage *m)
{
	cr_file_close(&m->file);
	m->file = (struct cr_file){ 0 };
	cr_pages_close(&m->pages);
	m->pages = (struct cr_pages){ .file_fd = -1 };
	m->object = NULL;
	m->map = (struct cr_pagemap){ 0 };
}

void cr_repage_deinit(struct cr_repage *m)
{
	close_pagemap(m);
	cr_memory_deinit(&m->memory);
	free(m->pages_ids.id);
	free(m->part);
	*m = (struct cr_repage){ 0 };
}

static struct cr_error *open_file(struct cr_repage *m)
{
	char name[32];
	snprintf(name, sizeof(name), "pages-%u.img", (unsigned)m->map.pages_id);
	struct cr_error *err =
		cr_store_open_file(m->memory.set->store, name, &m->file);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		m->file = (struct cr_file){ 0 };
	return err;
}

struct cr_error *cr_repage_open(struct cr_repage *m, bool is_shared,
				uint32_t id, bool *there_ret)
{
	const struct cr_pagemap *map;
	close_pagemap(m);
	m->is_shared = is_shared;
	*there_ret = false;
	struct cr_error *err =
		is_shared ? cr_pages_open_object(&m->pages, &m->memory, id) :
			    cr_pages_open(&m->pages, &m->memory, id);
	if (is_shared && cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return NULL;
	if (err)
		return err;
	m->object = m->pages.object ?: &m->pages.own;
	err = cr_object_map(m->object, &m->memory, 0, &map);
	if (err || !map)
		return err;
	m->map = *map;
	*there_ret = true;
	return open_file(m);
}

struct each {
	struct cr_error *(*fn)(struct cr_repage *m, void *arg);
	void *arg;
};

static struct cr_error *open_and_call(struct cr_repage *m, bool is_shared,
				      uint32_t id, void *arg)
{
	struct each *e = arg;
	bool there;
	struct cr_error *err = cr_repage_open(m, is_shared, id, &there);
	/* Runs of pagemaps only: mappings may be anything. */
	m->pages.space.nr = 0;
	if (!err && there)
		err = e->fn(m, e->arg);
	return err;
}

struct cr_error *cr_repage_each(struct cr_repage *m,
				struct cr_error *(*fn)(struct cr_repage *m,
						       void *arg),
				void *arg)
{
	struct each e = { fn, arg };
	struct cr_error *err = each_id(m, open_and_call, &e);
	close_pagemap(m);
	return err;
}

/* ---- one of them ---- */

struct cr_error *cr_repage_block_size(struct cr_repage *m, uint32_t *ret)
{
	uint32_t page_size = m->map.page_size;
	uint32_t size = m->inventory.block_size;
	if (!size && m->map.nr_blocks)
		size = m->map.blocks[0].pages_per_block * page_size;
	if (!size && m->inventory.compress)
		size = DEFAULT_BLOCK;
	if (size % page_size || size > CR_BLOCK_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "inventory.img: blocks of %u bytes, with "
				    "pages of %u",
				    (unsigned)size, (unsigned)page_size);
	*ret = size;
	return NULL;
}

/* Bytes that no entry names would be lost. */
static struct cr_error *check_end(const struct cr_repage *m)
{
	uint64_t end = 0;
	for (size_t i = m->map.nr; i-- && !end;)
		if (m->map.range[i].flags & CR_RANGE_PRESENT)
			end = m->map.range[i].off +
			      cr_pagemap_stored(&m->map, i);
	if (!m->file.ops || m->file.size <= end)
		return NULL;
	return cr_error_new(CR_ERR_FORMAT,
			    "pages-%u.img: its last %llu bytes are of no entry "
			    "of %s",
			    (unsigned)m->map.pages_id,
			    (ull)(m->file.size - end), m->object->name);
}

struct writing {
	struct cr_repage *m;
	cr_repage_fn *fn;
	void *arg;
};

static struct cr_error *write_head(void *arg,
				   const struct cr_image_header *header,
				   const void *data, size_t size)
{
	struct writing *wr = arg;
	return cr_pages_writer_begin(&wr->m->w, header, data, size);
}

static struct cr_error *write_entry(void *arg,
				    const struct cr_pagemap_entry *entry,
				    const struct cr_range *range)
{
	struct writing *wr = arg;
	return wr->fn(wr->m, wr->arg, entry, range);
}

static struct cr_error *write_all(struct writing *wr)
{
	struct cr_repage *m = wr->m;
	struct cr_pagemap_walk walk = { write_head, write_entry, wr };
	struct cr_error *err = cr_pagemap_walk(m->memory.set->store,
					       m->object->name, &m->map, &walk);
	if (!err)
		err = wr->fn(m, wr->arg, NULL, NULL);
	return err ? err : cr_pages_writer_end(&m->w);
}

static struct cr_error *finish(struct cr_change *change, struct cr_out **out)
{
	struct cr_out *o = *out;
	*out = NULL;
	return cr_change_finish(change, o);
}

struct cr_error *cr_repage_write(struct cr_repage *m, uint32_t block_size,
				 unsigned acceleration, bool join,
				 cr_repage_fn *fn, void *arg)
{
	struct writing wr = { m, fn, arg };
	struct cr_out *map = NULL, *data = NULL;
	char name[32];
	snprintf(name, sizeof(name), "pages-%u.img", (unsigned)m->map.pages_id);
	struct cr_error *err = check_end(m);
	if (!err)
		err = cr_change_create(m->change, m->object->name, &map);
	if (!err)
		err = cr_change_create(m->change, name, &data);
	if (!err) {
		m->w = (struct cr_pages_writer){
			.map = map,
			.data = data,
			.page_size = m->map.page_size,
			.block_size = block_size,
			.acceleration = acceleration,
			.join = join,
			.keeps_plain = m->nr_parts ? keeps_plain : NULL,
			.keeps_plain_arg = m,
		};
		err = write_all(&wr);
		m->written = cr_out_tell(data);
		cr_pages_writer_deinit(&m->w);
	}
	if (!err)
		err = finish(m->change, &data);
	if (!err)
		err = finish(m->change, &map);
	cr_change_abandon(m->change, map);
	cr_change_abandon(m->change, data);
	return err;
}

static size_t index_of(const struct cr_repage *m, const struct cr_range *range)
{
	return (size_t)(range - m->map.range);
}

struct cr_error *cr_repage_keep(struct cr_repage *m,
				const struct cr_pagemap_entry *entry,
				const struct cr_range *range)
{
	uint64_t size =
		range ? cr_pagemap_stored(&m->map, index_of(m, range)) : 0;
	return cr_pages_writer_keep(&m->w, entry, &m->file,
				    range ? range->off : 0, size);
}

struct cr_error *cr_repage_bytes(struct cr_repage *m,
				 const struct cr_range *range, uint64_t start,
				 uint64_t end)
{
	struct cr_run run = {
		.start = start,
		.end = end,
		.kind = CR_RUN_DATA,
		.object = m->object,
		.vaddr = start,
		.pages_id = m->map.pages_id,
		.range = index_of(m, range),
		.off = range->off + (start - range->start),
	};
	if (start == end)
		return NULL;
	return cr_pages_writer_run(&m->w, &m->pages, &run, start, end - start);
}

struct cr_error *cr_repage_store(struct cr_repage *m,
				 const struct cr_pagemap_entry *entry,
				 const struct cr_range *range)
{
	if (!range || !(range->flags & CR_RANGE_PRESENT))
		return cr_repage_keep(m, entry, range);
	struct cr_error *err = cr_pages_writer_entry(
		&m->w, entry, range->start, range->nr_pages,
		range->flags & ~(unsigned)(CR_RANGE_ALIGNED | CR_RANGE_BLOCKS));
	return err ? err
		   : cr_repage_bytes(m, range, range->start,
				     cr_range_end(&m->map, range));
}
