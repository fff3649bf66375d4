// SPDX-License-Identifier: MIT
// Huge pages of the pool: private, shared, and of a memfd.
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "subject.h"

#define HUGE (2u << 20)

static volatile char *map(int flags, int fd, size_t nr)
{
	char *p = mmap(NULL, nr * HUGE, PROT_READ | PROT_WRITE,
		       flags | (fd < 0 ? MAP_ANONYMOUS | MAP_HUGETLB : 0), fd,
		       0);
	must(p != MAP_FAILED);
	return p;
}

int main(void)
{
	int fd = memfd_create("huge", MFD_HUGETLB);
	must(fd >= 0 && !ftruncate(fd, 2 * HUGE));
	volatile char *one = map(MAP_PRIVATE, -1, 2);
	volatile char *two = map(MAP_SHARED, -1, 1);
	volatile char *three = map(MAP_SHARED, fd, 2);
	one[HUGE + 5] = 'p';
	two[7] = 's';
	three[HUGE] = 'm';
	ready();
	expect(one[HUGE + 5] == 'p' && !one[0]);
	expect(two[7] == 's' && !two[HUGE - 1]);
	expect(three[HUGE] == 'm' && !three[1]);
	one[0] = 1;
	two[HUGE - 1] = 1;
	three[1] = 1;
	struct stat st;
	expect(!fstat(fd, &st) && st.st_blksize == HUGE && st.st_size == 2 * HUGE);
	expect(!munmap((char *)one, HUGE) && one[HUGE + 5] == 'p');
	return done();
}
