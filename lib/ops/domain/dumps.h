// SPDX-License-Identifier: MIT
/*
 * The network's dumps that are no images: what iproute2, iptables-save and nft
 * wrote. They are searched, not changed.
 */
#ifndef CR_LIB_OPS_DOMAIN_DUMPS_H
#define CR_LIB_OPS_DOMAIN_DUMPS_H

#include "lib/ops/domain/inside.h"

/** Remarks on every dump that has the address: `text` in those that are text,
 * the bytes in the others. */
struct cr_error *cr_dumps_find_address(const struct cr_domain *d,
				       const char *text, const void *bytes,
				       size_t size) CR_MUST_CHECK;

/** The same for a port. */
struct cr_error *cr_dumps_find_port(const struct cr_domain *d, uint16_t port)
	CR_MUST_CHECK;

#endif
