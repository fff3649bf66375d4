// SPDX-License-Identifier: MIT
// Pipes and FIFOs: what is in them, their size, flags, ends that are closed, ends
// opened anew, and ends in two processes.
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "subject.h"

static char text[100000], got[100000];

static int in_it(int fd)
{
	int n = -1;
	ioctl(fd, FIONREAD, &n);
	return n;
}

int main(void)
{
	int full[2], half[2], shared[2], fifo, both, status = -1;
	char path[40];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 2654435761u >> 11);
	signal(SIGPIPE, SIG_IGN);
	must(!pipe2(full, O_CLOEXEC) && !pipe(half) && !pipe2(shared, O_NONBLOCK));
	must(fcntl(full[0], F_SETPIPE_SZ, 262144) == 262144);
	must(write(full[1], text, sizeof(text)) == sizeof(text));
	close(half[0]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", full[0]);
	both = open(path, O_RDWR);
	must(both >= 0 && !mkfifo("fifo", 0600));
	int in = open("fifo", O_RDONLY | O_NONBLOCK);
	fifo = open("fifo", O_WRONLY);
	must(in >= 0 && fifo >= 0 && write(fifo, "in the fifo", 11) == 11);
	close(fifo);
	pid_t pid = fork();
	if (!pid) {
		char c;
		close(shared[1]);
		fcntl(shared[0], F_SETFL, 0);
		_exit(read(shared[0], &c, 1) == 1 ? c : 1);
	}
	close(shared[0]);
	usleep(20000);
	ready();
	expect(fcntl(full[1], F_GETPIPE_SZ) == 262144);
	expect(in_it(full[0]) == sizeof(text) && in_it(both) == sizeof(text));
	expect(fcntl(full[0], F_GETFD) == FD_CLOEXEC);
	expect(!(fcntl(full[0], F_GETFL) & O_NONBLOCK));
	expect((fcntl(both, F_GETFL) & O_ACCMODE) == O_RDWR);
	expect(read(full[0], got, sizeof(got)) == sizeof(got));
	expect(!memcmp(got, text, sizeof(got)));
	expect(write(both, "x", 1) == 1 && read(full[0], got, 5) == 1);
	expect(write(half[1], "x", 1) < 0 && errno == EPIPE);
	expect(fcntl(in, F_GETFL) & O_NONBLOCK);
	expect(read(in, got, 100) == 11 && !memcmp(got, "in the fifo", 11));
	expect(read(in, got, 100) == 0);
	expect(fcntl(shared[1], F_GETFL) & O_NONBLOCK);
	expect(write(shared[1], "*", 1) == 1);
	expect(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == '*');
	return done();
}
