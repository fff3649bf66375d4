// SPDX-License-Identifier: MIT
/*
 * The address space of a process: it moves its vdso to where it was; when it is
 * seized all goes that is not its own, and the kernel is told what is where.
 *
 * Facts: man 2 prctl (PR_SET_MM_MAP), man 2 mremap; Linux v6.12
 * include/uapi/linux/prctl.h.
 */
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "restore/arch/arch.h"
#include "restore/inject.h"
#include "restore/maps.h"
#include "restore/steps.h"
#include "restore/vdso.h"

static void *address(uint64_t vaddr)
{
	return (void *)(uintptr_t)vaddr; // NOLINT: an address of the image
}

/* ---- what is ours ---- */

struct range {
	uint64_t start, end;
};

// What stays, in ascending order: mappings, and in between others.
struct kept {
	const struct cr_proc *proc;
	size_t i; // next mapping
	struct range other[2];
};

static struct range our_vdso(const struct cr_restore *run)
{
	struct range r;
	cr_maps_vdso(run->plan->own, &r.start, &r.end);
	return r;
}

static struct kept keep(const struct cr_restore *run, const struct cr_proc *p)
{
	struct range vdso = { p->vdso, p->vdso_end };
	return (struct kept){
		.proc = p,
		.other[0] = { p->scratch, p->scratch + CR_SCRATCH_SIZE },
		.other[1] = p->vdso_leads ? our_vdso(run) : vdso,
	};
}

// The first kept range that ends after `at`; false if there is none.
static bool next_kept(struct kept *k, uint64_t at, struct range *ret)
{
	const struct cr_proc *p = k->proc;
	while (k->i < p->nr_mappings && p->mapping[k->i].vma->end <= at)
		k->i++;
	bool any = k->i < p->nr_mappings;
	if (any)
		*ret = (struct range){ p->mapping[k->i].vma->start,
				       p->mapping[k->i].vma->end };
	for (int i = 0; i < 2; i++) {
		const struct range *r = &k->other[i];
		if (r->end > at && (!any || r->start < ret->start)) {
			*ret = *r;
			any = true;
		}
	}
	return any;
}

// A range to be unmapped, which grows as long as nothing is kept in between.
struct ours {
	struct cr_thread *thread;
	uint64_t start, end; // equal: nothing yet
};

static struct cr_error *unmap(struct ours *o)
{
	uint64_t start = o->start, size = o->end - o->start;
	if (!size)
		return NULL;
	o->start = o->end = 0;
	return cr_inject(o->thread, NULL, munmap, start, size);
}

static void grow(struct ours *o, uint64_t start, uint64_t end)
{
	if (o->start == o->end)
		o->start = start;
	o->end = end;
}

// An area may be ours in part: the kernel joins what is alike.
static struct cr_error *area(struct ours *o, struct kept *k,
			     const struct cr_area *a)
{
	struct cr_error *err = NULL;
	for (uint64_t at = a->start; !err && at < a->end;) {
		struct range r;
		if (!next_kept(k, at, &r))
			r.start = r.end = UINT64_MAX;
		if (r.start > at) {
			uint64_t stop = r.start < a->end ? r.start : a->end;
			grow(o, at, stop);
			at = stop;
		} else {
			err = unmap(o);
			at = r.end;
		}
	}
	return err;
}

static struct cr_error *unmap_areas(struct cr_restore *run,
				    struct cr_thread *thread)
{
	struct cr_proc *proc = thread->proc;
	struct kept k = keep(run, proc);
	struct ours o = { .thread = thread };
	struct cr_maps maps;
	char name[24];
	snprintf(name, sizeof(name), "%d", (int)proc->pid);
	struct cr_error *err = cr_maps_read(run->proc_fd, name, &maps);
	if (err)
		return err;
	for (size_t i = 0; !err && i < maps.nr; i++) {
		if (maps.area[i].kind == CR_AREA_OTHER)
			err = area(&o, &k, &maps.area[i]);
		else
			err = unmap(&o);
	}
	cr_maps_free(&maps);
	return err ?: unmap(&o);
}

// The kernel's and ours that are above all others do not move.
static uint64_t top_of_ours(const struct cr_restore *run)
{
	const struct cr_maps *own = run->plan->own;
	uint64_t top = 0;
	for (size_t i = 0; i < own->nr; i++) {
		if (own->area[i].kind != CR_AREA_VSYSCALL)
			top = own->area[i].end;
	}
	return top;
}

#define GAPS_MAX 16

// What lies between what is kept; false: too many.
static bool find_gaps(const struct cr_restore *run, const struct cr_proc *proc,
		      struct range gap[GAPS_MAX], size_t *nr_ret)
{
	struct kept k = keep(run, proc);
	uint64_t top = top_of_ours(run);
	struct range r;
	*nr_ret = 0;
	for (uint64_t at = 0; at < top; at = r.end) {
		if (!next_kept(&k, at, &r) || r.start > top)
			r.start = r.end = top;
		if (r.start <= at)
			continue;
		if (*nr_ret == GAPS_MAX)
			return false;
		gap[(*nr_ret)++] = (struct range){ at, r.start };
	}
	return true;
}

// To know where we are takes longer than to unmap what is not there.
struct cr_error *cr_self_unmap(struct cr_restore *run, struct cr_thread *thread)
{
	struct range gap[GAPS_MAX];
	size_t nr;
	struct cr_error *err = NULL;
	if (!find_gaps(run, thread->proc, gap, &nr))
		return unmap_areas(run, thread);
	for (size_t i = 0; !err && i < nr; i++)
		err = cr_inject(thread, NULL, munmap, gap[i].start,
				gap[i].end - gap[i].start);
	return err;
}

/* ---- the vdso ---- */

static struct cr_error *move(const struct cr_maps *own, uint64_t base,
			     uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < own->nr; i++) {
		const struct cr_area *a = own->area + i;
		uint64_t at = a->start - base, size = a->end - a->start;
		if (a->kind != CR_AREA_VDSO && a->kind != CR_AREA_VVAR)
			continue;
		if (mremap(address(from + at), size, size,
			   MREMAP_MAYMOVE | MREMAP_FIXED,
			   address(to + at)) == MAP_FAILED)
			return cr_error_sys("move it to 0x%llx",
					    (unsigned long long)(to + at));
	}
	return NULL;
}

// Nothing that it has is called from here on: the C library does not know.
struct cr_error *cr_vdso_move(struct cr_restore *run, struct cr_proc *proc)
{
	uint64_t start, end, to = proc->vdso, hop = 0;
	const struct cr_maps *own = run->plan->own;
	if (proc->vdso_leads)
		return cr_vdso_lead(run, proc);
	cr_maps_vdso(own, &start, &end);
	if (to == start)
		return NULL;
	// Parts cannot be moved over each other; there is room behind the
	// scratch memory (map.c).
	if (to < end && start < to + (end - start))
		hop = proc->scratch + CR_SCRATCH_SIZE;
	struct cr_error *err = hop ? move(own, start, start, hop) : NULL;
	return err ?: move(own, start, hop ? hop : start, to);
}

/* ---- what the kernel is told ---- */

#define AUXV_OFF 256

struct cr_error *cr_mm_describe(struct cr_restore *run,
				struct cr_thread *thread)
{
	const MmEntry *e = thread->proc->mm.entry;
	uint64_t auxv = thread->proc->scratch + AUXV_OFF;
	struct prctl_mm_map map = {
		.start_code = e->mm_start_code,
		.end_code = e->mm_end_code,
		.start_data = e->mm_start_data,
		.end_data = e->mm_end_data,
		.start_brk = e->mm_start_brk,
		.brk = e->mm_brk,
		.start_stack = e->mm_start_stack,
		.arg_start = e->mm_arg_start,
		.arg_end = e->mm_arg_end,
		.env_start = e->mm_env_start,
		.env_end = e->mm_env_end,
		.auxv_size = (uint32_t)(e->n_mm_saved_auxv * 8),
		.exe_fd = (uint32_t)run->board->slot[thread->proc->i].exe_fd,
	};
	memcpy(&map.auxv, &auxv, sizeof(auxv));
	struct cr_error *err = cr_scratch(thread, 0, &map, sizeof(map));
	if (!err)
		err = cr_scratch(thread, AUXV_OFF, e->mm_saved_auxv,
				 e->n_mm_saved_auxv * 8);
	if (!err)
		err = cr_inject(thread, NULL, prctl, PR_SET_MM, PR_SET_MM_MAP,
				thread->proc->scratch, sizeof(map));
	return err;
}

struct cr_error *cr_scratch_unmap(struct cr_restore *run,
				  struct cr_thread *thread)
{
	struct cr_proc *proc = thread->proc;
	struct cr_error *err = cr_inject_now(thread);
	proc->joins_calls = false; // the code is there
	return err ?: cr_inject(thread, NULL, munmap, proc->scratch,
				CR_SCRATCH_SIZE);
}
