// SPDX-License-Identifier: MIT
/*
 * SVE registers. CRIU saves of them what FPSIMD has, and not how long vectors are;
 * what is in the frame of a signal handler is memory, and comes back whole, if the
 * thread has vectors of that length. With an argument they are shorter than others
 * are, and it is dumped in a handler.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "../subject.h"

#define SHORT 32

static struct {
	uint64_t go;
	uint8_t z[256], predicate[32];
} state;

static uint8_t pattern[256];

__attribute__((noinline, target("+sve"))) static void hold(void)
{
	__asm__ volatile("ldr z5, [%1]\n\t"
			 "ptrue p3.b\n\t"
			 "1: ldar x27, [%0]\n\t"
			 "cbz x27, 1b\n\t"
			 "str z5, [%2]\n\t"
			 "str p3, [%3]\n\t"
			 :
			 : "r"(&state.go), "r"(pattern), "r"(state.z),
			   "r"(state.predicate)
			 : "memory", "x27", "v5");
}

static void go_on(void)
{
	__atomic_store_n(&state.go, 1, __ATOMIC_RELEASE);
}

static void on_signal(int signo)
{
	ready();
	go_on();
}

static pthread_t holder;
static int in_handler;

static void *in_thread(void *arg)
{
	usleep(100000); // it holds them by then
	if (in_handler) {
		pthread_kill(holder, SIGUSR1);
	} else {
		ready();
		go_on();
	}
	return NULL;
}

static int length(void)
{
	return prctl(PR_SVE_GET_VL) & 0xffff;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	must(prctl(PR_SVE_GET_VL) > 0);
	in_handler = argc > 1;
	if (in_handler)
		must(length() > SHORT && prctl(PR_SVE_SET_VL, SHORT) == SHORT);
	int size = length();
	for (int i = 0; i < 256; i++)
		pattern[i] = (uint8_t)(i + 1);
	holder = pthread_self();
	signal(SIGUSR1, on_signal);
	must(!pthread_create(&thread, NULL, in_thread, NULL));
	hold();
	expect(length() == size);
	for (int i = 0; i < size; i++)
		expect(state.z[i] == (i < 16 || in_handler ? pattern[i] : 0));
	for (int i = 0; i < size / 8; i++)
		expect(state.predicate[i] == (in_handler ? 0xff : 0));
	pthread_join(thread, NULL);
	return done();
}
