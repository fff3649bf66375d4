// SPDX-License-Identifier: MIT
#include "lib/ops/host.h"

#include <unistd.h>

#include "tests/support/bytes.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

TEST(components_follow_from_flags)
{
	ck_assert_uint_eq(cr_host_xstate(""), 0);
	ck_assert_uint_eq(cr_host_xstate(" fpu vme sse sse2 avx2\n"), 3);
	ck_assert_uint_eq(cr_host_xstate("fpu sse avx"), 7);
	ck_assert_uint_eq(cr_host_xstate("fpu sse avx avx512f pku amx_tile"),
			  0x602e7);
	ck_assert_uint_eq(cr_host_xstate("mpx user_shstk"), 0x1818);
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
