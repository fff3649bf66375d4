// SPDX-License-Identifier: MIT
// What madvise said of memory, guard pages, memory that may be dropped.
#include <signal.h>
#include <sys/mman.h>

#include "reach.h"
#include "subject.h"

#define PAGE 4096

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

static const struct {
	int advice;
	const char *flag; // in smaps
} advices[] = {
	{ MADV_RANDOM, " rr" },	    { MADV_SEQUENTIAL, " sr" },
	{ MADV_DONTFORK, " dc" },   { MADV_DONTDUMP, " dd" },
	{ MADV_WIPEONFORK, " wf" }, { MADV_HUGEPAGE, " hg" },
	{ MADV_NOHUGEPAGE, " nh" },
};

#define NR (sizeof(advices) / sizeof(*advices))

/* Whether what smaps says of the mapping of P has FLAG. */
static int has(const char *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[4096];
	int is = 0, found = 0;
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start, end;
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is = start <= (unsigned long)p &&
			     (unsigned long)p < end;
		else if (is && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, flag) != NULL;
	}
	if (f)
		fclose(f);
	return found;
}

static char *map(size_t size, int flags)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | flags, -1, 0);
	must(p != MAP_FAILED);
	return p;
}

int main(void)
{
	signal(SIGSEGV, on_segv);
	char *p[NR];
	for (size_t i = 0; i < NR; i++) {
		p[i] = map(2 * PAGE, MAP_PRIVATE);
		memset(p[i], 'a' + (int)i, 2 * PAGE);
		must(!madvise(p[i], 2 * PAGE, advices[i].advice));
		must(has(p[i], advices[i].flag));
	}
	char *guarded = map(8 * PAGE, MAP_PRIVATE);
	memset(guarded, 'g', 8 * PAGE);
	must(!madvise(guarded + 2 * PAGE, 3 * PAGE, MADV_GUARD_INSTALL));
	must(!readable(guarded + 2 * PAGE));
	// Its contents may be gone at any time: CRIU does not save them.
	char *droppable = map(PAGE, MAP_DROPPABLE);
	must(has(droppable, " dp"));
	ready();
	for (size_t i = 0; i < NR; i++) {
		expect(has(p[i], advices[i].flag));
		expect(p[i][0] == 'a' + (int)i && p[i][PAGE] == 'a' + (int)i);
	}
	for (int i = 0; i < 8; i++)
		expect(readable(guarded + i * PAGE) == (i < 2 || i > 4));
	expect(guarded[0] == 'g' && guarded[5 * PAGE] == 'g');
	expect(has(droppable, " dp") && !droppable[0]);
	droppable[0] = 'd';
	return done();
}
