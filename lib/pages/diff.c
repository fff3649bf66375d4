// SPDX-License-Identifier: MIT
#include "lib/pages/diff.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"

/* What is read of each side at once; both fit into a usual L2 cache. */
#define CHUNK ((size_t)128 * 1024)

struct walk {
	struct cr_diff *diff;
	uint32_t page_size;
	struct cr_run run[2]; /* both hold the current address */
	bool faulty[2];	      /* what the run is was not to be found out */
	bool hole[2];	      /* of an object: nothing was saved */
	struct cr_error *fault;
	struct cr_diff_range range; /* being gathered */
	uint8_t *buf[2];

	/* Two pages images, and whether they are one file. */
	struct {
		unsigned layer[2];
		uint32_t pages_id[2];
		bool known, same;
	} files;
};

uint32_t cr_diff_page_size(const struct cr_diff *diff)
{
	uint32_t a = diff->pages[0]->space.page_size;
	uint32_t b = diff->pages[1]->space.page_size;
	return a < b ? a : b;
}

/* Which of the two an error is about. */
static struct cr_error *at_side(const struct walk *w, int side,
				struct cr_error *err)
{
	const struct cr_memory *memory = w->diff->pages[side]->memory;
	return err ? cr_error_at(err, "%s", memory->set->store->path) : NULL;
}

/* ---- the same place ---- */

static struct cr_error *stat_pages(struct cr_pages *pages,
				   const struct cr_run *run, struct stat *st,
				   bool *has_ret)
{
	struct cr_file *file;
	struct cr_error *err = cr_chain_pages(&pages->memory->chain, run->layer,
					      run->pages_id, &file);
	if (err)
		return err;
	*has_ret = file->fd >= 0 && !fstat(file->fd, st);
	return NULL;
}

/* Links to one file count as one. */
static struct cr_error *is_same_file(struct walk *w, bool *ret)
{
	struct stat st[2];
	bool has[2] = { false, false }, known = w->files.known;
	for (int i = 0; i < 2; i++)
		known = known && w->files.layer[i] == w->run[i].layer &&
			w->files.pages_id[i] == w->run[i].pages_id;
	*ret = w->files.same;
	if (known)
		return NULL;
	for (int i = 0; i < 2; i++) {
		struct cr_error *err = stat_pages(w->diff->pages[i],
						  &w->run[i], &st[i], &has[i]);
		if (err)
			return at_side(w, i, err);
		w->files.layer[i] = w->run[i].layer;
		w->files.pages_id[i] = w->run[i].pages_id;
	}
	w->files.known = true;
	w->files.same = has[0] && has[1] && st[0].st_dev == st[1].st_dev &&
			st[0].st_ino == st[1].st_ino;
	*ret = w->files.same;
	return NULL;
}

/* Where the byte at vaddr is: in a plain image at off; in a compressed one at
 * `in` of the block at off. */
struct place {
	uint64_t off, in;
	uint32_t size, plain_size; /* of the block; 0 in a plain image */
};

static struct place place_of(const struct cr_run *run, uint64_t vaddr)
{
	const struct cr_pagemap *map = &run->object->layer[run->layer].map;
	struct cr_block block;
	uint64_t at = run->vaddr + (vaddr - run->start);
	if (!(map->range[run->range].flags & CR_RANGE_BLOCKS))
		return (struct place){ .off = run->off + (vaddr - run->start) };
	cr_pagemap_block(map, run->range, at, &block);
	return (struct place){ block.off, at - block.start, block.size,
			       block.plain_size };
}

static struct cr_error *is_same_place(struct walk *w, uint64_t vaddr, bool *ret)
{
	const struct cr_run *run = w->run;
	*ret = false;
	if (run[0].kind != CR_RUN_DATA || run[1].kind != CR_RUN_DATA)
		return NULL;
	struct place a = place_of(&run[0], vaddr), b = place_of(&run[1], vaddr);
	if (a.off != b.off || a.in != b.in || a.size != b.size ||
	    a.plain_size != b.plain_size)
		return NULL;
	return is_same_file(w, ret);
}

/* ---- ranges ---- */

static struct cr_error *flush(struct walk *w)
{
	struct cr_diff_range range = w->range;
	w->range.kind = CR_DIFF_NOTHING;
	if (range.kind < CR_DIFF_CHANGED)
		return NULL;
	return w->diff->fn(w->diff->arg, &range);
}

static bool continues(const struct cr_diff_range *a,
		      const struct cr_diff_range *b)
{
	bool alike = a->run[0] == b->run[0] && a->run[1] == b->run[1] &&
		     a->faulty[0] == b->faulty[0] && a->faulty[1] == b->faulty[1];
	return a->kind == b->kind && a->end == b->start &&
	       a->vma[0] == b->vma[0] && a->vma[1] == b->vma[1] &&
	       (alike || a->kind == CR_DIFF_CHANGED);
}

static struct cr_error *emit(struct walk *w, uint64_t start, uint64_t end,
			     enum cr_diff_kind kind)
{
	struct cr_diff_range range = {
		.start = start,
		.end = end,
		.kind = kind,
		.vma = { w->run[0].vma, w->run[1].vma },
		.run = { w->run[0].kind, w->run[1].kind },
		.faulty = { w->faulty[0], w->faulty[1] },
	};
	struct cr_error *err = NULL;
	if (kind == CR_DIFF_NOTHING)
		return NULL;
	w->diff->nr_pages[kind] +=
		(end - start + w->page_size - 1) / w->page_size;
	if (continues(&w->range, &range)) {
		w->range.end = end;
		return NULL;
	}
	err = flush(w);
	w->range = range;
	return err;
}

/* ---- bytes ---- */

/* Keeps the first fault of the images; other errors are passed on. */
static struct cr_error *keep_fault(struct walk *w, struct cr_error *err)
{
	if (!err || (cr_error_code(err) != CR_ERR_FORMAT &&
		     cr_error_code(err) != CR_ERR_NOT_FOUND))
		return err;
	if (w->fault)
		cr_error_free(err);
	else
		w->fault = err;
	return NULL;
}

static struct cr_error *fill(struct walk *w, uint64_t vaddr, size_t size)
{
	struct cr_error *err = NULL;
	for (int i = 0; i < 2 && !err; i++)
		err = at_side(w, i,
			      cr_pages_fill(w->diff->pages[i], &w->run[i],
					    vaddr, w->buf[i], size));
	return err;
}

/* Up to a page border, or up to where the run ends. */
static struct cr_error *compare_pages(struct walk *w, uint64_t vaddr,
				      size_t size)
{
	struct cr_error *err = NULL;
	for (size_t at = 0; !err && at < size;) {
		size_t n = w->page_size - (vaddr + at) % w->page_size;
		if (n > size - at)
			n = size - at;
		bool same = !memcmp(w->buf[0] + at, w->buf[1] + at, n);
		err = emit(w, vaddr + at, vaddr + at + n,
			   same ? CR_DIFF_SAME : CR_DIFF_CHANGED);
		at += n;
	}
	return err;
}

static struct cr_error *compare_bytes(struct walk *w, uint64_t vaddr,
				      uint64_t end)
{
	struct cr_error *err = NULL;
	while (!err && vaddr < end) {
		/* A chunk ends where a page does. */
		size_t size = CHUNK - vaddr % w->page_size;
		if (size > end - vaddr)
			size = (size_t)(end - vaddr);
		err = fill(w, vaddr, size);
		if (err) {
			err = keep_fault(w, err);
			if (!err)
				err = emit(w, vaddr, vaddr + size,
					   CR_DIFF_UNKNOWN);
		} else if (!memcmp(w->buf[0], w->buf[1], size)) {
			err = emit(w, vaddr, vaddr + size, CR_DIFF_SAME);
		} else {
			err = compare_pages(w, vaddr, size);
		}
		vaddr += size;
	}
	return err;
}

/* ---- runs ---- */

/* Finds the run at vaddr. What an object does not have is zeros, and so is a
 * compressed block without bytes. */
static struct cr_error *next_run(struct walk *w, int side, uint64_t vaddr)
{
	struct cr_pages *pages = w->diff->pages[side];
	struct cr_run *run = &w->run[side];
	struct cr_error *err = cr_pages_run(pages, vaddr, run);
	w->faulty[side] = err;
	w->hole[side] = !err && run->kind == CR_RUN_NONE && pages->object;
	if (err)
		return keep_fault(w, at_side(w, side, err));
	if (w->hole[side])
		run->kind = CR_RUN_ZERO;
	if (run->kind == CR_RUN_DATA) {
		struct place place = place_of(run, vaddr);
		if (place.plain_size && !place.size)
			run->kind = CR_RUN_ZERO;
	}
	return NULL;
}

static bool is_shared(const struct walk *w, int side)
{
	const struct cr_pages *pages = w->diff->pages[side];
	const struct cr_object *object = w->run[side].object;
	return object && object != &pages->own && object != pages->object;
}

static bool is_same_shared(const struct walk *w, uint64_t vaddr)
{
	const struct cr_run *a = &w->run[0], *b = &w->run[1];
	return is_shared(w, 0) && is_shared(w, 1) &&
	       a->object->id == b->object->id &&
	       a->vaddr + (vaddr - a->start) == b->vaddr + (vaddr - b->start);
}

/* Where nothing is mapped on one side. */
static enum cr_diff_kind one_sided(const struct walk *w, int without)
{
	const struct cr_run *has = &w->run[!without];
	if (has->kind == CR_RUN_NONE)
		return CR_DIFF_NOTHING;
	if (w->diff->pages[without]->space.no_vmas && has->kind != CR_RUN_DATA)
		return CR_DIFF_NOTHING;
	return without ? CR_DIFF_ONLY_A : CR_DIFF_ONLY_B;
}

/* Both runs, in [vaddr, end). */
static struct cr_error *compare(struct walk *w, uint64_t vaddr, uint64_t end)
{
	const struct cr_run *a = &w->run[0], *b = &w->run[1];
	bool same = a->kind == CR_RUN_ZERO && b->kind == CR_RUN_ZERO;
	if (w->faulty[0] || w->faulty[1])
		return emit(w, vaddr, end, CR_DIFF_UNKNOWN);
	if (w->hole[0] && w->hole[1])
		return NULL;
	if (a->kind == CR_RUN_NONE || b->kind == CR_RUN_NONE)
		return emit(w, vaddr, end,
			    one_sided(w, a->kind == CR_RUN_NONE ? 0 : 1));
	if (w->diff->skip_shared && is_same_shared(w, vaddr))
		return NULL;
	if (!cr_run_is_readable(a) || !cr_run_is_readable(b))
		return emit(w, vaddr, end,
			    a->kind == b->kind ? CR_DIFF_NEITHER
					       : CR_DIFF_UNKNOWN);
	if (!same) {
		struct cr_error *err = is_same_place(w, vaddr, &same);
		err = keep_fault(w, err);
		if (err)
			return err;
	}
	if (same)
		return emit(w, vaddr, end, CR_DIFF_SAME);
	return compare_bytes(w, vaddr, end);
}

static struct cr_error *walk(struct walk *w)
{
	struct cr_error *err = NULL;
	for (uint64_t at = 0; !err && at < UINT64_MAX;) {
		uint64_t end = UINT64_MAX;
		for (int i = 0; i < 2 && !err; i++) {
			if (at >= w->run[i].end)
				err = next_run(w, i, at);
			if (w->run[i].end < end)
				end = w->run[i].end;
		}
		if (!err)
			err = compare(w, at, end);
		at = end;
	}
	return err ? err : flush(w);
}

struct cr_error *cr_diff_run(struct cr_diff *diff)
{
	cr_auto_free uint8_t *buf = malloc(2 * CHUNK);
	struct walk w = {
		.diff = diff,
		.page_size = cr_diff_page_size(diff),
		.buf = { buf, buf + CHUNK },
	};
	if (!buf)
		return cr_enomem;
	struct cr_error *err = walk(&w);
	if (!err)
		return w.fault;
	cr_error_free(w.fault);
	return err;
}

struct cr_error *cr_diff_read(struct cr_pages *pages, uint64_t vaddr,
			      void *data, size_t size)
{
	uint8_t *p = data;
	struct cr_error *err = NULL;
	while (!err && size) {
		struct cr_run run;
		err = cr_pages_run(pages, vaddr, &run);
		if (err)
			break;
		uint64_t left = run.end - vaddr;
		size_t n = left < size ? (size_t)left : size;
		if (run.kind == CR_RUN_NONE && pages->object)
			run.kind = CR_RUN_ZERO;
		if (!n)
			return cr_pages_why(pages, &run, vaddr);
		err = cr_pages_fill(pages, &run, vaddr, p, n);
		vaddr += n;
		p += n;
		size -= n;
	}
	return err;
}

bool cr_diff_next(const uint8_t *a, const uint8_t *b, size_t size,
		  size_t *start, size_t *end)
{
	size_t i = *end;
	uint64_t x, y;
	for (; size - i >= sizeof(x); i += sizeof(x)) {
		memcpy(&x, a + i, sizeof(x));
		memcpy(&y, b + i, sizeof(y));
		if (x != y)
			break;
	}
	while (i < size && a[i] == b[i])
		i++;
	*start = i;
	while (i < size && a[i] != b[i])
		i++;
	*end = i;
	return *start < size;
}
