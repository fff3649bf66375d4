// SPDX-License-Identifier: MIT
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "crit/verb.h"
#include "crit/x/function.h"
#include "lib/pages/scan.h"
#include "lib/unwind/shadow.h"
#include "lib/unwind/stacks.h"

struct gcs_opts {
	const char *dir, *pids, *sysroot;
	unsigned what;
	bool json;
};

// clang-format off
static const char *const names[] = { "show", "verify", NULL };
enum { SHOW = 1, VERIFY };

static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct gcs_opts, pids, CR_TAKES_PID), "PID[,PID...]", "these processes only" },
	{ 0, "sysroot", NULL, CR_STRING(struct gcs_opts, sysroot, CR_TAKES_DIR), "DIR", "where the files are that were mapped" },
	{ 0, "json", NULL, CR_FLAG(struct gcs_opts, json), NULL, "write JSON" },
	{ CR_ARG, CR_CHOICE(struct gcs_opts, what, names), "WHAT", "the view" },
	{ CR_ARG, CR_STRING(struct gcs_opts, dir, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint" },
	{ 0 },
};

static const struct cr_column show_columns[] = {
	{ "pid", true }, { "tid", true }, { "address", true },
	{ "word", true }, { "kind" }, { "function" }, { "frame", true },
	{ "verdict" }, { 0 },
};

static const struct cr_column verify_columns[] = {
	{ "pid", true }, { "tid", true }, { "pointer", true },
	{ "returns", true }, { "signals", true }, { "agree", true },
	{ "differ", true }, { "unmatched", true }, { "end" }, { 0 },
};
// clang-format on

/* A frame and the word that should be its return address. */
struct match {
	uint64_t vaddr;
	size_t frame;
	enum cr_shadow_verdict verdict;
};

struct gcs {
	const struct gcs_opts *o;
	struct cr_x x;
	struct cr_memory memory;
	struct cr_stacks stacks;
	size_t nr_on; /* threads that have one */
	bool has_files; /* what is untold says which file is missing */

	/* Of the thread at hand. */
	uint32_t tid;
	bool is_x86;
	struct match *match; /* by address */
	size_t nr, cap;
	size_t next; /* match that is not shown yet */
	uint64_t taken_to; /* words below have been seen */
	size_t nr_returns, nr_signals, nr_agree, nr_differ, nr_unmatched;
	bool has_guess; /* frames that a frame pointer led to */
};

/* ---- frames ---- */

static void add_match(struct gcs *g, uint64_t vaddr, size_t frame,
		      enum cr_shadow_verdict verdict)
{
	if (g->nr == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 64;
		void *more = realloc(g->match, cap * sizeof(g->match[0]));
		if (!more) {
			cr_x_fail(&g->x, cr_enomem);
			return;
		}
		g->match = more;
		g->cap = cap;
	}
	g->match[g->nr++] = (struct match){ vaddr, frame, verdict };
}

/* The function of a frame, for people. */
static const char *function_of(struct gcs *g, const struct cr_frame *frame)
{
	const struct cr_elf_symbol *symbol = NULL;
	uint64_t off;
	if (frame->module)
		cr_x_fail(&g->x,
			  cr_module_symbol(frame->module, frame->pc - 1,
					   &symbol, &off));
	return symbol ? symbol->name : "no symbol";
}

/* Where frames are guessed, what differs may be the guess. */
static void note_wrong(struct gcs *g, bool is_guess, struct cr_error *err)
{
	if (is_guess)
		cr_x_untold(&g->x, cr_error_at(err, "frames are guessed"));
	else
		cr_x_find(&g->x, err);
}

static void note_differs(struct gcs *g, const struct cr_frame *frame,
			 size_t nr, enum cr_shadow_verdict verdict,
			 uint64_t has)
{
	note_wrong(g, verdict == CR_SHADOW_UNSURE,
		   cr_error_new(CR_ERR_FORMAT,
				"thread %u: frame %zu, 0x%llx (%s): the "
				"shadow stack has 0x%llx",
				g->tid, nr, (unsigned long long)frame->pc,
				function_of(g, frame),
				(unsigned long long)has));
}

/* Walks the frames of the thread beside its shadow stack. */
static void match_frames(struct gcs *g, struct cr_shadow shadow)
{
	struct cr_unwind *u = &g->stacks.unwind;
	struct cr_frame frame;
	g->nr = 0;
	for (size_t nr = 0; !g->x.err && cr_unwind_next(u, &frame); nr++) {
		uint64_t has, vaddr = shadow.at;
		enum cr_shadow_verdict verdict = cr_shadow_next(
			&shadow, &g->stacks.pages, &frame, &has);
		g->has_guess |= frame.how == CR_FRAME_POINTER;
		if (verdict == CR_SHADOW_NONE)
			continue;
		add_match(g, vaddr, nr, verdict);
		g->nr_agree += verdict == CR_SHADOW_OK;
		bool differs = verdict == CR_SHADOW_DIFFERS ||
			       verdict == CR_SHADOW_UNSURE;
		g->nr_differ += differs;
		if (g->o->what != VERIFY)
			continue;
		if (differs)
			note_differs(g, &frame, nr, verdict, has);
		else if (verdict == CR_SHADOW_UNKNOWN)
			cr_x_untold(&g->x,
				    cr_error_new(CR_ERR_FORMAT,
						 "thread %u: 0x%llx: the "
						 "shadow stack is not there",
						 g->tid,
						 (unsigned long long)vaddr));
	}
}

/* ---- words ---- */

static void show_word(struct gcs *g, uint64_t vaddr, uint64_t word,
		      enum cr_shadow_kind kind, const struct match *match)
{
	struct cr_x *x = &g->x;
	cr_cell_u64(x, g->stacks.pid);
	if (g->tid)
		cr_cell_u64(x, g->tid);
	else
		cr_cell_none(x);
	cr_cell_hex(x, vaddr);
	cr_cell_hex(x, word);
	cr_cell_string(x, cr_shadow_kind_name(kind));
	cr_cell_function(x, &g->stacks.unwind.modules,
			 kind == CR_SHADOW_RETURN ? word : 0, false);
	if (match)
		cr_cell_u64(x, match->frame);
	else
		cr_cell_none(x);
	cr_cell_string(x, match ? cr_shadow_verdict_name(match->verdict) :
				  NULL);
}

/* The word of a stack. */
static void take_word(struct gcs *g, uint64_t vaddr, uint64_t word)
{
	enum cr_shadow_kind kind = cr_shadow_kind_of(g->is_x86, vaddr, word);
	const struct match *match = NULL;
	while (g->next < g->nr && g->match[g->next].vaddr < vaddr)
		g->next++;
	if (g->next < g->nr && g->match[g->next].vaddr == vaddr)
		match = &g->match[g->next];
	g->nr_returns += kind == CR_SHADOW_RETURN;
	g->nr_signals += kind == CR_SHADOW_CAP;
	g->nr_unmatched += kind == CR_SHADOW_RETURN && !match;
	if (g->o->what == SHOW)
		show_word(g, vaddr, word, kind, match);
}

/* From an address up to the marker, or the end of the mapping. */
static void take_words(struct gcs *g, uint64_t vaddr)
{
	const struct cr_vma *vma =
		cr_modules_vma(&g->stacks.unwind.modules, vaddr);
	uint64_t word = 1;
	g->next = 0;
	for (; vma && vaddr % 8 == 0 && vaddr < vma->end && word &&
	       !g->x.err;
	     vaddr += 8) {
		struct cr_error *err = cr_pages_read(
			&g->stacks.pages, vaddr, &word, sizeof(word));
		if (err) {
			cr_error_free(err);
			return;
		}
		word = le64toh(word);
		take_word(g, vaddr, word);
		g->taken_to = vaddr + 8;
	}
}

/* ---- threads ---- */

static void judge_thread(struct gcs *g)
{
	const struct cr_unwind *u = &g->stacks.unwind;
	if (u->why)
		cr_x_untold(&g->x,
			    cr_error_new(CR_ERR_FORMAT,
					 "thread %u: frame %u: %s: %s",
					 g->tid, u->nr - 1,
					 cr_unwind_end_name(u->end),
					 cr_error_text(u->why)));
	else if (g->nr_unmatched && !g->nr_differ)
		note_wrong(g, g->has_guess,
			   cr_error_new(CR_ERR_FORMAT,
					"thread %u: the shadow stack has %zu "
					"return addresses more than there are "
					"frames",
					g->tid, g->nr_unmatched));
}

static void show_thread_counts(struct gcs *g, uint64_t pointer)
{
	struct cr_x *x = &g->x;
	cr_cell_u64(x, g->stacks.pid);
	cr_cell_u64(x, g->tid);
	cr_cell_hex(x, pointer);
	cr_cell_u64(x, g->nr_returns);
	cr_cell_u64(x, g->nr_signals);
	cr_cell_u64(x, g->nr_agree);
	cr_cell_u64(x, g->nr_differ);
	cr_cell_u64(x, g->nr_unmatched);
	cr_cell_string(x, cr_unwind_end_name(g->stacks.unwind.end));
}

static void take_thread(struct gcs *g, const struct cr_slot_thread *thread)
{
	struct cr_shadow shadow;
	cr_shadow_start(&shadow, thread->core);
	if (!shadow.is_on)
		return;
	g->nr_on++;
	g->tid = thread->tid;
	g->is_x86 = shadow.is_x86;
	g->has_guess = false;
	g->nr_returns = g->nr_signals = 0;
	g->nr_agree = g->nr_differ = g->nr_unmatched = 0;
	struct cr_error *err =
		cr_unwind_start(&g->stacks.unwind, thread->core);
	if (err) {
		cr_x_find(&g->x, cr_error_at(err, "thread %u", g->tid));
		return;
	}
	match_frames(g, shadow);
	take_words(g, shadow.at);
	if (g->o->what != VERIFY)
		return;
	show_thread_counts(g, shadow.at);
	judge_thread(g);
}

/* ---- stacks that no thread is on ---- */

static bool has_thread(const struct gcs *g, const struct cr_vma *vma)
{
	for (size_t i = 0; i < g->stacks.nr; i++) {
		struct cr_shadow shadow;
		cr_shadow_start(&shadow, g->stacks.thread[i].core);
		if (shadow.is_on && shadow.at >= vma->start &&
		    shadow.at <= vma->end)
			return true;
	}
	return false;
}

static struct cr_error *look_for_tokens(void *arg, const struct cr_window *w)
{
	struct gcs *g = arg;
	for (size_t i = 0; i + 8 <= w->size; i += 8) {
		uint64_t word;
		memcpy(&word, w->data + i, sizeof(word));
		if (w->vaddr + i >= g->taken_to &&
		    cr_shadow_kind_of(g->is_x86, w->vaddr + i,
				      le64toh(word)) == CR_SHADOW_TOKEN)
			take_words(g, w->vaddr + i);
	}
	return NULL;
}

static void take_parked(struct gcs *g)
{
	const struct cr_space *space = &g->stacks.pages.space;
	g->tid = 0;
	g->nr = 0;
	g->taken_to = 0;
	for (size_t i = 0; i < space->nr; i++) {
		const struct cr_vma *vma = &space->vma[i];
		if (vma->status & CR_VMA_SHSTK && !has_thread(g, vma))
			cr_x_find(&g->x,
				  cr_scan(&g->stacks.pages, vma->start,
					  vma->end, 0, look_for_tokens, g));
	}
}

/* ---- the verb ---- */

/* Why frames may not be known: that is the reason to be told. */
static void note_files(struct gcs *g)
{
	struct cr_module *m = g->stacks.unwind.modules.all;
	while (m && !m->fault)
		m = m->next;
	if (!m || g->has_files)
		return;
	g->has_files = true;
	const char *text = cr_error_text(m->fault);
	if (!strstr(cr_error_text(g->x.untold), text))
		g->x.untold = cr_error_at(g->x.untold, "%s", text);
}

static void take_process(struct gcs *g, const struct cr_task *task)
{
	struct cr_error *err =
		cr_stacks_open(&g->stacks, &g->memory, task);
	if (err) {
		cr_x_find(&g->x, cr_error_at(err, "process %u",
					     task->entry->pid));
		return;
	}
	g->is_x86 = g->stacks.arch == &cr_arch_x86_64;
	for (size_t i = 0; g->stacks.arch && i < g->stacks.nr; i++)
		take_thread(g, &g->stacks.thread[i]);
	if (g->stacks.arch && g->o->what == SHOW)
		take_parked(g);
	if (g->o->what == SHOW)
		cr_x_missing(&g->x, &g->stacks.unwind.modules, g->stacks.pid);
	else if (g->x.nr_untold)
		note_files(g);
	cr_stacks_close(&g->stacks);
}

static void show(struct gcs *g)
{
	struct cr_x *x = &g->x;
	cr_table_begin(x, g->o->what == SHOW ? show_columns : verify_columns);
	cr_x_for_each(task, x)
		take_process(g, task);
	cr_table_end(x);
	if (g->o->what == VERIFY && !g->nr_on)
		cr_x_untold(&g->x, cr_error_new(CR_ERR_NOT_FOUND,
					   "no thread has a shadow stack"));
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct gcs_opts *o = call->values;
	struct gcs g = { .o = o,
			 .x = { .json = o->json, .term = call->term } };
	struct cr_error *err = cr_x_open_memory(
		&g.x, call, o->dir, o->pids, o->sysroot, &g.memory);
	if (!err) {
		show(&g);
		err = cr_x_end(&g.x);
	}
	free(g.match);
	cr_memory_deinit(&g.memory);
	cr_x_deinit(&g.x);
	return err;
}

const struct cr_verb cr_verb_gcs = {
	.name = "gcs",
	.summary = "shadow stacks: what is in them, whether the frames agree",
	.text = "Looks into the shadow stacks of a checkpoint, where a processor "
		"keeps every return address a second time: guarded control "
		"stacks (GCS) of AArch64, and those of x86_64. Files that were "
		"mapped are taken from the --sysroot, as 'crit bt' does.\n"
		"\n"
		"show: each word, from the thread's pointer up to where its "
		"stack begins; then the stacks that no thread is on (tid -), "
		"from their token on. kind: return, a return address; signal, "
		"which the kernel puts above what a signal handler returns to; "
		"token, by which a stack is switched to, busy-token while that "
		"is being done; marker, where a stack begins. frame is the frame "
		"of the thread, as 'crit bt' counts, whose pc should be the "
		"word; verdict whether it is: agrees, differs, unsure (it differs, "
		"but frames were guessed). JSON: [{pid, "
		"tid, address, word, kind, function, frame, verdict}]. Exit status: 3 "
		"if a file was missing.\n"
		"\n"
		"verify: for each thread, how many return addresses and signals "
		"there are, how many frames agree and differ, and how many "
		"return addresses no frame has (unmatched); end is how the walk "
		"through the frames ended. A frame that differs is named. Exit "
		"status: 0 verified; 1 failed; 3 cannot tell, where the walk did "
		"not come to its end, frames had to be guessed, or no thread has "
		"a shadow stack. JSON: "
		"[{pid, tid, pointer, returns, signals, agree, differ, "
		"unmatched, end}].",
	.opts = opts,
	.values_size = sizeof(struct gcs_opts),
	.run = run,
};
