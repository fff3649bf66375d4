// SPDX-License-Identifier: MIT
#include <endian.h>
#include <string.h>

#include "crit/x/table.h"
#include "crit/x/views.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "tid", true }, { "kind" }, { "signal", true },
	{ "name" }, { "handler", true }, { "flags", true }, { "mask", true },
	{ "si_code", true }, { 0 },
};

// man 7 signal; of every processor CRIU knows but MIPS.
static const char *const names[] = {
	NULL, "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE",
	"KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
	"CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
	"VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
};

// Linux arch/mips/include/uapi/asm/signal.h, v6.11.
static const char *const mips_names[] = {
	NULL, "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "EMT", "FPE",
	"KILL", "BUS", "SEGV", "SYS", "PIPE", "ALRM", "TERM", "USR1", "USR2",
	"CHLD", "PWR", "WINCH", "URG", "IO", "STOP", "TSTP", "CONT", "TTIN",
	"TTOU", "VTALRM", "PROF", "XCPU", "XFSZ",
};
// clang-format on

enum { NR_NAMES = 32, SIGNO_KILL = 9 };

/* As the C library counts, which keeps two to itself. */
enum { RTMIN = 34, RTMAX = 64, MIPS_RTMAX = 127 };

/* Whose signals. */
struct owner {
	uint32_t pid, tid;
	const char *const *names;
	uint32_t stop;	/* the number of SIGSTOP */
	bool big, mips; /* the form of siginfo_t */
};

static void begin_row(struct cr_x *x, const struct owner *o, const char *kind,
		      uint64_t signo)
{
	cr_cell_u64(x, o->pid);
	cr_cell_u64(x, o->tid);
	cr_cell_string(x, kind);
	if (signo)
		cr_cell_u64(x, signo);
	else
		cr_cell_none(x);
	if (signo >= RTMIN && signo <= (o->mips ? MIPS_RTMAX : RTMAX))
		cr_cell_text(x, "RTMIN+%u", (unsigned)signo - RTMIN);
	else
		cr_cell_string(x, signo < NR_NAMES ? o->names[signo] : NULL);
}

static void show_action(struct cr_x *x, const struct owner *o, uint64_t signo,
			const SaEntry *sa)
{
	if (!sa->sigaction)
		return; /* the default */
	begin_row(x, o, sa->sigaction == 1 ? "ignored" : "handler", signo);
	if (sa->sigaction == 1)
		cr_cell_none(x);
	else
		cr_cell_hex(x, sa->sigaction);
	cr_cell_hex(x, sa->flags);
	cr_cell_hex(x, sa->mask);
	cr_cell_none(x);
}

/* By number, without those that have none. */
static void show_actions(struct cr_x *x, const struct owner *o,
			 SaEntry *const *sa, size_t nr)
{
	uint64_t signo = 1;
	for (size_t i = 0; i < nr && !x->err; i++, signo++) {
		while (signo == SIGNO_KILL || signo == o->stop)
			signo++;
		show_action(x, o, signo, sa[i]);
	}
}

static int32_t word_at(const struct owner *o, const ProtobufCBinaryData *info,
		       size_t off)
{
	uint32_t word;
	memcpy(&word, info->data + off, sizeof(word));
	return (int32_t)(o->big ? be32toh(word) : le32toh(word));
}

static void show_pending(struct cr_x *x, const struct owner *o,
			 const char *kind, SiginfoEntry *const *list, size_t nr)
{
	for (size_t i = 0; i < nr && !x->err; i++) {
		const ProtobufCBinaryData *info = &list[i]->siginfo;
		if (info->len < 12) {
			cr_x_find(x, cr_error_new(
					     CR_ERR_FORMAT,
					     "core-%u.img: %s signal %zu has "
					     "%zu bytes, not 128",
					     o->tid, kind, i, info->len));
			continue;
		}
		begin_row(x, o, kind, (uint32_t)word_at(o, info, 0));
		cr_cell_none(x);
		cr_cell_none(x);
		cr_cell_none(x);
		/* si_code and si_errno are the other way round on MIPS. */
		cr_cell_i64(x, word_at(o, info, o->mips ? 4 : 8));
	}
}

static void show_blocked(struct cr_x *x, const struct owner *o, uint64_t mask)
{
	if (!mask)
		return;
	begin_row(x, o, "blocked", 0);
	cr_cell_none(x);
	cr_cell_none(x);
	cr_cell_hex(x, mask);
	cr_cell_none(x);
}

/* Images of CRIU before 1.3 and 3.1: what was not in the core yet. */
static void show_old(struct cr_x *x, const struct owner *o,
		     const CoreEntry *core)
{
	struct cr_messages list;
	bool leader = o->pid == o->tid;
	if (leader && (!core->tc || !core->tc->n_sigactions)) {
		cr_x_find(x, cr_set_load_optionalf(
				     &x->set, &sa_entry__descriptor, &list,
				     "sigacts-%u.img", o->pid));
		show_actions(x, o, (void *)list.msg, list.nr);
		cr_messages_free(&list);
	}
	if (leader && (!core->tc || !core->tc->signals_s)) {
		cr_x_find(x, cr_set_load_optionalf(
				     &x->set, &siginfo_entry__descriptor, &list,
				     "signal-s-%u.img", o->pid));
		show_pending(x, o, "pending for all", (void *)list.msg,
			     list.nr);
		cr_messages_free(&list);
	}
	if (!core->thread_core || !core->thread_core->signals_p) {
		cr_x_find(x, cr_set_load_optionalf(
				     &x->set, &siginfo_entry__descriptor, &list,
				     "signal-p-%u.img", o->tid));
		show_pending(x, o, "pending", (void *)list.msg, list.nr);
		cr_messages_free(&list);
	}
}

static void show(struct cr_x *x, void *arg, const struct cr_task *task,
		 uint32_t tid, const CoreEntry *core)
{
	const TaskCoreEntry *tc = core->tc;
	const ThreadCoreEntry *thread = core->thread_core;
	bool mips = core->mtype == CORE_ENTRY__MARCH__MIPS;
	struct owner o = {
		.pid = task->entry->pid,
		.tid = tid,
		.names = mips ? mips_names : names,
		.stop = mips ? 23 : 19,
		.big = core->mtype == CORE_ENTRY__MARCH__S390,
		.mips = mips,
	};
	if (cr_core_is_zombie(core))
		return;
	if (thread && thread->has_blk_sigset)
		show_blocked(x, &o, thread->blk_sigset);
	else if (tc)
		show_blocked(x, &o, tc->blk_sigset);
	if (tc)
		show_actions(x, &o, tc->sigactions, tc->n_sigactions);
	if (tc && tc->signals_s)
		show_pending(x, &o, "pending for all", tc->signals_s->signals,
			     tc->signals_s->n_signals);
	if (thread && thread->signals_p)
		show_pending(x, &o, "pending", thread->signals_p->signals,
			     thread->signals_p->n_signals);
	show_old(x, &o, core);
}

void cr_x_view_signals(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_each_thread(x, show, NULL);
	cr_table_end(x);
}
