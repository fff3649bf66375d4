// SPDX-License-Identifier: MIT
#include <sched.h>

#include "crit/x/table.h"
#include "crit/x/views.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "tid", true }, { "comm" }, { "state" }, { "arch" },
	{ "policy" }, { "prio", true }, { "nice", true }, { "seccomp" },
	{ "pdeath_sig", true }, { "sigstack", true }, { "rseq", true }, { 0 },
};

static const char *const policies[] = {
	[SCHED_OTHER] = "other", [SCHED_FIFO] = "fifo", [SCHED_RR] = "rr",
	[SCHED_BATCH] = "batch", [SCHED_IDLE] = "idle",
	[SCHED_DEADLINE] = "deadline",
};
// clang-format on

#define NR_POLICIES (sizeof(policies) / sizeof(policies[0]))

static void show_sched(struct cr_x *x, const ThreadCoreEntry *t)
{
	uint32_t policy = t ? t->sched_policy : 0;
	if (t && t->has_sched_policy)
		cr_cell_name_or(x,
				policy < NR_POLICIES ? policies[policy] : NULL,
				policy);
	else
		cr_cell_none(x);
	if (t && t->has_sched_prio)
		cr_cell_u64(x, t->sched_prio);
	else
		cr_cell_none(x);
	if (t && t->has_sched_nice)
		cr_cell_i64(x, t->sched_nice);
	else
		cr_cell_none(x);
}

static void show_seccomp(struct cr_x *x, const CoreEntry *core)
{
	const ThreadCoreEntry *t = core->thread_core;
	int mode = -1;
	// Until 3.10 it stood in the leader's part.
	if (t && t->has_seccomp_mode)
		mode = (int)t->seccomp_mode;
	else if (core->tc && core->tc->has_old_seccomp_mode)
		mode = (int)core->tc->old_seccomp_mode;
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&seccomp_mode__descriptor, mode);
	if (mode < 0)
		cr_cell_none(x);
	else
		cr_cell_name_or(x, value ? value->name : NULL, (uint32_t)mode);
}

static void show(struct cr_x *x, void *arg, const struct cr_task *task,
		 uint32_t tid, const CoreEntry *core)
{
	const ThreadCoreEntry *t = core->thread_core;
	const TaskCoreEntry *tc = core->tc;
	cr_cell_u64(x, task->entry->pid);
	cr_cell_u64(x, tid);
	cr_cell_string(x, cr_x_comm(core));
	cr_cell_string(x, tc ? cr_x_dict("gen", "task_state", tc->task_state) :
			       NULL);
	cr_cell_string(x, cr_core_march(core));
	show_sched(x, t);
	show_seccomp(x, core);
	if (t && t->has_pdeath_sig)
		cr_cell_u64(x, t->pdeath_sig);
	else
		cr_cell_none(x);
	if (t && t->sas && t->sas->ss_size)
		cr_cell_hex(x, t->sas->ss_sp);
	else
		cr_cell_none(x);
	if (t && t->rseq_entry)
		cr_cell_hex(x, t->rseq_entry->rseq_abi_pointer);
	else
		cr_cell_none(x);
}

void cr_x_view_threads(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_each_thread(x, show, NULL);
	cr_table_end(x);
}
