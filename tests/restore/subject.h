// SPDX-License-Identifier: MIT
/*
 * A program to be dumped and restored: it sets something up, calls ready(), which
 * returns when it has been restored, and looks whether all is as it was.
 *
 * tests/conformance/restore.sh runs each in its own pid namespace. It says "ready",
 * and at the end PASS or what is wrong; the file `go` in its working directory
 * tells it that it has been restored.
 */
#ifndef CR_TESTS_RESTORE_SUBJECT_H
#define CR_TESTS_RESTORE_SUBJECT_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int nr_wrong;

/** Notes that something is not as it should be. */
#define expect(what)                                                     \
	do {                                                             \
		if (!(what)) {                                           \
			nr_wrong++;                                      \
			printf("line %d: not so: %s (errno %d)\n",       \
			       __LINE__, #what, errno);                  \
		}                                                        \
	} while (0)

/** Ends the program when setting up fails. */
#define must(what)                                                       \
	do {                                                             \
		if (!(what)) {                                           \
			printf("SKIP line %d: %s: %s\n", __LINE__, #what, \
			       strerror(errno));                         \
			exit(77);                                        \
		}                                                        \
	} while (0)

static inline void wait_for_go(void)
{
	while (access("go", F_OK))
		usleep(5000);
}

static inline void ready(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	wait_for_go();
}

static inline int done(void)
{
	printf(nr_wrong ? "FAIL\n" : "PASS\n");
	return nr_wrong != 0;
}

#endif
