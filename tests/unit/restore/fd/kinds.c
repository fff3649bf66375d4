// SPDX-License-Identifier: MIT
#include <string.h>

#include "restore/fd/kind.h"

#include <fcntl.h>
#include "tests/support/main.h"

#define NR_TYPES 32

TEST(each_kind_is_found_by_its_type)
{
	unsigned nr = 0;
	for (uint32_t type = 0; type < NR_TYPES; type++) {
		const struct cr_fd_kind *kind = cr_fd_kind(type);
		if (!kind)
			continue;
		nr++;
		ck_assert_uint_eq(kind->type, type);
		ck_assert_ptr_nonnull(kind->name);
		ck_assert_ptr_nonnull(kind->open);
		ck_assert_ptr_nonnull(cr_file_kind(type));
	}
	ck_assert_uint_ge(nr, 2);
}

TEST(what_can_be_mapped_can_be_opened_again)
{
	ck_assert_ptr_nonnull(cr_fd_kind(FD_TYPES__REG)->again);
	ck_assert_ptr_nonnull(cr_fd_kind(FD_TYPES__MEMFD)->again);
}

TEST(an_unknown_type_has_no_kind)
{
	ck_assert_ptr_null(cr_fd_kind(FD_TYPES__UND));
	ck_assert_ptr_null(cr_fd_kind(UINT32_MAX));
}

TEST(flags_of_images_make_no_file_and_empty_none)
{
	ck_assert_int_eq(cr_fd_flags(O_RDWR | O_APPEND | O_DIRECTORY),
			 O_RDWR | O_APPEND | O_DIRECTORY);
	ck_assert_int_eq(cr_fd_flags(O_WRONLY | O_CREAT | O_EXCL | O_TRUNC |
				     O_CLOEXEC),
			 O_WRONLY);
	ck_assert_int_eq(cr_fd_flags(O_TMPFILE), O_DIRECTORY);
}

TEST_MAIN("restore/fd/kinds")
