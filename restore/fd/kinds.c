// SPDX-License-Identifier: MIT
#include "restore/fd/kind.h"

// To add a kind: see kind.h.
// clang-format off
static const struct cr_fd_kind kinds[] = {
	{ FD_TYPES__REG,   "file",
	  .plan = cr_reg_plan, .open = cr_reg_open, .again = cr_reg_again },
	{ FD_TYPES__MEMFD, "memfd",
	  .plan = cr_memfd_plan, .make = cr_memfd_make, .open = cr_memfd_open,
	  .again = cr_memfd_again },
};
// clang-format on

const struct cr_fd_kind *cr_fd_kind(uint32_t type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}
