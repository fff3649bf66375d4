// SPDX-License-Identifier: MIT
#include "crit/x/table.h"
#include "crit/x/views.h"

// clang-format off
static const struct cr_column columns[] = {
	{ "pid", true }, { "tid", true }, { "uid", true }, { "euid", true },
	{ "gid", true }, { "egid", true }, { "no_new_privs" }, { "lsm" },
	{ "set" }, { "mask", true }, { "caps" }, { 0 },
};

// man 7 capabilities; the numbers are those of Linux
// include/uapi/linux/capability.h, v6.11.
static const char *const names[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill",
	"setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service",
	"net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
	"sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
	"sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time",
	"sys_tty_config", "mknod", "lease", "audit_write", "audit_control",
	"setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm",
	"block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
};
// clang-format on

#define NR_NAMES (sizeof(names) / sizeof(names[0]))

static void show_set(struct cr_x *x, const struct cr_task *task, uint32_t tid,
		     const CredsEntry *c, const char *set, const uint32_t *word,
		     size_t nr)
{
	uint64_t mask = (nr > 0 ? word[0] : 0) |
			(nr > 1 ? (uint64_t)word[1] << 32 : 0);
	cr_cell_u64(x, task->entry->pid);
	cr_cell_u64(x, tid);
	cr_cell_u64(x, c->uid);
	cr_cell_u64(x, c->euid);
	cr_cell_u64(x, c->gid);
	cr_cell_u64(x, c->egid);
	if (c->has_no_new_privs)
		cr_cell_bool(x, c->no_new_privs);
	else
		cr_cell_none(x);
	cr_cell_string(x, c->lsm_profile);
	cr_cell_string(x, set);
	cr_cell_hex(x, mask);
	cr_cell_bits(x, mask, names, NR_NAMES);
}

static void show(struct cr_x *x, void *arg, const struct cr_task *task,
		 uint32_t tid, const CoreEntry *core)
{
	CredsEntry *old = NULL;
	const CredsEntry *c = cr_core_creds(core);
	// Before 2.0: one for all threads.
	if (!c && tid == task->entry->pid)
		cr_x_find(x, cr_message_load(&x->set, &creds_entry__descriptor,
					     &old, "creds-%u.img", tid));
	c = c ?: old;
	if (c) {
		show_set(x, task, tid, c, "effective", c->cap_eff,
			 c->n_cap_eff);
		show_set(x, task, tid, c, "permitted", c->cap_prm,
			 c->n_cap_prm);
		show_set(x, task, tid, c, "inheritable", c->cap_inh,
			 c->n_cap_inh);
		show_set(x, task, tid, c, "bounding", c->cap_bnd, c->n_cap_bnd);
		show_set(x, task, tid, c, "ambient", c->cap_amb, c->n_cap_amb);
	}
	cr_message_free(old);
}

void cr_x_view_caps(struct cr_x *x)
{
	cr_table_begin(x, columns);
	cr_x_each_thread(x, show, NULL);
	cr_table_end(x);
}
