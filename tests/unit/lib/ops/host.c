// SPDX-License-Identifier: MIT
#include "lib/ops/host.h"

#include <unistd.h>

#include "tests/support/bytes.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

TEST(hierarchies_of_control_groups)
{
	char text[] = "4:cpu,cpuacct:/a,b\n3:name=systemd:/\n0::/x";
	struct cr_host host = { .cgroups = text };
	ck_assert(cr_host_has_cgroup(&host, "cpu"));
	ck_assert(cr_host_has_cgroup(&host, "cpuacct"));
	ck_assert(cr_host_has_cgroup(&host, "name=systemd"));
	ck_assert(cr_host_has_cgroup(&host, ""));
	ck_assert(!cr_host_has_cgroup(&host, "cp"));
	ck_assert(!cr_host_has_cgroup(&host, "b"));
	ck_assert(!cr_host_has_cgroup(&host, "/a"));
	host.cgroups = strchr(text, '3');
	*strrchr(text, '0') = 0;
	ck_assert(!cr_host_has_cgroup(&host, ""));
	ck_assert(!cr_host_has_cgroup(&host, "cpu"));
	host.cgroups = NULL;
	ck_assert(!cr_host_has_cgroup(&host, ""));
}

TEST(this_host_has_this_process)
{
	struct cr_host host;
	bool found = false;
	assert_text(cr_test_error(cr_host_probe(&host)), "");
	for (size_t i = 0; i < host.nr_pids; i++) {
		found |= host.pid[i] == (uint32_t)getpid();
		ck_assert(!i || host.pid[i] > host.pid[i - 1]);
	}
	ck_assert(found);
	ck_assert_uint_eq(host.page_size, (unsigned)sysconf(_SC_PAGESIZE));
	ck_assert_uint_gt(host.pid_max, 0);
	cr_host_deinit(&host);
}

TEST_MAIN("lib/ops/host")
