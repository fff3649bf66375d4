// SPDX-License-Identifier: MIT
#include "lib/ops/rekey.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/image/pstree.h"
#include "lib/ops/poke.h"
#include "lib/ops/tree.h"

struct rekey {
	struct cr_change *change;
	const struct cr_rekey_opts *o;
	struct cr_rekey_result *r;
	struct cr_signs signs;
	struct cr_rekey_keys *keys; /* parallel to signs.keys */
	struct cr_rekey_plan plan;
	size_t at; /* in keys, where the next process may begin */
	size_t *in_register; /* words of the plan that are */
	size_t nr_in_register;
};

/* ---- looking ---- */

static struct cr_error *take_keys(struct rekey *k, struct cr_stacks *stacks)
{
	struct cr_signs *signs = &k->signs;
	bool has = false;
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
		cr_rekey_keys_of(&k->keys[k->at++], stacks->pid, t->tid,
				 t->core);
		has = has || of->has;
		k->r->nr_threads += of->has;
	}
	k->r->nr_processes += has;
	return NULL;
}

static struct cr_error *look_at_process(struct rekey *k,
					struct cr_memory *memory,
					const struct cr_task *task)
{
	struct cr_stacks stacks;
	struct cr_slots slots = { 0 };
	struct cr_error *err = cr_stacks_open(&stacks, memory, task);
	if (err)
		return err;
	if (stacks.arch) {
		err = take_keys(k, &stacks);
		if (!err)
			err = cr_slots_find(&slots, &stacks.unwind, &k->signs,
					    stacks.pid, stacks.thread,
					    stacks.nr);
		if (!err)
			err = cr_rekey_look(&k->plan, &stacks, &slots,
					    &k->signs);
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

static struct cr_error *learn(struct rekey *k, struct cr_memory *memory,
			      const struct cr_pstree *tree)
{
	struct cr_error *err = cr_stacks_learn(&k->signs, memory, tree);
	if (err)
		return err;
	if (!has_keys(&k->signs))
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "no process has pointer authentication "
				    "keys");
	if (k->o->from) {
		k->signs.scheme = *k->o->from;
		k->signs.is_proved = true;
	}
	k->keys = calloc(k->signs.nr, sizeof(k->keys[0]));
	return k->keys ? NULL : cr_enomem;
}

static struct cr_error *look(struct rekey *k)
{
	struct cr_memory memory = { 0 };
	struct cr_pstree tree = { 0 };
	struct cr_set *set = cr_change_set(k->change);
	struct cr_error *err = cr_pstree_load(set, &tree);
	if (!err)
		err = cr_memory_init(&memory, set, k->o->sysroot);
	if (!err)
		err = learn(k, &memory, &tree);
	for (size_t i = 0; !err && i < tree.nr; i++) {
		err = look_at_process(k, &memory, &tree.task[i]);
		if (err)
			err = cr_error_at(err, "process %u",
					  tree.task[i].entry->pid);
	}
	cr_memory_deinit(&memory);
	cr_pstree_free(&tree);
	return err;
}

/* ---- deciding ---- */

static struct cr_error *choose_scheme(struct rekey *k)
{
	const struct cr_rekey_opts *o = k->o;
	struct cr_rekey_result *r = k->r;
	const struct cr_rekey_found *risk = k->plan.risk;
	r->is_proved = k->signs.is_proved;
	r->from = r->to = k->signs.scheme;
	if (o->has_algorithm)
		r->to.algorithm = o->algorithm;
	if (o->va_bits)
		r->to.va_bits = o->va_bits;
	if (r->is_proved || o->mode == CR_REKEY_STRIP ||
	    !(k->plan.nr || risk[CR_REKEY_RESIDUAL].nr))
		return NULL;
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "no algorithm and address size is proved by the "
			    "%zu signed return addresses: --from says what "
			    "they are, --keys=strip makes them plain",
			    k->signs.nr_samples);
}

/* One generic key for all is not to be had if each is still needed. */
static bool has_own_generic(const struct rekey *k)
{
	for (size_t i = 1; i < k->signs.nr; i++)
		if (k->keys[i].pid == k->keys[i - 1].pid &&
		    memcmp(&k->keys[i].old[CR_REKEY_GA],
			   &k->keys[i - 1].old[CR_REKEY_GA],
			   sizeof(k->keys[i].old[0])))
			return true;
	return false;
}

/* Results of PACGA are anywhere in memory, and stay what they are. */
static void judge_generic(struct rekey *k)
{
	const struct cr_rekey_opts *o = k->o;
	struct cr_rekey_plan *plan = &k->plan;
	bool is_other = o->mode != CR_REKEY_STRIP && k->r->is_proved &&
			k->r->to.algorithm != k->r->from.algorithm;
	bool is_accepted = o->accept & 1u << CR_REKEY_GENERIC;
	k->r->keeps_generic =
		!is_accepted &&
		(plan->generic.nr || plan->risk[CR_REKEY_UNSEEN].nr);
	if (!plan->generic.nr ||
	    !(is_other || is_accepted || (o->unify && has_own_generic(k))))
		return;
	plan->risk[CR_REKEY_GENERIC] = plan->generic;
	plan->generic.first = NULL;
}

static struct cr_error *decide(struct rekey *k)
{
	const struct cr_rekey_opts *o = k->o;
	struct cr_rekey_result *r = k->r;
	/* What is missing is why nothing is proved. */
	struct cr_error *err = cr_rekey_refuse(
		&k->plan, o->accept | ~(1u << CR_REKEY_UNSEEN));
	if (!err)
		err = choose_scheme(k);
	if (err)
		return err;
	judge_generic(k);
	err = cr_rekey_refuse(&k->plan, o->accept);
	for (unsigned i = 0; i < CR_NR_REKEY_RISKS; i++)
		r->nr_risks[i] = k->plan.risk[i].nr;
	if (!err && o->mode != CR_REKEY_SAVED)
		err = cr_rekey_renew(k->keys, k->signs.nr, o->keys_fd,
				     r->keeps_generic);
	if (!err && o->unify)
		cr_rekey_unify(k->keys, k->signs.nr, r->keeps_generic);
	if (err)
		return err;
	r->nr_words = k->plan.nr;
	r->nr_other = k->plan.nr_other;
	return cr_rekey_sign(&k->plan, o->mode == CR_REKEY_STRIP ? NULL : &r->to,
			     k->keys);
}

/* ---- writing ---- */

static struct cr_error *write_memory(struct rekey *k)
{
	const struct cr_rekey_plan *plan = &k->plan;
	cr_auto_free struct cr_poke *list = calloc(plan->nr + 1, sizeof(*list));
	cr_auto_free uint64_t *word = calloc(plan->nr + 1, sizeof(*word));
	size_t nr = 0;
	if (!list || !word)
		return cr_enomem;
	for (size_t i = 0; i < plan->nr; i++) {
		const struct cr_rekey_word *w = &plan->word[i];
		word[i] = htole64(w->new_);
		if (w->in_memory)
			list[nr++] = (struct cr_poke){ w->pid, w->vaddr,
						       &word[i], 8 };
	}
	return nr ? cr_poke_all(k->change, list, nr, k->o->sysroot) : NULL;
}

/* A thread whose core is written. */
struct thread {
	const struct rekey *k;
	const struct cr_rekey_keys *keys;
};

static struct cr_error *set_u64(json_t *message, const char *name,
				uint64_t value)
{
	json_t *v = cr_tree_int((struct cr_int){ .magnitude = value });
	return v && !json_object_set_new(message, name, v) ? NULL : cr_enomem;
}

static struct cr_error *set_key(json_t *message, const char *lo, const char *hi,
				const struct cr_pac_key *key)
{
	struct cr_error *err = set_u64(message, lo, key->lo);
	return err ? err : set_u64(message, hi, key->hi);
}

static struct cr_error *set_keys(const struct thread *t, json_t *pac)
{
	static const char *const names[][2] = {
		[CR_REKEY_IA] = { "apiakey_lo", "apiakey_hi" },
		[CR_REKEY_IB] = { "apibkey_lo", "apibkey_hi" },
		[CR_REKEY_DA] = { "apdakey_lo", "apdakey_hi" },
		[CR_REKEY_DB] = { "apdbkey_lo", "apdbkey_hi" },
		[CR_REKEY_GA] = { "apgakey_lo", "apgakey_hi" },
	};
	json_t *address = json_object_get(pac, "pac_address_keys");
	json_t *generic = json_object_get(pac, "pac_generic_keys");
	struct cr_error *err = NULL;
	for (unsigned i = 0; !err && i < CR_NR_REKEY_KINDS; i++)
		if (t->keys->has[i])
			err = set_key(i == CR_REKEY_GA ? generic : address,
				      names[i][0], names[i][1],
				      &t->keys->new_[i]);
	if (!err && address && t->k->o->mode == CR_REKEY_STRIP)
		err = set_u64(address, "pac_enabled_key", 0);
	return err;
}

static struct cr_error *set_registers(const struct thread *t, json_t *info)
{
	json_t *regs = json_object_get(json_object_get(info, "gpregs"), "regs");
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < t->k->nr_in_register; i++) {
		const struct cr_rekey_word *w =
			&t->k->plan.word[t->k->in_register[i]];
		if (w->pid != t->keys->pid || w->tid != t->keys->tid)
			continue;
		json_t *v =
			cr_tree_int((struct cr_int){ .magnitude = w->new_ });
		err = v && !json_array_set_new(regs, w->reg, v) ? NULL :
								   cr_enomem;
	}
	return err;
}

static struct cr_error *set_thread(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	const struct thread *t = arg;
	json_t *info = json_object_get(entry, "ti_aarch64");
	struct cr_error *err = set_keys(t, json_object_get(info, "pac_keys"));
	if (!err)
		err = set_registers(t, info);
	*ret = CR_REWRITE_CHANGED;
	(void)at;
	return err;
}

static struct cr_error *list_registers(struct rekey *k)
{
	k->in_register = calloc(k->plan.nr + 1, sizeof(k->in_register[0]));
	if (!k->in_register)
		return cr_enomem;
	for (size_t i = 0; i < k->plan.nr; i++)
		if (!k->plan.word[i].in_memory)
			k->in_register[k->nr_in_register++] = i;
	return NULL;
}

static struct cr_error *write_threads(struct rekey *k)
{
	struct cr_tree tree = { 0 };
	const struct cr_rewrite_opts opts = { .end = 1, .tree = &tree };
	struct cr_error *err = cr_tree_init(&tree);
	if (!err)
		err = list_registers(k);
	for (size_t i = 0; !err && i < k->signs.nr; i++) {
		struct thread t = { k, &k->keys[i] };
		char image[32];
		snprintf(image, sizeof(image), "core-%u.img",
			 (unsigned)t.keys->tid);
		if (t.keys->has[CR_REKEY_IA] || t.keys->has[CR_REKEY_GA])
			err = cr_rewrite(k->change, image, &opts, set_thread,
					 &t);
	}
	cr_tree_deinit(&tree);
	return err;
}

/* ---- */

static struct cr_error *check_opts(const struct cr_rekey_opts *o)
{
	bool is_other = o->has_algorithm || o->va_bits;
	if (o->mode == CR_REKEY_STRIP && is_other)
		return cr_error_new(CR_ERR_USAGE, "what is stripped has no "
						  "algorithm and address size");
	if (o->va_bits && (o->va_bits < CR_PAC_VA_BITS_MIN ||
			   o->va_bits > CR_PAC_VA_BITS_MAX))
		return cr_error_new(CR_ERR_USAGE,
				    "addresses have %u to %u bits",
				    CR_PAC_VA_BITS_MIN, CR_PAC_VA_BITS_MAX);
	return NULL;
}

struct cr_error *cr_rekey(struct cr_change *change,
			  const struct cr_rekey_opts *opts,
			  struct cr_rekey_result *ret)
{
	struct rekey k = { .change = change, .o = opts, .r = ret };
	*ret = (struct cr_rekey_result){ 0 };
	struct cr_error *err = check_opts(opts);
	if (!err)
		err = look(&k);
	if (!err)
		err = decide(&k);
	if (!err)
		err = write_memory(&k);
	if (!err)
		err = write_threads(&k);
	if (k.keys)
		explicit_bzero(k.keys, k.signs.nr * sizeof(k.keys[0]));
	free(k.keys);
	free(k.in_register);
	cr_signs_deinit(&k.signs);
	cr_rekey_plan_deinit(&k.plan);
	return err;
}
