// SPDX-License-Identifier: MIT
#include "lib/ops/domain/sockets.h"

#include <stdlib.h>
#include <string.h>

#include "images/sk-inet.pb-c.h"

static void read_address(const json_t *list, uint32_t *ret)
{
	unsigned nr;
	uint32_t word[4];
	memset(ret, 0, 4 * sizeof(ret[0]));
	if (!cr_mean_words(list, word, &nr))
		return;
	if (nr == 1)
		ret[2] = 0xffff0000u;
	memcpy(ret + 4 - nr, word, nr * sizeof(word[0]));
}

void cr_socket_read(const json_t *message, struct cr_socket *ret)
{
	*ret = (struct cr_socket){
		.id = (uint32_t)cr_domain_get(message, "id", 0),
		.ino = (uint32_t)cr_domain_get(message, "ino", 0),
		.ns = (uint32_t)cr_domain_get(message, "ns_id", 0),
		.proto = (uint32_t)cr_domain_get(message, "proto", 0),
		.state = (uint32_t)cr_domain_get(message, "state", 0),
		.src_port = (uint16_t)cr_domain_get(message, "src_port", 0),
		.dst_port = (uint16_t)cr_domain_get(message, "dst_port", 0),
	};
	read_address(json_object_get(message, "src_addr"), ret->src);
	read_address(json_object_get(message, "dst_addr"), ret->dst);
}

/* Called for the ports; the first of them brings the socket. */
static struct cr_error *add(void *arg, const struct cr_mean_at *at,
			    json_t *value, json_t **ret)
{
	struct cr_sockets *all = arg;
	if (at->plan->desc != &inet_sk_entry__descriptor ||
	    strcmp(at->field->name, "src_port"))
		return NULL;
	if (all->nr == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 64;
		void *more =
			realloc(all->socket, cap * sizeof(all->socket[0]));
		if (!more)
			return cr_enomem;
		all->socket = more;
		all->cap = cap;
	}
	cr_socket_read(at->message, &all->socket[all->nr++]);
	return NULL;
}

/* By what a connection is known by. */
static int compare(const void *a, const void *b)
{
	const struct cr_socket *x = a, *y = b;
	int c = memcmp(x->src, y->src, sizeof(x->src));
	if (!c)
		c = memcmp(x->dst, y->dst, sizeof(x->dst));
	if (!c)
		c = (int)x->src_port - (int)y->src_port;
	if (!c)
		c = (int)x->dst_port - (int)y->dst_port;
	return c ? c : (x->proto > y->proto) - (x->proto < y->proto);
}

struct cr_error *cr_sockets_load(const struct cr_domain *d,
				 struct cr_sockets *ret)
{
	*ret = (struct cr_sockets){ 0 };
	struct cr_error *err = cr_mean_look(cr_change_set(d->change),
					    CR_MEANING(CR_MEANS_PORT), add, ret);
	if (!err && ret->nr)
		qsort(ret->socket, ret->nr, sizeof(ret->socket[0]), compare);
	return err;
}

void cr_sockets_free(struct cr_sockets *sockets)
{
	free(sockets->socket);
}

const struct cr_socket *cr_sockets_peer(const struct cr_sockets *sockets,
					const struct cr_socket *s)
{
	struct cr_socket other = { .proto = s->proto,
				   .src_port = s->dst_port,
				   .dst_port = s->src_port };
	memcpy(other.src, s->dst, sizeof(other.src));
	memcpy(other.dst, s->src, sizeof(other.dst));
	if (!s->dst_port || !sockets->nr)
		return NULL;
	return bsearch(&other, sockets->socket, sockets->nr, sizeof(other),
		       compare);
}
