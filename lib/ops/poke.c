// SPDX-License-Identifier: MIT
#include "lib/ops/poke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/ops/repage.h"

typedef unsigned long long ull;

#define MAP_HUGETLB 0x40000
#define SHOWN	    32 /* bytes of a stretch in its note */

/* Bytes for one pagemap. */
struct stretch {
	bool is_shared;
	uint32_t id;
	uint64_t vaddr; /* in that pagemap */
	const uint8_t *data;
	size_t size;
};

/* Pages [start, end) of the pagemap at hand that are written anew. */
struct pages {
	uint64_t start, end;
};

struct poke {
	struct cr_repage m;
	struct cr_change *change;
	uint32_t pid;
	struct stretch *stretch; /* by pagemap and address */
	size_t nr, cap;

	/* What the next note says. */
	struct {
		char image[48];
		uint64_t vaddr, size;
		bool has_old;
		uint8_t old[SHOWN], data[SHOWN];
	} note;

	/* Of the pagemap at hand. */
	const struct stretch *mine; /* up to mine_end */
	const struct stretch *mine_end;
	struct pages *todo; /* ascending, apart from each other */
	size_t nr_todo, next;
	struct cr_pagemap_entry form; /* of entries that are new */
	uint8_t *page;

	struct {
		bool has;
		uint64_t vaddr;
		uint8_t *page;
	} old; /* read last */
};

/* ---- which pagemaps ---- */

/* The last page of all cannot be: what follows it has no address. */
static struct cr_error *beyond(uint64_t vaddr, size_t size)
{
	return cr_error_new(CR_ERR_USAGE,
			    "0x%llx and %zu bytes are more than there are "
			    "addresses",
			    (ull)vaddr, size);
}

static struct cr_error *add_stretch(struct poke *p, struct stretch s)
{
	struct stretch *last = p->nr ? &p->stretch[p->nr - 1] : NULL;
	if (s.vaddr > UINT64_MAX - s.size - p->m.pages.space.page_size)
		return beyond(s.vaddr, s.size);
	if (last && last->is_shared == s.is_shared && last->id == s.id &&
	    last->vaddr + last->size == s.vaddr &&
	    last->data + last->size == s.data) {
		last->size += s.size;
		return NULL;
	}
	if (p->nr == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 8;
		void *more = realloc(p->stretch, cap * sizeof(s));
		if (!more)
			return cr_enomem;
		p->stretch = more;
		p->cap = cap;
	}
	p->stretch[p->nr++] = s;
	return NULL;
}

static struct cr_error *refuse_file(struct poke *p, const struct cr_vma *vma,
				    uint64_t vaddr)
{
	cr_auto_free char *name = NULL;
	struct cr_error *err = cr_memory_name(&p->m.memory, vma, &name);
	return err ? err :
		     cr_error_new(CR_ERR_UNSUPPORTED,
				  "0x%llx: is in %s, which is mapped shared: "
				  "its bytes are in that file, not in the "
				  "checkpoint",
				  (ull)vaddr, name);
}

static struct cr_error *refuse_content(struct poke *p, const struct cr_run *run)
{
	cr_auto_free char *name = NULL;
	struct cr_error *err = cr_memory_name(&p->m.memory, run->vma, &name);
	return err ? err :
		     cr_error_new(CR_ERR_UNSUPPORTED,
				  "0x%llx: is in %s, which is mapped shared: "
				  "its bytes are in %s, not in pages",
				  (ull)run->start, name, run->content->image);
}

/* Where the bytes of a run that no pagemap of the process has belong. */
static struct cr_error *place_mapped(struct poke *p, const struct cr_run *run,
				     struct stretch *s)
{
	const struct cr_vma *vma = run->vma;
	struct cr_error *err = cr_memory_shmid(&p->m.memory, vma,
					       &s->is_shared, &s->id);
	if (err)
		return err;
	bool is_file = cr_vma_is_file(vma);
	if (run->content && !(vma->status & CR_VMA_FILE_PRIVATE))
		return refuse_content(p, run);
	if (is_file && !(vma->status & CR_VMA_FILE_PRIVATE))
		return refuse_file(p, vma, run->start);
	if (run->kind == CR_RUN_MISSING && !is_file)
		return cr_pages_why(&p->m.pages, run, run->start);
	if (vma->flags & MAP_HUGETLB)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "0x%llx: is in a huge page that is not in "
				    "the checkpoint",
				    (ull)run->start);
	if (!s->is_shared)
		s->id = p->pid;
	else if (__builtin_add_overflow(vma->pgoff, run->start - vma->start,
					&s->vaddr))
		return beyond(run->start, s->size);
	return NULL;
}

static struct cr_error *place_run(struct poke *p, const struct cr_run *run,
				  const uint8_t *data, size_t size)
{
	struct stretch s = {
		.id = p->pid,
		.vaddr = run->start,
		.data = data,
		.size = size,
	};
	struct cr_error *err = NULL;
	if (run->object == &p->m.pages.own)
		return add_stretch(p, s);
	if (!run->vma)
		return cr_pages_why(&p->m.pages, run, run->start);
	err = place_mapped(p, run, &s);
	return err ? err : add_stretch(p, s);
}

/* ---- what is different ---- */

static void put_hex(char *o, const uint8_t *data, uint64_t size)
{
	size_t n = size < SHOWN ? (size_t)size : SHOWN;
	*o++ = '"';
	for (size_t i = 0; i < n; i++)
		o += sprintf(o, "%02x", data[i]);
	strcpy(o, size > n ? "...\"" : "\"");
}

static struct cr_error *end_note(struct poke *p)
{
	char old[2 * SHOWN + 8], data[2 * SHOWN + 8], place[48];
	struct cr_change_note n = {
		.image = p->note.image,
		.entry = CR_CHANGE_NO_ENTRY,
		.field = place,
		.old = p->note.has_old ? old : NULL,
		.new_ = data,
	};
	if (!p->note.size)
		return NULL;
	snprintf(place, sizeof(place), "0x%llx+%llu", (ull)p->note.vaddr,
		 (ull)p->note.size);
	put_hex(old, p->note.old, p->note.size);
	put_hex(data, p->note.data, p->note.size);
	p->note.size = 0;
	return cr_change_note(p->change, &n);
}

static void add_shown(struct poke *p, const uint8_t *old, const uint8_t *data,
		      size_t size)
{
	size_t at = p->note.size < SHOWN ? (size_t)p->note.size : SHOWN;
	size_t n = size < SHOWN - at ? size : SHOWN - at;
	if (old)
		memcpy(p->note.old + at, old, n);
	memcpy(p->note.data + at, data, n);
	p->note.size += size;
}

/* One note for each stretch; of bytes that cannot be read, old is NULL. */
static struct cr_error *note(struct poke *p, const struct cr_run *run,
			     const uint8_t *old, const uint8_t *data,
			     size_t size)
{
	char image[48];
	if (run->object)
		snprintf(image, sizeof(image), "%s", run->object->name);
	else
		snprintf(image, sizeof(image), "pagemap-%u.img",
			 (unsigned)p->pid);
	if (p->note.vaddr + p->note.size != run->start ||
	    strcmp(p->note.image, image) || p->note.has_old != !!old) {
		struct cr_error *err = end_note(p);
		if (err)
			return err;
		strcpy(p->note.image, image);
		p->note.vaddr = run->start;
		p->note.has_old = old;
	}
	add_shown(p, old, data, size);
	return NULL;
}

/* The page that an address is in, if all of it can be read: what is written often
 * comes many to a page. */
static const uint8_t *whole_page(struct poke *p, uint64_t vaddr)
{
	uint32_t size = p->m.pages.space.page_size;
	uint64_t start = vaddr - vaddr % size;
	struct cr_run run;
	if (p->old.has && p->old.vaddr == start)
		return p->old.page;
	p->old.has = false;
	struct cr_error *err = cr_pages_run(&p->m.pages, start, &run);
	bool is = !err && cr_run_is_readable(&run) && run.end - start >= size;
	if (is)
		err = cr_pages_fill(&p->m.pages, &run, start, p->old.page, size);
	p->old.has = is && !err;
	p->old.vaddr = start;
	cr_error_free(err);
	return p->old.has ? p->old.page : NULL;
}

static struct cr_error *read_part(struct poke *p, const struct cr_run *run,
				  uint8_t *to, size_t size)
{
	const uint8_t *page = whole_page(p, run->start);
	if (!page)
		return cr_pages_fill(&p->m.pages, run, run->start, to, size);
	memcpy(to, page + run->start % p->m.pages.space.page_size, size);
	return NULL;
}

/* A part of what is written, within a run; left alone if it is there already. */
static struct cr_error *take_part(struct poke *p, const struct cr_run *run,
				  const uint8_t *data, size_t size)
{
	uint8_t *old = p->page;
	struct cr_error *err = NULL;
	if (!cr_run_is_readable(run))
		old = NULL;
	else
		err = read_part(p, run, old, size);
	if (err || (old && !memcmp(old, data, size)))
		return err;
	err = place_run(p, run, data, size);
	return err ? err : note(p, run, old, data, size);
}

/* Goes through it in parts of at most a page. */
static struct cr_error *take_all(struct poke *p, uint64_t vaddr,
				 const uint8_t *data, size_t size)
{
	uint32_t page_size = p->m.pages.space.page_size;
	struct cr_error *err = NULL;
	while (!err && size) {
		struct cr_run run;
		size_t n = page_size - (size_t)(vaddr % page_size);
		err = cr_pages_run(&p->m.pages, vaddr, &run);
		if (err)
			break;
		if (n > size)
			n = size;
		if (n > run.end - vaddr)
			n = (size_t)(run.end - vaddr);
		err = take_part(p, &run, data, n);
		vaddr += n;
		data += n;
		size -= n;
	}
	return err;
}

/* ---- pages ---- */

/* A page of the pagemap at hand as it was. */
static struct cr_error *read_old(struct poke *p, uint64_t vaddr, uint32_t size)
{
	struct cr_run run;
	struct cr_error *err = cr_pages_run(&p->m.pages, vaddr, &run);
	/* What an object does not have is zeros. */
	if (!err && p->m.is_shared && run.kind == CR_RUN_NONE) {
		memset(p->page, 0, size);
		return NULL;
	}
	return err ? err : cr_pages_read(&p->m.pages, vaddr, p->page, size);
}

/* The page as it shall be, in p->page. Pages come by ascending address. */
static struct cr_error *make_page(struct poke *p, uint64_t vaddr, uint32_t size)
{
	uint64_t end = vaddr + size;
	struct cr_error *err = NULL;
	while (p->mine->vaddr + p->mine->size <= vaddr)
		p->mine++;
	if (p->mine->vaddr > vaddr || p->mine->vaddr + p->mine->size < end)
		err = read_old(p, vaddr, size);
	for (const struct stretch *s = p->mine;
	     !err && s < p->mine_end && s->vaddr < end; s++) {
		uint64_t a = s->vaddr > vaddr ? s->vaddr : vaddr;
		uint64_t b = s->vaddr + s->size < end ? s->vaddr + s->size :
							end;
		memcpy(p->page + (a - vaddr), s->data + (a - s->vaddr),
		       (size_t)(b - a));
	}
	return err;
}

static struct cr_error *put_pages(struct poke *p, uint64_t start, uint64_t end)
{
	uint32_t size = p->m.map.page_size;
	struct cr_error *err = NULL;
	for (; !err && start < end; start += size) {
		err = make_page(p, start, size);
		if (!err)
			err = cr_pages_writer_put(&p->m.w, p->page, size);
	}
	return err;
}

/* An entry for pages that are to be here. */
static struct cr_error *put_entry(struct poke *p,
				  const struct cr_pagemap_entry *like,
				  uint32_t flags, uint64_t start, uint64_t end)
{
	uint64_t nr = (end - start) / p->m.map.page_size;
	struct cr_error *err =
		cr_pages_writer_entry(&p->m.w, like, start, nr, flags);
	return err ? err : put_pages(p, start, end);
}

/* New entries for pages to write that come before `end` and have none. */
static struct cr_error *fill_gap(struct poke *p, uint64_t end)
{
	struct cr_error *err = NULL;
	while (!err && p->next < p->nr_todo && p->todo[p->next].start < end) {
		struct pages *t = &p->todo[p->next];
		uint64_t stop = t->end < end ? t->end : end;
		err = put_entry(p, &p->form, CR_RANGE_PRESENT, t->start, stop);
		t->start = stop;
		p->next += t->start == t->end;
	}
	return err;
}

/* Pages that are not to be written. */
static struct cr_error *put_rest(struct poke *p,
				 const struct cr_pagemap_entry *entry,
				 const struct cr_range *range, bool here,
				 uint64_t start, uint64_t end)
{
	/* Pages of a parent that are here as well are not looked at. */
	uint32_t flags = range->flags & (CR_RANGE_PARENT | CR_RANGE_LAZY);
	if (start == end)
		return NULL;
	if (here)
		return cr_repage_bytes(&p->m, range, start, end);
	return cr_pages_writer_entry(&p->m.w, entry, start,
				     (end - start) / p->m.map.page_size,
				     flags);
}

/* An entry some of whose pages are written: changed if they are here, else
 * split. */
static struct cr_error *change_entry(struct poke *p,
				     const struct cr_pagemap_entry *entry,
				     const struct cr_range *range)
{
	uint64_t at = range->start, end = cr_range_end(&p->m.map, range);
	uint32_t lazy = range->flags & CR_RANGE_LAZY;
	bool here = range->flags & CR_RANGE_PRESENT &&
		    !(range->flags & CR_RANGE_PARENT);
	struct cr_error *err = NULL;
	if (here)
		err = cr_pages_writer_entry(&p->m.w, entry, at, range->nr_pages,
					    lazy | CR_RANGE_PRESENT);
	while (!err && p->next < p->nr_todo && p->todo[p->next].start < end) {
		struct pages *t = &p->todo[p->next];
		uint64_t stop = t->end < end ? t->end : end;
		err = put_rest(p, entry, range, here, at, t->start);
		if (err)
			break;
		err = here ? put_pages(p, t->start, stop) :
			     put_entry(p, entry, lazy | CR_RANGE_PRESENT,
				       t->start, stop);
		at = t->start = stop;
		p->next += t->start == t->end;
	}
	return err ? err : put_rest(p, entry, range, here, at, end);
}

static struct cr_error *poke_entry(struct cr_repage *m, void *arg,
				   const struct cr_pagemap_entry *entry,
				   const struct cr_range *range)
{
	struct poke *p = arg;
	if (!entry)
		return fill_gap(p, UINT64_MAX);
	p->form = *entry;
	p->form.data = (const uint8_t *)"";
	p->form.blocks = NULL;
	p->form.size = p->form.flags = 0;
	p->form.has_extra = false;
	struct cr_error *err =
		range ? fill_gap(p, range->start) : NULL;
	if (err)
		return err;
	if (!range || p->next == p->nr_todo ||
	    p->todo[p->next].start >= cr_range_end(&m->map, range))
		return cr_repage_keep(m, entry, range);
	return change_entry(p, entry, range);
}

/* ---- one pagemap ---- */

/* The pages that something is written to, from p->mine on. */
static struct cr_error *list_pages(struct poke *p)
{
	uint64_t mask = p->m.map.page_size - 1;
	free(p->todo);
	p->nr_todo = p->next = 0;
	p->todo = calloc((size_t)(p->mine_end - p->mine), sizeof(p->todo[0]));
	if (!p->todo)
		return cr_enomem;
	for (const struct stretch *s = p->mine; s < p->mine_end; s++) {
		uint64_t start = s->vaddr & ~mask;
		uint64_t end = ((s->vaddr + s->size - 1) | mask) + 1;
		struct pages *last = p->todo + p->nr_todo - 1;
		if (p->nr_todo && last->end >= start)
			last->end = end;
		else
			p->todo[p->nr_todo++] = (struct pages){ start, end };
	}
	return NULL;
}

/* Whether all of it is in plain pages that are here. */
static bool is_plain(const struct poke *p)
{
	for (size_t i = 0; i < p->nr_todo; i++) {
		uint64_t at = p->todo[i].start;
		while (at < p->todo[i].end) {
			size_t k = cr_pagemap_find(&p->m.map, at);
			const struct cr_range *r = &p->m.map.range[k];
			if (k == p->m.map.nr || r->start > at ||
			    (r->flags & ~(unsigned)(CR_RANGE_ALIGNED |
						    CR_RANGE_LAZY)) !=
				    CR_RANGE_PRESENT)
				return false;
			at = cr_range_end(&p->m.map, r);
		}
	}
	return true;
}

/* Whole pages: what is written often comes many to a page. */
static struct cr_error *patch_pages(struct poke *p, int fd,
				    const struct pages *t)
{
	uint32_t size = p->m.map.page_size;
	struct cr_error *err = NULL;
	for (uint64_t at = t->start; !err && at < t->end; at += size) {
		const struct cr_range *r =
			&p->m.map.range[cr_pagemap_find(&p->m.map, at)];
		err = make_page(p, at, size);
		if (!err)
			err = cr_io_pwrite(fd, p->page, size,
					   r->off + (at - r->start));
	}
	return err;
}

static struct cr_error *patch(struct poke *p)
{
	char name[32];
	cr_auto_close int fd = -1;
	snprintf(name, sizeof(name), "pages-%u.img",
		 (unsigned)p->m.map.pages_id);
	struct cr_error *err = cr_change_clone(p->change, name, name, &fd);
	for (size_t i = 0; !err && i < p->nr_todo; i++)
		err = patch_pages(p, fd, &p->todo[i]);
	return err;
}

/* The one that stretches from p->mine to p->mine_end are of. */
static struct cr_error *write_pagemap(struct poke *p)
{
	bool there;
	uint32_t block_size, id = p->mine->id;
	struct cr_error *err =
		cr_repage_open(&p->m, p->mine->is_shared, id, &there);
	if (!err && !there)
		err = cr_error_new(CR_ERR_UNSUPPORTED,
				   "process %u has no pagemap to put pages in",
				   (unsigned)id);
	if (!err)
		err = list_pages(p);
	if (err)
		return err;
	if (is_plain(p))
		return patch(p);
	p->form = (struct cr_pagemap_entry){
		.data = (const uint8_t *)"",
		.compat_nr_pages = 1,
		.has_nr_pages = true,
		.has_flags = true,
	};
	err = cr_repage_block_size(&p->m, &block_size);
	return err ? err :
		     cr_repage_write(&p->m, block_size, 1, false, poke_entry,
				     p);
}

static int compare_pagemaps(const struct stretch *a, const struct stretch *b)
{
	if (a->is_shared != b->is_shared)
		return a->is_shared ? 1 : -1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;
	int order = compare_pagemaps(x, y);
	return order ?: x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

static bool is_same(const struct stretch *a, const struct stretch *b)
{
	return !compare_pagemaps(a, b) && a->vaddr == b->vaddr &&
	       a->size == b->size && !memcmp(a->data, b->data, a->size);
}

/* Shared memory may be mapped at two addresses that are both written to. */
static struct cr_error *sort_stretches(struct poke *p)
{
	size_t nr = 0;
	if (p->nr)
		qsort(p->stretch, p->nr, sizeof(p->stretch[0]),
		      compare_stretches);
	for (size_t i = 0; i < p->nr; i++) {
		const struct stretch *b = &p->stretch[i];
		const struct stretch *a = nr ? &p->stretch[nr - 1] : NULL;
		if (a && is_same(a, b))
			continue;
		if (a && !compare_pagemaps(a, b) &&
		    a->vaddr + a->size > b->vaddr)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "byte %llu of %s %u is written to "
					    "twice",
					    (ull)b->vaddr,
					    b->is_shared ? "shared memory" :
							   "process",
					    (unsigned)b->id);
		p->stretch[nr++] = *b;
	}
	p->nr = nr;
	return NULL;
}

static struct cr_error *write_pagemaps(struct poke *p)
{
	struct cr_error *err = sort_stretches(p);
	for (size_t i = 0; !err && i < p->nr;) {
		p->mine = &p->stretch[i];
		for (i++; i < p->nr &&
			  !compare_pagemaps(p->mine, &p->stretch[i]); i++)
			;
		p->mine_end = p->stretch + i;
		err = write_pagemap(p);
	}
	return err;
}

/* Opens the process of p->pid. */
static struct cr_error *open_process(struct poke *p)
{
	bool there;
	struct cr_error *err = cr_repage_open(&p->m, false, p->pid, &there);
	if (err)
		return err;
	free(p->page);
	free(p->old.page);
	p->old.has = false;
	p->page = malloc(p->m.pages.space.page_size);
	p->old.page = malloc(p->m.pages.space.page_size);
	return p->page && p->old.page ? NULL : cr_enomem;
}

static struct cr_error *take(struct poke *p, const struct cr_poke *one)
{
	struct cr_error *err = NULL;
	if (one->size > UINT64_MAX - one->vaddr)
		return beyond(one->vaddr, one->size);
	if (!p->page || p->pid != one->pid) {
		p->pid = one->pid;
		err = open_process(p);
	}
	return err ? err : take_all(p, one->vaddr, one->data, one->size);
}

static struct cr_error *take_list(struct poke *p, const struct cr_poke *list,
				  size_t nr)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < nr; i++) {
		err = take(p, &list[i]);
		if (err && nr > 1)
			err = cr_error_at(err, "process %u", list[i].pid);
		if (!err && (i + 1 == nr || list[i + 1].pid != p->pid))
			err = end_note(p);
	}
	return err ? err : write_pagemaps(p);
}

struct cr_error *cr_poke_all(struct cr_change *change,
			     const struct cr_poke *list, size_t nr,
			     const char *sysroot)
{
	struct poke p = { .change = change };
	struct cr_error *err = cr_repage_init(&p.m, change, sysroot);
	if (err)
		return err;
	err = take_list(&p, list, nr);
	cr_repage_deinit(&p.m);
	free(p.stretch);
	free(p.todo);
	free(p.page);
	free(p.old.page);
	return err;
}

struct cr_error *cr_poke(struct cr_change *change, uint32_t pid,
			 uint64_t vaddr, const void *data, size_t size,
			 const char *sysroot)
{
	const struct cr_poke one = { pid, vaddr, data, size };
	return cr_poke_all(change, &one, 1, sysroot);
}
