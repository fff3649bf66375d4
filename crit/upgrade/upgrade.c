// SPDX-License-Identifier: MIT
#include "crit/upgrade/upgrade.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"

/* ---- the report ---- */

static const char *const remarks[] = {
	[CR_UPGRADE_LEFT] = "left",
	[CR_UPGRADE_LOST] = "lost",
	[CR_UPGRADE_UNREAD] = "unread",
};

static void print_done(FILE *out, const struct cr_upgrade_done *d)
{
	unsigned since = d->row->since;
	if (d->down)
		fprintf(out, "%s: as before CRIU %u.%u", d->row->name,
			since / 1000, since % 1000);
	else
		fprintf(out, "%s: %s since CRIU %u.%u", d->row->name,
			d->row->summary, since / 1000, since % 1000);
	fprintf(out, ": %llu change%s\n", (unsigned long long)d->nr,
		d->nr == 1 ? "" : "s");
}

static void print_said(FILE *out, const struct cr_upgrade_said *said)
{
	cr_auto_free char *text = cr_utf8_safe(said->text);
	fprintf(out, "%s: %s\n", remarks[said->what], text ?: "");
}

/* Steps go where results go, remarks to standard error. */
static void print_report(FILE *out, const struct cr_upgrade *u)
{
	for (size_t i = 0; i < u->nr_done; i++)
		print_done(out, &u->done[i]);
	fflush(out);
	for (size_t i = 0; i < u->nr_said; i++)
		print_said(stderr, &u->said[i]);
}

struct cr_error *cr_crit_upgrade_text(struct cr_writer *w, const char *key,
				      const char *text)
{
	cr_auto_free char *safe = cr_utf8_safe(text);
	struct cr_error *err = safe ? cr_writer_key(w, key) : cr_enomem;
	return err ? err : cr_writer_string(w, safe, strlen(safe));
}

static struct cr_error *put_step(struct cr_writer *w,
				 const struct cr_upgrade_done *d)
{
	struct cr_error *err = cr_writer_item(w);
	if (!err)
		err = cr_writer_open(w, '{');
	if (!err)
		err = cr_crit_upgrade_text(w, "name", d->row->name);
	if (!err)
		err = cr_crit_upgrade_text(w, "direction",
					   d->down ? "down" : "up");
	if (!err)
		err = cr_writer_key(w, "changes");
	if (!err)
		err = cr_writer_u64(w, d->nr);
	return err ? err : cr_writer_close(w, '}');
}

static struct cr_error *put_remarks(struct cr_writer *w,
				    const struct cr_upgrade *u,
				    enum cr_upgrade_remark what)
{
	struct cr_error *err = cr_writer_key(w, remarks[what]);
	if (!err)
		err = cr_writer_open(w, '[');
	for (size_t i = 0; i < u->nr_said && !err; i++) {
		if (u->said[i].what != what)
			continue;
		cr_auto_free char *text = cr_utf8_safe(u->said[i].text);
		err = text ? cr_writer_item(w) : cr_enomem;
		if (!err)
			err = cr_writer_string(w, text, strlen(text));
	}
	return err ? err : cr_writer_close(w, ']');
}

struct cr_error *cr_crit_upgrade_put(struct cr_writer *w,
				     const struct cr_upgrade *u)
{
	bool has[3] = { false, false, false };
	struct cr_error *err = cr_writer_key(w, "steps");
	if (!err)
		err = cr_writer_open(w, '[');
	for (size_t i = 0; i < u->nr_done && !err; i++)
		err = put_step(w, &u->done[i]);
	if (!err)
		err = cr_writer_close(w, ']');
	for (size_t i = 0; i < u->nr_said; i++)
		has[u->said[i].what] = true;
	for (enum cr_upgrade_remark i = 0; i < 3 && !err; i++)
		if (has[i])
			err = put_remarks(w, u, i);
	return err;
}

/* ---- one checkpoint ---- */

static struct cr_error *more(void *arg, struct cr_writer *w)
{
	return cr_crit_upgrade_put(w, arg);
}

static struct cr_error *hint(struct cr_error *err)
{
	struct cr_error *with = cr_error_new(CR_ERR_UNSUPPORTED,
					     "%s; --drop goes on all the same",
					     cr_error_text(err));
	cr_error_free(err);
	return with;
}

struct cr_error *cr_crit_upgrade_one(const struct cr_crit_upgrade *o,
				     const struct cr_upgrade_opts *opts,
				     struct cr_change *change,
				     struct cr_upgrade *ret)
{
	const char *path = cr_change_path(change);
	struct cr_error *err = cr_upgrade(change, opts, ret);
	if (err && ret->nr_lost && !opts->drop)
		err = hint(err);
	if (err)
		return cr_error_at(err, "%s", path);
	/* What stays as it is needs no check. */
	return o->change.force || cr_change_is_empty(change) ?
		       NULL :
		       cr_crit_change_check(path, change);
}

static struct cr_error *one(const struct cr_verb_call *call,
			    const struct cr_upgrade_opts *opts)
{
	const struct cr_crit_upgrade *o = call->values;
	struct cr_crit_change how = o->change;
	struct cr_upgrade u = { 0 };
	struct cr_change *change;
	how.force = true; /* what comes of it is checked */
	struct cr_error *err =
		cr_crit_change_open(call, o->path, &how, &change);
	if (err)
		return err;
	how.more = more;
	how.more_arg = &u;
	err = cr_crit_upgrade_one(o, opts, change, &u);
	if (!err)
		err = cr_change_commit(change);
	if (!err && !how.json)
		print_report(call->out, &u);
	if (!err)
		err = cr_crit_change_print(change, &how, call->out);
	cr_upgrade_free(&u);
	cr_change_close(change);
	return err;
}

/* ---- the verbs ---- */

static struct cr_error *check(const struct cr_crit_upgrade *o)
{
	if (o->recursive && o->change.out)
		return cr_error_new(CR_ERR_USAGE,
				    "--recursive and -o do not go together");
	if (o->jobs && !o->recursive)
		return cr_error_new(CR_ERR_USAGE, "-j is for --recursive");
	if (o->jobs > 256)
		return cr_error_new(CR_ERR_USAGE, "-j wants at most 256");
	return NULL;
}

static struct cr_error *run(const struct cr_verb_call *call, uint32_t to,
			    uint32_t oldest, const char *done)
{
	const struct cr_crit_upgrade *o = call->values;
	struct cr_upgrade_opts opts = { .to = to, .drop = o->drop };
	struct cr_error *err = check(o);
	if (!err && o->to)
		err = cr_upgrade_version(o->to, &opts.to);
	if (!err && opts.to < oldest)
		err = cr_error_new(CR_ERR_USAGE,
				   "there is no way back before %u.%u",
				   oldest / 1000, oldest % 1000);
	if (err)
		return err;
	return o->recursive ? cr_crit_upgrade_all(call, &opts, done) :
			      one(call, &opts);
}

static struct cr_error *upgrade(const struct cr_verb_call *call)
{
	return run(call, CR_UPGRADE_NEWEST, 0, "upgraded");
}

static struct cr_error *downgrade(const struct cr_verb_call *call)
{
	const struct cr_crit_upgrade *o = call->values;
	if (!o->to)
		return cr_error_new(CR_ERR_USAGE, "--to VERSION is missing");
	return run(call, 0, CR_UPGRADE_OLDEST, "downgraded");
}

// clang-format off
#define SHARED \
	CR_CRIT_CHANGE_OPTS(struct cr_crit_upgrade, change), \
	{ 'r', "recursive", NULL, CR_FLAG(struct cr_crit_upgrade, recursive), NULL, "every checkpoint below PATH, with a line of JSON for each" }, \
	{ 'j', "jobs", NULL, CR_NUMBER(struct cr_crit_upgrade, jobs), "N", "with --recursive: N at a time (default: one for each processor)" }, \
	{ 0, "drop", NULL, CR_FLAG(struct cr_crit_upgrade, drop), NULL, "go on where VERSION has no place for something, and list it" }, \
	{ CR_ARG, CR_STRING(struct cr_crit_upgrade, path, CR_TAKES_CHECKPOINT), "PATH", "the checkpoint, a directory or an archive" }, \
	{ 0 }

static const struct cr_opt upgrade_opts[] = {
	{ 0, "to", NULL, CR_STRING(struct cr_crit_upgrade, to, CR_TAKES_ANYTHING), "VERSION", "the version of CRIU that is to read it (default: the newest, 4.3)" },
	SHARED,
};

static const struct cr_opt downgrade_opts[] = {
	{ 0, "to", NULL, CR_STRING(struct cr_crit_upgrade, to, CR_TAKES_ANYTHING), "VERSION", "the version of CRIU that is to read it, 3.17 or later" },
	SHARED,
};
// clang-format on

const struct cr_verb cr_verb_upgrade = {
	.name = "upgrade",
	.summary = "bring a checkpoint into the form of a newer CRIU",
	.text = "Changes what an older CRIU wrote into what a newer one writes, "
		"in small steps that are done all together or not at all, and "
		"says what each step did. Doing it again changes nothing. What "
		"the images lack is not guessed: 'left' says where an old form "
		"stays, and why. Fields that are not known survive.\n"
		"\n"
		"--to gives the form for one version, so it undoes steps that "
		"came later: CRIU before 4.2, for one, reads no page of what "
		"4.2 wrote. Before 3.17 there is no way back: --to 3.3 brings "
		"what is older into that form, and leaves alone what is newer.\n"
		"\n"
		"With --recursive, directories are looked through as 'crit "
		"list' does. Each checkpoint becomes one line of JSON as soon "
		"as it is done: its path, its result (upgraded, unchanged, "
		"failed) and its steps. One that fails does not stop the others, and in the end "
		"the exit status is 1. To go on after an interruption, run it again: what "
		"is done is found unchanged, quickly.",
	.opts = upgrade_opts,
	.values_size = sizeof(struct cr_crit_upgrade),
	.run = upgrade,
};

const struct cr_verb cr_verb_downgrade = {
	.name = "downgrade",
	.summary = "bring a checkpoint into the form of an older CRIU",
	.text = "Changes a checkpoint so that CRIU VERSION reads it; see 'crit "
		"help upgrade', which does the same with --to.\n"
		"\n"
		"What VERSION cannot restore is an error that names it, unless "
		"--drop is given, which lists it as 'lost'. Fields that VERSION "
		"passes over stay in the images all the same, so that a newer "
		"one finds them again; where no harm is done they are 'unread'. "
		"Compressed memory is expanded.",
	.opts = downgrade_opts,
	.values_size = sizeof(struct cr_crit_upgrade),
	.run = downgrade,
};
