// SPDX-License-Identifier: MIT
/*
 * Edits that know what they change, and keep all images of a checkpoint
 * consistent: paths, addresses, process ids, control groups, mounts and so on.
 * Each is a function in lib/ops/domain/NAME.c that takes words as a person
 * writes them and makes the change pending.
 *
 * What is to be different is found by the meanings of fields (lib/ops/mean.h);
 * what those do not say is in the edit. What an edit knows that it leaves as it
 * is, such as copies in memory, it remarks on.
 *
 * All of them fail with USAGE: the words make no sense; NOT_FOUND: nothing is
 * meant by them; FORMAT: a value does not fit, or an image is broken;
 * UNSUPPORTED: it could not be restored. The change is to be given up then.
 */
#ifndef CR_LIB_OPS_DOMAIN_H
#define CR_LIB_OPS_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/ops/change.h"

enum cr_domain_side {
	CR_SIDE_BOTH,
	CR_SIDE_SRC,
	CR_SIDE_DST,
	CR_SIDE_LISTEN,
};

struct cr_domain {
	struct cr_change *change;
	bool if_exists;	     /* what is not there is no error */
	const char *sysroot; /* NULL: none was given */
	const uint32_t *pid; /* of these processes only */
	size_t nr_pids;	     /* 0: of all */
	int64_t offset;	     /* pid: added to every id; 0: none */
	enum cr_domain_side side; /* port: which end */
	/* Takes one line of text, safe to print. NULL: nobody listens. */
	void (*remark)(void *arg, const char *text);
	void *arg;
};

typedef struct cr_error *cr_domain_fn(const struct cr_domain *d,
				      char *const *word, size_t nr);

/* OLD=NEW...: files, mounts, names of unix sockets, control groups. */
cr_domain_fn cr_domain_path;
/* OLD=NEW...: IPv4 and IPv6 addresses of sockets and devices. */
cr_domain_fn cr_domain_ip;
/* OLD=NEW...: ports of sockets. */
cr_domain_fn cr_domain_port;
/* OLD=NEW..., or the name of a file with a pair a line. */
cr_domain_fn cr_domain_pid;
/* NAME=VALUE..., or NAME- to unset it. */
cr_domain_fn cr_domain_env;
/* [CONTROLLER:]OLD=NEW..., or "strip" [CONTROLLER...]. */
cr_domain_fn cr_domain_cgroup;
/* MOUNTPOINT or id, then KEY=VALUE... */
cr_domain_fn cr_domain_mount;
/* OLD=NEW..., LABEL, or "clear". */
cr_domain_fn cr_domain_lsm;
/* NAME=SOFT:HARD... */
cr_domain_fn cr_domain_rlimit;
/* KEY=VALUE... */
cr_domain_fn cr_domain_cred;
/* host=NAME domain=NAME */
cr_domain_fn cr_domain_uts;
/* "close" [ADDRESS:PORT...] */
cr_domain_fn cr_domain_tcp;
/* "refresh" or "clear", [PATH...] */
cr_domain_fn cr_domain_file_check;

#endif
