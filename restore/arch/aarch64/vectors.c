// SPDX-License-Identifier: MIT
/*
 * The length of SVE vectors, which images do not hold, as they do not hold what is
 * in them above FPSIMD registers. Calls lose that too, but a signal handler cannot
 * return to a frame that has vectors of another length than its thread: it gets
 * SIGSEGV. So a thread that is in a handler gets the length that its innermost
 * frame has, and all others that of this machine.
 *
 * All memory is searched for frames, so only where a chain of {x29, return address}
 * leads through a handler.
 *
 * Facts: Linux v6.13 Documentation/arch/arm64/sve.rst, arch/arm64/kernel/ptrace.c.
 */
#include <elf.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include "lib/arch/arch.h"
#include "lib/unwind/sigframe.h"
#include "restore/arch/aarch64/native.h"
#include "restore/tracee.h"

// clang-format off
#ifndef NT_ARM_SVE
#define NT_ARM_SVE 0x405
#endif
#ifndef PR_SVE_SET_VL
#define PR_SVE_SET_VL 50
#define PR_SVE_GET_VL 51
#endif
#define CAP_SVE	   (UINT64_C(1) << 22)
#define SVE_RECORD 0x53564501u // in a signal frame
#define LENGTH(vl) ((vl) & 0xffff)
// clang-format on

/* ---- where a handler returns ---- */

static bool had_sve(const MmEntry *mm)
{
	for (size_t i = 0; i + 1 < mm->n_mm_saved_auxv; i += 2) {
		if (mm->mm_saved_auxv[i] == AT_HWCAP)
			return mm->mm_saved_auxv[i + 1] & CAP_SVE;
	}
	return true;
}

static bool is_vdso(const struct cr_space *space, uint64_t vaddr)
{
	size_t i = cr_space_find(space, vaddr);
	return i < space->nr && space->vma[i].start <= vaddr &&
	       space->vma[i].status & CR_VMA_VDSO;
}

static bool is_restorer(const TaskCoreEntry *tc, uint64_t vaddr)
{
	for (size_t i = 0; i < tc->n_sigactions; i++) {
		if (vaddr && tc->sigactions[i]->restorer == vaddr)
			return true;
	}
	return false;
}

// Where it returns to may be signed.
static bool is_of_handler(const struct cr_thread *thread, uint64_t word)
{
	const struct cr_space *space = &thread->proc->pages.space;
	uint64_t top = space->nr ? space->vma[space->nr - 1].end : 0;
	unsigned bits = cr_arch_va_bits(&cr_arch_aarch64, top);
	uint64_t vaddr = bits ? word & ~cr_arch_pac_mask(bits) : word;
	return is_vdso(space, vaddr) ||
	       is_restorer(thread->proc->core->tc, vaddr);
}

#define NR_STEPS 4096

static bool is_in_handler(struct cr_thread *thread)
{
	struct cr_pages *pages = &thread->proc->pages;
	const UserAarch64RegsEntry *regs = thread->core->ti_aarch64->gpregs;
	uint64_t at = regs->regs[29], pair[2] = { 0, regs->regs[30] };
	for (int i = 0; i < NR_STEPS; i++) {
		if (is_of_handler(thread, pair[1]))
			return true;
		if (!at || at % 8)
			return false;
		struct cr_error *err =
			cr_pages_read(pages, at, pair, sizeof(pair));
		if (err) {
			cr_error_free(err);
			return false;
		}
		at = pair[0];
	}
	return false;
}

// The innermost frame of a thread, or NULL.
static const struct cr_sigframe *innermost(const struct cr_sigframes *frames,
					   uint32_t tid)
{
	const struct cr_sigframe *is = NULL;
	for (const struct cr_sigframe *f = frames->frame;
	     f < frames->frame + frames->nr; f++) {
		if (f->order && f->tid == tid && (!is || f->order < is->order))
			is = f;
	}
	return is;
}

static uint32_t length_in(const struct cr_sigframe *frame)
{
	const struct cr_sigframe_aarch64 *f = &frame->aarch64;
	for (uint32_t i = 0; i < f->nr; i++) {
		if (f->record[i].magic == SVE_RECORD &&
		    !f->record[i].is_streaming)
			return f->record[i].length;
	}
	return 0;
}

static struct cr_error *find_length(struct cr_thread *thread)
{
	struct cr_sigframes frames = { 0 };
	struct cr_sigframes_thread ignored;
	struct cr_error *err = cr_sigframes_init(&frames, &thread->proc->pages,
						 thread->proc->core);
	if (!err)
		err = cr_sigframes_thread(&frames, NULL, thread->vtid,
					  thread->core, &ignored);
	const struct cr_sigframe *frame =
		err ? NULL : innermost(&frames, thread->vtid);
	if (frame)
		thread->vectors = length_in(frame);
	cr_sigframes_deinit(&frames);
	return err;
}

/* ---- planning ---- */

static bool is_possible(uint32_t length)
{
	int was = prctl(PR_SVE_GET_VL);
	int is = prctl(PR_SVE_SET_VL, (unsigned long)length);
	if (was >= 0)
		prctl(PR_SVE_SET_VL, (unsigned long)LENGTH(was));
	return is >= 0 && LENGTH((uint32_t)is) == length;
}

struct cr_error *cr_vectors_plan(struct cr_thread *thread)
{
	if (!had_sve(thread->proc->mm.entry) || !is_in_handler(thread))
		return NULL;
	struct cr_error *err = find_length(thread);
	if (err || !thread->vectors || is_possible(thread->vectors))
		return err;
	return cr_error_new(CR_ERR_NOT_FOUND,
			    "its signal handler returns to vectors of %u "
			    "bytes, and this processor has none of that length",
			    (unsigned)thread->vectors);
}

/* ---- loading ---- */

// include/uapi/asm/ptrace.h: struct user_sve_header
struct header {
	uint32_t size, max_size;
	uint16_t length, max_length;
	uint16_t flags; // 0: FPSIMD registers follow, if anything does
	uint16_t reserved;
};

struct cr_error *cr_vectors_load(struct cr_thread *thread)
{
	struct header h = { .size = sizeof(h),
			    .length = (uint16_t)thread->vectors };
	size_t size = sizeof(h);
	struct cr_error *err = NULL;
	if (!thread->vectors)
		return NULL;
	if (!thread->comparing)
		err = cr_tracee_set(thread, NT_ARM_SVE, &h, sizeof(h));
	if (!err)
		err = cr_tracee_get(thread, NT_ARM_SVE, &h, &size);
	if (!err && h.length != thread->vectors)
		err = cr_error_new(CR_ERR_INTERNAL,
				   "thread %u: vectors of %u bytes, not %u",
				   (unsigned)thread->vtid, (unsigned)h.length,
				   (unsigned)thread->vectors);
	return err;
}
