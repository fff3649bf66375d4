// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/image/process.h"
#include "lib/ops/poke.h"
#include "lib/ops/redact/impl.h"
#include "lib/ops/repage.h"
#include "lib/pages/reader.h"

typedef unsigned long long ull;

/* One address space at a time; its own pages image is changed in a copy. */
struct space {
	struct cr_redact *r;
	struct cr_memory memory;
	struct cr_pages pages;
	uint32_t id;
	bool is_object;
	int fd; /* of the new pages image; -1: nothing has changed so far */
	/* Bytes of matches that are not here to be changed. */
	uint64_t in_parent, packed, in_content;
};

static struct cr_error *space_init(struct space *s, struct cr_redact *r)
{
	*s = (struct space){ .r = r, .fd = -1 };
	return cr_memory_init(&s->memory, cr_change_set(r->change), NULL);
}

static void space_close(struct space *s)
{
	cr_pages_close(&s->pages);
	s->pages = (struct cr_pages){ 0 };
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void space_deinit(struct space *s)
{
	space_close(s);
	cr_memory_deinit(&s->memory);
}

static struct cr_error *space_open(struct space *s, bool is_object, uint32_t id)
{
	space_close(s);
	s->id = id;
	s->is_object = is_object;
	return is_object ? cr_pages_open_object(&s->pages, &s->memory, id) :
			   cr_pages_open(&s->pages, &s->memory, id);
}

static bool is_own(const struct space *s, const struct cr_run *run)
{
	return run->object == (s->is_object ? s->pages.object : &s->pages.own);
}

/* Whether the run is bytes of this address space's own pages image. */
static struct cr_error *is_here(struct space *s, const struct cr_run *run,
				bool *ret)
{
	const struct cr_pagemap *map;
	*ret = false;
	if (run->kind != CR_RUN_DATA || run->layer || !is_own(s, run))
		return NULL;
	struct cr_error *err = cr_object_map(run->object, &s->memory, 0, &map);
	if (!err && map)
		*ret = !(map->range[run->range].flags & CR_RANGE_BLOCKS);
	return err;
}

static struct cr_error *open_image(struct space *s, uint32_t pages_id)
{
	char name[32];
	snprintf(name, sizeof(name), "pages-%u.img", (unsigned)pages_id);
	return s->fd >= 0 ? NULL :
			    cr_change_clone(s->r->change, name, name, &s->fd);
}

/* Every process, then every shared object. */
static struct cr_error *each_space(struct space *s, bool objects,
				   struct cr_error *(*fn)(struct space *s))
{
	struct cr_memory_ids pids = { 0 }, ids = { 0 };
	struct cr_error *err = cr_memory_pids(&s->memory, &pids);
	if (!err && objects)
		err = cr_memory_objects(&s->memory, &ids);
	for (size_t i = 0; i < pids.nr + ids.nr && !err; i++) {
		bool object = i >= pids.nr;
		uint32_t id = object ? ids.id[i - pids.nr] : pids.id[i];
		err = space_open(s, object, id);
		if (!err)
			err = fn(s);
		if (err)
			err = cr_error_at(err, object ? "shared memory %u" :
							"process %u",
					  (unsigned)id);
	}
	free(pids.id);
	free(ids.id);
	return err;
}

/* ---- command lines and environments ---- */

/* What the kernel lets a program have is less: man 2 execve. */
#define STRINGS_MAX (16 * 1024 * 1024)

/* x for every byte of each string, or behind its "NAME=". Counts those that
 * were anything else. */
static void fill_strings(struct cr_redact *r, uint8_t *data, size_t size,
			 bool is_env)
{
	bool hide = !is_env, differs = false;
	for (size_t i = 0; i < size; i++) {
		if (!data[i]) {
			r->row->nr += differs;
			hide = !is_env;
			differs = false;
		} else if (hide) {
			differs |= data[i] != 'x';
			r->row->size += data[i] != 'x';
			data[i] = 'x';
		} else {
			hide = data[i] == '=';
		}
	}
	r->row->nr += differs;
}

/* True if all of it can be changed where it is. */
static struct cr_error *all_here(struct space *s, uint64_t start, uint64_t end,
				 bool *ret)
{
	struct cr_error *err = NULL;
	*ret = true;
	while (start < end && !err && *ret) {
		struct cr_run run;
		err = cr_pages_run(&s->pages, start, &run);
		if (!err)
			err = is_here(s, &run, ret);
		if (!err)
			start = run.end;
	}
	return err;
}

static struct cr_error *write_here(struct space *s, uint64_t vaddr,
				   const uint8_t *data, size_t size)
{
	struct cr_error *err = NULL;
	while (size && !err) {
		struct cr_run run;
		err = cr_pages_run(&s->pages, vaddr, &run);
		if (!err)
			err = open_image(s, run.pages_id);
		if (err)
			break;
		size_t n = run.end - vaddr < size ? (size_t)(run.end - vaddr) :
						    size;
		err = cr_io_pwrite(s->fd, data, n, run.off);
		vaddr += n;
		data += n;
		size -= n;
	}
	return err;
}

/* Pages that are in a parent, or packed, are written anew. */
static struct cr_error *write_memory(struct space *s, uint64_t start,
				     const uint8_t *data, size_t size)
{
	bool here;
	struct cr_error *err = all_here(s, start, start + size, &here);
	if (err || here)
		return err ? err : write_here(s, start, data, size);
	space_close(s);
	return cr_poke(s->r->change, s->id, start, data, size, NULL);
}

static struct cr_error *hide_strings(struct space *s, bool is_env,
				     uint64_t start, uint64_t end)
{
	const char *what = is_env ? "environment" : "command line";
	struct cr_error *err = NULL;
	if (start >= end)
		return NULL;
	if (end - start > STRINGS_MAX)
		return cr_redact_gap(s->r, "%s of process %u: 0x%llx-0x%llx is "
					   "no place for one",
				     what, (unsigned)s->id, (ull)start,
				     (ull)end);
	size_t size = (size_t)(end - start);
	cr_auto_free uint8_t *data = malloc(size);
	uint64_t before = s->r->row->size;
	if (!data)
		return cr_enomem;
	err = cr_pages_read(&s->pages, start, data, size);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return cr_redact_gap(s->r, "%s of process %u: its memory is "
					   "not in the checkpoint",
				     what, (unsigned)s->id);
	if (err)
		return err;
	fill_strings(s->r, data, size, is_env);
	return s->r->row->size == before ? NULL :
					   write_memory(s, start, data, size);
}

static struct cr_error *hide_env(struct space *s)
{
	struct cr_mm mm = { 0 };
	struct cr_error *err = cr_mm_load(cr_change_set(s->r->change), s->id,
					  &mm);
	if (!err && mm.entry)
		err = hide_strings(s, true, mm.entry->mm_env_start,
				   mm.entry->mm_env_end);
	cr_mm_free(&mm);
	return err;
}

static struct cr_error *hide_cmd(struct space *s)
{
	struct cr_mm mm = { 0 };
	struct cr_error *err = cr_mm_load(cr_change_set(s->r->change), s->id,
					  &mm);
	if (!err && mm.entry)
		err = hide_strings(s, false, mm.entry->mm_arg_start,
				   mm.entry->mm_arg_end);
	cr_mm_free(&mm);
	return err;
}

static struct cr_error *run_spaces(struct cr_redact *r, bool objects,
				   struct cr_error *(*fn)(struct space *s),
				   struct space *s)
{
	struct cr_error *err = space_init(s, r);
	if (!err)
		err = each_space(s, objects, fn);
	space_deinit(s);
	return err;
}

struct cr_error *cr_redact_env(struct cr_redact *r)
{
	struct space s;
	return run_spaces(r, false, hide_env, &s);
}

struct cr_error *cr_redact_cmd(struct cr_redact *r)
{
	struct space s;
	return run_spaces(r, false, hide_cmd, &s);
}

/* ---- a pattern ---- */

static struct cr_error *hide_match(void *arg, uint64_t vaddr, const void *data,
				   size_t size)
{
	struct space *s = arg;
	struct cr_error *err = NULL;
	uint64_t before = s->r->row->size;
	while (size && !err) {
		struct cr_run run;
		bool here;
		err = cr_pages_run(&s->pages, vaddr, &run);
		if (!err)
			err = is_here(s, &run, &here);
		if (err)
			break;
		size_t n = run.end - vaddr < size ? (size_t)(run.end - vaddr) :
						    size;
		if (here) {
			err = open_image(s, run.pages_id);
			if (!err)
				err = cr_redact_zero(s->fd, run.off, n);
			s->r->row->size += n;
		} else if (run.kind == CR_RUN_DATA && run.layer) {
			s->in_parent += n;
		} else if (run.kind == CR_RUN_DATA && is_own(s, &run)) {
			s->packed += n;
		} else if (run.kind == CR_RUN_CONTENT) {
			s->in_content += n;
		}
		vaddr += n;
		size -= n;
	}
	/* What is shared has its turn as an object. */
	s->r->row->nr += s->r->row->size != before;
	return err;
}

static struct cr_error *hide_matches(struct space *s)
{
	return cr_search_run(s->r->opts->pattern, &s->pages, 0, UINT64_MAX,
			     hide_match, s);
}

struct cr_error *cr_redact_pattern(struct cr_redact *r)
{
	struct space s;
	if (!r->opts->pattern)
		return NULL;
	struct cr_error *err = run_spaces(r, true, hide_matches, &s);
	if (!err && s.in_parent)
		err = cr_redact_gap(r, "pattern: %llu bytes of matches are in "
				       "parents; 'crit squash' brings them here",
				    (ull)s.in_parent);
	if (!err && s.packed)
		err = cr_redact_gap(r, "pattern: %llu bytes of matches are in "
				       "compressed pages; 'crit decompress' "
				       "first",
				    (ull)s.packed);
	if (!err && s.in_content)
		err = cr_redact_gap(r, "pattern: %llu bytes of matches are in "
				       "deleted files or old segments: the "
				       "kinds ghosts and ipc cover those",
				    (ull)s.in_content);
	return err;
}

/* ---- memory by kind ---- */

static unsigned kind_of(const struct cr_vma *vma)
{
	if (!vma)
		return CR_REDACT_OTHER;
	if (vma->status & (CR_VMA_ANON_SHARED | CR_VMA_SYSVIPC | CR_VMA_MEMFD))
		return CR_REDACT_SHARED;
	if (cr_vma_is_file(vma))
		return CR_REDACT_FILE;
	if (vma->status & CR_VMA_HEAP)
		return CR_REDACT_HEAP;
	if (vma->status & CR_VMA_STACK || vma->flags & MAP_GROWSDOWN)
		return CR_REDACT_STACK;
	return vma->status & CR_VMA_ANON_PRIVATE ? CR_REDACT_ANON :
						   CR_REDACT_OTHER;
}

/* A pagemap of which pages are hidden; for a process, with its mappings. */
struct hiding {
	struct cr_redact *r;
	struct cr_space space;
	bool is_shared;
};

/* The part of [start, end) that one mapping has, or a gap between two. */
static uint64_t part_end(const struct hiding *h, uint64_t start, uint64_t end,
			 unsigned *kind_ret)
{
	const struct cr_space *space = &h->space;
	if (h->is_shared) {
		*kind_ret = CR_REDACT_SHARED;
		return end;
	}
	size_t i = cr_space_find(space, start);
	const struct cr_vma *vma = i < space->nr ? &space->vma[i] : NULL;
	bool within = vma && vma->start <= start;
	uint64_t stop = !vma ? end : within ? vma->end : vma->start;
	*kind_ret = kind_of(within ? vma : NULL);
	return stop < end ? stop : end;
}

static bool is_stored(const struct cr_range *range)
{
	return range->flags & CR_RANGE_PRESENT &&
	       !(range->flags & CR_RANGE_PARENT);
}

/* Packed pages: all-zero blocks take no space. */
static struct cr_error *put_zeros(struct cr_repage *m, uint64_t size)
{
	static const uint8_t zeros[4096];
	struct cr_error *err = NULL;
	while (size && !err) {
		size_t n = size < sizeof(zeros) ? (size_t)size : sizeof(zeros);
		err = cr_pages_writer_put(&m->w, zeros, n);
		size -= n;
	}
	return err;
}

static struct cr_error *rewrite_entry(struct cr_repage *m, void *arg,
				      const struct cr_pagemap_entry *entry,
				      const struct cr_range *range)
{
	const struct hiding *h = arg;
	struct cr_redact *r = h->r;
	if (!entry)
		return NULL;
	if (!range || !is_stored(range))
		return cr_repage_keep(m, entry, range);
	uint64_t at = range->start, end = cr_range_end(&m->map, range);
	struct cr_error *err = cr_pages_writer_entry(
		&m->w, entry, at, range->nr_pages,
		range->flags & (CR_RANGE_PRESENT | CR_RANGE_LAZY));
	while (at < end && !err) {
		unsigned kind;
		uint64_t stop = part_end(h, at, end, &kind);
		bool hide = r->memory & kind;
		err = hide ? put_zeros(m, stop - at) :
			     cr_repage_bytes(m, range, at, stop);
		r->row->size += hide ? stop - at : 0;
		at = stop;
	}
	return err;
}

/* Plain pages: holes in a copy of the image. */
static struct cr_error *punch(struct cr_repage *m, const struct hiding *h,
			      int fd)
{
	struct cr_redact *r = h->r;
	struct cr_error *err = NULL;
	for (size_t i = 0; i < m->map.nr && !err; i++) {
		const struct cr_range *range = &m->map.range[i];
		uint64_t at = range->start, end = cr_range_end(&m->map, range);
		while (at < end && is_stored(range) && !err) {
			unsigned kind;
			uint64_t stop = part_end(h, at, end, &kind);
			if (r->memory & kind) {
				err = cr_redact_zero(
					fd, range->off + (at - range->start),
					stop - at);
				r->row->size += stop - at;
			}
			at = stop;
		}
	}
	return err;
}

/* Whether any page, or every one, is of a kind to be hidden. */
static void look_at_pages(const struct cr_repage *m, const struct hiding *h,
			  bool *any_ret, bool *all_ret)
{
	unsigned kinds = h->r->memory;
	*any_ret = false;
	*all_ret = true;
	for (size_t i = 0; i < m->map.nr; i++) {
		const struct cr_range *range = &m->map.range[i];
		uint64_t at = range->start, end = cr_range_end(&m->map, range);
		while (at < end && is_stored(range)) {
			unsigned kind;
			at = part_end(h, at, end, &kind);
			*any_ret |= (kinds & kind) != 0;
			*all_ret &= (kinds & kind) != 0;
		}
	}
}

/* A pages image of which nothing stays is not copied. */
static struct cr_error *hide_plain(struct cr_repage *m, const struct hiding *h,
				   bool all)
{
	struct cr_redact *r = h->r;
	char name[32];
	int fd = -1;
	snprintf(name, sizeof(name), "pages-%u.img", (unsigned)m->map.pages_id);
	struct cr_error *err = NULL;
	if (all)
		err = cr_change_put(r->change, name, "", 0);
	if (!err)
		err = cr_change_clone(r->change, name, name, &fd);
	if (!err && all && ftruncate(fd, (off_t)m->file.size))
		err = cr_error_sys("%s", name);
	if (!err && all)
		r->row->size += m->file.size;
	else if (!err)
		err = punch(m, h, fd);
	if (fd >= 0)
		close(fd);
	return err;
}

static struct cr_error *hide_known(struct cr_repage *m, struct hiding *h)
{
	bool any, all, packed = false;
	uint32_t block_size;
	look_at_pages(m, h, &any, &all);
	for (size_t i = 0; i < m->map.nr; i++)
		packed |= m->map.range[i].flags & CR_RANGE_BLOCKS;
	if (!any)
		return NULL;
	h->r->row->nr++;
	if (!packed)
		return hide_plain(m, h, all);
	struct cr_error *err = cr_repage_block_size(m, &block_size);
	return err ? err :
		     cr_repage_write(m, block_size, 1, false, rewrite_entry, h);
}

static struct cr_error *hide_pages(struct cr_repage *m, void *arg)
{
	struct hiding h = { .r = arg, .is_shared = m->is_shared };
	struct cr_error *err = NULL;
	if (!m->is_shared)
		err = cr_space_init(&h.space, m->memory.set, m->object->id);
	if (!err)
		err = hide_known(m, &h);
	cr_space_deinit(&h.space);
	return err;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* A pages image that no pagemap names: nobody can say what is in it. */
static struct cr_error *find_orphan(struct cr_redact *r, void *arg,
				    const char *name)
{
	const struct cr_repage_ids *ids = arg;
	unsigned id;
	int end = 0;
	if (sscanf(name, "pages-%u.img%n", &id, &end) != 1 || !end || name[end])
		return NULL;
	uint32_t key = id;
	if (ids->nr && bsearch(&key, ids->id, ids->nr, sizeof(key), compare_ids))
		return NULL;
	return cr_redact_gap(r, "%s: no pagemap of this checkpoint says what "
				"its pages are",
			     name);
}

struct cr_error *cr_redact_some_memory(struct cr_redact *r)
{
	struct cr_repage m;
	if (!r->memory)
		return NULL;
	struct cr_error *err = cr_repage_init(&m, r->change, NULL);
	if (!err)
		err = cr_repage_each(&m, hide_pages, r);
	if (!err)
		err = cr_redact_each_file(r, find_orphan, &m.pages_ids);
	cr_repage_deinit(&m);
	return err;
}
