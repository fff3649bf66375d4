// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "crit/x/views.h"
#include "images/pagemap.pb-c.h"
#include "lib/image/walk.h"

enum { FILE_MAPPED = 1 << 6 | 1 << 7 }; /* vma_entry.status */

struct rss {
	struct cr_x *x;
	uint32_t pid;
	const struct cr_mm *mm;
	size_t vma;   /* the first that may still be covered */
	size_t shown; /* 1 + the last that was named */
	uint64_t end; /* of the pages before */
};

static void show_vma(struct rss *r, size_t i)
{
	const VmaEntry *vma = r->mm->vma[i];
	uint64_t nr_pages = (vma->end - vma->start) >> r->mm->page_shift;
	struct cr_x_from from = { r->mm->old.nr ? "vmas" : "mm", r->pid,
				  r->mm->old.nr ? "entry" : "vma", i };
	bool again = r->shown == i + 1;
	if (again)
		cr_x_text(r->x, " ~");
	else
		cr_x_text(r->x, " %08llx / %-8llu",
			  (unsigned long long)vma->start,
			  (unsigned long long)nr_pages);
	cr_x_open(r->x, NULL, '{');
	cr_x_hex(r->x, "start", vma->start);
	cr_x_hex(r->x, "end", vma->end);
	cr_x_u64(r->x, "nr_pages", nr_pages);
	if (vma->status & FILE_MAPPED && (r->x->json || !again)) {
		cr_x_text(r->x, " ");
		cr_x_file(r->x, "file", FD_TYPES__REG, (uint32_t)vma->shmid,
			  from);
	}
	cr_x_close(r->x, '}');
	cr_x_text(r->x, "\n\t%23s", "");
	r->shown = i + 1;
}

/* Pages after an address, up to the end of the address space. */
static uint64_t end_of(uint64_t vaddr, uint64_t nr_pages, unsigned shift)
{
	uint64_t end;
	if (nr_pages > UINT64_MAX >> shift ||
	    __builtin_add_overflow(vaddr, nr_pages << shift, &end))
		return UINT64_MAX;
	return end;
}

static void show_vmas(struct rss *r, uint64_t start, uint64_t end)
{
	VmaEntry *const *vma = r->mm->vma;
	size_t nr = r->mm->nr_vmas, first;
	while (r->vma < nr && vma[r->vma]->end <= start)
		r->vma++;
	first = r->vma;
	while (r->vma < nr && vma[r->vma]->start < end && !r->x->err)
		show_vma(r, r->vma++);
	/* The next run may be in the last of them. */
	if (r->vma > first)
		r->vma--;
}

static void check_order(struct rss *r, uint64_t i, uint64_t vaddr, uint64_t end)
{
	if (vaddr < r->end)
		cr_x_find(r->x, cr_error_new(CR_ERR_FORMAT,
					     "pagemap-%u.img: entry %llu: "
					     "0x%llx comes before 0x%llx, "
					     "where the pages before it end",
					     r->pid, (unsigned long long)i,
					     (unsigned long long)vaddr,
					     (unsigned long long)r->end));
	r->end = end;
}

static struct cr_error *show_run(void *arg, uint64_t i,
				 const ProtobufCMessage *msg)
{
	struct rss *r = arg;
	const PagemapEntry *run = (const void *)msg;
	char text[64];
	if (!i)
		return NULL; /* the head */
	uint64_t nr_pages = run->has_nr_pages ? run->nr_pages :
						run->compat_nr_pages;
	uint64_t end = end_of(run->vaddr, nr_pages, r->mm->page_shift);
	check_order(r, i, run->vaddr, end);
	snprintf(text, sizeof(text), "\t%llx / %-8llu",
		 (unsigned long long)run->vaddr, (unsigned long long)nr_pages);
	cr_x_text(r->x, "%-24s", text);
	cr_x_open(r->x, NULL, '{');
	cr_x_hex(r->x, "vaddr", run->vaddr);
	cr_x_u64(r->x, "nr_pages", nr_pages);
	if (run->has_flags)
		cr_x_u64(r->x, "flags", run->flags);
	else if (run->has_in_parent)
		cr_x_bool(r->x, "in_parent", run->in_parent);
	cr_x_open(r->x, "vmas", '[');
	show_vmas(r, run->vaddr, end);
	cr_x_close(r->x, ']');
	cr_x_close(r->x, '}');
	cr_x_text(r->x, "\n");
	return NULL;
}

static void show_runs(struct cr_x *x, uint32_t pid)
{
	struct cr_mm mm = { 0 };
	struct rss r = { x, pid, &mm, 0, 0, 0 };
	char name[64];
	cr_x_find(x, cr_mm_load(&x->set, pid, &mm));
	cr_x_check_order(x, pid, &mm);
	snprintf(name, sizeof(name), "pagemap-%u.img", pid);
	cr_x_u64(x, "page_size", 1ull << mm.page_shift);
	cr_x_open(x, "runs", '[');
	struct cr_error *err = cr_walk(&x->set, name,
				       &pagemap_entry__descriptor, show_run, &r);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	cr_x_find(x, err);
	cr_x_close(x, ']');
	cr_mm_free(&mm);
}

void cr_x_view_rss(struct cr_x *x)
{
	cr_x_open(x, NULL, '[');
	cr_x_for_each(task, x) {
		if (!cr_x_open_process(x, task))
			show_runs(x, task->entry->pid);
		cr_x_close(x, '}');
	}
	cr_x_close(x, ']');
}
