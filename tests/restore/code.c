// SPDX-License-Identifier: MIT
// Code that a program has made: where it may still write to it, and where it may
// not; its own, and what a child has of its parent's.
#include <sys/mman.h>
#include <sys/wait.h>

#include "subject.h"

#define PAGE 4096

static unsigned char *code[2];

__attribute__((noinline, noclone, aligned(64))) static int answer(int n)
{
	return n * 3 + 1;
}

static unsigned char *make(int prot)
{
	unsigned char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(p != MAP_FAILED);
	memcpy(p, (const void *)(unsigned long)answer, 64);
	must(!mprotect(p, PAGE, prot));
	__builtin___clear_cache((char *)p, (char *)p + 64);
	return p;
}

static int call(const unsigned char *p, int n)
{
	return ((int (*)(int))(unsigned long)p)(n);
}

static void look(void)
{
	expect(call(code[0], 5) == 16);
	expect(call(code[1], 6) == 19);
	code[0][PAGE - 1] = 'x';
	expect(code[0][PAGE - 1] == 'x' && !code[1][PAGE - 1]);
}

int main(void)
{
	int status = -1;
	code[0] = make(PROT_READ | PROT_WRITE | PROT_EXEC);
	code[1] = make(PROT_READ | PROT_EXEC);
	pid_t child = fork();
	if (!child) {
		wait_for_go();
		look();
		_exit(nr_wrong != 0);
	}
	ready();
	look();
	expect(waitpid(child, &status, 0) == child && status == 0);
	return done();
}
