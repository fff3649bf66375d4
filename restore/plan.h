// SPDX-License-Identifier: MIT
/*
 * What is to be restored: the images of a checkpoint, read and checked.
 *
 * Making a plan creates nothing and needs no privileges. What cannot be restored
 * is refused, each error naming image and entry; planning goes on as long as it
 * can, so that all of it is found. A plan holds everything that
 * the steps need, so that they read no images but pages. It is made by the
 * controller and seen by each process in its own copy; the parts marked "run"
 * are filled then.
 */
#ifndef CR_RESTORE_PLAN_H
#define CR_RESTORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "images/core.pb-c.h"
#include "images/fdinfo.pb-c.h"
#include "images/file-lock.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/inventory.pb-c.h"
#include "images/seccomp.pb-c.h"
#include "lib/image/files.h"
#include "lib/image/ghost.h"
#include "lib/image/process.h"
#include "lib/image/pstree.h"
#include "lib/image/set.h"
#include "lib/pages/reader.h"
#include "restore/options.h"

struct cr_fd_kind;
struct cr_rplan;
struct cr_proc;
struct cr_shared;
struct cr_soon;
struct cr_early;
struct cr_maps;
struct cr_memfds;
struct cr_pipes;
struct cr_ttys;
struct cr_keys;

/* An open file of the checkpoint: what descriptors, mappings and working
 * directories refer to. */
struct cr_ofile {
	uint32_t type, id;
	const struct cr_fd_kind *kind;
	struct cr_opened opened; /* opened.msg is of the kind's type */
	const char *image;	 /* where it stands */
	bool is_fd;		 /* some process has it as a descriptor */
	bool is_mapped;		 /* or has mapped it */
	bool refused;		 /* and is not looked at any more */
	bool is_place;		 /* or is in it, or it is its root or program */
	const FownEntry *fown;	 /* who gets signals, or NULL */
	uint32_t flags;		 /* as in the image, if has_flags */
	bool has_flags;
	int inherited;		 /* of --inherit-fd; -1: none */
	const struct cr_proc *first; /* that has it as a descriptor */
	int first_fd;		     /* and its number there */
	/* run: */
	int fd; /* -1: not open; see fd/fds.h */
	bool opening;
	void *data; /* the kind's */
};

/* A descriptor of a process. */
struct cr_pfd {
	const FdinfoEntry *entry;
	struct cr_ofile *file;
};

/* A mapping that is to be made. */
struct cr_mapping {
	const VmaEntry *vma;
	struct cr_ofile *file; /* NULL: anonymous */
	size_t i;	       /* in the image */
	bool filled;	       /* has pages of its own */
	bool wiped;	       /* or had, and is to be zeroed: --wipe-on-fork */
	bool inherited;	       /* run: forked with the parent's */
	bool early;	       /* run: made before the process, see map.c */
};

struct cr_thread {
	struct cr_proc *proc;
	uint32_t vtid;
	struct cr_messages messages;
	const CoreEntry *core;
	bool has_our_creds;
	bool has_keys; /* in plan->keys->view, at */
	size_t keys;
	/* run: */
	pid_t tid;	  /* as the controller sees it; 0: not seized */
	bool by_syscalls; /* inject with system call stops, see inject.h */
	bool comparing; /* see cr_tracee_put() */
	pid_t cloned; /* by the last injected call */
	uint32_t vectors; /* the processor's: their length; 0: not known */
};

struct cr_proc {
	size_t i; /* in plan->proc */
	const struct cr_task *task;
	struct cr_proc *parent; /* NULL: the root */
	uint32_t vpid;
	struct cr_thread *thread; /* [0]: the leader */
	size_t nr_threads;
	const CoreEntry *core; /* of the leader */
	bool unread;	       /* refused: what follows may be missing */
	bool zombie;	       /* has none of the following */
	TaskKobjIdsEntry *ids;
	FsEntry *fs;
	struct cr_mm mm;
	struct cr_pages pages;
	struct cr_mapping *mapping;
	size_t nr_mappings;
	uint64_t vdso, vdso_end; /* vvar to vdso; 0: none */
	uint64_t vdso_code, vdso_code_size;
	bool vdso_leads;	 /* to ours, which stays; see vdso.h */
	uint64_t scratch;	 /* memory for injected calls, CR_SCRATCH_SIZE */
	struct cr_messages fdinfo;
	struct cr_pfd *fd;
	size_t nr_fds;
	struct cr_ofile *exe, *cwd, *root;
	size_t first_word; /* of plan->keys->view */
	/* run: */
	struct cr_early *early; /* its pages, see early.h; or NULL */
	pid_t pid;   /* as the controller sees it; 0: not born */
	pid_t maker; /* as the process sees it; 0: not in its namespace */
	bool has_new_creds;  /* and not those of the controller */
	uint64_t syscall_ip; /* of an instruction that makes a call */
	bool joins_calls;    /* see inject.h; this, too: */
	struct cr_soon *soon;
	const char *step; /* that is being done to it, by name */
};

/* Why it cannot be restored. */
struct cr_refusal {
	struct cr_error *err;
	bool of_host; /* this machine lacks something; it may do elsewhere */
};

/* Hostile images could be refused for millions of reasons. */
#define CR_REFUSALS_MAX 4096

/* In it: CR_SCRATCH_DATA bytes for arguments, calls to be made, and code that makes
 * them, on pages of its own, however large those are. */
#define CR_SCRATCH_SIZE 0x20000
#define CR_SCRATCH_DATA 0xf000
#define CR_SCRATCH_CODE 0x10000
#define CR_AUXV_MAX	1024 /* words; the kernel has some 50 */

/* A file lock, and its place in the image; see attr/locks.c. */
struct cr_lock {
	const FileLockEntry *entry;
	size_t i;
};

struct cr_locks {
	struct cr_messages messages;
	struct cr_lock *lock; /* by pid */
	size_t nr;
	size_t nr_owned; /* by processes of the plan */
};

/** Accepts zeroed ones. */
void cr_locks_free(struct cr_locks *locks);

struct cr_rplan {
	const struct cr_options *options;
	struct cr_set set;
	InventoryEntry *inventory;
	struct cr_pstree tree;
	struct cr_memory memory;
	struct cr_files files;
	struct cr_proc *proc; /* parents before their children */
	size_t nr_procs;
	struct cr_ofile *ofile; /* by type and id */
	size_t nr_ofiles;
	struct cr_shared *shared; /* see shared.h */
	size_t nr_shared;
	struct cr_memfds *memfds; /* see fd/memfd.c */
	struct cr_pipes *pipes[2]; /* see fd/pipes.h */
	struct cr_ttys *ttys; /* see fd/tty.c */
	struct cr_remaps remaps; /* of files that had no name, if has_remaps */
	bool has_remaps;
	struct cr_locks locks;
	struct cr_keys *keys; /* see keys/keys.h; NULL: not looked at */
	SeccompEntry *seccomp; /* see attr/seccomp.c; NULL: not read */
	struct cr_maps *own; /* what we have mapped; see vdso.h */
	int fd_base; /* above every descriptor of every process */
	bool early;  /* run: memory has been made early; then these, too: */
	bool early_code; /* in the scratch memory of the first process */
	int early_exe;	 /* its program, open */
	struct cr_early *early_object; /* run: see early.h */
	size_t nr_early_objects;
	struct cr_refusal *refusal;
	size_t nr_refusals, nr_more; /* those kept, and those not */
};

/** Reads the checkpoint; the options outlive the plan. What is refused is no
 * error here, unless nothing can be planned without it: cr_rplan_verdict(). */
struct cr_error *cr_rplan_make(const struct cr_options *options,
			      struct cr_rplan *plan) CR_MUST_CHECK;

/** The same of a set that is open already, in a plan with that and options. */
struct cr_error *cr_rplan_load(struct cr_rplan *plan) CR_MUST_CHECK;

/** Keeps an error that is a refusal, and goes on; what is left is an error of
 * ours or of the system. Takes ownership; NULL stays NULL. */
struct cr_error *cr_rplan_refuse(struct cr_rplan *plan, struct cr_error *err)
	CR_MUST_CHECK;

/** The same for what this machine lacks. */
struct cr_error *cr_rplan_lacks(struct cr_rplan *plan, struct cr_error *err)
	CR_MUST_CHECK;

/** The first refusal and how many there are of its kind, or NULL. */
struct cr_error *cr_rplan_verdict(struct cr_rplan *plan) CR_MUST_CHECK;

/** Accepts a zeroed plan, and one that could not be made. */
void cr_rplan_deinit(struct cr_rplan *plan);

/** An open file; NULL if the plan has none of that type and id. */
struct cr_ofile *cr_rplan_find(struct cr_rplan *plan, uint32_t type, uint32_t id);

/** Adds an open file that something refers to; FORMAT if there is none with
 * that type and id, UNSUPPORTED if nothing restores its kind. Not valid any more
 * when planning is over. */
struct cr_error *cr_rplan_file(struct cr_rplan *plan, uint32_t type, uint32_t id,
			      struct cr_ofile **ret) CR_MUST_CHECK;

/** A proc by its pid in the images, or NULL. */
struct cr_proc *cr_rplan_proc(struct cr_rplan *plan, uint32_t vpid);

/** Whether the ids of a living process mean the same to the controller: not so for
 * a pid namespace that it has made. */
bool cr_proc_has_our_ids(const struct cr_proc *proc);

/** Writes the plan as text or JSON. */
struct cr_error *cr_rplan_print(struct cr_rplan *plan, bool json, int fd)
	CR_MUST_CHECK;

#define cr_rplan_each_proc(p, plan) \
	for (struct cr_proc *p = (plan)->proc; \
	     p < (plan)->proc + (plan)->nr_procs; p++)
#define cr_proc_each_thread(t, proc_) \
	for (struct cr_thread *t = (proc_)->thread; \
	     t < (proc_)->thread + (proc_)->nr_threads; t++)

#endif
