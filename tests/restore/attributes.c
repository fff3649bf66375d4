// SPDX-License-Identifier: MIT
// Scheduling, timer slack, scores, and what else belongs to a process or thread.
// CRIU 4.2 does not save timer slack: attributes.edit adds it.
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "subject.h"

static volatile int is_up, go_on, thread_ok;

static void *run(void *arg)
{
	struct sched_param p = { 0 };
	pid_t tid = (pid_t)syscall(SYS_gettid);
	must(!setpriority(PRIO_PROCESS, (id_t)tid, 15));
	prctl(PR_SET_TIMERSLACK, 77777);
	p.sched_priority = 0;
	must(!sched_setscheduler(0, SCHED_BATCH, &p));
	is_up = 1;
	while (!go_on)
		usleep(1000);
	thread_ok = getpriority(PRIO_PROCESS, (id_t)tid) == 15 &&
		    prctl(PR_GET_TIMERSLACK) == 77777 &&
		    sched_getscheduler(0) == SCHED_BATCH;
	return NULL;
}

static long number(const char *path)
{
	long value = -1;
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%ld", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

int main(void)
{
	pthread_t thread;
	int command = MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, is = 0;
	FILE *f = fopen("/proc/self/oom_score_adj", "w");
	must(f && fprintf(f, "500") > 0 && !fclose(f));
	must(!syscall(SYS_membarrier, command, 0, 0));
	must(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	must(!prctl(PR_SET_TIMERSLACK, 77777));
	must(!prctl(PR_SET_PDEATHSIG, SIGWINCH));
	must(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	must(personality(ADDR_NO_RANDOMIZE | SHORT_INODE) >= 0);
	must(!prctl(PR_SET_DUMPABLE, 0));
	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(!setpriority(PRIO_PROCESS, 0, 3));
	pthread_create(&thread, NULL, run, NULL);
	while (!is_up)
		usleep(1000);
	long login = number("/proc/self/loginuid");
	ready();
	expect(number("/proc/self/oom_score_adj") == 500);
	expect(number("/proc/self/loginuid") == login);
	expect(getpriority(PRIO_PROCESS, 0) == 3);
	expect(sched_getscheduler(0) == SCHED_OTHER);
	expect(prctl(PR_GET_TIMERSLACK) == 77777);
	expect(!prctl(PR_GET_CHILD_SUBREAPER, &is) && is == 1);
	expect(!prctl(PR_GET_PDEATHSIG, &is) && is == SIGWINCH);
	expect(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1);
	expect(personality(0xffffffff) == (ADDR_NO_RANDOMIZE | SHORT_INODE));
	expect(prctl(PR_GET_DUMPABLE) == 0);
	expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	expect(!syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	expect(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0,
		       0) < 0);
	go_on = 1;
	pthread_join(thread, NULL);
	expect(thread_ok);
	return done();
}
