// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "crit/pac/pac.h"
#include "crit/verb.h"
#include "crit/x/function.h"

// To add a view: its function in crit/pac/NAME.c, declared in crit/pac/pac.h,
// a row here, and a paragraph in the text below.
// clang-format off
static void (*const views[])(struct cr_pac *p) = { cr_pac_show, cr_pac_verify, cr_pac_slots };
static const char *const names[] = { "show", "verify", "slots", NULL };

static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct cr_pac_opts, pids, CR_TAKES_PID), "PID[,PID...]", "these processes only" },
	{ 0, "sysroot", NULL, CR_STRING(struct cr_pac_opts, sysroot, CR_TAKES_DIR), "DIR", "where the files are that were mapped" },
	{ 0, "json", NULL, CR_FLAG(struct cr_pac_opts, json), NULL, "write JSON" },
	{ CR_ARG, CR_CHOICE(struct cr_pac_opts, what, names), "WHAT", "the view" },
	{ CR_ARG, CR_STRING(struct cr_pac_opts, dir, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint" },
	{ 0 },
};
// clang-format on

/* ---- processes ---- */

static struct cr_error *find_slots(struct cr_pac *p,
				   struct cr_stacks *stacks,
				   struct cr_pac_found *found)
{
	if (found->is_done || !stacks->arch)
		return NULL;
	struct cr_error *err =
		cr_slots_find(&found->slots, &stacks->unwind, &p->signs,
			      stacks->pid, stacks->thread, stacks->nr);
	found->has = !err;
	return err;
}

static void each_process(struct cr_pac *p, const struct cr_task *task,
			 cr_pac_fn *fn, void *arg)
{
	struct cr_pac_found *found =
		&p->found[cr_pstree_entry(&p->x.tree, task)];
	struct cr_stacks stacks;
	if (found->is_done && !found->has)
		return;
	struct cr_error *err = cr_stacks_open(&stacks, &p->memory, task);
	if (!err) {
		err = find_slots(p, &stacks, found);
		if (found->has)
			fn(p, &stacks, &found->slots, arg);
		cr_stacks_close(&stacks);
	}
	found->is_done = true;
	if (err)
		cr_x_find(&p->x, cr_error_at(err, "process %u",
					     task->entry->pid));
}

void cr_pac_each(struct cr_pac *p, cr_pac_fn *fn, void *arg)
{
	cr_x_for_each(task, &p->x)
		each_process(p, task, fn, arg);
}

/* ---- what all views say ---- */

void cr_pac_scheme(struct cr_pac *p)
{
	cr_x_scheme(&p->x, &p->signs);
	if (p->signs.is_proved)
		cr_x_scheme_line(&p->x, &p->signs);
	else
		cr_x_text(&p->x,
			  "no algorithm and address size is proved by the %zu "
			  "signed return addresses\n",
			  p->signs.nr_samples);
}

/* ---- the verb ---- */

static struct cr_error *start(struct cr_pac *p,
			      const struct cr_verb_call *call)
{
	const struct cr_pac_opts *o = p->o;
	struct cr_x *x = &p->x;
	struct cr_error *err = cr_x_open_memory(x, call, o->dir, o->pids,
						o->sysroot, &p->memory);
	p->found = err ? NULL : calloc(x->tree.nr + 1, sizeof(p->found[0]));
	if (!err && !p->found)
		err = cr_enomem;
	return err ? err : cr_stacks_learn(&p->signs, &p->memory, &x->tree);
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct cr_pac_opts *o = call->values;
	struct cr_pac p = { .o = o,
			    .x = { .json = o->json, .term = call->term } };
	struct cr_error *err = start(&p, call);
	if (!err) {
		views[o->what - 1](&p);
		err = cr_x_end(&p.x);
	}
	for (size_t i = 0; p.found && i < p.x.tree.nr; i++)
		cr_slots_deinit(&p.found[i].slots);
	free(p.found);
	cr_signs_deinit(&p.signs);
	cr_memory_deinit(&p.memory);
	cr_x_deinit(&p.x);
	return err;
}

const struct cr_verb cr_verb_pac = {
	.name = "pac",
	.summary = "signed pointers: keys, where they are, whether they authenticate",
	.text = "Looks for every signed pointer (pointer authentication, PAC) of the "
		"processes, on any host: return addresses of the threads' "
		"frames, of stacks that no thread is on (coroutines, alternate "
		"stacks, what is saved in the heap), and whatever else in "
		"writable memory looks signed. Which algorithm and address size "
		"the keys in the images are for, the frames prove themselves; the "
		"odds are said. Files that were mapped are taken from the "
		"--sysroot, as 'crit bt' does. AArch64.\n"
		"\n"
		"show: each thread's keys, as fingerprints that tell them apart "
		"and not what they are, which of them are enabled, its frames and "
		"how many of them are signed; the stacks that are parked, by what "
		"they were found (at: where the registers were saved, or the "
		"word); and how often the code signs and authenticates: hint "
		"instructions, which other processors ignore, returns (retaa), "
		"the forms for any register (pacia, braa, ldraa), and codes over "
		"data (pacga). elsewhere counts the latter two where there are no "
		"functions, which are mostly data; first is the first in one. "
		"JSON: {scheme: {algorithm, va_bits, samples, matched, evidence}, "
		"threads: [{pid, tid, ia, ib, da, db, ga, enabled, frames, "
		"signed, end}], parked: [{pid, origin, at, function, sp, frames, "
		"signed, end}], text: [{pid, start, hint, return, register, "
		"generic, elsewhere, first, file}]}.\n"
		"\n"
		"slots: each signed pointer: where it is (an address, or a "
		"register of the thread), the key, the modifier it was signed "
		"with, and the function whose return address it is. origin: "
		"stack, a thread's frame; context, a frame from registers that "
		"were saved in memory; found, a word that authenticates with the "
		"modifier that call frame information implies; copy, the same "
		"word as another's; none, it only looks signed. grade: exact, by "
		"a thread's frames; verified, found by looking and it "
		"authenticates, which a wrong one does once in 2 to the bits of "
		"the code; suspect. verdict: as in 'crit bt --verify'. JSON: a "
		"list of objects with these keys.\n"
		"\n"
		"verify: how many are of each grade and verdict, and those that "
		"do not authenticate, or cannot be told. stale are words that "
		"look signed below a stack pointer; they count for nothing. Exit "
		"status: 0 verified, all authenticate; 1 failed, one does not; 3 "
		"cannot tell, where something was not to be looked at, or nothing "
		"is signed. JSON: {scheme, processes: [{pid, signed, exact, "
		"verified, suspect, authenticate, fail, unknown, stale}], "
		"doubtful: as slots, verdict, why}.\n"
		"\n"
		"show and slots say which files they would have needed, by "
		"build-id and where they were looked for; the exit status is 3 "
		"then.",
	.opts = opts,
	.values_size = sizeof(struct cr_pac_opts),
	.run = run,
};
