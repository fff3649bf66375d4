// SPDX-License-Identifier: MIT
/*
 * Restartable sequences. Our own C library has registered an area that is about
 * to go; that of the thread is registered when its memory is there.
 *
 * Source: Linux v6.12 kernel/rseq.c, include/uapi/linux/rseq.h.
 */
#include "restore/inject.h"
#include "restore/steps.h"

#define RSEQ_FLAG_UNREGISTER 1
#define RSEQ_CS_OFF	     8

struct cr_error *cr_rseq_off(struct cr_restore *run, struct cr_thread *thread)
{
	uint64_t vaddr;
	uint32_t size, signature;
	struct cr_error *err = cr_tracee_rseq(thread, &vaddr, &size, &signature);
	if (err || !vaddr)
		return err;
	return cr_inject(thread, NULL, rseq, vaddr, size, RSEQ_FLAG_UNREGISTER,
			 signature);
}

static bool call_of(const struct cr_thread *thread, struct cr_call *call)
{
	const RseqEntry *e = thread->core->thread_core->rseq_entry;
	if (!e || !e->rseq_abi_pointer)
		return false;
	*call = CR_CALL(rseq, e->rseq_abi_pointer, e->rseq_abi_size, 0,
			e->signature);
	return true;
}

struct cr_error *cr_rseq_on(struct cr_restore *run, struct cr_thread *leader)
{
	struct cr_error *err = cr_inject_all(leader->proc, call_of);
	cr_proc_each_thread(thread, leader->proc) {
		const RseqEntry *e = thread->core->thread_core->rseq_entry;
		if (err || !e || !e->rseq_abi_pointer || !e->has_rseq_cs_pointer)
			continue;
		err = cr_inject_now(thread);
		if (!err)
			err = cr_tracee_write(
				thread, e->rseq_abi_pointer + RSEQ_CS_OFF,
				&e->rseq_cs_pointer, 8);
	}
	return err;
}
