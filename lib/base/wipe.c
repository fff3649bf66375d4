// SPDX-License-Identifier: MIT
#include "lib/base/wipe.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pieces that were free, until there are no more. */
struct held {
	struct held *next;
};

#define SMALLEST    24	 /* of a 64-bit machine; requests grow by 16 */
#define KEPT	    1032 /* the largest that is kept for a thread */
#define NR_KEPT	    16	 /* of each size; 7 in most versions */
#define LARGEST	    (SMALLEST << 12)
#define PAGE_SIZE   4096

static bool hold(struct held **list, struct held *piece)
{
	if (!piece)
		return false;
	explicit_bzero(piece, malloc_usable_size(piece));
	piece->next = *list;
	*list = piece;
	return true;
}

/* A piece of what was free; not of the new pages at the end of the heap. */
static bool hold_old(struct held **list, size_t size, const char *end)
{
	struct held *piece = malloc(size);
	char *at = (char *)piece;
	if (at < end || at >= (char *)sbrk(0))
		return hold(list, piece);
	free(piece);
	return false;
}

/* What is free between pieces that are not. */
static size_t nr_left(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.fordblks - info.keepcost;
}

/* From large to small: what is left of a large piece is found as a small one. */
static void hold_rest(struct held **list, const char *end)
{
	size_t left = nr_left();
	for (size_t size = LARGEST; left && size >= SMALLEST; size /= 2) {
		if (size > left)
			continue;
		while (hold_old(list, size, end))
			;
		left = nr_left();
	}
}

void cr_wipe_freed(void)
{
	struct held *list = NULL, *next;
	malloc_trim(0);
	// What is above all pieces, and a little more, for it to be whole.
	hold(&list, malloc(mallinfo2().keepcost + PAGE_SIZE));
	const char *end = (char *)sbrk(0) - mallinfo2().keepcost;
	for (size_t size = SMALLEST; size <= KEPT; size += 16)
		for (int i = 0; i < NR_KEPT; i++)
			if (!hold_old(&list, size, end))
				break;
	hold_rest(&list, end);
	for (; list; list = next) {
		next = list->next;
		free(list);
	}
	malloc_trim(0);
}

/* Pages are given back, which takes less time than to have them all. */
__attribute__((noinline)) static void wipe_pages(void)
{
	char dead[CR_WIPE_STACK];
	size_t before = -(uintptr_t)dead % PAGE_SIZE;
	size_t pages = (sizeof(dead) - before) / PAGE_SIZE * PAGE_SIZE;
	char *after = dead + before + pages;
	// ENOMEM: some are not there.
	if (madvise(dead + before, pages, MADV_DONTNEED) && errno != ENOMEM)
		explicit_bzero(dead + before, pages);
	explicit_bzero(dead, before);
	explicit_bzero(after, (size_t)(dead + sizeof(dead) - after));
}

__attribute__((noinline)) static void wipe_top(void)
{
	char dead[1024]; // more than wipe_pages() has besides its array
	explicit_bzero(dead, sizeof(dead));
}

void cr_wipe_stack(void)
{
	wipe_pages();
	wipe_top();
}
