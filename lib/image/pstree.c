// SPDX-License-Identifier: MIT
#include "lib/image/pstree.h"

#include <stdlib.h>

#include "lib/base/cleanup.h"

static int by_pid(const void *a, const void *b)
{
	const struct cr_task *x = *(struct cr_task *const *)a;
	const struct cr_task *y = *(struct cr_task *const *)b;
	if (x->entry->pid != y->entry->pid)
		return x->entry->pid < y->entry->pid ? -1 : 1;
	return (x > y) - (x < y);
}

static struct cr_task *find(const struct cr_pstree *tree, uint32_t pid)
{
	size_t low = 0, high = tree->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (tree->by_pid[mid]->entry->pid < pid)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == tree->nr || tree->by_pid[low]->entry->pid != pid)
		return NULL;
	return tree->by_pid[low];
}

const struct cr_task *cr_pstree_find(const struct cr_pstree *tree, uint32_t pid)
{
	return find(tree, pid);
}

static struct cr_error *make_tasks(struct cr_pstree *tree)
{
	size_t nr = tree->messages.nr;
	tree->task = calloc(nr + 1, sizeof(tree->task[0]));
	tree->by_pid = calloc(nr + 1, sizeof(tree->by_pid[0]));
	if (!tree->task || !tree->by_pid)
		return cr_enomem;
	for (size_t i = 0; i < nr; i++) {
		tree->task[i].entry = (const void *)tree->messages.msg[i];
		tree->by_pid[i] = &tree->task[i];
	}
	tree->nr = nr;
	qsort(tree->by_pid, nr, sizeof(tree->by_pid[0]), by_pid);
	return NULL;
}

static void find_parents(struct cr_pstree *tree)
{
	for (size_t i = 0; i < tree->nr; i++) {
		struct cr_task *task = &tree->task[i];
		uint32_t ppid = task->entry->ppid;
		if (find(tree, task->entry->pid) != task)
			task->fault = CR_TASK_TWICE;
		if (!ppid)
			continue;
		task->parent = find(tree, ppid);
		if (!task->parent && !task->fault)
			task->fault = CR_TASK_ORPHAN;
	}
}

/* Cuts each cycle at the task that comes first in the image. Tasks met on the
 * way up from task i are marked with i + 1: meeting that mark again is a cycle,
 * an older one is known ground. */
static struct cr_error *cut_cycles(struct cr_pstree *tree)
{
	cr_auto_free size_t *mark = calloc(tree->nr + 1, sizeof(*mark));
	if (!mark)
		return cr_enomem;
	for (size_t i = 0; i < tree->nr; i++) {
		struct cr_task *task = &tree->task[i];
		while (task && !mark[task - tree->task]) {
			mark[task - tree->task] = i + 1;
			task = task->parent;
		}
		if (!task || mark[task - tree->task] != i + 1)
			continue;
		struct cr_task *first = task, *end = task;
		while ((task = task->parent) != end)
			first = task < first ? task : first;
		first->fault = CR_TASK_CYCLE;
		first->parent = NULL;
	}
	return NULL;
}

static void link_tasks(struct cr_pstree *tree)
{
	struct cr_task *last_root = NULL;
	for (size_t i = 0; i < tree->nr; i++) {
		struct cr_task *task = &tree->task[i];
		struct cr_task *parent = task->parent;
		if (!parent) {
			*(last_root ? &last_root->next : &tree->root) = task;
			last_root = task;
			continue;
		}
		*(parent->child ? &parent->last->next : &parent->child) = task;
		parent->last = task;
	}
}

struct cr_error *cr_pstree_load(struct cr_set *set, struct cr_pstree *ret)
{
	struct cr_pstree tree = { 0 };
	struct cr_error *err = cr_set_load(
		set, "pstree.img", &pstree_entry__descriptor, &tree.messages);
	if (!err)
		err = make_tasks(&tree);
	if (!err) {
		find_parents(&tree);
		err = cut_cycles(&tree);
	}
	if (err) {
		cr_pstree_free(&tree);
		return err;
	}
	link_tasks(&tree);
	*ret = tree;
	return NULL;
}

void cr_pstree_free(struct cr_pstree *tree)
{
	cr_messages_free(&tree->messages);
	free(tree->task);
	free(tree->by_pid);
	*tree = (struct cr_pstree){ 0 };
}

const struct cr_task *cr_pstree_next(const struct cr_task *task, size_t *depth)
{
	if (task->child) {
		++*depth;
		return task->child;
	}
	while (!task->next && task->parent) {
		--*depth;
		task = task->parent;
	}
	return task->next;
}

struct cr_error *cr_pstree_fault(const struct cr_pstree *tree,
				 const struct cr_task *task)
{
	size_t i = cr_pstree_entry(tree, task);
	uint32_t pid = task->entry->pid, ppid = task->entry->ppid;
	switch (task->fault) {
	case CR_TASK_OK:
		break;
	case CR_TASK_TWICE:
		return cr_error_new(CR_ERR_FORMAT,
				    "pstree.img: entry %zu: process %u is "
				    "there twice, see entry %zu",
				    i, pid,
				    cr_pstree_entry(tree, find(tree, pid)));
	case CR_TASK_ORPHAN:
		return cr_error_new(CR_ERR_FORMAT,
				    "pstree.img: entry %zu: process %u has "
				    "parent %u, which does not exist",
				    i, pid, ppid);
	case CR_TASK_CYCLE:
		return cr_error_new(CR_ERR_FORMAT,
				    "pstree.img: entry %zu: process %u is its "
				    "own ancestor, through its parent %u",
				    i, pid, ppid);
	}
	return NULL;
}
