// SPDX-License-Identifier: MIT
// Threads in a futex wait, in a sleep, spinning on vector registers, waiting for
// a signal, and in sigsuspend: ids, names, thread-local memory, alternate stacks, and
// that they can be joined.
#include <immintrin.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "subject.h"

enum { WAIT, SLEEP, SPIN, BLOCK, SUSPEND, NR };

static pthread_t thread[NR];
static pid_t tid[NR];
static __thread int own = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int go, nr_ready;
static char stack[NR][65536];

static void on_usr2(int signo)
{
	own += 1000;
}

static void wait_cond(void)
{
	pthread_mutex_lock(&mutex);
	while (!go)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
}

// Holds values in ymm8 to ymm15 that no system call touches.
__attribute__((target("avx"))) static int spin(void)
{
	long long in[4] = { 0x1111, 0x2222, 0x3333, 0x4444 }, out[4];
	__asm__ volatile("vmovdqu %0, %%ymm9\n\t"
			 "1: pause\n\t"
			 "cmpl $0, %2\n\t"
			 "je 1b\n\t"
			 "vmovdqu %%ymm9, %1\n\t"
			 : "+m"(in), "=m"(out)
			 : "m"(go)
			 : "xmm9", "memory");
	return memcmp(in, out, sizeof(in)) == 0;
}

static void *run(void *arg)
{
	long me = (long)arg;
	char name[16];
	stack_t alt = { .ss_sp = stack[me], .ss_size = sizeof(stack[me]) }, now;
	struct timespec second = { .tv_nsec = 10000000 };
	sigset_t mask;
	int signo;
	own = (int)me;
	tid[me] = (pid_t)syscall(SYS_gettid);
	snprintf(name, sizeof(name), "thread %ld", me);
	pthread_setname_np(pthread_self(), name);
	sigaltstack(&alt, NULL);
	sigemptyset(&mask);
	__atomic_add_fetch(&nr_ready, 1, __ATOMIC_SEQ_CST);
	switch (me) {
	case WAIT:
		wait_cond();
		break;
	case SLEEP:
		while (!go)
			nanosleep(&second, NULL);
		break;
	case SPIN:
		expect(!__builtin_cpu_supports("avx") || spin());
		break;
	case BLOCK:
		sigaddset(&mask, SIGUSR1);
		expect(!sigwait(&mask, &signo) && signo == SIGUSR1);
		break;
	case SUSPEND:
		sigsuspend(&mask);
		expect(own == SUSPEND + 1000);
		own -= 1000;
		break;
	}
	expect(own == me);
	expect(syscall(SYS_gettid) == tid[me]);
	expect(!sigaltstack(NULL, &now) && now.ss_sp == stack[me] &&
	       now.ss_size == sizeof(stack[me]));
	pthread_getname_np(pthread_self(), name, sizeof(name));
	expect(name[7] == '0' + me);
	return arg;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_usr2 };
	sigset_t blocked;
	sigaction(SIGUSR2, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigaddset(&blocked, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	for (long i = 0; i < NR; i++)
		must(!pthread_create(&thread[i], NULL, run, (void *)i));
	while (nr_ready < NR)
		usleep(1000);
	usleep(100000);
	ready();
	pthread_mutex_lock(&mutex);
	go = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	pthread_kill(thread[BLOCK], SIGUSR1);
	pthread_kill(thread[SUSPEND], SIGUSR2);
	for (long i = 0; i < NR; i++) {
		void *result;
		expect(!pthread_join(thread[i], &result) && result == (void *)i);
	}
	return done();
}
