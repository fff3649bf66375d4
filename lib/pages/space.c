// SPDX-License-Identifier: MIT
#include "lib/pages/space.h"

#include <stdio.h>
#include <stdlib.h>

#include "images/mm.pb-c.h"
#include "images/vma.pb-c.h"

#define AT_PAGESZ 6

typedef unsigned long long ull;

static struct cr_error *add_vma(struct cr_space *space, const VmaEntry *v)
{
	uint64_t end = space->nr ? space->vma[space->nr - 1].end : 0;
	if (v->status & CR_VMA_GUARD)
		return NULL;
	if (v->start >= v->end)
		return cr_error_new(CR_ERR_FORMAT, "0x%llx-0x%llx is no range",
				    (ull)v->start, (ull)v->end);
	if (v->start < end)
		return cr_error_new(CR_ERR_FORMAT,
				    "0x%llx comes before 0x%llx, where the "
				    "mapping before it ends",
				    (ull)v->start, (ull)end);
	space->vma[space->nr++] = (struct cr_vma){
		.start = v->start,
		.end = v->end,
		.pgoff = v->pgoff,
		.shmid = v->shmid,
		.prot = v->prot,
		.flags = v->flags,
		.status = v->status,
	};
	return NULL;
}

static struct cr_error *reserve(struct cr_space *space, size_t nr)
{
	space->vma = malloc((nr + 1) * sizeof(space->vma[0]));
	return space->vma ? NULL : cr_enomem;
}

static struct cr_error *vmas_of_mm(struct cr_space *space, const MmEntry *mm)
{
	struct cr_error *err = reserve(space, mm->n_vmas);
	for (size_t i = 0; !err && i < mm->n_vmas; i++) {
		err = add_vma(space, mm->vmas[i]);
		if (err)
			err = cr_error_at(err, "mapping %zu", i);
	}
	return err;
}

/* Before CRIU 1.2: an image of their own. */
static struct cr_error *vmas_of_image(struct cr_space *space,
				      struct cr_set *set, uint32_t pid)
{
	struct cr_messages m;
	struct cr_error *err = cr_set_load_optionalf(
		set, &vma_entry__descriptor, &m, "vmas-%u.img", (unsigned)pid);
	if (err)
		return err;
	space->no_vmas = !m.nr;
	err = reserve(space, m.nr);
	for (size_t i = 0; !err && i < m.nr; i++) {
		err = add_vma(space, (const VmaEntry *)m.msg[i]);
		if (err)
			err = cr_error_at(err, "vmas-%u.img: entry %zu",
					  (unsigned)pid, i);
	}
	cr_messages_free(&m);
	return err;
}

/* The kernel's stack of the program, which CRIU does not mark. */
static void mark_stack(struct cr_space *space, const MmEntry *mm)
{
	size_t i = cr_space_find(space, mm->mm_start_stack);
	if (i < space->nr && space->vma[i].start <= mm->mm_start_stack &&
	    space->vma[i].status & CR_VMA_ANON_PRIVATE)
		space->vma[i].status |= CR_VMA_STACK;
}

static struct cr_error *page_size_of(struct cr_space *space, const MmEntry *mm)
{
	for (size_t i = 0; i + 1 < mm->n_mm_saved_auxv; i += 2) {
		uint64_t size = mm->mm_saved_auxv[i + 1];
		if (mm->mm_saved_auxv[i] != AT_PAGESZ)
			continue;
		if (size < 4096 || size > 65536 || (size & (size - 1)))
			return cr_error_new(CR_ERR_FORMAT,
					    "the page size of the auxiliary "
					    "vector is %llu",
					    (ull)size);
		space->page_size = (uint32_t)size;
		return NULL;
	}
	return NULL;
}

static struct cr_error *of_mm(struct cr_space *space, struct cr_set *set,
			      uint32_t pid, const MmEntry *mm)
{
	struct cr_error *err = page_size_of(space, mm);
	if (!err && mm->n_vmas)
		err = vmas_of_mm(space, mm);
	if (err)
		return cr_error_at(err, "mm-%u.img: entry 0", (unsigned)pid);
	if (!mm->n_vmas)
		err = vmas_of_image(space, set, pid);
	mark_stack(space, mm);
	return err;
}

static bool has_file(struct cr_set *set, const char *name)
{
	struct cr_file file;
	struct cr_error *err = cr_store_open_file(set->store, name, &file);
	bool has = !err;
	if (err)
		cr_error_free(err);
	else
		cr_file_close(&file);
	return has;
}

struct cr_error *cr_space_init(struct cr_space *space, struct cr_set *set,
			       uint32_t pid)
{
	struct cr_messages m;
	char pagemap[40];
	*space = (struct cr_space){ .page_size = CR_SPACE_PAGE_SIZE };
	snprintf(pagemap, sizeof(pagemap), "pagemap-%u.img", (unsigned)pid);
	struct cr_error *err = cr_set_loadf(set, &mm_entry__descriptor, &m,
					    "mm-%u.img", (unsigned)pid);
	if (err && cr_error_code(err) == CR_ERR_NOT_FOUND &&
	    has_file(set, pagemap)) {
		cr_error_free(err);
		space->no_vmas = true;
		return NULL;
	}
	if (err)
		return err;
	if (!m.nr)
		err = cr_error_new(CR_ERR_FORMAT, "mm-%u.img: is empty",
				   (unsigned)pid);
	else
		err = of_mm(space, set, pid, (const MmEntry *)m.msg[0]);
	cr_messages_free(&m);
	if (err)
		cr_space_deinit(space);
	return err;
}

void cr_space_deinit(struct cr_space *space)
{
	free(space->vma);
	*space = (struct cr_space){ 0 };
}

size_t cr_space_find(const struct cr_space *space, uint64_t vaddr)
{
	size_t low = 0, high = space->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (space->vma[mid].end > vaddr)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}
