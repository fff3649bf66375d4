// SPDX-License-Identifier: MIT
/* The inventory and the process tree. CRIU criu/pstree.c, v4.2. */
#include <stdlib.h>

#include "lib/ops/check/inside.h"

#define PSTREE "pstree.img"

/* CRIU criu/include/magic.h: CRTOOLS_IMAGES_V1, V1_1; v4.3: V1_2. */
#define VERSION_MIN 1
#define VERSION_MAX 3

#define PID_MAX 4194304

static void check_inventory(struct cr_check *c)
{
	if (!cr_check_name(c, "inventory.img")) {
		cr_check_found(c, CR_RULE_INVENTORY_MISSING, "inventory.img",
			       CR_NO_ENTRY, "is not there");
		return;
	}
	c->inventory = cr_check_message(c, &inventory_entry__descriptor,
					"inventory.img");
	const InventoryEntry *e = c->inventory;
	if (e && (e->img_version < VERSION_MIN || e->img_version > VERSION_MAX))
		cr_check_found(c, CR_RULE_INVENTORY_VERSION, "inventory.img", 0,
			       "img_version is %u; %d to %d are known",
			       e->img_version, VERSION_MIN, VERSION_MAX);
	if (e && !e->fdinfo_per_id)
		cr_check_found(c, CR_RULE_TOO_OLD, "inventory.img", 0,
			       "descriptors are by process, as before 0.4");
	for (size_t i = 0;
	     e && e->plugins_entry && i < e->plugins_entry->n_plugins; i++)
		cr_check_found(c, CR_RULE_PLUGIN_NEEDED, "inventory.img", 0,
			       "was dumped with the plugin %s",
			       e->plugins_entry->plugins[i]);
}

/* Memory without processes, as criu pre-dump writes it. */
static bool is_pre_dump(struct cr_check *c)
{
	for (size_t i = 0; i < c->nr_names; i++) {
		unsigned pid;
		if (sscanf(c->name[i].name, "core-%u.img", &pid) == 1)
			return false;
	}
	for (size_t i = 0; i < c->nr_names; i++) {
		unsigned pid;
		if (sscanf(c->name[i].name, "pagemap-%u.img", &pid) == 1)
			return true;
	}
	return false;
}

static void check_place(struct cr_check *c, const struct cr_task *task)
{
	static const enum cr_rule rules[] = {
		[CR_TASK_TWICE] = CR_RULE_TASK_TWICE,
		[CR_TASK_ORPHAN] = CR_RULE_TASK_NO_PARENT,
		[CR_TASK_CYCLE] = CR_RULE_TASK_CYCLE,
	};
	if (task->fault)
		cr_check_took(c, rules[task->fault],
			      cr_pstree_fault(&c->tree, task));
}

/* Session and group of a process; a leader that is not there is held by a
 * helper. Said once for each leader. */
static void check_leaders(struct cr_check *c, const struct cr_task *task,
			  struct cr_keys *said)
{
	const PstreeEntry *e = task->entry;
	bool sid = e->sid && !cr_pstree_find(&c->tree, e->sid);
	bool pgid = e->pgid && e->pgid != e->sid &&
		    !cr_pstree_find(&c->tree, e->pgid);
	if ((sid && !cr_keys_add(said, e->sid)) ||
	    (pgid && !cr_keys_add(said, cr_key(1, e->pgid))))
		cr_check_fail(c, cr_enomem);
}

static void say_leaders(struct cr_check *c, struct cr_keys *said)
{
	cr_keys_unique(said);
	for (size_t i = 0; i < said->nr; i++) {
		bool group = said->key[i] >> 32;
		cr_check_found(c,
			       group ? CR_RULE_GROUP_NO_LEADER :
				       CR_RULE_SESSION_NO_LEADER,
			       PSTREE, CR_NO_ENTRY,
			       "no process is the leader of %s %u",
			       group ? "process group" : "session",
			       (uint32_t)said->key[i]);
	}
}

static void check_task(struct cr_check *c, const struct cr_task *task,
		       struct cr_keys *leaders, const struct cr_task **root)
{
	const PstreeEntry *e = task->entry;
	int64_t i = (int64_t)cr_pstree_entry(&c->tree, task);
	check_place(c, task);
	if (!e->pid || e->pid > PID_MAX)
		cr_check_found(c, CR_RULE_PID_INVALID, PSTREE, i,
			       "pid %u is none", e->pid);
	if (!e->ppid && *root)
		cr_check_found(c, CR_RULE_ROOT_TWICE, PSTREE, i,
			       "process %u has no parent, and neither has %u",
			       e->pid, (*root)->entry->pid);
	if (!e->ppid && !*root)
		*root = task;
	check_leaders(c, task, leaders);
}

static void check_tree(struct cr_check *c)
{
	struct cr_keys leaders = { 0 };
	const struct cr_task *root = NULL;
	for (size_t i = 0; i < c->tree.nr && !c->err; i++)
		check_task(c, &c->tree.task[i], &leaders, &root);
	if (!root)
		cr_check_found(c, CR_RULE_ROOT_MISSING, PSTREE, CR_NO_ENTRY,
			       "no process has ppid 0");
	say_leaders(c, &leaders);
	cr_keys_free(&leaders);
}

void cr_check_tree(struct cr_check *c)
{
	check_inventory(c);
	if (!cr_check_name(c, PSTREE)) {
		bool pre = is_pre_dump(c);
		cr_check_found(c,
			       pre ? CR_RULE_PRE_DUMP : CR_RULE_PSTREE_MISSING,
			       PSTREE, CR_NO_ENTRY,
			       pre ? "is not there: a pre-dump" :
				     "is not there");
		return;
	}
	struct cr_error *err = cr_pstree_load(c->set, &c->tree);
	if (err) {
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
		return;
	}
	c->task = calloc(c->tree.nr + 1, sizeof(c->task[0]));
	if (!c->task)
		cr_check_fail(c, cr_enomem);
	else
		check_tree(c);
}
