// SPDX-License-Identifier: MIT
/*
 * What had an image of its own for each process, and is in core or mm now. CRIU
 * reads the old image if the new place is empty, and for creds gives every thread
 * the same: criu/cr-restore.c, criu/mem.c, criu/timer.c, v4.2.
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/ops/upgrade/step.h"

/* An image's entries on their way into another one's. */
struct moving {
	json_t *list;
	bool done;	 /* they are there */
	const char *why; /* or not */
};

static struct cr_error *not_twice(struct moving *m)
{
	m->why = "has them already";
	return NULL;
}

/* The object in core that they go to. */
static json_t *object(struct moving *m, json_t *core, const char *key)
{
	json_t *o = json_object_get(core, key);
	if (!o)
		m->why = "has no place for them";
	return o;
}

static struct cr_error *put(struct moving *m, json_t *o, const char *key,
			    json_t *value, enum cr_rewrite *ret)
{
	if (json_object_get(o, key)) {
		json_decref(value);
		return not_twice(m);
	}
	m->done = true;
	*ret = CR_REWRITE_CHANGED;
	return cr_step_set(o, key, value);
}

/* {"KEY": [...]} */
static json_t *wrapped(const struct moving *m, const char *key)
{
	return json_pack("{s:O}", key, m->list);
}

/* ---- where they go ---- */

static struct cr_error *put_vmas(void *arg, const struct cr_rewrite_at *at,
				 json_t *mm, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	return put(m, mm, "vmas", json_incref(m->list), ret);
}

static struct cr_error *put_sigactions(void *arg,
				       const struct cr_rewrite_at *at,
				       json_t *core, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	json_t *tc = object(m, core, "tc");
	return tc ? put(m, tc, "sigactions", json_incref(m->list), ret) : NULL;
}

static struct cr_error *put_rlimits(void *arg, const struct cr_rewrite_at *at,
				    json_t *core, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	json_t *tc = object(m, core, "tc");
	return tc ? put(m, tc, "rlimits", wrapped(m, "rlimits"), ret) : NULL;
}

static struct cr_error *put_shared(void *arg, const struct cr_rewrite_at *at,
				   json_t *core, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	json_t *tc = object(m, core, "tc");
	return tc ? put(m, tc, "signals_s", wrapped(m, "signals"), ret) : NULL;
}

static struct cr_error *put_private(void *arg, const struct cr_rewrite_at *at,
				    json_t *core, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	json_t *t = object(m, core, "thread_core");
	return t ? put(m, t, "signals_p", wrapped(m, "signals"), ret) : NULL;
}

static json_t *no_itimer(void)
{
	return json_pack("{s:i, s:i, s:i, s:i}", "isec", 0, "iusec", 0, "vsec",
			 0, "vusec", 0);
}

/* tc.timers, in which the three interval timers must be. */
static struct cr_error *timers(json_t *tc, json_t **ret)
{
	static const char *const names[] = { "real", "virt", "prof" };
	json_t *t = cr_step_sub(tc, "timers");
	struct cr_error *err = t ? NULL : cr_enomem;
	for (size_t i = 0; i < 3 && !err; i++)
		if (!json_object_get(t, names[i]))
			err = cr_step_set(t, names[i], no_itimer());
	*ret = t;
	return err;
}

static struct cr_error *put_itimers(void *arg, const struct cr_rewrite_at *at,
				    json_t *core, enum cr_rewrite *ret)
{
	static const char *const names[] = { "real", "virt", "prof" };
	struct moving *m = arg;
	json_t *tc = object(m, core, "tc"), *t;
	if (tc && json_object_get(tc, "timers"))
		return not_twice(m);
	if (tc && json_array_size(m->list) != 3)
		m->why = "wants three of them";
	if (!tc || m->why)
		return NULL;
	struct cr_error *err = timers(tc, &t);
	for (size_t i = 0; i < 3 && !err; i++)
		err = cr_step_set(t, names[i],
				  json_incref(json_array_get(m->list, i)));
	m->done = true;
	*ret = CR_REWRITE_CHANGED;
	return err;
}

static struct cr_error *put_posix_timers(void *arg,
					 const struct cr_rewrite_at *at,
					 json_t *core, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	json_t *tc = object(m, core, "tc"), *t;
	if (!tc)
		return NULL;
	struct cr_error *err = timers(tc, &t);
	return err ? err : put(m, t, "posix", json_incref(m->list), ret);
}

/* ---- moving ---- */

/* An image per process or thread: where its entries go. */
struct place {
	const char *image; /* "core-" */
	cr_rewrite_fn *fn;
};

/* Done: the old image goes. Else it stays, and the report says why. */
static struct cr_error *finish(struct cr_step *s, const char *name,
			       const struct moving *m, const char *to)
{
	if (m->done)
		return cr_step_remove(s, name);
	return cr_step_say(s, CR_UPGRADE_LEFT, "%s: %s %s", name, to,
			   m->why ?: "is not there");
}

static struct cr_error *move(struct cr_step *s, const char *name,
			     uint32_t number, void *arg)
{
	const struct place *place = arg;
	struct moving m = { NULL };
	char to[32];
	snprintf(to, sizeof(to), "%s%" PRIu32 ".img", place->image, number);
	struct cr_error *err = cr_step_list(s, name, &m.list);
	if (err)
		return err;
	/* An empty one is as good as none, and absent is what CRIU leaves. */
	if (!json_array_size(m.list))
		m.done = true;
	else
		err = cr_step_rewrite(s, to, NULL, place->fn, &m);
	json_decref(m.list);
	return err ? err : finish(s, name, &m, to);
}

static struct cr_error *move_all(struct cr_step *s, const char *prefix,
				 const char *image, cr_rewrite_fn *fn)
{
	struct place place = { image, fn };
	return cr_step_each(s, prefix, ".img", move, &place);
}

struct cr_error *cr_step_vmas_up(struct cr_step *s)
{
	return move_all(s, "vmas-", "mm-", put_vmas);
}

struct cr_error *cr_step_sigactions_up(struct cr_step *s)
{
	return move_all(s, "sigacts-", "core-", put_sigactions);
}

struct cr_error *cr_step_rlimits_up(struct cr_step *s)
{
	return move_all(s, "rlimit-", "core-", put_rlimits);
}

struct cr_error *cr_step_signals_up(struct cr_step *s)
{
	struct cr_error *err = move_all(s, "signal-s-", "core-", put_shared);
	return err ? err : move_all(s, "signal-p-", "core-", put_private);
}

struct cr_error *cr_step_timers_up(struct cr_step *s)
{
	struct cr_error *err = move_all(s, "itimers-", "core-", put_itimers);
	return err ? err :
		     move_all(s, "posix-timers-", "core-", put_posix_timers);
}

/* ---- credentials, for every thread ---- */

static struct cr_error *put_creds(void *arg, const struct cr_rewrite_at *at,
				  json_t *core, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	json_t *t = object(m, core, "thread_core");
	if (!t)
		return NULL;
	if (json_object_get(t, "creds")) {
		/* With those of the leader, the image is not read. */
		m->done = true;
		return NULL;
	}
	return put(m, t, "creds", json_deep_copy(json_array_get(m->list, 0)),
		   ret);
}

static struct cr_error *move_creds(struct cr_step *s, const char *name,
				   uint32_t pid, void *arg)
{
	struct moving m = { NULL };
	struct cr_error *err = cr_step_list(s, name, &m.list);
	if (err)
		return err;
	if (json_array_size(m.list) == 1)
		err = cr_step_threads(s, pid, put_creds, &m);
	else
		m.why = "wants one entry";
	json_decref(m.list);
	return err ? err : finish(s, name, &m, "core");
}

struct cr_error *cr_step_creds_up(struct cr_step *s)
{
	return cr_step_each(s, "creds-", ".img", move_creds, NULL);
}
