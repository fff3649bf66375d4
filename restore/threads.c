// SPDX-License-Identifier: MIT
/*
 * Threads: cloned by their leader with the ids they had. A new one is traced from
 * its first moment and does not run before its registers are set.
 */
#include <errno.h>
#include <linux/sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "restore/arch/arch.h"
#include "restore/inject.h"
#include "restore/tasks.h"

#define FLAGS                                                           \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
	 CLONE_SYSVSEM)

static struct cr_error *check(struct cr_rplan *plan, struct cr_thread *thread)
{
	if (thread->core->mtype != cr_native.march)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "it ran on %s, and this is %s",
				    cr_core_march(thread->core),
				    cr_native.name);
	return cr_native.plan(plan, thread);
}

// What processes share is copied when they are made.
static struct cr_error *check_shared(struct cr_rplan *plan, struct cr_proc *proc)
{
	const TaskKobjIdsEntry *a = proc->ids;
	for (size_t i = 0; i < proc->i; i++) {
		const TaskKobjIdsEntry *b = plan->proc[i].ids;
		const char *what = NULL;
		if (!b)
			continue;
		if (a->vm_id == b->vm_id)
			what = "memory";
		else if (a->files_id == b->files_id)
			what = "descriptors";
		else if (a->fs_id == b->fs_id)
			what = "its working directory";
		else if (a->sighand_id == b->sighand_id)
			what = "signal handlers";
		if (what)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "ids-%u.img: entry 0: it shares %s "
					    "with process %u",
					    (unsigned)proc->vpid, what,
					    (unsigned)plan->proc[i].vpid);
	}
	return NULL;
}

struct cr_error *cr_threads_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	if (proc->zombie)
		return NULL;
	cr_proc_each_thread(thread, proc) {
		struct cr_error *err = check(plan, thread);
		// All else would be wrong of images of another processor.
		proc->unread |= thread->core->mtype != cr_native.march;
		if (!err)
			continue;
		bool lacks = cr_error_code(err) == CR_ERR_NOT_FOUND;
		err = cr_error_at(err, "core-%u.img: entry 0",
				  (unsigned)thread->vtid);
		err = lacks ? cr_rplan_lacks(plan, err) :
			      cr_rplan_refuse(plan, err);
		if (err)
			return err;
	}
	return check_shared(plan, proc);
}

/* ---- names ---- */

static const char *name_of(const struct cr_thread *thread)
{
	const ThreadCoreEntry *e = thread->core->thread_core;
	if (e->comm)
		return e->comm;
	return thread->proc->core->tc->comm;
}

static struct cr_error *set_name(struct cr_thread *thread)
{
	char name[16] = "";
	const char *from = name_of(thread);
	memcpy(name, from, strnlen(from, sizeof(name) - 1));
	struct cr_error *err = cr_scratch(thread, 0, name, sizeof(name));
	return err ?: cr_inject(thread, NULL, prctl, PR_SET_NAME,
				thread->proc->scratch);
}

/* ---- making them ---- */

struct wish {
	struct clone_args args;
	int32_t tid;
};

static struct cr_error *make(struct cr_thread *leader, struct cr_thread *thread)
{
	uint64_t scratch = leader->proc->scratch;
	uint64_t clear_tid = cr_native.clear_tid(thread->core);
	bool ours = cr_proc_has_our_ids(leader->proc);
	struct wish wish = {
		.args.flags = FLAGS | (ours ? CLONE_PTRACE : 0) |
			      (clear_tid ? CLONE_CHILD_CLEARTID : 0),
		.args.child_tid = clear_tid,
		.args.set_tid = scratch + offsetof(struct wish, tid),
		.args.set_tid_size = 1,
		.tid = (int32_t)thread->vtid,
	};
	int64_t got = -EEXIST;
	struct cr_error *err = cr_scratch(leader, 0, &wish, sizeof(wish));
	for (int try = 0; !err && got == -EEXIST; try++) {
		if (try && !cr_task_wait_for_id(thread->vtid, try))
			break;
		leader->cloned = 0;
		err = cr_inject(leader, &got, clone3, scratch,
				sizeof(wish.args));
	}
	// Where ids are not ours we are told of the clone.
	thread->tid = ours ? (pid_t)got : leader->cloned;
	if (!err && (got < 0 || !thread->tid)) {
		thread->tid = 0;
		errno = (int)-got;
		err = cr_error_sys("process %u: make thread %u",
				   (unsigned)leader->proc->vpid,
				   (unsigned)thread->vtid);
	}
	return err;
}

// Threads get the name of their leader. When it dies the kernel clears the word at
// the address only for other threads.
struct cr_error *cr_threads_lead(struct cr_restore *run, struct cr_proc *proc)
{
	char name[16] = "";
	const char *from = name_of(proc->thread);
	uint64_t clear_tid = cr_native.clear_tid(proc->core);
	memcpy(name, from, strnlen(from, sizeof(name) - 1));
	if (prctl(PR_SET_NAME, name))
		return cr_error_sys("set its name");
	if (clear_tid)
		syscall(SYS_set_tid_address, clear_tid);
	return NULL;
}

struct cr_error *cr_threads_make(struct cr_restore *run,
				 struct cr_thread *leader)
{
	struct cr_error *err = NULL;
	cr_proc_each_thread(thread, leader->proc) {
		if (!err && thread != leader)
			err = make(leader, thread);
	}
	cr_proc_each_thread(thread, leader->proc) {
		if (!err && thread != leader)
			err = cr_tracee_born(thread);
	}
	return err;
}

/* ---- their attributes ---- */

static bool robust_list(const struct cr_thread *thread, struct cr_call *call)
{
	const ThreadCoreEntry *e = thread->core->thread_core;
	*call = CR_CALL(set_robust_list, e->futex_rla, e->futex_rla_len);
	return e->futex_rla_len;
}

struct cr_error *cr_threads_attributes(struct cr_restore *run,
				       struct cr_thread *leader)
{
	struct cr_error *err = NULL;
	cr_proc_each_thread(thread, leader->proc) {
		if (!err && strcmp(name_of(thread), name_of(leader)))
			err = set_name(thread);
	}
	return err ?: cr_inject_all(leader->proc, robust_list);
}
