// SPDX-License-Identifier: MIT
/*
 * Guarded control stacks: shadow stacks of return addresses.
 *
 * They are mapped where they were, and written from outside: a call that copies
 * into one, such as read(2), never returns. Mode, lock and pointer of a thread are
 * set from outside too, as the last thing before its registers. A stack that is
 * switched on like this is not the kernel's: it stays when its thread ends. The
 * kernel could be made to allocate it at its place, and would then unmap it; but no
 * image says whether it had, or whether the thread was on a stack that the program
 * had mapped, and unmaps itself or uses for another thread.
 *
 * Where the kernel refuses that, the thread switches on a stack of the kernel's,
 * and moves to its own. The kernel's stays where it is: it is unmapped when the
 * thread ends, with whatever is there.
 */
#include "restore/arch/aarch64/native.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "lib/base/cleanup.h"
#include "restore/inject.h"
#include "restore/steps.h"

typedef unsigned long long ull;

// clang-format off
#ifndef NT_ARM_GCS
#define NT_ARM_GCS 0x410
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif
#define HWCAP_GCS	 (UINT64_C(1) << 32)
#define SHADOW_STACK_SET 75 // prctl
#define MODES		 7  // enable, write, push
#define LOCK_ALL	 UINT32_MAX
// clang-format on

static bool has_gcs(void)
{
	return getauxval(AT_HWCAP) & HWCAP_GCS;
}

/* ---- planning ---- */

static struct cr_error *lock_of(const struct cr_options *o, uint64_t *ret)
{
	const char *s = o->gcs_lock;
	char *end;
	if (!s || !strcmp(s, "all")) {
		*ret = LOCK_ALL;
	} else if (!strcmp(s, "none")) {
		*ret = 0;
	} else {
		errno = 0;
		*ret = strtoull(s, &end, 0);
		if (errno || !*s || *s == '-' || *end || *ret > LOCK_ALL)
			return cr_error_new(CR_ERR_USAGE,
					    "--gcs-lock: none, all or a mask of "
					    "32 bits");
	}
	return NULL;
}

static const VmaEntry *stack_at(const struct cr_proc *proc, uint64_t vaddr)
{
	for (size_t i = 0; i < proc->mm.nr_vmas; i++) {
		const VmaEntry *vma = proc->mm.vma[i];
		if (vma->status & CR_VMA_SHSTK &&
		    (!vaddr || (vma->start <= vaddr && vaddr <= vma->end)))
			return vma;
	}
	return NULL;
}

struct cr_error *cr_gcs_plan(struct cr_rplan *plan, struct cr_thread *thread)
{
	const UserAarch64GcsEntry *gcs = thread->core->ti_aarch64->gcs;
	uint64_t lock, modes = gcs ? gcs->features_enabled : 0;
	struct cr_error *err = lock_of(plan->options, &lock);
	if (err)
		return err;
	if (!has_gcs() && (modes || stack_at(thread->proc, 0)))
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "it has a guarded control stack, and this "
				    "machine has none");
	if (modes & ~(uint64_t)MODES)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "gcs: modes 0x%llx are not known",
				    (ull)modes);
	if (modes && (gcs->gcspr_el0 % 8 ||
		      !stack_at(thread->proc, gcs->gcspr_el0)))
		return cr_error_new(CR_ERR_FORMAT,
				    "gcs: there is no shadow stack at 0x%llx",
				    (ull)gcs->gcspr_el0);
	return NULL;
}

/* ---- the stacks ---- */

#define CHUNK 65536

static struct cr_error *write_run(struct cr_restore *run,
				  struct cr_thread *leader,
				  const struct cr_run *r, uint8_t *buf)
{
	struct cr_error *err = NULL;
	for (uint64_t at = r->start; !err && at < r->end;) {
		size_t size = r->end - at < CHUNK ? r->end - at : CHUNK;
		err = cr_pages_fill(&leader->proc->pages, r, at, buf, size);
		if (!err)
			err = cr_tracee_poke(leader, run->proc_fd, at, buf,
					     size);
		at += size;
	}
	return err;
}

static struct cr_error *fill(struct cr_restore *run, struct cr_thread *leader,
			     const VmaEntry *vma)
{
	struct cr_pages *pages = &leader->proc->pages;
	cr_auto_free uint8_t *buf = malloc(CHUNK);
	struct cr_error *err = NULL;
	if (!buf)
		return cr_enomem;
	for (uint64_t at = vma->start; !err && at < vma->end;) {
		struct cr_run r;
		err = cr_pages_run(pages, at, &r);
		if (err)
			return err;
		if (r.end > vma->end)
			r.end = vma->end;
		if (r.kind == CR_RUN_DATA)
			err = write_run(run, leader, &r, buf);
		at = r.end;
	}
	return err;
}

static struct cr_error *make(struct cr_restore *run, struct cr_thread *leader,
			     const VmaEntry *vma)
{
	uint64_t size = vma->end - vma->start;
	int64_t got = 0;
	struct cr_error *err = cr_inject(leader, &got, map_shadow_stack,
					 vma->start, size, 0);
	if (!err && got != (int64_t)vma->start) {
		errno = got < 0 ? (int)-got : EEXIST;
		err = cr_error_sys("map a shadow stack");
	}
	if (!err)
		err = fill(run, leader, vma);
	if (!err && vma->prot != (PROT_READ | PROT_WRITE))
		err = cr_inject(leader, NULL, mprotect, vma->start, size,
				vma->prot);
	return err;
}

struct cr_error *cr_gcs_make(struct cr_restore *run, struct cr_thread *leader)
{
	struct cr_proc *proc = leader->proc;
	for (size_t i = 0; i < proc->mm.nr_vmas; i++) {
		if (!(proc->mm.vma[i]->status & CR_VMA_SHSTK))
			continue;
		struct cr_error *err = make(run, leader, proc->mm.vma[i]);
		if (err)
			return cr_error_at(err,
					   "mm-%u.img: entry 0: mapping %zu",
					   (unsigned)proc->vpid, i);
	}
	return NULL;
}

/* ---- switching them on ---- */

// include/uapi/asm/ptrace.h: struct user_gcs
struct user_gcs {
	uint64_t modes, lock, pointer;
};

static struct cr_error *put(struct cr_restore *run, struct cr_thread *thread,
			    const struct user_gcs *state)
{
	if (!thread->comparing && run->fault && !strcmp(run->fault, CR_FAULT_GCS))
		return cr_error_new(CR_ERR_INTERNAL, "made to fail");
	return cr_tracee_put(thread, NT_ARM_GCS, state, sizeof(*state));
}

// Earlier versions of the kernel's patches let ptrace(2) not enable what is off.
static struct cr_error *put_by_call(struct cr_thread *thread,
				    const struct user_gcs *state)
{
	struct cr_error *err = cr_inject(thread, NULL, prctl, SHADOW_STACK_SET,
					 state->modes, 0, 0, 0);
	return err ?: cr_tracee_set(thread, NT_ARM_GCS, state, sizeof(*state));
}

struct cr_error *cr_gcs_load(struct cr_restore *run, struct cr_thread *thread)
{
	const UserAarch64GcsEntry *gcs = thread->core->ti_aarch64->gcs;
	if (!gcs || !has_gcs() || !(gcs->features_enabled | gcs->gcspr_el0))
		return NULL;
	struct user_gcs state = { .modes = gcs->features_enabled,
				  .pointer = gcs->gcspr_el0 };
	struct cr_error *err = NULL;
	if (state.modes)
		err = lock_of(run->options, &state.lock);
	if (!err)
		err = put(run, thread, &state);
	if (!err || !state.modes || thread->comparing)
		return err;
	cr_error_free(err);
	return put_by_call(thread, &state);
}
