// SPDX-License-Identifier: MIT
/*
 * What make demo-rekey makes a snapshot of: it calls itself 1,000 deep, and then
 * returns, one call every 25 ms, and counts; its name is what it counts, such as
 * "count 42". Built with -mbranch-protection=pac-ret each of these returns
 * authenticates the address that it goes to.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DEPTH 1000

static unsigned count;

static void say_count(void)
{
	char name[16];
	snprintf(name, sizeof(name), "count %u", ++count);
	prctl(PR_SET_NAME, name);
}

__attribute__((noinline)) static unsigned descend(unsigned depth)
{
	unsigned calls = depth ? descend(depth - 1) : 0;
	usleep(25000);
	say_count();
	return calls + 1;
}

int main(void)
{
	while (descend(DEPTH) == DEPTH + 1)
		;
	return 1;
}
