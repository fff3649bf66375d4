// SPDX-License-Identifier: MIT
/*
 * Other names for names, one-to-one: the same one gets the same, different ones
 * get different ones, numbered as they come. Addresses stay addresses of their
 * family, and those of one network stay together.
 */
#ifndef CR_LIB_OPS_REDACT_ALIAS_H
#define CR_LIB_OPS_REDACT_ALIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/base/out.h"

enum cr_alias_class {
	CR_ALIAS_NAME,	/* of a file, a control group, a socket: n1 */
	CR_ALIAS_HOST,	/* h1 */
	CR_ALIAS_LABEL, /* l1 */
	CR_ALIAS_COMM,	/* t1 */
	CR_ALIAS_NR_TEXTS,
	CR_ALIAS_NET4 = CR_ALIAS_NR_TEXTS, /* 24 bits */
	CR_ALIAS_NET6,			   /* 64 bits */
	CR_ALIAS_HOST4,			   /* within its network */
	CR_ALIAS_HOST6,
	CR_ALIAS_MAC,
	CR_ALIAS_NR,
};

struct cr_alias {
	json_t *map[CR_ALIAS_NR]; /* old text: number */
	json_t *nets;		  /* network: hosts it has */
	json_t *addresses;	  /* old text: new text */
};

struct cr_error *cr_alias_init(struct cr_alias *a) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_alias_deinit(struct cr_alias *a);

/** Appends the other name of `name`. */
struct cr_error *cr_alias_text(struct cr_alias *a, enum cr_alias_class class,
			       const char *name, size_t size,
			       struct cr_out *out) CR_MUST_CHECK;

/** The same for each part of a name that is made of parts, which stand between
 * any of the given bytes, and NUL. "." and ".." stay. */
struct cr_error *cr_alias_parts(struct cr_alias *a, enum cr_alias_class class,
				const char *name, size_t size, const char *seps,
				struct cr_out *out) CR_MUST_CHECK;

/** Addresses in network order, changed where they are; those that say nothing of
 * a host (any, loopback, multicast) stay. UNSUPPORTED: there are no more. */
struct cr_error *cr_alias_ip4(struct cr_alias *a, uint8_t ip[4]) CR_MUST_CHECK;
struct cr_error *cr_alias_ip6(struct cr_alias *a, uint8_t ip[16]) CR_MUST_CHECK;
struct cr_error *cr_alias_mac(struct cr_alias *a, uint8_t *mac, size_t size)
	CR_MUST_CHECK;

/** All there is: {"names": {...}, "hosts": ..., "addresses": ...}. */
struct cr_error *cr_alias_dump(const struct cr_alias *a, json_t **ret)
	CR_MUST_CHECK;

#endif
