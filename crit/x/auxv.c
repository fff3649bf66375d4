// SPDX-License-Identifier: MIT
#include <elf.h>

#include "crit/x/table.h"
#include "crit/x/views.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "key", true }, { "name" }, { "value", true }, { 0 },
};

// man 3 getauxval; 51 and up: Linux include/uapi/linux/auxvec.h and
// arch/*/include/uapi/asm/auxvec.h, v6.11.
static const char *const names[] = {
	[AT_NULL] = "AT_NULL", [AT_IGNORE] = "AT_IGNORE",
	[AT_EXECFD] = "AT_EXECFD", [AT_PHDR] = "AT_PHDR",
	[AT_PHENT] = "AT_PHENT", [AT_PHNUM] = "AT_PHNUM",
	[AT_PAGESZ] = "AT_PAGESZ", [AT_BASE] = "AT_BASE",
	[AT_FLAGS] = "AT_FLAGS", [AT_ENTRY] = "AT_ENTRY",
	[AT_NOTELF] = "AT_NOTELF", [AT_UID] = "AT_UID", [AT_EUID] = "AT_EUID",
	[AT_GID] = "AT_GID", [AT_EGID] = "AT_EGID",
	[AT_PLATFORM] = "AT_PLATFORM", [AT_HWCAP] = "AT_HWCAP",
	[AT_CLKTCK] = "AT_CLKTCK", [AT_FPUCW] = "AT_FPUCW",
	[AT_DCACHEBSIZE] = "AT_DCACHEBSIZE",
	[AT_ICACHEBSIZE] = "AT_ICACHEBSIZE",
	[AT_UCACHEBSIZE] = "AT_UCACHEBSIZE",
	[AT_IGNOREPPC] = "AT_IGNOREPPC", [AT_SECURE] = "AT_SECURE",
	[AT_BASE_PLATFORM] = "AT_BASE_PLATFORM", [AT_RANDOM] = "AT_RANDOM",
	[AT_HWCAP2] = "AT_HWCAP2", [27] = "AT_RSEQ_FEATURE_SIZE",
	[28] = "AT_RSEQ_ALIGN", [29] = "AT_HWCAP3", [30] = "AT_HWCAP4",
	[AT_EXECFN] = "AT_EXECFN", [AT_SYSINFO] = "AT_SYSINFO",
	[AT_SYSINFO_EHDR] = "AT_SYSINFO_EHDR",
	[AT_L1I_CACHESHAPE] = "AT_L1I_CACHESHAPE",
	[AT_L1D_CACHESHAPE] = "AT_L1D_CACHESHAPE",
	[AT_L2_CACHESHAPE] = "AT_L2_CACHESHAPE",
	[AT_L3_CACHESHAPE] = "AT_L3_CACHESHAPE",
	[AT_L1I_CACHESIZE] = "AT_L1I_CACHESIZE",
	[AT_L1I_CACHEGEOMETRY] = "AT_L1I_CACHEGEOMETRY",
	[AT_L1D_CACHESIZE] = "AT_L1D_CACHESIZE",
	[AT_L1D_CACHEGEOMETRY] = "AT_L1D_CACHEGEOMETRY",
	[AT_L2_CACHESIZE] = "AT_L2_CACHESIZE",
	[AT_L2_CACHEGEOMETRY] = "AT_L2_CACHEGEOMETRY",
	[AT_L3_CACHESIZE] = "AT_L3_CACHESIZE",
	[AT_L3_CACHEGEOMETRY] = "AT_L3_CACHEGEOMETRY",
	[AT_MINSIGSTKSZ] = "AT_MINSIGSTKSZ",
};
// clang-format on

#define NR_NAMES (sizeof(names) / sizeof(names[0]))

static void show(struct cr_x *x, uint32_t pid, const MmEntry *mm)
{
	// What follows AT_NULL is padding.
	for (size_t i = 0; i + 1 < mm->n_mm_saved_auxv; i += 2) {
		uint64_t key = mm->mm_saved_auxv[i];
		if (key == AT_NULL)
			break;
		cr_cell_u64(x, pid);
		cr_cell_u64(x, key);
		cr_cell_string(x, key < NR_NAMES ? names[key] : NULL);
		cr_cell_hex(x, mm->mm_saved_auxv[i + 1]);
	}
}

void cr_x_view_auxv(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_for_each(task, x) {
		struct cr_mm mm = { 0 };
		cr_x_find(x, cr_mm_load(&x->set, task->entry->pid, &mm));
		if (mm.entry)
			show(x, task->entry->pid, mm.entry);
		cr_mm_free(&mm);
	}
	cr_table_end(x);
}
