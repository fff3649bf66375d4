// SPDX-License-Identifier: MIT
//
// A program with mounts of its own, to be dumped, edited and restored: edit-mounts
// DIR. DIR, with this program and the folders proc, before and after, is its root; a
// tmpfs with a file is at /before. At each SIGUSR1 it writes to /report where that is now.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static void settle(const char *dir)
{
	must(!unshare(CLONE_NEWNS), "unshare");
	must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	must(!mount(dir, dir, NULL, MS_BIND, NULL) && !chdir(dir), dir);
	must(!syscall(SYS_pivot_root, ".", ".") && !umount2(".", MNT_DETACH) &&
		     !chdir("/"),
	     "pivot_root");
	must(!mount("proc", "/proc", "proc", 0, NULL), "/proc");
	must(!mount("source", "/before", "tmpfs", 0, "size=64k"), "/before");
	int fd = open("/before/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, "kept\n", 5) == 5 && !close(fd), "file");
}

/* Lines of a file that have a text. */
static void put_lines(FILE *out, const char *path, const char *text)
{
	char line[4096];
	FILE *in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in))
		if (strstr(line, text))
			fprintf(out, "%s: %s", path, line);
	if (in)
		fclose(in);
}

static void report(void)
{
	FILE *out = fopen("/report.new", "w");
	must(out != NULL, "report.new");
	fprintf(out, "pid %ld\n", syscall(SYS_getpid));
	put_lines(out, "/proc/self/mounts", "tmpfs");
	put_lines(out, "/before/file", "");
	put_lines(out, "/after/file", "");
	fclose(out);
	must(!rename("/report.new", "/report"), "report");
}

int main(int argc, char **argv)
{
	sigset_t set;
	int sig;
	if (argc == 2) {
		settle(argv[1]);
		execl("/edit-mounts", "edit-mounts", NULL);
		must(0, "/edit-mounts");
	}
	/* What was handed on belongs to other mounts. */
	close_range(0, ~0u, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;) {
		report();
		sigwait(&set, &sig);
	}
}
