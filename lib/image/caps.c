// SPDX-License-Identifier: MIT
#include "lib/image/caps.h"

// clang-format off
// man 7 capabilities; the numbers are those of Linux
// include/uapi/linux/capability.h, v6.11.
const char *const cr_cap_names[] = {
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

const unsigned cr_nr_cap_names =
	sizeof(cr_cap_names) / sizeof(cr_cap_names[0]);
