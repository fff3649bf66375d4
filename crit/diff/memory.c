// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crit/diff/diff.h"
#include "crit/mem/mem.h"
#include "lib/pages/diff.h"

/* Of the smallest page. */
#define PIECE 4096

/* An address space of each side, and what has been said about it. */
struct space {
	struct cr_differ *d;
	struct cr_pages pages[2];
	struct cr_diff diff;
	const char *kind; /* "pid", "shm" */
	uint32_t id;	  /* of A */
};

static const char *const run_names[CR_NR_RUNS] = {
	[CR_RUN_NONE] = "not mapped", [CR_RUN_DATA] = "saved",
	[CR_RUN_ZERO] = "never touched", [CR_RUN_FILE] = "in a file",
	[CR_RUN_CONTENT] = "in an image", [CR_RUN_MISSING] = "not here",
	[CR_RUN_LAZY] = "lazy",
};

/* What a range is called in JSON, and its sign in text. */
static const struct {
	const char *name, *text;
	char sign;
} kinds[CR_NR_DIFFS] = {
	[CR_DIFF_CHANGED] = { "changed", "changed", '~' },
	[CR_DIFF_ONLY_A] = { "only_a", "only in A", '-' },
	[CR_DIFF_ONLY_B] = { "only_b", "only in B", '+' },
	[CR_DIFF_UNKNOWN] = { "unknown", "not comparable", '?' },
	[CR_DIFF_SAME] = { "same", "the same", ' ' },
	[CR_DIFF_NEITHER] = { "neither", "in neither", ' ' },
};

/* Counts a difference; above the first stands a heading. */
static void begin_section(struct cr_differ *d)
{
	if (!d->nr[CR_SECTION_MEMORY]++)
		cr_x_text(&d->out, "memory\n");
}

/* ---- bytes ---- */

static void put_row(struct cr_x *x, uint64_t vaddr, char sign,
		    const uint8_t *data, size_t size, size_t wide)
{
	char text[CR_MEM_HEX_MAX];
	cr_mem_hex(text, vaddr, data, size, wide);
	cr_x_text(x, "    %c %s\n", sign, text);
}

/* As rows of 16 or 8 bytes, those of A above those of B. */
static void put_rows(struct cr_x *x, uint64_t vaddr, const uint8_t *a,
		     const uint8_t *b, size_t size)
{
	size_t start, end = 0, wide = cr_mem_wide(x->term, 6);
	while (!x->err && cr_diff_next(a, b, size, &start, &end)) {
		start &= ~(wide - 1);
		size_t n = size - start < wide ? size - start : wide;
		put_row(x, vaddr + start, '-', a + start, n, wide);
		put_row(x, vaddr + start, '+', b + start, n, wide);
		end = start + n;
	}
}

/* As hexadecimal digits. */
static void put_data(struct cr_x *x, const char *key, const uint8_t *data,
		     size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * PIECE];
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	cr_x_bytes(x, key, text, 2 * size);
}

static void put_ranges(struct cr_x *x, uint64_t vaddr, const uint8_t *a,
		       const uint8_t *b, size_t size)
{
	size_t start, end = 0;
	while (!x->err && cr_diff_next(a, b, size, &start, &end)) {
		cr_x_open(x, NULL, '{');
		cr_x_hex(x, "address", vaddr + start);
		put_data(x, "a", a + start, end - start);
		put_data(x, "b", b + start, end - start);
		cr_x_close(x, '}');
	}
}

static struct cr_error *put_bytes(struct space *s,
				  const struct cr_diff_range *range)
{
	struct cr_x *x = &s->d->out;
	uint8_t data[2][PIECE];
	struct cr_error *err = NULL;
	cr_x_open(x, "bytes", '[');
	for (uint64_t at = range->start; at < range->end && !err && !x->err;) {
		size_t size = PIECE - at % PIECE;
		if (size > range->end - at)
			size = (size_t)(range->end - at);
		for (int i = 0; i < 2 && !err; i++)
			err = cr_diff_read(&s->pages[i], at, data[i], size);
		if (err)
			break;
		if (x->json)
			put_ranges(x, at, data[0], data[1], size);
		else
			put_rows(x, at, data[0], data[1], size);
		at += size;
	}
	cr_x_close(x, ']');
	return err;
}

/* ---- ranges ---- */

static void put_name(struct space *s, const struct cr_diff_range *range)
{
	struct cr_x *x = &s->d->out;
	int side = range->vma[1] ? 1 : 0;
	const struct cr_vma *vma = range->vma[side];
	char *name = NULL;
	if (!vma)
		return;
	struct cr_error *err =
		cr_memory_name(s->pages[side].memory, vma, &name);
	cr_x_find(x, err);
	if (!name)
		return;
	cr_x_string(x, "name", *name ? name : NULL);
	cr_x_text(x, ", ");
	cr_x_safe(x, *name ? name : "anon", strlen(*name ? name : "anon"));
	cr_x_text(x, "+0x%" PRIx64, range->start - vma->start);
	free(name);
}

static const char *story_of(const struct space *s,
			    const struct cr_diff_range *range, int side)
{
	if (range->faulty[side])
		return "broken";
	if (range->run[side] == CR_RUN_NONE && s->pages[side].space.no_vmas)
		return "not saved";
	return run_names[range->run[side]];
}

static void put_range(struct space *s, const struct cr_diff_range *range)
{
	struct cr_x *x = &s->d->out;
	uint32_t page = cr_diff_page_size(&s->diff);
	uint64_t nr = (range->end - range->start + page - 1) / page;
	bool why = range->kind != CR_DIFF_CHANGED;
	const char *a = story_of(s, range, 0), *b = story_of(s, range, 1);
	cr_x_text(x,
		  "  %c %s %u 0x%" PRIx64 "-0x%" PRIx64 ": %" PRIu64
		  " page%s %s",
		  kinds[range->kind].sign, s->kind, s->id, range->start,
		  range->end, nr, nr == 1 ? "" : "s", kinds[range->kind].text);
	if (why)
		cr_x_text(x, " (%s; %s)", a, b);
	cr_x_string(x, "diff", kinds[range->kind].name);
	cr_x_hex(x, "start", range->start);
	cr_x_hex(x, "end", range->end);
	cr_x_u64(x, "pages", nr);
	if (why) {
		cr_x_string(x, "a", a);
		cr_x_string(x, "b", b);
	}
	put_name(s, range);
	cr_x_text(x, "\n");
}

static struct cr_error *show(void *arg, const struct cr_diff_range *range)
{
	struct space *s = arg;
	struct cr_x *x = &s->d->out;
	struct cr_error *err = NULL;
	begin_section(s->d);
	cr_x_open(x, NULL, '{');
	put_range(s, range);
	if (s->d->o->bytes && range->kind == CR_DIFF_CHANGED)
		err = put_bytes(s, range);
	cr_x_close(x, '}');
	return x->err && !err ? cr_enomem : err;
}

/* How many pages fared how. */
static uint64_t put_sums(struct space *s, bool differs)
{
	struct cr_x *x = &s->d->out;
	const char *sep = " ";
	uint64_t nr = 0;
	if (differs)
		cr_x_text(x, "  = %s %u, pages of %u bytes:", s->kind, s->id,
			  cr_diff_page_size(&s->diff));
	for (int i = CR_DIFF_SAME; i < CR_NR_DIFFS; i++) {
		uint64_t n = s->diff.nr_pages[i];
		cr_x_u64(x, kinds[i].name, n);
		if (i >= CR_DIFF_CHANGED)
			nr += n;
		if (!n || !differs)
			continue;
		cr_x_text(x, "%s%" PRIu64 " %s", sep, n, kinds[i].text);
		sep = ", ";
	}
	if (differs)
		cr_x_text(x, "\n");
	return nr;
}

/* Both are open. */
static void compare(struct space *s)
{
	struct cr_x *x = &s->d->out;
	uint64_t before = s->d->nr[CR_SECTION_MEMORY];
	s->diff.pages[0] = &s->pages[0];
	s->diff.pages[1] = &s->pages[1];
	s->diff.fn = show;
	s->diff.arg = s;
	cr_x_u64(x, "page_size", cr_diff_page_size(&s->diff));
	cr_x_open(x, "ranges", '[');
	struct cr_error *err = cr_diff_run(&s->diff);
	cr_x_close(x, ']');
	cr_x_find(x, err);
	bool differs = s->d->nr[CR_SECTION_MEMORY] > before;
	s->d->nr[CR_SECTION_MEMORY] = before + put_sums(s, differs);
}

/* ---- processes and objects ---- */

/* One of them cannot be opened. */
static void put_unknown(struct space *s, struct cr_error *err)
{
	struct cr_x *x = &s->d->out;
	begin_section(s->d);
	cr_x_text(x, "  ? %s %u: not comparable (broken)\n", s->kind, s->id);
	cr_x_string(x, "diff", kinds[CR_DIFF_UNKNOWN].name);
	cr_x_find(x, err);
}

/* In one of them alone. */
static void put_only(struct cr_differ *d, const char *kind, uint32_t id,
		     int side)
{
	struct cr_x *x = &d->out;
	begin_section(d);
	cr_x_text(x, "  %c %s %u: all of its memory\n", side ? '+' : '-', kind,
		  id);
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, kind, id);
	cr_x_string(x, "diff", side ? "only_b" : "only_a");
	cr_x_close(x, '}');
}

typedef struct cr_error *open_fn(struct cr_pages *pages,
				 struct cr_memory *memory, uint32_t id);

/* A pre-dump does not say what a page is: the other one does. */
static struct cr_error *open_both(struct space *s, struct cr_memory *memory,
				  const uint32_t id[2], open_fn *open)
{
	for (int i = 0; i < 2; i++) {
		struct cr_error *err = open(&s->pages[i], &memory[i], id[i]);
		if (err)
			return cr_error_at(err, "%s", s->d->o->path[i]);
	}
	for (int i = 0; i < 2; i++) {
		const struct cr_space *mine = &s->pages[i].space;
		const struct cr_space *other = &s->pages[!i].space;
		if (!mine->no_vmas || mine->page_size == other->page_size)
			continue;
		memory[i].page_guess = other->page_size;
		cr_pages_close(&s->pages[i]);
		return open(&s->pages[i], &memory[i], id[i]);
	}
	return NULL;
}

static void put_both(struct cr_differ *d, struct cr_memory *memory,
		     const char *kind, const uint32_t id[2], open_fn *open)
{
	struct space s = { .d = d, .kind = kind, .id = id[0] };
	struct cr_x *x = &d->out;
	s.diff.skip_shared = !d->o->pids;
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, kind, id[0]);
	struct cr_error *err = open_both(&s, memory, id, open);
	if (err)
		put_unknown(&s, err);
	else
		compare(&s);
	cr_x_close(x, '}');
	cr_pages_close(&s.pages[0]);
	cr_pages_close(&s.pages[1]);
}

/* Ids of one side by what they are in keys. */
struct list {
	struct cr_row_id *id;
	size_t nr;
};

static int by_as(const void *a, const void *b)
{
	const struct cr_row_id *x = a, *y = b;
	return x->as < y->as ? -1 : x->as > y->as;
}

/* Takes the ids. */
static void each(struct cr_differ *d, struct cr_memory *memory,
		 const char *kind, struct list list[2], open_fn *open)
{
	struct cr_x *x = &d->out;
	for (int i = 0; i < 2; i++)
		if (list[i].nr)
			qsort(list[i].id, list[i].nr, sizeof(list[i].id[0]),
			      by_as);
	for (size_t i = 0, k = 0; !x->err && (i < list[0].nr || k < list[1].nr);) {
		const struct cr_row_id *a = i < list[0].nr ? &list[0].id[i] : NULL;
		const struct cr_row_id *b = k < list[1].nr ? &list[1].id[k] : NULL;
		int order = !a ? 1 : !b ? -1 : by_as(a, b);
		if (order)
			put_only(d, kind, order < 0 ? a->id : b->id, order > 0);
		else
			put_both(d, memory, kind,
				 (const uint32_t[2]){ a->id, b->id }, open);
		i += order <= 0;
		k += order >= 0;
	}
}

static struct cr_error *list_pids(struct cr_differ *d, struct list list[2])
{
	for (int i = 0; i < 2; i++) {
		const struct cr_memory_ids *ids = &d->pids[i];
		list[i].id = calloc(ids->nr + 1, sizeof(list[i].id[0]));
		if (!list[i].id)
			return cr_enomem;
		for (size_t k = 0; k < ids->nr; k++) {
			uint32_t id = ids->id[k];
			if (cr_x_wants(&d->side[i], id))
				list[i].id[list[i].nr++] = (struct cr_row_id){
					id, cr_diff_id(d, i, id)
				};
		}
	}
	return NULL;
}

static struct cr_error *list_objects(struct cr_memory *memory,
				     struct list list[2])
{
	for (int i = 0; i < 2; i++) {
		struct cr_memory_ids ids;
		struct cr_error *err = cr_memory_objects(&memory[i], &ids);
		if (err)
			return err;
		list[i].id = calloc(ids.nr + 1, sizeof(list[i].id[0]));
		for (size_t k = 0; k < ids.nr && list[i].id; k++)
			list[i].id[list[i].nr++] =
				(struct cr_row_id){ ids.id[k], ids.id[k] };
		free(ids.id);
		if (!list[i].id)
			return cr_enomem;
	}
	return NULL;
}

void cr_diff_memory(struct cr_differ *d)
{
	struct list pids[2] = { 0 }, objects[2] = { 0 };
	struct cr_memory memory[2] = { 0 };
	struct cr_error *err = NULL;
	for (int i = 0; i < 2 && !err; i++)
		err = cr_memory_init(&memory[i], &d->side[i].set,
				     d->o->sysroot);
	if (!err)
		err = list_pids(d, pids);
	if (!err && !d->o->pids)
		err = list_objects(memory, objects);
	cr_x_fail(&d->out, err);
	cr_x_open(&d->out, "memory", '[');
	each(d, memory, "pid", pids, cr_pages_open);
	each(d, memory, "shm", objects, cr_pages_open_object);
	cr_x_close(&d->out, ']');
	for (int i = 0; i < 2; i++) {
		free(pids[i].id);
		free(objects[i].id);
		cr_memory_deinit(&memory[i]);
	}
}
