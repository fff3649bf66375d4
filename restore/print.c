// SPDX-License-Identifier: MIT
/*
 * A plan as text or JSON, for --plan: tables, each of which is a list of objects
 * in JSON. To add to it: a row of `tables`, and a function that writes its rows.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/out.h"
#include "lib/base/utf8.h"
#include "lib/codec/writer.h"
#include "restore/arch/arch.h"
#include "restore/fd/kind.h"
#include "restore/clones.h"
#include "restore/keys/keys.h"
#include "restore/plan.h"
#include "restore/shares.h"
#include "restore/steps.h"

/* ---- tables ---- */

// The key in JSON is the heading in text. The last column is as wide as it comes.
struct column {
	const char *key;
	int width; // negative: text that begins at the left
};

#define MAX_COLUMNS 8

// What is being written. An error stays, and nothing is written after it.
struct sheet {
	struct cr_out out;
	struct cr_writer writer;
	bool json;
	const struct table *table;
	size_t nr_rows, nr_tables;
	const struct column *column; // the next
	size_t nr_words;	     // in a list
	const struct cr_clones *clones; // those that run, or NULL
	struct cr_error *err;
};

struct table {
	const char *key;
	void (*rows)(struct sheet *s, struct cr_rplan *plan);
	struct column column[MAX_COLUMNS + 1];
};

static void put(struct sheet *s, const char *text)
{
	if (!s->err)
		s->err = cr_out_put(&s->out, text, strlen(text));
}

static void put_padded(struct sheet *s, const char *text)
{
	char buf[80];
	if (!s->column[1].key) {
		put(s, text);
		return;
	}
	snprintf(buf, sizeof(buf), "%*.60s  ", s->column->width, text);
	put(s, buf);
}

static void put_heading(struct sheet *s)
{
	put(s, s->nr_tables++ ? "\n" : "");
	for (s->column = s->table->column; s->column->key; s->column++) {
		char upper[24];
		const char *p = s->column->key;
		size_t n = 0;
		for (; p[n] && n + 1 < sizeof(upper); n++)
			upper[n] = (char)toupper((unsigned char)p[n]);
		upper[n] = 0;
		put_padded(s, upper);
	}
	put(s, "\n");
}

static void begin_row(struct sheet *s)
{
	if (!s->json && !s->nr_rows++)
		put_heading(s);
	s->column = s->table->column;
	if (!s->err && s->json)
		s->err = cr_writer_item(&s->writer);
	if (!s->err && s->json)
		s->err = cr_writer_open(&s->writer, '{');
}

static void end_row(struct sheet *s)
{
	if (!s->json)
		put(s, "\n");
	else if (!s->err)
		s->err = cr_writer_close(&s->writer, '}');
	if (!s->err)
		s->err = cr_out_drain(&s->out);
}

/* ---- cells, in the order of the columns ---- */

static void key(struct sheet *s)
{
	if (!s->err && s->json)
		s->err = cr_writer_key(&s->writer, s->column->key);
}

// NULL: there is none.
static void text(struct sheet *s, const char *value)
{
	cr_auto_free char *safe = cr_utf8_safe(value ? value : "");
	key(s);
	if (!safe && !s->err)
		s->err = cr_enomem;
	if (!s->err && s->json)
		s->err = value ? cr_writer_string(&s->writer, safe,
						  strlen(safe)) :
				 cr_writer_raw(&s->writer, "null");
	if (!s->err && !s->json)
		put_padded(s, safe);
	s->column++;
}

static void number(struct sheet *s, uint64_t value)
{
	char buf[24];
	key(s);
	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)value);
	if (!s->err && s->json)
		s->err = cr_writer_u64(&s->writer, value);
	else
		put_padded(s, buf);
	s->column++;
}

// A list of words of ours is the last cell.
static void begin_list(struct sheet *s)
{
	s->nr_words = 0;
	key(s);
	if (!s->err && s->json)
		s->err = cr_writer_open(&s->writer, '[');
}

static void word(struct sheet *s, const char *value)
{
	if (!s->json) {
		put(s, s->nr_words++ ? ", " : "");
		put(s, value);
		return;
	}
	if (!s->err)
		s->err = cr_writer_item(&s->writer);
	if (!s->err)
		s->err = cr_writer_string(&s->writer, value, strlen(value));
}

static void end_list(struct sheet *s)
{
	if (!s->err && s->json)
		s->err = cr_writer_close(&s->writer, ']');
}

/* ---- processes and threads ---- */

static uint64_t mapped(const struct cr_proc *proc)
{
	uint64_t size = 0;
	for (size_t i = 0; i < proc->nr_mappings; i++)
		size += proc->mapping[i].vma->end - proc->mapping[i].vma->start;
	return size;
}

static void processes(struct sheet *s, struct cr_rplan *plan)
{
	cr_rplan_each_proc(proc, plan) {
		begin_row(s);
		number(s, proc->vpid);
		number(s, proc->parent ? proc->parent->vpid : 0);
		text(s, proc->zombie ? "zombie" : "live");
		number(s, proc->nr_threads);
		number(s, proc->nr_mappings);
		number(s, mapped(proc));
		number(s, proc->nr_fds);
		text(s, proc->core ? proc->core->tc->comm : NULL);
		end_row(s);
	}
}

static bool has_tid_address(const struct cr_thread *t)
{
	return t->core->mtype == cr_native.march &&
	       cr_native.clear_tid(t->core);
}

static bool has_robust_list(const struct cr_thread *t)
{
	return t->core->thread_core->futex_rla_len;
}

static bool has_rseq(const struct cr_thread *t)
{
	const RseqEntry *e = t->core->thread_core->rseq_entry;
	return e && e->rseq_abi_pointer;
}

static bool has_stack(const struct cr_thread *t)
{
	const ThreadSasEntry *sas = t->core->thread_core->sas;
	return sas && !(sas->ss_flags & SS_DISABLE);
}

static bool has_pending(const struct cr_thread *t)
{
	const SignalQueueEntry *own = t->core->thread_core->signals_p;
	const TaskCoreEntry *tc = t->core->tc;
	return (own && own->n_signals) ||
	       (tc && tc->signals_s && tc->signals_s->n_signals);
}

static bool has_death_signal(const struct cr_thread *t)
{
	return t->core->thread_core->pdeath_sig;
}

// What a thread gets beside its registers, if it had it.
static const struct {
	const char *name;
	bool (*has)(const struct cr_thread *thread);
} attributes[] = {
	// clang-format off
	{ "tid address",     has_tid_address },
	{ "robust futexes",  has_robust_list },
	{ "rseq",            has_rseq },
	{ "signal stack",    has_stack },
	{ "pending signals", has_pending },
	{ "death signal",    has_death_signal },
	// clang-format on
};

static void thread_parts(struct sheet *s, const struct cr_rplan *plan,
			 const struct cr_thread *thread)
{
	const char *name;
	bool has = false;
	begin_list(s);
	for (size_t i = 0; (name = cr_native.part(plan, thread, i, &has)); i++) {
		if (has)
			word(s, name);
	}
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (attributes[i].has(thread))
			word(s, attributes[i].name);
	}
	end_list(s);
}

static void threads(struct sheet *s, struct cr_rplan *plan)
{
	cr_rplan_each_proc(proc, plan) {
		if (proc->zombie || proc->unread)
			continue;
		cr_proc_each_thread(thread, proc) {
			begin_row(s);
			number(s, proc->vpid);
			number(s, thread->vtid);
			thread_parts(s, plan, thread);
			end_row(s);
		}
	}
}

/* ---- keys ---- */

static void scheme(struct sheet *s, const struct cr_pac_scheme *scheme, bool is)
{
	char buf[40];
	snprintf(buf, sizeof(buf), "%s/%u",
		 cr_pac_algorithm_name(scheme->algorithm), scheme->va_bits);
	text(s, is ? buf : NULL);
}

// Where there are none, and nobody asks, nothing is said.
static void keys(struct sheet *s, struct cr_rplan *plan)
{
	const struct cr_keys *k = plan->keys;
	if (!k || !k->row ||
	    !(plan->options->keys || k->facts.in_images || k->facts.here))
		return;
	begin_row(s);
	text(s, cr_keys_name(k->facts.want));
	scheme(s, &k->from, k->is_proved);
	scheme(s, &k->here, k->facts.here);
	number(s, k->result.nr_words);
	number(s, k->result.nr_threads);
	text(s, k->row->why);
	end_row(s);
}

/* ---- files and mappings ---- */

// Files are in the order of their types.
static void files(struct sheet *s, struct cr_rplan *plan)
{
	for (size_t i = 0, next; i < plan->nr_ofiles; i = next) {
		const struct cr_ofile *first = plan->ofile + i;
		uint64_t nr_open = 0, nr_mapped = 0, nr = 0;
		for (next = i; next < plan->nr_ofiles &&
			       plan->ofile[next].type == first->type; next++) {
			const struct cr_ofile *file = plan->ofile + next;
			nr_open += file->is_fd;
			nr_mapped += file->is_mapped;
			nr++;
		}
		begin_row(s);
		number(s, nr);
		number(s, nr_open);
		number(s, nr_mapped);
		text(s, first->kind ? first->kind->name :
				      cr_file_type_name(first->type) ?:
				      "unknown");
		end_row(s);
	}
}

// The first row with one of a mapping's bits counts.
static const struct {
	uint32_t bits;
	const char *name;
} kinds[] = {
	// clang-format off
	{ CR_VMA_VSYSCALL,             "vsyscall" },
	{ CR_VMA_GUARD,                "guard pages" },
	{ CR_VMA_VDSO | CR_VMA_VVAR,   "vdso" },
	{ CR_VMA_SHSTK,                "shadow stack" },
	{ CR_VMA_SYSVIPC,              "System V shared memory" },
	{ CR_VMA_SOCKET,               "packet socket" },
	{ CR_VMA_AIORING,              "asynchronous I/O ring" },
	{ CR_VMA_UPROBES,              "uprobes" },
	{ CR_VMA_MEMFD,                "memfd" },
	{ CR_VMA_ANON_PRIVATE,         "private memory" },
	{ CR_VMA_ANON_SHARED,          "shared memory" },
	{ CR_VMA_FILE_PRIVATE,         "file, private" },
	{ CR_VMA_FILE_SHARED,          "file, shared" },
	{ 0,                           "unknown" },
	// clang-format on
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct sum {
	uint64_t nr, size;
};

static void count(const struct cr_proc *proc, struct sum sum[NR_KINDS])
{
	for (size_t i = 0; i < proc->mm.nr_vmas; i++) {
		const VmaEntry *vma = proc->mm.vma[i];
		size_t k = 0;
		while (k + 1 < NR_KINDS && !(vma->status & kinds[k].bits))
			k++;
		sum[k].nr++;
		sum[k].size += vma->end - vma->start;
	}
}

static void mappings(struct sheet *s, struct cr_rplan *plan)
{
	struct sum sum[NR_KINDS] = { 0 };
	cr_rplan_each_proc(proc, plan)
		count(proc, sum);
	for (size_t k = 0; k < NR_KINDS; k++) {
		if (!sum[k].nr)
			continue;
		begin_row(s);
		number(s, sum[k].nr);
		number(s, sum[k].size);
		text(s, kinds[k].name);
		end_row(s);
	}
}

/* ---- steps ---- */

static void steps(struct sheet *s, struct cr_rplan *plan)
{
	for (const struct cr_step *step = cr_steps; step->name; step++) {
		begin_row(s);
		text(s, step->name);
		text(s, step->inject ? "injected" :
			step->child  ? "process" :
				       "restorer");
		text(s, step->each_thread	    ? "thread" :
			step->inject || step->child ? "process" :
						      "checkpoint");
		text(s, step->does);
		end_row(s);
	}
}

/* ---- what is refused ---- */

// Errors begin with the image, if it is one, and then the entry.
static void refusal(struct sheet *s, const struct cr_error *err)
{
	static const char image_end[] = ".img: ", entry_is[] = "entry ";
	cr_auto_free char *copy = strdup(cr_error_text(err));
	char *rest = copy, *image = NULL, *entry = NULL, *end;
	if (!copy) {
		s->err = s->err ?: cr_enomem;
		return;
	}
	end = strstr(rest, image_end);
	if (end && end < strchr(rest, ':')) {
		image = rest;
		rest = end + strlen(image_end);
		rest[-2] = 0;
	}
	end = strstr(rest, ": ");
	if (image && end && !strncmp(rest, entry_is, strlen(entry_is))) {
		entry = rest + strlen(entry_is);
		rest = end + 2;
		*end = 0;
	}
	begin_row(s);
	text(s, image);
	if (entry)
		number(s, strtoull(entry, NULL, 10));
	else
		text(s, NULL);
	text(s, rest);
	end_row(s);
}

static void refusals(struct sheet *s, const struct cr_rplan *plan, bool of_host)
{
	for (size_t i = 0; i < plan->nr_refusals; i++) {
		if (plan->refusal[i].of_host == of_host)
			refusal(s, plan->refusal[i].err);
	}
}

static void lacks(struct sheet *s, struct cr_rplan *plan)
{
	refusals(s, plan, true);
}

static void unsupported(struct sheet *s, struct cr_rplan *plan)
{
	refusals(s, plan, false);
}

/* ---- copies ---- */

static void copies(struct sheet *s, struct cr_rplan *plan)
{
	for (size_t i = 0; i < s->clones->nr; i++) {
		const struct cr_keeper *k = s->clones->keeper + i;
		begin_row(s);
		number(s, i + 1);
		number(s, (uint64_t)k->root);
		number(s, (uint64_t)(k->stays ? k->pid : k->root));
		end_row(s);
	}
}

static struct cr_error *share(void *arg, const struct cr_share *share)
{
	struct sheet *s = arg;
	begin_row(s);
	if (share->proc)
		number(s, share->proc->vpid);
	else
		text(s, NULL);
	text(s, share->what);
	text(s, share->remedy);
	text(s, share->where);
	end_row(s);
	return NULL;
}

static void shares(struct sheet *s, struct cr_rplan *plan)
{
	struct cr_error *err = cr_shares_each(plan, share, s);
	if (s->err)
		cr_error_free(err);
	else
		s->err = err;
}

/* ---- the whole ---- */

#define SHARED                                                      \
	{ "shared", shares,                                         \
	  { { "pid", 7 }, { "shares", -24 },              \
	    { "remedy", -14 }, { "where", 0 } } }

// Of copies that run.
static const struct table clone_tables[] = {
	// clang-format off
	{ "copies", copies,
	  { { "copy", 7 }, { "pid", 7 }, { "init", 7 } } },
	SHARED,
	{ 0 },
	// clang-format on
};

static const struct table tables[] = {
	// clang-format off
	{ "processes", processes,
	  { { "pid", 7 }, { "ppid", 7 }, { "state", -6 }, { "threads", 7 },
	    { "mappings", 8 }, { "bytes", 12 }, { "fds", 5 }, { "comm", 0 } } },
	{ "threads", threads,
	  { { "pid", 7 }, { "tid", 7 }, { "gets", 0 } } },
	{ "keys", keys,
	  { { "keys", -9 }, { "signed", -9 }, { "here", -9 },
	    { "pointers", 8 }, { "threads", 7 }, { "does", 0 } } },
	{ "files", files,
	  { { "files", 7 }, { "open", 7 }, { "mapped", 7 }, { "kind", 0 } } },
	{ "mappings", mappings,
	  { { "mappings", 8 }, { "bytes", 12 }, { "kind", 0 } } },
	{ "steps", steps,
	  { { "step", -15 }, { "by", -8 }, { "each", -10 }, { "does", 0 } } },
	SHARED,
	{ "lacks", lacks,
	  { { "image", -20 }, { "entry", 5 }, { "lacks", 0 } } },
	{ "unsupported", unsupported,
	  { { "image", -20 }, { "entry", 5 }, { "unsupported", 0 } } },
	{ 0 },
	// clang-format on
};

static void all_tables(struct sheet *s, const struct table *table,
		       struct cr_rplan *plan)
{
	for (; !s->err && table->key; table++) {
		if (table->rows == shares && !plan->options->clones)
			continue;
		s->table = table;
		s->nr_rows = 0;
		if (s->json)
			s->err = cr_writer_key(&s->writer, s->table->key);
		if (!s->err && s->json)
			s->err = cr_writer_open(&s->writer, '[');
		s->table->rows(s, plan);
		if (!s->err && s->json)
			s->err = cr_writer_close(&s->writer, ']');
	}
}

static struct cr_error *print(struct cr_rplan *plan, const struct table *table,
			      const struct cr_clones *clones, bool json, int fd)
{
	struct sheet s = { .json = json, .clones = clones };
	s.writer = (struct cr_writer){ .out = &s.out,
				       .style = { .indent = true } };
	struct cr_error *err = cr_out_init_fd(&s.out, fd, false);
	if (err)
		return err;
	if (json)
		s.err = cr_writer_open(&s.writer, '{');
	all_tables(&s, table, plan);
	if (!s.err && json)
		s.err = cr_writer_close(&s.writer, '}');
	put(&s, json ? "\n" : "");
	if (!s.err)
		s.err = cr_out_flush(&s.out);
	cr_out_deinit(&s.out);
	return s.err;
}

struct cr_error *cr_rplan_print(struct cr_rplan *plan, bool json, int fd)
{
	return print(plan, tables, NULL, json, fd);
}

struct cr_error *cr_clones_print(struct cr_rplan *plan,
				 const struct cr_clones *clones, int fd)
{
	return print(plan, clone_tables, clones, plan->options->json, fd);
}
