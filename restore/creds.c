// SPDX-License-Identifier: MIT
/*
 * Credentials of each thread: ids, groups, capabilities, secure bits, and what a
 * change of them clears. Threads that want what they have got from us are left
 * alone.
 *
 * The order: setresuid(2) drops capabilities unless SECBIT_NO_SETUID_FIXUP is set;
 * dropping from the bounding set needs CAP_SETPCAP, so the sets come last.
 * Facts: man 7 capabilities; CRIU criu/pie/restorer.c, v4.2.
 */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "restore/inject.h"
#include "restore/steps.h"

#define NR_CAP_WORDS 2
#define NR_CAPS	     64
#define NGROUPS_MOST (CR_SCRATCH_DATA / 4)

struct caps {
	uint32_t word[NR_CAP_WORDS];
};

static const CredsEntry *creds_of(const struct cr_thread *thread)
{
	return cr_core_creds(thread->core);
}

// A missing word is zero.
static struct caps caps_of(const uint32_t *words, size_t nr)
{
	struct caps caps = { 0 };
	for (size_t i = 0; i < nr && i < NR_CAP_WORDS; i++)
		caps.word[i] = words[i];
	return caps;
}

static bool has(struct caps caps, unsigned cap)
{
	return caps.word[cap / 32] >> cap % 32 & 1;
}

/* ---- what we have ---- */

static bool same_ids(const CredsEntry *e)
{
	uid_t r, x, s;
	gid_t gr, gx, gs;
	if (getresuid(&r, &x, &s) || getresgid(&gr, &gx, &gs))
		return false;
	return r == e->uid && x == e->euid && s == e->suid && gr == e->gid &&
	       gx == e->egid && gs == e->sgid && x == e->fsuid &&
	       gx == e->fsgid;
}

static bool same_groups(const CredsEntry *e)
{
	int nr = getgroups(0, NULL);
	if (nr < 0 || (size_t)nr != e->n_groups)
		return false;
	cr_auto_free gid_t *groups = calloc((size_t)nr + 1, sizeof(groups[0]));
	return groups && getgroups(nr, groups) == nr &&
	       (!nr || !memcmp(groups, e->groups,
			       (size_t)nr * sizeof(groups[0])));
}

static struct __user_cap_header_struct header = {
	.version = _LINUX_CAPABILITY_VERSION_3,
};

static void cap_data(const CredsEntry *e,
		     struct __user_cap_data_struct data[NR_CAP_WORDS])
{
	struct caps inh = caps_of(e->cap_inh, e->n_cap_inh);
	struct caps prm = caps_of(e->cap_prm, e->n_cap_prm);
	struct caps eff = caps_of(e->cap_eff, e->n_cap_eff);
	for (size_t i = 0; i < NR_CAP_WORDS; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = eff.word[i],
			.permitted = prm.word[i],
			.inheritable = inh.word[i],
		};
}

// Ours do not change; there is a call for each of them.
static void own_sets(struct caps *bnd_ret, struct caps *amb_ret)
{
	static struct caps bnd, amb;
	static bool known;
	for (unsigned cap = 0; !known && cap < NR_CAPS; cap++) {
		uint32_t bit = 1u << cap % 32;
		int in = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (in < 0)
			break; // the kernel has no more
		if (in)
			bnd.word[cap / 32] |= bit;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) > 0)
			amb.word[cap / 32] |= bit;
	}
	known = true;
	*bnd_ret = bnd;
	*amb_ret = amb;
}

static bool same_caps(const CredsEntry *e)
{
	struct __user_cap_data_struct ours[NR_CAP_WORDS], data[NR_CAP_WORDS];
	struct __user_cap_header_struct h = header;
	struct caps bnd = caps_of(e->cap_bnd, e->n_cap_bnd);
	struct caps amb = caps_of(e->cap_amb, e->n_cap_amb);
	struct caps own_bnd, own_amb;
	cap_data(e, data);
	if (syscall(SYS_capget, &h, ours) || memcmp(ours, data, sizeof(data)))
		return false;
	own_sets(&own_bnd, &own_amb);
	return !memcmp(&bnd, &own_bnd, sizeof(bnd)) &&
	       !memcmp(&amb, &own_amb, sizeof(amb));
}

static bool same_bits(const CredsEntry *e)
{
	return prctl(PR_GET_SECUREBITS) == (int)e->secbits &&
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == (int)e->no_new_privs;
}

// Then a thread has got them already.
static bool are_ours(const CredsEntry *e)
{
	return same_ids(e) && same_groups(e) && same_bits(e) && same_caps(e);
}

/* ---- planning ---- */

struct cr_error *cr_creds_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	if (proc->zombie)
		return NULL;
	cr_proc_each_thread(thread, proc) {
		const CredsEntry *e = creds_of(thread);
		const char *what = NULL;
		struct cr_error *err = NULL;
		if (!e)
			what = "no credentials (older images: see crit upgrade)";
		else if (e->n_groups > NGROUPS_MOST)
			what = "too many groups";
		else if (e->lsm_profile &&
			 strcmp(e->lsm_profile, "unconfined"))
			what = "it ran under a security profile";
		if (what)
			err = cr_error_new(CR_ERR_UNSUPPORTED,
					   "core-%u.img: entry 0: %s",
					   (unsigned)thread->vtid, what);
		err = cr_rplan_refuse(plan, err);
		if (err)
			return err;
		thread->has_our_creds = e && are_ours(e);
	}
	return NULL;
}

/* ---- what it gets ---- */

static struct cr_error *set_groups(struct cr_thread *t, const CredsEntry *e)
{
	struct cr_error *err =
		cr_scratch(t, 0, e->groups, e->n_groups * sizeof(uint32_t));
	return err ?: cr_inject(t, NULL, setgroups, e->n_groups,
				t->proc->scratch);
}

static struct cr_error *set_ids(struct cr_thread *t, const CredsEntry *e)
{
	int64_t before; // setfsuid(2) says what was, and never fails
	struct cr_error *err = cr_inject(t, NULL, setresgid, e->gid, e->egid,
					 e->sgid);
	if (!err)
		err = cr_inject(t, &before, setfsgid, e->fsgid);
	if (!err)
		err = cr_inject(t, NULL, setresuid, e->uid, e->euid, e->suid);
	if (!err)
		err = cr_inject(t, &before, setfsuid, e->fsuid);
	return err;
}

static struct cr_error *drop_bounding(struct cr_thread *t, const CredsEntry *e)
{
	struct caps bnd = caps_of(e->cap_bnd, e->n_cap_bnd);
	struct cr_error *err = NULL;
	for (unsigned cap = 0; !err && cap < NR_CAPS; cap++) {
		// Ours are its own so far.
		int in = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (in < 0)
			break;
		if (in && !has(bnd, cap))
			err = cr_inject(t, NULL, prctl, PR_CAPBSET_DROP, cap);
	}
	return err;
}

#define DATA_OFF 64

static struct cr_error *set_caps(struct cr_thread *t, const CredsEntry *e)
{
	struct __user_cap_data_struct data[NR_CAP_WORDS];
	struct caps amb = caps_of(e->cap_amb, e->n_cap_amb);
	uint64_t at = t->proc->scratch;
	cap_data(e, data);
	struct cr_error *err = cr_scratch(t, 0, &header, sizeof(header));
	if (!err)
		err = cr_scratch(t, DATA_OFF, data, sizeof(data));
	if (!err)
		err = cr_inject(t, NULL, capset, at, at + DATA_OFF);
	for (unsigned cap = 0; !err && cap < NR_CAPS; cap++) {
		if (has(amb, cap))
			err = cr_inject(t, NULL, prctl, PR_CAP_AMBIENT,
					PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	}
	return err;
}

static struct cr_error *set_all(struct cr_thread *t, const CredsEntry *e)
{
	uint64_t keep = e->secbits | SECBIT_NO_SETUID_FIXUP;
	struct cr_error *err = same_groups(e) ? NULL : set_groups(t, e);
	if (!err)
		err = cr_inject(t, NULL, prctl, PR_SET_SECUREBITS, keep);
	if (!err)
		err = set_ids(t, e);
	if (!err)
		err = drop_bounding(t, e);
	if (!err && keep != e->secbits)
		err = cr_inject(t, NULL, prctl, PR_SET_SECUREBITS, e->secbits);
	if (!err)
		err = set_caps(t, e);
	if (!err && e->no_new_privs)
		err = cr_inject(t, NULL, prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return err;
}

struct cr_error *cr_creds_set(struct cr_restore *run, struct cr_thread *thread)
{
	const CredsEntry *e = creds_of(thread);
	if (thread->has_our_creds)
		return NULL;
	thread->proc->has_new_creds = true;
	return set_all(thread, e);
}

// A change of any thread's credentials may change it; 2 is the kernel's to give.
static bool is_dumpable_right(const struct cr_proc *proc)
{
	const MmEntry *mm = proc->mm.entry;
	if (!mm->has_dumpable || mm->dumpable == 2)
		return true;
	return !proc->has_new_creds && mm->dumpable == 1 &&
	       prctl(PR_GET_DUMPABLE) == 1;
}

// Until now a process died with its parent. Dumpable is the process's.
struct cr_error *cr_creds_death(struct cr_restore *run,
				struct cr_thread *thread)
{
	const ThreadCoreEntry *e = thread->core->thread_core;
	const MmEntry *mm = thread->proc->mm.entry;
	bool leads = thread == thread->proc->thread;
	struct cr_error *err = NULL;
	if (leads || e->pdeath_sig)
		err = cr_inject(thread, NULL, prctl, PR_SET_PDEATHSIG,
				e->pdeath_sig);
	if (!err && leads && !is_dumpable_right(thread->proc))
		err = cr_inject(thread, NULL, prctl, PR_SET_DUMPABLE,
				(uint64_t)(int64_t)mm->dumpable);
	return err;
}
