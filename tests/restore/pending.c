// SPDX-License-Identifier: MIT
// Signals that are pending for a thread, with what they carry: sent by another
// thread, by a timer, and by the kernel; and one that is pending for all.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "subject.h"

static volatile int tid, go_on, thread_ok;
static sigset_t mask;

static int next(int signo, siginfo_t *info)
{
	struct timespec none = { 0 };
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signo);
	memset(info, 0, sizeof(*info));
	return sigtimedwait(&set, info, &none);
}

static void *run(void *arg)
{
	siginfo_t info;
	int ok = 1;
	tid = (int)syscall(SYS_gettid);
	while (!go_on)
		usleep(1000);
	for (int i = 1; i < 4; i++)
		ok &= next(SIGRTMIN + 5, &info) == SIGRTMIN + 5 &&
		      info.si_value.sival_int == i && info.si_code == SI_QUEUE &&
		      info.si_pid == getpid();
	ok &= next(SIGRTMIN + 5, &info) < 0;
	ok &= next(SIGRTMIN + 6, &info) == SIGRTMIN + 6 &&
	      info.si_code == SI_TIMER && info.si_value.sival_int == 66;
	thread_ok = ok;
	return NULL;
}

int main(void)
{
	pthread_t thread;
	siginfo_t info = { .si_code = SI_QUEUE, .si_pid = getpid() };
	struct sigevent e = { .sigev_notify = SIGEV_THREAD_ID,
			      .sigev_signo = SIGRTMIN + 6 };
	struct itimerspec soon = { .it_value = { 0, 1000 } };
	struct f_owner_ex owner = { F_OWNER_PID, getpid() };
	int p[2], id;
	for (int i = 5; i < 8; i++)
		sigaddset(&mask, SIGRTMIN + i);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	pthread_create(&thread, NULL, run, NULL);
	while (!tid)
		usleep(1000);
	for (int i = 1; i < 4; i++) {
		info.si_value.sival_int = i;
		must(!syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGRTMIN + 5,
			      &info));
	}
	e.sigev_value.sival_int = 66;
	e._sigev_un._tid = tid;
	must(!syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
	must(!syscall(SYS_timer_settime, id, 0, &soon, NULL));
	must(!pipe(p) && !fcntl(p[0], F_SETOWN_EX, &owner));
	must(!fcntl(p[0], F_SETSIG, SIGRTMIN + 7));
	must(!fcntl(p[0], F_SETFL, O_ASYNC) && write(p[1], "x", 1) == 1);
	must(!kill(getpid(), SIGUSR2));
	usleep(20000);
	ready();
	expect(next(SIGRTMIN + 5, &info) < 0 && next(SIGRTMIN + 6, &info) < 0);
	expect(next(SIGRTMIN + 7, &info) == SIGRTMIN + 7 &&
	       info.si_fd == p[0] && info.si_code == 1 /* POLL_IN */);
	expect(next(SIGRTMIN + 7, &info) < 0);
	expect(next(SIGUSR2, &info) == SIGUSR2 && info.si_code == SI_USER &&
	       info.si_pid == getpid());
	go_on = 1;
	pthread_join(thread, NULL);
	expect(thread_ok);
	return done();
}
