// SPDX-License-Identifier: MIT
/*
 * The process tree of a checkpoint: pstree.img as a tree, whatever stands in
 * it. A parent that does not exist, a process among its own ancestors and a pid
 * that occurs twice are no errors but faults of the task they are found on, so
 * that the rest can still be looked at: every task is reached by a walk exactly
 * once.
 *
 * Time is n log n in the number of processes, stack use constant. Facts: CRIU
 * images/pstree.proto, v4.2.
 */
#ifndef CR_LIB_IMAGE_PSTREE_H
#define CR_LIB_IMAGE_PSTREE_H

#include <stddef.h>
#include <stdint.h>

#include "images/pstree.pb-c.h"
#include "lib/base/error.h"
#include "lib/image/set.h"

enum cr_task_fault {
	CR_TASK_OK = 0,
	CR_TASK_TWICE,	/* an earlier entry has its pid */
	CR_TASK_ORPHAN, /* there is no process with its ppid */
	CR_TASK_CYCLE,	/* is its own ancestor */
};

struct cr_task {
	const PstreeEntry *entry;
	enum cr_task_fault fault;
	struct cr_task *parent; /* NULL: a root, or at fault */
	struct cr_task *child;	/* the first; children as in the image */
	struct cr_task *last;	/* the last child */
	struct cr_task *next;	/* sibling; of roots and faulty ones, the next
				   of those */
};

struct cr_pstree {
	struct cr_messages messages;
	struct cr_task *task; /* in the order of the image */
	size_t nr;
	struct cr_task **by_pid;
	struct cr_task *root; /* the first one without a parent */
};

/** Loads pstree.img. Its errors are those of cr_set_load(). */
struct cr_error *cr_pstree_load(struct cr_set *set, struct cr_pstree *ret)
	CR_MUST_CHECK;

/** Accepts a zeroed tree. */
void cr_pstree_free(struct cr_pstree *tree);

/** The task with a pid (the first one, if there are more), or NULL. */
const struct cr_task *cr_pstree_find(const struct cr_pstree *tree,
				     uint32_t pid);

/**
 * The task after `task` with parents before their children, NULL after the last
 * one. Starts with tree->root and *depth 0, which is kept up to date.
 */
const struct cr_task *cr_pstree_next(const struct cr_task *task,
				     size_t *depth);

/** The place in pstree.img. */
static inline size_t cr_pstree_entry(const struct cr_pstree *tree,
				     const struct cr_task *task)
{
	return (size_t)(task - tree->task);
}

/** What is wrong with a task, with image and entry; NULL if nothing is. */
struct cr_error *cr_pstree_fault(const struct cr_pstree *tree,
				 const struct cr_task *task);

#endif
