// SPDX-License-Identifier: MIT
#include "lib/unwind/text.h"

#include <elf.h>

#include "tests/support/main.h"
#include "tests/support/process.h"

/* One function, at 0x400. */
static const char *const code[] = { "00", NULL };

TEST(instructions_are_counted_where_functions_are)
{
	struct cr_set set;
	struct cr_memory memory;
	struct cr_pages pages;
	struct cr_modules modules;
	struct cr_text_use use;
	uint8_t file[4096];
	struct bytes b = vdso(ARM, ARM_COMMON, code);
	memcpy(file, b.p, sizeof(file));
	/* paciasp, pacga, retaa, ret; behind the function pacia, pacga. */
	b = cat(word(0xd503233f), word(0x9ac23020), word(0xd65f0bff),
		word(0xd65f03c0), word(0xdac10020), word(0x9ac23020));
	memcpy(file + 0x400, b.p, b.size);
	put("a/mm-1.img", mm(4096, mapping(VDSO, 1, 5, 0x209),
			     mapping(PLAIN, 1, 5, 0x201),
			     mapping(STACK, 1, 5, 0x41)));
	put("a/pagemap-1.img", pagemap(1, run(VDSO, 1, 4), run(PLAIN, 1, 4)));
	put("a/pages-1.img", cat(((struct bytes){ file, 4096 }),
				 padded(b, 4096)));
	ck_assert_ptr_null(cr_set_open(cr_test_path("a"), &set));
	ck_assert_ptr_null(cr_memory_init(&memory, &set, NULL));
	ck_assert_ptr_null(cr_pages_open(&pages, &memory, 1));
	ck_assert_ptr_null(cr_modules_init(&modules, &pages, EM_AARCH64));

	const struct cr_vma *vma = pages.space.vma;
	ck_assert_ptr_null(cr_text_count(&modules, &vma[0], &use));
	ck_assert_uint_eq(use.size, 4096);
	ck_assert_uint_eq(use.nr[CR_PAC_CODE_HINT], 1);
	ck_assert_uint_eq(use.nr[CR_PAC_CODE_RETURN], 1);
	ck_assert_uint_eq(use.nr[CR_PAC_CODE_REGISTER], 0);
	ck_assert_uint_eq(use.nr[CR_PAC_CODE_GENERIC], 1);
	ck_assert_uint_eq(use.nr_elsewhere, 2);
	ck_assert_uint_eq(use.first, VDSO + 0x404);
	/* Where there are no tables all is code. */
	ck_assert_ptr_null(cr_text_count(&modules, &vma[1], &use));
	ck_assert_uint_eq(use.nr[CR_PAC_CODE_REGISTER], 1);
	ck_assert_uint_eq(use.nr[CR_PAC_CODE_GENERIC], 2);
	ck_assert_uint_eq(use.nr_elsewhere, 0);
	ck_assert_uint_eq(use.first, PLAIN + 4);
	/* A file that is not here. */
	ck_assert_ptr_null(cr_text_count(&modules, &vma[2], &use));
	ck_assert_uint_eq(use.size, 0);

	cr_modules_deinit(&modules);
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
}

TEST_MAIN("lib/unwind/text")
