// SPDX-License-Identifier: MIT
#include "lib/pac/code.h"

#include "tests/support/main.h"

// As an assembler has them.
TEST(what_instructions_do_with_codes)
{
	// clang-format off
	static const struct {
		uint32_t insn;
		enum cr_pac_code code;
	} rows[] = {
		{ 0xd503233f, CR_PAC_CODE_HINT },     /* paciasp */
		{ 0xd50323bf, CR_PAC_CODE_HINT },     /* autiasp */
		{ 0xd503237f, CR_PAC_CODE_HINT },     /* pacibsp */
		{ 0xd503231f, CR_PAC_CODE_HINT },     /* paciaz */
		{ 0xd50323df, CR_PAC_CODE_HINT },     /* autibz */
		{ 0xd503211f, CR_PAC_CODE_HINT },     /* pacia1716 */
		{ 0xd50321df, CR_PAC_CODE_HINT },     /* autib1716 */
		{ 0xd50320ff, CR_PAC_CODE_HINT },     /* xpaclri */
		{ 0xd65f0bff, CR_PAC_CODE_RETURN },   /* retaa */
		{ 0xd65f0fff, CR_PAC_CODE_RETURN },   /* retab */
		{ 0xd71f0801, CR_PAC_CODE_REGISTER }, /* braa x0, x1 */
		{ 0xd61f081f, CR_PAC_CODE_REGISTER }, /* braaz x0 */
		{ 0xd73f0c41, CR_PAC_CODE_REGISTER }, /* blrab x2, x1 */
		{ 0xd63f0c5f, CR_PAC_CODE_REGISTER }, /* blrabz x2 */
		{ 0xdac10020, CR_PAC_CODE_REGISTER }, /* pacia x0, x1 */
		{ 0xdac123e0, CR_PAC_CODE_REGISTER }, /* paciza x0 */
		{ 0xdac143e0, CR_PAC_CODE_REGISTER }, /* xpaci x0 */
		{ 0xf8200420, CR_PAC_CODE_REGISTER }, /* ldraa x0, [x1] */
		{ 0xf8a00c20, CR_PAC_CODE_REGISTER }, /* ldrab x0, [x1, #0]! */
		{ 0x9ac23020, CR_PAC_CODE_GENERIC },  /* pacga x0, x1, x2 */
		{ 0xd503201f, CR_PAC_CODE_NONE },     /* nop */
		{ 0xd503245f, CR_PAC_CODE_NONE },     /* bti c */
		{ 0xd503229f, CR_PAC_CODE_NONE },     /* csdb */
		{ 0xd65f03c0, CR_PAC_CODE_NONE },     /* ret */
		{ 0xd61f0220, CR_PAC_CODE_NONE },     /* br x17 */
		{ 0xd63f0020, CR_PAC_CODE_NONE },     /* blr x1 */
		{ 0xdac01020, CR_PAC_CODE_NONE },     /* clz x0, x1 */
		{ 0x9ac22020, CR_PAC_CODE_NONE },     /* lsl x0, x1, x2 */
		{ 0xf8626820, CR_PAC_CODE_NONE },     /* ldr x0, [x1, x2] */
		{ 0xf8220020, CR_PAC_CODE_NONE },     /* ldadd x2, x0, [x1] */
		{ 0, CR_PAC_CODE_NONE },
	};
	// clang-format on
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(cr_pac_code_of(rows[i].insn) == rows[i].code,
			      "%08x", rows[i].insn);
}

TEST(direct_calls)
{
	uint64_t target = 0;
	ck_assert(cr_pac_code_call(0x94000001, 0x400100, &target));
	ck_assert_uint_eq(target, 0x400104);
	ck_assert(cr_pac_code_call(0x97fffffe, 0x400100, &target));
	ck_assert_uint_eq(target, 0x4000f8);
	ck_assert(cr_pac_code_call(0x96000000, 0x10000000, &target));
	ck_assert_uint_eq(target, 0x08000000);
	ck_assert(!cr_pac_code_call(0x14000001, 0x400100, &target)); /* b */
	ck_assert(!cr_pac_code_call(0xd63f0020, 0x400100, &target)); /* blr */
}

TEST(stubs_of_linkers)
{
	/* adrp x16, +0x1f000; ldr x17, [x16, #0xfb8]; add; br x17 */
	static const uint32_t plain[] = { 0xf00000f0, 0xf947de11, 0x913ee210,
					  0xd61f0220 };
	static const uint32_t bti[] = { 0xd503245f, 0xf00000f0, 0xf947de11,
					0x913ee210 };
	static const uint32_t back[] = { 0xf0fffff0, 0xf9400211, 0, 0 };
	static const uint32_t none[] = { 0xd503245f, 0xd503233f, 0xa9bf7bfd,
					 0x910003fd };
	uint64_t slot = 0;
	ck_assert(cr_pac_code_stub(plain, 0x400123, &slot));
	ck_assert_uint_eq(slot, 0x41ffb8);
	ck_assert(cr_pac_code_stub(bti, 0x400ffc, &slot));
	ck_assert_uint_eq(slot, 0x420fb8);
	ck_assert(cr_pac_code_stub(back, 0x400123, &slot));
	ck_assert_uint_eq(slot, 0x3ff000);
	ck_assert(!cr_pac_code_stub(none, 0x400123, &slot));
}

TEST_MAIN("lib/pac/code")
