// SPDX-License-Identifier: MIT
// A tree: a child in a session of its own with a child in that, one in a group of
// its own that another has joined, a zombie, and one that is stopped.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "subject.h"

enum { LEADER, GRANDCHILD, GROUP, MEMBER, STOPPED, NR };

static struct {
	pid_t pid[NR];
	volatile int ok[NR], up[NR];
} *all;

static volatile int nr_deaths;

static pid_t zombie, killed;

// Those who died before are not to die again.
static void on_death(int signo, siginfo_t *info, void *context)
{
	nr_deaths += info->si_pid == zombie || info->si_pid == killed;
}

static void child(int i, pid_t parent, pid_t pgid, pid_t sid)
{
	all->up[i] = 1;
	wait_for_go();
	all->ok[i] = getpid() == all->pid[i] && getppid() == parent &&
		     getpgrp() == pgid && getsid(0) == sid;
	_exit(i);
}

static void leader(void)
{
	setsid();
	pid_t me = getpid(), pid = fork();
	if (!pid) {
		all->pid[GRANDCHILD] = getpid();
		child(GRANDCHILD, me, me, me);
	}
	all->up[LEADER] = 1;
	wait_for_go();
	int status = -1;
	waitpid(pid, &status, 0);
	all->ok[LEADER] = WEXITSTATUS(status) == GRANDCHILD &&
			  getsid(0) == me && getppid() == 1 * getppid();
	_exit(LEADER);
}

int main(void)
{
	int status = -1;
	all = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(all != MAP_FAILED);
	pid_t me = getpid(), sid = getsid(0);
	setpgid(0, 0);
	for (int i = 0; i < NR; i++) {
		if (i == GRANDCHILD)
			continue;
		pid_t pid = fork();
		if (pid) {
			all->pid[i] = pid;
			if (i == GROUP || i == MEMBER)
				setpgid(pid, all->pid[GROUP]);
			continue;
		}
		all->pid[i] = getpid();
		if (i == LEADER)
			leader();
		while (i == MEMBER && getpgrp() == me)
			usleep(1000);
		child(i, me,
		      i == GROUP || i == MEMBER ? all->pid[GROUP] : getpgrp(),
		      sid);
	}
	zombie = fork();
	if (!zombie)
		_exit(33);
	killed = fork();
	if (!killed) {
		kill(getpid(), SIGTERM);
		_exit(1);
	}
	for (int i = 0; i < NR; i++)
		while (!all->up[i])
			usleep(1000);
	kill(all->pid[STOPPED], SIGSTOP);
	usleep(50000);
	struct sigaction action = { .sa_sigaction = on_death,
				    .sa_flags = SA_NOCLDSTOP | SA_RESTART | SA_SIGINFO };
	siginfo_t info;
	must(!waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT));
	must(!waitid(P_PID, (id_t)killed, &info, WEXITED | WNOWAIT));
	sigaction(SIGCHLD, &action, NULL);
	ready();
	expect(!nr_deaths);
	expect(waitpid(killed, &status, WNOHANG) == killed &&
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	expect(waitpid(zombie, &status, WNOHANG) == zombie &&
	       WEXITSTATUS(status) == 33);
	usleep(100000);
	expect(!all->ok[STOPPED]);
	kill(all->pid[STOPPED], SIGCONT);
	for (int i = 0; i < NR; i++) {
		if (i != GRANDCHILD)
			expect(waitpid(all->pid[i], &status, 0) == all->pid[i] &&
			       WEXITSTATUS(status) == i);
		expect(all->ok[i]);
	}
	return done();
}
