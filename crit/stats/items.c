// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crit/stats/stats.h"

// clang-format off
static const struct cr_column file_columns[] = {
	{ "mappings", true }, CR_STATS_USAGE_COLUMNS, { "path" }, { 0 },
};
static const struct cr_column shared_columns[] = {
	{ "shmid", true }, { "mappings", true }, CR_STATS_USAGE_COLUMNS, { "name" }, { 0 },
};
// clang-format on

static struct cr_error *append(struct cr_stats_items *items,
			       const struct cr_stats_item *item)
{
	void *more = cr_stats_reserve(items->item, items->nr, &items->cap,
				      sizeof(*item));
	if (!more)
		return cr_enomem;
	items->item = more;
	items->item[items->nr++] = *item;
	return NULL;
}

// Mappings of a file follow each other, mostly.
struct cr_error *cr_stats_add_item(struct cr_stats *s,
				   struct cr_stats_items *items, uint64_t id,
				   const struct cr_vma *vma,
				   const struct cr_usage *usage)
{
	struct cr_stats_item *last =
		items->nr ? &items->item[items->nr - 1] : NULL;
	if (last && last->id == id) {
		last->nr++;
		cr_usage_add(&last->usage, usage);
		return NULL;
	}
	struct cr_stats_item item = { id, 1, *usage, cr_usage_kind(vma), NULL };
	struct cr_error *err = cr_memory_name(&s->memory, vma, &item.name);
	if (err)
		return err;
	err = append(items, &item);
	if (err)
		free(item.name);
	return err;
}

void cr_stats_free_items(struct cr_stats_items *items)
{
	for (size_t i = 0; i < items->nr; i++)
		free(items->item[i].name);
	free(items->item);
}

static int by_id(const void *a, const void *b)
{
	const struct cr_stats_item *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

// One file may have several ids: it was opened more than once.
static int by_name(const void *a, const void *b)
{
	const struct cr_stats_item *x = a, *y = b;
	return strcmp(x->name, y->name);
}

// Sorts items and joins those that are the same.
static void join(struct cr_stats_items *items,
		 int (*order)(const void *, const void *))
{
	size_t nr = 0;
	if (items->nr)
		qsort(items->item, items->nr, sizeof(items->item[0]), order);
	for (size_t i = 0; i < items->nr; i++) {
		struct cr_stats_item *last = nr ? &items->item[nr - 1] : NULL;
		struct cr_stats_item *item = &items->item[i];
		if (!last || order(last, item)) {
			items->item[nr++] = *item;
			continue;
		}
		last->nr += item->nr;
		cr_usage_add(&last->usage, &item->usage);
		free(item->name);
	}
	items->nr = nr;
}

void cr_stats_files(struct cr_stats *s)
{
	struct cr_x *x = &s->x;
	join(&s->files, by_name);
	cr_stats_begin(x, "memory by mapped file", "files", file_columns);
	for (size_t i = 0; i < s->files.nr && !x->err; i++) {
		const struct cr_stats_item *item = &s->files.item[i];
		cr_cell_u64(x, item->nr);
		cr_stats_put_usage(x, &item->usage);
		cr_cell_string(x, item->name);
	}
	cr_table_end(x);
}

/* ---- shared objects ---- */

static struct cr_error *add_usage(void *arg, const struct cr_vma *vma,
				  const struct cr_usage *usage)
{
	cr_usage_add(arg, usage);
	return NULL;
}

static struct cr_error *count_object(struct cr_stats *s, uint32_t id,
				     struct cr_usage *sum)
{
	struct cr_pages pages = { 0 };
	struct cr_error *err = cr_pages_open_object(&pages, &s->memory, id);
	if (!err)
		err = cr_usage_each(&pages, add_usage, sum);
	if (!err)
		err = cr_stats_add_owner(s, &pages, sum->stored, id);
	cr_pages_close(&pages);
	// It is pages, no mapping.
	sum->mapped = 0;
	return err;
}

// Adds the pages of an object to its item: one of the first nr_mapped, or its
// own if nothing maps it.
static struct cr_error *add_object(struct cr_stats *s, uint32_t id,
				   size_t nr_mapped)
{
	struct cr_stats_item sum = { .id = id, .kind = CR_USAGE_SHARED };
	struct cr_stats_item *item = NULL;
	struct cr_error *err = count_object(s, id, &sum.usage);
	cr_usage_add(&s->total, &sum.usage);
	if (nr_mapped)
		item = bsearch(&sum, s->shared.item, nr_mapped, sizeof(sum),
			       by_id);
	if (!item) {
		cr_x_fail(&s->x, append(&s->shared, &sum));
		return err;
	}
	cr_usage_add(&item->usage, &sum.usage);
	cr_usage_add(&s->kinds[item->kind].usage, &sum.usage);
	return err;
}

// Memfds that nothing maps have their names all the same.
static struct cr_error *name_unmapped(struct cr_stats *s)
{
	struct cr_memory *memory = &s->memory;
	struct cr_error *err = cr_memory_load_memfds(memory);
	for (size_t i = 0; !err && s->shared.nr && i < memory->nr_memfds; i++) {
		const struct cr_memfd *memfd = &memory->memfd[i];
		struct cr_stats_item key = { .id = memfd->shmid };
		struct cr_stats_item *item =
			bsearch(&key, s->shared.item, s->shared.nr, sizeof(key),
				by_id);
		if (!item || item->name)
			continue;
		item->kind = CR_USAGE_MEMFD;
		if (asprintf(&item->name, "[memfd %s]", memfd->name) < 0) {
			item->name = NULL;
			err = cr_enomem;
		}
	}
	return err;
}

void cr_stats_count_objects(struct cr_stats *s)
{
	struct cr_memory_ids ids = { 0 };
	join(&s->shared, by_id);
	size_t nr_mapped = s->shared.nr;
	cr_x_fail(&s->x, cr_memory_objects(&s->memory, &ids));
	for (size_t i = 0; i < ids.nr && !s->x.err; i++)
		cr_x_find(&s->x, add_object(s, ids.id[i], nr_mapped));
	join(&s->shared, by_id);
	cr_x_find(&s->x, name_unmapped(s));
	for (size_t i = 0; i < s->shared.nr; i++) {
		const struct cr_stats_item *item = &s->shared.item[i];
		if (!item->nr)
			cr_usage_add(&s->kinds[item->kind].usage, &item->usage);
	}
	free(ids.id);
}

void cr_stats_shared(struct cr_stats *s)
{
	struct cr_x *x = &s->x;
	cr_stats_begin(x, "shared memory", "shared", shared_columns);
	for (size_t i = 0; i < s->shared.nr && !x->err; i++) {
		const struct cr_stats_item *item = &s->shared.item[i];
		cr_cell_u64(x, item->id);
		cr_cell_u64(x, item->nr);
		cr_stats_put_usage(x, &item->usage);
		cr_cell_string(x, item->name);
	}
	cr_table_end(x);
}
