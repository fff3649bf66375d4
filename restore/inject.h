// SPDX-License-Identifier: MIT
/*
 * System calls that a seized thread is made to execute.
 *
 * It is done by pointing the thread at the instruction in the vdso that makes a
 * call, and single-stepping it. A step raises SIGTRAP, whose action the kernel
 * resets if it is ignored or blocked; once that action has been set calls are
 * made with system call stops instead, which cost twice as much
 * (thread->by_syscalls).
 *
 * A stop takes longer than most calls. So calls whose result nobody asks for wait,
 * and are made one after the other by code in the scratch memory (cr_native.calls),
 * which stops behind the last, or the first that fails. They are made before any
 * other call; who looks at a thread or changes it in another way calls
 * cr_inject_now() first. Where there may be no such code (proc->joins_calls), each is made
 * at once.
 *
 * Memory for arguments is proc->scratch, CR_SCRATCH_DATA bytes that belong to
 * whoever runs; write with cr_scratch(). Steps that write to different places of it
 * need not wait for each other.
 */
#ifndef CR_RESTORE_INJECT_H
#define CR_RESTORE_INJECT_H

#include <stdint.h>
#include <sys/syscall.h>

#include "restore/tracee.h"

/* As cr_native.calls.code reads it, too. */
struct cr_call {
	const char *name;
	long nr;
	uint64_t args[6];
};

/* CR_CALL(munmap, start, size) */
#define CR_CALL(call, ...) \
	((struct cr_call){ #call, SYS_##call, { __VA_ARGS__ } })

/** Makes the call. The thread's result, -errno if it failed, goes to *ret; with
 * ret NULL a failed call is a SYSTEM error, now or later. */
struct cr_error *cr_inject_call(struct cr_thread *thread,
				const struct cr_call *call, int64_t *ret)
	CR_MUST_CHECK;

/* cr_inject(thread, NULL, munmap, start, size) */
#define cr_inject(thread, ret, call, ...) \
	cr_inject_call((thread), &CR_CALL(call, __VA_ARGS__), (ret))

/** Says what a thread is to call; false: nothing. The same each time. */
typedef bool cr_call_fn(const struct cr_thread *thread, struct cr_call *call);

/** Makes all threads of a process call at the same time, which is faster than one
 * after the other. A failed call is a SYSTEM error. */
struct cr_error *cr_inject_all(struct cr_proc *proc, cr_call_fn *call_of)
	CR_MUST_CHECK;

/** Makes the calls that wait, of any thread. */
struct cr_error *cr_inject_now(struct cr_thread *thread) CR_MUST_CHECK;

/** What waits, for proc->soon of all processes of a run; NULL: no memory. free() it. */
struct cr_soon *cr_soon_new(void);

/** The step (proc->step then) that a call was of that has waited, and has failed; or
 * NULL. */
const char *cr_soon_failed(const struct cr_soon *soon);

/** Puts bytes at an offset of the scratch memory, for the calls that follow; INTERNAL
 * if there is no room. */
struct cr_error *cr_scratch(struct cr_thread *thread, size_t off,
			    const void *data, size_t size) CR_MUST_CHECK;

#endif
