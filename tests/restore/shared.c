// SPDX-License-Identifier: MIT
// Shared anonymous memory and a memfd between parent and child; the parent's
// memory is its own.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "subject.h"

#define SIZE (5 << 20)

int main(void)
{
	int prot = PROT_READ | PROT_WRITE, status = -1;
	volatile char *anon =
		mmap(NULL, SIZE, prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("memory", MFD_ALLOW_SEALING);
	static volatile int mine = 1;
	must(anon != MAP_FAILED && fd >= 0 && !ftruncate(fd, 10000));
	volatile char *file = mmap(NULL, 10000, prot, MAP_SHARED, fd, 0);
	must(file != MAP_FAILED);
	must(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	anon[SIZE - 1] = 'a';
	file[9999] = 'f';
	lseek(fd, 77, SEEK_SET);
	pid_t pid = fork();
	if (!pid) {
		mine = 2;
		wait_for_go();
		while (anon[0] != 1)
			usleep(1000);
		if (anon[SIZE - 1] != 'a' || file[9999] != 'f' || mine != 2)
			_exit(1);
		anon[1] = 2;
		file[1] = 3;
		lseek(fd, 88, SEEK_SET);
		_exit(42);
	}
	usleep(50000);
	ready();
	expect(lseek(fd, 0, SEEK_CUR) == 77);
	expect(fcntl(fd, F_GET_SEALS) == F_SEAL_SHRINK);
	anon[0] = 1;
	expect(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 42);
	expect(anon[1] == 2 && file[1] == 3 && mine == 1);
	expect(lseek(fd, 0, SEEK_CUR) == 88);
	expect(!ftruncate(fd, 20000));
	expect(ftruncate(fd, 10) && errno == EPERM);
	return done();
}
