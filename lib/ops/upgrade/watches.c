// SPDX-License-Identifier: MIT
/*
 * What epoll, inotify and fanotify instances watch: once in images of their own,
 * each entry with the id of its instance. Facts: criu/eventpoll.c,
 * criu/fsnotify.c, v4.2.
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/ops/upgrade/step.h"

struct watches {
	const char *from; /* the image with the watches */
	const char *to;   /* that with the instances */
	const char *key;  /* their member */
};

/* Watches by the id of their instance, on the way. */
struct moving {
	const struct watches *how;
	json_t *by_id;
};

static struct cr_error *id_of(const json_t *entry, char key[16])
{
	uint32_t id;
	if (!cr_step_u32(entry, "id", &id))
		return cr_error_new(CR_ERR_FORMAT, "id: is missing");
	snprintf(key, 16, "%" PRIu32, id);
	return NULL;
}

static struct cr_error *collect(void *arg, const struct cr_rewrite_at *at,
				json_t *entry, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	char key[16];
	struct cr_error *err = id_of(entry, key);
	if (err)
		return err;
	json_t *list = json_object_get(m->by_id, key);
	if (!list) {
		err = cr_step_set(m->by_id, key, json_array());
		list = json_object_get(m->by_id, key);
	}
	if (!err && json_array_append(list, entry))
		err = cr_enomem;
	return err;
}

static struct cr_error *give(void *arg, const struct cr_rewrite_at *at,
			     json_t *entry, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	char key[16];
	struct cr_error *err = id_of(entry, key);
	json_t *list = err ? NULL : json_object_get(m->by_id, key);
	if (!list)
		return err;
	json_t *has = json_object_get(entry, m->how->key);
	if (has ? json_array_extend(has, list) :
		  json_object_set(entry, m->how->key, list))
		return cr_enomem;
	json_object_del(m->by_id, key);
	*ret = CR_REWRITE_CHANGED;
	return NULL;
}

/* Those that were given away are not needed in their old place. */
static struct cr_error *drop(void *arg, const struct cr_rewrite_at *at,
			     json_t *entry, enum cr_rewrite *ret)
{
	struct moving *m = arg;
	char key[16];
	struct cr_error *err = id_of(entry, key);
	if (!err && !json_object_get(m->by_id, key))
		*ret = CR_REWRITE_DROP;
	return err;
}

static struct cr_error *leave_rest(struct cr_step *s, struct moving *m)
{
	const char *from = m->how->from;
	struct cr_error *err = cr_step_rewrite(s, from, NULL, drop, m);
	return err ? err :
		     cr_step_say(s, CR_UPGRADE_LEFT,
				 "%s: %s has no entry with id %s", from,
				 m->how->to,
				 json_object_iter_key(
					 json_object_iter(m->by_id)));
}

static struct cr_error *move(struct cr_step *s, const struct watches *how)
{
	struct moving m = { .how = how };
	if (!cr_step_has(s, how->from))
		return NULL;
	m.by_id = json_object();
	if (!m.by_id)
		return cr_enomem;
	struct cr_error *err = cr_step_look(s, how->from, NULL, collect, &m);
	if (!err)
		err = cr_step_rewrite(s, how->to, NULL, give, &m);
	if (!err)
		err = json_object_size(m.by_id) ? leave_rest(s, &m) :
						  cr_step_remove(s, how->from);
	json_decref(m.by_id);
	return err;
}

struct cr_error *cr_step_epoll_up(struct cr_step *s)
{
	return move(s, &(struct watches){ "eventpoll-tfd.img", "eventpoll.img",
					  "tfd" });
}

struct cr_error *cr_step_inotify_up(struct cr_step *s)
{
	return move(s, &(struct watches){ "inotify-wd.img", "inotify.img",
					  "wd" });
}

struct cr_error *cr_step_fanotify_up(struct cr_step *s)
{
	return move(s, &(struct watches){ "fanotify-mark.img", "fanotify.img",
					  "mark" });
}
