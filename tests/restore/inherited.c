// SPDX-License-Identifier: MIT
// Open files that two processes have, under other numbers: the same file, its
// events, its position, its flags; and an epoll file that watches an epoll file.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "subject.h"

static int ready_now(int epoll)
{
	struct epoll_event e[4];
	return epoll_wait(epoll, e, 4, 0);
}

int main(void)
{
	struct itimerspec t = { .it_value = { 500, 0 }, .it_interval = { 3, 0 } };
	struct epoll_event e = { .events = EPOLLIN };
	int status = -1, p[2];
	uint64_t value;
	int event = eventfd(5, EFD_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	int inner = epoll_create1(0), outer = epoll_create1(0);
	int file = open("file", O_RDWR | O_CREAT, 0600);
	int mem = memfd_create("memory", 0);
	must(mem >= 0 && !fcntl(mem, F_SETFL, O_NONBLOCK | O_NOATIME));
	must(!pipe(p) && file >= 0 && write(file, "abcdef", 6) == 6);
	must(!timerfd_settime(timer, 0, &t, NULL));
	must(!epoll_ctl(inner, EPOLL_CTL_ADD, event, &e));
	must(!epoll_ctl(outer, EPOLL_CTL_ADD, inner, &e));
	pid_t pid = fork();
	if (!pid) {
		// Under other numbers, and without what is watched.
		int moved = dup2(inner, 90);
		close(inner);
		close(event);
		close(p[1]);
		wait_for_go();
		if (read(p[0], &value, 1) != 1)
			_exit(1);
		int ok = ready_now(moved) == 0 && ready_now(outer) == 0 &&
			 lseek(file, 0, SEEK_CUR) == 2 &&
			 !timerfd_gettime(timer, &t) &&
			 t.it_interval.tv_sec == 3 && t.it_value.tv_sec > 400;
		lseek(file, 4, SEEK_SET);
		_exit(ok ? 44 : 2);
	}
	close(p[0]);
	usleep(50000);
	ready();
	expect(ready_now(inner) == 1 && ready_now(outer) == 1);
	expect(read(event, &value, 8) == 8 && value == 5);
	expect(ready_now(inner) == 0);
	expect((fcntl(mem, F_GETFL) & (O_NONBLOCK | O_NOATIME)) ==
	       (O_NONBLOCK | O_NOATIME));
	expect(lseek(file, 2, SEEK_SET) == 2);
	expect(write(p[1], "x", 1) == 1);
	expect(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 44);
	expect(lseek(file, 0, SEEK_CUR) == 4);
	return done();
}
