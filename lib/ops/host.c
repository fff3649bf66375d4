// SPDX-License-Identifier: MIT
#include "lib/ops/host.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/machine/machine.h"

// clang-format off
/* What uname(2) says, and the core image's name for it. */
static const struct {
	const char *machine, *march;
} machines[] = {
	{ "x86_64", "X86_64" },   { "aarch64", "AARCH64" },
	{ "armv", "ARM" },        { "ppc64le", "PPC64" },
	{ "s390x", "S390" },      { "mips", "MIPS" },
	{ "loongarch64", "LOONGARCH64" }, { "riscv64", "RISCV64" },
};
// clang-format on

#define NR(list) (sizeof(list) / sizeof(list[0]))

/* The value of the first line "KEY ...: VALUE" of a file; NULL: none. */
static char *find_line(const char *path, const char *key)
{
	char *line = NULL;
	size_t room = 0;
	FILE *f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0) {
		char *colon = strchr(line, ':');
		if (strncmp(line, key, strlen(key)) || !colon)
			continue;
		fclose(f);
		memmove(line, colon + 1, strlen(colon));
		return line;
	}
	if (f)
		fclose(f);
	free(line);
	return NULL;
}

/* Of shadow stacks XCR0 says nothing: the kernel alone switches them. */
static void probe_machine(struct cr_host *host)
{
	static const uint64_t shadow_stack = 3 << 11;
	struct cr_machine machine;
	cr_machine_look(&machine);
	for (size_t i = 0; i < NR(machines); i++) {
		if (!strncmp(machine.arch, machines[i].machine,
			     strlen(machines[i].machine)))
			host->march = machines[i].march;
	}
	host->xstate = machine.x86.features;
	if (machine.x86.shadow_stacks == CR_TRIAL_YES)
		host->xstate |= shadow_stack;
	host->hwcap = machine.hwcap;
	host->hwcap2 = machine.hwcap2;
	host->page_size = machine.page_size;
}

/* Each is asked for something impossible: one that is there says EINVAL, or
 * that it is not for this user. */
static void probe_kernel(struct cr_host *host)
{
	pid_t pid = 1;
	struct clone_args args = {
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1000,
	};
	long ret = syscall(SYS_clone3, &args, sizeof(args));
	host->has_set_tid = ret < 0 && errno == EINVAL;
	ret = syscall(SYS_userfaultfd, 0x7fffffff);
	host->has_userfaultfd = ret < 0 && errno != ENOSYS;
	ret = syscall(SYS_rseq, NULL, 0, 0x7fffffff, 0);
	host->has_rseq = ret < 0 && errno != ENOSYS;
	host->has_timens = !access("/proc/self/ns/time", F_OK);
	host->selinux = !access("/sys/fs/selinux/enforce", F_OK);
	host->apparmor = !access("/sys/kernel/security/apparmor", F_OK);
	cr_auto_free char *caps = find_line("/proc/self/status", "CapEff");
	uint64_t bits = caps ? strtoull(caps, NULL, 16) : 0;
	host->can_set_pids = bits & (1ull << CAP_SYS_ADMIN |
				     1ull << CAP_CHECKPOINT_RESTORE);
}

static bool push(uint32_t **list, size_t *nr, size_t *cap, uint32_t value)
{
	if (*nr == *cap) {
		size_t more = *cap ? 2 * *cap : 256;
		uint32_t *grown = reallocarray(*list, more, sizeof(grown[0]));
		if (!grown)
			return false;
		*list = grown;
		*cap = more;
	}
	(*list)[(*nr)++] = value;
	return true;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The numbers in a directory; fn for each. */
static struct cr_error *each_number(const char *path,
				    struct cr_error *(*fn)(void *arg,
							   uint32_t number),
				    void *arg)
{
	struct cr_error *err = NULL;
	DIR *dir = opendir(path);
	/* A process may be gone meanwhile. */
	if (!dir)
		return NULL;
	for (struct dirent *e; !err && (e = readdir(dir));) {
		if (isdigit((unsigned char)*e->d_name))
			err = fn(arg, (uint32_t)strtoul(e->d_name, NULL, 10));
	}
	closedir(dir);
	return err;
}

/* "4:cpu,cpuacct:/path" */
bool cr_host_has_cgroup(const struct cr_host *host, const char *name)
{
	size_t size = strlen(name);
	const char *line = host->cgroups;
	while (line && *line) {
		const char *end = strchrnul(line, '\n');
		const char *p = memchr(line, ':', (size_t)(end - line));
		while (p && ++p + size <= end) {
			if (!strncmp(p, name, size) &&
			    (p[size] == ':' || p[size] == ','))
				return true;
			p += strcspn(p, ",:\n");
			if (*p != ',')
				break;
		}
		line = *end ? end + 1 : end;
	}
	return false;
}

static void probe_cgroups(struct cr_host *host)
{
	size_t room = 0;
	FILE *f = fopen("/proc/self/cgroup", "re");
	/* All of it: there is no NUL. */
	if (f && getdelim(&host->cgroups, &room, 0, f) < 0) {
		free(host->cgroups);
		host->cgroups = NULL;
	}
	if (f)
		fclose(f);
}

struct pids {
	struct cr_host *host;
	size_t cap;
};

static struct cr_error *add_thread(void *arg, uint32_t tid)
{
	struct pids *p = arg;
	return push(&p->host->pid, &p->host->nr_pids, &p->cap, tid) ? NULL :
								      cr_enomem;
}

static struct cr_error *add_process(void *arg, uint32_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	return each_number(path, add_thread, arg);
}

static struct cr_error *probe_pids(struct cr_host *host)
{
	struct pids p = { host, 0 };
	FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	if (!f)
		return cr_error_sys("/proc/sys/kernel/pid_max");
	if (fscanf(f, "%u", &host->pid_max) != 1)
		host->pid_max = 32768;
	fclose(f);
	struct cr_error *err = each_number("/proc", add_process, &p);
	if (!err && host->nr_pids)
		qsort(host->pid, host->nr_pids, sizeof(uint32_t), by_value);
	return err;
}

/* "0: 0100007F:1F90 00000000:0000 0A ...": 0A listens. */
static struct cr_error *probe_ports(struct cr_host *host, const char *path,
				    uint32_t family, size_t *cap)
{
	char *line = NULL;
	size_t room = 0;
	bool ok = true;
	FILE *f = fopen(path, "re");
	while (f && ok && getline(&line, &room, f) > 0) {
		unsigned port, state;
		if (sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &port,
			   &state) == 2 &&
		    state == 0x0a)
			ok = push(&host->port, &host->nr_ports, cap,
				  family << 16 | port);
	}
	if (f)
		fclose(f);
	free(line);
	return ok ? NULL : cr_enomem;
}

struct cr_error *cr_host_probe(struct cr_host *ret)
{
	struct cr_host host = { 0 };
	size_t cap = 0;
	probe_machine(&host);
	probe_kernel(&host);
	probe_cgroups(&host);
	struct cr_error *err = probe_pids(&host);
	if (!err)
		err = probe_ports(&host, "/proc/net/tcp", AF_INET, &cap);
	if (!err)
		err = probe_ports(&host, "/proc/net/tcp6", AF_INET6, &cap);
	if (err) {
		cr_host_deinit(&host);
		return err;
	}
	if (host.nr_ports)
		qsort(host.port, host.nr_ports, sizeof(uint32_t), by_value);
	*ret = host;
	return NULL;
}

void cr_host_deinit(struct cr_host *host)
{
	free(host->cgroups);
	free(host->pid);
	free(host->port);
	*host = (struct cr_host){ 0 };
}
