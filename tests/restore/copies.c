// SPDX-License-Identifier: MIT
// What several copies of a program must each have for themselves: memory, private
// and shared, of parent, child and threads, a memfd, a pipe; and memory that a fork
// zeroes. It goes on when the file `go` is there, and fails if `fail` is.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "subject.h"

#define SIZE (8 << 20)
#define NR   300

static volatile int counted[2];

static void *count(void *arg)
{
	volatile int *mine = arg;
	wait_for_go();
	while (*mine < NR) {
		++*mine;
		usleep(100);
	}
	return NULL;
}

static char pattern(size_t at)
{
	return (char)(at / 4096 % 250 + 1);
}

static void *map(size_t size, int flags)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	must(p != MAP_FAILED);
	return p;
}

// Another copy that had the same memory would be in between.
static void alternate(volatile int *turn, int mine)
{
	for (int i = 0; i < NR; i++) {
		while (*turn != 2 * i + mine)
			usleep(20);
		++*turn;
	}
}

static void child(volatile int *turn, volatile char *own, const char *memory)
{
	own[0] = 'c';
	wait_for_go();
	alternate(turn, 1);
	for (size_t at = 4096; at < SIZE; at += 4096) {
		if (memory[at] != pattern(at))
			_exit(1);
	}
	_exit(own[0] == 'c' && memory[0] == 'p' ? 42 : 2);
}

int main(void)
{
	char *memory = map(SIZE, MAP_PRIVATE | MAP_ANONYMOUS);
	char *random = map(8192, MAP_PRIVATE | MAP_ANONYMOUS);
	volatile char *own = map(4096, MAP_PRIVATE | MAP_ANONYMOUS);
	volatile int *turn = map(4096, MAP_SHARED | MAP_ANONYMOUS);
	int fd = memfd_create("memory", 0), pipe_fds[2], status = -1;
	char bytes[8] = "";
	pthread_t thread[2];
	for (size_t at = 0; at < SIZE; at += 4096)
		memory[at] = pattern(at);
	memory[0] = 'p';
	memset(random, 'r', 8192);
	must(!madvise(random, 8192, MADV_WIPEONFORK));
	must(fd >= 0 && write(fd, "abc", 3) == 3);
	must(!pipe(pipe_fds) && write(pipe_fds[1], "12345", 5) == 5);
	pid_t pid = fork();
	if (!pid)
		child(turn, own, memory);
	own[0] = 'p';
	for (int i = 0; i < 2; i++)
		must(!pthread_create(&thread[i], NULL, count,
				     (void *)(counted + i)));
	usleep(50000);
	ready();
	bool kept = random[0] == 'r' && random[8191] == 'r';
	expect(kept || (!random[0] && !random[8191]));
	alternate(turn, 0);
	expect(*turn == 2 * NR - 1 || *turn == 2 * NR);
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		expect(counted[i] == NR);
	}
	for (size_t at = 4096; at < SIZE; at += 4096) {
		expect(memory[at] == pattern(at));
		memory[at] = 'x';
	}
	expect(read(pipe_fds[0], bytes, 8) == 5 && !memcmp(bytes, "12345", 5));
	expect(lseek(fd, 0, SEEK_END) == 3 && write(fd, "d", 1) == 1);
	expect(own[0] == 'p');
	expect(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 42);
	printf(kept ? "kept\n" : "zeroed\n");
	if (!access("fail", F_OK))
		return 3;
	// Until everybody has looked at it.
	while (!access("stay", F_OK))
		usleep(5000);
	return done();
}
