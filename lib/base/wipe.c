// SPDX-License-Identifier: MIT
#include "lib/base/wipe.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Pieces that were free, until there are no more. */
struct held {
	struct held *next;
};

#define SMALLEST    24	 /* of a 64-bit machine; requests grow by 16 */
#define KEPT	    1032 /* the largest that is kept for a thread */
#define NR_KEPT	    16	 /* of each size; 7 in most versions */
#define LARGEST	    (SMALLEST << 12)
#define NR_AT_ONCE  16	 /* to be told what is left takes time, too */
#define PAGE_SIZE   4096

static bool hold(struct held **list, size_t size)
{
	struct held *piece = malloc(size);
	if (!piece)
		return false;
	explicit_bzero(piece, malloc_usable_size(piece));
	piece->next = *list;
	*list = piece;
	return true;
}

/* What is free between pieces that are not. */
static size_t nr_left(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.fordblks - info.keepcost;
}

static bool hold_some(struct held **list, size_t size)
{
	for (int i = 0; i < NR_AT_ONCE; i++)
		if (!hold(list, size))
			return false;
	return true;
}

/* From large to small: what is left of a large piece is found as a small one. */
static void hold_rest(struct held **list)
{
	size_t left = nr_left(), before;
	for (size_t size = LARGEST; left && size >= SMALLEST; size /= 2) {
		if (size > left)
			continue;
		do {
			before = left;
			if (!hold_some(list, size))
				return;
			left = nr_left();
		} while (left < before);
	}
}

void cr_wipe_freed(void)
{
	struct held *list = NULL, *next;
	malloc_trim(0);
	for (size_t size = SMALLEST; size <= KEPT; size += 16)
		for (int i = 0; i < NR_KEPT; i++)
			if (!hold(&list, size))
				break;
	hold_rest(&list);
	// What is above all of them, and a little more, for it to be whole.
	hold(&list, mallinfo2().keepcost + PAGE_SIZE);
	for (; list; list = next) {
		next = list->next;
		free(list);
	}
	malloc_trim(0);
}

__attribute__((noinline)) void cr_wipe_stack(void)
{
	char dead[CR_WIPE_STACK];
	explicit_bzero(dead, sizeof(dead));
}
