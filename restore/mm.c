// SPDX-License-Identifier: MIT
/*
 * The address space of a process: it moves its vdso to where it was; when it is
 * seized what is ours goes, and the kernel is told what is where.
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

// What stays, in ascending order: mappings, the scratch memory, the vdso.
struct kept {
	const struct cr_proc *proc;
	size_t i; // next mapping
};

// The first kept range that ends after `at`; false if there is none.
static bool next_kept(struct kept *k, uint64_t at, uint64_t *start_ret,
		      uint64_t *end_ret)
{
	const struct cr_proc *p = k->proc;
	while (k->i < p->nr_mappings && p->mapping[k->i].vma->end <= at)
		k->i++;
	bool any = k->i < p->nr_mappings;
	if (any) {
		*start_ret = p->mapping[k->i].vma->start;
		*end_ret = p->mapping[k->i].vma->end;
	}
	if (p->scratch + CR_SCRATCH_SIZE > at &&
	    (!any || p->scratch < *start_ret)) {
		*start_ret = p->scratch;
		*end_ret = p->scratch + CR_SCRATCH_SIZE;
		any = true;
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
		uint64_t start, end;
		if (!next_kept(k, at, &start, &end))
			start = end = UINT64_MAX;
		if (start > at) {
			uint64_t stop = start < a->end ? start : a->end;
			grow(o, at, stop);
			at = stop;
		} else {
			err = unmap(o);
			at = end;
		}
	}
	return err;
}

struct cr_error *cr_self_unmap(struct cr_restore *run, struct cr_thread *thread)
{
	struct cr_proc *proc = thread->proc;
	struct kept k = { .proc = proc };
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
