// SPDX-License-Identifier: MIT
/*
 * Traced threads: the only caller of ptrace(2), and of waitpid(2) for what is
 * traced. A thread that dies is an error that says how.
 *
 * Source: man 2 ptrace.
 */
#ifndef CR_RESTORE_TRACEE_H
#define CR_RESTORE_TRACEE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "restore/plan.h"

/** Seizes a process that waits, and stops it. */
struct cr_error *cr_tracee_seize(struct cr_thread *thread) CR_MUST_CHECK;

/** Waits for a thread that its leader has just cloned, which is traced already. */
struct cr_error *cr_tracee_born(struct cr_thread *thread) CR_MUST_CHECK;

/** The id of the thread that a stopped leader reports to have cloned. */
struct cr_error *cr_tracee_message(struct cr_thread *thread, pid_t *ret)
	CR_MUST_CHECK;

/* How a thread goes on. */
enum cr_tracee_go { CR_GO_STEP, CR_GO_SYSCALL, CR_GO_ON };

/* What it stopped for. */
enum cr_tracee_stop { CR_STOP_STEP, CR_STOP_SYSCALL, CR_STOP_CLONE };

/** Lets a stopped thread go on; waits until it stops again. */
struct cr_error *cr_tracee_go(struct cr_thread *thread, enum cr_tracee_go how)
	CR_MUST_CHECK;
struct cr_error *cr_tracee_wait(struct cr_thread *thread,
				enum cr_tracee_stop *ret) CR_MUST_CHECK;

/** A register set, NT_* of elf.h; *size is its size then. */
struct cr_error *cr_tracee_get(struct cr_thread *thread, unsigned set,
			       void *data, size_t *size) CR_MUST_CHECK;
struct cr_error *cr_tracee_set(struct cr_thread *thread, unsigned set,
			       const void *data, size_t size) CR_MUST_CHECK;

/** Sets a register set; or, while thread->comparing, looks whether it is as it would
 * be set: INTERNAL says which byte is not, and not what is there. */
struct cr_error *cr_tracee_put(struct cr_thread *thread, unsigned set,
			       const void *data, size_t size) CR_MUST_CHECK;

/** Writes memory of a process, whatever its protection. */
struct cr_error *cr_tracee_write(struct cr_thread *thread, uint64_t vaddr,
				 const void *data, size_t size) CR_MUST_CHECK;
struct cr_error *cr_tracee_read(struct cr_thread *thread, uint64_t vaddr,
				void *data, size_t size) CR_MUST_CHECK;

/* Bytes for its memory. */
struct cr_tracee_piece {
	uint64_t vaddr;
	const void *data;
	size_t size;
};

#define CR_PIECES_MAX 32

/** Writes up to CR_PIECES_MAX pieces at once. */
struct cr_error *cr_tracee_write_all(struct cr_thread *thread,
				     const struct cr_tracee_piece *piece,
				     size_t nr) CR_MUST_CHECK;

/** Keeps seccomp from having an effect on a thread until it is released. */
struct cr_error *cr_tracee_suspend_seccomp(struct cr_thread *thread)
	CR_MUST_CHECK;

/** Writes memory that nothing else does, such as a shadow stack, through
 * PROC/TID/mem, or where the kernel does not let that be, word by word; vaddr and
 * size are multiples of 8. */
struct cr_error *cr_tracee_poke(struct cr_thread *thread, int proc_fd,
				uint64_t vaddr, const void *data, size_t size)
	CR_MUST_CHECK;

/** Makes a thread that is stopped at the end of a call stop again, out of it:
 * what has been put into its registers counts from there. */
struct cr_error *cr_tracee_leave_call(struct cr_thread *thread) CR_MUST_CHECK;

/** The signal mask; put as cr_tracee_put(). */
struct cr_error *cr_tracee_put_mask(struct cr_thread *thread, uint64_t mask)
	CR_MUST_CHECK;

/** The area that rseq(2) was told of; *vaddr_ret is 0 if none. */
struct cr_error *cr_tracee_rseq(struct cr_thread *thread, uint64_t *vaddr_ret,
				uint32_t *size_ret, uint32_t *signature_ret)
	CR_MUST_CHECK;

/** Lets it run, untraced, or be stopped by signo if that is not 0. */
struct cr_error *cr_tracee_release(struct cr_thread *thread, int signo)
	CR_MUST_CHECK;

#endif
