// SPDX-License-Identifier: MIT
/*
 * What a container engine has written beside the images of its checkpoint:
 * which engine it was, and which container.
 *
 * Sources: github.com/checkpoint-restore/checkpointctl, lib/metadata.go (config.dump,
 * spec.dump, status); annotations as Podman 5 (io.container.manager), CRI-O 1.30
 * (pkg/annotations) and containerd 2.0 (internal/cri/annotations) write them.
 */
#ifndef CR_LIB_STORE_CONTAINER_H
#define CR_LIB_STORE_CONTAINER_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/store/store.h"

/* What is not known is NULL or 0. Texts are UTF-8. */
struct cr_container {
	const char *engine; /* "podman", "cri-o", "containerd"; "criu" if no
			     * engine has left anything; NULL: another one */
	char *id, *name, *image, *runtime;
	char *pod, *namespace; /* of Kubernetes */
	int64_t created, checkpointed; /* seconds since 1970 */
};

/**
 * Reads it. What is broken is a finding of the store and else as if it were not
 * there; so only NOMEM and SYSTEM are returned. Free with
 * cr_container_deinit().
 */
struct cr_error *cr_container_init(struct cr_container *c,
				   struct cr_store *store) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_container_deinit(struct cr_container *c);

#endif
