// SPDX-License-Identifier: MIT
/* What the checkpoint needs and the host does not have. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "images/cgroup.pb-c.h"
#include "lib/ops/check/inside.h"

/* Linux arch/arm64/include/uapi/asm/hwcap.h */
#define HWCAP_PACA (1ull << 30)
#define HWCAP_PACG (1ull << 31)
#define HWCAP_GCS  (1ull << 32)

#define found(c, rule, ...) \
	cr_check_found(c, rule, NULL, CR_NO_ENTRY, __VA_ARGS__)

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static bool is_in(const uint32_t *list, size_t nr, uint32_t value)
{
	return nr && bsearch(&value, list, nr, sizeof(value), by_value);
}

static void check_pid(struct cr_check *c, uint32_t pid, int64_t entry)
{
	const struct cr_host *host = c->opts->host;
	if (is_in(host->pid, host->nr_pids, pid))
		cr_check_found(c, CR_RULE_HOST_PID, "pstree.img", entry,
			       "pid %u is in use on this host", pid);
	if (pid >= host->pid_max)
		cr_check_found(c, CR_RULE_HOST_PID_MAX, "pstree.img", entry,
			       "pid %u is not below pid_max of this host, %u",
			       pid, host->pid_max);
}

/* Those of a pid namespace of its own are free there. */
static void check_pids(struct cr_check *c)
{
	for (size_t i = 0; i < c->tree.nr && !c->err; i++) {
		const PstreeEntry *e = c->tree.task[i].entry;
		uint32_t id;
		if (cr_check_own_ns(c, &c->task[i], "pid_ns_id", &id))
			continue;
		check_pid(c, e->pid, (int64_t)i);
		for (size_t j = 0; j < e->n_threads && !c->task[i].zombie; j++) {
			if (e->threads[j] != e->pid)
				check_pid(c, e->threads[j], (int64_t)i);
		}
	}
}

static bool any_own(struct cr_check *c, const char *field)
{
	uint32_t id;
	for (size_t i = 0; i < c->tree.nr; i++) {
		if (cr_check_own_ns(c, &c->task[i], field, &id))
			return true;
	}
	return false;
}

static void check_ports(struct cr_check *c)
{
	const struct cr_host *host = c->opts->host;
	for (size_t i = 0; i < c->files.nr && !c->err; i++) {
		const struct cr_file_ref *ref = &c->files.ref[i];
		struct cr_opened opened = { 0 };
		if (ref->type != FD_TYPES__INETSK)
			continue;
		struct cr_error *err = cr_files_open(&c->files, ref, &opened);
		const InetSkEntry *e = (const void *)opened.msg;
		if (!err && e && e->proto == IPPROTO_TCP &&
		    e->state == TCP_LISTEN && e->src_port <= UINT16_MAX &&
		    is_in(host->port, host->nr_ports,
			  e->family << 16 | e->src_port))
			cr_check_found(c, CR_RULE_HOST_PORT,
				       c->files.split ? "inetsk.img" :
							"files.img",
				       ref->i, "port %u is in use on this host",
				       e->src_port);
		cr_error_free(err);
		cr_opened_free(&opened);
	}
}

static void check_features(struct cr_check *c)
{
	const struct cr_host *host = c->opts->host;
	const struct {
		bool needed, there;
		const char *what;
	} features[] = {
		{ true, host->has_set_tid, "processes with chosen pids (clone3)" },
		{ c->lazy, host->has_userfaultfd, "userfaultfd" },
		{ any_own(c, "time_ns_id"), host->has_timens,
		  "time namespaces" },
		{ c->rseq, host->has_rseq, "rseq" },
	};
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (features[i].needed && !features[i].there)
			found(c, CR_RULE_HOST_FEATURE, "this kernel lacks %s",
			      features[i].what);
	}
	if (!host->can_set_pids)
		found(c, CR_RULE_HOST_CAPABILITY,
		      "this user cannot give processes their pids");
}

static void check_cgroups(struct cr_check *c)
{
	struct cr_messages cgroup;
	cr_check_messages(c, &cgroup_entry__descriptor, &cgroup, "cgroup.img");
	for (size_t i = 0; i < cgroup.nr; i++) {
		const CgroupEntry *e = (const void *)cgroup.msg[i];
		for (size_t j = 0; j < e->n_controllers; j++) {
			const CgControllerEntry *k = e->controllers[j];
			const char *name = k->n_cnames ? k->cnames[0] : "";
			if (!cr_host_has_cgroup(c->opts->host, name))
				cr_check_found(c, CR_RULE_HOST_CGROUP,
					       "cgroup.img", (int64_t)i,
					       "this host has no control groups "
					       "of %s",
					       *name ? name : "version 2");
		}
	}
	cr_messages_free(&cgroup);
}

static void check_lsm(struct cr_check *c)
{
	const struct cr_host *host = c->opts->host;
	Lsmtype type = c->inventory ? c->inventory->lsmtype : LSMTYPE__NO_LSM;
	if ((type == LSMTYPE__SELINUX && !host->selinux) ||
	    (type == LSMTYPE__APPARMOR && !host->apparmor))
		found(c, CR_RULE_HOST_LSM, "this host has no %s",
		      type == LSMTYPE__SELINUX ? "SELinux" : "AppArmor");
}

static void check_registers(struct cr_check *c)
{
	const struct cr_host *host = c->opts->host;
	uint64_t lost = c->xstate & ~host->xstate;
	bool arm64 = c->march == CORE_ENTRY__MARCH__AARCH64;
	if (c->march == CORE_ENTRY__MARCH__X86_64 && lost)
		found(c, CR_RULE_HOST_XSTATE,
		      "this processor lacks register components 0x%llx",
		      (ull)lost);
	if ((c->pac_address && !(host->hwcap & HWCAP_PACA)) ||
	    (c->pac_generic && !(host->hwcap & HWCAP_PACG)))
		found(c, CR_RULE_HOST_PAC,
		      "this processor has no pointer authentication");
	if (c->gcs && !(host->hwcap & HWCAP_GCS))
		found(c, CR_RULE_HOST_GCS,
		      "this host has no guarded control stacks");
	uint64_t known = arm64 ? HWCAP_PACA | HWCAP_PACG | HWCAP_GCS : 0;
	uint64_t caps = c->hwcap & ~host->hwcap & ~known;
	uint64_t caps2 = c->hwcap2 & ~host->hwcap2;
	if (caps || caps2)
		found(c, CR_RULE_HOST_HWCAP,
		      "this processor lacks hwcap 0x%llx, hwcap2 0x%llx",
		      (ull)caps, (ull)caps2);
}

static void check_machine(struct cr_check *c)
{
	const struct cr_host *host = c->opts->host;
	const CoreEntry core = { .mtype = (CoreEntry__March)c->march };
	const char *march = cr_core_march(&core);
	if (c->page_size && c->page_size != host->page_size)
		found(c, CR_RULE_HOST_PAGE_SIZE,
		      "pages have %u bytes here, not %u", host->page_size,
		      c->page_size);
	if (c->march && (!host->march || strcmp(host->march, march)))
		found(c, CR_RULE_HOST_ARCH, "this host is %s, not %s",
		      host->march ?: "another", march);
	else
		check_registers(c);
}

void cr_check_needs(struct cr_check *c)
{
	if (!c->opts->host || !c->tree.nr)
		return;
	check_machine(c);
	check_features(c);
	check_pids(c);
	if (!any_own(c, "net_ns_id"))
		check_ports(c);
	check_cgroups(c);
	check_lsm(c);
}
