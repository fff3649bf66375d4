// SPDX-License-Identifier: MIT
/*
 * What belonged to a process and belongs to each of its threads now: the seccomp
 * mode, which CRIU takes from the old place for all threads, and the set of
 * cgroups, which it takes from there unless the thread has its own. Facts: CRIU
 * criu/cr-restore.c check_core(), criu/seccomp.c, criu/cgroup.c, v3.17 and v4.2.
 */
#include <inttypes.h>

#include "lib/ops/upgrade/step.h"

/* ---- from the leader to all ---- */

/* Members of tc and what they are called in thread_core. */
struct spread {
	cr_rewrite_want_fn *want;
	const char *from[2], *to[2];
};

/* On the way. */
struct spreading {
	const struct spread *how;
	json_t *value; /* with the names of `to` */
};

static struct cr_error *take(void *arg, const struct cr_rewrite_at *at,
			     json_t *core, enum cr_rewrite *ret)
{
	struct spreading *sp = arg;
	json_t *tc = json_object_get(core, "tc");
	struct cr_error *err = NULL;
	/* Neither is restored for a zombie. */
	if (!tc || !json_object_get(core, "thread_core"))
		return NULL;
	for (size_t i = 0; i < 2 && !err && sp->how->from[i]; i++)
		err = cr_step_move(tc, sp->how->from[i], sp->value,
				   sp->how->to[i]);
	*ret = CR_REWRITE_CHANGED;
	return err;
}

static struct cr_error *give(void *arg, const struct cr_rewrite_at *at,
			     json_t *core, enum cr_rewrite *ret)
{
	const struct spreading *sp = arg;
	json_t *t = json_object_get(core, "thread_core");
	*ret = CR_REWRITE_CHANGED;
	return t && json_object_update_missing(t, sp->value) ? cr_enomem : NULL;
}

static struct cr_error *spread(struct cr_step *s, const char *name,
			       uint32_t pid, void *arg)
{
	struct spreading sp = { .how = arg, .value = json_object() };
	if (!sp.value)
		return cr_enomem;
	struct cr_error *err =
		cr_step_rewrite(s, name, sp.how->want, take, &sp);
	if (!err && json_object_size(sp.value))
		err = cr_step_threads(s, pid, give, &sp);
	json_decref(sp.value);
	return err;
}

/* ---- seccomp ---- */

static bool has_old_seccomp(void *arg, const struct cr_rewrite_at *at,
			    const void *msg, size_t size)
{
	static const struct cr_step_path mode = { { 3, 11 } };
	static const struct cr_step_path filter = { { 3, 12 } };
	return cr_step_peek(msg, size, mode, NULL) ||
	       cr_step_peek(msg, size, filter, NULL);
}

struct cr_error *cr_step_seccomp_up(struct cr_step *s)
{
	struct spread how = {
		.want = has_old_seccomp,
		.from = { "old_seccomp_mode", "old_seccomp_filter" },
		.to = { "seccomp_mode", "seccomp_filter" },
	};
	return cr_step_each(s, "core-", ".img", spread, &how);
}

/* ---- cgroups ---- */

static bool has_old_set(void *arg, const struct cr_rewrite_at *at,
			const void *msg, size_t size)
{
	static const struct cr_step_path path = { { 3, 9 } };
	return cr_step_peek(msg, size, path, NULL);
}

static bool has_set(void *arg, const struct cr_rewrite_at *at, const void *msg,
		    size_t size)
{
	static const struct cr_step_path path = { { 5, 16 } };
	return cr_step_peek(msg, size, path, NULL);
}

struct cr_error *cr_step_cgroups_up(struct cr_step *s)
{
	struct spread how = {
		.want = has_old_set,
		.from = { "cg_set" },
		.to = { "cg_set" },
	};
	return cr_step_each(s, "core-", ".img", spread, &how);
}

/* The leader's set, which threads either share or lose theirs for. */
struct leader {
	struct cr_step *step;
	bool has_set;
	uint64_t set;
};

static struct cr_error *back(void *arg, const struct cr_rewrite_at *at,
			     json_t *core, enum cr_rewrite *ret)
{
	struct leader *l = arg;
	json_t *tc = json_object_get(core, "tc");
	json_t *t = json_object_get(core, "thread_core");
	if (!tc || !t)
		return NULL;
	l->has_set = cr_step_u64(t, "cg_set", &l->set);
	*ret = CR_REWRITE_CHANGED;
	return cr_step_move(t, "cg_set", tc, "cg_set");
}

static struct cr_error *forget(void *arg, const struct cr_rewrite_at *at,
			       json_t *core, enum cr_rewrite *ret)
{
	struct leader *l = arg;
	json_t *t = json_object_get(core, "thread_core");
	uint64_t set;
	if (!t || !cr_step_u64(t, "cg_set", &set))
		return NULL;
	json_object_del(t, "cg_set");
	*ret = CR_REWRITE_CHANGED;
	if (set == l->set)
		return NULL;
	return cr_step_say(l->step, CR_UPGRADE_LOST,
			   "%s: the thread is in other cgroups than its "
			   "process",
			   at->image);
}

static struct cr_error *cgroup_down(struct cr_step *s, const char *name,
				    uint32_t pid, void *arg)
{
	struct leader l = { .step = s };
	struct cr_error *err = cr_step_rewrite(s, name, has_set, back, &l);
	if (!err && l.has_set)
		err = cr_step_threads(s, pid, forget, &l);
	return err;
}

struct cr_error *cr_step_cgroups_down(struct cr_step *s)
{
	return cr_step_each(s, "core-", ".img", cgroup_down, NULL);
}
