// SPDX-License-Identifier: MIT
/*
 * What restoring needs of the processor it runs on. One folder beside this file
 * for each; the build takes the one of its own machine. Facts needed to read
 * images of any processor are in lib/arch.
 *
 * To add a processor: a folder named as `gcc -dumpmachine` begins, in it a file
 * that defines cr_native.
 */
#ifndef CR_RESTORE_ARCH_ARCH_H
#define CR_RESTORE_ARCH_ARCH_H

#include <sys/user.h>

#include "lib/pac/pac.h"
#include "restore/restore.h"
#include "restore/vdso.h"

/* See shares.h. */
struct cr_native_secret {
	const char *what; /* NULL: the thread has it not */
	const char *remedy;
	uint64_t vaddr;	   /* 0: no address, but `where` */
	const char *where;
};

/* Of a processor that may sign pointers. */
struct cr_native_signing {
	/* Whether it does, and how. IMPDEF: software does not know. */
	bool (*here)(struct cr_pac_scheme *ret);

	/* A process that signs as it does, with any keys; plans may have one,
	 * too. Closing tells why it has failed, if it has. */
	struct cr_error *(*open)(struct cr_pac_engine *ret);
	struct cr_error *(*close)(struct cr_pac_engine *engine);

	/* Whether a process has signed return addresses that are wrong under
	 * a scheme: UNSUPPORTED says which is right, or that no known one is.
	 * What cannot be told, because there are too few, is no error. */
	struct cr_error *(*check)(struct cr_proc *proc,
				  const struct cr_pac_scheme *scheme);

	/* Whether a process has signed pointers to code, in registers or
	 * memory: UNSUPPORTED says where the first one is. What is below a
	 * stack pointer has been left behind, and does not count. */
	struct cr_error *(*none)(struct cr_proc *proc);
};

struct cr_native {
	const char *name;
	CoreEntry__March march;

	/* The instruction that makes a system call, and its alignment. */
	uint8_t call[4];
	size_t call_size;

	/* Whether a thread's core can be loaded here: its registers are there
	 * and the processor has what they hold. UNSUPPORTED, FORMAT; NOT_FOUND
	 * if another machine would do. */
	struct cr_error *(*plan)(struct cr_rplan *plan,
				 struct cr_thread *thread);

	/* What `load` will give the thread, for --plan: the name of part i, NULL
	 * when there are no more, and whether the thread has it. */
	const char *(*part)(const struct cr_rplan *plan,
			    const struct cr_thread *thread, size_t i,
			    bool *has_ret);

	/* What copies of a process have in common because of its registers:
	 * number i; false when there are no more. */
	bool (*secret)(const struct cr_rplan *plan,
		       const struct cr_thread *leader, size_t i,
		       struct cr_native_secret *ret);

	/* Registers for a call by the instruction at ip, from those of a
	 * stopped thread, which is not to restart what it was stopped in. */
	void (*prepare)(struct user_regs_struct *regs, uint64_t ip, long nr,
			const uint64_t args[6]);
	int64_t (*result)(const struct user_regs_struct *regs);

	/* Code that makes calls until one fails, or there are no more, and stops
	 * with SIGTRAP; it may stand anywhere. It takes an array of struct cr_call,
	 * whose last number is less than 0. */
	struct {
		const uint8_t *code, *end;
		size_t at; /* which register is the address of the next call:
			    * offset in user_regs_struct */
	} calls;

	const struct cr_native_signing *signing; /* NULL: it signs nothing */

	/* The vdso's signal trampoline. */
	struct cr_trampoline trampoline;

	/* Writes a jump to an address, as a function may begin with it, of
	 * jump_size bytes; 0: no way is known. */
	size_t jump_size;
	void (*jump)(uint8_t *code, uint64_t to);

	/* The address of the next instruction. */
	uint64_t (*ip)(const CoreEntry *core);

	/* CLEAR_TID of the thread's core, an address. */
	uint64_t (*clear_tid)(const CoreEntry *core);

	/* Called for each process when its memory is there, before it has
	 * threads: the mappings that are shadow stacks, which map.c leaves to
	 * this. NULL: such mappings are refused. */
	struct cr_error *(*space)(struct cr_restore *run,
				  struct cr_thread *leader);

	/* Everything that is in the thread's core: FP, SIMD, TLS, keys, shadow
	 * stack, general registers; but for what keys/keys.h says. The last thing that is done to a thread
	 * but for its signal mask. A call that was interrupted is not
	 * restarted: CRIU has put that into the registers. All is set by
	 * cr_tracee_put(): it is called again to compare. */
	struct cr_error *(*load)(struct cr_restore *run,
				 struct cr_thread *thread);
};

extern const struct cr_native cr_native;

#endif
