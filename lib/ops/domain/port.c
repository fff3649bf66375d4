// SPDX-License-Identifier: MIT
//
// Ports. Those of the sockets here change; a connection's other end does if it is
// here as well, for elsewhere it would not know.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/sk-inet.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/ops/domain/dumps.h"
#include "lib/ops/domain/sockets.h"

struct pair {
	uint64_t old, to, hits;
};

struct edit {
	const struct cr_domain *d;
	struct pair *pair;
	size_t nr;
	struct cr_sockets sockets; /* as they were */
	uint64_t nr_elsewhere;
	struct cr_socket now; /* whose ports are being changed, as it was */
};

static struct pair *find(const struct edit *e, uint64_t port)
{
	for (size_t i = 0; i < e->nr; i++)
		if (e->pair[i].old == port)
			return &e->pair[i];
	return NULL;
}

static bool is_meant(struct edit *e, bool src)
{
	enum cr_domain_side side = e->d->side;
	if (side == CR_SIDE_LISTEN)
		return src && e->now.state == CR_TCP_LISTEN;
	if (src)
		return side != CR_SIDE_DST;
	if (side != CR_SIDE_BOTH)
		return side == CR_SIDE_DST;
	bool here = cr_sockets_peer(&e->sockets, &e->now);
	e->nr_elsewhere += !here;
	return here;
}

static struct cr_error *on_port(void *arg, const struct cr_mean_at *at,
				json_t *value, json_t **ret)
{
	struct edit *e = arg;
	uint64_t port;
	bool src = !strcmp(at->field->name, "src_port");
	if (at->plan->desc != &inet_sk_entry__descriptor)
		return NULL;
	/* The source comes first, and is changed when the other one comes. */
	if (src)
		cr_socket_read(at->message, &e->now);
	struct pair *pair = cr_domain_u64(value, &port) ? find(e, port) : NULL;
	if (!pair || !is_meant(e, src))
		return NULL;
	pair->hits++;
	*ret = json_integer((json_int_t)pair->to);
	return *ret ? NULL : cr_enomem;
}

static struct cr_error *parse(const struct cr_rules *rules, struct edit *e)
{
	for (size_t i = 0; i < rules->nr; i++) {
		struct pair *p = &e->pair[i];
		const struct cr_rule *r = &rules->rule[i];
		if (!cr_domain_number(r->old, 1, 65535, &p->old) ||
		    !cr_domain_number(r->to, 1, 65535, &p->to))
			return cr_error_new(CR_ERR_USAGE, "'%s=%s': ports are "
							  "1 to 65535",
					    r->old, r->to);
	}
	return NULL;
}

/* Two sockets may listen on one port only if that was so before. */
static uint64_t place_of(const struct cr_socket *s)
{
	return (uint64_t)s->ns << 32 | s->proto << 16 | s->src_port;
}

static struct cr_error *check_listeners(struct edit *e)
{
	struct cr_sockets now;
	struct cr_error *err = cr_sockets_load(e->d, &now);
	for (size_t i = 0; i < e->nr && !err; i++) {
		const struct cr_socket *was = NULL, *is = NULL;
		for (size_t k = 0; k < e->sockets.nr; k++)
			if (e->sockets.socket[k].state == CR_TCP_LISTEN &&
			    e->sockets.socket[k].src_port == e->pair[i].to)
				was = &e->sockets.socket[k];
		for (size_t k = 0; was && k < now.nr; k++)
			if (now.socket[k].state == CR_TCP_LISTEN &&
			    now.socket[k].id != was->id &&
			    place_of(&now.socket[k]) == place_of(was) &&
			    !find(e, e->pair[i].to))
				is = &now.socket[k];
		if (is)
			err = cr_error_new(CR_ERR_FORMAT, "another socket listens "
							  "on port %u already",
					   is->src_port);
	}
	cr_sockets_free(&now);
	return err;
}

static struct cr_error *remark(struct edit *e)
{
	struct cr_error *err = NULL;
	if (e->nr_elsewhere)
		cr_domain_remark(e->d,
				 "%llu socket%s connected to such a port "
				 "elsewhere; --dst changes these",
				 (unsigned long long)e->nr_elsewhere,
				 e->nr_elsewhere == 1 ? " is" : "s are");
	for (size_t i = 0; i < e->nr && !err; i++)
		err = cr_dumps_find_port(e->d, (uint16_t)e->pair[i].old);
	return err;
}

struct cr_error *cr_domain_port(const struct cr_domain *d, char *const *word,
				size_t nr)
{
	cr_auto_free struct pair *pair = calloc(nr, sizeof(pair[0]));
	struct edit e = { .d = d, .pair = pair, .nr = nr };
	struct cr_rules rules = { 0 };
	struct cr_error *err = pair ? cr_rules_parse(word, nr, &rules) :
				      cr_enomem;
	if (!err)
		err = parse(&rules, &e);
	if (!err)
		err = cr_sockets_load(d, &e.sockets);
	if (!err)
		err = cr_mean_each(d->change, CR_MEANING(CR_MEANS_PORT), on_port,
				   &e);
	for (size_t i = 0; i < nr && !err; i++)
		rules.rule[i].hits = pair[i].hits;
	/* Before it says that there is none: where it is then. */
	if (!err)
		err = remark(&e);
	if (!err)
		err = cr_rules_met(d, &rules);
	if (!err)
		err = check_listeners(&e);
	cr_sockets_free(&e.sockets);
	cr_rules_free(&rules);
	return err;
}
