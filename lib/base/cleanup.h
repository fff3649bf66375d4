// SPDX-License-Identifier: MIT
/*
 * Scope guards: a variable that releases what it holds when it goes out of
 * scope. Initialise it where it is declared. Hand ownership on with
 * cr_take_ptr() and cr_take_fd().
 */
#ifndef CR_LIB_BASE_CLEANUP_H
#define CR_LIB_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CR_CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void cr_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cr_cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int cr_take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#define cr_auto_free  CR_CLEANUP(cr_cleanup_free)
#define cr_auto_close CR_CLEANUP(cr_cleanup_close)

/* The pointer's value, leaving NULL behind. */
#define cr_take_ptr(p)                      \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#endif
