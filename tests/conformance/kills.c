// SPDX-License-Identifier: MIT
/*
 * Kills a restorer at times of chance, and looks what is left:
 *
 *	kills SEED ROUNDS NR COMMAND [ARG...]
 *
 * The command restores NR processes and leaves. It is run once to see how long it
 * takes; then ROUNDS times, killed by SIGKILL, SIGTERM and SIGINT in turn, at some
 * moment of that time. Whoever is in this pid namespace besides its first process
 * and ourselves is counted: there is to be nobody, or everybody, and nobody traced
 * or still a copy of the restorer.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int signals[] = { SIGKILL, SIGTERM, SIGINT };

#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static long long now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void wait_ns(long long ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };
	nanosleep(&t, NULL);
}

/* ---- who is there ---- */

static const char *restorer;

// Whether a process is as it was: nobody traces it, and it is not the restorer, or
// that as the init of a pid namespace.
static bool is_whole(const char *pid)
{
	char path[64], line[256], exe[PATH_MAX] = "";
	bool traced = true, is_init = false;
	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		is_init |= !strcmp(line, "Name:\tcrit-init\n");
		if (!strncmp(line, "TracerPid:", 10))
			traced = atoi(line + 10);
	}
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	// A zombie has none.
	if (readlink(path, exe, sizeof(exe) - 1) < 0)
		exe[0] = 0;
	return !traced && (strcmp(exe, restorer) || is_init);
}

static unsigned look(bool *whole_ret, bool kill_them)
{
	unsigned nr = 0;
	DIR *dir = opendir("/proc");
	*whole_ret = true;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		int pid = atoi(e->d_name);
		if (!isdigit((unsigned char)*e->d_name) || pid == 1 ||
		    pid == getpid())
			continue;
		nr++;
		*whole_ret &= kill_them || is_whole(e->d_name);
		if (kill_them)
			kill(pid, SIGKILL);
	}
	if (dir)
		closedir(dir);
	return nr;
}

static void clear(void)
{
	bool whole;
	while (look(&whole, true))
		wait_ns(500000);
}

#define PATIENCE_NS 5000000000LL

/* What dies takes its time: the number of those that stay. */
static unsigned left(unsigned nr, bool *whole_ret)
{
	long long end = now_ns() + PATIENCE_NS;
	unsigned is, before = 0;
	do {
		is = look(whole_ret, false);
		// They are all there, and still are a moment later.
		if (!is || (is == nr && before == nr && *whole_ret))
			break;
		before = is;
		wait_ns(is == nr ? 3000000 : 500000);
	} while (now_ns() < end);
	return is;
}

/* ---- killing ---- */

static pid_t start(char **argv)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	execv(argv[0], argv);
	_exit(127);
}

#define NR_RUNS 5

static int compare(const void *a, const void *b)
{
	const long long *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

// The median of some runs.
static long long time_of(unsigned nr, char **argv)
{
	long long took[NR_RUNS];
	for (int i = 0; i < NR_RUNS; i++) {
		bool whole;
		int status;
		long long begin = now_ns();
		waitpid(start(argv), &status, 0);
		took[i] = now_ns() - begin;
		unsigned is = left(nr, &whole);
		if (status || is != nr || !whole) {
			printf("not ok status 0x%x, %u of %u processes%s\n",
			       status, is, nr,
			       whole ? "" : ", not as they were");
			exit(1);
		}
		clear();
	}
	qsort(took, NR_RUNS, sizeof(took[0]), compare);
	return took[NR_RUNS / 2];
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	if (argc < 5)
		return 2;
	unsigned seed = (unsigned)strtoul(argv[1], NULL, 0);
	unsigned rounds = (unsigned)strtoul(argv[2], NULL, 0), failed = 0;
	unsigned nr = (unsigned)strtoul(argv[3], NULL, 0);
	unsigned nr_none = 0, nr_all = 0;
	argv += 4;
	restorer = realpath(argv[0], path);
	long long usual = time_of(nr, argv);
	for (unsigned i = 0; i < rounds; i++) {
		bool whole;
		int status, signo = signals[i % NR_SIGNALS];
		long long at = (long long)((double)rand_r(&seed) / RAND_MAX *
					   (double)usual);
		pid_t pid = start(argv);
		wait_ns(at);
		kill(pid, signo);
		waitpid(pid, &status, 0);
		unsigned is = left(nr, &whole);
		nr_none += !is;
		nr_all += is == nr && whole;
		if (is && (is != nr || !whole)) {
			printf("not ok round %u, signal %d after %lld us: %u "
			       "of %u processes are left%s\n",
			       i, signo, at / 1000, is, nr,
			       whole ? "" : ", not as they were");
			fflush(stdout);
			failed++;
			if (!system("ps -o pid,ppid,stat,wchan:20,args"))
				fflush(stdout);
		}
		clear();
	}
	printf("%s %u kills within %lld us: %u times nothing was left, %u "
	       "times all\n",
	       failed ? "not ok" : "ok", rounds, usual / 1000, nr_none, nr_all);
	// Times that are all too late or too early would prove nothing.
	if (nr_none < rounds / 10)
		printf("not ok too few kills came in time\n");
	return failed || nr_none < rounds / 10;
}
