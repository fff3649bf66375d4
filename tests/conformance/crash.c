// SPDX-License-Identifier: MIT
/*
 * tests/support/crash.h for any program, as a library to preload. CRASH_AT and
 * FAIL_AT (with ENOSPC) say at which step. A program that switches to what it has
 * not synced exits with 77.
 */
#include "tests/support/crash.h"

#include <stdlib.h>

static int number(const char *name)
{
	const char *text = getenv(name);
	return text ? atoi(text) : 0;
}

__attribute__((constructor)) static void begin(void)
{
	cr_crash.at = number("CRASH_AT");
	cr_crash.fail_at = number("FAIL_AT");
	cr_crash.fail_errno = ENOSPC;
	cr_crash.watching = true;
}

__attribute__((destructor)) static void end(void)
{
	if (cr_crash.nr_unsynced)
		_exit(77);
}
