// SPDX-License-Identifier: MIT
/*
 * Whether we may do what a restore does: the capabilities it needs, and for what.
 * A row for each reason; what can be done without privileges because it is what
 * we are already needs none.
 *
 * Facts: man 7 capabilities; man 2 clone3, prctl, setrlimit, setpriority, chroot.
 */
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/regfile.pb-c.h"
#include "restore/fd/kind.h"
#include "restore/steps.h"

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

/* ---- what we have ---- */

struct caps {
	uint64_t effective, permitted;
};

static struct caps own_caps(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2] = { 0 };
	if (syscall(SYS_capget, &h, d))
		return (struct caps){ 0 };
	return (struct caps){
		d[0].effective | (uint64_t)d[1].effective << 32,
		d[0].permitted | (uint64_t)d[1].permitted << 32,
	};
}

static uint64_t word(const uint32_t *words, size_t nr)
{
	return (nr > 0 ? words[0] : 0) |
	       (nr > 1 ? (uint64_t)words[1] << 32 : 0);
}

/* ---- what is needed ---- */

static bool is_leader(const struct cr_thread *t)
{
	return t == t->proc->thread;
}

static const CredsEntry *creds_of(const struct cr_thread *t)
{
	return cr_core_creds(t->core);
}

static bool has_other_users(const struct cr_rplan *plan,
			    const struct cr_thread *t)
{
	const CredsEntry *e = creds_of(t);
	uid_t r, x, s;
	return e && !getresuid(&r, &x, &s) &&
	       (r != e->uid || x != e->euid || s != e->suid || x != e->fsuid);
}

static bool has_other_groups(const struct cr_rplan *plan,
			     const struct cr_thread *t)
{
	const CredsEntry *e = creds_of(t);
	gid_t r, x, s;
	return e && !getresgid(&r, &x, &s) &&
	       (r != e->gid || x != e->egid || s != e->sgid || x != e->fsgid ||
		getgroups(0, NULL) != (int)e->n_groups);
}

static bool has_other_bounds(const struct cr_rplan *plan,
			     const struct cr_thread *t)
{
	const CredsEntry *e = creds_of(t);
	if (!e)
		return false;
	uint64_t bnd = word(e->cap_bnd, e->n_cap_bnd);
	for (unsigned cap = 0; cap < 64; cap++) {
		int in = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (in > 0 && !(bnd >> cap & 1))
			return true;
	}
	return prctl(PR_GET_SECUREBITS) != (int)e->secbits;
}

static bool has_other_root(const struct cr_rplan *plan,
			   const struct cr_thread *t)
{
	const struct cr_ofile *root = t->proc->root;
	return is_leader(t) &&
	       (plan->options->root ||
		(root && strcmp(((const RegFileEntry *)root->opened.msg)->name,
				"/")));
}

static bool has_higher_limits(const struct cr_rplan *plan,
			      const struct cr_thread *t)
{
	const TaskCoreEntry *tc = t->core->tc;
	const TaskRlimitsEntry *e = tc ? tc->rlimits : NULL;
	for (unsigned i = 0; is_leader(t) && e && i < e->n_rlimits; i++) {
		struct rlimit ours;
		if (!getrlimit((__rlimit_resource_t)i, &ours) &&
		    e->rlimits[i]->max > ours.rlim_max)
			return true;
	}
	return false;
}

static bool is_more_urgent(const struct cr_rplan *plan,
			   const struct cr_thread *t)
{
	const ThreadCoreEntry *e = t->core->thread_core;
	bool is_realtime = e->has_sched_policy &&
			   (e->sched_policy == SCHED_FIFO ||
			    e->sched_policy == SCHED_RR);
	return is_realtime || (e->has_sched_nice &&
			       e->sched_nice < getpriority(PRIO_PROCESS, 0));
}

static bool has_filters(const struct cr_rplan *plan, const struct cr_thread *t)
{
	return t->core->thread_core->has_seccomp_mode &&
	       t->core->thread_core->seccomp_mode;
}

static bool is_in_namespace(const struct cr_rplan *plan,
			    const struct cr_thread *t)
{
	return plan->options->pidns && is_leader(t) && !t->proc->parent;
}

static bool is_first(const struct cr_rplan *plan, const struct cr_thread *t)
{
	return is_leader(t) && !t->proc->parent;
}

#define BIT(cap) (UINT64_C(1) << (cap))

static const struct {
	uint64_t any_of; // these capabilities will do
	const char *name;
	const char *what; // needs them
	bool (*is)(const struct cr_rplan *plan, const struct cr_thread *t);
} rights[] = {
	// clang-format off
	{ BIT(CAP_CHECKPOINT_RESTORE) | BIT(CAP_SYS_ADMIN),
	  "CAP_CHECKPOINT_RESTORE", "its pid",         is_first },
	{ BIT(CAP_SYS_ADMIN),    "CAP_SYS_ADMIN",    "a pid namespace", is_in_namespace },
	{ BIT(CAP_SYS_ADMIN),    "CAP_SYS_ADMIN",    "its seccomp mode", has_filters },
	{ BIT(CAP_SYS_CHROOT),   "CAP_SYS_CHROOT",   "its root",        has_other_root },
	{ BIT(CAP_SETUID),       "CAP_SETUID",       "its user ids",    has_other_users },
	{ BIT(CAP_SETGID),       "CAP_SETGID",       "its groups",      has_other_groups },
	{ BIT(CAP_SETPCAP),      "CAP_SETPCAP",      "its bounding set and secure bits", has_other_bounds },
	{ BIT(CAP_SYS_RESOURCE), "CAP_SYS_RESOURCE", "its resource limits", has_higher_limits },
	{ BIT(CAP_SYS_NICE),     "CAP_SYS_NICE",     "its scheduling",  is_more_urgent },
	// clang-format on
};

static struct cr_error *lacks(struct cr_rplan *plan, const struct cr_thread *t,
			      const char *what, const char *name)
{
	return cr_rplan_lacks(
		plan, cr_error_new(CR_ERR_UNSUPPORTED,
				   "core-%u.img: entry 0: %s: needs %s, which "
				   "we do not have",
				   (unsigned)t->vtid, what, name));
}

// A capability that we do not have can be given to nobody.
static struct cr_error *check_caps(struct cr_rplan *plan, struct caps ours,
				   const struct cr_thread *t)
{
	const CredsEntry *e = creds_of(t);
	uint64_t theirs = e ? word(e->cap_prm, e->n_cap_prm) |
				      word(e->cap_inh, e->n_cap_inh) :
			      0;
	uint64_t more = theirs & ~ours.permitted;
	if (!more)
		return NULL;
	return cr_rplan_lacks(
		plan, cr_error_new(CR_ERR_UNSUPPORTED,
				   "core-%u.img: entry 0: it had capabilities "
				   "0x%llx, which we do not have",
				   (unsigned)t->vtid, (unsigned long long)more));
}

struct cr_error *cr_rights_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	struct caps ours = own_caps();
	struct cr_error *err = NULL;
	if (proc->zombie || plan->options->any_host)
		return NULL;
	cr_proc_each_thread(t, proc) {
		if (!err)
			err = check_caps(plan, ours, t);
		for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
			if (!err && !(ours.effective & rights[i].any_of) &&
			    rights[i].is(plan, t))
				err = lacks(plan, t, rights[i].what,
					    rights[i].name);
		}
	}
	return err;
}
