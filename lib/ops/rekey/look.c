// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/ops/rekey.h"
#include "lib/unwind/text.h"

typedef unsigned long long ull;

// clang-format off
static const struct {
	const char *name, *what;
} risks[] = {
	[CR_REKEY_RESIDUAL] = { "residual", "leaves it as it is" },
	[CR_REKEY_FAILED]   = { "failed",   "leaves it as it is" },
	[CR_REKEY_STACK]    = { "stack",    "takes it that nothing is signed beyond" },
	[CR_REKEY_REGISTER] = { "register", "takes it that nothing it signed is still needed" },
	[CR_REKEY_GENERIC]  = { "generic",  "takes it that nothing it made is still needed" },
	[CR_REKEY_UNSEEN]   = { "unseen",   "takes it that nothing is there" },
	[CR_REKEY_UNPROVED] = { "unproved", "strips what call frame information says is signed" },
};
// clang-format on

const char *cr_rekey_risk_name(enum cr_rekey_risk risk, const char **what_ret)
{
	if (what_ret)
		*what_ret = risks[risk].what;
	return risks[risk].name;
}

/* ---- risks ---- */

/* Takes the error. */
static struct cr_error *find_risk(struct cr_rekey_found *found,
				  struct cr_error *err)
{
	if (err == cr_enomem)
		return err;
	if (!found->nr++)
		found->first = err;
	else
		cr_error_free(err);
	return NULL;
}

static struct cr_error *doubt_slot(struct cr_rekey_plan *plan, uint32_t pid,
				   const struct cr_slot *slot)
{
	struct cr_rekey_found *found =
		&plan->risk[slot->verdict == CR_SIGN_BAD ? CR_REKEY_FAILED :
							   CR_REKEY_RESIDUAL];
	const char *why = cr_slot_why(slot);
	if (found->nr) {
		found->nr++;
		return NULL;
	}
	if (slot->in_memory)
		return find_risk(found,
				 cr_error_new(CR_ERR_UNSUPPORTED,
					      "process %u: 0x%llx: %s", pid,
					      (ull)slot->vaddr, why));
	return find_risk(found, cr_error_new(CR_ERR_UNSUPPORTED,
					     "thread %u: x%u: %s", slot->tid,
					     slot->reg, why));
}

static struct cr_error *doubt_walk(struct cr_rekey_plan *plan, uint32_t pid,
				   const struct cr_slot_walk *walk)
{
	struct cr_rekey_found *found = &plan->risk[CR_REKEY_STACK];
	const char *why = walk->why ? cr_error_text(walk->why) : NULL;
	if (!why || walk->joins)
		return NULL;
	if (walk->origin == CR_SLOT_STACK)
		return find_risk(
			found,
			cr_error_new(CR_ERR_UNSUPPORTED,
				     "thread %u: frame %zu: %s: %s", walk->tid,
				     walk->nr_frames - 1,
				     cr_unwind_end_name(walk->end), why));
	return find_risk(found,
			 cr_error_new(CR_ERR_UNSUPPORTED,
				      "process %u: the stack at 0x%llx: frame "
				      "%zu: %s: %s",
				      pid, (ull)walk->sp, walk->nr_frames - 1,
				      cr_unwind_end_name(walk->end), why));
}

static struct cr_error *doubt_memory(struct cr_rekey_plan *plan, uint32_t pid,
				     const struct cr_slots *slots)
{
	struct cr_rekey_found *found = &plan->risk[CR_REKEY_UNSEEN];
	struct cr_error *err = NULL;
	if (slots->fault)
		err = find_risk(found,
				cr_error_new(CR_ERR_UNSUPPORTED,
					     "process %u: %s", pid,
					     cr_error_text(slots->fault)));
	if (!err && slots->nr_left_off)
		err = find_risk(found,
				cr_error_new(CR_ERR_UNSUPPORTED,
					     "process %u: %zu words that look "
					     "signed are too many",
					     pid, slots->nr_left_off));
	return err;
}

/* ---- code ---- */

/* The end of the last page is often not in the file. */
static bool is_seen(const struct cr_stacks *stacks, const struct cr_vma *vma,
		    const struct cr_text_use *use)
{
	uint64_t size = vma->end - vma->start;
	return use->size &&
	       size - use->size < stacks->pages.space.page_size;
}

static struct cr_error *doubt_text(struct cr_rekey_plan *plan,
				   struct cr_stacks *stacks,
				   const struct cr_vma *vma)
{
	struct cr_text_use use;
	char *name = NULL;
	uint32_t pid = stacks->pid;
	struct cr_error *err = cr_text_count(&stacks->unwind.modules, vma, &use);
	if (!err)
		err = cr_memory_name(stacks->pages.memory, vma, &name);
	if (err)
		return cr_error_at(err, "process %u", pid);
	const char *of = name ? name : "no file";
	if (!is_seen(stacks, vma, &use))
		err = find_risk(&plan->risk[CR_REKEY_UNSEEN],
				cr_error_new(CR_ERR_UNSUPPORTED,
					     "process %u: code at 0x%llx, of "
					     "%s, is not to be had (is it in "
					     "the --sysroot?)",
					     pid, (ull)vma->start, of));
	if (!err && use.nr[CR_PAC_CODE_REGISTER])
		err = find_risk(&plan->risk[CR_REKEY_REGISTER],
				cr_error_new(CR_ERR_UNSUPPORTED,
					     "process %u: 0x%llx, of %s: code "
					     "signs other than return addresses",
					     pid, (ull)use.first, of));
	if (!err && use.nr[CR_PAC_CODE_GENERIC])
		err = find_risk(&plan->generic,
				cr_error_new(CR_ERR_UNSUPPORTED,
					     "process %u: 0x%llx, of %s: code "
					     "uses PACGA",
					     pid, (ull)use.first, of));
	free(name);
	return err;
}

static struct cr_error *doubt_code(struct cr_rekey_plan *plan,
				   struct cr_stacks *stacks)
{
	const struct cr_space *space = &stacks->pages.space;
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < space->nr; i++) {
		const struct cr_vma *vma = &space->vma[i];
		if (plan->end < vma->end)
			plan->end = vma->end;
		if (vma->prot & PROT_EXEC)
			err = doubt_text(plan, stacks, vma);
	}
	return err;
}

/* ---- words ---- */

static struct cr_error *add_word(struct cr_rekey_plan *plan,
				 const struct cr_rekey_word *word)
{
	if (plan->nr == plan->cap) {
		size_t cap = plan->cap ? 2 * plan->cap : 64;
		void *more = realloc(plan->word, cap * sizeof(plan->word[0]));
		if (!more)
			return cr_enomem;
		plan->word = more;
		plan->cap = cap;
	}
	plan->word[plan->nr++] = *word;
	return NULL;
}

/* Nothing is proved: call frame information says that it is signed, and what it
 * is without a code is code. */
static bool is_unproved(const struct cr_stacks *stacks,
			const struct cr_slot *slot,
			const struct cr_signs *signs, uint64_t plain)
{
	const struct cr_vma *vma =
		cr_modules_vma(&stacks->unwind.modules, plain);
	return !signs->is_proved && slot->verdict == CR_SIGN_UNKNOWN &&
	       slot->has_modifier && slot->keys && slot->keys->has &&
	       slot->keys->is_enabled[slot->is_key_b] && vma &&
	       vma->prot & PROT_EXEC;
}

static struct cr_error *look_at_slot(struct cr_rekey_plan *plan,
				     struct cr_stacks *stacks,
				     const struct cr_slot *slot,
				     const struct cr_signs *signs)
{
	bool is_good = slot->verdict == CR_SIGN_OK ||
		       slot->verdict == CR_SIGN_OTHER;
	uint64_t plain = slot->raw & ~cr_signs_field(signs);
	struct cr_error *err = NULL;
	if (!is_good && !is_unproved(stacks, slot, signs, plain))
		return doubt_slot(plan, stacks->pid, slot);
	if (!is_good)
		err = find_risk(&plan->risk[CR_REKEY_UNPROVED],
				cr_error_new(CR_ERR_UNSUPPORTED,
					     "process %u: 0x%llx: %s",
					     stacks->pid, (ull)slot->vaddr,
					     cr_slot_why(slot)));
	if (err)
		return err;
	plan->nr_other += slot->verdict == CR_SIGN_OTHER;
	return add_word(plan, &(struct cr_rekey_word){
				      .pid = stacks->pid,
				      .tid = slot->tid,
				      .in_memory = slot->in_memory,
				      .is_key_b = slot->is_key_b,
				      .reg = slot->reg,
				      .vaddr = slot->vaddr,
				      .old = slot->raw,
				      .plain = plain,
				      .modifier = slot->modifier,
				      .keys = (size_t)(slot->keys -
						       signs->keys),
				      .new_ = slot->raw,
			      });
}

struct cr_error *cr_rekey_look(struct cr_rekey_plan *plan,
			       struct cr_stacks *stacks,
			       const struct cr_slots *slots,
			       const struct cr_signs *signs)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < slots->nr; i++)
		err = look_at_slot(plan, stacks, &slots->slot[i], signs);
	for (size_t i = 0; !err && i < slots->nr_walks; i++)
		err = doubt_walk(plan, stacks->pid, &slots->walk[i]);
	if (!err)
		err = doubt_memory(plan, stacks->pid, slots);
	return err ? err : doubt_code(plan, stacks);
}

struct cr_error *cr_rekey_sign(struct cr_rekey_plan *plan,
			       const struct cr_pac_scheme *to,
			       const struct cr_rekey_keys *keys)
{
	if (to && plan->end > UINT64_C(1) << to->va_bits)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "memory is mapped up to 0x%llx, which is "
				    "beyond addresses of %u bits",
				    (ull)plan->end, to->va_bits);
	for (size_t i = 0; i < plan->nr; i++) {
		struct cr_rekey_word *w = &plan->word[i];
		w->new_ = w->plain;
		if (to)
			w->new_ = cr_pac_sign(to,
					      &keys[w->keys].new_[w->is_key_b],
					      CR_PAC_CODE, w->plain,
					      w->modifier);
	}
	return NULL;
}

struct cr_error *cr_rekey_refuse(const struct cr_rekey_plan *plan,
				 unsigned accept)
{
	for (unsigned i = 0; i < CR_NR_REKEY_RISKS; i++) {
		const struct cr_rekey_found *found = &plan->risk[i];
		char more[48] = "";
		if (!found->nr || accept & 1u << i)
			continue;
		if (found->nr > 1)
			snprintf(more, sizeof(more), ", and %llu more",
				 (ull)found->nr - 1);
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "%s%s; --accept=%s %s",
				    cr_error_text(found->first), more,
				    risks[i].name, risks[i].what);
	}
	return NULL;
}

void cr_rekey_plan_deinit(struct cr_rekey_plan *plan)
{
	for (unsigned i = 0; i < CR_NR_REKEY_RISKS; i++)
		cr_error_free(plan->risk[i].first);
	cr_error_free(plan->generic.first);
	free(plan->word);
	*plan = (struct cr_rekey_plan){ 0 };
}
