// SPDX-License-Identifier: MIT
#include "lib/ops/squash.h"

#include "lib/base/cleanup.h"
#include "lib/ops/repage.h"

/* Pages of one run, wherever in the chain they are, become an entry here. */
static struct cr_error *take_run(struct cr_repage *m, struct cr_squash *s,
				 const struct cr_pagemap_entry *entry,
				 const struct cr_run *run, uint64_t end)
{
	const struct cr_pagemap *map = &run->object->layer[run->layer].map;
	uint32_t flags = map->range[run->range].flags &
			 (CR_RANGE_LAZY | CR_RANGE_PRESENT);
	uint64_t size = end - run->start, nr = size / map->page_size;
	struct cr_error *err = cr_pages_writer_entry(&m->w, entry, run->start,
						     nr, flags);
	if (err || run->kind != CR_RUN_DATA)
		return err;
	s->nr_pages += nr;
	s->size += size;
	return cr_pages_writer_run(&m->w, &m->pages, run, run->start, size);
}

static struct cr_error *take_parents(struct cr_repage *m, struct cr_squash *s,
				     const struct cr_pagemap_entry *entry,
				     const struct cr_range *range)
{
	uint64_t end = cr_range_end(&m->map, range);
	struct cr_error *err = NULL;
	for (uint64_t at = range->start; !err && at < end;) {
		struct cr_run run;
		err = cr_pages_run(&m->pages, at, &run);
		if (err)
			break;
		at = run.end < end ? run.end : end;
		err = take_run(m, s, entry, &run, at);
	}
	return err;
}

static struct cr_error *squash_entry(struct cr_repage *m, void *arg,
				     const struct cr_pagemap_entry *entry,
				     const struct cr_range *range)
{
	if (!entry)
		return NULL;
	if (range && range->flags & CR_RANGE_PARENT)
		return take_parents(m, arg, entry, range);
	return cr_repage_store(m, entry, range);
}

static struct cr_error *squash_pagemap(struct cr_repage *m, void *arg)
{
	struct cr_squash *s = arg;
	uint32_t block_size;
	bool has = false;
	for (size_t i = 0; !has && i < m->map.nr; i++)
		has = m->map.range[i].flags & CR_RANGE_PARENT;
	struct cr_error *err = cr_repage_block_size(m, &block_size);
	if (err || !has)
		return err;
	s->nr_pagemaps++;
	return cr_repage_write(m, block_size, 1, true, squash_entry, s);
}

/* How many there are; a chain that is broken is told even if nothing is in it.
 */
static struct cr_error *count_parents(struct cr_repage *m, unsigned *ret)
{
	struct cr_store *store;
	struct cr_error *err = NULL;
	for (unsigned i = 1; !err; i++) {
		err = cr_chain_layer(&m->memory.chain, i, &store);
		*ret = i - 1;
	}
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

struct cr_error *cr_squash(struct cr_change *change, struct cr_squash *ret)
{
	struct cr_repage m;
	struct cr_squash s = { 0 };
	cr_auto_free char *link = NULL;
	struct cr_error *err = cr_store_read_link(
		cr_change_set(change)->store, "parent", &link);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND)) {
		*ret = s;
		return NULL;
	}
	if (err)
		return err;
	err = cr_repage_init(&m, change, NULL);
	if (err)
		return err;
	err = count_parents(&m, &s.nr_parents);
	if (!err)
		err = cr_repage_each(&m, squash_pagemap, &s);
	cr_repage_deinit(&m);
	if (!err)
		err = cr_change_remove(change, "parent");
	if (!err)
		*ret = s;
	return err;
}
