// SPDX-License-Identifier: MIT
/*
 * Settings of network devices and namespaces: lists of numbers, then of values
 * with a type, in the same order: criu/net.c devconfs4, v2.2 and v4.2. And the
 * options of TCP sockets, which were in three places: criu/sk-tcp.c,
 * criu/sockets.c, v3.19 and v4.0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/ops/upgrade/step.h"

/* ---- settings ---- */

struct conf {
	const char *from, *to;
};

/* [1, 2] to [{"type": "CTL_32", "iarg": 1}, ...] */
static struct cr_error *give_types(json_t *o, const struct conf *conf,
				   enum cr_rewrite *ret)
{
	json_t *old = json_object_get(o, conf->from), *value;
	struct cr_error *err = NULL;
	size_t i;
	if (!json_array_size(old) || json_object_get(o, conf->to))
		return NULL;
	json_t *list = json_array();
	if (!list)
		return cr_enomem;
	json_array_foreach(old, i, value) {
		if (!err && json_array_append_new(
				    list, json_pack("{s:s, s:O}", "type",
						    "CTL_32", "iarg", value)))
			err = cr_enomem;
	}
	json_object_del(o, conf->from);
	*ret = CR_REWRITE_CHANGED;
	if (!err)
		return cr_step_set(o, conf->to, list);
	json_decref(list);
	return err;
}

static bool dev_has_conf(void *arg, const struct cr_rewrite_at *at,
			 const void *msg, size_t size)
{
	static const struct cr_step_path conf = { { 8 } };
	return cr_step_peek(msg, size, conf, NULL);
}

static struct cr_error *upgrade_dev(void *arg, const struct cr_rewrite_at *at,
				    json_t *dev, enum cr_rewrite *ret)
{
	return give_types(dev, &(struct conf){ "conf", "conf4" }, ret);
}

static bool ns_has_conf(void *arg, const struct cr_rewrite_at *at,
			const void *msg, size_t size)
{
	static const struct cr_step_path def = { { 1 } }, all = { { 2 } };
	return cr_step_peek(msg, size, def, NULL) ||
	       cr_step_peek(msg, size, all, NULL);
}

static struct cr_error *upgrade_ns(void *arg, const struct cr_rewrite_at *at,
				   json_t *ns, enum cr_rewrite *ret)
{
	struct cr_error *err = give_types(
		ns, &(struct conf){ "def_conf", "def_conf4" }, ret);
	return err ? err :
		     give_types(ns, &(struct conf){ "all_conf", "all_conf4" },
				ret);
}

static struct cr_error *upgrade_devs(struct cr_step *s, const char *name,
				     uint32_t id, void *arg)
{
	return cr_step_rewrite(s, name, dev_has_conf, upgrade_dev, NULL);
}

static struct cr_error *upgrade_nss(struct cr_step *s, const char *name,
				    uint32_t id, void *arg)
{
	return cr_step_rewrite(s, name, ns_has_conf, upgrade_ns, NULL);
}

struct cr_error *cr_step_conf_up(struct cr_step *s)
{
	struct cr_error *err =
		cr_step_each(s, "netdev-", ".img", upgrade_devs, NULL);
	return err ? err : cr_step_each(s, "netns-", ".img", upgrade_nss, NULL);
}

/* ---- TCP ---- */

#define TCP 6 /* inet_sk_entry.proto */

/* Members of sk_opts_entry and what they are in tcp_opts_entry. */
static const struct {
	const char *old, *new_;
} keep[] = {
	{ "tcp_keepcnt", "keepcnt" },
	{ "tcp_keepidle", "keepidle" },
	{ "tcp_keepintvl", "keepintvl" },
};

#define NR_KEEP (sizeof(keep) / sizeof(keep[0]))

/* Of tcp_stream_entry, and the same in tcp_opts_entry. */
static const char *const flags[] = { "cork", "nodelay" };

/* What tcp-stream images say, or are to say: {INO: {"cork": true, ...}}, INO in
 * hex as in their names. */
struct streams {
	struct cr_step *step;
	json_t *by_ino;
	json_t *used; /* those that a socket has taken */
};

/* The TCP socket in a file entry, or NULL. */
static json_t *tcp_socket(const json_t *file, char ino_ret[16])
{
	json_t *sk = json_object_get(file, "isk");
	uint32_t proto, ino;
	if (!sk || !cr_step_u32(sk, "proto", &proto) ||
	    proto != TCP || !cr_step_u32(sk, "ino", &ino))
		return NULL;
	snprintf(ino_ret, 16, "%" PRIx32, ino);
	return sk;
}

/* The INO in the name of a stream's image. */
static bool stream_ino(const char *image, char ino_ret[16])
{
	static const char prefix[] = "tcp-stream-";
	const char *ino = image + sizeof(prefix) - 1;
	if (strncmp(image, prefix, sizeof(prefix) - 1))
		return false;
	size_t size = strspn(ino, "0123456789abcdef");
	if (!size || size > 8 || strcmp(ino + size, ".img"))
		return false;
	snprintf(ino_ret, 16, "%.*s", (int)size, ino);
	return true;
}

typedef struct cr_error *change_fn(struct cr_step *s, const char *image,
				   cr_rewrite_want_fn *want, cr_rewrite_fn *fn,
				   void *arg);

/* change: cr_step_look or cr_step_rewrite. */
static struct cr_error *each_stream(struct streams *st, change_fn *change,
				    cr_rewrite_want_fn *want, cr_rewrite_fn *fn)
{
	struct cr_step *s = st->step;
	struct cr_error *err = NULL;
	char ino[16];
	for (size_t i = 0; i < s->names.nr && !err; i++)
		if (stream_ino(s->names.name[i], ino))
			err = change(s, s->names.name[i], want, fn, st);
	return err;
}

static struct cr_error *with_streams(struct cr_step *s,
				     struct cr_error *(*fn)(struct streams *st))
{
	struct streams st = { s, json_object(), json_object() };
	struct cr_error *err = st.by_ino && st.used ? fn(&st) : cr_enomem;
	json_decref(st.by_ino);
	json_decref(st.used);
	return err;
}

/* ---- TCP, forth ---- */

static bool stream_has_flags(void *arg, const struct cr_rewrite_at *at,
			     const void *msg, size_t size)
{
	static const struct cr_step_path cork = { { 10 } };
	static const struct cr_step_path nodelay = { { 11 } };
	return cr_step_peek(msg, size, cork, NULL) ||
	       cr_step_peek(msg, size, nodelay, NULL);
}

static struct cr_error *note_flags(void *arg, const struct cr_rewrite_at *at,
				   json_t *stream, enum cr_rewrite *ret)
{
	struct streams *st = arg;
	char ino[16];
	json_t *o = json_object();
	stream_ino(at->image, ino);
	struct cr_error *err = o ? NULL : cr_enomem;
	for (size_t i = 0; i < 2 && !err; i++)
		err = cr_step_move(stream, flags[i], o, flags[i]);
	if (!err)
		return cr_step_set(st->by_ino, ino, o);
	json_decref(o);
	return err;
}

static bool has_old_options(void *arg, const struct cr_rewrite_at *at,
			    const void *msg, size_t size)
{
	static const struct cr_step_path paths[] = {
		{ { 4, 14, 20 } }, { { 4, 14, 21 } }, { { 4, 14, 22 } },
	};
	static const struct cr_step_path socket = { { 4 } };
	const struct streams *st = arg;
	for (size_t i = 0; i < 3; i++)
		if (cr_step_peek(msg, size, paths[i], NULL))
			return true;
	return json_object_size(st->by_ino) &&
	       cr_step_peek(msg, size, socket, NULL);
}

static struct cr_error *gather(void *arg, const struct cr_rewrite_at *at,
			       json_t *file, enum cr_rewrite *ret)
{
	struct streams *st = arg;
	char ino[16];
	json_t *sk = tcp_socket(file, ino);
	json_t *stream = sk ? json_object_get(st->by_ino, ino) : NULL;
	json_t *opts = json_object_get(sk, "opts");
	bool any = stream;
	for (size_t i = 0; i < NR_KEEP; i++)
		any = any || (opts && json_object_get(opts, keep[i].old));
	if (!sk || !any)
		return NULL;
	json_t *tcp = cr_step_sub(sk, "tcp_opts");
	struct cr_error *err = tcp ? NULL : cr_enomem;
	for (size_t i = 0; i < NR_KEEP && !err; i++)
		err = cr_step_move(opts, keep[i].old, tcp, keep[i].new_);
	if (!err && stream && json_object_update_missing(tcp, stream))
		err = cr_enomem;
	if (!err && stream)
		err = cr_step_set(st->used, ino, json_true());
	*ret = CR_REWRITE_CHANGED;
	return err;
}

static struct cr_error *drop_flags(void *arg, const struct cr_rewrite_at *at,
				   json_t *stream, enum cr_rewrite *ret)
{
	struct streams *st = arg;
	char ino[16];
	stream_ino(at->image, ino);
	if (!json_object_get(st->used, ino))
		return NULL;
	for (size_t i = 0; i < 2; i++)
		json_object_del(stream, flags[i]);
	*ret = CR_REWRITE_CHANGED;
	return NULL;
}

static struct cr_error *tcp_up(struct streams *st)
{
	struct cr_error *err =
		each_stream(st, cr_step_look, stream_has_flags, note_flags);
	if (!err)
		err = cr_step_rewrite(st->step, "files.img", has_old_options,
				      gather, st);
	if (!err && json_object_size(st->used))
		err = each_stream(st, cr_step_rewrite, stream_has_flags,
				  drop_flags);
	return err;
}

struct cr_error *cr_step_tcp_up(struct cr_step *s)
{
	return with_streams(s, tcp_up);
}

/* ---- TCP, back ---- */

static bool has_options(void *arg, const struct cr_rewrite_at *at,
			const void *msg, size_t size)
{
	static const struct cr_step_path tcp_opts = { { 4, 20 } };
	return cr_step_peek(msg, size, tcp_opts, NULL);
}

/* A flag of a connection goes to its stream; there is no other place. */
static struct cr_error *flag_back(struct streams *st, const char *ino,
				  json_t *tcp, const char *flag,
				  const struct cr_rewrite_at *at)
{
	char image[32];
	snprintf(image, sizeof(image), "tcp-stream-%s.img", ino);
	if (cr_step_has(st->step, image)) {
		json_t *stream = cr_step_sub(st->by_ino, ino);
		return stream ? cr_step_move(tcp, flag, stream, flag) :
				cr_enomem;
	}
	bool set = json_is_true(json_object_get(tcp, flag));
	json_object_del(tcp, flag);
	return set ? cr_step_say(st->step, CR_UPGRADE_LOST,
				 "%s: entry %" PRIu64 ": %s of a socket that is "
				 "not connected",
				 at->image, at->i, flag) :
		     NULL;
}

static struct cr_error *scatter(void *arg, const struct cr_rewrite_at *at,
				json_t *file, enum cr_rewrite *ret)
{
	struct streams *st = arg;
	char ino[16];
	json_t *sk = tcp_socket(file, ino);
	json_t *tcp = sk ? json_object_get(sk, "tcp_opts") : NULL;
	json_t *opts = sk ? json_object_get(sk, "opts") : NULL;
	struct cr_error *err = NULL;
	if (!tcp || !opts)
		return NULL;
	for (size_t i = 0; i < NR_KEEP && !err; i++)
		err = cr_step_move(tcp, keep[i].new_, opts, keep[i].old);
	for (size_t i = 0; i < 2 && !err; i++)
		err = flag_back(st, ino, tcp, flags[i], at);
	if (!json_object_size(tcp))
		json_object_del(sk, "tcp_opts");
	*ret = CR_REWRITE_CHANGED;
	return err;
}

static struct cr_error *give_flags(void *arg, const struct cr_rewrite_at *at,
				   json_t *stream, enum cr_rewrite *ret)
{
	struct streams *st = arg;
	char ino[16];
	stream_ino(at->image, ino);
	json_t *o = json_object_get(st->by_ino, ino);
	*ret = CR_REWRITE_CHANGED;
	return o && json_object_update_missing(stream, o) ? cr_enomem : NULL;
}

static struct cr_error *tcp_down(struct streams *st)
{
	struct cr_error *err = cr_step_rewrite(st->step, "files.img",
					       has_options, scatter, st);
	if (!err && json_object_size(st->by_ino))
		err = each_stream(st, cr_step_rewrite, NULL, give_flags);
	return err;
}

struct cr_error *cr_step_tcp_down(struct cr_step *s)
{
	return with_streams(s, tcp_down);
}
