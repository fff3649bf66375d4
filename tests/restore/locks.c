// SPDX-License-Identifier: MIT
// File locks of each kind: what another process may not lock, and what it may.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "subject.h"

// What would be in the way of a lock: F_UNLCK, F_RDLCK or F_WRLCK.
static int in_the_way(const char *path, int command, off_t start, off_t len)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = start, .l_len = len };
	int fd = open(path, O_RDWR), status = -1;
	pid_t pid = fork();
	if (!pid)
		_exit(fcntl(fd, command, &l) ? 99 : l.l_type);
	waitpid(pid, &status, 0);
	// Closing it would lose our own locks.
	return WEXITSTATUS(status);
}

int main(void)
{
	struct flock mine = { .l_type = F_WRLCK, .l_start = 5, .l_len = 10 },
		     file = { .l_type = F_RDLCK, .l_start = 100 };
	int a = open("a", O_RDWR | O_CREAT, 0600);
	int b = open("b", O_RDWR | O_CREAT, 0600);
	int c = open("c", O_RDWR | O_CREAT, 0600);
	int d = open("d", O_RDWR | O_CREAT, 0600);
	close(d);
	d = open("d", O_RDONLY);
	must(a >= 0 && b >= 0 && c >= 0 && d >= 0);
	must(!fcntl(a, F_SETLK, &mine) && !fcntl(c, F_OFD_SETLK, &file));
	must(!flock(b, LOCK_SH) && !fcntl(d, F_SETLEASE, F_RDLCK));
	ready();
	expect(in_the_way("a", F_GETLK, 0, 5) == F_UNLCK);
	expect(in_the_way("a", F_GETLK, 14, 1) == F_WRLCK);
	expect(in_the_way("a", F_GETLK, 15, 0) == F_UNLCK);
	expect(in_the_way("c", F_OFD_GETLK, 0, 100) == F_UNLCK);
	expect(in_the_way("c", F_OFD_GETLK, 1000, 1) == F_RDLCK);
	int other = open("b", O_RDWR);
	expect(flock(other, LOCK_SH | LOCK_NB) == 0);
	expect(flock(other, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	expect(fcntl(d, F_GETLEASE) == F_RDLCK);
	return done();
}
