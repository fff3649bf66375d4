// SPDX-License-Identifier: MIT
// Two seccomp filters, the same for all threads, one of which forbids a call that
// restoring needs.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "subject.h"

static volatile int is_up, go_on, thread_ok;

// A call fails with an error of its own.
static int forbid(unsigned call, unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_TSYNC, &program);
}

static int fails(long call, int error)
{
	return syscall(call, 0, 0, 0) < 0 && errno == error;
}

static void *run(void *arg)
{
	is_up = 1;
	while (!go_on)
		usleep(1000);
	thread_ok = fails(SYS_getppid, 77) && fails(SYS_munmap, 78) &&
		    fails(SYS_getpgid, 79);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, run, NULL);
	while (!is_up)
		usleep(1000);
	must(!forbid(SYS_getppid, 77) && !forbid(SYS_munmap, 78));
	ready();
	expect(fails(SYS_getppid, 77));
	expect(fails(SYS_munmap, 78));
	expect(syscall(SYS_getpgid, 0) >= 0);
	expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	// The threads follow, as their filters are the same.
	expect(forbid(SYS_getpgid, 79) == 0);
	go_on = 1;
	pthread_join(thread, NULL);
	expect(thread_ok);
	return done();
}
