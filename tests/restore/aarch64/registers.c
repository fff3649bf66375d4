// SPDX-License-Identifier: MIT
/*
 * The first thread does nothing but hold a number in each register: general ones,
 * vectors, flags. The action of SIGTRAP is set, so that the last call which it is
 * made to execute stops at its end; there the kernel keeps x7.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include "../subject.h"

static struct {
	uint64_t go; // x28 points here
	uint64_t x[32];
	uint64_t v[64];
	uint64_t nzcv, fpcr, tls;
} state;

#define ALL_V "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22," \
	      "23,24,25,26,27,28,29,30,31"
#define MOST_X "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22," \
	       "23,24,25,26,29,30"

__attribute__((noinline)) static void *hold(void)
{
	__asm__ volatile(
		"stp x29, x30, [sp, #-112]!\n\t"
		"stp x19, x20, [sp, #16]\n\t"
		"stp x21, x22, [sp, #32]\n\t"
		"stp x23, x24, [sp, #48]\n\t"
		"stp x25, x26, [sp, #64]\n\t"
		"stp x27, x28, [sp, #80]\n\t"
		"mov x28, %0\n\t"
		"mov x1, #0x1000000\n\t" // flush to zero
		"msr fpcr, x1\n\t"
		".irp r, " ALL_V "\n\t"
		"mov x1, #(0x2000 + \\r)\n\t"
		"mov v\\r\\().d[0], x1\n\t"
		"mov x1, #(0x3000 + \\r)\n\t"
		"mov v\\r\\().d[1], x1\n\t"
		".endr\n\t"
		"mov x1, #0xa0000000\n\t"
		"msr nzcv, x1\n\t"
		".irp r, " MOST_X "\n\t"
		"mov x\\r, #(0x1000 + \\r)\n\t"
		".endr\n\t"
		"1: ldar x27, [x28]\n\t"
		"cbz x27, 1b\n\t"
		".irp r, " MOST_X "\n\t"
		"str x\\r, [x28, #(8 + 8 * \\r)]\n\t"
		".endr\n\t"
		"mrs x0, nzcv\n\t"
		"mrs x1, fpcr\n\t"
		"mrs x2, tpidr_el0\n\t"
		"add x3, x28, #(8 + 256)\n\t"
		".irp r, " ALL_V "\n\t"
		"str q\\r, [x3, #(16 * \\r)]\n\t"
		".endr\n\t"
		"add x3, x3, #512\n\t"
		"stp x0, x1, [x3]\n\t"
		"str x2, [x3, #16]\n\t"
		"msr fpcr, xzr\n\t"
		"ldp x19, x20, [sp, #16]\n\t"
		"ldp x21, x22, [sp, #32]\n\t"
		"ldp x23, x24, [sp, #48]\n\t"
		"ldp x25, x26, [sp, #64]\n\t"
		"ldp x27, x28, [sp, #80]\n\t"
		"ldp x29, x30, [sp], #112\n\t"
		:
		: "r"(&state)
		: "memory", "cc", "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7",
		  "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
		  "x17", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8",
		  "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17",
		  "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26",
		  "v27", "v28", "v29", "v30", "v31");
	return __builtin_thread_pointer();
}

static void on_trap(int signo)
{
}

static void *in_thread(void *arg)
{
	usleep(100000);
	ready();
	__atomic_store_n(&state.go, 1, __ATOMIC_RELEASE);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	signal(SIGTRAP, on_trap);
	must(!pthread_create(&thread, NULL, in_thread, NULL));
	void *tls = hold();
	for (uint64_t i = 0; i < 31; i++) {
		if (i != 27 && i != 28 && state.x[i] != 0x1000 + i) {
			printf("x%d is 0x%llx\n", (int)i,
			       (unsigned long long)state.x[i]);
			nr_wrong++;
		}
	}
	for (uint64_t i = 0; i < 32; i++) {
		expect(state.v[2 * i] == 0x2000 + i);
		expect(state.v[2 * i + 1] == 0x3000 + i);
	}
	expect(state.nzcv == 0xa0000000);
	expect(state.fpcr == 0x1000000);
	expect(state.tls == (uintptr_t)tls);
	expect(signal(SIGTRAP, SIG_DFL) == on_trap);
	pthread_join(thread, NULL);
	return done();
}
