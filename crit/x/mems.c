// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "crit/x/views.h"
#include "lib/pages/space.h"

/* criu/include/image.h, v4.2: bits of vma_entry.status. */
enum {
	REGULAR = 1 << 0,
	STACK = 1 << 1,
	VSYSCALL = 1 << 2,
	VDSO = 1 << 3,
	FILE_PRIVATE = 1 << 6,
	FILE_SHARED = 1 << 7,
	ANON_SHARED = 1 << 8,
	SYSVIPC = 1 << 10,
	SOCKET = 1 << 11,
};

// What a status means: the first row that has one of the bits. A label makes it
// an object shared by number; without label and text it is a file.
// clang-format off
static const struct kind {
	uint32_t bits;
	const char *name, *label, *text;
} kinds[] = {
	{ SYSVIPC,                    "sysvipc",  "ips",    NULL },
	{ ANON_SHARED,                "shmem",    "shmem",  NULL },
	{ SOCKET,                     "packet",   "packet", NULL },
	{ FILE_PRIVATE | FILE_SHARED, "file",     NULL,     NULL },
	{ STACK,                      "stack",    NULL,     " [stack]" },
	{ VSYSCALL,                   "vsyscall", NULL,     " [vsyscall]" },
	{ VDSO,                       "vdso",     NULL,     " [vdso]" },
};
// clang-format on

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind grows_down = { 0, "stack?", NULL, " [stack?]" };
static const struct kind anon = { 0, "anon", NULL, "" };

static const struct kind *kind_of(const VmaEntry *vma)
{
	for (size_t i = 0; i < NR_KINDS; i++) {
		if (vma->status & kinds[i].bits)
			return &kinds[i];
	}
	return vma->flags & MAP_GROWSDOWN ? &grows_down : &anon;
}

// Objects by the order in which they were met: a hash table, open addressing.
struct numbers {
	struct number {
		uint64_t id;
		unsigned number; /* 0: free */
	} *slot;
	size_t cap, nr;
};

static struct number *find_slot(const struct numbers *n, uint64_t id)
{
	size_t i = (id * 0x9e3779b97f4a7c15u >> 16) & (n->cap - 1);
	while (n->slot[i].number && n->slot[i].id != id)
		i = (i + 1) & (n->cap - 1);
	return &n->slot[i];
}

static struct cr_error *grow(struct numbers *n)
{
	struct numbers more = { .cap = n->cap ? 2 * n->cap : 64, .nr = n->nr };
	more.slot = calloc(more.cap, sizeof(more.slot[0]));
	if (!more.slot)
		return cr_enomem;
	for (size_t i = 0; i < n->cap; i++) {
		if (n->slot[i].number)
			*find_slot(&more, n->slot[i].id) = n->slot[i];
	}
	free(n->slot);
	*n = more;
	return NULL;
}

static unsigned number_of(struct cr_x *x, struct numbers *n, uint64_t id)
{
	if (2 * n->nr >= n->cap) {
		struct cr_error *err = grow(n);
		cr_x_fail(x, err);
		if (err)
			return 0;
	}
	struct number *slot = find_slot(n, id);
	if (!slot->number)
		*slot = (struct number){ id, (unsigned)++n->nr };
	return slot->number;
}

static void show_object(struct cr_x *x, struct numbers *numbers,
			const struct kind *kind, const VmaEntry *vma,
			struct cr_x_from from)
{
	if (kind->label) {
		unsigned number = number_of(x, numbers, vma->shmid);
		cr_x_text(x, " %s[%x]", kind->label, number);
		cr_x_u64(x, "number", number);
		cr_x_u64(x, "shmid", vma->shmid);
	} else if (kind->text) {
		cr_x_text(x, "%s", kind->text);
	} else {
		cr_x_text(x, " ");
		cr_x_file(x, "file", FD_TYPES__REG, (uint32_t)vma->shmid, from);
		if (vma->pgoff)
			cr_x_text(x, " + %#llx",
				  (unsigned long long)vma->pgoff);
		if (vma->status & FILE_SHARED)
			cr_x_text(x, " (s)");
	}
}

static void show_vma(struct cr_x *x, struct numbers *numbers,
		     const VmaEntry *vma, struct cr_x_from from)
{
	const struct kind *kind = kind_of(vma);
	char prot[4] = { vma->prot & PROT_READ ? 'r' : '-',
			 vma->prot & PROT_WRITE ? 'w' : '-',
			 vma->prot & PROT_EXEC ? 'x' : '-' };
	char range[64];
	snprintf(range, sizeof(range), "%08llx-%08llx",
		 (unsigned long long)vma->start, (unsigned long long)vma->end);
	cr_x_text(x, "\t%-36s%s", range, prot);
	cr_x_open(x, NULL, '{');
	cr_x_hex(x, "start", vma->start);
	cr_x_hex(x, "end", vma->end);
	cr_x_string(x, "prot", prot);
	cr_x_string(x, "kind", kind->name);
	cr_x_bool(x, "shared", vma->flags & MAP_SHARED);
	cr_x_bool(x, "regular", vma->status & REGULAR);
	show_object(x, numbers, kind, vma, from);
	cr_x_hex(x, "pgoff", vma->pgoff);
	cr_x_close(x, '}');
	cr_x_text(x, vma->status & REGULAR ? "\n" : " *\n");
}

void cr_x_check_order(struct cr_x *x, uint32_t pid, const struct cr_mm *mm)
{
	uint64_t end = 0;
	for (size_t i = 0; i < mm->nr_vmas; i++) {
		const VmaEntry *vma = mm->vma[i];
		if (vma->status & CR_VMA_GUARD)
			continue;
		if (vma->start < end || vma->start > vma->end)
			cr_x_find(x, cr_error_new(
					     CR_ERR_FORMAT,
					     "%s-%u.img: %s %zu: 0x%llx-0x%llx, "
					     "behind one that ends at 0x%llx",
					     mm->old.nr ? "vmas" : "mm",
					     (unsigned)pid,
					     mm->old.nr ? "entry" : "vma", i,
					     (unsigned long long)vma->start,
					     (unsigned long long)vma->end,
					     (unsigned long long)end));
		end = vma->end;
	}
}

static void show_mm(struct cr_x *x, struct numbers *numbers, uint32_t pid,
		    const struct cr_mm *mm)
{
	struct cr_x_from from = { "mm", pid, "entry", 0 };
	cr_x_text(x, "\t%-36s    ", "exe");
	cr_x_file(x, "exe", FD_TYPES__REG, mm->entry->exe_file_id, from);
	cr_x_text(x, "\n");
	cr_x_check_order(x, pid, mm);
	cr_x_open(x, "vmas", '[');
	for (size_t i = 0; i < mm->nr_vmas && !x->err; i++) {
		from = (struct cr_x_from){ mm->old.nr ? "vmas" : "mm", pid,
					   mm->old.nr ? "entry" : "vma", i };
		show_vma(x, numbers, mm->vma[i], from);
	}
	cr_x_close(x, ']');
}

void cr_x_view_mems(struct cr_x *x)
{
	struct numbers numbers = { 0 };
	cr_x_open(x, NULL, '[');
	cr_x_for_each(task, x) {
		struct cr_mm mm = { 0 };
		bool zombie = cr_x_open_process(x, task);
		if (!zombie)
			cr_x_find(x, cr_mm_load(&x->set, task->entry->pid,
						&mm));
		if (mm.entry)
			show_mm(x, &numbers, task->entry->pid, &mm);
		cr_mm_free(&mm);
		cr_x_close(x, '}');
	}
	cr_x_close(x, ']');
	free(numbers.slot);
}
