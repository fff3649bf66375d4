// SPDX-License-Identifier: MIT
/*
 * The IP sockets of a checkpoint, and which of them are two ends of one
 * connection.
 */
#ifndef CR_LIB_OPS_DOMAIN_SOCKETS_H
#define CR_LIB_OPS_DOMAIN_SOCKETS_H

#include "lib/ops/domain/inside.h"

enum { CR_TCP_ESTABLISHED = 1, CR_TCP_CLOSE = 7, CR_TCP_LISTEN = 10 };

/* Addresses as four words, IPv4 behind ::ffff:. */
struct cr_socket {
	uint32_t src[4], dst[4];
	uint32_t id, ino, ns, proto, state;
	uint16_t src_port, dst_port;
};

struct cr_sockets {
	struct cr_socket *socket;
	size_t nr, cap;
};

/** Collects them, as they are now. */
struct cr_error *cr_sockets_load(const struct cr_domain *d,
				 struct cr_sockets *ret) CR_MUST_CHECK;

/** Accepts zeroed ones. */
void cr_sockets_free(struct cr_sockets *sockets);

/** A socket from its message. */
void cr_socket_read(const json_t *message, struct cr_socket *ret);

/** The other end of its connection, or NULL if that is elsewhere. */
const struct cr_socket *cr_sockets_peer(const struct cr_sockets *sockets,
					const struct cr_socket *s);

#endif
