// SPDX-License-Identifier: MIT
// What the kernel does for a thread that ends, and around its restartable
// sequences: robust mutexes, the thread id that is cleared, rseq.
#include <pthread.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#include "subject.h"

static pthread_mutex_t mutex;
static pthread_barrier_t locked;

static struct rseq *own_rseq(void)
{
	return (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* Whether the kernel keeps the number of the processor in it up to date. */
static int rseq_is_registered(void)
{
	own_rseq()->cpu_id = 4711;
	for (int i = 0; i < 1000 && own_rseq()->cpu_id == 4711; i++)
		usleep(1000);
	return own_rseq()->cpu_id != 4711;
}

static void *holder(void *is)
{
	pthread_mutex_lock(&mutex);
	pthread_barrier_wait(&locked);
	wait_for_go();
	*(int *)is = rseq_is_registered();
	// Ends with the mutex locked.
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &attr);
	pthread_barrier_init(&locked, NULL, 2);
	must(__rseq_size && rseq_is_registered());

	pthread_t thread;
	int is = 0;
	pthread_create(&thread, NULL, holder, &is);
	pthread_barrier_wait(&locked);
	ready();
	expect(pthread_mutex_lock(&mutex) == EOWNERDEAD);
	expect(!pthread_mutex_consistent(&mutex));
	// Waits for the kernel to clear the thread's id.
	expect(!pthread_join(thread, NULL));
	expect(is);
	expect(rseq_is_registered());
	return done();
}
