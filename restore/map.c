// SPDX-License-Identifier: MIT
/*
 * The memory of a process, made by itself: every mapping at its final address,
 * next to our own. fill.c fills it from the pages images.
 *
 * A process is forked when the memory of its parent has been filled. Mappings that
 * both have are kept, so that pages in which they do not differ stay shared, as
 * they were before.
 *
 * A mapping that gets pages is writable until it has them. Facts: man 2 mmap;
 * CRIU criu/mem.c, v4.2.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "restore/arch/arch.h"
#include "restore/fd/kind.h"
#include "restore/fill.h"
#include "restore/shared.h"
#include "restore/steps.h"

typedef unsigned long long ull;

static void *address(uint64_t vaddr)
{
	return (void *)(uintptr_t)vaddr; // NOLINT: an address of the image
}

/* ---- planning ---- */

// What a mapping of some status is; the first row with one of the bits counts.
enum how { HOW_MAP, HOW_SKIP, HOW_VDSO, HOW_SHADOW, HOW_REFUSE };

static const struct {
	uint32_t bits;
	enum how how;
	const char *what;
} statuses[] = {
	// clang-format off
	{ CR_VMA_VSYSCALL,            HOW_SKIP,   NULL },
	{ CR_VMA_GUARD,               HOW_SKIP,   NULL }, // see guards()
	{ CR_VMA_VDSO | CR_VMA_VVAR,  HOW_VDSO,   NULL },
	{ CR_VMA_SHSTK,               HOW_SHADOW, "a shadow stack" },
	{ CR_VMA_SYSVIPC,             HOW_REFUSE, "System V shared memory" },
	{ CR_VMA_SOCKET,              HOW_REFUSE, "a packet socket's ring" },
	{ CR_VMA_AIORING,             HOW_REFUSE, "an asynchronous I/O ring" },
	{ CR_VMA_UPROBES,             HOW_REFUSE, "uprobes" },
	{ CR_VMA_ANON_PRIVATE | CR_VMA_ANON_SHARED | CR_VMA_FILE_PRIVATE |
	  CR_VMA_FILE_SHARED | CR_VMA_MEMFD, HOW_MAP, NULL },
	{ UINT32_MAX,                 HOW_REFUSE, "a mapping of no known kind" },
	// clang-format on
};

static size_t status_row(const VmaEntry *vma)
{
	size_t i = 0;
	while (!(vma->status & statuses[i].bits) &&
	       i + 1 < sizeof(statuses) / sizeof(statuses[0]))
		i++;
	return i;
}

static struct cr_error *find_file(struct cr_rplan *plan, struct cr_mapping *m)
{
	uint32_t status = m->vma->status;
	if (m->vma->shmid > UINT32_MAX)
		return cr_error_new(CR_ERR_FORMAT, "shmid %llu",
				    (ull)m->vma->shmid);
	uint32_t id = (uint32_t)m->vma->shmid;
	if (status & CR_VMA_MEMFD)
		return cr_rplan_file(plan, FD_TYPES__MEMFD, id, &m->file);
	if (status & CR_VMA_ANON_SHARED)
		return cr_shared_add(plan, id,
				     m->vma->pgoff + m->vma->end -
					     m->vma->start);
	if (status & (CR_VMA_FILE_PRIVATE | CR_VMA_FILE_SHARED))
		return cr_rplan_file(plan, FD_TYPES__REG, id, &m->file);
	return NULL;
}

// Whether the mapping has pages of its own.
static struct cr_error *find_pages(struct cr_proc *proc, struct cr_mapping *m)
{
	for (uint64_t at = m->vma->start; at < m->vma->end;) {
		struct cr_run r;
		struct cr_error *err = cr_pages_run(&proc->pages, at, &r);
		if (err)
			return err;
		if (r.kind == CR_RUN_LAZY)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "0x%llx: the page was left to be "
					    "sent later",
					    (ull)at);
		if (cr_fill_is_own(proc, &r)) {
			m->filled = true;
			return NULL;
		}
		at = r.end;
	}
	return NULL;
}

#define WIPE_ON_FORK 18 // MADV_WIPEONFORK

// Whether a fork would have zeroed it, and it is to be so.
static bool is_to_be_wiped(const struct cr_rplan *plan, const VmaEntry *vma)
{
	return plan->options->wipe_on_fork && vma->has_madv &&
	       vma->madv >> WIPE_ON_FORK & 1;
}

static struct cr_error *plan_mapping(struct cr_rplan *plan, struct cr_proc *proc,
				     const VmaEntry *vma, size_t i)
{
	struct cr_mapping *m = proc->mapping + proc->nr_mappings;
	size_t row = status_row(vma);
	switch (statuses[row].how) {
	case HOW_SKIP:
		return NULL;
	case HOW_VDSO:
		proc->vdso = proc->vdso ? proc->vdso : vma->start;
		proc->vdso_end = vma->end;
		if (vma->status & CR_VMA_VDSO) {
			proc->vdso_code = vma->start;
			proc->vdso_code_size = vma->end - vma->start;
		}
		return NULL;
	case HOW_SHADOW:
	case HOW_REFUSE:
		if (statuses[row].how == HOW_SHADOW && cr_native.space)
			return NULL;
		return cr_error_new(CR_ERR_UNSUPPORTED, "%s",
				    statuses[row].what);
	case HOW_MAP:
		break;
	}
	*m = (struct cr_mapping){ .vma = vma, .i = i };
	proc->nr_mappings++;
	struct cr_error *err = find_file(plan, m);
	if (!err && m->file)
		m->file->is_mapped = true;
	if (!err)
		err = find_pages(proc, m);
	m->wiped = m->filled && is_to_be_wiped(plan, vma);
	m->filled = m->filled && !m->wiped;
	return err;
}

#define LOWEST	  0x100000ull
#define BELOW_GAP 0x200000ull // what a stack may need below it, and a hop

// A hole for the scratch memory, with room behind it; see mm.c, move().
static struct cr_error *find_scratch(struct cr_proc *proc)
{
	const struct cr_space *space = &proc->pages.space;
	uint64_t at = LOWEST;
	for (size_t i = 0; i < space->nr; i++) {
		const struct cr_vma *vma = space->vma + i;
		if (vma->start > at &&
		    vma->start - at >= CR_SCRATCH_SIZE + BELOW_GAP)
			break;
		if (vma->end > at)
			at = vma->end;
	}
	if (at >> 46)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "mm-%u.img: entry 0: its address space is "
				    "full",
				    (unsigned)proc->vpid);
	proc->scratch = at;
	return NULL;
}

struct cr_error *cr_map_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	if (proc->zombie)
		return NULL;
	proc->mapping = calloc(proc->mm.nr_vmas + 1, sizeof(proc->mapping[0]));
	if (!proc->mapping)
		return cr_enomem;
	for (size_t i = 0; i < proc->mm.nr_vmas; i++) {
		struct cr_error *err =
			plan_mapping(plan, proc, proc->mm.vma[i], i);
		if (err)
			err = cr_error_at(err, "mm-%u.img: entry 0: mapping %zu",
					  (unsigned)proc->vpid, i);
		err = cr_rplan_refuse(plan, err);
		if (err)
			return err;
	}
	return find_scratch(proc);
}

/* ---- mapping ---- */

static int open_flags(const VmaEntry *vma)
{
	if (vma->has_fdflags)
		return cr_fd_flags(vma->fdflags);
	bool writes = vma->flags & MAP_SHARED && vma->prot & PROT_WRITE;
	return writes ? O_RDWR : O_RDONLY;
}

// The file of the mapping before it, which is often the same.
struct opened {
	const struct cr_ofile *file;
	int flags, fd;
};

static void close_opened(struct opened *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

static struct cr_error *open_file(struct cr_restore *run, struct opened *o,
				  const struct cr_mapping *m)
{
	int flags = open_flags(m->vma);
	if (o->fd >= 0 && o->file == m->file && o->flags == flags)
		return NULL;
	close_opened(o);
	o->file = m->file;
	o->flags = flags;
	if (!m->file->kind->again)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "files of kind %s are not mapped",
				    m->file->kind->name);
	return m->file->kind->again(run, m->file, flags, &o->fd);
}

static struct cr_error *map_at(struct cr_restore *run, uint64_t start,
			       uint64_t size, int prot, int flags, int fd,
			       uint64_t off)
{
	void *want = address(start);
	void *p = mmap(want, size, prot, flags | MAP_FIXED_NOREPLACE, fd,
		       (off_t)off);
	if (p == want)
		return NULL;
	if (p != MAP_FAILED) {
		// A kernel before 4.17 takes the flag for a hint.
		munmap(p, size);
		errno = EEXIST;
	}
	run->clash = errno == EEXIST;
	struct cr_error *err = cr_error_sys("map it");
	return cr_error_at(err, "0x%llx", (ull)start);
}

// What the image's flags say about how to map; the rest is what they are.
#define KNOWN_FLAGS                                                       \
	(MAP_SHARED | MAP_PRIVATE | 8 /* MAP_DROPPABLE */ | MAP_ANONYMOUS | \
	 MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_HUGETLB |        \
	 ((unsigned)MAP_HUGE_MASK << MAP_HUGE_SHIFT))

// The kernel makes the processor see new code when it becomes code, and not when it
// is written by a call.
static int first_prot(const struct cr_mapping *m)
{
	if (!m->filled && !m->inherited)
		return (int)m->vma->prot;
	return ((int)m->vma->prot | PROT_WRITE) & ~PROT_EXEC;
}

static bool is_plain(const struct cr_mapping *m)
{
	return !m->file && !m->inherited &&
	       m->vma->status & CR_VMA_ANON_PRIVATE &&
	       !(m->vma->flags & (MAP_GROWSDOWN | MAP_HUGETLB));
}

// The end of what can be mapped with one call; *i is the first mapping of it, and
// then the last.
static uint64_t end_of_alike(const struct cr_proc *proc, size_t *i)
{
	const struct cr_mapping *m = proc->mapping + *i;
	for (; *i + 1 < proc->nr_mappings && is_plain(m); m++, ++*i) {
		const struct cr_mapping *next = m + 1;
		if (!is_plain(next) || next->early != m->early ||
		    next->vma->start != m->vma->end ||
		    next->vma->flags != m->vma->flags ||
		    first_prot(next) != first_prot(m))
			break;
	}
	return m->vma->end;
}

static struct cr_error *map_one(struct cr_restore *run, struct opened *o,
				const struct cr_mapping *m, uint64_t end)
{
	const VmaEntry *vma = m->vma;
	int prot = first_prot(m);
	int flags = (int)(vma->flags & KNOWN_FLAGS), fd = -1;
	struct cr_error *err = NULL;
	if (m->file) {
		err = open_file(run, o, m);
		flags &= ~MAP_ANONYMOUS;
		fd = o->fd;
	} else if (vma->status & CR_VMA_ANON_SHARED) {
		fd = cr_shared_fd(run->plan, (uint32_t)vma->shmid);
		flags &= ~MAP_ANONYMOUS;
	}
	if (err)
		return err;
	return map_at(run, vma->start, end - vma->start, prot, flags, fd,
		      fd < 0 ? 0 : vma->pgoff);
}

static struct cr_error *open_exe(struct cr_restore *run,
				 const struct cr_proc *proc, int *ret)
{
	struct cr_error *err =
		proc->exe->kind->again(run, proc->exe, O_RDONLY, ret);
	return err ?: cr_fds_stash(run, ret);
}

// Whether a mapping of the parent, which the process has got by being forked from
// it, is one that it had: pages that are alike then stay shared.
bool cr_map_is_alike(const struct cr_mapping *a, const struct cr_mapping *b)
{
	const VmaEntry *v = a->vma, *w = b->vma;
	return v->start == w->start && v->end == w->end &&
	       v->prot == w->prot && v->flags == w->flags &&
	       v->status == w->status && v->pgoff == w->pgoff &&
	       v->madv == w->madv && a->file == b->file && b->filled &&
	       !(v->flags & (MAP_SHARED | MAP_LOCKED | MAP_HUGETLB));
}

static struct cr_error *unmap(const struct cr_mapping *m)
{
	uint64_t size = m->vma->end - m->vma->start;
	if (munmap(address(m->vma->start), size))
		return cr_error_sys("unmap the parent's memory");
	return NULL;
}

static struct cr_error *leave_parents(struct cr_proc *proc)
{
	const struct cr_proc *parent = proc->parent;
	struct cr_error *err = NULL;
	size_t j = 0;
	if (!parent)
		return NULL;
	for (size_t i = 0; !err && i < parent->nr_mappings; i++) {
		const struct cr_mapping *m = parent->mapping + i;
		while (j < proc->nr_mappings &&
		       proc->mapping[j].vma->start < m->vma->start)
			j++;
		if (j < proc->nr_mappings && cr_map_is_alike(proc->mapping + j, m))
			proc->mapping[j].inherited = true;
		else
			err = unmap(m);
	}
	if (!err && munmap(address(parent->scratch), CR_SCRATCH_SIZE))
		err = cr_error_sys("unmap the parent's memory");
	return err;
}

static struct cr_error *map_plain(struct cr_restore *run, uint64_t start,
				  uint64_t size, int prot)
{
	return map_at(run, start, size, PROT_READ | PROT_WRITE | prot,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void put_code(const struct cr_proc *proc)
{
	const uint8_t *code = cr_native.calls.code, *end = cr_native.calls.end;
	char *to = address(proc->scratch + CR_SCRATCH_CODE);
	memcpy(to, code, (size_t)(end - code));
	__builtin___clear_cache(to, to + (end - code));
}

// A system may forbid memory to be written and executed.
static struct cr_error *map_scratch(struct cr_restore *run, struct cr_proc *proc)
{
	bool *joins = &run->board->slot[proc->i].joins_calls;
	bool has_code = run->plan->early_code && !proc->parent;
	*joins = !run->fault || strcmp(run->fault, CR_FAULT_CALLS);
	if (has_code || !*joins)
		return map_plain(run, proc->scratch,
				 has_code ? CR_SCRATCH_CODE : CR_SCRATCH_SIZE,
				 0);
	struct cr_error *err = map_plain(run, proc->scratch, CR_SCRATCH_SIZE,
					 PROT_EXEC);
	if (!err)
		put_code(proc);
	if (!err || run->clash)
		return err;
	cr_error_free(err);
	*joins = false;
	return map_plain(run, proc->scratch, CR_SCRATCH_SIZE, 0);
}

struct cr_error *cr_map_make(struct cr_restore *run, struct cr_proc *proc)
{
	struct opened o = { .fd = -1 };
	if (proc->zombie)
		return NULL;
	struct cr_error *err = leave_parents(proc);
	if (!err)
		err = map_scratch(run, proc);
	for (size_t i = 0; !err && i < proc->nr_mappings; i++) {
		const struct cr_mapping *m = proc->mapping + i;
		if (m->inherited || m->early)
			continue;
		err = map_one(run, &o, m, end_of_alike(proc, &i));
		if (err)
			err = cr_error_at(err, "mapping %zu", m->i);
	}
	close_opened(&o);
	int *exe = &run->board->slot[proc->i].exe_fd;
	if (!err && run->plan->early && !proc->parent)
		*exe = run->plan->early_exe;
	else if (!err)
		err = open_exe(run, proc, exe);
	return err;
}

/* ---- protecting it ---- */

static struct cr_error *protect(const struct cr_proc *proc, bool early)
{
	for (size_t i = 0; i < proc->nr_mappings; i++) {
		const struct cr_mapping *m = proc->mapping + i;
		const VmaEntry *vma = m->vma;
		if (m->early != early || first_prot(m) == (int)vma->prot ||
		    !mprotect(address(vma->start), vma->end - vma->start,
			      (int)vma->prot))
			continue;
		struct cr_error *err = cr_error_sys("protect it");
		return cr_error_at(err, "mapping %zu", m->i);
	}
	return NULL;
}

// Children fill what they have got from their parent.
static bool is_alone(const struct cr_rplan *plan)
{
	return plan->nr_procs == 1;
}

/* ---- early: once for all copies ---- */

// Whether a fork hands it on as it is. What someone else may write to is not the
// copies' to share.
static bool is_early(const struct cr_rplan *plan, const struct cr_mapping *m)
{
	const VmaEntry *v = m->vma;
	if ((v->flags & MAP_TYPE) != MAP_PRIVATE ||
	    v->flags & (MAP_LOCKED | MAP_HUGETLB))
		return false;
	return !m->file || (m->file->type == FD_TYPES__REG &&
			    !cr_remaps_find(&plan->remaps, m->file->id));
}

void cr_map_plan_early(struct cr_rplan *plan)
{
	struct cr_proc *proc = plan->proc;
	for (size_t i = 0; i < proc->nr_mappings; i++)
		proc->mapping[i].early = is_early(plan, proc->mapping + i);
}

static struct cr_error *map_code_early(struct cr_restore *run,
				       const struct cr_proc *proc)
{
	struct cr_error *err = map_plain(run, proc->scratch + CR_SCRATCH_CODE,
					 CR_SCRATCH_SIZE - CR_SCRATCH_CODE,
					 PROT_EXEC);
	if (!err)
		put_code(proc);
	run->plan->early_code = !err;
	if (run->clash)
		return err;
	cr_error_free(err);
	return NULL;
}

struct cr_error *cr_map_early(struct cr_restore *run, struct cr_proc *proc)
{
	struct opened o = { .fd = -1 };
	struct cr_error *err = NULL;
	if (proc->zombie)
		return NULL;
	for (size_t i = 0; !err && i < proc->nr_mappings; i++) {
		const struct cr_mapping *m = proc->mapping + i;
		if (!m->early)
			continue;
		err = map_one(run, &o, m, end_of_alike(proc, &i));
		if (err)
			err = cr_error_at(err, "mapping %zu", m->i);
	}
	close_opened(&o);
	if (!err)
		err = cr_map_fill_early(proc);
	if (!err)
		err = open_exe(run, proc, &run->plan->early_exe);
	if (!err && is_alone(run->plan))
		err = protect(proc, true);
	return err ?: map_code_early(run, proc);
}

void cr_map_drop_early(const struct cr_rplan *plan)
{
	const struct cr_proc *proc = plan->proc;
	close(plan->early_exe);
	if (plan->early_code)
		munmap(address(proc->scratch + CR_SCRATCH_CODE),
		       CR_SCRATCH_SIZE - CR_SCRATCH_CODE);
	for (size_t i = 0; i < proc->nr_mappings; i++) {
		const struct cr_mapping *m = proc->mapping + i;
		uint64_t end = m->vma->end;
		if (!m->early)
			continue;
		while (i + 1 < proc->nr_mappings && proc->mapping[i + 1].early &&
		       proc->mapping[i + 1].vma->start == end)
			end = proc->mapping[++i].vma->end;
		munmap(address(m->vma->start), end - m->vma->start);
	}
}

/* ---- afterwards ---- */

// A bit for each MADV_* value; those that the kernel lacks are lost.
static void advise(const VmaEntry *vma)
{
	for (int i = 0; i < 64; i++) {
		if (vma->madv >> i & 1)
			madvise(address(vma->start), vma->end - vma->start, i);
	}
}

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static struct cr_error *guards(const struct cr_proc *proc)
{
	for (size_t i = 0; i < proc->mm.nr_vmas; i++) {
		const VmaEntry *vma = proc->mm.vma[i];
		if (vma->status & CR_VMA_GUARD &&
		    madvise(address(vma->start), vma->end - vma->start,
			    MADV_GUARD_INSTALL)) {
			struct cr_error *err = cr_error_sys("install guard pages");
			return cr_error_at(err, "mapping %zu", i);
		}
	}
	return NULL;
}

struct cr_error *cr_map_protect(struct cr_restore *run, struct cr_proc *proc)
{
	struct cr_error *err = protect(proc, false);
	if (!err && !is_alone(run->plan))
		err = protect(proc, true);
	if (err)
		return err;
	for (size_t i = 0; i < proc->nr_mappings; i++) {
		const VmaEntry *vma = proc->mapping[i].vma;
		if (vma->has_madv)
			advise(vma);
	}
	if (proc->mm.entry->thp_disabled &&
	    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		return cr_error_sys("disable huge pages");
	return guards(proc);
}
