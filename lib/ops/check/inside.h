// SPDX-License-Identifier: MIT
/*
 * The inside of cr_check(): what topics share. Nothing outside lib/ops/check*
 * uses this.
 *
 * A failure (no memory, say) is kept in `err` and ends the check; a topic looks
 * at it in its loops. Everything that is wrong with images is a finding.
 */
#ifndef CR_LIB_OPS_CHECK_INSIDE_H
#define CR_LIB_OPS_CHECK_INSIDE_H

#include <stdio.h>

#include "images/core.pb-c.h"
#include "images/inventory.pb-c.h"
#include "lib/image/files.h"
#include "lib/image/process.h"
#include "lib/image/pstree.h"
#include "lib/ops/check.h"

typedef unsigned long long ull;

/* Numbers to look up, each perhaps several times. */
struct cr_keys {
	uint64_t *key;
	size_t nr, cap;
	bool sorted;
};

void cr_keys_free(struct cr_keys *keys);
/** False if there is no memory. */
bool cr_keys_add(struct cr_keys *keys, uint64_t key);
void cr_keys_sort(struct cr_keys *keys);
/** Sorts them if they are not. */
bool cr_keys_has(struct cr_keys *keys, uint64_t key);

static inline uint64_t cr_key(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

/** Sorts them, and leaves each once. */
void cr_keys_unique(struct cr_keys *keys);

/* A file of the checkpoint. */
struct cr_check_name {
	char *name;
	bool used;   /* something leads to it */
	bool broken; /* that has been said */
};

/* A process, by its place in pstree.img. */
struct cr_check_task {
	uint32_t pid;
	bool has_core;
	bool zombie;
	TaskKobjIdsEntry *ids; /* NULL: none */
};

struct cr_check {
	struct cr_set *set;
	const struct cr_check_opts *opts;
	cr_check_fn *fn;
	void *arg;
	struct cr_check_result *result;
	struct cr_error *err;

	struct cr_check_name *name; /* sorted */
	size_t nr_names, cap_names;

	InventoryEntry *inventory; /* NULL: none that can be read */
	struct cr_pstree tree;
	struct cr_check_task *task; /* as many as the tree has */
	struct cr_files files;
	bool no_files; /* they cannot be read, which has been said */
	struct cr_keys mounts; /* mnt_ids of all namespaces */
	struct cr_keys roots;  /* those of the mounts at / */
	bool has_mounts;
	uint32_t march;	    /* of the first core image; 0: none */
	uint32_t page_size; /* of the last address space; 0: none */
	bool lazy;	    /* pages are to be sent later */
	/* What the processor has to have. */
	uint64_t xstate, hwcap, hwcap2;
	bool pac_address, pac_generic, gcs, rseq;
};

/** Keeps a failure; NULL is none. */
void cr_check_fail(struct cr_check *c, struct cr_error *err);

/** What a walk's callback returns: once there is a failure, which stays where
 * it is, anything that ends the walk. */
struct cr_error *cr_check_stop(const struct cr_check *c) CR_MUST_CHECK;

/** What a walk returned: an image that is broken, or what ended it. */
void cr_check_walked(struct cr_check *c, struct cr_error *err);

#define CR_NO_ENTRY (-1)

/** A finding. image may be NULL. */
void cr_check_found(struct cr_check *c, enum cr_rule rule, const char *image,
		    int64_t entry, const char *fmt, ...) CR_PRINTF(5, 6);

/** An error as a finding, its image and entry taken from its text; what is no
 * fault of the images is kept as a failure. */
void cr_check_took(struct cr_check *c, enum cr_rule rule,
		   struct cr_error *err);

/** The file, or NULL; it is used from here on. */
struct cr_check_name *cr_check_name(struct cr_check *c, const char *fmt, ...)
	CR_PRINTF(2, 3);

/** The first message of an image, or NULL: it is not there, or broken, which
 * has been said. Free with cr_message_free(). */
void *cr_check_message(struct cr_check *c,
		       const ProtobufCMessageDescriptor *desc, const char *fmt,
		       ...) CR_PRINTF(3, 4);

/** All messages, in the same way. */
void cr_check_messages(struct cr_check *c,
		       const ProtobufCMessageDescriptor *desc,
		       struct cr_messages *ret, const char *fmt, ...)
	CR_PRINTF(4, 5);

/** True if there is such a file, or if the files cannot be read. */
bool cr_check_has_file(const struct cr_check *c, uint32_t type, uint64_t id);

/** True if a process is in a namespace that is not that of the dumper; the
 * field is that of task_kobj_ids_entry. */
bool cr_check_own_ns(const struct cr_check *c,
		     const struct cr_check_task *task, const char *field,
		     uint32_t *id_ret);

/* The topics, in their order. */
void cr_check_images(struct cr_check *c);
void cr_check_tree(struct cr_check *c);
void cr_check_tasks(struct cr_check *c);
void cr_check_namespaces(struct cr_check *c);
void cr_check_files(struct cr_check *c);
void cr_check_maps(struct cr_check *c);
void cr_check_pages(struct cr_check *c);
void cr_check_disk(struct cr_check *c);
void cr_check_needs(struct cr_check *c);
void cr_check_old(struct cr_check *c);
void cr_check_unreferenced(struct cr_check *c);

/* cpu.c: the cores of one process, the leader's first. */
void cr_check_cpu(struct cr_check *c, const CoreEntry *leader,
		  const CoreEntry *core, const char *image);

#endif
