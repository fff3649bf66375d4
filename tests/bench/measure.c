// SPDX-License-Identifier: MIT
/*
 * Runs a command some times and prints its median wall time in milliseconds and
 * its peak memory in MiB:
 *
 *	measure NR [-i IN] [-o OUT] COMMAND [ARG...]
 *
 * Standard input and output are those files, else /dev/null; standard error is
 * /dev/null. Exits with 1 if the command fails.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct result {
	double ms;
	long kib;
};

static void redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);
	if (fd < 0 || dup2(fd, to) < 0)
		_exit(126);
	close(fd);
}

static int run(char **argv, const char *in, const char *out, struct result *ret)
{
	struct timespec a, b;
	struct rusage usage;
	int status;
	if (strcmp(out, "/dev/null"))
		unlink(out);
	clock_gettime(CLOCK_MONOTONIC, &a);
	pid_t pid = vfork();
	if (pid < 0)
		return -1;
	if (!pid) {
		redirect(in, O_RDONLY, 0);
		redirect(out, O_WRONLY | O_CREAT, 1);
		redirect("/dev/null", O_WRONLY, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &b);
	ret->ms = 1e3 * (double)(b.tv_sec - a.tv_sec) +
		  1e-6 * (double)(b.tv_nsec - a.tv_nsec);
	ret->kib = usage.ru_maxrss;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

static int by_ms(const void *a, const void *b)
{
	const struct result *x = a, *y = b;
	return x->ms < y->ms ? -1 : x->ms > y->ms;
}

int main(int argc, char **argv)
{
	const char *in = "/dev/null", *out = "/dev/null";
	int i = 2, nr = argc > 1 ? atoi(argv[1]) : 0;
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2)
		*(argv[i][1] == 'i' ? &in : &out) = argv[i + 1];
	struct result *results = nr > 0 ? calloc((size_t)nr, sizeof(*results)) :
					  NULL;
	if (!results || i >= argc) {
		fprintf(stderr, "usage: measure NR [-i IN] [-o OUT] COMMAND\n");
		return 2;
	}
	long kib = 0;
	for (int k = 0; k < nr; k++) {
		if (run(argv + i, in, out, &results[k])) {
			fprintf(stderr, "measure: %s failed\n", argv[i]);
			return 1;
		}
		if (results[k].kib > kib)
			kib = results[k].kib;
	}
	qsort(results, (size_t)nr, sizeof(*results), by_ms);
	printf("%.2f %.1f\n", results[nr / 2].ms, (double)kib / 1024);
	free(results);
	return 0;
}
