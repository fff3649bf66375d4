// SPDX-License-Identifier: MIT
/*
 * A process of ours that signs pointers by the processor's own instructions, with
 * keys that ptrace(2) gives it: so algorithms that are not public do, too.
 *
 * It stops, is given keys and a table, goes on through the table, and stops again.
 * From its first stop on it is in one function that does not return, and calls
 * none: frames that it had signed before would not authenticate any more. It is
 * killed when it is not needed any more, and goes with us.
 *
 * Facts: Linux v6.13 arch/arm64/kernel/ptrace.c; man 2 ptrace; Arm ARM C6 (the
 * instructions' encodings; the assembler need not know them).
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore/arch/aarch64/native.h"

// clang-format off
#ifndef NT_ARM_PACA_KEYS
#define NT_ARM_PACA_KEYS 0x407
#endif
#ifndef NT_ARM_PAC_ENABLED_KEYS
#define NT_ARM_PAC_ENABLED_KEYS 0x40a
#endif
#define PACIA 0xdac10020 // pacia x0, x1
#define PACIB 0xdac10420
// clang-format on

// In memory that both have.
#define TABLE_SIZE 65536
struct table {
	uint64_t nr;
	struct cr_pac_job job[(TABLE_SIZE - 8) / sizeof(struct cr_pac_job)];
};
#define NR_JOBS (sizeof(((struct table *)0)->job) / sizeof(struct cr_pac_job))

struct signer {
	pid_t pid;
	struct table *table;
	bool has_keys;
	struct cr_pac_key key[2]; // that it has
	struct cr_error *err;	  // the first
};

/* ---- the process ---- */

#define INLINE static inline __attribute__((always_inline))

// A system call that takes nothing from memory: kill(2) with SIGSTOP.
INLINE void stop_self(long pid)
{
	register long x8 __asm__("x8") = SYS_kill;
	register long x0 __asm__("x0") = pid;
	register long x1 __asm__("x1") = SIGSTOP;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
}

INLINE uint64_t sign_one(uint64_t ptr, uint64_t modifier, bool is_key_b)
{
	register uint64_t x0 __asm__("x0") = ptr;
	register uint64_t x1 __asm__("x1") = modifier;
	if (is_key_b)
		__asm__ volatile(".inst %c2" : "+r"(x0) : "r"(x1), "i"(PACIB));
	else
		__asm__ volatile(".inst %c2" : "+r"(x0) : "r"(x1), "i"(PACIA));
	return x0;
}

static __attribute__((noinline, noreturn)) void serve(struct table *t, long pid)
{
	for (;;) {
		stop_self(pid);
		for (uint64_t i = 0; i < t->nr; i++) {
			struct cr_pac_job *job = &t->job[i];
			job->ptr = sign_one(job->ptr, job->modifier,
					    job->is_key_b);
		}
	}
}

static _Noreturn void live(struct table *table, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	if (getppid() != parent || ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	serve(table, getpid());
}

/* ---- its tracer ---- */

static struct cr_error *wait_for_stop(struct signer *s)
{
	int status;
	pid_t got;
	do
		got = waitpid(s->pid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return cr_error_sys("wait for the process that signs");
	if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP)
		return NULL;
	if (!WIFSTOPPED(status))
		s->pid = 0;
	return cr_error_new(CR_ERR_INTERNAL,
			    "the process that signs: status 0x%x",
			    (unsigned)status);
}

static struct cr_error *set(struct signer *s, uintptr_t type, const void *data,
			    size_t size)
{
	struct iovec iov = { (void *)(uintptr_t)data, size };
	if (ptrace(PTRACE_SETREGSET, s->pid, (void *)type, &iov))
		return cr_error_sys("give keys to the process that signs");
	return NULL;
}

static struct cr_error *give_keys(struct signer *s,
				  const struct cr_pac_key key[2])
{
	if (s->has_keys && !memcmp(s->key, key, sizeof(s->key)))
		return NULL;
	memcpy(s->key, key, sizeof(s->key));
	s->has_keys = true;
	// The other two keep what they were.
	return set(s, NT_ARM_PACA_KEYS, s->key, sizeof(s->key));
}

static struct cr_error *sign_some(struct signer *s, struct cr_pac_job *job,
				  size_t nr)
{
	s->table->nr = nr;
	memcpy(s->table->job, job, nr * sizeof(*job));
	if (ptrace(PTRACE_CONT, s->pid, NULL, NULL))
		return cr_error_sys("let go on the process that signs");
	struct cr_error *err = wait_for_stop(s);
	if (!err)
		memcpy(job, s->table->job, nr * sizeof(*job));
	return err;
}

static bool sign(void *arg, const struct cr_pac_key key[2],
		 struct cr_pac_job *job, size_t nr)
{
	struct signer *s = arg;
	if (!s->err)
		s->err = give_keys(s, key);
	for (size_t at = 0; !s->err && at < nr; at += NR_JOBS)
		s->err = sign_some(s, job + at,
				   nr - at < NR_JOBS ? nr - at : NR_JOBS);
	return !s->err;
}

static void forget(void *arg)
{
	struct signer *s = arg;
	explicit_bzero(s->key, sizeof(s->key));
	s->has_keys = false;
}

static struct cr_error *start(struct signer *s)
{
	uint64_t instruction_keys = 3;
	pid_t parent = getpid();
	void *p = mmap(NULL, sizeof(*s->table), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return cr_error_sys("map shared memory");
	s->table = p;
	s->pid = fork();
	if (!s->pid)
		live(s->table, parent);
	if (s->pid < 0)
		return cr_error_sys("make the process that signs");
	// Nobody else is to see what it signs.
	madvise(p, sizeof(*s->table), MADV_DONTFORK);
	struct cr_error *err = wait_for_stop(s);
	if (!err && ptrace(PTRACE_SETOPTIONS, s->pid, NULL, PTRACE_O_EXITKILL))
		err = cr_error_sys("trace the process that signs");
	// Ours may have been disabled by who started us.
	return err ?: set(s, NT_ARM_PAC_ENABLED_KEYS, &instruction_keys,
			  sizeof(instruction_keys));
}

struct cr_error *cr_signer_open(struct cr_pac_engine *ret)
{
	struct signer *s = calloc(1, sizeof(*s));
	if (!s)
		return cr_enomem;
	*ret = (struct cr_pac_engine){ .sign = sign, .forget = forget,
				      .arg = s };
	cr_pac_signing.here(&ret->scheme);
	s->err = start(s);
	return s->err ? cr_signer_close(ret) : NULL;
}

struct cr_error *cr_signer_close(struct cr_pac_engine *engine)
{
	struct signer *s = engine->arg;
	struct cr_error *err = s->err;
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		while (waitpid(s->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	if (s->table)
		munmap(s->table, sizeof(*s->table));
	explicit_bzero(s, sizeof(*s));
	free(s);
	return err;
}
