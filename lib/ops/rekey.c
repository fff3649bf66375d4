// SPDX-License-Identifier: MIT
#include "lib/ops/rekey.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/ops/poke.h"
#include "lib/ops/tree.h"

struct rekey {
	struct cr_change *change;
	const struct cr_rekey_opts *o;
	struct cr_rekey_view view;
	size_t *in_register; /* words of the plan that are */
	size_t nr_in_register;
};

/* ---- writing ---- */

static struct cr_error *write_memory(struct rekey *k)
{
	const struct cr_rekey_plan *plan = &k->view.plan;
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
			&t->k->view.plan.word[t->k->in_register[i]];
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
	k->in_register = calloc(k->view.plan.nr + 1, sizeof(k->in_register[0]));
	if (!k->in_register)
		return cr_enomem;
	for (size_t i = 0; i < k->view.plan.nr; i++)
		if (!k->view.plan.word[i].in_memory)
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
	for (size_t i = 0; !err && i < k->view.signs.nr; i++) {
		struct thread t = { k, &k->view.keys[i] };
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
	struct rekey k = { .change = change, .o = opts };
	*ret = (struct cr_rekey_result){ 0 };
	struct cr_error *err = check_opts(opts);
	if (!err)
		err = cr_rekey_view_open(&k.view, cr_change_set(change), opts);
	if (!err)
		err = cr_rekey_view_judge(&k.view, opts, ret);
	if (!err)
		err = cr_rekey_view_renew(&k.view, opts, ret, k.view.keys);
	if (!err)
		err = cr_rekey_sign(&k.view.plan,
				    opts->mode == CR_REKEY_STRIP ? NULL :
								   &ret->to,
				    k.view.keys);
	if (!err)
		err = write_memory(&k);
	if (!err)
		err = write_threads(&k);
	free(k.in_register);
	cr_rekey_view_close(&k.view);
	return err;
}
