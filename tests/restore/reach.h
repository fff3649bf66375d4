// SPDX-License-Identifier: MIT
/* Whether memory can be reached: on_segv() is the handler of SIGSEGV then. */
#ifndef CR_TESTS_RESTORE_REACH_H
#define CR_TESTS_RESTORE_REACH_H

#include <setjmp.h>

static sigjmp_buf back;

static void on_segv(int signo)
{
	siglongjmp(back, 1);
}

static int readable(const volatile char *p)
{
	if (sigsetjmp(back, 1))
		return 0;
	(void)*p;
	return 1;
}

#endif
