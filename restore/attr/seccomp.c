// SPDX-License-Identifier: MIT
/*
 * Seccomp: strict mode, and filters in the order they were installed.
 *
 * It takes CAP_SYS_ADMIN, so it comes before credentials; a tracer keeps what has
 * been installed from having an effect until the process runs
 * (PTRACE_O_SUSPEND_SECCOMP). When all threads have the same filters the leader
 * gives them to all: only then they are the same to the kernel too, which a
 * process that synchronizes its threads later needs.
 *
 * Facts: man 2 seccomp; CRIU criu/seccomp.c, v4.2; Linux v6.12 kernel/seccomp.c.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "images/seccomp.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/inject.h"
#include "restore/steps.h"

/* Bits of seccomp_filter.flags that are the filter's own. */
#define KEPT_FLAGS SECCOMP_FILTER_FLAG_LOG

static SeccompMode mode_of(const struct cr_thread *thread)
{
	return thread->core->thread_core->seccomp_mode;
}

/* ---- planning ---- */

static struct cr_error *load(struct cr_rplan *plan)
{
	if (plan->seccomp)
		return NULL;
	struct cr_error *err = cr_message_load(&plan->set,
					       &seccomp_entry__descriptor,
					       &plan->seccomp, "seccomp.img");
	if (err || plan->seccomp)
		return err;
	return cr_error_new(CR_ERR_FORMAT, "seccomp.img: no such file");
}

static const char *fault(const SeccompFilter *filter)
{
	size_t size = filter->filter.len;
	if (!size || size % sizeof(struct sock_filter) ||
	    size / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return "its size";
	return NULL;
}

// Filters point to those before them; a ring would have no first.
static struct cr_error *check_filters(const SeccompEntry *e, uint32_t last)
{
	size_t nr = 0;
	for (uint32_t i = last;; i = e->seccomp_filters[i]->prev) {
		const char *what = i >= e->n_seccomp_filters ?
					   "there is none" :
					   fault(e->seccomp_filters[i]);
		if (!what && nr++ > e->n_seccomp_filters)
			what = "it comes before itself";
		if (what)
			return cr_error_new(CR_ERR_FORMAT,
					    "seccomp.img: filter %u: %s",
					    (unsigned)i, what);
		if (!e->seccomp_filters[i]->has_prev)
			return NULL;
	}
}

static struct cr_error *check(struct cr_rplan *plan,
			      const struct cr_thread *thread)
{
	const TaskCoreEntry *tc = thread->core->tc;
	if (tc && tc->has_old_seccomp_mode && tc->old_seccomp_mode)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "seccomp in an older form (see crit "
				    "upgrade)");
	if (mode_of(thread) == SECCOMP_MODE__disabled ||
	    mode_of(thread) == SECCOMP_MODE__strict)
		return NULL;
	if (mode_of(thread) != SECCOMP_MODE__filter)
		return cr_error_new(CR_ERR_UNSUPPORTED, "seccomp mode %d",
				    (int)mode_of(thread));
	struct cr_error *err = load(plan);
	return err ?: check_filters(plan->seccomp,
				    thread->core->thread_core->seccomp_filter);
}

struct cr_error *cr_seccomp_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	if (proc->zombie)
		return NULL;
	cr_proc_each_thread(thread, proc) {
		struct cr_error *err = check(plan, thread);
		if (err)
			return cr_error_at(err, "core-%u.img: entry 0",
					   (unsigned)thread->vtid);
	}
	return NULL;
}

/* ---- installing ---- */

static bool all_the_same(const struct cr_proc *proc)
{
	const struct cr_thread *leader = proc->thread;
	cr_proc_each_thread(thread, proc) {
		if (mode_of(thread) != mode_of(leader) ||
		    thread->core->thread_core->seccomp_filter !=
			    leader->core->thread_core->seccomp_filter)
			return false;
	}
	return true;
}

#define FILTER_OFF 64

static struct cr_error *install(struct cr_thread *thread,
				const SeccompFilter *filter, unsigned flags)
{
	uint64_t scratch = thread->proc->scratch;
	struct {
		uint64_t nr, vaddr; // struct sock_fprog
	} program = { filter->filter.len / sizeof(struct sock_filter),
		      scratch + FILTER_OFF };
	int64_t result;
	struct cr_error *err = cr_scratch(thread, 0, &program, sizeof(program));
	if (!err)
		err = cr_scratch(thread, FILTER_OFF, filter->filter.data,
				 filter->filter.len);
	if (!err)
		err = cr_inject(thread, &result, seccomp,
				SECCOMP_SET_MODE_FILTER,
				flags | (filter->flags & KEPT_FLAGS), scratch);
	// Above 0 is a thread that does not follow.
	if (err || !result)
		return err;
	errno = result < 0 ? (int)-result : EBUSY;
	return cr_error_sys("thread %u: install a seccomp filter",
			    (unsigned)thread->vtid);
}

// The first of them is the last that is reached.
static struct cr_error *install_all(struct cr_thread *thread,
				    const SeccompEntry *e, unsigned flags)
{
	size_t nr = 0;
	struct cr_error *err = NULL;
	cr_auto_free uint32_t *chain =
		calloc(e->n_seccomp_filters + 2, sizeof(chain[0]));
	if (!chain)
		return cr_enomem;
	chain[nr++] = thread->core->thread_core->seccomp_filter;
	while (e->seccomp_filters[chain[nr - 1]]->has_prev) {
		chain[nr] = e->seccomp_filters[chain[nr - 1]]->prev;
		nr++;
	}
	while (!err && nr)
		err = install(thread, e->seccomp_filters[chain[--nr]], flags);
	return err;
}

struct cr_error *cr_seccomp_set(struct cr_restore *run, struct cr_thread *thread)
{
	const struct cr_proc *proc = thread->proc;
	bool same = all_the_same(proc), leads = thread == proc->thread;
	const CredsEntry *creds = cr_core_creds(thread->core);
	SeccompMode mode = mode_of(thread);
	if (mode == SECCOMP_MODE__disabled)
		return NULL;
	struct cr_error *err = cr_tracee_suspend_seccomp(thread);
	// It then needs no privileges.
	if (!err && creds && creds->no_new_privs)
		err = cr_inject(thread, NULL, prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0,
				0);
	if (err)
		return err;
	if (mode == SECCOMP_MODE__strict)
		return cr_inject(thread, NULL, prctl, PR_SET_SECCOMP,
				 SECCOMP_MODE_STRICT);
	if (same && proc->nr_threads > 1 && leads)
		return install_all(thread, run->plan->seccomp,
				   SECCOMP_FILTER_FLAG_TSYNC);
	if (same && !leads)
		return NULL;
	return install_all(thread, run->plan->seccomp, 0);
}
