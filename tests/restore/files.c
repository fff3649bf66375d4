// SPDX-License-Identifier: MIT
// Descriptors of regular files: offsets, flags, two numbers of one open file, a
// high number, working directory and umask.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "subject.h"

int main(void)
{
	char text[PATH_MAX] = "", here[PATH_MAX];
	int a = open("a", O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	must(a >= 0 && write(a, "0123456789", 10) == 10);
	int b = dup(a), high = fcntl(a, F_DUPFD, 500);
	int c = open("a", O_RDONLY | O_NONBLOCK);
	must(b >= 0 && high >= 500 && c >= 0 && lseek(c, 3, SEEK_SET) == 3);
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	must(dir >= 0 && getcwd(here, sizeof(here)));
	umask(027);
	ready();
	expect(umask(0) == 027);
	expect(getcwd(text, sizeof(text)) && !strcmp(text, here));
	expect(fcntl(a, F_GETFD) == FD_CLOEXEC && !fcntl(b, F_GETFD));
	expect((fcntl(a, F_GETFL) & (O_APPEND | O_ACCMODE)) ==
	       (O_APPEND | O_RDWR));
	expect(fcntl(c, F_GETFL) & O_NONBLOCK);
	expect(lseek(a, 4, SEEK_SET) == 4 && lseek(b, 0, SEEK_CUR) == 4 &&
	       lseek(high, 0, SEEK_CUR) == 4);
	expect(read(c, text, 3) == 3 && !memcmp(text, "345", 3));
	expect(!faccessat(dir, "a", R_OK, 0));
	int lowest = open("a", O_RDONLY);
	expect(lowest == dir + 1);
	return done();
}
