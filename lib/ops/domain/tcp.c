// SPDX-License-Identifier: MIT
//
// Closes TCP connections: the socket becomes one that was never bound, and its
// stream is dropped. A socket with dst_port is connected for CRIU, and one with
// src_port is bound, which would fail where another one listens (CRIU
// criu/sk-inet.c, v4.2). The program finds it as after a reset.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/sk-inet.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/codec/present.h"
#include "lib/ops/domain/sockets.h"

enum { TCP = 6 };

/* ADDRESS:PORT, either of which may be missing. */
struct filter {
	uint32_t address[4];
	bool has_address;
	uint64_t port; /* 0: any */
	uint64_t hits;
};

struct edit {
	const struct cr_domain *d;
	struct filter *filter;
	size_t nr;
	uint32_t *ino;		   /* of those that were closed */
	size_t nr_closed, cap;
};

static struct cr_error *parse(const char *text, struct filter *f)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	unsigned nr = 0;
	uint32_t words[4];
	/* [::1]:80, 10.0.0.1:80, ::1 */
	bool bare6 = colon && memchr(text, ':', n) && *text != '[';
	if (bare6 || !colon) {
		n = strlen(text);
		colon = NULL;
	}
	if (!colon && cr_domain_number(text, 1, 65535, &f->port))
		return NULL;
	bool bracket = *text == '[' && n > 1 && text[n - 1] == ']';
	if (n) {
		struct cr_error *err = cr_present_parse_address(
			text + bracket, n - 2 * bracket, words, &nr);
		f->has_address = true;
		if (err) {
			cr_error_free(err);
			nr = 0;
		}
	}
	if ((n && !nr) ||
	    (colon && !cr_domain_number(colon + 1, 1, 65535, &f->port)))
		return cr_error_new(CR_ERR_USAGE, "'%s': need ADDRESS, PORT or "
						  "ADDRESS:PORT",
				    text);
	if (nr == 1)
		f->address[2] = 0xffff0000u;
	memcpy(f->address + 4 - nr, words, nr * sizeof(words[0]));
	return NULL;
}

static bool fits_end(const struct filter *f, const uint32_t *address,
		     uint16_t port)
{
	return (!f->port || f->port == port) &&
	       (!f->has_address ||
		!memcmp(f->address, address, sizeof(f->address)));
}

/* Both ends of a connection fit the same filters. */
static bool is_meant(struct edit *e, const struct cr_socket *s)
{
	bool meant = !e->nr;
	for (size_t i = 0; i < e->nr; i++) {
		struct filter *f = &e->filter[i];
		if (!fits_end(f, s->src, s->src_port) &&
		    !fits_end(f, s->dst, s->dst_port))
			continue;
		f->hits++;
		meant = true;
	}
	return meant;
}

static bool is_connected(const struct cr_socket *s)
{
	return s->proto == TCP && s->state != CR_TCP_LISTEN &&
	       (s->dst_port || s->state != CR_TCP_CLOSE);
}

static struct cr_error *zero(json_t *message, const char *key)
{
	json_t *list = json_object_get(message, key);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_array_set_new(list, i, json_integer(0)))
			return cr_enomem;
	return NULL;
}

static struct cr_error *close_socket(struct edit *e,
				     const struct cr_socket *s,
				     json_t *message)
{
	if (e->nr_closed == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 64;
		void *more = realloc(e->ino, e->cap * sizeof(e->ino[0]));
		if (!more)
			return cr_enomem;
		e->ino = more;
	}
	e->ino[e->nr_closed++] = s->ino;
	struct cr_error *err = zero(message, "src_addr");
	if (!err)
		err = zero(message, "dst_addr");
	if (!err && (json_object_set_new(message, "state",
					 json_integer(CR_TCP_CLOSE)) ||
		     json_object_set_new(message, "dst_port", json_integer(0)) ||
		     json_object_set_new(message, "backlog", json_integer(0))))
		err = cr_enomem;
	json_object_del(message, "shutdown");
	return err;
}

static struct cr_error *on_port(void *arg, const struct cr_mean_at *at,
				json_t *value, json_t **ret)
{
	struct edit *e = arg;
	struct cr_socket s;
	if (at->plan->desc != &inet_sk_entry__descriptor ||
	    strcmp(at->field->name, "src_port"))
		return NULL;
	cr_socket_read(at->message, &s);
	if (!is_connected(&s) || !is_meant(e, &s))
		return NULL;
	/* The other port, which is visited next, is changed here. */
	struct cr_error *err = close_socket(e, &s, at->message);
	*ret = json_integer(0);
	return err ? err : *ret ? NULL : cr_enomem;
}

static struct cr_error *drop_streams(struct edit *e)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; i < e->nr_closed && !err; i++) {
		char name[48];
		snprintf(name, sizeof(name), "tcp-stream-%x.img", e->ino[i]);
		err = cr_change_remove(e->d->change, name);
		cr_error_catch(&err, CR_ERR_NOT_FOUND);
	}
	return err;
}

static struct cr_error *check_met(const struct edit *e, char *const *word)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; i < e->nr && !err; i++)
		if (!e->filter[i].hits)
			err = cr_domain_missing(e->d,
						"no connection with an end "
						"'%s'",
						word[i]);
	if (!err && !e->nr && !e->nr_closed)
		err = cr_domain_missing(e->d, "no TCP connection is open");
	return err;
}

struct cr_error *cr_domain_tcp(const struct cr_domain *d, char *const *word,
			       size_t nr)
{
	struct edit e = { .d = d, .nr = nr - 1 };
	struct cr_error *err = NULL;
	if (strcmp(word[0], "close"))
		return cr_error_new(CR_ERR_USAGE, "tcp takes 'close'");
	word++;
	cr_auto_free struct filter *filter = calloc(nr, sizeof(filter[0]));
	e.filter = filter;
	if (!filter)
		return cr_enomem;
	for (size_t i = 0; i < e.nr && !err; i++)
		err = parse(word[i], &filter[i]);
	if (!err)
		err = cr_mean_each(d->change, CR_MEANING(CR_MEANS_PORT), on_port,
				   &e);
	if (!err)
		err = drop_streams(&e);
	if (!err)
		err = check_met(&e, word);
	free(e.ino);
	return err;
}
