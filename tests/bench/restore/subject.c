// SPDX-License-Identifier: MIT
/*
 * A program to be dumped and restored, of one of some shapes:
 *
 *	subject small
 *	subject threads NR
 *	subject dense MIB	private memory, all of it touched
 *	subject mappings NR	of one page each, side by side
 *
 * It makes the file "ready" when it is, and then does nothing.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int threads(size_t nr)
{
	pthread_attr_t attr;
	pthread_t thread;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	while (nr--) {
		if (pthread_create(&thread, &attr, sleep_on, NULL))
			return 1;
	}
	return 0;
}

static char *memory(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		exit(1);
	for (size_t at = 0; at < size; at += PAGE)
		memset(p + at, (int)(at / PAGE % 255 + 1), PAGE);
	return p;
}

static int dense(size_t mib)
{
	memory(mib << 20);
	return 0;
}

// What differs from its neighbours is a mapping of its own.
static int mappings(size_t nr)
{
	char *p = memory(nr * PAGE);
	for (size_t i = 0; i < nr; i += 2) {
		if (mprotect(p + i * PAGE, PAGE, PROT_READ))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "small";
	size_t nr = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	int status = !strcmp(what, "threads")  ? threads(nr) :
		     !strcmp(what, "dense")    ? dense(nr) :
		     !strcmp(what, "mappings") ? mappings(nr) :
						 0;
	if (status)
		return status;
	close(open("ready", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	sleep_on(NULL);
}
