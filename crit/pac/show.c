// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <sys/mman.h>

#include "crit/pac/pac.h"
#include "crit/x/function.h"
#include "lib/unwind/text.h"

#define NR_KEYS 5

// clang-format off
static const struct cr_column thread_columns[] = {
	{ "pid", true }, { "tid", true }, { "ia" }, { "ib" }, { "da" },
	{ "db" }, { "ga" }, { "enabled" }, { "frames", true },
	{ "signed", true }, { "end" }, { 0 },
};

static const struct cr_column parked_columns[] = {
	{ "pid", true }, { "origin" }, { "at", true }, { "function" },
	{ "sp", true }, { "frames", true }, { "signed", true }, { "end" }, { 0 },
};

static const struct cr_column text_columns[] = {
	{ "pid", true }, { "start", true }, { "hint", true },
	{ "return", true }, { "register", true }, { "generic", true },
	{ "elsewhere", true }, { "first", true }, { "file" }, { 0 },
};

// man 2 prctl, PR_PAC_SET_ENABLED_KEYS
static const char *const key_names[] = { "ia", "ib", "da", "db" };
// clang-format on

static void show_key(struct cr_x *x, bool has, uint64_t lo, uint64_t hi)
{
	struct cr_pac_key key = { lo, hi };
	if (has)
		cr_cell_text(x, "%08x", cr_pac_fingerprint(&key));
	else
		cr_cell_none(x);
	explicit_bzero(&key, sizeof(key));
}

static void show_keys(struct cr_x *x, const CoreEntry *core)
{
	static const PacAddressKeys no_keys = PAC_ADDRESS_KEYS__INIT;
	static const PacGenericKeys no_generic = PAC_GENERIC_KEYS__INIT;
	const PacKeys *pac = core->ti_aarch64 ? core->ti_aarch64->pac_keys :
						NULL;
	const PacAddressKeys *a = pac ? pac->pac_address_keys : NULL;
	const PacGenericKeys *g = pac ? pac->pac_generic_keys : NULL;
	bool has = a, has_generic = g;
	a = a ?: &no_keys;
	g = g ?: &no_generic;
	show_key(x, has, a->apiakey_lo, a->apiakey_hi);
	show_key(x, has, a->apibkey_lo, a->apibkey_hi);
	show_key(x, has, a->apdakey_lo, a->apdakey_hi);
	show_key(x, has, a->apdbkey_lo, a->apdbkey_hi);
	show_key(x, has_generic, g->apgakey_lo, g->apgakey_hi);
	if (has)
		cr_cell_bits(x, a->pac_enabled_key, key_names, 4);
	else
		cr_cell_none(x);
}

static void show_walk(struct cr_x *x, const struct cr_slot_walk *walk)
{
	cr_cell_u64(x, walk->nr_frames);
	cr_cell_u64(x, walk->nr_slots);
	cr_cell_string(x, walk->joins ? "joins another" :
					cr_unwind_end_name(walk->end));
}

static void show_threads(struct cr_pac *p, struct cr_stacks *stacks,
			 const struct cr_slots *slots, void *arg)
{
	struct cr_x *x = &p->x;
	for (size_t i = 0; i < stacks->nr; i++) {
		cr_cell_u64(x, stacks->pid);
		cr_cell_u64(x, stacks->thread[i].tid);
		show_keys(x, stacks->thread[i].core);
		show_walk(x, &slots->walk[i]);
	}
	(void)arg;
}

static void show_parked(struct cr_pac *p, struct cr_stacks *stacks,
			const struct cr_slots *slots, void *arg)
{
	struct cr_x *x = &p->x;
	for (size_t i = stacks->nr; i < slots->nr_walks; i++) {
		const struct cr_slot_walk *walk = &slots->walk[i];
		cr_cell_u64(x, stacks->pid);
		cr_cell_string(x, cr_slot_origin_name(walk->origin));
		cr_cell_hex(x, walk->at);
		cr_cell_function(x, &stacks->unwind.modules, walk->pc,
			 walk->is_exact);
		if (walk->sp)
			cr_cell_hex(x, walk->sp);
		else
			cr_cell_none(x);
		show_walk(x, walk);
	}
	(void)arg;
}

static void show_use(struct cr_x *x, const struct cr_text_use *use)
{
	uint64_t nr[] = { use->nr[CR_PAC_CODE_HINT],
			  use->nr[CR_PAC_CODE_RETURN],
			  use->nr[CR_PAC_CODE_REGISTER],
			  use->nr[CR_PAC_CODE_GENERIC], use->nr_elsewhere };
	for (size_t i = 0; i < sizeof(nr) / sizeof(nr[0]); i++) {
		if (use->size)
			cr_cell_u64(x, nr[i]);
		else
			cr_cell_none(x);
	}
	if (use->first)
		cr_cell_hex(x, use->first);
	else
		cr_cell_none(x);
}

static void show_text(struct cr_pac *p, struct cr_stacks *stacks,
		      const struct cr_slots *slots, void *arg)
{
	struct cr_x *x = &p->x;
	const struct cr_space *space = &stacks->pages.space;
	for (size_t i = 0; i < space->nr && stacks->unwind.code_mask; i++) {
		const struct cr_vma *vma = &space->vma[i];
		struct cr_text_use use;
		char *name = NULL;
		if (!(vma->prot & PROT_EXEC))
			continue;
		struct cr_error *err =
			cr_text_count(&stacks->unwind.modules, vma, &use);
		if (!err)
			err = cr_memory_name(&p->memory, vma, &name);
		cr_x_find(x, err);
		cr_cell_u64(x, stacks->pid);
		cr_cell_hex(x, vma->start);
		show_use(x, &use);
		cr_cell_string(x, name);
		free(name);
	}
	cr_x_missing(x, &stacks->unwind.modules, stacks->pid);
	(void)slots;
	(void)arg;
}

/* One table of all processes. */
static void show_table(struct cr_pac *p, const char *key, const char *heading,
		       const struct cr_column *columns, cr_pac_fn *fn)
{
	cr_x_text(&p->x, "\n");
	cr_x_heading(&p->x, "%s", heading);
	cr_table_begin_as(&p->x, key, columns);
	cr_pac_each(p, fn, NULL);
	cr_table_end(&p->x);
}

void cr_pac_show(struct cr_pac *p)
{
	cr_x_open(&p->x, NULL, '{');
	cr_pac_scheme(p);
	show_table(p, "threads", "threads", thread_columns, show_threads);
	show_table(p, "parked", "parked stacks", parked_columns, show_parked);
	show_table(p, "text", "instructions", text_columns, show_text);
	cr_x_close(&p->x, '}');
}
