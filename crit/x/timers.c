// SPDX-License-Identifier: MIT
#include <signal.h>
#include <time.h>

#include "crit/x/table.h"
#include "crit/x/views.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "kind" }, { "id", true }, { "clock" },
	{ "left_ns", true }, { "interval_ns", true }, { "signal", true },
	{ "notify" }, { "tid", true }, { "overrun", true }, { 0 },
};

// man 2 clock_getres
static const char *const clocks[] = {
	[CLOCK_REALTIME] = "realtime", [CLOCK_MONOTONIC] = "monotonic",
	[CLOCK_PROCESS_CPUTIME_ID] = "process_cputime",
	[CLOCK_THREAD_CPUTIME_ID] = "thread_cputime",
	[CLOCK_BOOTTIME] = "boottime",
	[CLOCK_REALTIME_ALARM] = "realtime_alarm",
	[CLOCK_BOOTTIME_ALARM] = "boottime_alarm", [CLOCK_TAI] = "tai",
};

// man 7 sigevent
static const char *const notifies[] = {
	[SIGEV_SIGNAL] = "signal", [SIGEV_NONE] = "none",
	[SIGEV_THREAD] = "thread", [SIGEV_THREAD_ID] = "thread_id",
};
// clang-format on

#define NR(table) (sizeof(table) / sizeof((table)[0]))

/* As much as there is room for, if an image claims more. */
static uint64_t ns_of(uint64_t sec, uint64_t fraction, uint64_t unit)
{
	uint64_t ns, rest;
	if (__builtin_mul_overflow(sec, 1000000000u, &ns) ||
	    __builtin_mul_overflow(fraction, unit, &rest) ||
	    __builtin_add_overflow(ns, rest, &ns))
		return UINT64_MAX;
	return ns;
}

static void show_itimer(struct cr_x *x, uint32_t pid, const char *kind,
			const ItimerEntry *t)
{
	uint64_t left = ns_of(t->vsec, t->vusec, 1000);
	uint64_t interval = ns_of(t->isec, t->iusec, 1000);
	if (!left && !interval)
		return; /* not set */
	cr_cell_u64(x, pid);
	cr_cell_string(x, kind);
	cr_cell_none(x);
	cr_cell_none(x);
	cr_cell_u64(x, left);
	cr_cell_u64(x, interval);
	for (int i = 0; i < 4; i++)
		cr_cell_none(x);
}

static void show_posix(struct cr_x *x, uint32_t pid, const PosixTimerEntry *t)
{
	uint32_t clock = t->clock_id, notify = t->it_sigev_notify;
	cr_cell_u64(x, pid);
	cr_cell_string(x, "posix");
	cr_cell_u64(x, t->it_id);
	cr_cell_name_or(x, clock < NR(clocks) ? clocks[clock] : NULL, clock);
	cr_cell_u64(x, ns_of(t->vsec, t->vnsec, 1));
	cr_cell_u64(x, ns_of(t->isec, t->insec, 1));
	cr_cell_u64(x, t->si_signo);
	cr_cell_name_or(x, notify < NR(notifies) ? notifies[notify] : NULL,
			notify);
	if (t->has_notify_thread_id)
		cr_cell_i64(x, t->notify_thread_id);
	else
		cr_cell_none(x);
	cr_cell_u64(x, t->overrun);
}

/* Before 1.3 they had images of their own. */
static void show_old(struct cr_x *x, uint32_t pid)
{
	static const char *const kinds[] = { "real", "virtual", "prof" };
	struct cr_messages list;
	cr_x_find(x, cr_set_load_optionalf(&x->set, &itimer_entry__descriptor,
					   &list, "itimers-%u.img", pid));
	for (size_t i = 0; i < list.nr && i < NR(kinds); i++)
		show_itimer(x, pid, kinds[i], (void *)list.msg[i]);
	cr_messages_free(&list);
	cr_x_find(x, cr_set_load_optionalf(
			     &x->set, &posix_timer_entry__descriptor, &list,
			     "posix-timers-%u.img", pid));
	for (size_t i = 0; i < list.nr && !x->err; i++)
		show_posix(x, pid, (void *)list.msg[i]);
	cr_messages_free(&list);
}

static void show(struct cr_x *x, uint32_t pid, const TaskTimersEntry *t)
{
	show_itimer(x, pid, "real", t->real);
	show_itimer(x, pid, "virtual", t->virt);
	show_itimer(x, pid, "prof", t->prof);
	for (size_t i = 0; i < t->n_posix && !x->err; i++)
		show_posix(x, pid, t->posix[i]);
}

void cr_x_view_timers(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_for_each(task, x) {
		uint32_t pid = task->entry->pid;
		CoreEntry *core = cr_x_core(x, pid);
		if (core && core->tc && core->tc->timers)
			show(x, pid, core->tc->timers);
		else if (core)
			show_old(x, pid);
		cr_message_free(core);
	}
	cr_table_end(x);
}
