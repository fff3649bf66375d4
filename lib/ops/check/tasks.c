// SPDX-License-Identifier: MIT
/* The images of each process and thread. CRIU criu/cr-restore.c, v4.2. */
#include <elf.h>
#include <stdlib.h>

#include "images/cgroup.pb-c.h"
#include "images/creds.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/seccomp.pb-c.h"
#include "lib/ops/check/inside.h"

/* criu/include/pstree.h */
enum { ALIVE = 1, DEAD = 2, STOPPED = 3, ZOMBIE = 6 };

/* What the whole tree is looked up in. */
struct tasks {
	struct cr_check *c;
	SeccompEntry *seccomp;
	struct cr_keys sets;	/* of cgroup.img */
	struct cr_keys threads; /* thread id, entry */
};

static void load_sets(struct tasks *t)
{
	struct cr_messages cgroup;
	cr_check_messages(t->c, &cgroup_entry__descriptor, &cgroup,
			  "cgroup.img");
	for (size_t i = 0; i < cgroup.nr; i++) {
		const CgroupEntry *e = (const void *)cgroup.msg[i];
		for (size_t j = 0; j < e->n_sets; j++) {
			if (!cr_keys_add(&t->sets, e->sets[j]->id))
				cr_check_fail(t->c, cr_enomem);
		}
	}
	cr_messages_free(&cgroup);
	const InventoryEntry *inventory = t->c->inventory;
	if (inventory && inventory->has_root_cg_set &&
	    !cr_keys_add(&t->sets, inventory->root_cg_set))
		cr_check_fail(t->c, cr_enomem);
}

/* A filter's chain of earlier ones has to end: each is walked once. */
static void check_filters(struct cr_check *c, const SeccompEntry *seccomp)
{
	size_t nr = seccomp->n_seccomp_filters;
	size_t *seen = calloc(nr + 1, sizeof(seen[0]));
	if (!seen)
		cr_check_fail(c, cr_enomem);
	for (size_t i = 0; seen && i < nr && !c->err; i++) {
		size_t at = i;
		while (at < nr && !seen[at]) {
			const SeccompFilter *f = seccomp->seccomp_filters[at];
			seen[at] = i + 1;
			if (!f->has_prev)
				break;
			if (f->prev >= nr || seen[f->prev] == i + 1)
				cr_check_found(c, CR_RULE_SECCOMP_CHAIN,
					       "seccomp.img", 0,
					       f->prev >= nr ?
						       "filter %zu follows %u, which is not there" :
						       "filter %zu follows %u, which follows it",
					       at, f->prev);
			at = f->prev;
		}
	}
	free(seen);
}

static bool has_registers(const CoreEntry *core)
{
	switch (core->mtype) {
	case CORE_ENTRY__MARCH__X86_64:
		return core->thread_info;
	case CORE_ENTRY__MARCH__ARM:
		return core->ti_arm;
	case CORE_ENTRY__MARCH__AARCH64:
		return core->ti_aarch64;
	case CORE_ENTRY__MARCH__PPC64:
		return core->ti_ppc64;
	case CORE_ENTRY__MARCH__S390:
		return core->ti_s390;
	case CORE_ENTRY__MARCH__MIPS:
		return core->ti_mips;
	case CORE_ENTRY__MARCH__LOONGARCH64:
		return core->ti_loongarch64;
	case CORE_ENTRY__MARCH__RISCV64:
		return core->ti_riscv64;
	default:
		return false;
	}
}

static void check_seccomp(struct tasks *t, const CoreEntry *core,
			  const char *image)
{
	const ThreadCoreEntry *thread = core->thread_core;
	const TaskCoreEntry *task = core->tc;
	bool filters = thread && thread->has_seccomp_mode &&
		       thread->seccomp_mode == SECCOMP_MODE__filter;
	uint32_t at = thread ? thread->seccomp_filter : 0;
	if (!filters && task && task->has_old_seccomp_mode &&
	    task->old_seccomp_mode == SECCOMP_MODE__filter) {
		filters = true;
		at = task->old_seccomp_filter;
	}
	size_t nr = t->seccomp ? t->seccomp->n_seccomp_filters : 0;
	if (filters && at >= nr)
		cr_check_found(t->c, CR_RULE_SECCOMP_MISSING, image, 0,
			       "seccomp filter %u is not among the %zu of "
			       "seccomp.img",
			       at, nr);
}

static void check_cgroup(struct tasks *t, const CoreEntry *core,
			 const char *image)
{
	const ThreadCoreEntry *thread = core->thread_core;
	const TaskCoreEntry *task = core->tc;
	/* Without an inventory it is not known which set needs no image. */
	if (!t->c->inventory)
		return;
	uint32_t set = thread && thread->has_cg_set ? thread->cg_set :
		       task && task->has_cg_set	    ? task->cg_set :
						      0;
	if (set && !cr_keys_has(&t->sets, set))
		cr_check_found(t->c, CR_RULE_CGROUP_SET_MISSING, image, 0,
			       "cgroup set %u is not in cgroup.img", set);
}

/* What a host has to have, from the registers. */
static void note_needs(struct cr_check *c, const CoreEntry *core)
{
	const ThreadInfoX86 *x86 = core->thread_info;
	if (x86 && x86->fpregs && x86->fpregs->xsave)
		c->xstate |= x86->fpregs->xsave->xstate_bv;
	if (core->thread_core && core->thread_core->rseq_entry)
		c->rseq = true;
	if (!c->march)
		c->march = core->mtype;
}

/* A thread that will run. */
static void check_thread(struct tasks *t, const CoreEntry *leader,
			 const CoreEntry *core, uint32_t tid, const char *image)
{
	struct cr_check *c = t->c;
	if (!core->thread_core)
		cr_check_found(c, CR_RULE_CORE_NO_THREAD, image, 0,
			       "lacks thread_core");
	if (!has_registers(core))
		cr_check_found(c, CR_RULE_CORE_NO_REGS, image, 0,
			       "has no registers of its processor, %s",
			       cr_core_march(core));
	if (c->march && core->mtype != c->march)
		cr_check_found(c, CR_RULE_ARCH_MIXED, image, 0,
			       "is of another processor, %s",
			       cr_core_march(core));
	if (core->thread_core && !core->thread_core->creds &&
	    !cr_check_name(c, "creds-%u.img", tid) && core->tc)
		cr_check_found(c, CR_RULE_CREDS_MISSING, image, 0,
			       "has no credentials");
	note_needs(c, core);
	check_seccomp(t, core, image);
	check_cgroup(t, core, image);
	cr_check_cpu(c, leader, core, image);
}

static void look_at_thread(struct tasks *t, const CoreEntry *leader,
			   uint32_t tid, uint32_t pid)
{
	struct cr_check *c = t->c;
	char image[32];
	snprintf(image, sizeof(image), "core-%u.img", tid);
	if (!cr_check_name(c, "%s", image)) {
		cr_check_found(c, CR_RULE_CORE_MISSING, image, CR_NO_ENTRY,
			       "is not there; thread %u of process %u", tid,
			       pid);
		return;
	}
	CoreEntry *core =
		cr_check_message(c, &core_entry__descriptor, "%s", image);
	if (core)
		check_thread(t, leader, core, tid, image);
	cr_message_free(core);
}

/* Each thread is looked at once, however often it is listed. */
static void check_threads(struct tasks *t, const struct cr_task *task,
			  const CoreEntry *leader)
{
	struct cr_check *c = t->c;
	const PstreeEntry *e = task->entry;
	int64_t i = (int64_t)cr_pstree_entry(&c->tree, task);
	struct cr_keys mine = { 0 };
	for (size_t j = 0; j < e->n_threads && !c->err; j++) {
		if (!cr_keys_add(&mine, e->threads[j]) ||
		    !cr_keys_add(&t->threads,
				 cr_key(e->threads[j], (uint32_t)i)))
			cr_check_fail(c, cr_enomem);
	}
	cr_keys_unique(&mine);
	bool has_leader = cr_keys_has(&mine, e->pid);
	for (size_t j = 0; j < mine.nr && !c->err; j++) {
		if (mine.key[j] != e->pid)
			look_at_thread(t, leader, (uint32_t)mine.key[j],
				       e->pid);
	}
	cr_keys_free(&mine);
	if (e->n_threads && !has_leader)
		cr_check_found(c, CR_RULE_THREAD_NO_LEADER, "pstree.img", i,
			       "process %u is not among its threads", e->pid);
}

static void check_state(struct cr_check *c, const CoreEntry *core,
			const char *image)
{
	uint32_t state = core->tc->task_state;
	if (state != ALIVE && state != DEAD && state != STOPPED &&
	    state != ZOMBIE)
		cr_check_found(c, CR_RULE_STATE_UNKNOWN, image, 0,
			       "task_state is %u", state);
}

/* Images that a process has besides its cores. */
static void check_images(struct cr_check *c, struct cr_check_task *task)
{
	static const struct {
		const char *name;
		enum cr_rule rule;
	} images[] = {
		{ "mm", CR_RULE_MM_MISSING },
		{ "fs", CR_RULE_FS_MISSING },
		{ "pagemap", CR_RULE_PAGEMAP_MISSING },
	};
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		char image[32];
		snprintf(image, sizeof(image), "%s-%u.img", images[i].name,
			 task->pid);
		bool there = cr_check_name(c, "%s", image);
		if (task->zombie && there && images[i].rule != CR_RULE_FS_MISSING)
			cr_check_found(c, CR_RULE_ZOMBIE_MEMORY, image,
				       CR_NO_ENTRY,
				       "is there, and process %u is a zombie",
				       task->pid);
		if (!task->zombie && !there)
			cr_check_found(c, images[i].rule, image, CR_NO_ENTRY,
				       "is not there");
	}
}

/* Older images of a process, which are read if they are there. */
static void use_old(struct cr_check *c, uint32_t pid)
{
	static const char *const names[] = { "vmas",	     "sigacts",
					     "signal-s",     "signal-p",
					     "creds",	     "itimers",
					     "posix-timers", "rlimit" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_check_name(c, "%s-%u.img", names[i], pid);
}

static void check_ids(struct cr_check *c, struct cr_check_task *task)
{
	cr_check_name(c, "ids-%u.img", task->pid);
	struct cr_error *err = cr_process_ids(c->set, task->pid, &task->ids);
	if (err)
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
	else if (!task->ids && !task->zombie) {
		char image[32];
		snprintf(image, sizeof(image), "ids-%u.img", task->pid);
		cr_check_found(c, CR_RULE_IDS_MISSING, image, CR_NO_ENTRY,
			       "is not there");
	}
}

static void check_leader(struct tasks *t, const struct cr_task *task,
			 struct cr_check_task *mine, const CoreEntry *core,
			 const char *image)
{
	struct cr_check *c = t->c;
	mine->has_core = true;
	mine->zombie = cr_core_is_zombie(core);
	if (!core->tc) {
		cr_check_found(c, CR_RULE_CORE_NO_TASK, image, 0, "lacks tc");
		return;
	}
	check_state(c, core, image);
	if (mine->zombie)
		return;
	if (!core->tc->n_sigactions &&
	    !cr_check_name(c, "sigacts-%u.img", mine->pid))
		cr_check_found(c, CR_RULE_SIGACTIONS_MISSING, image, 0,
			       "has no signal actions");
	check_thread(t, core, core, mine->pid, image);
	check_threads(t, task, core);
}

static void check_task(struct tasks *t, size_t i)
{
	struct cr_check *c = t->c;
	const struct cr_task *task = &c->tree.task[i];
	struct cr_check_task *mine = &c->task[i];
	char image[32];
	mine->pid = task->entry->pid;
	if (task->fault == CR_TASK_TWICE)
		return;
	snprintf(image, sizeof(image), "core-%u.img", mine->pid);
	use_old(c, mine->pid);
	if (!cr_check_name(c, "%s", image)) {
		cr_check_found(c, CR_RULE_CORE_MISSING, image, CR_NO_ENTRY,
			       "is not there; process %u", mine->pid);
		return;
	}
	CoreEntry *core =
		cr_check_message(c, &core_entry__descriptor, "%s", image);
	if (!core)
		return;
	check_leader(t, task, mine, core, image);
	cr_message_free(core);
	check_images(c, mine);
	check_ids(c, mine);
}

static void check_twice(struct tasks *t)
{
	const struct cr_keys *k = &t->threads;
	cr_keys_sort(&t->threads);
	for (size_t i = 1; i < k->nr; i++) {
		if (k->key[i] >> 32 == k->key[i - 1] >> 32)
			cr_check_found(t->c, CR_RULE_THREAD_TWICE, "pstree.img",
				       (uint32_t)k->key[i],
				       "thread %llu is there twice, see entry "
				       "%u",
				       (ull)(k->key[i] >> 32),
				       (uint32_t)k->key[i - 1]);
	}
}

void cr_check_tasks(struct cr_check *c)
{
	struct tasks t = { .c = c };
	if (!c->tree.nr)
		return;
	t.seccomp = cr_check_message(c, &seccomp_entry__descriptor,
				     "seccomp.img");
	if (t.seccomp)
		check_filters(c, t.seccomp);
	load_sets(&t);
	for (size_t i = 0; i < c->tree.nr && !c->err; i++)
		check_task(&t, i);
	check_twice(&t);
	cr_message_free(t.seccomp);
	cr_keys_free(&t.sets);
	cr_keys_free(&t.threads);
}
