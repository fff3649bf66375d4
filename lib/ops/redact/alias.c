// SPDX-License-Identifier: MIT
#include "lib/ops/redact/alias.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/qp.h"
#include "lib/base/utf8.h"

// clang-format off
static const struct {
	char letter;
	const char *title; /* in the map */
} texts[CR_ALIAS_NR_TEXTS] = {
	[CR_ALIAS_NAME]  = { 'n', "names" },
	[CR_ALIAS_HOST]  = { 'h', "hosts" },
	[CR_ALIAS_LABEL] = { 'l', "labels" },
	[CR_ALIAS_COMM]  = { 't', "threads" },
};
// clang-format on

struct cr_error *cr_alias_init(struct cr_alias *a)
{
	*a = (struct cr_alias){ .nets = json_object(),
				.addresses = json_object() };
	bool good = a->nets && a->addresses;
	for (unsigned i = 0; i < CR_ALIAS_NR; i++)
		good &= (a->map[i] = json_object()) != NULL;
	return good ? NULL : cr_enomem;
}

void cr_alias_deinit(struct cr_alias *a)
{
	for (unsigned i = 0; i < CR_ALIAS_NR; i++)
		json_decref(a->map[i]);
	json_decref(a->nets);
	json_decref(a->addresses);
	*a = (struct cr_alias){ 0 };
}

/* The number of a key, from 1 on. */
static struct cr_error *number_of(json_t *map, const char *key, uint64_t *ret)
{
	json_t *known = json_object_get(map, key);
	*ret = known ? (uint64_t)json_integer_value(known) :
		       json_object_size(map) + 1;
	if (!known &&
	    json_object_set_new_nocheck(map, key, json_integer((json_int_t)*ret)))
		return cr_enomem;
	return NULL;
}

/* ---- text ---- */

/* JSON has no other keys than text: what is none is quoted, and what could be
 * taken for that as well. */
static char *make_key(const char *name, size_t size)
{
	if (cr_utf8_valid(name, size) && !(size && name[0] == '='))
		return strndup(name, size);
	char *key = malloc(cr_qp_room(size) + 1);
	if (key)
		*cr_qp_put_bytes(key, (const uint8_t *)name, size) = 0;
	return key;
}

struct cr_error *cr_alias_text(struct cr_alias *a, enum cr_alias_class class,
			       const char *name, size_t size,
			       struct cr_out *out)
{
	char text[32];
	uint64_t nr;
	cr_auto_free char *key = make_key(name, size);
	if (!key)
		return cr_enomem;
	struct cr_error *err = number_of(a->map[class], key, &nr);
	if (err)
		return err;
	int n = snprintf(text, sizeof(text), "%c%llu", texts[class].letter,
			 (unsigned long long)nr);
	return cr_out_put(out, text, (size_t)n);
}

static bool is_dots(const char *name, size_t size)
{
	return (size == 1 && name[0] == '.') ||
	       (size == 2 && name[0] == '.' && name[1] == '.');
}

struct cr_error *cr_alias_parts(struct cr_alias *a, enum cr_alias_class class,
				const char *name, size_t size, const char *seps,
				struct cr_out *out)
{
	struct cr_error *err = NULL;
	size_t i = 0;
	while (!err && i < size) {
		size_t start = i;
		while (i < size && name[i] && !strchr(seps, name[i]))
			i++;
		if (is_dots(name + start, i - start))
			err = cr_out_put(out, name + start, i - start);
		else if (i > start)
			err = cr_alias_text(a, class, name + start, i - start,
					    out);
		if (!err && i < size)
			err = cr_out_put(out, &name[i++], 1);
	}
	return err;
}

/* ---- addresses ---- */

/* For who has the map. */
static struct cr_error *remember(struct cr_alias *a, int family,
				 const void *old, const void *new_)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	inet_ntop(family, old, from, sizeof(from));
	inet_ntop(family, new_, to, sizeof(to));
	if (json_object_set_new(a->addresses, from, json_string(to)))
		return cr_enomem;
	return NULL;
}

static void to_hex(char *text, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", data[i]);
	text[2 * size] = 0;
}

/* The number of a host in its network, in the order they were met. */
static struct cr_error *host_in_net(struct cr_alias *a, json_t *hosts,
				    const char *net, const char *host,
				    uint64_t *ret)
{
	json_t *known = json_object_get(hosts, host);
	if (known) {
		*ret = (uint64_t)json_integer_value(known);
		return NULL;
	}
	json_int_t nr = json_integer_value(json_object_get(a->nets, net)) + 1;
	if (json_object_set_new(a->nets, net, json_integer(nr)) ||
	    json_object_set_new(hosts, host, json_integer(nr)))
		return cr_enomem;
	*ret = (uint64_t)nr;
	return NULL;
}

/* Networks are 10.0.0, 10.0.1 and so on; there are more than 65536 in nothing
 * but a checkpoint made for that. */
static struct cr_error *place_net4(uint64_t nr, uint8_t ip[4])
{
	uint64_t first = 10 + ((nr - 1) >> 16);
	first += first >= 127;
	if (first > 223)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "more networks than there are addresses");
	ip[0] = (uint8_t)first;
	ip[1] = (uint8_t)((nr - 1) >> 8);
	ip[2] = (uint8_t)(nr - 1);
	return NULL;
}

struct cr_error *cr_alias_ip4(struct cr_alias *a, uint8_t ip[4])
{
	char net[16], host[16];
	uint8_t old[4];
	uint64_t nr, in_net = ip[3];
	if (ip[0] == 0 || ip[0] == 127 || ip[0] >= 224)
		return NULL;
	memcpy(old, ip, 4);
	to_hex(net, ip, 3);
	to_hex(host, ip, 4);
	struct cr_error *err = number_of(a->map[CR_ALIAS_NET4], net, &nr);
	/* The network's own address and its broadcast address stay such. */
	if (!err && ip[3] != 0 && ip[3] != 255)
		err = host_in_net(a, a->map[CR_ALIAS_HOST4], net, host,
				  &in_net);
	if (!err)
		err = place_net4(nr, ip);
	ip[3] = (uint8_t)in_net;
	return err ? err : remember(a, AF_INET, old, ip);
}

static void put_be(uint8_t *to, uint64_t value, unsigned size)
{
	for (unsigned i = size; i-- > 0; value >>= 8)
		to[i] = (uint8_t)value;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	while (size && !*data) {
		data++;
		size--;
	}
	return !size;
}

struct cr_error *cr_alias_ip6(struct cr_alias *a, uint8_t ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	char net[24], host[40];
	uint8_t old[16];
	uint64_t nr, in_net = 0;
	if (!memcmp(ip, mapped, 12))
		return cr_alias_ip4(a, ip + 12);
	if (ip[0] == 0xff || (is_zero(ip, 15) && ip[15] <= 1))
		return NULL;
	memcpy(old, ip, 16);
	to_hex(net, ip, 8);
	to_hex(host, ip, 16);
	struct cr_error *err = number_of(a->map[CR_ALIAS_NET6], net, &nr);
	if (!err && !is_zero(ip + 8, 8))
		err = host_in_net(a, a->map[CR_ALIAS_HOST6], net, host,
				  &in_net);
	/* Link-local ones stay such; all others are for documentation. */
	if (ip[0] != 0xfe || (ip[1] & 0xc0) != 0x80) {
		memcpy(ip, "\x20\x01\x0d\xb8", 4);
		put_be(ip + 4, nr, 4);
	}
	put_be(ip + 8, in_net, 8);
	return err ? err : remember(a, AF_INET6, old, ip);
}

struct cr_error *cr_alias_mac(struct cr_alias *a, uint8_t *mac, size_t size)
{
	char key[2 * 32 + 1], to[2 * 32 + 1];
	uint64_t nr;
	size_t ones = 0;
	while (ones < size && mac[ones] == 0xff)
		ones++;
	if (size > 32 || is_zero(mac, size) || ones == size)
		return NULL;
	to_hex(key, mac, size);
	struct cr_error *err = number_of(a->map[CR_ALIAS_MAC], key, &nr);
	memset(mac, 0, size);
	put_be(mac, nr, (unsigned)size);
	if (size > 4)
		mac[0] = 2; /* administered locally */
	to_hex(to, mac, size);
	if (!err && json_object_set_new(a->addresses, key, json_string(to)))
		err = cr_enomem;
	return err;
}

/* ---- the map ---- */

static struct cr_error *dump_texts(const struct cr_alias *a, unsigned class,
				   json_t *ret)
{
	const char *key;
	json_t *nr, *all = json_object();
	if (!all || json_object_set_new(ret, texts[class].title, all))
		return cr_enomem;
	json_object_foreach(a->map[class], key, nr) {
		json_t *to = json_sprintf("%c%lld", texts[class].letter,
					  (long long)json_integer_value(nr));
		if (json_object_set_new(all, key, to))
			return cr_enomem;
	}
	return NULL;
}

struct cr_error *cr_alias_dump(const struct cr_alias *a, json_t **ret)
{
	json_t *all = json_object();
	struct cr_error *err = all ? NULL : cr_enomem;
	for (unsigned i = 0; i < CR_ALIAS_NR_TEXTS && !err; i++)
		err = dump_texts(a, i, all);
	if (!err && json_object_set(all, "addresses", a->addresses))
		err = cr_enomem;
	if (err)
		json_decref(all);
	else
		*ret = all;
	return err;
}
