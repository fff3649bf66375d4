// SPDX-License-Identifier: MIT
#include "lib/unwind/stacks.h"

#include <stdlib.h>

#include "lib/image/process.h"

/* Frames of a thread that are looked at to prove how addresses are signed. */
#define PROOF_FRAMES 256

static struct cr_error *load_threads(struct cr_stacks *s, struct cr_set *set,
				     const PstreeEntry *entry)
{
	size_t nr = entry->n_threads ? entry->n_threads : 1;
	s->thread = calloc(nr, sizeof(s->thread[0]));
	if (!s->thread)
		return cr_enomem;
	for (size_t i = 0; i < nr; i++) {
		uint32_t tid = entry->n_threads ? entry->threads[i] :
						  entry->pid;
		CoreEntry *core;
		struct cr_error *err =
			cr_message_load(set, &core_entry__descriptor, &core,
					"core-%u.img", tid);
		if (err)
			return err;
		if (!core)
			return cr_error_new(CR_ERR_NOT_FOUND,
					    "core-%u.img: no such file", tid);
		s->thread[s->nr++] = (struct cr_slot_thread){ tid, core };
	}
	return NULL;
}

struct cr_error *cr_stacks_open(struct cr_stacks *s, struct cr_memory *memory,
				const struct cr_task *task)
{
	*s = (struct cr_stacks){ .pid = task->entry->pid };
	struct cr_error *err = load_threads(s, memory->set, task->entry);
	if (!err && cr_core_is_zombie(s->thread[0].core))
		return NULL;
	s->arch = err ? NULL : cr_arch_of(s->thread[0].core);
	if (!err && !s->arch)
		err = cr_error_new(CR_ERR_UNSUPPORTED,
				   "its registers are of no processor that "
				   "is known");
	if (!err)
		err = cr_pages_open(&s->pages, memory, s->pid);
	if (!err)
		err = cr_unwind_init(&s->unwind, &s->pages, s->arch);
	if (err)
		cr_stacks_close(s);
	return err;
}

void cr_stacks_close(struct cr_stacks *s)
{
	cr_unwind_deinit(&s->unwind);
	cr_pages_close(&s->pages);
	for (size_t i = 0; i < s->nr; i++)
		cr_message_free((void *)(uintptr_t)s->thread[i].core);
	free(s->thread);
	*s = (struct cr_stacks){ 0 };
}

static struct cr_error *learn_thread(struct cr_signs *signs,
				     struct cr_stacks *s,
				     const struct cr_slot_thread *thread)
{
	struct cr_frame frame;
	struct cr_error *err =
		cr_signs_add(signs, s->pid, thread->tid, thread->core);
	if (!err)
		err = cr_unwind_start(&s->unwind, thread->core);
	for (int i = 0; !err && i < PROOF_FRAMES &&
			cr_unwind_next(&s->unwind, &frame);
	     i++)
		err = cr_signs_sample(signs, &frame);
	return err;
}

static struct cr_error *learn_process(struct cr_signs *signs,
				      struct cr_memory *memory,
				      const struct cr_task *task)
{
	struct cr_stacks s;
	struct cr_error *err = cr_stacks_open(&s, memory, task);
	if (err)
		return err;
	for (size_t i = 0; s.arch && err != cr_enomem && i < s.nr; i++) {
		cr_error_free(err);
		err = learn_thread(signs, &s, &s.thread[i]);
	}
	cr_stacks_close(&s);
	return err;
}

struct cr_error *cr_stacks_learn(struct cr_signs *signs,
				 struct cr_memory *memory,
				 const struct cr_pstree *tree)
{
	for (size_t i = 0; i < tree->nr; i++) {
		struct cr_error *err =
			learn_process(signs, memory, &tree->task[i]);
		if (err == cr_enomem)
			return err;
		cr_error_free(err);
	}
	cr_signs_prove(signs);
	return NULL;
}
