// SPDX-License-Identifier: MIT
// Character devices, a directory in the middle of being read, O_PATH, and the
// owner of a file that sends signals. devices.edit makes another user of who has
// chosen the owner, where CRIU cannot dump a process of one.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "subject.h"

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17 // <asm-generic/fcntl.h>
#endif

static volatile sig_atomic_t nr, from;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	nr++;
	from = info->si_fd;
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct f_owner_ex owner = { F_OWNER_PID, getpid() }, is = { 0 };
	struct stat st;
	char bytes[4] = "aaa";
	int p[2], nr_names = 0;
	uid_t uids[2] = { 0 };
	sigaction(SIGRTMIN + 1, &a, NULL);
	int null = open("/dev/null", O_WRONLY | O_APPEND);
	int zero = open("/dev/zero", O_RDWR | O_NONBLOCK);
	int random = open("/dev/urandom", O_RDONLY);
	must(!symlink("/etc/passwd", "link"));
	int path = open("link", O_PATH);
	int link = open("link", O_PATH | O_NOFOLLOW);
	must(null >= 0 && zero >= 0 && random >= 0 && path >= 0 && link >= 0);
	must(!mkdir("d", 0700));
	for (int i = 0; i < 5; i++) {
		snprintf(bytes, sizeof(bytes), "d/%d", i);
		must(close(open(bytes, O_CREAT | O_WRONLY, 0600)) == 0);
	}
	int dir = open("d", O_RDONLY | O_DIRECTORY);
	must(!pipe(p) && !fcntl(p[0], F_SETOWN_EX, &owner));
	must(!fcntl(p[0], F_SETSIG, SIGRTMIN + 1));
	must(!fcntl(p[0], F_SETFL, O_ASYNC));
	ready();
	expect(write(null, "x", 1) == 1 && (fcntl(null, F_GETFL) & O_APPEND));
	expect(read(zero, bytes, 3) == 3 && !bytes[0] && !bytes[2]);
	expect(fcntl(zero, F_GETFL) & O_NONBLOCK);
	expect(read(random, bytes, 4) == 4);
	expect(!fstat(path, &st) && S_ISREG(st.st_mode));
	expect(!fstat(link, &st) && S_ISLNK(st.st_mode));
	expect(read(path, bytes, 1) < 0 && errno == EBADF);
	DIR *d = fdopendir(dir);
	while (d && readdir(d))
		nr_names++;
	expect(nr_names == 7);
	expect(!fcntl(p[0], F_GETOWN_EX, &is) && is.type == F_OWNER_PID &&
	       is.pid == getpid());
	expect(!fcntl(p[0], F_GETOWNER_UIDS, uids) && uids[0] == 18943 &&
	       uids[1] == 58467);
	expect(fcntl(p[0], F_GETSIG) == SIGRTMIN + 1);
	expect(fcntl(p[0], F_GETFL) & O_ASYNC);
	expect(nr == 0);
	// That user may not send us a signal.
	expect(write(p[1], "x", 1) == 1);
	usleep(1000);
	expect(nr == 0);
	expect(!fcntl(p[0], F_SETOWN_EX, &owner));
	expect(write(p[1], "x", 1) == 1);
	usleep(1000);
	expect(nr == 1 && from == p[0]);
	return done();
}
