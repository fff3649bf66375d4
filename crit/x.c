// SPDX-License-Identifier: MIT
#include "crit/kept.h"
#include "crit/verb.h"
#include "crit/x/views.h"

struct x {
	const char *dir, *pids;
	unsigned what;
	bool json, secrets;
};

static const char *const names[] = {
#define VIEW(name, ...) #name,
#include "crit/x/views.def"
#undef VIEW
	NULL,
};

static const struct {
	void (*run)(struct cr_x *x);
	bool needs_tree;
} views[] = {
#define VIEW(name, tree, ...) { cr_x_view_##name, tree },
#include "crit/x/views.def"
#undef VIEW
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct x, pids, CR_TAKES_PID), "PID[,PID...]", "these processes only" },
	{ 0, "json", NULL, CR_FLAG(struct x, json), NULL, "write JSON" },
	{ 0, "show-secrets", NULL, CR_FLAG(struct x, secrets), NULL, "show key material, which is left out otherwise" },
	{ CR_ARG, CR_STRING(struct x, dir, CR_TAKES_CHECKPOINT), "DIR", "the checkpoint" },
	{ CR_ARG, CR_CHOICE(struct x, what, names), "WHAT", "the view" },
	{ 0 },
};
// clang-format on

static struct cr_error *start(struct cr_x *x, const struct cr_verb_call *call)
{
	const struct x *o = call->values;
	struct cr_error *err = cr_kept_set(call, o->dir, &x->set);
	if (err)
		return err;
	err = cr_pstree_load(&x->set, &x->tree);
	/* A pre-dump has none. */
	if (!views[o->what - 1].needs_tree)
		cr_error_catch(&err, CR_ERR_NOT_FOUND);
	if (err)
		return cr_error_at(err, "%s", o->dir);
	err = cr_x_choose_pids(x, o->pids);
	return err ? err : cr_x_begin(x, call->out);
}

static struct cr_error *show(struct cr_x *x, const struct x *o)
{
	views[o->what - 1].run(x);
	return cr_x_end(x);
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct x *o = call->values;
	struct cr_x x = { .json = o->json,
			  .secrets = o->secrets,
			  .term = call->term };
	struct cr_error *err = start(&x, call);
	if (!err)
		err = show(&x, o);
	cr_x_deinit(&x);
	return err;
}

#define VIEW(name, tree, keys, skip, summary, text, json) \
	"\n\n" #name ": " summary ". " text "JSON: " json

const struct cr_verb cr_verb_x = {
	.name = "x",
	.summary = "look at a checkpoint: processes, files, memory",
	.text = "Shows one view of a checkpoint. Control characters, those of "
		"direction and format, and bytes that are not UTF-8 are shown "
		"as \\xNN in names. With --json "
		"numbers are numbers, addresses are text in hex, names are "
		"text, or {\"@qp\": ...} in quoted-printable if they are not "
		"UTF-8; what an image does not say is null or absent.\n"
		"\n"
		"What is wrong in the images does not end a view: it shows "
		"what there is, then says what was wrong first, and exits with "
		"1. A process that was a zombie has no files and no memory; "
		"where those would be stands the word zombie.\n"
		"\n"
		"Those from sk on are tables: a heading and a line for each "
		"row, - for what is null or empty. Their columns are the keys of the "
		"objects that --json makes a list of."
#include "crit/x/views.def"
#undef VIEW
	,
	.opts = opts,
	.values_size = sizeof(struct x),
	.run = run,
};
