// SPDX-License-Identifier: MIT
// eventfd, signalfd, timerfd and epoll, which watches them all.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "subject.h"

static int epoll;

static void watch(int fd, uint64_t data, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u64 = data };
	must(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
}

// What is ready, a bit for each word of data.
static uint64_t events(int timeout)
{
	struct epoll_event e[16];
	uint64_t all = 0;
	int n = epoll_wait(epoll, e, 16, timeout);
	for (int i = 0; i < n; i++)
		all |= e[i].data.u64;
	return all;
}

static double seconds(struct timespec t)
{
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void)
{
	uint64_t value = 0;
	struct signalfd_siginfo info = { 0 };
	struct itimerspec soon = { .it_value = { 0, 1000000 } },
			  later = { .it_value = { 1000, 5 }, .it_interval = { 7, 8 } },
			  at, is;
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	int big = eventfd(0, EFD_NONBLOCK), empty = eventfd(0, 0);
	int sig = signalfd(-1, &mask, SFD_NONBLOCK);
	int past = timerfd_create(CLOCK_MONOTONIC, 0);
	int future = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	int idle = timerfd_create(CLOCK_MONOTONIC, 0);
	int point = timerfd_create(CLOCK_MONOTONIC, 0);
	must(epoll >= 0 && big >= 0 && sig >= 0 && point >= 0);
	must(!eventfd_write(big, 0x123456789abcdef0));
	must(!timerfd_settime(past, 0, &soon, NULL));
	must(!timerfd_settime(future, 0, &later, NULL));
	clock_gettime(CLOCK_MONOTONIC, &at.it_value);
	at.it_value.tv_sec += 500;
	at.it_interval = (struct timespec){ 0 };
	must(!timerfd_settime(point, TFD_TIMER_ABSTIME, &at, NULL));
	watch(big, 1, EPOLLIN);
	watch(empty, 2, EPOLLIN | EPOLLET);
	watch(sig, 4, EPOLLIN);
	watch(past, 8, EPOLLIN);
	watch(future, 0x8000000000000000, EPOLLIN);
	usleep(20000);
	ready();
	expect(events(0) == (1 | 8));
	kill(getpid(), SIGUSR1);
	expect(events(0) == (1 | 4 | 8));
	expect(read(sig, &info, sizeof(info)) == sizeof(info) &&
	       info.ssi_signo == SIGUSR1);
	expect(read(sig, &info, sizeof(info)) < 0 && errno == EAGAIN);
	expect(read(big, &value, 8) == 8 && value == 0x123456789abcdef0);
	expect(read(big, &value, 8) < 0 && errno == EAGAIN);
	expect(read(past, &value, 8) == 8 && value == 1);
	expect(events(0) == 0);
	expect(!timerfd_gettime(past, &is) && seconds(is.it_value) == 0);
	expect(!timerfd_gettime(idle, &is) && seconds(is.it_value) == 0);
	expect(!timerfd_gettime(future, &is) && is.it_interval.tv_sec == 7 &&
	       is.it_interval.tv_nsec == 8);
	expect(seconds(is.it_value) > 900 && seconds(is.it_value) < 1000.1);
	expect(!timerfd_gettime(point, &is) && seconds(is.it_value) > 400 &&
	       seconds(is.it_value) < 500.1);
	expect(fcntl(future, F_GETFL) & O_NONBLOCK);
	expect(!(fcntl(past, F_GETFL) & O_NONBLOCK));
	expect(!eventfd_write(empty, 3) && events(0) == 2);
	return done();
}
