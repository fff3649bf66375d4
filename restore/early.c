// SPDX-License-Identifier: MIT
#include "restore/early.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/cleanup.h"
#include "restore/fd/kind.h"
#include "restore/fill.h"
#include "restore/shared.h"
#include "restore/steps.h"

/* Bytes that follow each other, at `off` of the data. */
struct piece {
	uint64_t start;
	size_t size, off;
};

struct cr_early {
	uint32_t shmid; // of an object
	uint64_t object_size;
	uint8_t *data;
	size_t size, used;
	struct piece *piece; // ascending
	size_t nr;
};

/* ---- what is read ---- */

typedef struct cr_error *run_fn(struct cr_early *early, struct cr_pages *pages,
				const struct cr_run *r,
				const uint8_t *parents);

// Each run of [start, end) that has bytes; of a process, if they are its own.
static struct cr_error *each_run(struct cr_early *early, struct cr_pages *pages,
				 const struct cr_proc *proc, uint64_t start,
				 uint64_t end, run_fn *fn, bool parents)
{
	struct cr_error *err = NULL;
	for (uint64_t at = start; !err && at < end;) {
		struct cr_run r;
		err = cr_pages_run(pages, at, &r);
		if (err)
			return err;
		if (r.kind == CR_RUN_LAZY)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "pages were left to be sent later");
		if (r.end > end)
			r.end = end;
		if (proc ? cr_fill_is_own(proc, &r) : r.kind == CR_RUN_DATA)
			err = fn(early, pages, &r,
				 parents ? cr_fill_address(r.start) : NULL);
		at = r.end;
	}
	return err;
}

// A mapping that the process has as the first process had it, which is its parent:
// then that one's memory is here, at the same place.
static bool is_parents(const struct cr_rplan *plan, const struct cr_proc *proc,
		       const struct cr_mapping *m)
{
	const struct cr_proc *parent = proc->parent;
	size_t low = 0, high = parent ? parent->nr_mappings : 0;
	if (parent != plan->proc)
		return false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (parent->mapping[mid].vma->start < m->vma->start)
			low = mid + 1;
		else
			high = mid;
	}
	const struct cr_mapping *p = parent->mapping + low;
	return low < parent->nr_mappings && p->early && cr_map_is_alike(m, p);
}

static struct cr_error *each_of_process(struct cr_rplan *plan,
					struct cr_proc *proc, run_fn *fn)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < proc->nr_mappings; i++) {
		const struct cr_mapping *m = proc->mapping + i;
		if (m->filled && !m->early)
			err = each_run(proc->early, &proc->pages, proc,
				       m->vma->start, m->vma->end, fn,
				       is_parents(plan, proc, m));
	}
	return err;
}

static struct cr_error *each_of_object(struct cr_rplan *plan,
				       struct cr_early *early, run_fn *fn)
{
	struct cr_pages pages = { .file_fd = -1 };
	struct cr_error *err =
		cr_pages_open_object(&pages, &plan->memory, early->shmid);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return NULL; // never touched
	if (!err)
		err = each_run(early, &pages, NULL, 0, early->object_size, fn,
			       false);
	cr_pages_close(&pages);
	return err ? cr_error_at(err, "pagemap-shmem-%u.img",
				 (unsigned)early->shmid) :
		     NULL;
}

/* ---- room ---- */

static struct cr_error *count(struct cr_early *early, struct cr_pages *pages,
			      const struct cr_run *r, const uint8_t *parents)
{
	early->size += r->end - r->start;
	return NULL;
}

static struct cr_error *reserve(struct cr_early *early)
{
	if (!early->size)
		return NULL;
	void *p = mmap(NULL, early->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return cr_error_sys("map %zu bytes", early->size);
	early->data = p;
	return NULL;
}

static struct cr_error *add_object(struct cr_rplan *plan, uint32_t shmid,
				   uint64_t size)
{
	struct cr_early *early = reallocarray(plan->early_object,
					      plan->nr_early_objects + 1,
					      sizeof(*early));
	if (!early)
		return cr_enomem;
	plan->early_object = early;
	early += plan->nr_early_objects++;
	*early = (struct cr_early){ .shmid = shmid, .object_size = size };
	struct cr_error *err = each_of_object(plan, early, count);
	return err ?: reserve(early);
}

static struct cr_error *reserve_objects(struct cr_rplan *plan)
{
	struct cr_error *err = NULL;
	uint32_t shmid;
	uint64_t size;
	for (size_t i = 0; !err && i < plan->nr_shared; i++)
		err = add_object(plan, plan->shared[i].shmid,
				 plan->shared[i].size);
	for (size_t i = 0; !err && cr_memfd_object(plan, i, &shmid, &size); i++)
		err = add_object(plan, shmid, size);
	return err;
}

struct cr_error *cr_early_reserve(struct cr_rplan *plan)
{
	cr_rplan_each_proc(proc, plan) {
		if (proc->zombie)
			continue;
		proc->early = calloc(1, sizeof(*proc->early));
		if (!proc->early)
			return cr_enomem;
		struct cr_error *err = each_of_process(plan, proc, count);
		if (!err)
			err = reserve(proc->early);
		if (err)
			return cr_error_at(err, "process %u",
					   (unsigned)proc->vpid);
	}
	return reserve_objects(plan);
}

/* ---- reading ---- */

#define CHUNK (1u << 20)

// The bytes that have been put behind what is used.
static struct cr_error *keep(struct cr_early *early, uint64_t start, size_t size)
{
	struct piece *last = early->nr ? &early->piece[early->nr - 1] : NULL;
	size_t off = early->used, nr = early->nr;
	early->used += size;
	if (last && last->start + last->size == start) {
		last->size += size;
		return NULL;
	}
	// The room is doubled when it is full.
	if (!(nr & (nr - 1))) {
		void *more = reallocarray(early->piece, nr ? nr * 2 : 1,
					  sizeof(early->piece[0]));
		if (!more)
			return cr_enomem;
		early->piece = more;
	}
	early->piece[early->nr++] = (struct piece){ start, size, off };
	return NULL;
}

static struct cr_error *keep_changed(struct cr_early *early, uint64_t start,
				     size_t size, const uint8_t *parents,
				     size_t page)
{
	const uint8_t *data = early->data + early->used;
	struct cr_error *err = NULL;
	for (size_t at = 0; !err && at < size; at += page) {
		if (!memcmp(data + at, parents + at, page))
			continue;
		// What is kept lies before it.
		memmove(early->data + early->used, data + at, page);
		err = keep(early, start + at, page);
	}
	return err;
}

static struct cr_error *read_run(struct cr_early *early, struct cr_pages *pages,
				 const struct cr_run *r, const uint8_t *parents)
{
	struct cr_error *err = NULL;
	for (uint64_t at = r->start; !err && at < r->end; at += CHUNK) {
		size_t size = r->end - at < CHUNK ? r->end - at : CHUNK;
		err = cr_pages_fill(pages, r, at, early->data + early->used,
				    size);
		if (err)
			return err;
		err = parents ? keep_changed(early, at, size,
					     parents + (at - r->start),
					     pages->space.page_size) :
				keep(early, at, size);
	}
	return err;
}

struct cr_error *cr_early_read(struct cr_rplan *plan)
{
	struct cr_error *err = NULL;
	cr_rplan_each_proc(proc, plan) {
		if (!proc->early)
			continue;
		err = each_of_process(plan, proc, read_run);
		if (err)
			return cr_error_at(err, "process %u",
					   (unsigned)proc->vpid);
	}
	for (size_t i = 0; !err && i < plan->nr_early_objects; i++)
		err = each_of_object(plan, plan->early_object + i, read_run);
	return err;
}

static void drop(struct cr_early *early)
{
	if (early->data)
		munmap(early->data, early->size);
	free(early->piece);
}

void cr_early_drop(struct cr_rplan *plan)
{
	cr_rplan_each_proc(proc, plan) {
		if (proc->early)
			drop(proc->early);
		free(proc->early);
		proc->early = NULL;
	}
	for (size_t i = 0; i < plan->nr_early_objects; i++)
		drop(plan->early_object + i);
	free(plan->early_object);
	plan->early_object = NULL;
	plan->nr_early_objects = 0;
}

/* ---- in a copy ---- */

const struct cr_early *cr_early_object(const struct cr_rplan *plan,
				       uint32_t shmid)
{
	for (size_t i = 0; i < plan->nr_early_objects; i++) {
		if (plan->early_object[i].shmid == shmid)
			return plan->early_object + i;
	}
	return NULL;
}

// The first piece that ends after `at`.
static size_t first_after(const struct cr_early *early, uint64_t at)
{
	size_t low = 0, high = early->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (early->piece[mid].start + early->piece[mid].size <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void cr_early_copy(const struct cr_early *early, uint64_t start, uint64_t end,
		   void *to, size_t page)
{
	for (size_t i = first_after(early, start); i < early->nr; i++) {
		const struct piece *p = early->piece + i;
		uint64_t a = p->start > start ? p->start : start;
		uint64_t b = p->start + p->size < end ? p->start + p->size : end;
		if (a >= end)
			break;
		cr_fill_copy((uint8_t *)to + (a - start),
			     early->data + p->off + (a - p->start), b - a,
			     page);
	}
}
