// SPDX-License-Identifier: MIT
/*
 * What a host has that a restore may need, as facts: cr_host_probe() reads them
 * here; a test fills them in.
 *
 * What the processor is, lib/machine knows. Facts: man 5 proc, man 7
 * capabilities.
 */
#ifndef CR_LIB_OPS_HOST_H
#define CR_LIB_OPS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct cr_host {
	const char *march; /* as the core image's enum names it; NULL: other */
	uint32_t page_size;
	uint32_t pid_max;
	bool can_set_pids; /* CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN */
	bool has_set_tid;  /* clone3 with chosen pids: Linux 5.5 */
	bool has_userfaultfd, has_timens, has_rseq;
	bool selinux, apparmor;
	uint64_t hwcap, hwcap2; /* of the auxiliary vector */
	uint64_t xstate;	/* x86: components the processor has */

	/* /proc/self/cgroup, with the names of all hierarchies. */
	char *cgroups;

	uint32_t *pid; /* of all threads, ascending */
	size_t nr_pids;
	uint32_t *port; /* family << 16 | TCP port that is listened on, ascending */
	size_t nr_ports;
};

/** Reads this host's. Fails with NOMEM, or SYSTEM if there is no /proc. */
struct cr_error *cr_host_probe(struct cr_host *ret) CR_MUST_CHECK;

/** Accepts zeroed facts. */
void cr_host_deinit(struct cr_host *host);

/** Whether there is a control group hierarchy of this name: a controller,
 * "name=systemd", or "" for that of version 2. */
bool cr_host_has_cgroup(const struct cr_host *host, const char *name);

#endif
