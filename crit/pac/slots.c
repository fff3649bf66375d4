// SPDX-License-Identifier: MIT
#include "crit/pac/pac.h"
#include "crit/x/function.h"

// clang-format off
const struct cr_column cr_pac_slot_columns[] = {
	{ "pid", true }, { "tid", true }, { "slot", true }, { "key" },
	{ "modifier", true }, { "function" }, { "origin" }, { "grade" },
	{ "verdict" }, { 0 },
};
// clang-format on

static void show_place(struct cr_pac *p, const struct cr_slot *slot)
{
	if (slot->in_memory)
		cr_cell_hex(&p->x, slot->vaddr);
	else
		cr_cell_text(&p->x, "x%u", slot->reg);
}

static void show_key(struct cr_pac *p, const struct cr_slot *slot)
{
	if (slot->has_modifier)
		cr_cell_string(&p->x, slot->is_key_b ? "ib" : "ia");
	else
		cr_cell_none(&p->x);
}

static void show_verdict(struct cr_pac *p, const struct cr_slot *slot)
{
	if (slot->verdict == CR_SIGN_OTHER)
		cr_cell_text(&p->x, "with keys of %u", slot->keys->tid);
	else
		cr_cell_string(&p->x, cr_sign_verdict_name(slot->verdict));
}

void cr_pac_slot(struct cr_pac *p, struct cr_stacks *stacks,
		 const struct cr_slot *slot)
{
	struct cr_x *x = &p->x;
	cr_cell_u64(x, stacks->pid);
	if (slot->tid)
		cr_cell_u64(x, slot->tid);
	else
		cr_cell_none(x);
	show_place(p, slot);
	show_key(p, slot);
	if (slot->has_modifier)
		cr_cell_hex(x, slot->modifier);
	else
		cr_cell_none(x);
	cr_cell_function(x, &stacks->unwind.modules, slot->pc,
			 slot->is_exact);
	cr_cell_string(x, cr_slot_origin_name(slot->origin));
	cr_cell_string(x, cr_slot_grade_name(slot->grade));
	show_verdict(p, slot);
}

static void show(struct cr_pac *p, struct cr_stacks *stacks,
		 const struct cr_slots *slots, void *arg)
{
	for (size_t i = 0; i < slots->nr; i++)
		cr_pac_slot(p, stacks, &slots->slot[i]);
	cr_x_missing(&p->x, &stacks->unwind.modules, stacks->pid);
	(void)arg;
}

void cr_pac_slots(struct cr_pac *p)
{
	cr_table_begin(&p->x, cr_pac_slot_columns);
	cr_pac_each(p, show, NULL);
	cr_table_end(&p->x);
}
