// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "crit/edit/edit.h"
#include "crit/limits.h"
#include "crit/verb.h"
#include "lib/base/nearest.h"

/* Actions are in crit/edit/actions.def and crit/edit/domain.def, where one is
 * added. */
static const struct action {
	const char *name, *args;
	size_t min, max;
	bool looks;
	struct cr_error *(*run)(struct cr_edit_call *call);
} actions[] = {
#define ACTION(name, args, min, max, looks, ...) \
	{ #name, args, min, max, looks, cr_edit_act_##name },
#include "crit/edit/actions.def"
#undef ACTION
#define DOMAIN(id, name, args, min, ...) \
	{ name, args, min, 0, false, cr_edit_act_##id },
#include "crit/edit/domain.def"
#undef DOMAIN
};

static const char *const names[] = {
#define ACTION(name, ...) #name,
#include "crit/edit/actions.def"
#undef ACTION
#define DOMAIN(id, name, ...) name,
#include "crit/edit/domain.def"
#undef DOMAIN
	NULL,
};

static const struct action patch = { "--patch", "no arguments", 0, 0, false,
				     cr_edit_act_patch };
static const struct action editor = { "--editor", "names of images", 0, 0,
				      false, cr_edit_act_editor };

// clang-format off
static const struct cr_opt opts[] = {
	{ 0, "patch", NULL, CR_STRING(struct cr_edit_options, patch, CR_TAKES_FILE), "FILE", "apply a JSON Patch or a merge patch; - for standard input" },
	{ 0, "editor", NULL, CR_FLAG(struct cr_edit_options, editor), NULL, "edit images as JSON in $VISUAL or $EDITOR; their names follow TARGET" },
	{ 0, "if-exists", NULL, CR_FLAG(struct cr_edit_options, if_exists), NULL, "what is not there is no error" },
	{ 'p', "pid", NULL, CR_STRING(struct cr_edit_options, pids, CR_TAKES_PID), "PID[,PID...]", "env, lsm, rlimit, cred: of these processes only" },
	{ 0, "offset", NULL, CR_STRING(struct cr_edit_options, offset, CR_TAKES_ANYTHING), "N", "pid: added to every id" },
	{ 0, "src", NULL, CR_FLAG(struct cr_edit_options, src), NULL, "port: of the sockets' own ends only" },
	{ 0, "dst", NULL, CR_FLAG(struct cr_edit_options, dst), NULL, "port: of the other ends only, wherever these are" },
	{ 0, "listen", NULL, CR_FLAG(struct cr_edit_options, listen), NULL, "port: of sockets that listen only" },
	{ 0, "sysroot", NULL, CR_STRING(struct cr_edit_options, sysroot, CR_TAKES_DIR), "DIR", "file-check, env: where the files are" },
	CR_CRIT_CHANGE_OPTS(struct cr_edit_options, change),
	{ CR_ARG, CR_STRING(struct cr_edit_options, target, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint, or one image" },
	{ CR_ARG, CR_ACTION(struct cr_edit_options, args, names), "WHAT", "the action, and what it takes", CR_ANY },
	{ 0 },
};
// clang-format on

static struct cr_error *find_action(const char *name, const struct action **ret)
{
	struct cr_nearest near = { name };
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		*ret = &actions[i];
		if (!strcmp(actions[i].name, name))
			return NULL;
		cr_nearest_try(&near, actions[i].name);
	}
	return cr_error_new(CR_ERR_USAGE, "unknown action '%s'%s%s%s", name,
			    near.best ? " (did you mean '" : "",
			    near.best ?: "", near.best ? "'?)" : "");
}

/* Which of the three ways; the action's name is taken from the arguments. */
static struct cr_error *choose(struct cr_edit_options *o,
			       const struct action **ret)
{
	if (o->patch && o->editor)
		return cr_error_new(CR_ERR_USAGE,
				    "--patch and --editor do not go together");
	*ret = o->patch ? &patch : &editor;
	if (o->patch && o->args.nr)
		return cr_error_new(CR_ERR_USAGE, "--patch takes no action");
	if (o->patch || o->editor)
		return NULL;
	if (!o->args.nr)
		return cr_error_new(CR_ERR_USAGE,
				    "need an action, --patch or --editor");
	struct cr_error *err = find_action(o->args.word[0], ret);
	if (err)
		return err;
	o->args.word++;
	o->args.nr--;
	if (o->args.nr < (*ret)->min ||
	    ((*ret)->max && o->args.nr > (*ret)->max))
		return cr_error_new(CR_ERR_USAGE, "%s takes %s", (*ret)->name,
				    (*ret)->args);
	return NULL;
}

/* Looks without a lock. */
static struct cr_error *look(struct cr_edit_call *call,
			     const struct action *action)
{
	struct cr_set set = { 0 };
	struct cr_error *err = cr_limits_open(call->verb, call->path, &set);
	call->set = &set;
	if (!err)
		err = action->run(call);
	cr_set_close(&set);
	return err;
}

static struct cr_error *change(struct cr_edit_call *call,
			       const struct action *action)
{
	struct cr_crit_change how = call->o->change;
	/* One file is no checkpoint: it is not checked, and written here. */
	bool to_file = call->is_file && how.out;
	if (to_file)
		how.out = NULL;
	how.dry_run |= to_file;
	how.force |= call->is_file;
	struct cr_error *err =
		cr_crit_change_open(call->verb, call->path, &how, &call->change);
	if (err)
		return err;
	call->set = cr_change_set(call->change);
	err = action->run(call);
	if (!err && to_file && !call->o->change.dry_run)
		err = cr_edit_write_file(call);
	how.dry_run = call->o->change.dry_run;
	if (!err && to_file)
		err = cr_crit_change_print(call->change, &how, call->out);
	else if (!err)
		err = cr_crit_change_commit(call->change, &how, call->out);
	cr_change_close(call->change);
	return err;
}

static struct cr_error *run(const struct cr_verb_call *verb)
{
	struct cr_edit_options o =
		*(const struct cr_edit_options *)verb->values;
	struct cr_edit_call call = { .verb = verb, .o = &o,
				     .out = verb->out };
	const struct action *action;
	struct cr_error *err = choose(&o, &action);
	if (!err)
		err = cr_edit_target(&call);
	if (!err)
		err = action->looks ? look(&call, action) :
				      change(&call, action);
	free(call.path);
	free(call.image);
	return err;
}

#define ACTION(name, args, min, max, looks, text) \
	"\n\n" #name " " args ": " text
#define DOMAIN(id, name, args, min, text) "\n\n" name " " args ": " text

const struct cr_verb cr_verb_edit = {
	.name = "edit",
	.summary = "change values in images",
	.text = "Changes a checkpoint: a directory, an archive, or one image "
		"file; ARCHIVE/IMAGE is one image of an archive. All of it is "
		"done or, after an error, nothing. What is not meant keeps its "
		"bytes; types, ranges and required fields are checked."
#include "crit/edit/actions.def"
		"\n\n"
		"These keep all images consistent, and remark on what they "
		"leave as it is:"
#include "crit/edit/domain.def"
		"\n\n"
		"A path names an image, unless TARGET is one, and a value in "
		"it:\n"
		"\n"
		"  core-129.img:entries[0].thread_core.comm\n"
		"  core-*.img:entries[*].tc.comm\n"
		"  files.img:entries[type=REG].reg.name\n"
		"  mm-1.img:entries[0].vmas[start<=0x401000, end>0x401000].prot\n"
		"\n"
		"An index below zero counts from the end. Tests are PATH=VALUE, "
		"!=, <, <=, > and >=, or PATH alone: it is there; values are "
		"compared by what they mean. A selection by tests that fits "
		"several is refused, except by 'get', unless it begins with "
		"'*': entries[*, type=REG].\n"
		"\n"
		"A value is a number, 0x1f, a name as 'crit show' has it "
		"(\"PROT_READ | PROT_EXEC\", REG, 10.0.0.1), true or false, or "
		"text as it is; bytes are base64, hex:00ff or text:abc; "
		"messages and lists are JSON. Text and bytes may also be a "
		"JSON string.\n"
		"\n"
		"--patch takes a list as a JSON Patch (RFC 6902) and an object "
		"as a merge patch (RFC 7396). The document is the images by "
		"name, each as 'crit decode' has it; of one image, it is that: "
		"/core-129.img/entries/0/tc/comm, or /entries/0/tc/comm.\n"
		"\n"
		"A directory of which several files change is replaced as a "
		"whole: a shell that stands in it has to 'cd .' afterwards.",
	.opts = opts,
	.values_size = sizeof(struct cr_edit_options),
	.run = run,
};
