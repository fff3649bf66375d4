// SPDX-License-Identifier: MIT
/*
 * Timers of a process: those of setitimer(2), and those of timer_create(2) with
 * the ids they had. The images have the time that was left.
 *
 * A process cannot choose the id of a timer, unless the kernel lets it (6.16,
 * PR_TIMER_CREATE_RESTORE_IDS); before, ids are given out in ascending order, and
 * those in between are made and deleted again.
 *
 * Facts: man 2 timer_create, man 2 setitimer; CRIU criu/timer.c and
 * criu/pie/restorer.c, v4.2; Linux v6.16 kernel/time/posix-timers.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "lib/base/cleanup.h"
#include "restore/inject.h"
#include "restore/steps.h"

#ifndef PR_TIMER_CREATE_RESTORE_IDS
#define PR_TIMER_CREATE_RESTORE_IDS 77
#endif

#define NSEC_PER_SEC 1000000000u
#define USEC_PER_SEC 1000000u

static const TaskTimersEntry *timers_of(const struct cr_proc *proc)
{
	return proc->core->tc->timers;
}

/* ---- planning ---- */

static bool is_itimer(const ItimerEntry *e)
{
	return e->isec <= INT64_MAX && e->vsec <= INT64_MAX &&
	       e->iusec < USEC_PER_SEC && e->vusec < USEC_PER_SEC;
}

static bool has_thread(const struct cr_proc *proc, int32_t tid)
{
	cr_proc_each_thread(thread, proc) {
		if (thread->vtid == (uint32_t)tid)
			return true;
	}
	return false;
}

static const char *posix_fault(const struct cr_proc *proc,
			       const PosixTimerEntry *e)
{
	if (e->it_id > INT32_MAX)
		return "id";
	if (e->isec > INT64_MAX || e->vsec > INT64_MAX ||
	    e->insec >= NSEC_PER_SEC || e->vnsec >= NSEC_PER_SEC)
		return "time";
	if (e->it_sigev_notify & ~7u)
		return "way to notify";
	if (e->it_sigev_notify & SIGEV_THREAD_ID && e->has_notify_thread_id &&
	    !has_thread(proc, e->notify_thread_id))
		return "thread to notify";
	return NULL;
}

struct cr_error *cr_timers_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	const TaskTimersEntry *e = timers_of(proc);
	const char *what = NULL;
	if (proc->zombie || !e)
		return NULL;
	if (!is_itimer(e->real) || !is_itimer(e->virt) || !is_itimer(e->prof))
		return cr_error_new(CR_ERR_FORMAT,
				    "core-%u.img: entry 0: time of a timer",
				    (unsigned)proc->vpid);
	for (size_t i = 0; !what && i < e->n_posix; i++) {
		what = posix_fault(proc, e->posix[i]);
		if (what)
			return cr_error_new(CR_ERR_FORMAT,
					    "core-%u.img: entry 0: timer %zu: "
					    "its %s",
					    (unsigned)proc->vpid, i, what);
	}
	return NULL;
}

/* ---- setitimer(2) ---- */

static struct cr_error *set_itimer(struct cr_thread *thread, unsigned which,
				   const ItimerEntry *e)
{
	uint64_t value[] = { e->isec, e->iusec, e->vsec, e->vusec };
	if (!e->isec && !e->iusec && !e->vsec && !e->vusec)
		return NULL;
	// One that repeats runs, even if nothing seems to be left.
	if (!e->vsec && !e->vusec)
		memcpy(value + 2, value, 2 * sizeof(value[0]));
	struct cr_error *err = cr_scratch(thread, 0, value, sizeof(value));
	return err ?: cr_inject(thread, NULL, setitimer, which,
				thread->proc->scratch, 0);
}

struct cr_error *cr_timers_interval(struct cr_restore *run,
				    struct cr_thread *thread)
{
	const TaskTimersEntry *e = timers_of(thread->proc);
	if (!e)
		return NULL;
	struct cr_error *err = set_itimer(thread, ITIMER_REAL, e->real);
	if (!err)
		err = set_itimer(thread, ITIMER_VIRTUAL, e->virt);
	return err ?: set_itimer(thread, ITIMER_PROF, e->prof);
}

/* ---- timer_create(2) ---- */

// The kernel's struct sigevent.
struct event {
	uint64_t value;
	int32_t signo, notify, tid;
	int32_t pad[11];
};

#define ID_OFF	  128
#define VALUE_OFF 256

// Asks for a timer with an id; *id_ret is what it got.
static struct cr_error *create(struct cr_thread *thread,
			       const PosixTimerEntry *e, int32_t *id_ret)
{
	uint64_t scratch = thread->proc->scratch;
	struct event event = {
		.value = e->sival_ptr,
		.signo = (int32_t)e->si_signo,
		.notify = (int32_t)e->it_sigev_notify,
		.tid = e->has_notify_thread_id ? e->notify_thread_id :
						 (int32_t)thread->proc->vpid,
	};
	int32_t id = (int32_t)e->it_id;
	struct cr_error *err = cr_scratch(thread, 0, &event, sizeof(event));
	if (!err)
		err = cr_scratch(thread, ID_OFF, &id, sizeof(id));
	if (!err)
		err = cr_inject(thread, NULL, timer_create,
				(uint64_t)(int64_t)(int32_t)e->clock_id, scratch,
				scratch + ID_OFF);
	if (!err)
		err = cr_inject_now(thread);
	return err ?: cr_tracee_read(thread, scratch + ID_OFF, id_ret,
				     sizeof(*id_ret));
}

static struct cr_error *make(struct cr_thread *thread, const PosixTimerEntry *e)
{
	for (;;) {
		int32_t id;
		struct cr_error *err = create(thread, e, &id);
		if (err || id == (int32_t)e->it_id)
			return err;
		err = cr_inject(thread, NULL, timer_delete, (uint64_t)id);
		if (err)
			return err;
		if (id > (int32_t)e->it_id)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "the kernel gives out ids from %d "
					    "on",
					    (int)id);
	}
}

static struct cr_error *arm(struct cr_thread *thread, const PosixTimerEntry *e)
{
	uint64_t value[] = { e->isec, e->insec, e->vsec, e->vnsec };
	if (!e->isec && !e->insec && !e->vsec && !e->vnsec)
		return NULL;
	if (!e->vsec && !e->vnsec)
		memcpy(value + 2, value, 2 * sizeof(value[0]));
	struct cr_error *err =
		cr_scratch(thread, VALUE_OFF, value, sizeof(value));
	return err ?: cr_inject(thread, NULL, timer_settime, e->it_id, 0,
				thread->proc->scratch + VALUE_OFF, 0);
}

static int compare(const void *a, const void *b)
{
	PosixTimerEntry *const *x = a, *const *y = b;
	return (*x)->it_id < (*y)->it_id ? -1 : (*x)->it_id > (*y)->it_id;
}

static struct cr_error *make_all(struct cr_thread *thread,
				 PosixTimerEntry **timer, size_t nr)
{
	struct cr_error *err = NULL;
	size_t i;
	for (i = 0; !err && i < nr; i++)
		err = make(thread, timer[i]);
	if (err)
		return cr_error_at(err, "timer %u",
				   (unsigned)timer[i - 1]->it_id);
	for (i = 0; !err && i < nr; i++)
		err = arm(thread, timer[i]);
	return err;
}

struct cr_error *cr_timers_posix(struct cr_restore *run,
				 struct cr_thread *thread)
{
	const TaskTimersEntry *e = timers_of(thread->proc);
	int64_t on;
	if (!e || !e->n_posix)
		return NULL;
	size_t size = e->n_posix * sizeof(e->posix[0]);
	cr_auto_free PosixTimerEntry **timer = malloc(size);
	if (!timer)
		return cr_enomem;
	memcpy(timer, e->posix, size);
	qsort(timer, e->n_posix, sizeof(timer[0]), compare);
	struct cr_error *err = cr_inject(thread, &on, prctl,
					 PR_TIMER_CREATE_RESTORE_IDS, 1, 0, 0,
					 0);
	if (!err)
		err = make_all(thread, timer, e->n_posix);
	if (!err && !on)
		err = cr_inject(thread, NULL, prctl,
				PR_TIMER_CREATE_RESTORE_IDS, 0, 0, 0, 0);
	return err;
}
