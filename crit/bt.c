// SPDX-License-Identifier: MIT
#include <string.h>

#include "crit/verb.h"
#include "crit/x/function.h"
#include "crit/x/table.h"
#include "lib/base/cleanup.h"
#include "lib/unwind/frame.h"
#include "lib/unwind/shadow.h"
#include "lib/unwind/sign.h"
#include "lib/unwind/stacks.h"

struct bt_opts {
	const char *dir, *pids, *sysroot;
	uint64_t tid;
	bool verify, json;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 'p', "pid", NULL, CR_LIST(struct bt_opts, pids, CR_TAKES_PID), "PID[,PID...]", "these processes only" },
	{ 't', "tid", NULL, CR_NUMBER(struct bt_opts, tid), "TID", "this thread only" },
	{ 0, "verify", NULL, CR_FLAG(struct bt_opts, verify), NULL, "authenticate signed return addresses (AArch64)" },
	{ 0, "sysroot", NULL, CR_STRING(struct bt_opts, sysroot, CR_TAKES_DIR), "DIR", "where the files are that were mapped" },
	{ 0, "json", NULL, CR_FLAG(struct bt_opts, json), NULL, "write JSON" },
	{ CR_ARG, CR_STRING(struct bt_opts, dir, CR_TAKES_CHECKPOINT), "TARGET", "the checkpoint" },
	{ 0 },
};

static const struct cr_column columns[] = {
	{ "frame", true }, { "pc", true }, { "function" }, { "file" },
	{ "cfa", true }, { "found" }, { "slot", true }, { "signed" }, { 0 },
};

static const struct cr_column verify_columns[] = {
	{ "frame", true }, { "pc", true }, { "function" }, { "file" },
	{ "cfa", true }, { "found" }, { "slot", true }, { "signed" },
	{ "verdict" }, { 0 },
};

static const struct cr_column shadow_columns[] = {
	{ "frame", true }, { "pc", true }, { "function" }, { "file" },
	{ "cfa", true }, { "found" }, { "slot", true }, { "signed" },
	{ "verdict" }, { "shadow" }, { 0 },
};
// clang-format on

struct bt {
	const struct bt_opts *o;
	struct cr_x x;
	struct cr_memory memory;
	struct cr_signs signs;
	bool has_thread; /* the wanted one has been seen */

	/* The process at hand. */
	uint32_t pid;
	bool is_open;
	struct cr_pages pages;
	struct cr_unwind unwind;

	/* The thread at hand. */
	struct cr_shadow shadow;
	size_t nr_guesses; /* frames that the frame pointer alone led to */
	size_t first_guess;
	struct cr_error *guess; /* why that one was */
};

static void forget_guess(struct bt *bt)
{
	cr_error_free(bt->guess);
	bt->guess = NULL;
	bt->nr_guesses = 0;
}

static void close_process(struct bt *bt)
{
	cr_unwind_deinit(&bt->unwind);
	cr_pages_close(&bt->pages);
	bt->is_open = false;
}

static struct cr_error *open_process(struct bt *bt, uint32_t pid,
				     const CoreEntry *core)
{
	const struct cr_arch *arch = cr_arch_of(core);
	if (bt->is_open && bt->pid == pid)
		return NULL;
	close_process(bt);
	if (!arch)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "its registers are of no processor that is known");
	struct cr_error *err = cr_pages_open(&bt->pages, &bt->memory, pid);
	if (!err)
		err = cr_unwind_init(&bt->unwind, &bt->pages, arch);
	bt->pid = pid;
	bt->is_open = !err;
	return err;
}

static struct cr_error *start_thread(struct bt *bt, uint32_t pid,
				     const CoreEntry *core)
{
	struct cr_error *err = open_process(bt, pid, core);
	return err ? err : cr_unwind_start(&bt->unwind, core);
}

/* ---- how they are signed ---- */

/* All threads count, wanted or not. */
static void prove(struct bt *bt)
{
	struct cr_x *x = &bt->x;
	cr_x_fail(x, cr_stacks_learn(&bt->signs, &bt->memory, &x->tree));
	if (!bt->signs.nr_samples)
		return;
	if (bt->signs.is_proved) {
		cr_x_scheme_line(x, &bt->signs);
		cr_x_text(x, "\n");
	} else {
		cr_x_find(x, cr_error_new(CR_ERR_NOT_FOUND,
					  "no algorithm and address size is "
					  "proved by the %zu signed return "
					  "addresses",
					  bt->signs.nr_samples));
	}
}

/* ---- frames ---- */

static void show_function(struct bt *bt, const struct cr_frame *frame)
{
	struct cr_x *x = &bt->x;
	const struct cr_elf_symbol *symbol = NULL;
	uint64_t off = 0, back = frame->is_exact || frame->is_signal ? 0 : 1;
	if (frame->module)
		cr_x_fail(x, cr_module_symbol(frame->module, frame->pc - back,
					      &symbol, &off));
	if (symbol)
		cr_cell_text(x, "%s+0x%llx", symbol->name,
			     (unsigned long long)(off + back));
	else if (frame->is_signal)
		cr_cell_string(x, "[signal handler called]");
	else
		cr_cell_none(x);
	cr_cell_string(x, frame->module ? frame->module->name : NULL);
}

static void show_return(struct bt *bt, const struct cr_frame *frame)
{
	struct cr_x *x = &bt->x;
	const struct cr_return *ret = &frame->ret;
	if (!frame->has_ret)
		cr_cell_none(x);
	else if (ret->in_memory)
		cr_cell_hex(x, ret->slot);
	else
		cr_cell_text(x, "%s%u",
			     bt->unwind.arch->frames->links ? "x" : "r",
			     ret->reg);
	if (frame->has_ret && ret->sign & CR_CFI_SIGNED)
		cr_cell_text(x, "%s%s", ret->is_key_b ? "ib" : "ia",
			     ret->sign & CR_CFI_WITH_PC ? "+pc" : "");
	else
		cr_cell_none(x);
}

static void show_verdict(struct bt *bt, const struct cr_sign_keys *keys,
			 const struct cr_frame *frame, uint32_t tid,
			 size_t nr)
{
	struct cr_x *x = &bt->x;
	uint32_t other;
	enum cr_sign_verdict verdict =
		cr_signs_check(&bt->signs, keys, frame, &other);
	if (verdict == CR_SIGN_OTHER)
		cr_cell_text(x, "with keys of %u", other);
	else
		cr_cell_string(x, cr_sign_verdict_name(verdict));
	if (verdict == CR_SIGN_BAD)
		cr_x_find(x, cr_error_new(CR_ERR_FORMAT,
					  "thread %u: frame %zu: its return "
					  "address does not authenticate",
					  tid, nr));
}

static void show_shadow(struct bt *bt, const struct cr_frame *frame,
			uint32_t tid, size_t nr)
{
	struct cr_x *x = &bt->x;
	uint64_t has;
	enum cr_shadow_verdict verdict =
		cr_shadow_next(&bt->shadow, &bt->pages, frame, &has);
	cr_cell_string(x, cr_shadow_verdict_name(verdict));
	if (verdict == CR_SHADOW_DIFFERS)
		cr_x_find(x, cr_error_new(CR_ERR_FORMAT,
					  "thread %u: frame %zu: the shadow "
					  "stack has 0x%llx",
					  tid, nr, (unsigned long long)has));
}

static void show_frame(struct bt *bt, const struct cr_sign_keys *keys,
		       const struct cr_frame *frame, uint32_t tid, size_t nr)
{
	struct cr_x *x = &bt->x;
	cr_cell_u64(x, nr);
	cr_cell_hex(x, frame->pc);
	show_function(bt, frame);
	if (frame->has_cfa)
		cr_cell_hex(x, frame->cfa);
	else
		cr_cell_none(x);
	cr_cell_string(x, cr_frame_how_name(frame->how));
	show_return(bt, frame);
	if (bt->o->verify)
		show_verdict(bt, keys, frame, tid, nr);
	if (bt->shadow.is_on)
		show_shadow(bt, frame, tid, nr);
}

/* A file that is missing is said to be, below. */
static void note_guess(struct bt *bt, const struct cr_frame *frame, size_t nr)
{
	const struct cr_error *why = bt->unwind.guess;
	if (!why || (frame->module && frame->module->fault))
		return;
	if (bt->nr_guesses++)
		return;
	bt->first_guess = nr + 1;
	bt->guess = cr_error_new(cr_error_code(why), "%s", cr_error_text(why));
}

/* Tables that are broken are found fault with; that there are none is not. */
static void show_guesses(struct bt *bt, uint32_t tid)
{
	struct cr_x *x = &bt->x;
	if (!bt->guess) {
		cr_x_null(x, "guessed");
		return;
	}
	const char *why = cr_error_text(bt->guess);
	cr_x_open(x, "guessed", '{');
	cr_x_u64(x, "frames", bt->nr_guesses);
	cr_x_u64(x, "first", bt->first_guess);
	cr_x_string(x, "why", why);
	cr_x_close(x, '}');
	cr_x_text(x, "guessed: frame %zu", bt->first_guess);
	if (bt->nr_guesses > 1)
		cr_x_text(x, " and %zu more", bt->nr_guesses - 1);
	cr_x_text(x, ": ");
	cr_x_safe(x, why, strlen(why));
	cr_x_text(x, "\n");
	if (cr_error_code(bt->guess) == CR_ERR_FORMAT)
		cr_x_find(x, cr_error_new(CR_ERR_FORMAT,
					  "thread %u: frame %zu is guessed: %s",
					  tid, bt->first_guess, why));
}

/* Files that frames were in and that are not here: said once a process. */
static void show_missing(struct bt *bt)
{
	struct cr_x *x = &bt->x;
	cr_x_open(x, "missing", '[');
	for (struct cr_module *m = bt->unwind.modules.all; m; m = m->next) {
		if (!m->fault)
			continue;
		const char *text = cr_error_text(m->fault);
		cr_x_string(x, NULL, text);
		if (m->is_told)
			continue;
		cr_x_text(x, "missing: ");
		cr_x_safe(x, text, strlen(text));
		cr_x_text(x, "\n");
		cr_x_find(x, cr_error_new(cr_error_code(m->fault),
					  "process %u: %s", bt->pid, text));
		m->is_told = true;
	}
	cr_x_close(x, ']');
}

static void show_end(struct bt *bt, uint32_t tid, size_t nr)
{
	struct cr_x *x = &bt->x;
	const struct cr_unwind *u = &bt->unwind;
	const char *end = cr_unwind_end_name(u->end);
	const char *why = u->why ? cr_error_text(u->why) : NULL;
	cr_x_string(x, "end", end);
	cr_x_string(x, "why", why);
	if (!why)
		return;
	cr_x_text(x, "%s: ", end);
	cr_x_safe(x, why, strlen(why));
	cr_x_text(x, "\n");
	cr_x_find(x, cr_error_new(cr_error_code(u->why),
				  "thread %u: frame %zu: %s: %s", tid, nr - 1,
				  end, why));
}

static void show_thread(struct cr_x *x, void *arg, const struct cr_task *task,
			uint32_t tid, const CoreEntry *core)
{
	struct bt *bt = arg;
	uint32_t pid = task->entry->pid;
	size_t nr = 0;
	struct cr_frame frame;
	if ((bt->o->tid && bt->o->tid != tid) || cr_core_is_zombie(core))
		return;
	const struct cr_sign_keys *keys = NULL;
	if (bt->o->verify)
		keys = cr_signs_find(&bt->signs, pid, tid);
	struct cr_error *err = start_thread(bt, pid, core);
	if (err) {
		cr_x_find(x, cr_error_at(err, "thread %u", tid));
		return;
	}
	if (bt->has_thread)
		cr_x_text(x, "\n");
	bt->has_thread = true;
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, "pid", pid);
	cr_x_u64(x, "tid", tid);
	cr_x_string(x, "comm", cr_x_comm(core));
	if (bt->o->verify)
		cr_x_scheme(x, &bt->signs);
	cr_x_heading(x, "process %u, thread %u", pid, tid);
	bt->shadow = (struct cr_shadow){ 0 };
	if (bt->o->verify)
		cr_shadow_start(&bt->shadow, core);
	cr_table_begin_as(x, "frames",
			  bt->shadow.is_on ? shadow_columns :
			  bt->o->verify	   ? verify_columns :
					     columns);
	forget_guess(bt);
	while (!x->err && cr_unwind_next(&bt->unwind, &frame)) {
		note_guess(bt, &frame, nr);
		show_frame(bt, keys, &frame, tid, nr++);
	}
	cr_table_end(x);
	show_guesses(bt, tid);
	show_end(bt, tid, nr);
	show_missing(bt);
	cr_x_close(x, '}');
}

static void show(struct bt *bt)
{
	struct cr_x *x = &bt->x;
	if (bt->o->verify)
		prove(bt);
	cr_x_open(x, NULL, '[');
	cr_x_each_thread(x, show_thread, bt);
	cr_x_close(x, ']');
	if (bt->o->tid && !bt->has_thread && !x->nr_findings)
		cr_x_find(x, cr_error_new(CR_ERR_NOT_FOUND,
					  "no thread %llu with registers",
					  (unsigned long long)bt->o->tid));
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct bt_opts *o = call->values;
	struct bt bt = { .o = o,
			 .x = { .json = o->json, .term = call->term } };
	struct cr_error *err = cr_x_open_memory(
		&bt.x, call, o->dir, o->pids, o->sysroot, &bt.memory);
	if (!err) {
		show(&bt);
		err = cr_x_end(&bt.x);
	}
	close_process(&bt);
	forget_guess(&bt);
	cr_signs_deinit(&bt.signs);
	cr_memory_deinit(&bt.memory);
	cr_x_deinit(&bt.x);
	return err;
}

const struct cr_verb cr_verb_bt = {
	.name = "bt",
	.summary = "each thread's call chain, and whether it was tampered with",
	.text = "Unwinds the stack of every thread, from what the checkpoint has "
		"and, with --sysroot, the files that were mapped, on any host: "
		"x86_64 and AArch64. A file is used only if it is the one that "
		"was mapped, by size and build-id as far as the images say.\n"
		"\n"
		"For each frame: where it is (pc, function, file), the stack "
		"pointer when it was called (cfa), how it was found, and where "
		"its return address is (slot), an address or a register. Found "
		"by: registers, the frame at the top; cfi, call frame "
		"information; signal, what the kernel saved before it called a "
		"handler; frame-pointer, a guess where nothing says more. signed "
		"is the key that the return address is signed with (ia, ib; "
		"+pc: with the place of signing).\n"
		"\n"
		"With --verify each signed return address is authenticated with "
		"the keys in the images. Which algorithm and address size they "
		"are for, the frames of all threads prove themselves; the odds "
		"are said. A verdict is: authenticates, does not, unsigned (as "
		"the tables say), with keys of TID (another thread's: signed "
		"before this one changed its keys), unknown. An algorithm of "
		"the processor's maker cannot be computed: unknown. Of a thread "
		"with a shadow stack (GCS) a further column says whether that "
		"agrees: the frame's pc is what the processor kept as return "
		"address; unsure, where it differs from frames that had to be "
		"guessed; - stands for what is not kept there.\n"
		"\n"
		"Where the walk of a thread ends before the outermost frame, "
		"which files are missing, and why frames were guessed of a file "
		"that is there, is said behind its frames; the exit status is 1 "
		"where a walk ends early, a file is missing, its tables are "
		"broken, a return address does not authenticate or the shadow "
		"stack differs.\n"
		"\n"
		"JSON: a list of threads {pid, tid, comm, scheme: {algorithm, "
		"va_bits, samples, matched, evidence}, frames: [{frame, pc, "
		"function, file, cfa, found, slot, signed, verdict, shadow}], "
		"guessed: {frames, first, why}, end, why, missing: [text]}; "
		"scheme, verdict and shadow with --verify only, shadow where "
		"there is one; guessed is null where no frame is. "
		"evidence: by chance once in 2 to that.",
	.opts = opts,
	.values_size = sizeof(struct bt_opts),
	.run = run,
};
