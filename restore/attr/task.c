// SPDX-License-Identifier: MIT
/*
 * Attributes of a process that one call sets and that outlive the exchange of its
 * memory. They are set when a process has its children, who might inherit them.
 *
 * Facts: man 2 membarrier, PR_SET_CHILD_SUBREAPER(2const).
 */
#include <linux/membarrier.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "restore/steps.h"

// Bits of the registered commands are the commands that register.
struct cr_error *cr_task_membarrier_plan(struct cr_rplan *plan,
					 struct cr_proc *proc)
{
	uint32_t mask = proc->core->tc->membarrier_registration_mask;
	if (proc->zombie || !mask)
		return NULL;
	long has = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	if (has < 0 || mask & ~(uint32_t)has)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "core-%u.img: entry 0: this kernel has no "
				    "membarrier 0x%x",
				    (unsigned)proc->vpid, (unsigned)mask);
	return NULL;
}

// With one thread it costs nothing; later it would wait for all processors.
struct cr_error *cr_task_membarrier(struct cr_restore *run,
				    struct cr_proc *proc)
{
	uint32_t mask = proc->core->tc->membarrier_registration_mask;
	for (unsigned i = 0; i < 31; i++) {
		int command = 1 << i;
		if (mask >> i & 1 && syscall(SYS_membarrier, command, 0, 0))
			return cr_error_sys("membarrier 0x%x",
					    (unsigned)command);
	}
	return NULL;
}

struct cr_error *cr_task_subreaper(struct cr_restore *run, struct cr_proc *proc)
{
	if (proc->core->tc->child_subreaper &&
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return cr_error_sys("make it a subreaper");
	return NULL;
}
