// SPDX-License-Identifier: MIT
#include "lib/unwind/slots.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "lib/unwind/calls.h"
#include "lib/unwind/words.h"

/* Found by looking: at most so many are looked into. */
#define MAX_WORDS    (1 << 18)
#define MAX_CONTEXTS (1 << 16)
#define MAX_FRAMES   (4 * CR_UNWIND_MAX)
#define MAX_WORK     UINT32_MAX	/* of the unwinder, for all of them */
#define MAX_TRIES    (1 << 20) /* of a modifier */

/* Bytes of a stack that may be stale below its pointer, where nothing says how
 * large it is: the usual limit. */
#define STACK_SIZE (UINT64_C(8) << 20)

#define SS_DISABLE 2 /* man 2 sigaltstack */

/* ---- numbers by number ---- */

struct map {
	uint64_t *key; /* 0: free */
	size_t *value;
	size_t nr, cap; /* a power of two */
};

static void map_deinit(struct map *map)
{
	free(map->key);
	free(map->value);
}

static size_t map_place(const struct map *map, uint64_t key)
{
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15u >> 20) & (map->cap - 1);
	while (map->key[i] && map->key[i] != key)
		i = (i + 1) & (map->cap - 1);
	return i;
}

static const size_t *map_find(const struct map *map, uint64_t key)
{
	if (!map->cap || !key)
		return NULL;
	size_t i = map_place(map, key);
	return map->key[i] ? &map->value[i] : NULL;
}

static struct cr_error *map_grow(struct map *map)
{
	struct map more = { .nr = map->nr, .cap = map->cap ? 2 * map->cap : 64 };
	more.key = calloc(more.cap, sizeof(more.key[0]));
	more.value = calloc(more.cap, sizeof(more.value[0]));
	if (!more.key || !more.value) {
		map_deinit(&more);
		return cr_enomem;
	}
	for (size_t i = 0; i < map->cap; i++) {
		if (!map->key[i])
			continue;
		size_t to = map_place(&more, map->key[i]);
		more.key[to] = map->key[i];
		more.value[to] = map->value[i];
	}
	map_deinit(map);
	*map = more;
	return NULL;
}

/* The first value stays. */
static struct cr_error *map_add(struct map *map, uint64_t key, size_t value)
{
	if (2 * map->nr >= map->cap) {
		struct cr_error *err = map_grow(map);
		if (err)
			return err;
	}
	size_t i = key ? map_place(map, key) : 0;
	if (!key || map->key[i])
		return NULL;
	map->key[i] = key;
	map->value[i] = value;
	map->nr++;
	return NULL;
}

/* ---- what is gathered ---- */

/* A stack, or a part of one: stale from bottom to low, its frames up to high. */
struct area {
	uint64_t bottom, low, high;
	bool is_found; /* no thread's */
};

struct word {
	uint64_t vaddr, raw;
};

struct list {
	void *item;
	size_t nr, cap;
};

struct find {
	struct cr_slots *slots;
	struct cr_unwind *u;
	const struct cr_signs *signs;
	const struct cr_slot_thread *thread;
	size_t nr_threads;
	uint32_t pid;
	const struct cr_sign_keys *keys; /* of the thread at hand; NULL: none */
	uint64_t field;
	struct cr_words words;
	struct cr_calls calls;
	struct map by_vaddr, by_raw; /* slots */
	struct map contexts;	     /* of signals that threads are in */
	struct list areas, found, looks_saved; /* area, word, uint64_t */
	size_t *order; /* slots of frames, by modifier */
	size_t nr_order;
	size_t nr_sorted; /* areas; the others came since */
	size_t nr_frames; /* of stacks that were found */
	size_t nr_tries;
	uint64_t work;
};

static struct cr_error *make_room(struct list *list, size_t size)
{
	if (list->nr < list->cap)
		return NULL;
	size_t cap = list->cap ? 2 * list->cap : 64;
	void *more = realloc(list->item, cap * size);
	if (!more)
		return cr_enomem;
	list->item = more;
	list->cap = cap;
	return NULL;
}

static struct cr_error *add_area(struct find *f, const struct area *area)
{
	struct cr_error *err = make_room(&f->areas, sizeof(*area));
	if (!err)
		((struct area *)f->areas.item)[f->areas.nr++] = *area;
	return err;
}

static struct cr_error *add_slot(struct find *f, const struct cr_slot *slot)
{
	struct cr_slots *s = f->slots;
	if (s->nr == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		void *more = realloc(s->slot, cap * sizeof(s->slot[0]));
		if (!more)
			return cr_enomem;
		s->slot = more;
		s->cap = cap;
	}
	s->slot[s->nr++] = *slot;
	return NULL;
}

/* Makes slots from `first` on known to those that come. */
static struct cr_error *index_slots(struct find *f, size_t first)
{
	struct cr_error *err = NULL;
	for (size_t i = first; !err && i < f->slots->nr; i++) {
		const struct cr_slot *slot = &f->slots->slot[i];
		if (slot->in_memory)
			err = map_add(&f->by_vaddr, slot->vaddr, i);
		if (!err && slot->has_modifier)
			err = map_add(&f->by_raw, slot->raw, i);
	}
	return err;
}

static struct cr_error *add_walk(struct find *f,
				 const struct cr_slot_walk *walk)
{
	struct cr_slots *s = f->slots;
	if (s->nr_walks == s->cap_walks) {
		size_t cap = s->cap_walks ? 2 * s->cap_walks : 16;
		void *more = realloc(s->walk, cap * sizeof(s->walk[0]));
		if (!more)
			return cr_enomem;
		s->walk = more;
		s->cap_walks = cap;
	}
	s->walk[s->nr_walks++] = *walk;
	return NULL;
}

/* ---- areas ---- */

static int by_low(const void *a, const void *b)
{
	const struct area *x = a, *y = b;
	return (x->low > y->low) - (x->low < y->low);
}

static void sort_areas(struct find *f)
{
	if (f->areas.nr)
		qsort(f->areas.item, f->areas.nr, sizeof(struct area), by_low);
	f->nr_sorted = f->areas.nr;
}

/* The first area that begins above; nr_sorted if none does. */
static size_t area_above(const struct find *f, uint64_t vaddr)
{
	const struct area *area = f->areas.item;
	size_t low = 0, high = f->nr_sorted;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (area[middle].low <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The frames that hold an address, or NULL. */
static const struct area *area_of(const struct find *f, uint64_t vaddr)
{
	const struct area *area = f->areas.item;
	size_t i = area_above(f, vaddr);
	return i && vaddr < area[i - 1].high ? &area[i - 1] : NULL;
}

/* The stack whose frames an address is below, or NULL. */
static const struct area *stale_area(const struct find *f, uint64_t vaddr)
{
	const struct area *area = f->areas.item;
	size_t i = area_above(f, vaddr);
	if (area_of(f, vaddr) || i == f->nr_sorted || vaddr < area[i].bottom)
		return NULL;
	return &area[i];
}

static bool is_in(uint64_t vaddr, uint64_t start, uint64_t size)
{
	return vaddr >= start && vaddr - start < size;
}

/* How far down the stack may reach that sp is in. */
static uint64_t bottom_of(const struct find *f, const CoreEntry *core,
			  uint64_t sp)
{
	const ThreadSasEntry *sas =
		core->thread_core ? core->thread_core->sas : NULL;
	const struct cr_vma *vma = cr_modules_vma(&f->u->modules, sp);
	if (sas && is_in(sp, sas->ss_sp, sas->ss_size))
		return sas->ss_sp;
	/* Something else may be below. */
	if (!vma || vma->status & CR_VMA_HEAP)
		return sp;
	return sp - vma->start > STACK_SIZE ? sp - STACK_SIZE : vma->start;
}

/* The part of a walk that is on one stack. */
struct part {
	bool is_open;
	struct area area;
	uint64_t saved_to; /* the end of the signal's frame, if one follows */
};

static struct cr_error *close_part(struct find *f, struct part *part)
{
	bool is_open = part->is_open;
	part->is_open = false;
	return is_open ? add_area(f, &part->area) : NULL;
}

static void raise_to(struct part *part, uint64_t high)
{
	if (part->area.high < high)
		part->area.high = high;
}

/* A frame's stack; core: of the thread, NULL if none leads there. */
static struct cr_error *note_stack(struct find *f, struct part *part,
				   const struct cr_frame *frame,
				   const CoreEntry *core, uint64_t bottom)
{
	const struct cr_arch_frames *frames = f->u->arch->frames;
	struct cr_error *err = NULL;
	uint64_t sp = frame->sp;
	bool jumps = frame->how == CR_FRAME_SIGNAL && part->is_open;
	if (jumps && part->saved_to)
		raise_to(part, part->saved_to);
	/* On the same stack it goes on. */
	if (jumps && cr_modules_vma(&f->u->modules, sp) ==
			     cr_modules_vma(&f->u->modules, part->area.low) &&
	    sp >= part->area.low) {
		raise_to(part, sp);
		jumps = false;
	}
	if (jumps)
		err = close_part(f, part);
	if (!part->is_open && frame->has_sp) {
		part->is_open = true;
		part->area = (struct area){ .low = sp, .high = sp,
					    .bottom = bottom,
					    .is_found = !core };
		if (core)
			part->area.bottom = bottom_of(f, core, sp);
	}
	if (frame->has_cfa && part->is_open)
		raise_to(part, frame->cfa);
	else if (frame->has_ret && frame->ret.in_memory && part->is_open)
		raise_to(part, frame->ret.slot + 8);
	part->saved_to = frame->is_signal && frame->has_sp ?
				 sp + frames->context + frames->context_size :
				 0;
	return err;
}

/* ---- slots of frames ---- */

static bool is_on(const struct cr_sign_keys *keys, bool is_key_b)
{
	return keys && keys->has && keys->is_enabled[is_key_b];
}

/* Authenticates it, with the keys of any thread. */
static void judge(const struct find *f, struct cr_slot *slot)
{
	const struct cr_sign_keys *own = slot->keys, *whose;
	slot->verdict = CR_SIGN_UNKNOWN;
	if (!slot->has_modifier || !f->signs->is_proved || !own || !own->has)
		return;
	whose = cr_signs_explain(f->signs, own, slot->raw, slot->modifier,
				 slot->is_key_b);
	slot->verdict = !whose	       ? CR_SIGN_BAD :
			whose == own   ? CR_SIGN_OK :
					 CR_SIGN_OTHER;
	if (whose)
		slot->keys = whose;
}

static bool is_good(const struct cr_slot *slot)
{
	return slot->verdict == CR_SIGN_OK || slot->verdict == CR_SIGN_OTHER;
}

/* The one before: a frame that the walk should not have come to may have the
 * register where that was saved. */
static bool is_again(const struct find *f, const struct cr_slot_walk *walk,
		     const struct cr_slot *slot)
{
	const struct cr_slots *s = f->slots;
	return walk->nr_slots && slot->in_memory &&
	       s->slot[s->nr - 1].in_memory &&
	       s->slot[s->nr - 1].vaddr == slot->vaddr;
}

/* What the frame's return address is as a slot; false if it is not signed. */
static bool slot_of(const struct find *f, const struct cr_frame *frame,
		    struct cr_slot *slot)
{
	const struct cr_return *ret = &frame->ret;
	bool has_code = frame->has_ret && ret->raw & f->field;
	bool is_signed = frame->has_ret && frame->has_cfa &&
			 ret->sign & CR_CFI_SIGNED;
	if (ret->is_nowhere || (!has_code && !is_signed) ||
	    (!has_code && !is_on(f->keys, ret->is_key_b)))
		return false;
	*slot = (struct cr_slot){
		.in_memory = ret->in_memory,
		.vaddr = ret->slot,
		.reg = ret->reg,
		.raw = ret->raw,
		.has_modifier = is_signed,
		.modifier = is_signed ? cr_sign_modifier(frame) : 0,
		.is_key_b = is_signed && ret->is_key_b,
		.keys = f->keys,
		.grade = is_signed ? CR_SLOT_EXACT : CR_SLOT_SUSPECT,
		.verdict = CR_SIGN_UNKNOWN,
		.pc = frame->pc,
		.is_exact = frame->is_exact,
	};
	/* A key that is switched off signs nothing. */
	if (is_on(f->keys, ret->is_key_b))
		judge(f, slot);
	return true;
}

/* ---- threads ---- */

static struct cr_error *end_walk(struct find *f, struct cr_slot_walk *walk)
{
	walk->end = f->u->end;
	walk->why = walk->joins ? NULL : f->u->why;
	if (!walk->joins)
		f->u->why = NULL;
	struct cr_error *err = add_walk(f, walk);
	if (err)
		cr_error_free(walk->why);
	return err;
}

static void note_first(struct cr_slot_walk *walk, const struct cr_frame *frame)
{
	if (!walk->nr_frames++) {
		walk->pc = frame->pc;
		walk->is_exact = frame->is_exact;
		walk->sp = frame->sp;
	}
}

static struct cr_error *walk_thread(struct find *f,
				    const struct cr_slot_thread *thread)
{
	struct cr_unwind *u = f->u;
	struct part part = { 0 };
	struct cr_slot slot;
	struct cr_frame frame;
	struct cr_slot_walk walk = { CR_SLOT_STACK, .tid = thread->tid,
				     .first_slot = f->slots->nr };
	f->keys = cr_signs_find(f->signs, f->pid, thread->tid);
	struct cr_error *err = cr_unwind_start(u, thread->core);
	if (err)
		return cr_error_at(err, "thread %u", thread->tid);
	while (!err && cr_unwind_next(u, &frame)) {
		note_first(&walk, &frame);
		err = note_stack(f, &part, &frame, thread->core, 0);
		if (!err && frame.is_signal && frame.has_sp)
			err = map_add(&f->contexts,
				      frame.sp + u->arch->frames->context, 1);
		if (err || !slot_of(f, &frame, &slot) ||
		    is_again(f, &walk, &slot))
			continue;
		slot.tid = thread->tid;
		walk.nr_slots++;
		err = add_slot(f, &slot);
	}
	if (!err)
		err = close_part(f, &part);
	return err ? err : end_walk(f, &walk);
}

/* An alternate stack that nobody is on is stale as a whole. */
static struct cr_error *add_idle_stack(struct find *f, const CoreEntry *core)
{
	const ThreadSasEntry *sas =
		core->thread_core ? core->thread_core->sas : NULL;
	uint64_t end;
	if (!sas || !sas->ss_size || sas->ss_flags & SS_DISABLE ||
	    __builtin_add_overflow(sas->ss_sp, sas->ss_size, &end))
		return NULL;
	const struct area *area = f->areas.item;
	for (size_t i = 0; i < f->areas.nr; i++)
		if (is_in(area[i].low, sas->ss_sp, sas->ss_size))
			return NULL;
	return add_area(f, &(struct area){ sas->ss_sp, end, end });
}

static struct cr_error *walk_threads(struct find *f)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < f->nr_threads; i++)
		err = walk_thread(f, &f->thread[i]);
	for (size_t i = 0; !err && i < f->nr_threads; i++)
		err = add_idle_stack(f, f->thread[i].core);
	sort_areas(f);
	return err ? err : index_slots(f, 0);
}

/* ---- stacks that are found ---- */

/* What the unwinder has been started with. Counts if one of its slots
 * authenticates, or if nothing is proved. */
static struct cr_error *follow(struct find *f, struct cr_slot_walk *walk,
			       uint64_t bottom)
{
	struct cr_unwind *u = f->u;
	struct part part = { 0 };
	struct cr_slot slot;
	struct cr_frame frame;
	size_t first = f->slots->nr, first_area = f->areas.nr, nr_good = 0;
	struct cr_error *err = NULL;
	walk->first_slot = first;
	while (!err && !walk->joins && f->nr_frames < MAX_FRAMES &&
	       cr_unwind_next(u, &frame)) {
		f->nr_frames++;
		note_first(walk, &frame);
		err = note_stack(f, &part, &frame, NULL, bottom);
		bool is_slot = slot_of(f, &frame, &slot);
		if (err || !is_slot || !slot.in_memory ||
		    is_again(f, walk, &slot))
			continue;
		walk->joins = map_find(&f->by_vaddr, slot.vaddr);
		const struct area *of = area_of(f, slot.vaddr);
		bool is_old = (of && !of->is_found) ||
			      stale_area(f, slot.vaddr);
		/* In a thread's stack only what authenticates is believed. */
		if (walk->joins || (is_old && !is_good(&slot)))
			continue;
		slot.origin = walk->origin;
		slot.grade = is_good(&slot) ? CR_SLOT_VERIFIED :
					      CR_SLOT_SUSPECT;
		nr_good += is_good(&slot);
		walk->nr_slots++;
		err = add_slot(f, &slot);
	}
	f->work += u->work;
	if (!err && walk->nr_slots && (nr_good || !f->signs->is_proved)) {
		err = close_part(f, &part);
		if (!err)
			err = index_slots(f, first);
		return err ? err : end_walk(f, walk);
	}
	f->slots->nr = first;
	f->areas.nr = first_area;
	return err;
}

/* Where something is looked for, all else means that it is not there. */
static struct cr_error *keep_enomem(struct cr_error *err)
{
	if (err != cr_enomem)
		cr_error_free(err);
	return err == cr_enomem ? err : NULL;
}

static bool read_word(struct find *f, uint64_t vaddr, uint64_t *ret)
{
	uint64_t word = 0;
	struct cr_error *err =
		cr_pages_read(f->u->pages, vaddr, &word, sizeof(word));
	*ret = le64toh(word);
	cr_error_free(err);
	return !err;
}

/* ---- contexts ---- */

/* How far down the context's own stack reaches, as uc_stack says. */
static uint64_t context_bottom(struct find *f, uint64_t at, uint64_t sp)
{
	uint64_t start, size, uc_stack = f->u->arch->frames->uc_stack;
	if (at < uc_stack || !read_word(f, at - uc_stack, &start) ||
	    !read_word(f, at - uc_stack + 16, &size) ||
	    !is_in(sp, start, size))
		return sp;
	return start;
}

static struct cr_error *try_context(struct find *f, uint64_t at)
{
	const struct cr_arch_frames *frames = f->u->arch->frames;
	struct cr_slot_walk walk = { CR_SLOT_CONTEXT, .at = at };
	uint64_t pc, sp;
	if (f->work > MAX_WORK ||
	    !read_word(f, at + 8 * (uint64_t)frames->saved_pc, &pc) ||
	    !read_word(f, at + 8 * (uint64_t)frames->saved[frames->sp], &sp) ||
	    !cr_words_is_code(&f->words, pc) || sp % 16 ||
	    stale_area(f, sp) || stale_area(f, at))
		return NULL;
	struct cr_error *err = cr_unwind_start_saved(f->u, at);
	if (err)
		return keep_enomem(err);
	return follow(f, &walk, context_bottom(f, at, sp));
}

static struct cr_error *try_contexts(struct find *f)
{
	const uint64_t *at = f->looks_saved.item;
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < f->looks_saved.nr; i++)
		if (!map_find(&f->contexts, at[i]))
			err = try_context(f, at[i]);
	sort_areas(f);
	return err;
}

/* ---- words ---- */

static struct cr_error *note_word(void *arg, enum cr_words_kind kind,
				  uint64_t vaddr, uint64_t word)
{
	struct find *f = arg;
	struct list *list = kind == CR_WORDS_CONTEXT ? &f->looks_saved :
						       &f->found;
	size_t max = kind == CR_WORDS_CONTEXT ? MAX_CONTEXTS : MAX_WORDS;
	if (kind == CR_WORDS_SIGNED && map_find(&f->by_vaddr, vaddr))
		return NULL;
	/* Stale ones are of no account, and not kept. */
	if (kind == CR_WORDS_SIGNED && stale_area(f, vaddr)) {
		f->slots->nr_stale++;
		return NULL;
	}
	if (list->nr == max) {
		f->slots->nr_left_off++;
		return NULL;
	}
	struct cr_error *err = make_room(list, kind == CR_WORDS_CONTEXT ?
						       sizeof(uint64_t) :
						       sizeof(struct word));
	if (err)
		return err;
	if (kind == CR_WORDS_CONTEXT)
		((uint64_t *)list->item)[list->nr++] = vaddr;
	else
		((struct word *)list->item)[list->nr++] =
			(struct word){ vaddr, word };
	return NULL;
}

static uint64_t strip(const struct find *f, uint64_t raw)
{
	return raw & ~f->field;
}

/* A word that authenticates is a slot, and its stack is followed outward. */
static struct cr_error *take_word(struct find *f, const struct word *word,
				  struct cr_slot *slot, uint64_t sp,
				  const uint64_t *fp, bool *is_ret)
{
	struct cr_slot_walk walk = { CR_SLOT_FOUND, .at = word->vaddr };
	slot->in_memory = true;
	slot->vaddr = word->vaddr;
	slot->raw = word->raw;
	slot->has_modifier = true;
	slot->keys = f->keys;
	slot->origin = CR_SLOT_FOUND;
	slot->grade = CR_SLOT_VERIFIED;
	slot->verdict = CR_SIGN_UNKNOWN;
	if (f->nr_tries++ < MAX_TRIES)
		judge(f, slot);
	*is_ret = is_good(slot);
	if (!*is_ret)
		return NULL;
	struct cr_error *err = add_slot(f, slot);
	if (!err)
		err = index_slots(f, f->slots->nr - 1);
	if (err || f->work > MAX_WORK)
		return err;
	cr_unwind_start_caller(f->u, strip(f, word->raw), &sp, fp);
	return follow(f, &walk, sp);
}

/*
 * A return address behind a frame pointer, as functions save the pair: where it
 * leads to, call frame information says how far that frame pointer is from the
 * stack pointer, which is what the function that was called there signed with.
 */
static struct cr_error *try_pair(struct find *f, const struct word *word,
				 bool *is_ret)
{
	uint64_t fp;
	struct cr_frame frame;
	struct cr_error *err = NULL;
	if (f->work > MAX_WORK || word->vaddr < 8 ||
	    !read_word(f, word->vaddr - 8, &fp) || fp % 8 ||
	    fp <= word->vaddr)
		return NULL;
	cr_unwind_start_caller(f->u, strip(f, word->raw), NULL, &fp);
	bool has = cr_unwind_next(f->u, &frame) && frame.has_sp &&
		   frame.sp > word->vaddr;
	f->work += f->u->work + 64;
	for (unsigned key = 0; has && !err && !*is_ret && key < 2; key++) {
		struct cr_slot slot = { .modifier = frame.sp,
					.is_key_b = key };
		err = take_word(f, word, &slot, frame.sp, &fp, is_ret);
	}
	return err;
}

/* A return address of what was called before it. */
static struct cr_error *try_call(struct find *f, const struct word *word,
				 bool *is_ret)
{
	const struct cr_call *call;
	struct cr_error *err =
		cr_calls_before(&f->calls, strip(f, word->raw), &call);
	for (unsigned i = 0; !err && call && i < call->nr && !*is_ret; i++) {
		const struct cr_call_place place = call->place[i];
		uint64_t cfa = word->vaddr - (uint64_t)place.ra, fp;
		struct cr_slot slot = { .modifier = cfa,
					.is_key_b = call->is_key_b,
					.pc = call->target,
					.is_exact = true };
		if (place.with_pc)
			slot.modifier = cr_pac_modifier_lr(cfa, place.sign_pc);
		bool has_fp = place.fp &&
			      read_word(f, cfa + (uint64_t)place.fp, &fp);
		err = take_word(f, word, &slot, cfa, has_fp ? &fp : NULL,
				is_ret);
	}
	return err;
}

/* The slot with the least modifier above an address: the stack pointer of the
 * frame that the address is below. NULL: none. */
static const struct cr_slot *slot_above(const struct find *f, uint64_t vaddr)
{
	const size_t *order = f->order;
	size_t low = 0, high = f->nr_order;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (f->slots->slot[order[middle]].modifier <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->nr_order ? &f->slots->slot[order[low]] : NULL;
}

static struct cr_error *is_same_function(struct find *f, uint64_t a,
					 uint64_t b, bool *is_ret)
{
	struct cr_module *module;
	struct cr_fde fde;
	struct cr_cfi *cfi;
	*is_ret = false;
	struct cr_error *err = cr_modules_find(&f->u->modules, a - 1, &module);
	if (!err && module)
		err = cr_module_frames(module, a - 1, &fde, &cfi);
	if (!err && module)
		*is_ret = b > fde.start && b <= fde.end;
	return err;
}

/* What is left of an earlier call from a frame that is known: it was signed with
 * the same stack pointer. */
static struct cr_error *try_left_over(struct find *f, const struct word *word,
				      bool *is_ret)
{
	const struct cr_slot *above = slot_above(f, word->vaddr);
	bool is_same;
	if (!above)
		return NULL;
	struct cr_slot slot = { .modifier = above->modifier,
				.is_key_b = above->is_key_b };
	struct cr_error *err =
		is_same_function(f, strip(f, above->raw),
				 strip(f, word->raw), &is_same);
	if (!err && is_same)
		return take_word(f, word, &slot, slot.modifier, NULL, is_ret);
	return keep_enomem(err);
}

static int by_modifier(const void *a, const void *b, void *arg)
{
	const struct cr_slot *slot = arg;
	uint64_t x = slot[*(const size_t *)a].modifier;
	uint64_t y = slot[*(const size_t *)b].modifier;
	return (x > y) - (x < y);
}

/* Of the frames that are known before words are looked at. */
static struct cr_error *order_slots(struct find *f)
{
	struct cr_slots *s = f->slots;
	f->order = calloc(s->nr + 1, sizeof(f->order[0]));
	if (!f->order)
		return cr_enomem;
	for (size_t i = 0; i < s->nr; i++)
		if (s->slot[i].has_modifier && s->slot[i].in_memory)
			f->order[f->nr_order++] = i;
	qsort_r(f->order, f->nr_order, sizeof(f->order[0]), by_modifier,
		s->slot);
	return NULL;
}

static bool copy_of(const struct find *f, uint64_t raw, struct cr_slot *slot)
{
	const size_t *i = map_find(&f->by_raw, raw);
	if (!i || !is_good(&f->slots->slot[*i]))
		return false;
	*slot = f->slots->slot[*i];
	slot->origin = CR_SLOT_COPY;
	slot->grade = CR_SLOT_VERIFIED;
	return true;
}

static struct cr_error *explain_word(struct find *f, const struct word *word,
				     bool *is_ret)
{
	struct cr_error *err = try_pair(f, word, is_ret);
	if (!err && !*is_ret)
		err = try_left_over(f, word, is_ret);
	if (!err && !*is_ret)
		err = try_call(f, word, is_ret);
	return err;
}

static struct cr_error *take_copy(struct find *f, const struct word *word,
				  bool *is_ret)
{
	struct cr_slot slot;
	*is_ret = copy_of(f, word->raw, &slot);
	if (!*is_ret)
		return NULL;
	slot.in_memory = true;
	slot.vaddr = word->vaddr;
	struct cr_error *err = add_slot(f, &slot);
	return err ? err : index_slots(f, f->slots->nr - 1);
}

/* Those that are explained, by fn or as copies, leave the list. */
static struct cr_error *explain_words(
	struct find *f, struct cr_error *(*fn)(struct find *f,
					       const struct word *word,
					       bool *is_ret))
{
	struct word *word = f->found.item;
	struct cr_error *err = NULL;
	size_t nr = 0;
	for (size_t i = 0; !err && i < f->found.nr; i++) {
		bool is = map_find(&f->by_vaddr, word[i].vaddr);
		if (!is && fn)
			err = fn(f, &word[i], &is);
		if (!err && !is)
			err = take_copy(f, &word[i], &is);
		if (!is)
			word[nr++] = word[i];
	}
	f->found.nr = err ? f->found.nr : nr;
	return err;
}

/* ---- frame records ---- */

/* A word that points to the pair which a signed word is in: if it is a frame
 * pointer, a return address follows, and the function that this leads to has
 * signed the word. */
static struct cr_error *try_record(void *arg, enum cr_words_kind kind,
				   uint64_t vaddr, uint64_t word)
{
	struct find *f = arg;
	struct cr_slot_walk walk = { CR_SLOT_FOUND, .at = word + 8 };
	uint64_t raw;
	if (word % 8 || vaddr >= word || f->work > MAX_WORK ||
	    map_find(&f->by_vaddr, word + 8) ||
	    !read_word(f, vaddr + 8, &raw) ||
	    !cr_words_is_code(&f->words, strip(f, raw)))
		return NULL;
	cr_unwind_start_caller(f->u, strip(f, raw), NULL, &word);
	return follow(f, &walk, word);
}

static struct cr_error *try_records(struct find *f)
{
	const struct word *word = f->found.item;
	uint64_t *list = calloc(f->found.nr + 1, sizeof(list[0]));
	if (!list)
		return cr_enomem;
	for (size_t i = 0; i < f->found.nr; i++)
		list[i] = word[i].vaddr - 8;
	struct cr_error *err = cr_words_find(f->u->pages, list, f->found.nr,
					     try_record, f);
	free(list);
	/* What cannot be read has been noted before. */
	return keep_enomem(err);
}

/* ---- what is left ---- */

static struct cr_error *add_rest(struct find *f)
{
	const struct word *word = f->found.item;
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < f->found.nr; i++) {
		struct cr_slot slot = {
			.in_memory = true,
			.vaddr = word[i].vaddr,
			.raw = word[i].raw,
			.keys = f->keys,
			.origin = CR_SLOT_NONE,
			.grade = CR_SLOT_SUSPECT,
			.verdict = CR_SIGN_UNKNOWN,
		};
		if (map_find(&f->by_vaddr, slot.vaddr))
			continue;
		/* A stack that was found since may have it below. */
		if (stale_area(f, slot.vaddr))
			f->slots->nr_stale++;
		else
			err = add_slot(f, &slot);
	}
	return err;
}

/* Registers that hold such a word and are no slot yet. */
static struct cr_error *add_registers(struct find *f,
				      const struct cr_slot_thread *thread,
				      const struct cr_slot_walk *walk)
{
	struct cr_unwind *u = f->u;
	struct cr_error *err = cr_unwind_start(u, thread->core);
	for (uint32_t i = 0; !err && i < u->arch->frames->nr_regs; i++) {
		struct cr_slot slot = {
			.raw = u->reg[i],
			.keys = cr_signs_find(f->signs, f->pid, thread->tid),
			.origin = CR_SLOT_NONE,
			.grade = CR_SLOT_SUSPECT,
			.verdict = CR_SIGN_UNKNOWN,
		};
		bool is = false;
		if (!(u->known >> i & 1) ||
		    !cr_words_is_signed(&f->words, slot.raw))
			continue;
		for (size_t j = 0; j < walk->nr_slots && !is; j++) {
			size_t at = walk->first_slot + j;
			is = !f->slots->slot[at].in_memory &&
			     f->slots->slot[at].reg == i;
		}
		if (is)
			continue;
		copy_of(f, slot.raw, &slot);
		slot.in_memory = false;
		slot.tid = thread->tid;
		slot.reg = i;
		err = add_slot(f, &slot);
	}
	return err;
}

/* Words that only look signed can be told from those that are. */
static bool can_tell(const struct find *f)
{
	return f->keys && f->keys->has && f->signs->is_proved;
}

static struct cr_error *look_around(struct find *f)
{
	f->keys = f->nr_threads ? cr_signs_find(f->signs, f->pid,
						f->thread[0].tid) :
				  NULL;
	struct cr_error *err = cr_words_init(&f->words, f->u->pages,
					     f->u->arch, f->field);
	if (!err)
		err = cr_calls_init(&f->calls, f->u);
	if (!err)
		err = cr_words_scan(&f->words, note_word, f);
	if (err && err != cr_enomem) {
		f->slots->fault = err;
		err = NULL;
	}
	if (!err)
		err = try_contexts(f);
	if (!err)
		err = order_slots(f);
	if (!err)
		err = explain_words(f, can_tell(f) ? explain_word : NULL);
	if (!err && can_tell(f))
		err = try_records(f);
	if (!err)
		err = explain_words(f, NULL);
	sort_areas(f);
	if (!err)
		err = add_rest(f);
	for (size_t i = 0; !err && i < f->nr_threads; i++)
		err = add_registers(f, &f->thread[i], &f->slots->walk[i]);
	return err;
}

struct cr_error *cr_slots_find(struct cr_slots *slots,
			       struct cr_unwind *unwind,
			       const struct cr_signs *signs, uint32_t pid,
			       const struct cr_slot_thread *threads, size_t nr)
{
	struct find f = {
		.slots = slots,
		.u = unwind,
		.signs = signs,
		.pid = pid,
		.thread = threads,
		.nr_threads = nr,
		/* Of other processors no pointers are signed. */
		.field = unwind->code_mask ? cr_signs_field(signs) : 0,
	};
	*slots = (struct cr_slots){ 0 };
	struct cr_error *err = walk_threads(&f);
	if (!err && f.field)
		err = look_around(&f);
	map_deinit(&f.by_vaddr);
	map_deinit(&f.by_raw);
	map_deinit(&f.contexts);
	free(f.order);
	free(f.areas.item);
	free(f.found.item);
	free(f.looks_saved.item);
	cr_words_deinit(&f.words);
	cr_calls_deinit(&f.calls);
	if (err)
		cr_slots_deinit(slots);
	return err;
}

void cr_slots_deinit(struct cr_slots *slots)
{
	for (size_t i = 0; i < slots->nr_walks; i++)
		cr_error_free(slots->walk[i].why);
	cr_error_free(slots->fault);
	free(slots->walk);
	free(slots->slot);
	*slots = (struct cr_slots){ 0 };
}

const char *cr_slot_origin_name(enum cr_slot_origin origin)
{
	static const char *const names[] = {
		[CR_SLOT_STACK] = "stack",
		[CR_SLOT_CONTEXT] = "context",
		[CR_SLOT_FOUND] = "found",
		[CR_SLOT_COPY] = "copy",
		[CR_SLOT_NONE] = "none",
	};
	return names[origin];
}

const char *cr_slot_grade_name(enum cr_slot_grade grade)
{
	static const char *const names[] = {
		[CR_SLOT_EXACT] = "exact",
		[CR_SLOT_VERIFIED] = "verified",
		[CR_SLOT_SUSPECT] = "suspect",
	};
	return names[grade];
}

const char *cr_slot_why(const struct cr_slot *slot)
{
	if (slot->verdict == CR_SIGN_BAD)
		return "does not authenticate";
	if (slot->origin == CR_SLOT_NONE)
		return "looks signed, and nothing explains it";
	if (!slot->has_modifier)
		return "is signed, with what is not known";
	if (!slot->keys || !slot->keys->has)
		return "is signed, with keys that are not in the images";
	if (!slot->keys->is_enabled[slot->is_key_b])
		return "is signed, with a key that is disabled";
	return "is signed, how is not proved";
}
