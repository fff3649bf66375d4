// SPDX-License-Identifier: MIT
/*
 * A guarded control stack in force: its mode and lock are as they were, a signal
 * handler returns, threads have their own, and a return to where nobody called
 * from is caught. Without an argument it locks nothing.
 *
 * A stack that the kernel made is unmapped when its thread ends. One that was
 * restored stays, and nothing else goes in its place.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "../subject.h"

#define GET 74 // prctl: shadow stack status
#define SET 75
#define LOCK 76

static volatile sig_atomic_t nr_signals;
static volatile int thread_mode, wait_for;
static volatile uint64_t thread_stack;

__attribute__((always_inline)) static inline long status(long what, long arg)
{
	register long x8 __asm__("x8") = SYS_prctl;
	register long x0 __asm__("x0") = what;
	register long x1 __asm__("x1") = arg;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}

static void on_signal(int signo)
{
	nr_signals++;
}

// SEGV_CPERR
static void on_fault(int signo, siginfo_t *info, void *context)
{
	expect(info->si_code == 10);
	_exit(done());
}

/* The mappings that are shadow stacks, and those that are not; whether one of the
 * first is at an address. */
struct mappings {
	int nr_shadow, nr_others;
	int is_shadow;
};

static struct mappings look(uint64_t vaddr)
{
	char line[400];
	unsigned long start, end;
	int is_there = 0;
	struct mappings m = { 0 };
	FILE *f = fopen("/proc/self/smaps", "r");
	must(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_there = start <= vaddr && vaddr < end;
		if (strncmp(line, "VmFlags:", 8))
			continue;
		int is_shadow = strstr(line, " ss") != NULL;
		m.nr_shadow += is_shadow;
		m.nr_others += !is_shadow;
		m.is_shadow |= is_shadow && is_there;
	}
	fclose(f);
	return m;
}

static void *in_thread(void *arg)
{
	uint64_t mode = 0, stack;
	__asm__ volatile("mrs %0, s3_3_c2_c5_1" : "=r"(stack)); // GCSPR_EL0
	thread_stack = stack;
	while (!wait_for)
		usleep(5000);
	status(GET, (long)&mode);
	thread_mode = (int)mode;
	return NULL;
}

__attribute__((noinline)) static void stray(void)
{
	__asm__ volatile("adr x30, 1f\n\t"
			 "ret\n\t"
			 "1:"
			 :
			 :
			 : "x30");
}

__attribute__((noinline)) static int run(int locks)
{
	pthread_t thread;
	uint64_t mode = 0;
	struct sigaction fault = { .sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO };
	signal(SIGUSR1, on_signal);
	sigaction(SIGSEGV, &fault, NULL);
	must(!pthread_create(&thread, NULL, in_thread, NULL));
	ready();
	expect(!status(GET, (long)&mode));
	expect(mode == 1);
	expect(status(SET, 3) == (locks ? -EBUSY : 0));
	raise(SIGUSR1);
	expect(nr_signals == 1);
	// Those of the kernel's, if it refused to let these be switched on.
	struct mappings before = look(thread_stack);
	int nr_kernel = before.nr_shadow - 2;
	expect(before.is_shadow && (nr_kernel == 0 || nr_kernel == 2));
	wait_for = 1;
	expect(!pthread_join(thread, NULL));
	expect(thread_mode == 1);
	struct mappings after = look(thread_stack);
	expect(after.is_shadow);
	expect(after.nr_shadow == 2 + nr_kernel / 2);
	expect(after.nr_others == before.nr_others);
	expect(!pthread_create(&thread, NULL, in_thread, NULL));
	expect(!pthread_join(thread, NULL));
	expect(!look(thread_stack).is_shadow);
	expect(thread_mode == (locks ? 1 : 3));
	stray();
	expect(!"a stray return is caught");
	return done();
}

int main(int argc, char **argv)
{
	// From here on main cannot return.
	if (status(SET, 1)) {
		printf("SKIP no shadow stacks\n");
		exit(77);
	}
	if (argc > 1 && status(LOCK, -1))
		exit(1);
	_exit(run(argc > 1));
}
