// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crit/diff/diff.h"
#include "crit/limits.h"
#include "crit/verb.h"
#include "lib/base/nearest.h"

static const char *const matches[] = { "pid", "name", NULL };

// clang-format off
static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct cr_diff_opts, pids, CR_TAKES_PID), "PID[,PID...]", "these processes of A only" },
	{ 0, "match", NULL, CR_CHOICE(struct cr_diff_opts, match, matches), "HOW", "how processes of A and B belong together (default: pid)" },
	{ 0, "bytes", NULL, CR_FLAG(struct cr_diff_opts, bytes), NULL, "memory: show the bytes that differ in changed pages" },
	{ 0, "sysroot", NULL, CR_STRING(struct cr_diff_opts, sysroot, CR_TAKES_DIR), "DIR", "memory: where the files are that were mapped" },
	{ 0, "json", NULL, CR_FLAG(struct cr_diff_opts, json), NULL, "write JSON" },
	{ 0, "exit-code", NULL, CR_FLAG(struct cr_diff_opts, exit_code), NULL, "exit with 1 if there are differences" },
	{ 0, "show-secrets", NULL, CR_FLAG(struct cr_diff_opts, secrets), NULL, "show key material, of which it is only said otherwise that it has changed" },
	{ CR_ARG, CR_STRING(struct cr_diff_opts, path[0], CR_TAKES_CHECKPOINT), "A", "a checkpoint" },
	{ CR_ARG, CR_STRING(struct cr_diff_opts, path[1], CR_TAKES_CHECKPOINT), "B", "another one, as a rule the later one" },
	{ CR_ARG, CR_WORDS(struct cr_diff_opts, what, CR_TAKES_ANYTHING), "WHAT", "what to compare (default: all but stats)", CR_ANY },
	{ 0 },
};

static const struct {
	bool needs_tree;
} sections[CR_NR_SECTIONS] = {
#define VIEW(name, tree, ...) { tree },
#include "crit/x/views.def"
#undef VIEW
};
// clang-format on

/* ---- what is compared ---- */

static struct cr_error *want(struct cr_differ *d, const char *word)
{
	struct cr_nearest near = { word };
	for (unsigned i = 0; i < CR_NR_SECTIONS; i++) {
		const char *name = cr_section_name(i);
		if (!name)
			continue;
		if (!strcmp(name, word)) {
			d->wanted[i] = true;
			return NULL;
		}
		cr_nearest_try(&near, name);
	}
	return near.best ? cr_error_new(CR_ERR_USAGE,
					"'%s' is not something to compare "
					"(did you mean '%s'?)",
					word, near.best)
			 : cr_error_new(CR_ERR_USAGE,
					"'%s' is not something to compare",
					word);
}

static struct cr_error *choose(struct cr_differ *d)
{
	const struct cr_words *what = &d->o->what;
	struct cr_error *err = NULL;
	for (size_t i = 0; i < what->nr && !err; i++)
		err = want(d, what->word[i]);
	for (unsigned i = 0; i < CR_NR_SECTIONS && !what->nr; i++)
		d->wanted[i] = cr_section_name(i) &&
			       (sections[i].needs_tree ||
				i == CR_SECTION_MEMORY);
	return err;
}

/* ---- the two ---- */

/* A pre-dump has memory, and no process tree. */
static struct cr_error *open_side(struct cr_differ *d,
				  const struct cr_verb_call *call, int i)
{
	struct cr_x *x = &d->side[i];
	struct cr_memory memory;
	struct cr_error *none = NULL, *err;
	x->secrets = d->o->secrets;
	err = cr_limits_open(call, d->o->path[i], &x->set);
	if (err)
		return err;
	err = cr_pstree_load(&x->set, &x->tree);
	d->has_tree[i] = !err;
	if (err && cr_error_code(err) == CR_ERR_NOT_FOUND) {
		none = err;
		err = NULL;
	}
	if (!err)
		err = cr_memory_init(&memory, &x->set, NULL);
	if (!err) {
		err = cr_memory_pids(&memory, &d->pids[i]);
		cr_memory_deinit(&memory);
	}
	if (!err && none && !d->pids[i].nr) {
		err = none;
		none = NULL;
	}
	cr_error_free(none);
	return err ? cr_error_at(err, "%s", d->o->path[i]) : NULL;
}

static bool has_pid(const struct cr_differ *d, int side, uint32_t pid)
{
	const struct cr_memory_ids *ids = &d->pids[side];
	for (size_t i = 0; i < ids->nr; i++)
		if (ids->id[i] == pid)
			return true;
	return cr_pstree_find(&d->side[side].tree, pid);
}

static struct cr_error *check_pids(const struct cr_differ *d)
{
	const struct cr_x *a = &d->side[0], *b = &d->side[1];
	for (size_t i = 0; i < a->nr_pids; i++)
		if (!has_pid(d, 0, a->pids[i]) && !has_pid(d, 1, b->pids[i]))
			return cr_error_new(CR_ERR_NOT_FOUND,
					    "no process %u in either",
					    (unsigned)a->pids[i]);
	return NULL;
}

static struct cr_error *start(struct cr_differ *d,
			      const struct cr_verb_call *call)
{
	struct cr_error *err = choose(d);
	for (int i = 0; i < 2 && !err; i++)
		err = open_side(d, call, i);
	if (!err)
		err = cr_diff_match(d);
	if (!err)
		err = check_pids(d);
	return err ? err : cr_x_begin(&d->out, call->out);
}

/* Whether a section can be compared, and says why not. */
static bool is_possible(struct cr_differ *d, unsigned section)
{
	for (int i = 0; i < 2; i++) {
		if (d->has_tree[i] || !sections[section].needs_tree)
			continue;
		if (d->o->what.nr)
			cr_x_fail(&d->out,
				  cr_error_new(CR_ERR_NOT_FOUND,
					       "%s: pstree.img: no such file, "
					       "so there is no %s to compare",
					       d->o->path[i],
					       cr_section_name(section)));
		return false;
	}
	return true;
}

/* What went wrong in one of them is what went wrong. */
static void collect(struct cr_differ *d)
{
	for (int i = 0; i < 2; i++) {
		struct cr_x *x = &d->side[i];
		const char *path = d->o->path[i];
		if (x->err)
			cr_x_fail(&d->out, cr_error_at(x->err, "%s", path));
		if (x->finding) {
			cr_x_find(&d->out, cr_error_at(x->finding, "%s", path));
			d->out.nr_findings += x->nr_findings - 1;
		}
		x->err = x->finding = NULL;
		x->nr_findings = 0;
	}
}

/* ---- writing ---- */

static void put_head(struct cr_differ *d)
{
	static const char *const keys[] = { "a", "b" };
	static const char *const signs[] = { "--- ", "+++ " };
	struct cr_x *x = &d->out;
	for (int i = 0; i < 2; i++) {
		cr_x_text(x, "%s", signs[i]);
		cr_x_safe(x, d->o->path[i], strlen(d->o->path[i]));
		cr_x_text(x, "%s\n",
			  d->has_tree[i] ? "" : " (no process tree: memory alone)");
		cr_x_string(x, keys[i], d->o->path[i]);
	}
}

static uint64_t put_tail(struct cr_differ *d)
{
	struct cr_x *x = &d->out;
	const char *sep = "differences: ";
	uint64_t nr = 0;
	cr_x_open(x, "differences", '{');
	for (unsigned i = 0; i < CR_NR_SECTIONS; i++) {
		if (!d->wanted[i])
			continue;
		nr += d->nr[i];
		cr_x_u64(x, cr_section_name(i), d->nr[i]);
		if (!d->nr[i])
			continue;
		cr_x_text(x, "%s%s %" PRIu64, sep, cr_section_name(i), d->nr[i]);
		sep = ", ";
	}
	cr_x_close(x, '}');
	cr_x_text(x, "%s\n", nr ? "" : "no differences");
	return nr;
}

static struct cr_error *compare(struct cr_differ *d)
{
	struct cr_x *x = &d->out;
	cr_x_open(x, NULL, '{');
	put_head(d);
	for (unsigned i = 0; i < CR_NR_SECTIONS && !x->err; i++) {
		d->wanted[i] = d->wanted[i] && is_possible(d, i);
		if (!d->wanted[i] || x->err)
			continue;
		if (i == CR_SECTION_MEMORY)
			cr_diff_memory(d);
		else
			cr_diff_rows(d, i);
		collect(d);
	}
	uint64_t nr = put_tail(d);
	cr_x_close(x, '}');
	struct cr_error *err = cr_x_end(x);
	if (!err && nr && d->o->exit_code)
		err = cr_error_new(CR_ERR_NOT_FOUND, "%s and %s differ",
				   d->o->path[0], d->o->path[1]);
	return err;
}

static void close_side(struct cr_differ *d, int i)
{
	cr_x_deinit(&d->side[i]);
	free(d->pids[i].id);
	free(d->id[i]);
	free(d->as[i]);
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct cr_diff_opts *o = call->values;
	struct cr_differ d = { .o = o,
			       .out = { .json = o->json,
					.term = call->term } };
	struct cr_error *err = start(&d, call);
	if (!err)
		err = compare(&d);
	cr_x_deinit(&d.out);
	close_side(&d, 0);
	close_side(&d, 1);
	return err;
}

const struct cr_verb cr_verb_diff = {
	.name = "diff",
	.summary = "compare two checkpoints: processes, files, memory",
	.text = "Shows what differs between two checkpoints, directories or "
		"archives, of the same processes or of others. Each view of "
		"'crit x' is compared row by row, but for rss, and then memory "
		"page by page; WHAT chooses: a view, or memory. stats is "
		"compared only if it is asked for.\n"
		"\n"
		"Behind \"-\" stands what A alone has, behind \"+\" what B "
		"alone has, behind \"~\" a row that has changed, with its old "
		"and new values; \"-\" for a value is none. Text that has "
		"blanks or quotes in it is written as in JSON. Of a process "
		"or a thread that is in one of them alone only the row in ps "
		"or threads is shown. Not compared are numbers that mean "
		"nothing in another checkpoint: ids of files, cgroup sets and "
		"mounts. The last line says how many differences there are, "
		"of memory in pages.\n"
		"\n"
		"Processes belong together by pid, or with --match name by "
		"name: the first of a name in A with the first of that name "
		"in B, and so on, and their threads by place.\n"
		"\n"
		"memory: ranges of pages that have changed, that one alone has "
		"mapped, and, behind \"?\", that one alone has the bytes of; "
		"then how many pages of each process fared how. Pages that "
		"both have from the same pages image, because one is the "
		"other's parent or they are linked, are not read. Shared "
		"memory objects are compared once, not in each process; with "
		"-p, in the process. A pre-dump does not say what was mapped: "
		"pages that only the other one has saved are only in that "
		"one. --bytes shows each row of 16 bytes that differs, as it "
		"was in A and as it is in B.\n"
		"\n"
		"JSON: {a, b, VIEW: [{diff: \"changed\", KEYS, changes: "
		"{MEMBER: [old, new]}}, {diff: \"only_a\" or \"only_b\", "
		"MEMBERS}], ..., memory: [{pid or shm, page_size, ranges: "
		"[{diff: \"changed\", \"only_a\", \"only_b\" or \"unknown\", "
		"start, end, pages, a, b, name, bytes: [{address, a, b}]}], "
		"same, neither, changed, only_a, only_b, unknown}, {pid or "
		"shm, diff}], differences: {VIEW: number, ...}}. Bytes are "
		"hexadecimal digits, and exactly those that differ.\n"
		"\n"
		"Exit status: 0 if the two could be compared, whether they "
		"differ or not; with --exit-code 1 if they differ, and a line "
		"on standard error that says so.",
	.opts = opts,
	.values_size = sizeof(struct cr_diff_opts),
	.run = run,
};
