// SPDX-License-Identifier: MIT
/*
 * keys PID [OTHER...]: which keys of pointer authentication the threads of a process have,
 * as the kernel says by ptrace: a line for each, "TID IA IB DA DB GA ENABLED",
 * sorted, TID being the one in its own pid namespace. Keys are fingerprints, the same
 * as those of `crit pac show`. Other processes whose memory has one of the keys are
 * told of at standard error, a line for each key.
 *
 * For a static AArch64 program of this and lib/pac/{pac,qarma}.c. Source of facts:
 * Linux Documentation/arch/arm64/pointer-authentication.rst, man 2 ptrace.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/pac/pac.h"

#define NT_PACA_KEYS	0x407
#define NT_PACG_KEYS	0x408
#define NT_PAC_ENABLED	0x40a
#define MAX_THREADS	64

struct line {
	int tid;
	struct cr_pac_key key[5];
	uint64_t enabled;
};

static void must(int is, const char *what)
{
	if (is)
		return;
	fprintf(stderr, "keys: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void get(int tid, int set, void *data, size_t size)
{
	struct iovec io = { data, size };
	must(!ptrace(PTRACE_GETREGSET, tid, set, &io) && io.iov_len == size,
	     "PTRACE_GETREGSET");
}

/* The last number of NSpid. */
static int own_tid(int pid, int tid)
{
	char path[64], text[256];
	int own = tid;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	FILE *file = fopen(path, "re");
	must(!!file, path);
	while (fgets(text, sizeof(text), file))
		if (!strncmp(text, "NSpid:", 6))
			own = atoi(strrchr(text, '\t') + 1);
	fclose(file);
	return own;
}

static struct line look(int pid, int tid)
{
	struct line line = { .tid = own_tid(pid, tid) };
	struct cr_pac_key *key = line.key;
	int status;
	must(!ptrace(PTRACE_SEIZE, tid, 0, 0), "PTRACE_SEIZE");
	must(!ptrace(PTRACE_INTERRUPT, tid, 0, 0), "PTRACE_INTERRUPT");
	must(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status), "waitpid");
	get(tid, NT_PACA_KEYS, key, 4 * sizeof(key[0]));
	get(tid, NT_PACG_KEYS, key + 4, sizeof(key[4]));
	get(tid, NT_PAC_ENABLED, &line.enabled, sizeof(line.enabled));
	must(!ptrace(PTRACE_DETACH, tid, 0, 0), "PTRACE_DETACH");
	return line;
}

static int compare(const void *a, const void *b)
{
	return ((const struct line *)a)->tid - ((const struct line *)b)->tid;
}

static void search_page(int pid, const uint64_t *word, const struct line *line,
			int nr)
{
	for (size_t i = 0; i < 4096 / 8; i++)
		for (int j = 0; j < nr * 5; j++) {
			const struct cr_pac_key *key = &line[j / 5].key[j % 5];
			if (word[i] && (word[i] == key->lo || word[i] == key->hi))
				fprintf(stderr, "%d has key %d of %d\n", pid,
					j % 5, line[j / 5].tid);
		}
}

static void search(int pid, const struct line *line, int nr)
{
	char path[64], text[512];
	unsigned long start, end;
	uint64_t page[4096 / 8];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	must(!!maps, path);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	FILE *mem = fopen(path, "re");
	must(!!mem, path);
	setvbuf(mem, NULL, _IONBF, 0);
	while (fgets(text, sizeof(text), maps)) {
		must(sscanf(text, "%lx-%lx", &start, &end) == 2, "maps");
		for (; start < end; start += 4096)
			if (!fseek(mem, (long)start, SEEK_SET) &&
			    fread(page, sizeof(page), 1, mem) == 1)
				search_page(pid, page, line, nr);
	}
	fclose(mem);
	fclose(maps);
}

int main(int argc, char **argv)
{
	static struct line line[MAX_THREADS];
	char path[64];
	struct dirent *entry;
	int nr = 0, pid = argc > 1 ? atoi(argv[1]) : 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	must(!!dir, path);
	while ((entry = readdir(dir)) && nr < MAX_THREADS)
		if (isdigit((unsigned char)entry->d_name[0]))
			line[nr++] = look(pid, atoi(entry->d_name));
	closedir(dir);
	qsort(line, (size_t)nr, sizeof(line[0]), compare);
	for (int i = 0; i < nr; i++) {
		printf("%d", line[i].tid);
		for (int j = 0; j < 5; j++)
			printf(" %08x", cr_pac_fingerprint(&line[i].key[j]));
		printf(" %llx\n", (unsigned long long)line[i].enabled);
	}
	for (int i = 2; i < argc; i++)
		search(atoi(argv[i]), line, nr);
	return 0;
}
