// SPDX-License-Identifier: MIT
#include <string.h>

#include "crit/pac/pac.h"
#include "crit/x/function.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "signed", true }, { "exact", true },
	{ "verified", true }, { "suspect", true }, { "authenticate", true },
	{ "fail", true }, { "unknown", true }, { "stale", true }, { 0 },
};
// clang-format on

/* Slots of a process, by grade and by verdict. */
struct counts {
	size_t grade[CR_SLOT_SUSPECT + 1];
	size_t good, bad, unknown;
};

static struct counts count(const struct cr_slots *slots)
{
	struct counts c = { 0 };
	for (size_t i = 0; i < slots->nr; i++) {
		const struct cr_slot *slot = &slots->slot[i];
		c.grade[slot->grade]++;
		c.bad += slot->verdict == CR_SIGN_BAD;
		c.unknown += slot->verdict == CR_SIGN_UNKNOWN;
	}
	c.good = slots->nr - c.bad - c.unknown;
	return c;
}

static struct cr_error *about(const struct cr_stacks *stacks,
			      const struct cr_slot *slot)
{
	const char *what = cr_slot_why(slot);
	if (slot->in_memory)
		return cr_error_new(CR_ERR_FORMAT, "process %u: 0x%llx: %s",
				    stacks->pid,
				    (unsigned long long)slot->vaddr, what);
	return cr_error_new(CR_ERR_FORMAT, "thread %u: x%u: %s", slot->tid,
			    slot->reg, what);
}

static void judge_slot(struct cr_pac *p, const struct cr_stacks *stacks,
		       const struct cr_slot *slot)
{
	if (slot->verdict == CR_SIGN_BAD)
		cr_x_find(&p->x, about(stacks, slot));
	else if (slot->verdict == CR_SIGN_UNKNOWN)
		cr_x_untold(&p->x, about(stacks, slot));
}

/* A walk that ended early has not seen all. */
static void judge_walk(struct cr_pac *p, const struct cr_slot_walk *walk)
{
	if (walk->origin == CR_SLOT_STACK && walk->why)
		cr_x_untold(&p->x, cr_error_new(CR_ERR_FORMAT,
					      "thread %u: frame %zu: %s: %s",
					      walk->tid, walk->nr_frames - 1,
					      cr_unwind_end_name(walk->end),
					      cr_error_text(walk->why)));
}

static void judge(struct cr_pac *p, const struct cr_stacks *stacks,
		  const struct cr_slots *slots, const struct counts *c)
{
	if (c->unknown)
		cr_x_missing(&p->x, &stacks->unwind.modules, stacks->pid);
	for (size_t i = 0; i < slots->nr; i++)
		judge_slot(p, stacks, &slots->slot[i]);
	for (size_t i = 0; i < slots->nr_walks; i++)
		judge_walk(p, &slots->walk[i]);
	if (slots->fault)
		cr_x_untold(&p->x, cr_error_new(CR_ERR_FORMAT, "process %u: %s",
					      stacks->pid,
					      cr_error_text(slots->fault)));
	if (slots->nr_left_off)
		cr_x_untold(&p->x, cr_error_new(CR_ERR_FORMAT,
					      "process %u: %zu words that look "
					      "signed are too many",
					      stacks->pid, slots->nr_left_off));
}

static void show_counts(struct cr_pac *p, struct cr_stacks *stacks,
			const struct cr_slots *slots, void *arg)
{
	struct cr_x *x = &p->x;
	struct counts c = count(slots);
	struct counts *all = arg;
	all->good += c.good;
	all->bad += c.bad;
	all->unknown += c.unknown;
	cr_cell_u64(x, stacks->pid);
	cr_cell_u64(x, slots->nr);
	for (unsigned i = 0; i <= CR_SLOT_SUSPECT; i++)
		cr_cell_u64(x, c.grade[i]);
	cr_cell_u64(x, c.good);
	cr_cell_u64(x, c.bad);
	cr_cell_u64(x, c.unknown);
	cr_cell_u64(x, slots->nr_stale);
	judge(p, stacks, slots, &c);
}

static void show_doubtful(struct cr_pac *p, struct cr_stacks *stacks,
			  const struct cr_slots *slots, void *arg)
{
	for (size_t i = 0; i < slots->nr; i++)
		if (slots->slot[i].verdict == CR_SIGN_BAD ||
		    slots->slot[i].verdict == CR_SIGN_UNKNOWN)
			cr_pac_slot(p, stacks, &slots->slot[i]);
	(void)arg;
}

static void show_verdict(struct cr_pac *p, size_t nr_bad)
{
	struct cr_x *x = &p->x;
	const char *verdict = nr_bad			       ? "failed" :
			      x->nr_untold || x->nr_findings ? "cannot tell" :
							       "verified";
	cr_x_string(x, "verdict", verdict);
	if (!x->json)
		cr_x_text(x, "\n%s", verdict);
	const struct cr_error *reason = nr_bad ? NULL : x->untold ?: x->finding;
	const char *why = reason ? cr_error_text(reason) : NULL;
	size_t nr = x->untold ? x->nr_untold : x->nr_findings;
	cr_x_string(x, "why", why);
	if (why) {
		cr_x_text(x, ": ");
		cr_x_safe(x, why, strlen(why));
		if (nr > 1)
			cr_x_text(x, "; and %zu more", nr - 1);
	}
	cr_x_text(x, "\n");
}

void cr_pac_verify(struct cr_pac *p)
{
	struct cr_x *x = &p->x;
	struct counts all = { 0 };
	cr_x_open(x, NULL, '{');
	cr_pac_scheme(p);
	cr_x_text(x, "\n");
	cr_table_begin_as(x, "processes", columns);
	cr_pac_each(p, show_counts, &all);
	cr_table_end(x);
	if (all.bad || all.unknown || x->json) {
		cr_x_text(x, "\n");
		cr_table_begin_as(x, "doubtful", cr_pac_slot_columns);
		cr_pac_each(p, show_doubtful, NULL);
		cr_table_end(x);
	}
	if (!all.good && !all.bad && !all.unknown)
		cr_x_untold(&p->x, cr_error_new(CR_ERR_FORMAT,
					      "no signed pointers are found"));
	show_verdict(p, all.bad);
	cr_x_close(x, '}');
}
