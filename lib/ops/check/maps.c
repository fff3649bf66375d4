// SPDX-License-Identifier: MIT
/* Address spaces: mappings and what they are of. CRIU criu/mem.c, criu/shmem.c,
 * v4.2. */
#include <elf.h>
#include <string.h>

#include "images/ipc-shm.pb-c.h"
#include "images/memfd.pb-c.h"
#include "images/vma.pb-c.h"
#include "lib/ops/check/inside.h"
#include "lib/pages/space.h"

/* Five levels of page tables on x86 and 52 bits on AArch64 fit; in between no
 * processor has addresses of programs. */
#define SPACE_END (1ull << 56)

struct maps {
	struct cr_check *c;
	struct cr_mm mm;
	const char *image; /* where the mappings stand */
	bool split;	   /* ... an entry each */
	struct cr_keys shmids;
	struct cr_keys stacks; /* starts and ends of shadow stacks */
};

/* A mapping of mm.img is a part of its one entry. */
#define found_at(m, rule, i, fmt, ...)                                         \
	cr_check_found((m)->c, rule, (m)->image, (m)->split ? (int64_t)(i) : 0, \
		       "mapping %zu, 0x%llx-0x%llx: " fmt, i,                  \
		       (ull)(m)->mm.vma[i]->start, (ull)(m)->mm.vma[i]->end,   \
		       __VA_ARGS__)

static void check_range(struct maps *m, size_t i)
{
	const VmaEntry *vma = m->mm.vma[i];
	uint64_t mask = (1ull << m->mm.page_shift) - 1;
	if (vma->end <= vma->start)
		found_at(m, CR_RULE_VMA_RANGE, i, "%s",
			 "ends where it starts, or before");
	else if ((vma->start | vma->end) & mask)
		found_at(m, CR_RULE_VMA_RANGE, i,
			 "is not on borders of pages of %llu bytes",
			 (ull)mask + 1);
	else if (vma->end > SPACE_END && !(vma->status & CR_VMA_VSYSCALL))
		found_at(m, CR_RULE_VMA_RANGE, i,
			 "is beyond 0x%llx, where every address space ends",
			 SPACE_END);
}

/* Guard ranges stand beside the mappings they lie in. */
static void check_order(struct maps *m)
{
	uint64_t end = 0;
	for (size_t i = 0; i < m->mm.nr_vmas && !m->c->err; i++) {
		const VmaEntry *vma = m->mm.vma[i];
		check_range(m, i);
		if (vma->status & CR_VMA_GUARD)
			continue;
		if (vma->start < end)
			found_at(m, CR_RULE_VMA_ORDER, i,
				 "starts before 0x%llx, where the one before it "
				 "ends",
				 (ull)end);
		end = vma->end > end ? vma->end : end;
	}
}

static void check_what(struct maps *m, size_t i)
{
	const VmaEntry *vma = m->mm.vma[i];
	struct cr_check *c = m->c;
	uint32_t status = vma->status;
	uint32_t type = FD_TYPES__UND;
	if (status & CR_VMA_MEMFD)
		type = FD_TYPES__MEMFD;
	else if (status & CR_VMA_SOCKET)
		type = FD_TYPES__PACKETSK;
	else if (status & CR_VMA_SYSVIPC)
		return; /* ipcns-shm says where its contents are */
	else if (status & CR_VMA_ANON_SHARED) {
		if (!cr_keys_add(&m->shmids, vma->shmid))
			cr_check_fail(c, cr_enomem);
	} else if (status & (CR_VMA_FILE_PRIVATE | CR_VMA_FILE_SHARED))
		type = FD_TYPES__REG;
	if (type && !cr_check_has_file(c, type, vma->shmid))
		found_at(m, CR_RULE_VMA_NO_FILE, i,
			 "no %s has id %llu",
			 type == FD_TYPES__MEMFD ? "memfd" :
			 type == FD_TYPES__REG	 ? "regular file" :
						   "packet socket",
			 (ull)vma->shmid);
}

static void note_auxv(struct cr_check *c, const MmEntry *mm)
{
	for (size_t i = 0; i + 1 < mm->n_mm_saved_auxv; i += 2) {
		uint64_t value = mm->mm_saved_auxv[i + 1];
		switch (mm->mm_saved_auxv[i]) {
		case AT_PAGESZ:
			if (value >= 4096 && value <= 65536 &&
			    !(value & (value - 1)))
				c->page_size = (uint32_t)value;
			break;
		case AT_HWCAP:
			c->hwcap |= value;
			break;
		case AT_HWCAP2:
			c->hwcap2 |= value;
			break;
		}
	}
}

static void find_stacks(struct maps *m)
{
	m->stacks.nr = 0;
	for (size_t i = 0; i < m->mm.nr_vmas; i++) {
		const VmaEntry *vma = m->mm.vma[i];
		if (vma->status & CR_VMA_SHSTK &&
		    (!cr_keys_add(&m->stacks, vma->start) ||
		     !cr_keys_add(&m->stacks, vma->end)))
			cr_check_fail(m->c, cr_enomem);
	}
	cr_keys_sort(&m->stacks);
}

/* Starts and ends follow each other, since mappings do not overlap; an empty
 * stack's pointer is its end. */
static bool is_in_stack(const struct maps *m, uint64_t vaddr)
{
	const struct cr_keys *k = &m->stacks;
	size_t low = 0, high = k->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (k->key[mid] <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	return low % 2 || (low && k->key[low - 1] == vaddr);
}

static void check_gcs(struct maps *m, uint32_t tid)
{
	struct cr_check *c = m->c;
	char image[32];
	snprintf(image, sizeof(image), "core-%u.img", tid);
	CoreEntry *core =
		cr_check_message(c, &core_entry__descriptor, "%s", image);
	const UserAarch64GcsEntry *gcs =
		core && core->ti_aarch64 ? core->ti_aarch64->gcs : NULL;
	bool has = gcs && gcs->features_enabled & 1;
	if (has && !is_in_stack(m, gcs->gcspr_el0))
		cr_check_found(c, CR_RULE_GCS_POINTER, image, 0,
			       "gcspr_el0 0x%llx is in no shadow stack",
			       (ull)gcs->gcspr_el0);
	cr_message_free(core);
}

static void check_stacks(struct maps *m, const PstreeEntry *e)
{
	struct cr_keys threads = { 0 };
	find_stacks(m);
	for (size_t i = 0; i < e->n_threads; i++) {
		if (!cr_keys_add(&threads, e->threads[i]))
			cr_check_fail(m->c, cr_enomem);
	}
	cr_keys_unique(&threads);
	for (size_t i = 0; i < threads.nr && !m->c->err; i++)
		check_gcs(m, (uint32_t)threads.key[i]);
	cr_keys_free(&threads);
}

static void check_space(struct maps *m, const struct cr_check_task *task,
			const PstreeEntry *e)
{
	struct cr_check *c = m->c;
	char mm[32], vmas[32];
	snprintf(mm, sizeof(mm), "mm-%u.img", task->pid);
	snprintf(vmas, sizeof(vmas), "vmas-%u.img", task->pid);
	struct cr_error *err = cr_mm_load(c->set, task->pid, &m->mm);
	if (err)
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
	if (err || !m->mm.entry)
		return;
	m->split = m->mm.old.nr;
	m->image = m->split ? vmas : mm;
	note_auxv(c, m->mm.entry);
	if (!cr_check_has_file(c, FD_TYPES__REG, m->mm.entry->exe_file_id))
		cr_check_found(c, CR_RULE_EXE_MISSING_FILE, mm, 0,
			       "exe_file_id: no regular file has id %u",
			       m->mm.entry->exe_file_id);
	check_order(m);
	for (size_t i = 0; i < m->mm.nr_vmas && !c->err; i++)
		check_what(m, i);
	if (c->gcs)
		check_stacks(m, e);
	cr_mm_free(&m->mm);
}

static void need_shmem(struct cr_check *c, const char *image, int64_t i,
		       const char *what, uint64_t shmid)
{
	if (!cr_check_name(c, "pagemap-shmem-%llu.img", (ull)shmid))
		cr_check_found(c, CR_RULE_SHM_MISSING, image, i,
			       "%s needs pagemap-shmem-%llu.img", what,
			       (ull)shmid);
}

static void check_memfds(struct cr_check *c)
{
	struct cr_messages memfds;
	cr_check_messages(c, &memfd_inode_entry__descriptor, &memfds,
			  "memfd.img");
	for (size_t i = 0; i < memfds.nr; i++) {
		const MemfdInodeEntry *e = (const void *)memfds.msg[i];
		need_shmem(c, "memfd.img", (int64_t)i, "a memfd", e->shmid);
	}
	cr_messages_free(&memfds);
}

static void check_segments(struct cr_check *c, const char *image)
{
	struct cr_messages segments;
	cr_check_messages(c, &ipc_shm_entry__descriptor, &segments, "%s", image);
	for (size_t i = 0; i < segments.nr; i++) {
		const IpcShmEntry *e = (const void *)segments.msg[i];
		if (e->in_pagemaps)
			need_shmem(c, image, (int64_t)i, "a segment",
				   e->desc->id);
	}
	cr_messages_free(&segments);
}

void cr_check_maps(struct cr_check *c)
{
	struct maps m = { .c = c };
	for (size_t i = 0; i < c->tree.nr && !c->err; i++) {
		if (c->task[i].has_core && !c->task[i].zombie)
			check_space(&m, &c->task[i], c->tree.task[i].entry);
	}
	cr_keys_unique(&m.shmids);
	for (size_t i = 0; i < m.shmids.nr && !c->err; i++)
		need_shmem(c, NULL, CR_NO_ENTRY, "a mapping of shared memory",
			   m.shmids.key[i]);
	cr_keys_free(&m.shmids);
	cr_keys_free(&m.stacks);
	check_memfds(c);
	for (size_t i = 0; i < c->nr_names && !c->err; i++) {
		if (!strncmp(c->name[i].name, "ipcns-shm-", 10) &&
		    c->name[i].used)
			check_segments(c, c->name[i].name);
	}
}
