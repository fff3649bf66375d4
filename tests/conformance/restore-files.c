// SPDX-License-Identifier: MIT
// For restore-files.sh: reads from a pipe and a file when it has been restored.
#include <fcntl.h>

#include "../restore/subject.h"

int main(void)
{
	char a[100] = "", b[100] = "";
	int fd = open("data", O_RDONLY);
	must(fd >= 0 && read(fd, b, 3) == 3);
	ready();
	expect(read(0, a, sizeof(a) - 1) >= 0);
	expect(read(fd, b, sizeof(b) - 1) >= 0);
	printf("%s %s\n", a, b);
	return done();
}
