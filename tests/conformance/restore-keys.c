// SPDX-License-Identifier: MIT
/*
 * Looks at the keys of signed pointers of restored processes, by ptrace(2).
 *
 *	fresh SAVED		whether all threads have other keys than they had,
 *				equal ones where those were, and as many enabled:
 *				says "fresh", or what is wrong
 *	saved SAVED		whether all have those they had
 *	spy SAVED COMMAND...	runs it, and looks when it exits whether its memory
 *				has a key of SAVED, or of the threads then
 *	silent SAVED FILE	whether the file has none of these, in any form
 *
 * SAVED: a line for each thread: tid, enabled keys, and the halves of IA, IB, DA,
 * DB, GA, low before high; all hexadecimal.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX 256
#define NR_WORDS 10

struct thread {
	pid_t tid;
	uint64_t enabled, word[NR_WORDS];
};

static struct thread saved[MAX], now[MAX];
static int nr_saved, nr_now;

static void fail(const char *what)
{
	printf("%s\n", what);
	exit(1);
}

static void read_saved(const char *path)
{
	FILE *f = fopen(path, "r");
	struct thread *t = saved;
	unsigned tid;
	if (!f)
		fail("no list of saved keys");
	while (nr_saved < MAX && fscanf(f, "%x %lx", &tid, &t->enabled) == 2) {
		t->tid = (pid_t)tid;
		for (int i = 0; i < NR_WORDS; i++)
			if (fscanf(f, "%lx", &t->word[i]) != 1)
				fail("the list of saved keys is short");
		t = &saved[++nr_saved];
	}
	fclose(f);
}

static void get(pid_t tid, unsigned long set, void *to, size_t size)
{
	struct iovec iov = { to, size };
	if (ptrace(PTRACE_GETREGSET, tid, set, &iov) || iov.iov_len != size)
		fail("cannot get keys");
}

static void read_thread(pid_t tid)
{
	struct thread *t = &now[nr_now++];
	int status;
	t->tid = tid;
	if (ptrace(PTRACE_SEIZE, tid, 0, 0) ||
	    ptrace(PTRACE_INTERRUPT, tid, 0, 0) ||
	    waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		fail("cannot stop a thread");
	get(tid, 0x407, t->word, 64);
	get(tid, 0x408, t->word + 8, 16);
	get(tid, 0x40a, &t->enabled, 8);
	ptrace(PTRACE_DETACH, tid, 0, 0);
}

static void read_threads(void)
{
	for (int i = 0; i < nr_saved; i++)
		read_thread(saved[i].tid);
}

static const struct thread *saved_of(pid_t tid)
{
	for (int i = 0; i < nr_saved; i++)
		if (saved[i].tid == tid)
			return &saved[i];
	fail("a thread that was not saved");
	return NULL;
}

static bool is_same(const struct thread *a, const struct thread *b, int key)
{
	return !memcmp(&a->word[2 * key], &b->word[2 * key], 16);
}

static void compare(bool fresh)
{
	for (int i = 0; i < nr_now; i++) {
		const struct thread *a = saved_of(now[i].tid);
		if (now[i].enabled != a->enabled)
			fail("other keys are enabled");
		for (int key = 0; key < 5; key++) {
			if (is_same(&now[i], a, key) == fresh)
				fail(fresh ? "a saved key" : "another key");
			for (int j = 0; j < i; j++)
				if (is_same(&now[i], &now[j], key) !=
				    is_same(a, saved_of(now[j].tid), key))
					fail("not equal where they were");
		}
	}
	printf("%s\n", fresh ? "fresh" : "saved");
}

/* ---- in memory ---- */

static bool is_word(const uint8_t *data, const struct thread *t, int nr)
{
	for (; nr--; t++)
		for (int i = 0; i < NR_WORDS; i++)
			if (t->word[i] && !memcmp(data, &t->word[i], 8))
				return true;
	return false;
}

// Words that begin with the same two bytes are few.
static int find(const uint8_t *data, size_t size, const struct thread *t, int nr)
{
	static bool begins[1 << 16];
	int found = 0;
	memset(begins, 0, sizeof(begins));
	for (int i = 0; i < nr * NR_WORDS; i++)
		begins[t[i / NR_WORDS].word[i % NR_WORDS] & 0xffff] = true;
	for (size_t at = 0; at + 8 <= size; at++)
		found += begins[data[at] | data[at + 1] << 8] &&
			 is_word(data + at, t, nr);
	return found;
}

static void search(pid_t pid)
{
	char path[64], line[512], name[300];
	unsigned long start, end;
	int found_saved = 0, found_now = 0;
	size_t total = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "r");
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	FILE *mem = fopen(path, "r");
	if (!maps || !mem)
		fail("cannot read its memory");
	setvbuf(mem, NULL, _IONBF, 0);
	while (fgets(line, sizeof(line), maps)) {
		name[0] = 0;
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %299s", &start, &end,
			   name) < 2 ||
		    !strncmp(name, "[v", 2))
			continue;
		uint8_t *data = malloc(end - start);
		if (data && !fseek(mem, (long)start, SEEK_SET) &&
		    fread(data, end - start, 1, mem) == 1) {
			int a = find(data, end - start, saved, nr_saved);
			int b = find(data, end - start, now, nr_now);
			if (a || b)
				printf("%s ", name[0] ? name : "memory");
			found_saved += a;
			found_now += b;
			total += end - start;
		}
		free(data);
	}
	if (total < 1 << 20)
		printf("too little to see ");
	if (found_saved || found_now)
		printf("has %d saved, %d new words\n", found_saved, found_now);
	else
		printf("clean\n");
}

/* ---- in what it says ---- */

static bool says(const char *text, size_t size, const struct thread *t, int nr)
{
	static const char *const forms[] = { "%lx", "%lX", "%lu", "%ld" };
	char word[32];
	for (; nr--; t++) {
		for (int i = 0; i < 4 * NR_WORDS; i++) {
			int n = snprintf(word, sizeof(word), forms[i % 4],
					 t->word[i / 4]);
			if (n > 4 && memmem(text, size, word, (size_t)n))
				return true;
		}
	}
	return false;
}

static void look_into(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t size = f ? fread(text, 1, sizeof(text), f) : 0;
	if (!size)
		fail("nothing was said");
	bool told = says(text, size, saved, nr_saved) ||
		    says(text, size, now, nr_now) ||
		    find((uint8_t *)text, size, saved, nr_saved) ||
		    find((uint8_t *)text, size, now, nr_now);
	printf("%s\n", told ? "told" : "silent");
}

static int spy(char **command)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv(command[0], command);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT))
		fail("cannot trace");
	for (int signo = 0;;) {
		ptrace(PTRACE_CONT, pid, 0, signo);
		if (waitpid(pid, &status, 0) != pid)
			fail("lost");
		if (!WIFSTOPPED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		signo = WSTOPSIG(status);
		if (status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
			signo = signo == SIGTRAP ? 0 : signo;
			continue;
		}
		read_threads();
		search(pid);
		signo = 0;
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	read_saved(argv[2]);
	if (!strcmp(argv[1], "spy"))
		return spy(argv + 3);
	read_threads();
	if (!strcmp(argv[1], "silent"))
		look_into(argv[3]);
	else
		compare(!strcmp(argv[1], "fresh"));
	return 0;
}
