// SPDX-License-Identifier: MIT
/*
 * Small checkpoints with memory, built in a test:
 *
 *	put("a/mm-1.img", mm(4096, vma(0x1000, 0x3000, 0x201)));
 *	put("a/pagemap-1.img", pagemap(1, run(0x1000, 2, 4)));
 *	put("a/pages-1.img", cat(page('a'), page('b')));
 */
#ifndef CR_TESTS_SUPPORT_PAGES_H
#define CR_TESTS_SUPPORT_PAGES_H

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/bytes.h"
#include "tests/support/files.h"

// clang-format off
#define pagemap(id, ...) image("PAGEMAP", entry(num(1, id)), ##__VA_ARGS__)
/* An entry as CRIU 4.2 writes it; flags: 1 parent, 2 lazy, 4 present. */
#define run(vaddr, nr, flags) \
	entry(num(1, vaddr), num(2, 0), num(4, flags), num(5, nr))
#define page(c) fill(c, 4096)
/* status: 0x201 anonymous, 0x41 of a file, 0x101 shared, 0x4081 memfd */
#define vma_of(start, end, status, pgoff, shmid) \
	len(14, num(1, start), num(2, end), num(3, pgoff), num(4, shmid), \
	    num(5, 3), num(6, 0x22), num(7, status), num(8, 1))
#define vma(start, end, status) vma_of(start, end, status, 0, 0)
#define mm(page_size, ...) \
	image("MM", entry(mm_head(), num(13, 6), num(13, page_size), \
			  ##__VA_ARGS__))
// clang-format on

/* The required fields of mm_entry. */
static inline struct bytes mm_head(void)
{
	struct bytes all = { 0 };
	for (uint32_t i = 1; i <= 12; i++)
		all = cat(all, num(i, 0));
	return all;
}

/* Writes a file in the test's directory, and the directory it is in. */
static inline void put(const char *name, struct bytes content)
{
	char *dir = cr_test_format("%s", cr_test_path(name));
	*strrchr(dir, '/') = 0;
	mkdir(dir, 0700);
	unlink(cr_test_path(name));
	cr_test_file(name, content, 0600);
}

static inline void link_parent(const char *name, const char *to)
{
	char *dir = cr_test_format("%s", cr_test_path(name));
	mkdir(dir, 0700);
	if (symlink(to, cr_test_format("%s/parent", dir)))
		abort();
}

#endif
