// SPDX-License-Identifier: MIT
// Timers of setitimer(2) and timer_create(2): ids with holes between them, time
// left, intervals, the thread that is notified, and one that is not armed.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "subject.h"

static volatile int tid, got_tid, got_value, nr_alarms, stop;

static void on_alarm(int signo)
{
	nr_alarms++;
}

static void on_timer(int signo, siginfo_t *info, void *context)
{
	got_value = info->si_value.sival_int;
	got_tid = (int)syscall(SYS_gettid);
}

static void *run(void *arg)
{
	tid = (int)syscall(SYS_gettid);
	while (!stop)
		usleep(1000);
	return NULL;
}

static int create(clockid_t clock, int notify, int signo, int value)
{
	int id = -1;
	struct sigevent e = { .sigev_notify = notify, .sigev_signo = signo };
	e.sigev_value.sival_int = value;
	e._sigev_un._tid = tid;
	must(!syscall(SYS_timer_create, clock, &e, &id));
	return id;
}

static double left(int id, double *interval)
{
	struct itimerspec t = { 0 };
	if (syscall(SYS_timer_gettime, id, &t))
		return -1;
	*interval = (double)t.it_interval.tv_sec + t.it_interval.tv_nsec / 1e9;
	return (double)t.it_value.tv_sec + t.it_value.tv_nsec / 1e9;
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO };
	// They go off when it has been restored and looked at.
	struct itimerval real = { { 0, 20000 }, { 2, 0 } }, is,
			 prof = { { 3, 4 }, { 1000, 0 } };
	struct itimerspec soon = { { 0, 30000000 }, { 2, 0 } },
			  later = { { 7, 8 }, { 1000, 5 } };
	pthread_t thread;
	double interval = 0, t;
	int ids[4];
	pthread_create(&thread, NULL, run, NULL);
	while (!tid)
		usleep(1000);
	signal(SIGALRM, on_alarm);
	sigaction(SIGRTMIN + 2, &a, NULL);
	for (int i = 0; i < 3; i++)
		must(!syscall(SYS_timer_delete, create(CLOCK_MONOTONIC, SIGEV_NONE,
						       0, 0)));
	ids[0] = create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN + 2, 77);
	must(!syscall(SYS_timer_delete,
		      create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0)));
	ids[1] = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR2, 0);
	ids[2] = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR2, 0);
	ids[3] = create(CLOCK_BOOTTIME, SIGEV_NONE, 0, 0);
	must(!syscall(SYS_timer_settime, ids[0], 0, &soon, NULL));
	must(!syscall(SYS_timer_settime, ids[1], 0, &later, NULL));
	must(!syscall(SYS_timer_settime, ids[2], 0, &later, NULL));
	must(!setitimer(ITIMER_REAL, &real, NULL));
	must(!setitimer(ITIMER_PROF, &prof, NULL));
	ready();
	nr_alarms = got_value = got_tid = 0;
	for (int i = 0; i < 5000 && (nr_alarms < 3 || !got_tid); i++)
		usleep(1000);
	expect(nr_alarms >= 3);
	expect(got_value == 77 && got_tid == tid);
	t = left(ids[1], &interval);
	expect(t > 800 && t < 1000.1 && interval == 7.000000008);
	t = left(ids[2], &interval);
	expect(t > 900 && t < 1000.1 && interval == 7.000000008);
	expect(left(ids[3], &interval) == 0);
	expect(left(ids[0] - 1, &interval) == -1);
	expect(!getitimer(ITIMER_PROF, &is) && is.it_interval.tv_sec == 3 &&
	       is.it_value.tv_sec > 900);
	expect(!getitimer(ITIMER_VIRTUAL, &is) && !is.it_value.tv_sec);
	// A new one gets an id of its own.
	int id = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	expect(id > ids[3]);
	stop = 1;
	pthread_join(thread, NULL);
	return done();
}
