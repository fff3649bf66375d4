// SPDX-License-Identifier: MIT
// Mappings of every kind, with their contents and protection.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "reach.h"
#include "subject.h"

#define PAGE 4096

static int writable(volatile char *p)
{
	if (sigsetjmp(back, 1))
		return 0;
	*p = *p;
	return 1;
}

static char *map(size_t size, int prot, int flags, int fd)
{
	char *p = mmap(NULL, size, prot, flags, fd, 0);
	must(p != MAP_FAILED);
	return p;
}

static unsigned char byte_of(size_t i)
{
	return (unsigned char)(i * 2654435761u >> 13);
}

int main(void)
{
	int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	signal(SIGSEGV, on_segv);
	signal(SIGBUS, on_segv);
	// Large, with holes.
	size_t size = 64 << 20;
	char *big = map(size, PROT_READ | PROT_WRITE, anon, -1);
	for (size_t i = 0; i < size; i += PAGE)
		if (i / PAGE % 7 && i / (4 << 20) != 3)
			memset(big + i, byte_of(i), PAGE);
	// Protections.
	char *ro = map(4 * PAGE, PROT_READ | PROT_WRITE, anon, -1);
	memset(ro, 1, 4 * PAGE);
	mprotect(ro, PAGE, PROT_READ);
	mprotect(ro + PAGE, PAGE, PROT_NONE);
	// A file, private and changed in one page, and shared.
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && !ftruncate(fd, 3 * PAGE) &&
	     pwrite(fd, "file", 4, PAGE) == 4);
	char *priv = map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	priv[0] = 'p';
	char *shared = map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	strcpy(shared + 2 * PAGE, "shared");
	char *both = map(PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1);
	strcpy(both, "anonymous");
	char *down = map(16 * PAGE, PROT_READ | PROT_WRITE,
			 anon | MAP_GROWSDOWN, -1);
	down[0] = 'd';
	// Many small ones.
	char *many = map(2000 * PAGE, PROT_NONE, anon | MAP_NORESERVE, -1);
	for (size_t i = 0; i < 2000; i += 2) {
		mprotect(many + i * PAGE, PAGE, PROT_READ | PROT_WRITE);
		many[i * PAGE] = (char)byte_of(i);
	}
	ready();
	size_t bad = 0;
	for (size_t i = 0; i < size; i += PAGE) {
		int set = i / PAGE % 7 && i / (4 << 20) != 3;
		unsigned char want = set ? byte_of(i) : 0;
		bad += (unsigned char)big[i] != want ||
		       (unsigned char)big[i + PAGE - 1] != want;
	}
	expect(!bad);
	expect(ro[0] == 1 && !writable(ro) && !readable(ro + PAGE) &&
	       writable(ro + 2 * PAGE));
	mprotect(ro, 4 * PAGE, PROT_READ | PROT_WRITE);
	expect(ro[PAGE] == 1);
	expect(priv[0] == 'p' && !memcmp(priv + PAGE, "file", 4));
	expect(!shared[0] && !strcmp(shared + 2 * PAGE, "shared"));
	expect(pwrite(fd, "later", 5, 2 * PAGE) == 5 &&
	       !memcmp(shared + 2 * PAGE, "laterd", 6));
	expect(!strcmp(both, "anonymous"));
	expect(down[0] == 'd');
	bad = 0;
	for (size_t i = 0; i < 2000; i++)
		bad += i % 2 ? readable(many + i * PAGE) :
			       many[i * PAGE] != (char)byte_of(i);
	expect(!bad);
	return done();
}
