// SPDX-License-Identifier: MIT
// Seccomp filters of one thread and not of the other, which has none and still
// has privileges.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "subject.h"

static volatile int is_up, go_on, thread_ok;

static void *run(void *arg)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };
	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		      SECCOMP_FILTER_FLAG_LOG, &program));
	is_up = 1;
	while (!go_on)
		usleep(1000);
	thread_ok = syscall(SYS_getppid) < 0 && errno == 77 &&
		    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	return NULL;
}

int main(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, run, NULL);
	while (!is_up)
		usleep(1000);
	ready();
	expect(syscall(SYS_getppid) >= 0);
	expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	go_on = 1;
	pthread_join(thread, NULL);
	expect(thread_ok);
	return done();
}
