// SPDX-License-Identifier: MIT
/*
 * The inside of redacting: what the functions of kinds share. Nothing outside
 * lib/ops/redact includes this but lib/ops/redact/redact.c's table.
 */
#ifndef CR_LIB_OPS_REDACT_IMPL_H
#define CR_LIB_OPS_REDACT_IMPL_H

#include "lib/ops/redact.h"
#include "lib/ops/redact/alias.h"

/* Kinds of memory, as bits. */
enum cr_redact_memory {
	CR_REDACT_ANON = 1,
	CR_REDACT_HEAP = 2,
	CR_REDACT_STACK = 4,
	CR_REDACT_SHARED = 8,
	CR_REDACT_FILE = 16,
	CR_REDACT_OTHER = 32, /* what is none of these: vdso, rings, ... */
	CR_REDACT_ALL = 63,
};

struct cr_redact {
	struct cr_change *change;
	const struct cr_redact_opts *opts;
	unsigned memory; /* enum cr_redact_memory */
	struct cr_alias alias;
	json_t *gaps;
	struct cr_redact_row *row; /* of the kind at hand */
};

typedef struct cr_error *cr_redact_fn(struct cr_redact *r);

cr_redact_fn cr_redact_keys, cr_redact_registers, cr_redact_names,
	cr_redact_comm, cr_redact_hosts, cr_redact_addresses, cr_redact_labels;
cr_redact_fn cr_redact_queues, cr_redact_pipes, cr_redact_tty,
	cr_redact_ghosts, cr_redact_ipc;
cr_redact_fn cr_redact_env, cr_redact_cmd, cr_redact_some_memory,
	cr_redact_pattern;
cr_redact_fn cr_redact_netdumps, cr_redact_tmpfs, cr_redact_logs,
	cr_redact_metadata;

/* A part of cr_redact_ipc(): texts of message queues. */
cr_redact_fn cr_redact_messages;

/** Adds a line to what is not covered. */
struct cr_error *cr_redact_gap(struct cr_redact *r, const char *fmt, ...)
	CR_PRINTF(2, 3) CR_MUST_CHECK;

/** True if a path is to stay: it is below what is kept, or of the system. */
bool cr_redact_keeps(const struct cr_redact *r, const char *path, size_t size);

/** Calls fn for every file that is there when it is called, which may change
 * them. */
struct cr_error *cr_redact_each_file(struct cr_redact *r,
				     struct cr_error *(*fn)(struct cr_redact *r,
							    void *arg,
							    const char *name),
				     void *arg) CR_MUST_CHECK;

/** Zeros in a file; a hole where they are many. */
struct cr_error *cr_redact_zero(int fd, uint64_t off, uint64_t size)
	CR_MUST_CHECK;

/** Whether a word is in a list separated by commas. */
bool cr_redact_lists(const char *list, const char *word);

#endif
