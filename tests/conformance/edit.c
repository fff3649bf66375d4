// SPDX-License-Identifier: MIT
//
// A program to be dumped, edited and restored: edit DIR PORT. It stands in DIR,
// has DIR/data open and mapped, listens on a port, to which it is connected
// itself, and on DIR/socket; and at each SIGUSR1 writes to DIR/report what it sees of itself.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static void put_link(FILE *out, const char *name, const char *link)
{
	char text[4096];
	ssize_t n = readlink(link, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = 0;
	fprintf(out, "%s %s\n", name, text);
}

/* Both ends of the connection, and whether what is sent arrives. */
static void put_connection(FILE *out, int here, int there)
{
	struct sockaddr_in in;
	socklen_t size = sizeof(in);
	char byte = 'x';
	if (getpeername(here, (struct sockaddr *)&in, &size)) {
		fprintf(out, "peer %s\n", strerror(errno));
		return;
	}
	bool good = send(here, &byte, 1, MSG_NOSIGNAL) == 1 &&
		    recv(there, &byte, 1, 0) == 1;
	fprintf(out, "peer %s:%u %s\n", inet_ntoa(in.sin_addr),
		ntohs(in.sin_port), good ? "hears" : "is deaf");
}

static void put_sockets(FILE *out, int tcp, int un)
{
	struct sockaddr_in in;
	struct sockaddr_un name = { 0 };
	socklen_t size = sizeof(in);
	getsockname(tcp, (struct sockaddr *)&in, &size);
	fprintf(out, "listens %s:%u\n", inet_ntoa(in.sin_addr),
		ntohs(in.sin_port));
	size = sizeof(name) - 1;
	getsockname(un, (struct sockaddr *)&name, &size);
	fprintf(out, "socket %s\n", name.sun_path);
}

static void put_limit(FILE *out)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	fprintf(out, "files %llu %llu\n", (unsigned long long)limit.rlim_cur,
		(unsigned long long)limit.rlim_max);
}

static void put_credentials(FILE *out)
{
	gid_t groups[64];
	uid_t id[3];
	int nr = getgroups(64, groups);
	getresuid(&id[0], &id[1], &id[2]);
	fprintf(out, "uid %u %u %u\n", id[0], id[1], id[2]);
	getresgid(&id[0], &id[1], &id[2]);
	fprintf(out, "gid %u %u %u\n", id[0], id[1], id[2]);
	fprintf(out, "groups");
	for (int i = 0; i < nr; i++)
		fprintf(out, " %u", groups[i]);
	fprintf(out, "\n");
}

/* Lines of a file of /proc/self that have a text. */
static void put_lines(FILE *out, const char *name, const char *path,
		      const char *text)
{
	char line[4096];
	FILE *in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in))
		if (strstr(line, text))
			fprintf(out, "%s %s", name, line);
	if (in)
		fclose(in);
}

static void report(int data, int tcp, int un, const int *pair)
{
	char text[256] = { 0 };
	FILE *out = fopen("report.new", "w");
	must(out != NULL, "report.new");
	put_link(out, "cwd", "/proc/self/cwd");
	snprintf(text, sizeof(text), "/proc/self/fd/%d", data);
	put_link(out, "data", text);
	put_sockets(out, tcp, un);
	put_connection(out, pair[0], pair[1]);
	fprintf(out, "env %s\n", getenv("GREETING") ?: "nothing");
	prctl(PR_GET_NAME, text);
	fprintf(out, "name %s\n", text);
	fprintf(out, "pid %ld %ld %d\n", syscall(SYS_getpid),
		syscall(SYS_gettid), getsid(0));
	gethostname(text, sizeof(text));
	fprintf(out, "host %s\n", text);
	put_limit(out);
	put_credentials(out);
	put_lines(out, "group", "/proc/self/cgroup", "/critter-");
	fclose(out);
	must(!rename("report.new", "report"), "report");
}

static int listen_tcp(int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(!bind(fd, (struct sockaddr *)&in, sizeof(in)), "bind");
	must(!listen(fd, 4), "listen");
	return fd;
}

static void connect_self(int listener, int pair[2])
{
	struct sockaddr_in in;
	socklen_t size = sizeof(in);
	getsockname(listener, (struct sockaddr *)&in, &size);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	must(!connect(pair[0], (struct sockaddr *)&in, size), "connect");
	pair[1] = accept(listener, NULL, NULL);
	must(pair[1] >= 0, "accept");
}

static int listen_unix(const char *dir)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", dir);
	unlink(name.sun_path);
	must(!bind(fd, (struct sockaddr *)&name, sizeof(name)), name.sun_path);
	must(!listen(fd, 4), "listen");
	return fd;
}

int main(int argc, char **argv)
{
	sigset_t set;
	int sig;
	must(argc == 3, "edit DIR PORT");
	/* What was handed on belongs to other mounts. */
	close_range(3, ~0u, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	must(!chdir(argv[1]), argv[1]);
	int data = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	must(data >= 0 && !ftruncate(data, 4096), "data");
	must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, data, 0) != MAP_FAILED,
	     "mmap");
	int tcp = listen_tcp(atoi(argv[2])), un = listen_unix(argv[1]);
	int pair[2];
	connect_self(tcp, pair);
	struct rlimit limit = { 100, 200 };
	must(!setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	must(!setgroups(2, (gid_t[]){ 3, 4 }), "setgroups");
	prctl(PR_SET_NAME, "before");
	for (;;) {
		report(data, tcp, un, pair);
		sigwait(&set, &sig);
	}
}
