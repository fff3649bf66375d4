// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "crit/x/table.h"
#include "crit/x/views.h"
#include "images/cgroup.pb-c.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "tid", true }, { "set", true }, { "hierarchy" },
	{ "path" }, { 0 },
};
// clang-format on

// cgroup.img and its sets by id.
struct sets {
	struct cr_messages image;
	CgSetEntry **by_id;
	size_t nr;
};

static int by_id(const void *a, const void *b)
{
	const CgSetEntry *x = *(CgSetEntry *const *)a;
	const CgSetEntry *y = *(CgSetEntry *const *)b;
	return (x->id > y->id) - (x->id < y->id);
}

static const CgSetEntry *find(const struct sets *sets, uint32_t id)
{
	CgSetEntry key = { .id = id };
	const CgSetEntry *wanted = &key;
	CgSetEntry **found =
		sets->nr ? bsearch(&wanted, sets->by_id, sets->nr,
				   sizeof(sets->by_id[0]), by_id) :
			   NULL;
	return found ? *found : NULL;
}

static void load(struct cr_x *x, struct sets *sets)
{
	*sets = (struct sets){ 0 };
	cr_x_find(x, cr_set_load_optionalf(&x->set, &cgroup_entry__descriptor,
					   &sets->image, "cgroup.img"));
	if (!sets->image.nr)
		return;
	CgroupEntry *e = (void *)sets->image.msg[0];
	sets->by_id = e->sets;
	sets->nr = e->n_sets;
	if (sets->nr)
		qsort(sets->by_id, sets->nr, sizeof(sets->by_id[0]), by_id);
}

static void show_set(struct cr_x *x, const struct sets *sets, uint32_t pid,
		     uint32_t tid, uint32_t id)
{
	const CgSetEntry *set = find(sets, id);
	if (!set && sets->image.nr)
		cr_x_find(x, cr_error_new(CR_ERR_FORMAT,
					  "core-%u.img: entry 0: no set of "
					  "cgroup.img has id %u",
					  tid, id));
	for (size_t i = 0; set && i < set->n_ctls && !x->err; i++) {
		cr_cell_u64(x, pid);
		cr_cell_u64(x, tid);
		cr_cell_u64(x, id);
		cr_cell_string(x, set->ctls[i]->name);
		cr_cell_string(x, set->ctls[i]->path);
	}
}

static void show(struct cr_x *x, void *arg, const struct cr_task *task,
		 uint32_t tid, const CoreEntry *core)
{
	const ThreadCoreEntry *thread = core->thread_core;
	// Until 3.18 the process had one for all its threads.
	if (thread && thread->has_cg_set)
		show_set(x, arg, task->entry->pid, tid, thread->cg_set);
	else if (core->tc && core->tc->has_cg_set)
		show_set(x, arg, task->entry->pid, tid, core->tc->cg_set);
}

void cr_x_view_cgroups(struct cr_x *x)
{
	struct sets sets;
	load(x, &sets);
	cr_table_begin(x, columns);
	cr_x_each_thread(x, show, &sets);
	cr_table_end(x);
	cr_messages_free(&sets.image);
}
