// SPDX-License-Identifier: MIT
/*
 * Signals: their actions, alternate stacks and those that are pending. Masks are
 * set with the registers, since everything is blocked until then.
 *
 * Facts: man 2 rt_sigaction, man 2 rt_sigqueueinfo; CRIU criu/cr-restore.c, v4.2.
 */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore/inject.h"
#include "restore/steps.h"

#define NR_SIGNALS   64
#define NR_ACTIONS   (NR_SIGNALS - 2) // without SIGKILL and SIGSTOP
#define SIGSET_SIZE  8
#define SIGINFO_SIZE 128

// The kernel's struct sigaction.
struct action {
	uint64_t handler, flags, restorer, mask;
};

/* ---- planning ---- */

static struct cr_error *check_queue(const SignalQueueEntry *queue)
{
	for (size_t i = 0; queue && i < queue->n_signals; i++) {
		int32_t signo;
		ProtobufCBinaryData info = queue->signals[i]->siginfo;
		if (info.len != SIGINFO_SIZE)
			return cr_error_new(CR_ERR_FORMAT,
					    "pending signal %zu: %zu bytes, "
					    "not %d",
					    i, info.len, SIGINFO_SIZE);
		memcpy(&signo, info.data, sizeof(signo));
		if (signo < 1 || signo > NR_SIGNALS)
			return cr_error_new(CR_ERR_FORMAT,
					    "pending signal %zu: number %d", i,
					    (int)signo);
	}
	return NULL;
}

struct cr_error *cr_signals_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	const TaskCoreEntry *tc = proc->core->tc;
	if (proc->zombie)
		return NULL;
	struct cr_error *err = check_queue(tc->signals_s);
	if (!err && tc->n_sigactions != NR_ACTIONS)
		err = cr_error_new(CR_ERR_UNSUPPORTED,
				   "%zu signal actions, not %d (older images: "
				   "see crit upgrade)",
				   tc->n_sigactions, NR_ACTIONS);
	if (err)
		err = cr_error_at(err, "core-%u.img: entry 0",
				  (unsigned)proc->vpid);
	err = cr_rplan_refuse(plan, err);
	if (err)
		return err;
	cr_proc_each_thread(thread, proc) {
		err = check_queue(thread->core->thread_core->signals_p);
		if (err)
			err = cr_error_at(err, "core-%u.img: entry 0",
					  (unsigned)thread->vtid);
		err = cr_rplan_refuse(plan, err);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- actions ---- */

static struct action action_of(const SaEntry *e)
{
	return (struct action){ e->sigaction, e->flags, e->restorer, e->mask };
}

static size_t place_of(int signo)
{
	return (size_t)signo - 1 - (signo > SIGKILL) - (signo > SIGSTOP);
}

// A child that became a zombie a moment ago has left its parent a SIGCHLD that
// the parent had got long before. It is lost by being ignored; but not earlier,
// for then the zombie would go too.
static struct cr_error *forget_deaths(struct cr_restore *run,
				      struct cr_proc *proc)
{
	struct action ignore = { .handler = 1 };
	bool any = false;
	cr_rplan_each_proc(child, run->plan) {
		siginfo_t info;
		if (child->parent != proc || !child->zombie)
			continue;
		any = true;
		if (waitid(P_PID, child->vpid, &info, WEXITED | WNOWAIT))
			return cr_error_sys("wait for zombie %u",
					    (unsigned)child->vpid);
	}
	if (any && syscall(SYS_rt_sigaction, SIGCHLD, &ignore, NULL,
			   SIGSET_SIZE))
		return cr_error_sys("signal %d", SIGCHLD);
	return NULL;
}

// Handlers run only when the mask is set; SIGTRAP is needed until then.
struct cr_error *cr_signals_actions(struct cr_restore *run,
				    struct cr_proc *proc)
{
	SaEntry **e = proc->core->tc->sigactions;
	struct cr_error *err = forget_deaths(run, proc);
	for (int signo = 1; !err && signo <= NR_SIGNALS;
	     signo++) {
		if (signo == SIGKILL || signo == SIGSTOP)
			continue;
		struct action a = { 0 };
		if (signo != SIGTRAP)
			a = action_of(e[place_of(signo)]);
		if (syscall(SYS_rt_sigaction, signo, &a, NULL, SIGSET_SIZE))
			err = cr_error_sys("signal %d", signo);
	}
	return err;
}

struct cr_error *cr_signals_trap(struct cr_restore *run,
				 struct cr_thread *thread)
{
	struct cr_proc *proc = thread->proc;
	struct action a =
		action_of(proc->core->tc->sigactions[place_of(SIGTRAP)]);
	if (!a.handler && !a.flags && !a.mask)
		return NULL;
	struct cr_error *err = cr_inject_now(thread);
	cr_proc_each_thread(t, proc)
		t->by_syscalls = true;
	if (!err)
		err = cr_scratch(thread, 0, &a, sizeof(a));
	return err ?: cr_inject(thread, NULL, rt_sigaction, SIGTRAP,
				proc->scratch, 0, SIGSET_SIZE);
}

/* ---- stacks ---- */

struct cr_error *cr_signals_stack(struct cr_restore *run,
				  struct cr_thread *thread)
{
	const ThreadSasEntry *sas = thread->core->thread_core->sas;
	if (!sas || sas->ss_flags & SS_DISABLE)
		return NULL;
	stack_t stack = { .ss_flags = (int)sas->ss_flags,
			  .ss_size = sas->ss_size };
	memcpy(&stack.ss_sp, &sas->ss_sp, sizeof(stack.ss_sp));
	struct cr_error *err = cr_scratch(thread, 0, &stack, sizeof(stack));
	return err ?: cr_inject(thread, NULL, sigaltstack,
				thread->proc->scratch, 0);
}

/* ---- pending ones ---- */

// Only a task itself may send itself what the kernel has sent.
static struct cr_error *queue(struct cr_thread *thread,
			      const SignalQueueEntry *q, bool shared)
{
	struct cr_error *err = NULL;
	uint32_t pid = thread->proc->vpid;
	uint64_t info = thread->proc->scratch;
	for (size_t i = 0; !err && q && i < q->n_signals; i++) {
		int32_t signo;
		const uint8_t *data = q->signals[i]->siginfo.data;
		memcpy(&signo, data, sizeof(signo));
		err = cr_scratch(thread, 0, data, SIGINFO_SIZE);
		if (err)
			return err;
		if (shared)
			err = cr_inject(thread, NULL, rt_sigqueueinfo, pid,
					(uint64_t)signo, info);
		else
			err = cr_inject(thread, NULL, rt_tgsigqueueinfo, pid,
					thread->vtid, (uint64_t)signo, info);
	}
	return err;
}

struct cr_error *cr_signals_pending(struct cr_restore *run,
				    struct cr_thread *thread)
{
	struct cr_error *err = NULL;
	if (thread == thread->proc->thread)
		err = queue(thread, thread->core->tc->signals_s, true);
	return err ?: queue(thread, thread->core->thread_core->signals_p,
			    false);
}
