// SPDX-License-Identifier: MIT
// User, groups and capabilities, and limits. Where CRIU cannot dump a process of
// another user, creds.edit changes the image instead.
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "subject.h"

static struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3 };

int main(void)
{
	gid_t groups[] = { 7, 18943 }, now[8];
	struct rlimit limit = { 300, 400 }, soft;
	struct __user_cap_data_struct data[2] = { { 0 } }, got[2];
	uid_t r, e, s;
	data[0].permitted = 1 << CAP_NET_RAW | 1 << CAP_SYS_PTRACE;
	data[0].effective = 1 << CAP_SYS_PTRACE;
	data[0].inheritable = 1 << CAP_NET_RAW;
	must(!setrlimit(RLIMIT_NOFILE, &limit));
	must(!prctl(PR_CAPBSET_DROP, CAP_MKNOD, 0, 0, 0));
	must(!prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS));
	must(!setgroups(2, groups));
	must(!syscall(SYS_capset, &header, data));
	prctl(PR_SET_DUMPABLE, 1);
	ready();
	expect(!getresuid(&r, &e, &s) && r == 18943 && e == 18943 && s == 18944);
	expect(!getresgid(&r, &e, &s) && r == 18943 && e == 58467 && s == 7);
	expect(getgroups(8, now) == 2 && now[0] == 7 && now[1] == 18943);
	expect(!syscall(SYS_capget, &header, got) &&
	       !memcmp(got, data, sizeof(data)));
	expect(prctl(PR_CAPBSET_READ, CAP_MKNOD, 0, 0, 0) == 0);
	expect(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0) == 1);
	expect(prctl(PR_GET_SECUREBITS) == (SECBIT_NOROOT | SECBIT_KEEP_CAPS));
	expect(prctl(PR_GET_DUMPABLE) == 1);
	expect(!getrlimit(RLIMIT_NOFILE, &soft) && soft.rlim_cur == 300 &&
	       soft.rlim_max == 400);
	return done();
}
