// SPDX-License-Identifier: MIT
/*
 * A library to preload: a ^C comes just before the first wait for a key.
 *
 * Source: man 2 pselect, which is there for this.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/select.h>

int pselect(int nr, fd_set *in, fd_set *out, fd_set *other,
	    const struct timespec *timeout, const sigset_t *mask)
{
	static bool done;
	__typeof__(pselect) *real = dlsym(RTLD_NEXT, "pselect");
	if (!done) {
		done = true;
		raise(SIGINT);
	}
	return real(nr, in, out, other, timeout, mask);
}
