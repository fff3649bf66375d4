// SPDX-License-Identifier: MIT
#include "lib/unwind/sigframe.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/pages/scan.h"
#include "lib/unwind/shadow.h"
#include "lib/unwind/sigframe/kind.h"

/* What a flag of sigaltstack(2) says: there is none. */
#define STACK_DISABLED 2

static const struct cr_sigframe_kind *const kinds[] = {
	&cr_sigframe_x86_64,
	&cr_sigframe_aarch64,
	NULL,
};

static const struct cr_sigframe_kind *kind_of(const struct cr_arch *arch)
{
	for (const struct cr_sigframe_kind *const *k = kinds; *k; k++)
		if ((*k)->arch == arch)
			return *k;
	return NULL;
}

/* ---- the list ---- */

/* The first one that is at an address or above. */
static size_t find_from(const struct cr_sigframes *s, uint64_t at)
{
	size_t low = 0, high = s->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->frame[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct cr_error *make_room(struct cr_sigframes *s)
{
	if (s->nr < s->cap)
		return NULL;
	size_t cap = s->cap ? 2 * s->cap : 16;
	struct cr_sigframe *grown =
		reallocarray(s->frame, cap, sizeof(grown[0]));
	if (!grown)
		return cr_enomem;
	s->frame = grown;
	s->cap = cap;
	return NULL;
}

/* Reads a candidate, and puts it in its place if it is one. *i_ret: that place;
 * s->nr if it is none. */
static struct cr_error *add(struct cr_sigframes *s, uint64_t at,
			    bool is_certain, size_t *i_ret)
{
	struct cr_sigframe frame = { .at = at };
	size_t i = find_from(s, at);
	if (i < s->nr && s->frame[i].at == at) {
		*i_ret = i;
		return NULL;
	}
	s->is_cut |= s->nr == CR_SIGFRAMES_MAX;
	*i_ret = s->nr;
	if (s->is_cut || !s->kind->read(s->pages, &frame, is_certain))
		return NULL;
	struct cr_error *err = make_room(s);
	if (err)
		return err;
	memmove(s->frame + i + 1, s->frame + i,
		(s->nr - i) * sizeof(s->frame[0]));
	s->frame[i] = frame;
	s->nr++;
	*i_ret = i;
	return NULL;
}

/* ---- finding ---- */

/* Windows begin and end at pages, so that no word is cut. */
static struct cr_error *search(void *arg, const struct cr_window *w)
{
	struct cr_sigframes *s = arg;
	const struct cr_sigframe_kind *k = s->kind;
	struct cr_error *err = NULL;
	size_t i;
	uint64_t rest = (k->rest + k->key_off) % 16;
	for (size_t off = (rest - w->vaddr) % 16;
	     !err && !s->is_cut && off + 8 <= w->size; off += 16) {
		uint64_t word;
		memcpy(&word, w->data + off, sizeof(word));
		if (!k->is_key(s, le64toh(word)) ||
		    w->vaddr + off < k->key_off)
			continue;
		err = add(s, w->vaddr + off - k->key_off, false, &i);
	}
	return err;
}

static struct cr_error *search_all(struct cr_sigframes *s)
{
	const struct cr_space *space = &s->pages->space;
	struct cr_error *err = NULL;
	for (size_t i = 0; i < space->nr && err != cr_enomem; i++) {
		const struct cr_vma *vma = &space->vma[i];
		if (!(vma->prot & PROT_WRITE) || vma->status & CR_VMA_SHSTK)
			continue;
		err = cr_scan(s->pages, vma->start, vma->end, 0, search, s);
		if (err == cr_enomem || !err)
			continue;
		cr_error_free(s->fault);
		s->fault = err;
	}
	return err == cr_enomem ? err : NULL;
}

static void add_restorer(struct cr_sigframes *s, uint64_t vaddr)
{
	const size_t most = sizeof(s->restorer) / sizeof(s->restorer[0]);
	for (size_t i = 0; i < s->nr_restorers; i++)
		if (s->restorer[i] == vaddr)
			return;
	if (vaddr && s->nr_restorers < most)
		s->restorer[s->nr_restorers++] = vaddr;
}

struct cr_error *cr_sigframes_init(struct cr_sigframes *s,
				   struct cr_pages *pages,
				   const CoreEntry *leader)
{
	const TaskCoreEntry *tc = leader->tc;
	*s = (struct cr_sigframes){ .pages = pages,
				    .arch = cr_arch_of(leader) };
	s->kind = kind_of(s->arch);
	if (!s->kind)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "signal frames of %s are not known",
				    s->arch ? s->arch->name :
					      "its processor");
	for (size_t i = 0; tc && i < tc->n_sigactions; i++)
		add_restorer(s, tc->sigactions[i]->restorer);
	s->used = calloc(pages->space.nr + 1, sizeof(s->used[0]));
	struct cr_error *err = s->used ? search_all(s) : cr_enomem;
	if (err)
		cr_sigframes_deinit(s);
	return err;
}

void cr_sigframes_deinit(struct cr_sigframes *s)
{
	cr_error_free(s->fault);
	free(s->frame);
	free(s->used);
	free(s->alternate);
	*s = (struct cr_sigframes){ 0 };
}

/* ---- whose they are ---- */

/* A thread's stack pointer was, or is, there. */
static void note_sp(struct cr_sigframes *s, uint64_t sp)
{
	const struct cr_vma *vma = cr_sigframe_vma(s->pages, sp);
	if (!vma)
		return;
	uint64_t *used = &s->used[vma - s->pages->space.vma];
	if (*used < sp)
		*used = sp;
}

static struct cr_error *note_alternate(struct cr_sigframes *s,
				       const CoreEntry *core)
{
	const ThreadSasEntry *sas =
		core->thread_core ? core->thread_core->sas : NULL;
	uint64_t end;
	if (!sas || sas->ss_flags & STACK_DISABLED ||
	    __builtin_add_overflow(sas->ss_sp, sas->ss_size, &end))
		return NULL;
	if (s->nr_alternates == s->cap_alternates) {
		size_t cap = s->cap_alternates ? 2 * s->cap_alternates : 16;
		struct cr_sigframe_stack *grown =
			reallocarray(s->alternate, cap, sizeof(grown[0]));
		if (!grown)
			return cr_enomem;
		s->alternate = grown;
		s->cap_alternates = cap;
	}
	s->alternate[s->nr_alternates++] =
		(struct cr_sigframe_stack){ sas->ss_sp, end };
	return NULL;
}

/* A thread being followed. */
struct thread {
	uint32_t tid;
	uint64_t sp; /* frames are above, in the mapping of that */
	bool is_whole; /* it was unwound to its end */
	size_t nr;
};

static void take(struct cr_sigframes *s, struct thread *t, size_t i,
		 enum cr_sigframe_grade grade)
{
	struct cr_sigframe *frame = &s->frame[i];
	frame->grade = grade;
	frame->tid = t->tid;
	frame->order = ++s->nr_ordered;
	t->nr++;
	t->sp = frame->sp;
	note_sp(s, frame->sp);
}

/* Unwinding leads from one to the next. */
static struct cr_error *follow_frames(struct cr_sigframes *s,
				      struct cr_unwind *u,
				      const CoreEntry *core, struct thread *t)
{
	struct cr_frame frame;
	bool is_guess = false;
	struct cr_error *err = cr_unwind_start(u, core);
	while (!err && cr_unwind_next(u, &frame)) {
		size_t i;
		is_guess |= frame.how == CR_FRAME_POINTER;
		if (frame.has_sp && frame.sp > t->sp &&
		    frame.how != CR_FRAME_SIGNAL)
			t->sp = frame.sp;
		if (!frame.is_signal || !frame.has_sp)
			continue;
		err = add(s, frame.sp - s->kind->popped, true, &i);
		if (!err && i < s->nr && s->frame[i].tid != t->tid)
			take(s, t, i, CR_SIGFRAME_EXACT);
	}
	t->is_whole = !err && u->end == CR_UNWIND_OUTERMOST && !is_guess;
	if (!err && u->end == CR_UNWIND_FAILED && u->why == cr_enomem)
		err = cr_enomem;
	return err;
}

/* From the stack pointer on, the next one in that mapping; from what it
 * interrupted on, the next. */
static void follow_stack(struct cr_sigframes *s, struct thread *t)
{
	for (;;) {
		const struct cr_vma *vma = cr_sigframe_vma(s->pages, t->sp);
		size_t i = find_from(s, t->sp - s->kind->popped);
		if (!vma || i == s->nr || s->frame[i].at >= vma->end ||
		    s->frame[i].tid)
			return;
		take(s, t, i, CR_SIGFRAME_CHAINED);
	}
}

/* The shadow stack has one word for each. */
static void compare_shadow(struct cr_sigframes *s, const struct thread *t,
			   size_t nr_shadow)
{
	for (size_t i = 0; i < s->nr; i++)
		if (s->frame[i].tid == t->tid && t->nr == nr_shadow)
			s->frame[i].grade = CR_SIGFRAME_EXACT;
}

static uint64_t sp_of(const struct cr_arch *arch, const CoreEntry *core)
{
	const struct cr_arch_task task = { .core = core };
	const struct cr_arch_frames *f = arch->frames;
	uint64_t words[CR_ARCH_SET_MAX / 8];
	struct cr_regs to;
	cr_regs_init(&to, words, arch->general.size, arch->big);
	bool has = arch->general.fill(&to, &task);
	return has ? le64toh(words[f->general[f->sp]]) : 0;
}

struct cr_error *cr_sigframes_thread(struct cr_sigframes *s,
				     struct cr_unwind *unwind, uint32_t tid,
				     const CoreEntry *core,
				     struct cr_sigframes_thread *ret)
{
	struct thread t = { .tid = tid };
	*ret = (struct cr_sigframes_thread){ 0 };
	if (cr_arch_of(core) != s->arch)
		return cr_error_new(CR_ERR_FORMAT,
				    "its registers are not those of %s",
				    s->arch->name);
	t.sp = sp_of(s->arch, core);
	note_sp(s, t.sp);
	struct cr_error *err = note_alternate(s, core);
	if (!err && unwind)
		err = follow_frames(s, unwind, core, &t);
	if (err)
		return err;
	if (!t.is_whole)
		follow_stack(s, &t);
	ret->nr = t.nr;
	ret->has_shadow = cr_shadow_signals(s->pages, core, &ret->nr_shadow);
	if (ret->has_shadow)
		compare_shadow(s, &t, ret->nr_shadow);
	return NULL;
}

/* ---- what is left ---- */

/* It is in the unused part of a thread's stack, or on an alternate stack. */
static bool is_unused(const struct cr_sigframes *s, uint64_t at)
{
	const struct cr_vma *vma = cr_sigframe_vma(s->pages, at);
	if (vma && at < s->used[vma - s->pages->space.vma])
		return true;
	for (size_t i = 0; i < s->nr_alternates; i++)
		if (at >= s->alternate[i].start && at < s->alternate[i].end)
			return true;
	return false;
}

static int by_order(const void *a, const void *b)
{
	const struct cr_sigframe *x = a, *y = b;
	/* 0 is last. */
	uint32_t i = x->order - 1, j = y->order - 1;
	return i != j ? (i > j) - (i < j) : (x->at > y->at) - (x->at < y->at);
}

void cr_sigframes_finish(struct cr_sigframes *s)
{
	for (size_t i = 0; i < s->nr; i++)
		if (!s->frame[i].tid && is_unused(s, s->frame[i].at))
			s->frame[i].grade = CR_SIGFRAME_STALE;
	if (s->nr)
		qsort(s->frame, s->nr, sizeof(s->frame[0]), by_order);
}

const char *cr_sigframe_grade_name(enum cr_sigframe_grade grade)
{
	static const char *const names[] = {
		[CR_SIGFRAME_SUSPECT] = "suspect",
		[CR_SIGFRAME_STALE] = "stale",
		[CR_SIGFRAME_CHAINED] = "chained",
		[CR_SIGFRAME_EXACT] = "exact",
	};
	return names[grade];
}

/* ---- what becomes of them ---- */

void cr_sigframe_say(struct cr_sigframe_fate *ret, enum cr_fate fate,
		     const char *why, ...)
{
	va_list args;
	size_t n = ret->fate == fate ? strlen(ret->why) : 0;
	if (n)
		n += (size_t)snprintf(ret->why + n, sizeof(ret->why) - n, "; ");
	if (n >= sizeof(ret->why))
		return;
	va_start(args, why);
	vsnprintf(ret->why + n, sizeof(ret->why) - n, why, args);
	va_end(args);
	ret->fate = fate;
}

void cr_sigframe_judge(const struct cr_sigframe *frame,
		       const struct cr_arch *arch,
		       const struct cr_machine *machine,
		       struct cr_sigframe_fate *ret)
{
	*ret = (struct cr_sigframe_fate){ .fate = CR_FATE_OK };
	if (strcmp(arch->name, machine->arch))
		cr_sigframe_say(ret, CR_FATE_FOREIGN, "the machine is %s",
				machine->arch);
	else
		kind_of(arch)->judge(frame, machine, ret);
}

const char *cr_fate_name(enum cr_fate fate)
{
	static const char *const names[] = {
		[CR_FATE_UNKNOWN] = "unknown",
		[CR_FATE_OK] = "ok",
		[CR_FATE_LENIENT] = "ok if lenient",
		[CR_FATE_LOSS] = "loss",
		[CR_FATE_GARBLED] = "garbled",
		[CR_FATE_FAULT] = "fault",
		[CR_FATE_FOREIGN] = "other processor",
	};
	return names[fate];
}
