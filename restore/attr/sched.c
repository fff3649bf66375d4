// SPDX-License-Identifier: MIT
/*
 * How each thread is scheduled: policy, priority and nice value, set from
 * outside, and its timer slack, which it has to set itself.
 *
 * Facts: man 2 sched_setscheduler, man 2 setpriority, man 2 PR_SET_TIMERSLACK;
 * CRIU criu/pie/restorer.c (restore_sched_info), v4.2.
 */
#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "restore/inject.h"
#include "restore/steps.h"

#define NICE_MIN (-20)
#define NICE_MAX 19

static int policy_of(const ThreadCoreEntry *e)
{
	return (int)(e->sched_policy & ~(uint32_t)SCHED_RESET_ON_FORK);
}

static bool is_realtime(const ThreadCoreEntry *e)
{
	return policy_of(e) == SCHED_FIFO || policy_of(e) == SCHED_RR;
}

static const char *fault(const ThreadCoreEntry *e)
{
	int min = sched_get_priority_min(policy_of(e));
	if (e->has_sched_nice &&
	    (e->sched_nice < NICE_MIN || e->sched_nice > NICE_MAX))
		return "nice value";
	if (!e->has_sched_policy)
		return NULL;
	if (min < 0 || policy_of(e) == SCHED_DEADLINE)
		return "scheduling policy";
	int prio = (int)e->sched_prio;
	if (prio < min || prio > sched_get_priority_max(policy_of(e)))
		return "scheduling priority";
	return NULL;
}

struct cr_error *cr_sched_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	if (proc->zombie)
		return NULL;
	cr_proc_each_thread(thread, proc) {
		const ThreadCoreEntry *e = thread->core->thread_core;
		const char *what = e ? fault(e) : NULL;
		if (what)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "core-%u.img: entry 0: %s",
					    (unsigned)thread->vtid, what);
	}
	return NULL;
}

// A thread has what its leader has got from us.
static struct cr_error *set_policy(const struct cr_thread *thread,
				   const ThreadCoreEntry *e)
{
	struct sched_param is = { 0 };
	struct sched_param want = { .sched_priority = (int)e->sched_prio };
	int policy = (int)e->sched_policy;
	if (!e->has_sched_policy ||
	    (sched_getscheduler(thread->tid) == policy &&
	     !sched_getparam(thread->tid, &is) &&
	     is.sched_priority == want.sched_priority))
		return NULL;
	if (sched_setscheduler(thread->tid, policy, &want))
		return cr_error_sys("thread %u: set policy %d, priority %d",
				    (unsigned)thread->vtid, policy,
				    want.sched_priority);
	return NULL;
}

static struct cr_error *set_nice(const struct cr_thread *thread,
				 const ThreadCoreEntry *e)
{
	id_t tid = (id_t)thread->tid;
	if (!e->has_sched_nice ||
	    getpriority(PRIO_PROCESS, tid) == e->sched_nice)
		return NULL;
	if (setpriority(PRIO_PROCESS, tid, e->sched_nice))
		return cr_error_sys("thread %u: set nice value %d",
				    (unsigned)thread->vtid, (int)e->sched_nice);
	return NULL;
}

struct cr_error *cr_sched_set(struct cr_restore *run, struct cr_thread *thread)
{
	const ThreadCoreEntry *e = thread->core->thread_core;
	struct cr_error *err = set_nice(thread, e);
	return err ?: set_policy(thread, e);
}

// A real-time thread has none. Ours is what it has got from us.
struct cr_error *cr_sched_slack(struct cr_restore *run, struct cr_thread *thread)
{
	const ThreadCoreEntry *e = thread->core->thread_core;
	if (!e->has_timerslack_ns || !e->timerslack_ns || is_realtime(e) ||
	    e->timerslack_ns == (uint64_t)prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0))
		return NULL;
	return cr_inject(thread, NULL, prctl, PR_SET_TIMERSLACK,
			 e->timerslack_ns, 0, 0, 0);
}
