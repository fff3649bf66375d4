// SPDX-License-Identifier: MIT
// Actions, mask, alternate stack, and pending signals with what they carry;
// SIGTRAP has a handler, which single-stepping must not undo. (Being dumped does,
// where it is blocked or ignored.)
#include <signal.h>
#include <sys/syscall.h>

#include "subject.h"

static int nr_usr1, value, shared_value, on_stack;
static char stack[65536];

static void on_usr1(int signo, siginfo_t *info, void *context)
{
	char here;
	nr_usr1++;
	on_stack = &here >= stack && &here < stack + sizeof(stack);
	value = info->si_value.sival_int;
}

static void on_trap(int signo)
{
}

static void on_rt(int signo, siginfo_t *info, void *context)
{
	shared_value = shared_value * 10 + info->si_value.sival_int;
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = on_usr1,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART },
			 now;
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	sigset_t mask, pending;
	sigaddset(&a.sa_mask, SIGHUP);
	sigaltstack(&alt, NULL);
	sigaction(SIGUSR1, &a, NULL);
	a.sa_sigaction = on_rt;
	sigaction(SIGRTMIN + 3, &a, NULL);
	signal(SIGTRAP, on_trap);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGRTMIN + 3);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	siginfo_t info = { .si_code = SI_QUEUE };
	info.si_value.sival_int = 55;
	must(!syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
	for (int i = 1; i < 4; i++)
		sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ i });
	ready();
	sigaction(SIGTRAP, NULL, &now);
	expect(now.sa_handler == on_trap);
	sigaction(SIGPIPE, NULL, &now);
	expect(now.sa_handler == SIG_IGN);
	sigaction(SIGUSR1, NULL, &now);
	expect(now.sa_sigaction == on_usr1 && sigismember(&now.sa_mask, SIGHUP) &&
	       (now.sa_flags & ~0x04000000) ==
		       (SA_SIGINFO | SA_ONSTACK | SA_RESTART));
	sigprocmask(SIG_SETMASK, NULL, &now.sa_mask);
	expect(sigismember(&now.sa_mask, SIGUSR1) &&
	       !sigismember(&now.sa_mask, SIGTRAP) &&
	       !sigismember(&now.sa_mask, SIGHUP));
	sigpending(&pending);
	expect(sigismember(&pending, SIGUSR1) && nr_usr1 == 0);
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	expect(nr_usr1 == 1 && value == 55 && on_stack);
	expect(shared_value == 123);
	return done();
}
