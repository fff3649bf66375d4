// SPDX-License-Identifier: MIT
/*
 * What only the processor's own file knows: shadow stacks, and last of all
 * registers and signal mask.
 */
#include "restore/arch/arch.h"
#include "restore/steps.h"
#include "restore/tracee.h"

struct cr_error *cr_load_space(struct cr_restore *run, struct cr_thread *leader)
{
	return cr_native.space ? cr_native.space(run, leader) : NULL;
}

struct cr_error *cr_load_registers(struct cr_restore *run,
				   struct cr_thread *thread)
{
	const ThreadCoreEntry *e = thread->core->thread_core;
	uint64_t mask = e->has_blk_sigset ? e->blk_sigset :
					    thread->proc->core->tc->blk_sigset;
	struct cr_error *err = cr_native.load(run, thread);
	return err ?: cr_tracee_set_mask(thread, mask);
}
