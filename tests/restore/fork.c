// SPDX-License-Identifier: MIT
// Children have their parent's memory, but for what they have changed, and share
// what they have not: all of them together take little more than one.
#include <sys/mman.h>
#include <sys/wait.h>

#include "subject.h"

#define PAGE 4096
#define SIZE (32 << 20)
#define NR   4

static unsigned char *memory, *gone, *later;

// How far they all are: each waits for the others. Shared.
static struct {
	int nr_set_up, nr_measured, may_end;
} *stage;

static void wait_until(const int *counter, int n)
{
	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < n)
		usleep(5000);
}

static void count(int *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELEASE);
}

static unsigned char byte_of(size_t page)
{
	return (unsigned char)(page * 2654435761u >> 11 | 1);
}

// KiB of our share of all memory.
static long share(void)
{
	char line[200];
	long kib = -1;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Pss: %ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

static unsigned char expected(size_t page, int child)
{
	if (child && page % 512 == (size_t)child)
		return (unsigned char)child;
	if (child == 2 && page >= 100 && page < 200)
		return 0; // dropped
	return byte_of(page);
}

static int look(int child)
{
	size_t bad = 0;
	for (size_t i = 0; i < SIZE / PAGE; i++)
		bad += memory[i * PAGE + 9] != expected(i, child) ||
		       (expected(i, child) && memory[i * PAGE + 4095] != byte_of(i));
	return !bad && (child == 3) == !later[0] &&
	       (child == 3 ? 1 : gone[0] == 'g');
}

static void change(int child)
{
	for (size_t i = (size_t)child; i < SIZE / PAGE; i += 512)
		memory[i * PAGE + 9] = (unsigned char)child;
	if (child == 2)
		madvise(memory + 100 * PAGE, 100 * PAGE, MADV_DONTNEED);
	if (child == 3) {
		munmap(gone, 10 * PAGE);
		mmap(gone + 2 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
}

static int live(int child)
{
	change(child);
	count(&stage->nr_set_up);
	wait_for_go();
	int ok = look(child);
	long kib = share();
	count(&stage->nr_measured);
	wait_until(&stage->may_end, 1);
	return !ok ? 1 : kib > SIZE / 1024 / 2 ? 2 : 0;
}

int main(void)
{
	int prot = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
	stage = mmap(NULL, PAGE, prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, SIZE, prot, anon, -1, 0);
	gone = mmap(NULL, 10 * PAGE, prot, anon, -1, 0);
	must(stage != MAP_FAILED && memory != MAP_FAILED && gone != MAP_FAILED);
	for (size_t i = 0; i < SIZE / PAGE; i++)
		memset(memory + i * PAGE, byte_of(i), PAGE);
	memset(gone, 'g', 10 * PAGE);
	later = gone + 5 * PAGE;
	for (int child = 1; child <= NR; child++) {
		if (!fork())
			_exit(live(child));
	}
	wait_until(&stage->nr_set_up, NR);
	ready();
	expect(look(0));
	wait_until(&stage->nr_measured, NR);
	expect(share() < SIZE / 1024 / 2);
	count(&stage->may_end);
	for (int child = 1; child <= NR; child++) {
		int status = -1;
		wait(&status);
		expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	return done();
}
