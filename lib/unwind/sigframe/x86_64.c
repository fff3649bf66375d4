// SPDX-License-Identifier: MIT
/*
 * Frames of x86_64, and what kernels do with their extended state. Tried on
 * Linux 6.18 where the sources leave room: a component that the processor does
 * not have, a compacted header, bytes 16 to 23 of it that are set, an area that is
 * not aligned and unknown bits of mxcsr are SIGSEGV; sizes that do not
 * fit cost the components but x87 and SSE, silently.
 */
#include <string.h>
#include <sys/mman.h>

#include "lib/unwind/sigframe/kind.h"

/* Bytes above the frame's lowest one: struct rt_sigframe. */
enum {
	UC_FLAGS = 8,
	SP = 168,
	PC = 176,
	CS = 192,
	FPSTATE = 232,
	SIGNO = 312,
	FRAME_SIZE = 440,
};

/* Within the extended state. */
enum {
	MXCSR = 24,
	SW_BYTES = 464, /* magic, extended size, features, size */
	HEADER = 512,
	FXSAVE_SIZE = 512,
	XSAVE_MIN = 576,
};

#define MAGIC1	  0x46505853u
#define MAGIC2	  0x46505845u
#define CS_64	  0x33
#define ALIGNMENT 64
#define X87_SSE	  UINT64_C(3)
#define X87_SSE_AVX UINT64_C(7)
#define TILE_DATA (UINT64_C(1) << 18)
#define MXCSR_UNKNOWN 0xffff0000u

static bool is_key(const struct cr_sigframes *s, uint64_t word)
{
	for (size_t i = 0; i < s->nr_restorers; i++)
		if (s->restorer[i] == word)
			return true;
	return false;
}

static bool has_magic2(struct cr_pages *pages, uint64_t vaddr)
{
	uint8_t bytes[4];
	return cr_sigframe_bytes(pages, vaddr, bytes, sizeof(bytes)) &&
	       cr_sigframe_u32(bytes) == MAGIC2;
}

/* What a kernel that checks nothing but the frame itself takes it for. */
static bool read_fp(struct cr_pages *pages, struct cr_sigframe *frame)
{
	struct cr_sigframe_x86 *x = &frame->x86;
	uint8_t area[HEADER + 64];
	memset(area + HEADER, 0, 64);
	if (!cr_sigframe_bytes(pages, x->fp, area, FXSAVE_SIZE))
		return false;
	x->mxcsr = cr_sigframe_u32(area + MXCSR);
	frame->size = x->fp + FXSAVE_SIZE - frame->at;
	if (cr_sigframe_u32(area + SW_BYTES) != MAGIC1)
		return true;
	x->extended_size = cr_sigframe_u32(area + SW_BYTES + 4);
	x->features = cr_sigframe_u64(area + SW_BYTES + 8);
	x->size = cr_sigframe_u32(area + SW_BYTES + 16);
	x->has_xstate = x->size >= XSAVE_MIN && x->size <= x->extended_size &&
			has_magic2(pages, x->fp + x->size) &&
			cr_sigframe_bytes(pages, x->fp + HEADER, area + HEADER,
					  64);
	if (!x->has_xstate)
		return true;
	frame->size = x->fp + x->size + 4 - frame->at;
	x->present = cr_sigframe_u64(area + HEADER);
	x->live = x->present & x->features;
	x->is_compacted = cr_sigframe_u64(area + HEADER + 8);
	x->is_reserved_set = cr_sigframe_u64(area + HEADER + 16);
	return true;
}

static bool looks_real(struct cr_pages *pages, const struct cr_sigframe *frame,
		       const uint8_t *bytes)
{
	const struct cr_vma *code = cr_sigframe_vma(pages, frame->pc);
	return (bytes[CS] | bytes[CS + 1] << 8) == CS_64 &&
	       cr_sigframe_u64(bytes + UC_FLAGS) < 8 && code &&
	       code->prot & PROT_EXEC && cr_sigframe_vma(pages, frame->sp);
}

/* The extended state is above it, on the same stack. */
static bool read_frame(struct cr_pages *pages, struct cr_sigframe *frame,
		       bool is_certain)
{
	uint8_t bytes[FRAME_SIZE];
	struct cr_sigframe_x86 *x = &frame->x86;
	const struct cr_vma *stack = cr_sigframe_vma(pages, frame->at);
	if (!stack || !cr_sigframe_bytes(pages, frame->at, bytes, FRAME_SIZE))
		return false;
	frame->sp = cr_sigframe_u64(bytes + SP);
	frame->pc = cr_sigframe_u64(bytes + PC);
	frame->signo = cr_sigframe_signo(cr_sigframe_u32(bytes + SIGNO));
	frame->size = FRAME_SIZE;
	*x = (struct cr_sigframe_x86){ .fp = cr_sigframe_u64(bytes + FPSTATE) };
	bool has_fp = x->fp >= frame->at + FRAME_SIZE && x->fp < stack->end &&
		      read_fp(pages, frame);
	return (is_certain || looks_real(pages, frame, bytes)) &&
	       (!x->fp || has_fp);
}

/* ---- what becomes of it ---- */

/* Bytes of standard format up to the end of the last of these components. */
static uint32_t size_of(const struct cr_machine_x86 *m, uint64_t features)
{
	unsigned last = 63 - (unsigned)__builtin_clzll(features | 1);
	const struct cr_machine_component *c = &m->component[last];
	return last < 2 ? XSAVE_MIN : c->off + c->size;
}

/* What the kernel's own frame for such a task takes: with the tiles of AMX it is
 * larger, as the task asked for that. */
static uint32_t own_size(const struct cr_machine_x86 *m,
			 const struct cr_sigframe_x86 *x)
{
	uint64_t tiles = x->features & m->features & TILE_DATA;
	return tiles ? size_of(m, m->features) : m->frame_size;
}

/* Components stand elsewhere there: what the frame has room for would then end
 * somewhere else. AVX is at the same place everywhere. */
static bool is_elsewhere(const struct cr_machine_x86 *m,
			 const struct cr_sigframe_x86 *x)
{
	return x->live & ~X87_SSE_AVX &&
	       (x->features & ~m->features ||
		size_of(m, x->features) != x->size);
}

static void say_loss(struct cr_sigframe_fate *ret, uint64_t lost,
		     const struct cr_sigframe_x86 *x, uint32_t own)
{
	if (!lost)
		return;
	cr_sigframe_say(ret, CR_FATE_LOSS,
			"its extended state has %u bytes, of this kernel's "
			"frames %u",
			x->size, own);
	ret->components = lost;
}

/* The kernel hands it to the processor. */
static void judge_taken(const struct cr_machine_x86 *m,
			const struct cr_sigframe_x86 *x,
			struct cr_sigframe_fate *ret)
{
	if (x->is_compacted || x->is_reserved_set)
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"its extended state is not in standard format");
	else if (x->present & ~m->features) {
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"the processor has not all components of it");
		ret->components = x->present & ~m->features;
	} else if (is_elsewhere(m, x)) {
		cr_sigframe_say(ret, CR_FATE_GARBLED,
				"components stand elsewhere there");
		ret->components = x->live & ~X87_SSE_AVX;
	}
}

/* It is shorter than the kernel's own. */
static void judge_short(const struct cr_machine_x86 *m,
			const struct cr_sigframe_x86 *x, uint32_t own,
			struct cr_sigframe_fate *ret)
{
	uint64_t lost = x->live & ~X87_SSE;
	if (m->short_frames == CR_TRIAL_NO) {
		say_loss(ret, lost, x, own);
		return;
	}
	judge_taken(m, x, ret);
	if (ret->fate != CR_FATE_OK || m->short_frames == CR_TRIAL_YES || !lost)
		return;
	cr_sigframe_say(ret, CR_FATE_LENIENT,
			"its extended state has %u bytes, of this kernel's "
			"frames %u",
			x->size, own);
	ret->components = lost;
}

static void judge_xstate(const struct cr_machine_x86 *m,
			 const struct cr_sigframe_x86 *x,
			 struct cr_sigframe_fate *ret)
{
	uint32_t own = own_size(m, x);
	if (x->size < own)
		judge_short(m, x, own, ret);
	else if (x->size > own && m->long_frames != CR_TRIAL_YES)
		say_loss(ret, x->live & ~X87_SSE, x, own);
	else
		judge_taken(m, x, ret);
}

static void judge(const struct cr_sigframe *frame, const struct cr_machine *m,
		  struct cr_sigframe_fate *ret)
{
	const struct cr_sigframe_x86 *x = &frame->x86;
	if (!x->fp)
		cr_sigframe_say(ret, CR_FATE_OK, "it has no extended state");
	else if (x->fp % ALIGNMENT)
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"its extended state is not aligned");
	else if (x->mxcsr & MXCSR_UNKNOWN)
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"its mxcsr has unknown bits");
	else if (!x->has_xstate)
		cr_sigframe_say(ret, CR_FATE_OK, "it has x87 and SSE only");
	else if (!m->x86.frame_size)
		cr_sigframe_say(ret, CR_FATE_UNKNOWN,
				"the size of its frames is not known");
	else
		judge_xstate(&m->x86, x, ret);
}

const struct cr_sigframe_kind cr_sigframe_x86_64 = {
	.arch = &cr_arch_x86_64,
	.rest = 8,
	.is_key = is_key,
	.popped = 8,
	.read = read_frame,
	.judge = judge,
};
