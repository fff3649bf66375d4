// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "crit/verb.h"
#include "crit/x/table.h"
#include "lib/base/cleanup.h"
#include "lib/machine/machine.h"
#include "lib/unwind/sigframe.h"

/* Of each trial of --host. */
#define LIMIT_MS 5000

struct frames_opts {
	const char *dir, *pids, *sysroot, *probe;
	bool host, all, json;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct frames_opts, pids, CR_TAKES_PID), "PID[,PID...]", "these processes only" },
	{ 0, "host", NULL, CR_FLAG(struct frames_opts, host), NULL, "say what becomes of each on this machine" },
	{ 0, "probe", NULL, CR_STRING(struct frames_opts, probe, CR_TAKES_FILE), "FILE", "the same of the machine where `crit host-probe` wrote FILE" },
	{ 0, "sysroot", NULL, CR_STRING(struct frames_opts, sysroot, CR_TAKES_DIR), "DIR", "where the files are that were mapped" },
	{ 'a', "all", NULL, CR_FLAG(struct frames_opts, all), NULL, "stale ones too" },
	{ 0, "json", NULL, CR_FLAG(struct frames_opts, json), NULL, "write JSON" },
	{ CR_ARG, CR_STRING(struct frames_opts, dir, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint" },
	{ 0 },
};

#define COLUMNS \
	{ "pid", true }, { "tid", true }, { "grade" }, { "arch" }, \
	{ "address", true }, { "size", true }, { "signal", true }, \
	{ "pc", true }, { "sp", true }, { "state" }

static const struct cr_column columns[] = { COLUMNS, { 0 } };

static const struct cr_column fate_columns[] = {
	COLUMNS, { "verdict" }, { "concerns" }, { "why" }, { 0 },
};
// clang-format on

struct frames {
	const struct frames_opts *o;
	struct cr_x x;
	struct cr_memory memory;
	struct cr_machine machine;
	bool has_machine;
	size_t nr_missing; /* files that might make suspect frames exact */
	struct cr_error *missing; /* the first of them */

	/* The process at hand. */
	struct cr_pages pages;
	struct cr_unwind unwind;
	struct cr_sigframes found;
	bool is_open;
};

/* ---- one frame ---- */

#define STATE_MAX 256

static char *add_word(char *o, const char *end, const char *word)
{
	size_t size = strlen(word);
	if (size + 2 > (size_t)(end - o))
		return o;
	memcpy(o, word, size);
	o[size] = ',';
	return o + size + 1;
}

/* Words with commas between them; a last one is taken away. */
static const char *end_words(const char *words, char *o)
{
	if (o > words)
		o--;
	*o = 0;
	return words;
}

static const char *components_text(char *text, uint64_t components)
{
	char *o = text, number[16];
	for (unsigned i = 0; i < 64; i++) {
		const char *name = cr_xstate_name(i);
		snprintf(number, sizeof(number), "bit%u", i);
		if (components >> i & 1)
			o = add_word(o, text + STATE_MAX, name ?: number);
	}
	return end_words(text, o);
}

static const char *x86_text(char *text, const struct cr_sigframe_x86 *x)
{
	if (!x->fp)
		return "none";
	if (!x->has_xstate)
		return "fxsave";
	return x->live ? components_text(text, x->live) : "initial";
}

static const char *aarch64_text(char *text, const struct cr_sigframe_aarch64 *a)
{
	char *o = text, word[32];
	for (uint32_t i = 0; i < a->nr; i++) {
		const struct cr_sigframe_record *r = &a->record[i];
		const char *name = cr_sigframe_record_name(r->magic);
		if (!name)
			snprintf(word, sizeof(word), "0x%x", r->magic);
		else if (r->length)
			snprintf(word, sizeof(word), "%s(%u)", name, r->length);
		else
			snprintf(word, sizeof(word), "%s", name);
		o = add_word(o, text + STATE_MAX, word);
	}
	return end_words(text, o);
}

static void show_fate(struct frames *v, uint32_t pid,
		      const struct cr_sigframe *frame)
{
	struct cr_x *x = &v->x;
	struct cr_sigframe_fate fate;
	char text[STATE_MAX];
	cr_sigframe_judge(frame, v->found.arch, &v->machine, &fate);
	const char *concerns = components_text(text, fate.components);
	cr_cell_string(x, cr_fate_name(fate.fate));
	cr_cell_string(x, *concerns ? concerns : NULL);
	cr_cell_string(x, *fate.why ? fate.why : NULL);
	if (cr_fate_is_bad(fate.fate) && frame->grade != CR_SIGFRAME_STALE)
		cr_x_find(x, cr_error_new(CR_ERR_UNSUPPORTED,
					  "process %u: signal frame at "
					  "0x%llx: %s%s%s: %s",
					  pid, (unsigned long long)frame->at,
					  cr_fate_name(fate.fate),
					  *concerns ? ": " : "", concerns,
					  fate.why));
}

static void show_frame(struct frames *v, uint32_t pid,
		       const struct cr_sigframe *frame)
{
	struct cr_x *x = &v->x;
	char text[STATE_MAX];
	cr_cell_u64(x, pid);
	if (frame->tid)
		cr_cell_u64(x, frame->tid);
	else
		cr_cell_none(x);
	cr_cell_string(x, cr_sigframe_grade_name(frame->grade));
	cr_cell_string(x, v->found.arch->name);
	cr_cell_hex(x, frame->at);
	cr_cell_u64(x, frame->size);
	if (frame->signo)
		cr_cell_u64(x, frame->signo);
	else
		cr_cell_none(x);
	cr_cell_hex(x, frame->pc);
	cr_cell_hex(x, frame->sp);
	cr_cell_string(x, v->found.arch == &cr_arch_aarch64 ?
				  aarch64_text(text, &frame->aarch64) :
				  x86_text(text, &frame->x86));
	if (v->has_machine)
		show_fate(v, pid, frame);
}

/* ---- a process ---- */

static void close_process(struct frames *v)
{
	cr_sigframes_deinit(&v->found);
	cr_unwind_deinit(&v->unwind);
	cr_pages_close(&v->pages);
	v->is_open = false;
}

static void open_process(struct frames *v, uint32_t pid, const CoreEntry *core)
{
	struct cr_error *err = cr_pages_open(&v->pages, &v->memory, pid);
	if (!err)
		err = cr_sigframes_init(&v->found, &v->pages, core);
	if (!err)
		err = cr_unwind_init(&v->unwind, &v->pages, v->found.arch);
	v->is_open = !err;
	if (err)
		cr_x_find(&v->x, cr_error_at(err, "process %u", pid));
}

static void add_thread(struct frames *v, uint32_t tid, const CoreEntry *core)
{
	struct cr_sigframes_thread said;
	struct cr_x *x = &v->x;
	struct cr_error *err = cr_sigframes_thread(&v->found, &v->unwind, tid,
						   core, &said);
	if (err)
		cr_x_find(x, cr_error_at(err, "thread %u", tid));
	else if (said.has_shadow && said.nr != said.nr_shadow)
		cr_x_find(x, cr_error_new(CR_ERR_FORMAT,
					  "thread %u: its shadow stack has "
					  "%zu signals, its stacks %zu",
					  tid, said.nr_shadow, said.nr));
}

/* Files without which the walk of a thread may have ended early. */
static void note_missing(struct frames *v, uint32_t pid)
{
	for (struct cr_module *m = v->unwind.modules.all; m; m = m->next) {
		if (!m->fault)
			continue;
		if (!v->nr_missing++)
			v->missing = cr_error_new(cr_error_code(m->fault),
						  "process %u: %s", pid,
						  cr_error_text(m->fault));
	}
}

/* The frames are there without them: that is no failure. */
static void show_missing(struct frames *v)
{
	if (!v->missing)
		return;
	const char *text = cr_error_text(v->missing);
	cr_x_text(&v->x, "missing: ");
	cr_x_safe(&v->x, text, strlen(text));
	if (v->nr_missing > 1)
		cr_x_text(&v->x, "; and %zu more", v->nr_missing - 1);
	cr_x_text(&v->x, "\n");
	cr_error_free(v->missing);
}

static void show_process(struct frames *v, uint32_t pid)
{
	struct cr_sigframes *found = &v->found;
	bool has_suspect = false;
	cr_sigframes_finish(&v->found);
	for (size_t i = 0; i < found->nr; i++) {
		has_suspect |= found->frame[i].grade == CR_SIGFRAME_SUSPECT;
		if (v->o->all || found->frame[i].grade != CR_SIGFRAME_STALE)
			show_frame(v, pid, &found->frame[i]);
	}
	/* A thread's frames might have led there. */
	if (has_suspect)
		note_missing(v, pid);
	if (found->fault)
		cr_x_find(&v->x, cr_error_at(cr_take_ptr(found->fault),
					     "process %u", pid));
	if (found->is_cut)
		cr_x_find(&v->x, cr_error_new(CR_ERR_UNSUPPORTED,
					      "process %u: more than %d "
					      "signal frames: the rest is "
					      "left out",
					      pid, CR_SIGFRAMES_MAX));
}

struct threads {
	struct frames *v;
	uint32_t pid; /* of the last one; 0: there was none */
};

/* The leader is the first of its threads. */
static void take_thread(struct cr_x *x, void *arg, const struct cr_task *task,
			uint32_t tid, const CoreEntry *core)
{
	struct threads *t = arg;
	uint32_t pid = task->entry->pid;
	(void)x;
	if (cr_core_is_zombie(core))
		return;
	if (t->pid != pid) {
		if (t->v->is_open)
			show_process(t->v, t->pid);
		close_process(t->v);
		t->pid = pid;
		open_process(t->v, pid, core);
	}
	if (t->v->is_open)
		add_thread(t->v, tid, core);
}

static void show(struct frames *v)
{
	struct threads t = { .v = v };
	cr_table_begin(&v->x, v->has_machine ? fate_columns : columns);
	cr_x_each_thread(&v->x, take_thread, &t);
	if (v->is_open)
		show_process(v, t.pid);
	close_process(v);
	cr_table_end(&v->x);
	show_missing(v);
}

/* ---- the verb ---- */

static struct cr_error *read_probe(const char *path, struct cr_machine *ret)
{
	cr_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cr_error_sys("%s", path);
	struct cr_error *err = cr_machine_read(ret, fd);
	return err ? cr_error_at(err, "%s", path) : NULL;
}

static struct cr_error *choose_machine(struct frames *v)
{
	const struct frames_opts *o = v->o;
	if (o->host && o->probe)
		return cr_error_new(CR_ERR_USAGE,
				    "--host and --probe exclude each other");
	v->has_machine = o->host || o->probe;
	if (o->probe)
		return read_probe(o->probe, &v->machine);
	return o->host ? cr_machine_probe(&v->machine, LIMIT_MS) : NULL;
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct frames_opts *o = call->values;
	struct frames v = { .o = o,
			    .x = { .json = o->json, .term = call->term } };
	struct cr_error *err = choose_machine(&v);
	if (!err)
		err = cr_x_open_memory(&v.x, call, o->dir, o->pids, o->sysroot,
				       &v.memory);
	if (!err) {
		show(&v);
		err = cr_x_end(&v.x);
	}
	close_process(&v);
	cr_memory_deinit(&v.memory);
	cr_x_deinit(&v.x);
	return err;
}

const struct cr_verb cr_verb_frames = {
	.name = "frames",
	.summary = "signal frames on stacks, and what a machine will do with them",
	.text = "While a signal handler runs, the registers of what it interrupted "
		"are in memory, in the form that the kernel of that machine gave "
		"them. Finds these frames, and says what becomes of each when "
		"the handler returns on this machine (--host) or another "
		"(--probe): x86_64 and AArch64, on any host.\n"
		"\n"
		"grade: exact, unwinding the thread leads there or its shadow "
		"stack has as many signals; chained, from the thread's stack "
		"pointer on each is above the one before; suspect, on a stack "
		"that no thread is on, which may be switched to; stale (with --all "
		"only), where a stack is unused. With --sysroot more can be "
		"unwound: where frames are suspect, the files that are missing "
		"are named. state: components that are not in their initial state "
		"(x86_64), records with vector lengths in bytes (AArch64).\n"
		"\n"
		"verdict: ok; ok if lenient, on kernels that take frames shorter "
		"than their own, which the machine's facts do not tell, else "
		"loss; loss, registers are reset without a word; garbled, "
		"registers get the contents of others; fault, the process dies "
		"of SIGSEGV; other processor; unknown. concerns: the components "
		"that are lost, or that the machine does not have.\n"
		"\n"
		"The exit status is 1 if a frame that is not stale has a verdict "
		"that is neither ok nor unknown, or a shadow stack does not have "
		"as many signals as were found.\n"
		"\n"
		"JSON: a list of {pid, tid, grade, arch, address, size, signal, "
		"pc, sp, state, verdict, concerns, why}, the last three with "
		"--host or --probe.",
	.opts = opts,
	.values_size = sizeof(struct frames_opts),
	.run = run,
};
