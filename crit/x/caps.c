// SPDX-License-Identifier: MIT
#include "crit/x/table.h"
#include "crit/x/views.h"
#include "lib/image/caps.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "tid", true }, { "uid", true }, { "euid", true },
	{ "gid", true }, { "egid", true }, { "no_new_privs" }, { "lsm" },
	{ "set" }, { "mask", true }, { "caps" }, { 0 },
};
// clang-format on

static void show_set(struct cr_x *x, const struct cr_task *task, uint32_t tid,
		     const CredsEntry *c, const char *set, const uint32_t *word,
		     size_t nr)
{
	uint64_t mask = (nr > 0 ? word[0] : 0) |
			(nr > 1 ? (uint64_t)word[1] << 32 : 0);
	cr_cell_u64(x, task->entry->pid);
	cr_cell_u64(x, tid);
	cr_cell_u64(x, c->uid);
	cr_cell_u64(x, c->euid);
	cr_cell_u64(x, c->gid);
	cr_cell_u64(x, c->egid);
	if (c->has_no_new_privs)
		cr_cell_bool(x, c->no_new_privs);
	else
		cr_cell_none(x);
	cr_cell_string(x, c->lsm_profile);
	cr_cell_string(x, set);
	cr_cell_hex(x, mask);
	cr_cell_bits(x, mask, cr_cap_names, cr_nr_cap_names);
}

static void show(struct cr_x *x, void *arg, const struct cr_task *task,
		 uint32_t tid, const CoreEntry *core)
{
	CredsEntry *old = NULL;
	const CredsEntry *c = cr_core_creds(core);
	// Before 2.0: one for all threads.
	if (!c && tid == task->entry->pid)
		cr_x_find(x, cr_message_load(&x->set, &creds_entry__descriptor,
					     &old, "creds-%u.img", tid));
	c = c ?: old;
	if (c) {
		show_set(x, task, tid, c, "effective", c->cap_eff,
			 c->n_cap_eff);
		show_set(x, task, tid, c, "permitted", c->cap_prm,
			 c->n_cap_prm);
		show_set(x, task, tid, c, "inheritable", c->cap_inh,
			 c->n_cap_inh);
		show_set(x, task, tid, c, "bounding", c->cap_bnd, c->n_cap_bnd);
		show_set(x, task, tid, c, "ambient", c->cap_amb, c->n_cap_amb);
	}
	cr_message_free(old);
}

void cr_x_view_caps(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_each_thread(x, show, NULL);
	cr_table_end(x);
}
