// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "crit/kept.h"
#include "crit/stats/stats.h"
#include "crit/verb.h"
#include "crit/x/views.h"

struct stats {
	const char *dir;
	bool json;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 0, "json", NULL, CR_FLAG(struct stats, json), NULL, "write JSON" },
	{ CR_ARG, CR_STRING(struct stats, dir, CR_TAKES_CHECKPOINT), "DIR", "the checkpoint" },
	{ 0 },
};
// clang-format on

void cr_stats_put_usage(struct cr_x *x, const struct cr_usage *usage)
{
	cr_cell_size(x, usage->mapped);
	cr_cell_size(x, usage->here);
	cr_cell_size(x, usage->stored);
	cr_cell_size(x, usage->parent);
	cr_cell_size(x, usage->lazy);
	cr_cell_size(x, usage->zero);
	cr_cell_size(x, usage->other);
}

void cr_stats_begin(struct cr_x *x, const char *title, const char *key,
		    const struct cr_column *columns)
{
	cr_x_text(x, "\n");
	cr_x_heading(x, "%s", title);
	cr_table_begin_as(x, key, columns);
}

void *cr_stats_reserve(void *list, size_t nr, size_t *cap, size_t size)
{
	if (nr < *cap)
		return list;
	size_t want = *cap ? 2 * *cap : 32;
	void *more = reallocarray(list, want, size);
	if (more)
		*cap = want;
	return more;
}

static void show(struct cr_stats *s)
{
	struct cr_x *x = &s->x;
	cr_x_open(x, NULL, '{');
	cr_x_heading(x, "dump and restore");
	cr_x_stats(x, "stats");
	cr_stats_processes(s);
	cr_stats_count_objects(s);
	cr_stats_kinds(s);
	cr_stats_files(s);
	cr_stats_shared(s);
	cr_stats_images(s);
	cr_x_close(x, '}');
}

// A pre-dump has memory and no process tree; what has neither is no checkpoint.
static struct cr_error *start(struct cr_stats *s,
			      const struct cr_verb_call *call)
{
	const struct stats *o = call->values;
	struct cr_error *err = cr_kept_set(call, o->dir, &s->x.set);
	if (!err)
		err = cr_memory_init(&s->memory, &s->x.set, NULL);
	if (!err)
		err = cr_memory_pids(&s->memory, &s->pids);
	if (err)
		return err;
	if (!s->pids.nr)
		err = cr_pstree_load(&s->x.set, &s->x.tree);
	if (err)
		return cr_error_at(err, "%s", o->dir);
	return cr_x_begin(&s->x, call->out);
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct stats *o = call->values;
	struct cr_stats s = { .x = { .json = o->json, .term = call->term } };
	struct cr_error *err = start(&s, call);
	if (!err) {
		show(&s);
		err = cr_x_end(&s.x);
	}
	free(s.pids.id);
	free(s.owner);
	cr_stats_free_items(&s.files);
	cr_stats_free_items(&s.shared);
	cr_memory_deinit(&s.memory);
	cr_x_deinit(&s.x);
	return err;
}

const struct cr_verb cr_verb_stats = {
	.name = "stats",
	.summary = "what dump and restore took, and what memory costs",
	.text = "Shows what CRIU measured, and where the bytes of memory are: "
		"by process, by kind of mapping, by mapped file, by shared "
		"object; then the images of pages and all others. With --json "
		"numbers are bytes, times microseconds.\n"
		"\n"
		"mapped: the mappings. here: pages in this checkpoint. stored: "
		"what those take in the pages images, which is less if they "
		"are compressed. parent: said to be in the checkpoint before. "
		"lazy: left to be sent later. zero: never touched. other: what "
		"is read from files, shared with others or made by the kernel. "
		"mapped is the sum of all but stored.\n"
		"\n"
		"Pages of shared memory count once, however many map them: for "
		"the object and its kind, not for a process; there they are "
		"beside mapped. The total of stored is what the pages images "
		"are used for. What is unused in an image has no pagemap that "
		"names it, or fills up to a border; holes are what the file "
		"system does not store, punched there when pages moved on.\n"
		"\n"
		"JSON: {stats: [{image, name, value}], processes: [{pid, comm, "
		"...}], kinds: [{kind, mappings, ...}], kinds_total: "
		"{mappings, ...}, files: [{mappings, ..., path}], shared: "
		"[{shmid, mappings, ..., name}], pages: [{image, size, used, "
		"unused, holes, of}], pages_total: {size, ...}, images: "
		"[{kind, files, bytes}], images_total: {files, bytes}}.",
	.opts = opts,
	.values_size = sizeof(struct stats),
	.run = run,
};
