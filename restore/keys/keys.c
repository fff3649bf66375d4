// SPDX-License-Identifier: MIT
#include "restore/keys/keys.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/base/wipe.h"
#include "restore/arch/arch.h"
#include "restore/steps.h"
#include "restore/tracee.h"

void cr_keys_guard(void)
{
	if (!cr_native.signing)
		return;
	prctl(PR_SET_DUMPABLE, 0);
	mallopt(M_PERTURB, 0x5a);
}

void cr_keys_end(struct cr_rplan *plan)
{
	if (!cr_native.signing)
		return;
	cr_keys_free(plan->keys);
	plan->keys = NULL;
	cr_rplan_each_proc(proc, plan) {
		cr_proc_each_thread(thread, proc) {
			if (thread->core)
				cr_rekey_wipe_core(thread->core);
		}
	}
	cr_wipe_stack();
	cr_wipe_freed();
}

/* ---- what there is ---- */

static bool has_keys(const struct cr_thread *thread)
{
	struct cr_rekey_keys keys;
	cr_rekey_keys_of(&keys, 0, 0, thread->core);
	bool has = keys.has[CR_REKEY_IA];
	cr_rekey_wipe(&keys, 1);
	return has;
}

static bool any_has_keys(const struct cr_rplan *plan)
{
	cr_rplan_each_proc(proc, plan) {
		if (proc->zombie)
			continue;
		cr_proc_each_thread(thread, proc) {
			if (has_keys(thread))
				return true;
		}
	}
	return false;
}

static bool is_read(const struct cr_rplan *plan)
{
	cr_rplan_each_proc(proc, plan) {
		if (proc->unread)
			return false;
	}
	return true;
}

/* ---- how it was signed ---- */

static bool is_known(const struct cr_pac_scheme *scheme)
{
	return scheme->algorithm != CR_PAC_IMPDEF;
}

// NULL: as here, or it cannot be told from few frames. Quick.
static struct cr_error *glance(struct cr_rplan *plan)
{
	struct cr_error *err = NULL;
	cr_rplan_each_proc(proc, plan) {
		if (!err && !proc->zombie)
			err = cr_native.signing->check(proc, &plan->keys->here);
	}
	return err;
}

static struct cr_error *learn(struct cr_rplan *plan, struct cr_signs *signs)
{
	struct cr_memory memory = { 0 };
	struct cr_error *err =
		cr_memory_init(&memory, &plan->set, plan->keys->opts.sysroot);
	signs->engine = plan->keys->opts.engine;
	if (!err)
		err = cr_stacks_learn(signs, &memory, &plan->tree);
	cr_memory_deinit(&memory);
	return err;
}

static enum cr_keys_how compare(const struct cr_keys *keys)
{
	return keys->from.algorithm == keys->here.algorithm &&
			       keys->from.va_bits == keys->here.va_bits ?
		       CR_KEYS_ALIKE :
		       CR_KEYS_OTHERWISE;
}

// Frames that would prove it, if it were known.
static bool are_enough(const struct cr_signs *signs,
		       const struct cr_pac_scheme *here)
{
	uint64_t field = cr_pac_field(here, CR_PAC_CODE, 0);
	return signs->nr_samples * (size_t)__builtin_popcountll(field) >=
	       CR_SIGN_PROOF;
}

static struct cr_error *prove(struct cr_rplan *plan, bool *are_few_ret)
{
	struct cr_keys *keys = plan->keys;
	struct cr_signs signs = { 0 };
	struct cr_error *err = learn(plan, &signs);
	*are_few_ret = !are_enough(&signs, &keys->here);
	keys->is_proved = !err && signs.is_proved;
	keys->from = signs.scheme;
	cr_signs_deinit(&signs);
	return err;
}

// What few frames do not prove is taken to be as here; then all that is found has
// to authenticate. Asking for saved keys finds nothing but what speaks against it.
static struct cr_error *find_how(struct cr_rplan *plan)
{
	struct cr_keys *keys = plan->keys;
	bool are_few = false;
	bool keeps = keys->facts.want == CR_KEYS_SAVED ||
		     keys->facts.want == CR_KEYS_AUTO;
	struct cr_error *quick = glance(plan);
	if (!quick && keeps && is_known(&keys->here))
		return NULL;
	struct cr_error *err = prove(plan, &are_few);
	if (err || keys->is_proved) {
		cr_error_free(quick);
		keys->facts.how = compare(keys);
		return err;
	}
	if (!quick && are_few) {
		keys->from = keys->here;
		keys->opts.from = &keys->from;
		return NULL;
	}
	keys->facts.how = CR_KEYS_UNPROVED;
	if (keys->facts.want == CR_KEYS_OFF) {
		cr_error_free(quick);
		return NULL;
	}
	return cr_rplan_refuse(plan, quick);
}

/* ---- deciding ---- */

static struct cr_error *check_nothing_is_signed(struct cr_rplan *plan)
{
	struct cr_error *err = NULL;
	cr_rplan_each_proc(proc, plan) {
		if (err || proc->zombie || has_keys(proc->thread))
			continue;
		err = cr_native.signing->none(proc);
		if (err)
			err = cr_error_at(err,
					  "core-%u.img: entry 0: the image "
					  "holds no keys",
					  (unsigned)proc->vpid);
		err = cr_rplan_refuse(plan, err);
	}
	return err;
}

static void choose_opts(struct cr_keys *keys)
{
	static const enum cr_rekey_mode modes[] = {
		[CR_KEYS_RESIGN] = CR_REKEY_SAVED,
		[CR_KEYS_RENEW] = CR_REKEY_FRESH,
		[CR_KEYS_STRIP] = CR_REKEY_STRIP,
	};
	keys->opts.mode = modes[keys->row->what];
	if (keys->opts.mode == CR_REKEY_STRIP)
		return;
	keys->opts.has_algorithm = true;
	keys->opts.algorithm = keys->here.algorithm;
	keys->opts.va_bits = keys->here.va_bits;
}

static void link_threads(struct cr_rplan *plan)
{
	const struct cr_rekey_view *view = &plan->keys->view;
	size_t at = 0;
	cr_rplan_each_proc(proc, plan) {
		cr_proc_each_thread(thread, proc) {
			const struct cr_sign_keys *k =
				at < view->signs.nr ? &view->signs.keys[at] :
						      NULL;
			if (!k || k->pid != proc->vpid ||
			    k->tid != thread->vtid)
				k = cr_signs_find(&view->signs, proc->vpid,
						  thread->vtid);
			thread->has_keys = k;
			thread->keys = k ? (size_t)(k - view->signs.keys) : 0;
			at = thread->keys + 1;
		}
	}
}

static struct cr_error *link_words(struct cr_rplan *plan)
{
	struct cr_keys *keys = plan->keys;
	const struct cr_rekey_plan *words = &keys->view.plan;
	struct cr_proc *proc = NULL;
	keys->in_register = calloc(words->nr + 1, sizeof(keys->in_register[0]));
	if (!keys->in_register)
		return cr_enomem;
	for (size_t i = 0; i < words->nr; i++) {
		const struct cr_rekey_word *w = &words->word[i];
		if (!w->in_memory)
			keys->in_register[keys->nr_in_register++] = i;
		if (proc && proc->vpid == w->pid)
			continue;
		proc = cr_rplan_proc(plan, w->pid);
		if (proc)
			proc->first_word = i;
	}
	return NULL;
}

static struct cr_error *look(struct cr_rplan *plan)
{
	struct cr_keys *keys = plan->keys;
	choose_opts(keys);
	struct cr_error *err =
		cr_rekey_view_open(&keys->view, &plan->set, &keys->opts);
	if (!err)
		err = cr_rekey_view_judge(&keys->view, &keys->opts,
					  &keys->result);
	if (err)
		return err;
	keys->is_proved = keys->result.is_proved;
	keys->from = keys->result.from;
	link_threads(plan);
	err = link_words(plan);
	if (!err && keys->row->what != CR_KEYS_STRIP &&
	    keys->view.plan.end > UINT64_C(1) << keys->here.va_bits)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "memory is mapped up to 0x%llx, which is "
				    "beyond addresses of %u bits",
				    (unsigned long long)keys->view.plan.end,
				    keys->here.va_bits);
	return err;
}

static struct cr_error *decide(struct cr_rplan *plan)
{
	struct cr_keys *keys = plan->keys;
	struct cr_error *err = NULL;
	size_t nr = plan->nr_refusals;
	if (keys->opts.from)
		keys->facts.how = compare(keys);
	else if (keys->facts.in_images && keys->facts.here &&
		 keys->facts.want != CR_KEYS_UNCHECKED)
		err = find_how(plan);
	if (err)
		return err;
	keys->row = cr_keys_decide(&keys->facts);
	// Said already, with more words.
	if (keys->row->what == CR_KEYS_REFUSE && nr != plan->nr_refusals)
		return NULL;
	if (keys->row->what == CR_KEYS_REFUSE) {
		err = cr_error_new(CR_ERR_UNSUPPORTED, "%s", keys->row->why);
		return keys->facts.here ? cr_rplan_refuse(plan, err) :
					  cr_rplan_lacks(plan, err);
	}
	err = check_nothing_is_signed(plan);
	if (!err && cr_keys_signs(keys->row->what))
		err = look(plan);
	return err;
}

static struct cr_error *read_options(struct cr_rplan *plan)
{
	const struct cr_options *o = plan->options;
	struct cr_keys *keys = plan->keys;
	struct cr_error *err =
		cr_rekey_read_risks(o->accept, &keys->opts.accept);
	if (!err && o->from) {
		err = cr_rekey_read_scheme(o->from, &keys->from);
		keys->opts.from = &keys->from;
		keys->is_proved = true;
	}
	keys->opts.keys_fd = -1;
	keys->opts.sysroot = o->root ?: "/";
	return err;
}

// What is wrong with it comes first, and is why the rest failed.
static struct cr_error *close_engine(struct cr_pac_engine *engine,
				     struct cr_error *err)
{
	struct cr_error *first = cr_native.signing->close(engine);
	if (first)
		cr_error_free(err);
	return first ?: err;
}

static struct cr_error *decide_with_engine(struct cr_rplan *plan)
{
	struct cr_keys *keys = plan->keys;
	struct cr_pac_engine engine;
	struct cr_error *err = cr_native.signing->open(&engine);
	if (err)
		return err;
	keys->opts.engine = &engine;
	err = decide(plan);
	keys->opts.engine = NULL;
	keys->view.signs.engine = NULL;
	return close_engine(&engine, err);
}

struct cr_error *cr_keys_plan(struct cr_rplan *plan, struct cr_proc *proc)
{
	if (plan->keys || !is_read(plan))
		return NULL;
	struct cr_keys *keys = plan->keys = calloc(1, sizeof(*keys));
	if (!keys)
		return cr_enomem;
	keys->facts.want = cr_keys_want(plan->options);
	keys->facts.in_images = any_has_keys(plan);
	keys->facts.here = cr_native.signing &&
			   cr_native.signing->here(&keys->here);
	struct cr_error *err = read_options(plan);
	if (err)
		return err;
	if (!cr_native.signing) {
		keys->row = cr_keys_decide(&keys->facts);
		return NULL;
	}
	if (keys->facts.here && keys->facts.in_images &&
	    !is_known(&keys->here))
		return decide_with_engine(plan);
	return decide(plan);
}

void cr_keys_free(struct cr_keys *keys)
{
	if (!keys)
		return;
	cr_rekey_view_close(&keys->view);
	free(keys->in_register);
	free(keys);
}

/* ---- a copy ---- */

static size_t nr_keys(const struct cr_keys *keys)
{
	return keys->view.signs.nr;
}

static struct cr_error *draw(const struct cr_keys *keys,
			     struct cr_keys_copy *copy)
{
	copy->keys = calloc(nr_keys(keys) + 1, sizeof(copy->keys[0]));
	if (!copy->keys)
		return cr_enomem;
	memcpy(copy->keys, keys->view.keys,
	       nr_keys(keys) * sizeof(copy->keys[0]));
	return cr_rekey_view_renew(&keys->view, &keys->opts, &keys->result,
				   copy->keys);
}

// Words of one thread's keys, which are beside each other, at a time.
static struct cr_error *sign_all(const struct cr_rekey_plan *plan,
				 const struct cr_pac_engine *engine,
				 const struct cr_keys_copy *copy)
{
	for (size_t i = 0, end; i < plan->nr; i = end) {
		size_t of = plan->word[i].keys;
		for (end = i + 1; end < plan->nr && plan->word[end].keys == of;)
			end++;
		if (!engine->sign(engine->arg, copy->keys[of].new_,
				  copy->word + i, end - i))
			return cr_error_new(CR_ERR_INTERNAL,
					    "pointers were not signed");
	}
	return NULL;
}

static struct cr_error *list(const struct cr_rekey_plan *plan,
			     struct cr_keys_copy *copy)
{
	copy->word = calloc(plan->nr + 1, sizeof(copy->word[0]));
	if (!copy->word)
		return cr_enomem;
	for (size_t i = 0; i < plan->nr; i++)
		copy->word[i] = (struct cr_pac_job){ plan->word[i].plain,
						     plan->word[i].modifier,
						     plan->word[i].is_key_b };
	return NULL;
}

struct cr_error *cr_keys_open(const struct cr_rplan *plan,
			      struct cr_keys_maker *ret)
{
	const struct cr_keys *keys = plan->keys;
	*ret = (struct cr_keys_maker){ 0 };
	if (!keys || !keys->row || !cr_keys_signs(keys->row->what))
		return NULL;
	ret->draws = true;
	if (keys->row->what == CR_KEYS_STRIP)
		return NULL;
	struct cr_error *err = cr_native.signing->open(&ret->engine);
	ret->signs = !err;
	return err;
}

struct cr_error *cr_keys_draw(const struct cr_rplan *plan,
			      const struct cr_keys_maker *maker,
			      struct cr_keys_copy *copy)
{
	const struct cr_keys *keys = plan->keys;
	*copy = (struct cr_keys_copy){ 0 };
	if (!maker->draws)
		return NULL;
	struct cr_error *err = draw(keys, copy);
	if (!err)
		err = list(&keys->view.plan, copy);
	if (!err && maker->signs)
		err = sign_all(&keys->view.plan, &maker->engine, copy);
	if (maker->signs)
		maker->engine.forget(maker->engine.arg);
	return err;
}

struct cr_error *cr_keys_close(struct cr_keys_maker *maker,
			       struct cr_error *err)
{
	if (maker->signs)
		err = close_engine(&maker->engine, err);
	*maker = (struct cr_keys_maker){ 0 };
	return err;
}

static void say(const struct cr_restore *run)
{
	const struct cr_keys *keys = run->plan->keys;
	if (!run->log)
		return;
	fprintf(run->log, "--keys=%s: %s", cr_keys_name(keys->facts.want),
		keys->row->why);
	if (cr_keys_signs(keys->row->what))
		fprintf(run->log, ": %zu of %zu threads", keys->result.nr_words,
			keys->result.nr_threads);
	fputc('\n', run->log);
}

// A copy that waits for others has got its own by who started it.
struct cr_error *cr_keys_make(struct cr_restore *run)
{
	const struct cr_keys *keys = run->plan->keys;
	struct cr_keys_maker maker;
	if (keys && keys->row)
		say(run);
	if (run->gate) {
		run->keys = run->gate->keys;
		return NULL;
	}
	struct cr_error *err = cr_keys_open(run->plan, &maker);
	if (!err)
		err = cr_keys_draw(run->plan, &maker, &run->keys);
	return cr_keys_close(&maker, err);
}

struct cr_error *cr_keys_write(struct cr_restore *run, struct cr_thread *leader)
{
	const struct cr_keys *keys = run->plan->keys;
	const struct cr_proc *proc = leader->proc;
	struct cr_error *err = NULL;
	if (!run->keys.word)
		return NULL;
	for (size_t i = proc->first_word; !err && i < keys->view.plan.nr; i++) {
		const struct cr_rekey_word *w = &keys->view.plan.word[i];
		if (w->pid != proc->vpid)
			break;
		if (w->in_memory)
			err = cr_tracee_poke(leader, run->proc_fd, w->vaddr,
					     &run->keys.word[i].ptr, 8);
	}
	return err;
}

bool cr_keys_renews(const struct cr_rplan *plan)
{
	const struct cr_keys *keys = plan->keys;
	return keys && keys->row &&
	       (keys->row->what == CR_KEYS_RENEW ||
		keys->row->what == CR_KEYS_STRIP);
}

const struct cr_rekey_keys *cr_keys_of(const struct cr_restore *run,
				       const struct cr_thread *thread)
{
	return run->keys.keys && thread->has_keys ?
		       &run->keys.keys[thread->keys] :
		       NULL;
}

void cr_keys_registers(const struct cr_restore *run,
		       const struct cr_thread *thread, uint64_t *reg, size_t nr)
{
	const struct cr_keys *keys = run->plan->keys;
	for (size_t i = 0; run->keys.word && i < keys->nr_in_register; i++) {
		size_t at = keys->in_register[i];
		const struct cr_rekey_word *w = &keys->view.plan.word[at];
		if (w->pid == thread->proc->vpid && w->tid == thread->vtid &&
		    w->reg < nr)
			reg[w->reg] = run->keys.word[at].ptr;
	}
}

void cr_keys_forget(const struct cr_rplan *plan, struct cr_keys_copy *copy)
{
	if (copy->keys)
		cr_rekey_wipe(copy->keys, nr_keys(plan->keys));
	free(copy->keys);
	free(copy->word);
	*copy = (struct cr_keys_copy){ 0 };
}
