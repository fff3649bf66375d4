// SPDX-License-Identifier: MIT
/*
 * What only the processor's own file knows: shadow stacks, and last of all
 * registers and signal mask.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
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
	return err ?: cr_tracee_put_mask(thread, mask);
}

/* ---- --verify ---- */

#define SET_MAX 65536

// For tests, see steps.h.
static struct cr_error *spoil(const char *fault, struct cr_thread *thread)
{
	char *end;
	size_t size = SET_MAX, word = strlen(CR_FAULT_SPOIL);
	if (!fault || strncmp(fault, CR_FAULT_SPOIL, word))
		return NULL;
	unsigned set = (unsigned)strtoul(fault + word, &end, 0);
	if (*end == ':' && strtoul(end + 1, NULL, 10) != thread->vtid)
		return NULL;
	cr_auto_free uint8_t *data = malloc(SET_MAX);
	if (!data)
		return cr_enomem;
	struct cr_error *err = cr_tracee_get(thread, set, data, &size);
	data[0] ^= 1;
	return err ?: cr_tracee_set(thread, set, data, size);
}

struct cr_error *cr_verify_registers(struct cr_restore *run,
				     struct cr_thread *thread)
{
	struct cr_error *err = spoil(run->fault, thread);
	if (err || !run->options->verify)
		return err;
	thread->comparing = true;
	err = cr_load_registers(run, thread);
	thread->comparing = false;
	return err;
}
