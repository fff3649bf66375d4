// SPDX-License-Identifier: MIT
#include "lib/ops/host.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

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

/* Flags of /proc/cpuinfo, and the components that come with them. */
static const struct {
	const char *flag;
	uint64_t bits;
} components[] = {
	{ "fpu", 1 << 0 },      { "sse", 1 << 1 },
	{ "avx", 1 << 2 },      { "mpx", 3 << 3 },
	{ "avx512f", 7 << 5 },  { "pku", 1 << 9 },
	{ "user_shstk", 3 << 11 }, { "amx_tile", 3 << 17 },
};
// clang-format on

#define NR(list) (sizeof(list) / sizeof(list[0]))

static bool has_word(const char *text, const char *word)
{
	size_t size = strlen(word);
	for (const char *p = text; (p = strstr(p, word)); p += size) {
		bool starts = p == text || isspace((unsigned char)p[-1]);
		if (starts && (!p[size] || isspace((unsigned char)p[size])))
			return true;
	}
	return false;
}

uint64_t cr_host_xstate(const char *flags)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < NR(components); i++) {
		if (has_word(flags, components[i].flag))
			bits |= components[i].bits;
	}
	return bits;
}

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

/* The kernel's words: getauxval(3) gives those of the C library's own. */
static void probe_auxv(struct cr_host *host)
{
	unsigned long pair[2];
	FILE *f = fopen("/proc/self/auxv", "re");
	while (f && fread(pair, sizeof(pair), 1, f) == 1) {
		if (pair[0] == AT_HWCAP)
			host->hwcap = pair[1];
		else if (pair[0] == AT_HWCAP2)
			host->hwcap2 = pair[1];
	}
	if (f)
		fclose(f);
}

static void probe_machine(struct cr_host *host)
{
	struct utsname name;
	if (uname(&name))
		return;
	for (size_t i = 0; i < NR(machines); i++) {
		if (!strncmp(name.machine, machines[i].machine,
			     strlen(machines[i].machine)))
			host->march = machines[i].march;
	}
	cr_auto_free char *flags = find_line("/proc/cpuinfo", "flags");
	if (flags)
		host->xstate = cr_host_xstate(flags);
	probe_auxv(host);
	host->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
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
