// SPDX-License-Identifier: MIT
// What a process can still do when it has been restored: its stack and heap grow,
// the clock goes on (vdso), it makes a thread, joins one that has waited, makes a
// child, and executes a program.
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "subject.h"

static int grow(int depth)
{
	volatile char page[8192];
	page[0] = (char)depth;
	return depth ? grow(depth - 1) + page[0] * 0 + 1 : 0;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_mutex(void *arg)
{
	pthread_mutex_lock(&mutex);
	return arg;
}

static void *run(void *arg)
{
	return arg;
}

int main(void)
{
	struct timespec before, now;
	char *old = malloc(3000000);
	pthread_t thread, waiting;
	void *result = NULL;
	int status = -1;
	memset(old, 7, 3000000);
	must(!pthread_mutex_lock(&mutex));
	must(!pthread_create(&waiting, NULL, wait_for_mutex, &mutex));
	void *brk = sbrk(0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	ready();
	clock_gettime(CLOCK_MONOTONIC, &now);
	expect(now.tv_sec >= before.tv_sec && now.tv_sec < before.tv_sec + 100);
	expect(sbrk(0) == brk && sbrk(1 << 20) == brk);
	memset(brk, 1, 1 << 20);
	expect(old[2999999] == 7);
	expect(grow(700) == 700);
	expect(!pthread_create(&thread, NULL, run, old));
	expect(!pthread_join(thread, &result) && result == old);
	expect(!pthread_mutex_unlock(&mutex));
	expect(!pthread_join(waiting, &result) && result == &mutex);
	pid_t pid = fork();
	if (!pid)
		execl("/bin/sh", "sh", "-c", "exit 7", NULL);
	expect(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	return done();
}
