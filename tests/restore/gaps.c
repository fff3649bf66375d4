// SPDX-License-Identifier: MIT
// Memory in many places, with room between them: what was ours has to go from each.
#include <sys/mman.h>

#include "subject.h"

#define NR    40
#define STEP  (1ul << 32)
#define FIRST 0x200000000000ul

int main(void)
{
	unsigned char *page[NR];
	for (unsigned long i = 0; i < NR; i++) {
		void *at = (void *)(FIRST + i * STEP);
		page[i] = mmap(at, 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			       -1, 0);
		must(page[i] == at);
		memset(at, (int)i + 1, 4096);
	}
	ready();
	for (unsigned i = 0; i < NR; i++)
		expect(page[i][0] == i + 1 && page[i][4095] == i + 1);
	return done();
}
