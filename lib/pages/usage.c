// SPDX-License-Identifier: MIT
#include "lib/pages/usage.h"

// clang-format off
/* The first row with one of the bits counts. */
static const struct {
	uint32_t status;
	enum cr_usage_kind kind;
} kinds[] = {
	{ CR_VMA_VVAR | CR_VMA_VSYSCALL | CR_VMA_UPROBES | CR_VMA_AIORING |
	  CR_VMA_SOCKET,       CR_USAGE_KERNEL },
	{ CR_VMA_SYSVIPC,      CR_USAGE_SYSV },
	{ CR_VMA_MEMFD,        CR_USAGE_MEMFD },
	{ CR_VMA_ANON_SHARED,  CR_USAGE_SHARED },
	{ CR_VMA_VDSO,         CR_USAGE_VDSO },
	{ CR_VMA_FILE_PRIVATE, CR_USAGE_FILE_PRIVATE },
	{ CR_VMA_FILE_SHARED,  CR_USAGE_FILE_SHARED },
	{ CR_VMA_SHSTK,        CR_USAGE_SHADOW_STACK },
	{ CR_VMA_HEAP,         CR_USAGE_HEAP },
	{ CR_VMA_STACK,        CR_USAGE_STACK },
};

static const char *const names[CR_NR_USAGE_KINDS] = {
	[CR_USAGE_HEAP]         = "heap",
	[CR_USAGE_STACK]        = "stack",
	[CR_USAGE_ANON]         = "anon",
	[CR_USAGE_FILE_PRIVATE] = "file private",
	[CR_USAGE_FILE_SHARED]  = "file shared",
	[CR_USAGE_SHARED]       = "shared memory",
	[CR_USAGE_SYSV]         = "sysv",
	[CR_USAGE_MEMFD]        = "memfd",
	[CR_USAGE_SHADOW_STACK] = "shadow stack",
	[CR_USAGE_VDSO]         = "vdso",
	[CR_USAGE_KERNEL]       = "kernel",
	[CR_USAGE_OUTSIDE]      = "unmapped",
};
// clang-format on

void cr_usage_add(struct cr_usage *sum, const struct cr_usage *more)
{
	sum->mapped += more->mapped;
	sum->here += more->here;
	sum->stored += more->stored;
	sum->parent += more->parent;
	sum->lazy += more->lazy;
	sum->zero += more->zero;
	sum->other += more->other;
}

enum cr_usage_kind cr_usage_kind(const struct cr_vma *vma)
{
	if (!vma)
		return CR_USAGE_OUTSIDE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (vma->status & kinds[i].status)
			return kinds[i].kind;
	}
	return CR_USAGE_ANON;
}

const char *cr_usage_kind_name(enum cr_usage_kind kind)
{
	return names[kind];
}

/* Whether bytes without a page are zeros. */
static bool is_anonymous(enum cr_usage_kind kind)
{
	return kind == CR_USAGE_HEAP || kind == CR_USAGE_STACK ||
	       kind == CR_USAGE_ANON || kind == CR_USAGE_SHADOW_STACK;
}

/* What the blocks take that begin in [start, end) of a range. */
static uint64_t stored_blocks(const struct cr_pagemap *map, size_t range,
			      uint64_t start, uint64_t end)
{
	uint64_t sum = 0;
	while (start < end) {
		struct cr_block block;
		cr_pagemap_block(map, range, start, &block);
		if (block.start == start)
			sum += block.size;
		start = block.start + block.plain_size;
	}
	return sum;
}

/* The part [start, end) of a range. */
static void add_part(struct cr_usage *u, const struct cr_pagemap *map,
		     size_t i, uint64_t start, uint64_t end)
{
	uint8_t flags = map->range[i].flags;
	uint64_t size = end - start;
	if (flags & CR_RANGE_PARENT) {
		u->parent += size;
	} else if (flags & CR_RANGE_PRESENT) {
		u->here += size;
		u->stored += flags & CR_RANGE_BLOCKS ?
				     stored_blocks(map, i, start, end) :
				     size;
	} else if (flags & CR_RANGE_LAZY) {
		u->lazy += size;
	} else {
		u->zero += size;
	}
}

static uint64_t with_pages(const struct cr_usage *u)
{
	return u->here + u->parent + u->lazy + u->zero;
}

/* A process or object being gone through. */
struct walk {
	const struct cr_pagemap *map; /* NULL: no pages */
	size_t i;		      /* the range at hand */
	uint64_t at;		      /* what is before it has been counted */
};

/* Counts pages up to an address. */
static void count_to(struct walk *w, uint64_t end, struct cr_usage *u)
{
	while (w->map && w->i < w->map->nr) {
		const struct cr_range *r = &w->map->range[w->i];
		uint64_t start = r->start > w->at ? r->start : w->at;
		uint64_t stop = cr_range_end(w->map, r);
		if (start >= end)
			break;
		if (stop <= end) {
			if (start < stop)
				add_part(u, w->map, w->i, start, stop);
			w->i++;
		} else {
			add_part(u, w->map, w->i, start, end);
			break;
		}
	}
	w->at = end;
}

static struct cr_error *count_vma(struct walk *w, const struct cr_vma *vma,
				  cr_usage_fn *fn, void *arg)
{
	struct cr_usage u = { .mapped = vma->end - vma->start };
	count_to(w, vma->end, &u);
	uint64_t rest = u.mapped - with_pages(&u);
	if (is_anonymous(cr_usage_kind(vma)))
		u.zero += rest;
	else
		u.other += rest;
	return fn(arg, vma, &u);
}

struct cr_error *cr_usage_each(struct cr_pages *pages, cr_usage_fn *fn,
			       void *arg)
{
	struct cr_usage outside = { 0 };
	struct walk w = { .map = NULL };
	struct cr_object *object = pages->object ?: &pages->own;
	struct cr_error *err =
		cr_object_map(object, pages->memory, 0, &w.map);
	for (size_t i = 0; !err && i < pages->space.nr; i++) {
		count_to(&w, pages->space.vma[i].start, &outside);
		err = count_vma(&w, &pages->space.vma[i], fn, arg);
	}
	if (err)
		return err;
	count_to(&w, UINT64_MAX, &outside);
	outside.mapped = with_pages(&outside);
	return outside.mapped ? fn(arg, NULL, &outside) : NULL;
}
