// SPDX-License-Identifier: MIT
/*
 * Signal frames of all kinds, and a line for each that says where it is:
 * "live TID NR PC SP", "parked ...". On x86_64 with vector registers in use.
 *
 * The main thread: a handler that was interrupted on the ordinary stack, by one on
 * the alternate stack, by another one there; far below on the ordinary stack what
 * is left of one that has returned. A second thread with a frame on its own stack.
 * A coroutine that switched away out of a handler. Then "ready", and everything
 * sleeps until a signal that ends it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static void say(const char *what, int nr, void *context)
{
	ucontext_t *uc = context;
#if defined(__x86_64__)
	unsigned long pc = (unsigned long)uc->uc_mcontext.gregs[REG_RIP];
	unsigned long sp = (unsigned long)uc->uc_mcontext.gregs[REG_RSP];
#else
	unsigned long pc = uc->uc_mcontext.pc, sp = uc->uc_mcontext.sp;
#endif
	char line[128];
	int n = snprintf(line, sizeof(line), "%s %ld %d 0x%lx 0x%lx\n", what,
			 syscall(SYS_gettid), nr, pc, sp);
	if (write(1, line, (size_t)n) != n)
		_exit(1);
}

/* Registers that are not in their initial state. */
static void fill_registers(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f"))
		__asm__ volatile("vpternlogd $0xff, %%zmm20, %%zmm20, %%zmm20\n"
				 "kxnorw %%k1, %%k1, %%k1" ::
					 : "memory");
	if (__builtin_cpu_supports("avx2"))
		__asm__ volatile("vpcmpeqd %%ymm7, %%ymm7, %%ymm7" ::
					 : "memory");
#endif
}

static void send(int nr)
{
	fill_registers();
	syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), nr);
}

/* What it leaves behind is not overwritten by what comes later. */
static void quiet(int nr)
{
	(void)nr;
}

static __attribute__((noinline)) void send_far_below(int nr)
{
	volatile char room[64 * 1024];
	room[0] = 0;
	send(nr);
	room[sizeof(room) - 1] = 0;
}

static ucontext_t coroutine, back;

static void park(int nr, siginfo_t *info, void *context)
{
	(void)info;
	say("parked", nr, context);
	swapcontext(&coroutine, &back);
}

static void run_coroutine(void)
{
	send(SIGWINCH);
}

static void start_coroutine(void)
{
	const size_t size = 64 * 1024;
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp =
		mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	coroutine.uc_stack.ss_size = size;
	if (coroutine.uc_stack.ss_sp == MAP_FAILED ||
	    mprotect(coroutine.uc_stack.ss_sp, 4096, PROT_NONE))
		exit(1);
	makecontext(&coroutine, run_coroutine, 0);
	swapcontext(&back, &coroutine);
}

static void innermost(int nr, siginfo_t *info, void *context)
{
	(void)info;
	say("live", nr, context);
	if (write(1, "ready\n", 6) != 6)
		_exit(1);
	for (;;)
		pause();
}

static void on_alternate(int nr, siginfo_t *info, void *context)
{
	(void)info;
	say("live", nr, context);
	send(SIGTRAP);
}

static void on_stack(int nr, siginfo_t *info, void *context)
{
	(void)info;
	say("live", nr, context);
	send(SIGUSR2);
}

static pthread_barrier_t begun;

static void in_thread(int nr, siginfo_t *info, void *context)
{
	(void)info;
	say("live", nr, context);
	pthread_barrier_wait(&begun);
	for (;;)
		pause();
}

static void *run_thread(void *arg)
{
	(void)arg;
	send(SIGHUP);
	return NULL;
}

static void handle(int nr, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = { .sa_sigaction = handler,
				    .sa_flags = SA_SIGINFO | flags };
	if (sigaction(nr, &action, NULL))
		exit(1);
}

int main(void)
{
	static char stack[128 * 1024] __attribute__((aligned(4096)));
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	pthread_t thread;
	signal(SIGINT, quiet);
	handle(SIGUSR1, on_stack, 0);
	handle(SIGUSR2, on_alternate, SA_ONSTACK);
	handle(SIGTRAP, innermost, SA_ONSTACK);
	handle(SIGHUP, in_thread, 0);
	pthread_barrier_init(&begun, NULL, 2);
	if (sigaltstack(&alternate, NULL) ||
	    pthread_create(&thread, NULL, run_thread, NULL))
		return 1;
	pthread_barrier_wait(&begun);
	handle(SIGWINCH, park, 0);
	start_coroutine();
	send_far_below(SIGINT);
	send(SIGUSR1);
	return 1;
}
