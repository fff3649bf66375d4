// SPDX-License-Identifier: MIT
/* Pagemaps: against pages images, mappings, shared objects and parents. CRIU
 * criu/pagemap.c, criu/mem.c, v4.2. */
#include <stdlib.h>
#include <string.h>

#include "images/ipc-shm.pb-c.h"
#include "images/memfd.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "lib/codec/decode.h"
#include "lib/image/walk.h"
#include "lib/ops/check/inside.h"
#include "lib/pages/reader.h"

struct object {
	uint64_t shmid, size;
};

struct pages {
	struct cr_check *c;
	struct cr_memory memory;
	bool chained;	       /* the parents can be followed */
	struct cr_keys ids;    /* pages_id, place of the pagemap's name */
	struct object *object; /* by shmid */
	size_t nr_objects, cap;
};

/* ---- entries as they stand ---- */

struct counting {
	struct pages *p;
	const char *image;
	bool old_count, old_parent; /* there was one */
};

static struct cr_error *look_at_entry(void *arg, uint64_t i, const void *data,
				      size_t size)
{
	static const uint32_t numbers[4] = { 2, 3, 4, 5 };
	struct counting *k = arg;
	uint64_t v[4] = { 0, UINT64_MAX, UINT64_MAX, 0 };
	struct cr_source src;
	if (!i)
		return NULL;
	cr_source_init_mem(&src, data, size);
	struct cr_error *err = cr_decode_peek(&src, size, numbers, v, 4);
	if (err)
		return cr_error_at(err, "entry %llu", (ull)i);
	uint32_t compat = (uint32_t)v[0];
	k->old_count |= compat && !v[3];
	k->old_parent |= v[1] != UINT64_MAX && v[2] == UINT64_MAX;
	if (compat && v[3] && compat != v[3])
		cr_check_found(k->p->c, CR_RULE_PAGE_COUNT, k->image,
			       (int64_t)i,
			       "compat_nr_pages is %u and nr_pages %llu", compat,
			       (ull)v[3]);
	else if (!compat && !v[3])
		cr_check_found(k->p->c, CR_RULE_PAGE_COUNT, k->image,
			       (int64_t)i, "has no pages");
	return cr_check_stop(k->p->c);
}

static void check_entries(struct pages *p, const char *image)
{
	struct cr_check *c = p->c;
	struct counting k = { .p = p, .image = image };
	struct cr_error *err = cr_walk_bytes(
		c->set, image, &pagemap_entry__descriptor, look_at_entry, &k);
	cr_check_walked(c, err);
	if (k.old_count)
		cr_check_found(c, CR_RULE_OLD_PAGE_COUNT, image, CR_NO_ENTRY,
			       "counts pages in compat_nr_pages");
	if (k.old_parent)
		cr_check_found(c, CR_RULE_OLD_IN_PARENT, image, CR_NO_ENTRY,
			       "marks pages of the parent by in_parent");
}

/* ---- against the pages image ---- */

/* Where the pages that the pagemap knows of end. */
static uint64_t end_of_data(const struct cr_pagemap *map)
{
	for (size_t i = map->nr; i-- > 0;) {
		const struct cr_range *r = &map->range[i];
		struct cr_block block;
		if (!(r->flags & CR_RANGE_PRESENT))
			continue;
		if (!(r->flags & CR_RANGE_BLOCKS))
			return r->off + r->nr_pages * map->page_size;
		cr_pagemap_block(map, i,
				 cr_range_end(map, r) - map->page_size, &block);
		return block.off + block.size;
	}
	return 0;
}

static void check_size(struct pages *p, const char *image,
		       const struct cr_pagemap *map)
{
	struct cr_check *c = p->c;
	struct cr_file file;
	uint64_t end = end_of_data(map);
	struct cr_check_name *name =
		cr_check_name(c, "pages-%u.img", map->pages_id);
	if (!name)
		return;
	struct cr_error *err =
		cr_store_open_file(c->set->store, name->name, &file);
	if (err) {
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
		return;
	}
	if (file.size > end)
		cr_check_found(c, CR_RULE_PAGES_EXCESS, name->name, CR_NO_ENTRY,
			       "has %llu bytes, and %s knows of %llu",
			       (ull)file.size, image, (ull)end);
	cr_file_close(&file);
}

static void note_lazy(struct pages *p, const char *image,
		      const struct cr_pagemap *map)
{
	uint64_t nr = 0;
	for (size_t i = 0; i < map->nr; i++) {
		if ((map->range[i].flags &
		     (CR_RANGE_LAZY | CR_RANGE_PRESENT | CR_RANGE_PARENT)) ==
		    CR_RANGE_LAZY)
			nr += map->range[i].nr_pages;
	}
	p->c->lazy |= nr;
	if (nr)
		cr_check_found(p->c, CR_RULE_PAGES_LAZY, image, CR_NO_ENTRY,
			       "%llu pages were left to be sent later", (ull)nr);
}

static struct cr_error *take_id(void *arg, uint64_t i, const void *data,
				size_t size)
{
	static const uint32_t number = 1;
	struct cr_source src;
	cr_source_init_mem(&src, data, size);
	struct cr_error *err = cr_decode_peek(&src, size, &number, arg, 1);
	/* Ends the walk: this is no error, and never seen. */
	return err ?: cr_enomem;
}

/* Is the pages image that the head names not there? */
static bool lacks_pages(struct pages *p, const char *image, uint32_t *id_ret)
{
	uint64_t id = 0;
	struct cr_error *err = cr_walk_bytes(
		p->c->set, image, &pagemap_entry__descriptor, take_id, &id);
	cr_error_free(err);
	*id_ret = (uint32_t)id;
	return *id_ret && !cr_check_name(p->c, "pages-%u.img", *id_ret);
}

/* True if the pagemap could be read; free it then. */
static bool load_map(struct pages *p, struct cr_check_name *name,
		     uint32_t page_size, struct cr_pagemap *ret)
{
	struct cr_check *c = p->c;
	uint32_t id = 0;
	struct cr_error *err = cr_pagemap_init(ret, c->set->store, name->name,
					       page_size);
	if (!err) {
		size_t i = (size_t)(name - c->name);
		if (!cr_keys_add(&p->ids, cr_key(ret->pages_id, (uint32_t)i)))
			cr_check_fail(c, cr_enomem);
		check_size(p, name->name, ret);
		note_lazy(p, name->name, ret);
		return true;
	}
	if (!name->broken && lacks_pages(p, name->name, &id)) {
		cr_error_free(err);
		cr_check_found(c, CR_RULE_PAGES_MISSING, name->name, 0,
			       "its pages are in pages-%u.img, which is not "
			       "there",
			       id);
	} else if (name->broken) {
		cr_error_free(err);
	} else {
		cr_check_took(c, CR_RULE_PAGEMAP_BROKEN, err);
	}
	return false;
}

static void check_twice(struct pages *p)
{
	const struct cr_keys *k = &p->ids;
	cr_keys_sort(&p->ids);
	for (size_t i = 1; i < k->nr; i++) {
		if (k->key[i] >> 32 == k->key[i - 1] >> 32)
			cr_check_found(
				p->c, CR_RULE_PAGES_TWICE,
				p->c->name[(uint32_t)k->key[i]].name, 0,
				"pages-%llu.img is that of %s as well",
				(ull)(k->key[i] >> 32),
				p->c->name[(uint32_t)k->key[i - 1]].name);
	}
}

/* ---- against mappings ---- */

/* As restore has it: private, or the ring of asynchronous input and output. */
static bool takes_pages(const struct cr_vma *vma)
{
	return vma->status & (CR_VMA_ANON_PRIVATE | CR_VMA_FILE_PRIVATE |
			      CR_VMA_AIORING);
}

static void check_mapped(struct pages *p, const char *image,
			 const struct cr_pagemap *map,
			 const struct cr_space *space)
{
	size_t v = 0;
	for (size_t i = 0; i < map->nr && !p->c->err; i++) {
		uint64_t at = map->range[i].start;
		uint64_t end = cr_range_end(map, &map->range[i]);
		while (v < space->nr && space->vma[v].end <= at)
			v++;
		while (v < space->nr && at < end && space->vma[v].start <= at &&
		       takes_pages(&space->vma[v])) {
			at = space->vma[v].end;
			v += at < end;
		}
		if (at < end)
			cr_check_found(p->c, CR_RULE_PAGE_NO_VMA, image,
				       CR_NO_ENTRY,
				       "pages 0x%llx-0x%llx: 0x%llx is in no "
				       "private mapping",
				       (ull)map->range[i].start, (ull)end,
				       (ull)at);
	}
}

/* ---- against parents ---- */

static bool has_parents(const struct cr_pagemap *map)
{
	for (size_t i = 0; i < map->nr; i++) {
		if (map->range[i].flags & CR_RANGE_PARENT &&
		    !(map->range[i].flags & CR_RANGE_PRESENT))
			return true;
	}
	return false;
}

static void check_chain(struct pages *p)
{
	struct cr_store *store;
	struct cr_error *err = NULL;
	for (unsigned i = 1; !err; i++)
		err = cr_chain_layer(&p->memory.chain, i, &store);
	p->chained = cr_error_code(err) == CR_ERR_NOT_FOUND;
	if (p->chained)
		cr_error_free(err);
	else
		cr_check_took(p->c, CR_RULE_PARENT_BROKEN, err);
}

static void check_runs(struct pages *p, struct cr_pages *pages)
{
	struct cr_run run;
	for (uint64_t at = 0; at < UINT64_MAX && !p->c->err; at = run.end) {
		struct cr_error *err = cr_pages_run(pages, at, &run);
		if (err)
			cr_check_took(p->c, CR_RULE_PARENT_NO_PAGE, err);
		if (run.end <= at)
			return;
	}
}

static void check_parents(struct pages *p, uint32_t id, bool shared)
{
	struct cr_pages pages = { 0 };
	struct cr_error *err =
		shared ? cr_pages_open_object(&pages, &p->memory, id) :
			 cr_pages_open(&pages, &p->memory, id);
	if (err)
		cr_check_took(p->c, CR_RULE_PARENT_NO_PAGE, err);
	else
		check_runs(p, &pages);
	cr_pages_close(&pages);
}

/* ---- processes and objects ---- */

static void check_process(struct pages *p, uint32_t pid)
{
	struct cr_check *c = p->c;
	struct cr_space space;
	struct cr_pagemap map;
	struct cr_check_name *name = cr_check_name(c, "pagemap-%u.img", pid);
	if (!name)
		return;
	/* What is wrong with its mappings has been said. */
	struct cr_error *err = cr_space_init(&space, c->set, pid);
	bool known = !err;
	uint32_t page_size = known ? space.page_size : CR_SPACE_PAGE_SIZE;
	if (err && cr_error_code(err) == CR_ERR_NOMEM) {
		cr_check_fail(c, err);
		return;
	}
	cr_error_free(err);
	check_entries(p, name->name);
	if (load_map(p, name, page_size, &map)) {
		if (known && !space.no_vmas)
			check_mapped(p, name->name, &map, &space);
		if (known && p->chained && has_parents(&map))
			check_parents(p, pid, false);
		cr_pagemap_deinit(&map);
	}
	if (known)
		cr_space_deinit(&space);
}

static int by_shmid(const void *a, const void *b)
{
	const struct object *x = a, *y = b;
	return (x->shmid > y->shmid) - (x->shmid < y->shmid);
}

static void add_object(struct pages *p, uint64_t shmid, uint64_t size)
{
	if (p->nr_objects == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct object *more =
			reallocarray(p->object, cap, sizeof(more[0]));
		if (!more) {
			cr_check_fail(p->c, cr_enomem);
			return;
		}
		p->object = more;
		p->cap = cap;
	}
	p->object[p->nr_objects++] = (struct object){ shmid, size };
}

static void load_objects(struct pages *p)
{
	struct cr_check *c = p->c;
	struct cr_messages m;
	cr_check_messages(c, &memfd_inode_entry__descriptor, &m, "memfd.img");
	for (size_t i = 0; i < m.nr; i++) {
		const MemfdInodeEntry *e = (const void *)m.msg[i];
		add_object(p, e->shmid, e->size);
	}
	cr_messages_free(&m);
	for (size_t n = 0; n < c->nr_names && !c->err; n++) {
		if (strncmp(c->name[n].name, "ipcns-shm-", 10) ||
		    !c->name[n].used)
			continue;
		cr_check_messages(c, &ipc_shm_entry__descriptor, &m, "%s",
				  c->name[n].name);
		for (size_t i = 0; i < m.nr; i++) {
			const IpcShmEntry *e = (const void *)m.msg[i];
			if (e->in_pagemaps)
				add_object(p, e->desc->id, e->size);
		}
		cr_messages_free(&m);
	}
	if (p->nr_objects)
		qsort(p->object, p->nr_objects, sizeof(p->object[0]), by_shmid);
}

static void check_object(struct pages *p, struct cr_check_name *name,
			 uint32_t shmid)
{
	struct cr_check *c = p->c;
	struct cr_pagemap map;
	struct object key = { shmid, 0 };
	uint32_t page_size = c->page_size ?: CR_SPACE_PAGE_SIZE;
	check_entries(p, name->name);
	if (c->err || !load_map(p, name, page_size, &map))
		return;
	const struct object *object =
		p->nr_objects ? bsearch(&key, p->object, p->nr_objects,
					sizeof(key), by_shmid) :
				NULL;
	uint64_t end = map.nr ? cr_range_end(&map, &map.range[map.nr - 1]) : 0;
	if (object && end && end - page_size >= object->size)
		cr_check_found(c, CR_RULE_SHM_RANGE, name->name, CR_NO_ENTRY,
			       "has pages up to 0x%llx, and the object has "
			       "%llu bytes",
			       (ull)end, (ull)object->size);
	if (p->chained && has_parents(&map))
		check_parents(p, shmid, true);
	cr_pagemap_deinit(&map);
}

static void check_objects(struct pages *p)
{
	struct cr_check *c = p->c;
	load_objects(p);
	for (size_t i = 0; i < c->nr_names && !c->err; i++) {
		struct cr_check_name *name = &c->name[i];
		uint32_t shmid;
		if (name->used &&
		    sscanf(name->name, "pagemap-shmem-%u.img", &shmid) == 1)
			check_object(p, name, shmid);
	}
}

/* A pre-dump has no tree that would say which processes there are. */
static void check_processes(struct pages *p)
{
	struct cr_check *c = p->c;
	for (size_t i = 0; i < c->tree.nr && !c->err; i++) {
		if (c->task[i].has_core && !c->task[i].zombie)
			check_process(p, c->task[i].pid);
	}
	for (size_t i = 0; !c->tree.nr && i < c->nr_names && !c->err; i++) {
		uint32_t pid;
		if (sscanf(c->name[i].name, "pagemap-%u.img", &pid) == 1)
			check_process(p, pid);
	}
}

void cr_check_pages(struct cr_check *c)
{
	struct pages p = { .c = c };
	if (c->opts->quick)
		return;
	struct cr_error *err = cr_memory_init(&p.memory, c->set, NULL);
	if (err) {
		cr_check_fail(c, err);
		return;
	}
	check_chain(&p);
	check_processes(&p);
	check_objects(&p);
	check_twice(&p);
	cr_memory_deinit(&p.memory);
	cr_keys_free(&p.ids);
	free(p.object);
}
