// SPDX-License-Identifier: MIT
/*
 * A program that asks the vdso for the time, to be dumped and restored with one
 * that has its functions elsewhere.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double seconds(const struct timespec *t)
{
	return (double)t->tv_sec + (double)t->tv_nsec / 1e9;
}

// Whether it is between two answers of the kernel.
static int is_right(clockid_t id)
{
	struct timespec before, between, after;
	return !syscall(SYS_clock_gettime, id, &before) &&
	       !clock_gettime(id, &between) &&
	       !syscall(SYS_clock_gettime, id, &after) &&
	       seconds(&before) <= seconds(&between) &&
	       seconds(&between) <= seconds(&after);
}

int main(void)
{
	struct timeval t;
	unsigned wrong = !is_right(CLOCK_MONOTONIC);
	printf("ready\n");
	fflush(stdout);
	while (access("go", F_OK))
		syscall(SYS_nanosleep, &(struct timespec){ 0, 5000000 }, NULL);
	for (int i = 0; i < 1000; i++)
		wrong += !is_right(CLOCK_MONOTONIC) + !is_right(CLOCK_REALTIME);
	time_t now = time(NULL);
	gettimeofday(&t, NULL);
	wrong += t.tv_sec - now > 1 || sched_getcpu() < 0;
	printf(wrong ? "FAIL %u\n" : "PASS\n", wrong);
	return wrong != 0;
}
