// SPDX-License-Identifier: MIT
/*
 * Resource limits, set by the process itself while it has its privileges: from
 * outside prlimit(2) wants CAP_SYS_RESOURCE. Those that it has already are left
 * alone. In the images a limit's place is its number.
 */
#include <sys/resource.h>

#include "restore/inject.h"
#include "restore/steps.h"

#define OFF 12288 // where nothing else is, see cr_scratch()

static const TaskRlimitsEntry *limits_of(const struct cr_proc *proc)
{
	return proc->core->tc->rlimits;
}

struct cr_error *cr_limits_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	const TaskRlimitsEntry *e = limits_of(proc);
	if (!proc->zombie && e && e->n_rlimits > RLIM_NLIMITS)
		return cr_error_new(CR_ERR_FORMAT,
				    "core-%u.img: entry 0: %zu limits",
				    (unsigned)proc->vpid, e->n_rlimits);
	return NULL;
}

struct cr_error *cr_limits_set(struct cr_restore *run, struct cr_thread *thread)
{
	const TaskRlimitsEntry *e = limits_of(thread->proc);
	for (unsigned i = 0; e && i < e->n_rlimits; i++) {
		struct rlimit ours;
		const RlimitEntry *l = e->rlimits[i];
		uint64_t limit[2] = { l->cur, l->max };
		size_t off = OFF + i * sizeof(limit);
		if (!getrlimit((__rlimit_resource_t)i, &ours) &&
		    ours.rlim_cur == l->cur && ours.rlim_max == l->max)
			continue;
		struct cr_error *err =
			cr_scratch(thread, off, limit, sizeof(limit));
		if (!err)
			err = cr_inject(thread, NULL, setrlimit, i,
					thread->proc->scratch + off);
		if (err)
			return err;
	}
	return NULL;
}
