// SPDX-License-Identifier: MIT
#include "crit/x/table.h"
#include "crit/x/views.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "tid", true }, { "arch" }, { "enabled" },
	{ "pointer", true }, { "features" }, { 0 },
};

// Linux include/uapi/linux/prctl.h, v6.13: PR_SHADOW_STACK_*.
static const char *const aarch64_bits[] = { "enable", "write", "push" };

// Intel SDM vol. 4, IA32_U_CET.
static const char *const x86_bits[] = {
	"sh_stk", "wr_shstk", "endbr", "leg_iw", "no_track",
};
// clang-format on

static void show_row(struct cr_x *x, const struct cr_task *task, uint32_t tid,
		     const CoreEntry *core, uint64_t pointer, uint64_t bits,
		     const char *const *names, unsigned nr)
{
	cr_cell_u64(x, task->entry->pid);
	cr_cell_u64(x, tid);
	cr_cell_string(x, cr_core_march(core));
	/* The lowest bit in both. */
	cr_cell_bool(x, bits & 1);
	cr_cell_hex(x, pointer);
	cr_cell_bits(x, bits, names, nr);
}

static void show(struct cr_x *x, void *arg, const struct cr_task *task,
		 uint32_t tid, const CoreEntry *core)
{
	const ThreadInfoX86 *x86 = core->thread_info;
	const UserX86XsaveEntry *xsave =
		x86 && x86->fpregs ? x86->fpregs->xsave : NULL;
	const UserAarch64GcsEntry *gcs =
		core->ti_aarch64 ? core->ti_aarch64->gcs : NULL;
	if (gcs)
		show_row(x, task, tid, core, gcs->gcspr_el0,
			 gcs->features_enabled, aarch64_bits, 3);
	if (xsave && xsave->cet)
		show_row(x, task, tid, core, xsave->cet->ssp, xsave->cet->cet,
			 x86_bits, 5);
}

void cr_x_view_gcs(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_each_thread(x, show, NULL);
	cr_table_end(x);
}
