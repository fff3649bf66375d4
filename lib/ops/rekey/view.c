// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "lib/image/pstree.h"
#include "lib/ops/rekey.h"

/* ---- looking ---- */

struct look {
	struct cr_rekey_view *view;
	const struct cr_rekey_opts *o;
	struct cr_memory memory;
	struct cr_pstree tree;
	size_t at; /* in keys, where the next process may begin */
};

static struct cr_error *take_keys(struct look *k, const struct cr_stacks *stacks)
{
	const struct cr_signs *signs = &k->view->signs;
	for (size_t i = 0; i < stacks->nr; i++) {
		const struct cr_slot_thread *t = &stacks->thread[i];
		const struct cr_sign_keys *of =
			k->at < signs->nr ? &signs->keys[k->at] : NULL;
		if (!of || of->pid != stacks->pid || of->tid != t->tid)
			of = cr_signs_find(signs, stacks->pid, t->tid);
		if (!of)
			return cr_error_new(CR_ERR_FORMAT,
					    "thread %u is none of it", t->tid);
		k->at = (size_t)(of - signs->keys);
		cr_rekey_keys_of(&k->view->keys[k->at++], stacks->pid, t->tid,
				 t->core);
	}
	return NULL;
}

static struct cr_error *look_at_process(struct look *k,
					const struct cr_task *task)
{
	struct cr_rekey_view *view = k->view;
	struct cr_stacks stacks;
	struct cr_slots slots = { 0 };
	struct cr_error *err = cr_stacks_open(&stacks, &k->memory, task);
	if (err)
		return err;
	if (stacks.arch) {
		err = take_keys(k, &stacks);
		if (!err)
			err = cr_slots_find(&slots, &stacks.unwind,
					    &view->signs, stacks.pid,
					    stacks.thread, stacks.nr);
		if (!err)
			err = cr_rekey_look(&view->plan, &stacks, &slots,
					    &view->signs);
	}
	cr_slots_deinit(&slots);
	cr_stacks_close(&stacks);
	return err;
}

static bool has_keys(const struct cr_signs *signs)
{
	for (size_t i = 0; i < signs->nr; i++)
		if (signs->keys[i].has)
			return true;
	return false;
}

static struct cr_error *learn(struct look *k)
{
	struct cr_rekey_view *view = k->view;
	view->signs.engine = k->o->engine;
	struct cr_error *err =
		cr_stacks_learn(&view->signs, &k->memory, &k->tree);
	if (err)
		return err;
	if (!has_keys(&view->signs))
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "no process has pointer authentication "
				    "keys");
	if (k->o->from) {
		view->signs.scheme = *k->o->from;
		view->signs.is_proved = true;
	}
	view->keys = calloc(view->signs.nr, sizeof(view->keys[0]));
	return view->keys ? NULL : cr_enomem;
}

struct cr_error *cr_rekey_view_open(struct cr_rekey_view *view,
				    struct cr_set *set,
				    const struct cr_rekey_opts *opts)
{
	struct look k = { .view = view, .o = opts };
	*view = (struct cr_rekey_view){ 0 };
	struct cr_error *err = cr_pstree_load(set, &k.tree);
	if (!err)
		err = cr_memory_init(&k.memory, set, opts->sysroot);
	if (!err)
		err = learn(&k);
	for (size_t i = 0; !err && i < k.tree.nr; i++) {
		err = look_at_process(&k, &k.tree.task[i]);
		if (err)
			err = cr_error_at(err, "process %u",
					  k.tree.task[i].entry->pid);
	}
	cr_memory_deinit(&k.memory);
	cr_pstree_free(&k.tree);
	return err;
}

void cr_rekey_view_close(struct cr_rekey_view *view)
{
	cr_rekey_wipe(view->keys, view->signs.nr);
	free(view->keys);
	cr_signs_deinit(&view->signs);
	cr_rekey_plan_deinit(&view->plan);
	*view = (struct cr_rekey_view){ 0 };
}

/* ---- deciding ---- */

static struct cr_error *choose_scheme(const struct cr_rekey_view *view,
				      const struct cr_rekey_opts *o,
				      struct cr_rekey_result *r)
{
	const struct cr_signs *signs = &view->signs;
	r->is_proved = signs->is_proved;
	r->from = r->to = signs->scheme;
	if (o->has_algorithm)
		r->to.algorithm = o->algorithm;
	if (o->va_bits)
		r->to.va_bits = o->va_bits;
	if (r->is_proved || o->mode == CR_REKEY_STRIP ||
	    !(view->plan.nr || view->plan.risk[CR_REKEY_RESIDUAL].nr))
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "no algorithm and address size is proved by the "
			    "%zu signed return addresses: --from says what "
			    "they are, and to strip them does not need that",
			    signs->nr_samples);
}

/* One generic key for all is not to be had if each is still needed. */
static bool has_own_generic(const struct cr_rekey_view *view)
{
	const struct cr_rekey_keys *keys = view->keys;
	for (size_t i = 1; i < view->signs.nr; i++)
		if (keys[i].pid == keys[i - 1].pid &&
		    memcmp(&keys[i].old[CR_REKEY_GA],
			   &keys[i - 1].old[CR_REKEY_GA],
			   sizeof(keys[i].old[0])))
			return true;
	return false;
}

/* Results of PACGA are anywhere in memory, and stay what they are. */
static void judge_generic(struct cr_rekey_view *view,
			  const struct cr_rekey_opts *o,
			  struct cr_rekey_result *r)
{
	struct cr_rekey_plan *plan = &view->plan;
	bool is_other = o->mode != CR_REKEY_STRIP && r->is_proved &&
			r->to.algorithm != r->from.algorithm;
	bool is_accepted = o->accept & 1u << CR_REKEY_GENERIC;
	r->keeps_generic =
		!is_accepted &&
		(plan->generic.nr || plan->risk[CR_REKEY_UNSEEN].nr);
	if (!plan->generic.nr ||
	    !(is_other || is_accepted || (o->unify && has_own_generic(view))))
		return;
	plan->risk[CR_REKEY_GENERIC] = plan->generic;
	plan->generic.first = NULL;
}

/* Those of a process are beside each other. */
static void count_keys(const struct cr_signs *signs, struct cr_rekey_result *r)
{
	bool has = false;
	for (size_t i = 0; i < signs->nr; i++) {
		const struct cr_sign_keys *k = &signs->keys[i];
		if (!i || k->pid != k[-1].pid)
			has = false;
		r->nr_processes += k->has && !has;
		r->nr_threads += k->has;
		has = has || k->has;
	}
}

struct cr_error *cr_rekey_view_judge(struct cr_rekey_view *view,
				     const struct cr_rekey_opts *o,
				     struct cr_rekey_result *r)
{
	*r = (struct cr_rekey_result){ 0 };
	/* What is missing is why nothing is proved. */
	struct cr_error *err = cr_rekey_refuse(
		&view->plan, o->accept | ~(1u << CR_REKEY_UNSEEN));
	if (!err)
		err = choose_scheme(view, o, r);
	if (err)
		return err;
	judge_generic(view, o, r);
	for (unsigned i = 0; i < CR_NR_REKEY_RISKS; i++)
		r->nr_risks[i] = view->plan.risk[i].nr;
	r->nr_words = view->plan.nr;
	r->nr_other = view->plan.nr_other;
	count_keys(&view->signs, r);
	return cr_rekey_refuse(&view->plan, o->accept);
}

struct cr_error *cr_rekey_view_renew(const struct cr_rekey_view *view,
				     const struct cr_rekey_opts *o,
				     const struct cr_rekey_result *r,
				     struct cr_rekey_keys *keys)
{
	struct cr_error *err = NULL;
	if (o->mode != CR_REKEY_SAVED)
		err = cr_rekey_renew(keys, view->signs.nr, o->keys_fd,
				     r->keeps_generic);
	if (!err && o->unify)
		cr_rekey_unify(keys, view->signs.nr, r->keeps_generic);
	return err;
}
