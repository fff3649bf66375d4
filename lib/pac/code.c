// SPDX-License-Identifier: MIT
#include "lib/pac/code.h"

#include <stddef.h>

// clang-format off
static const struct {
	uint32_t mask, value;
	enum cr_pac_code code;
} codes[] = {
	{ 0xffffffff, 0xd50320ff, CR_PAC_CODE_HINT },     /* xpaclri */
	{ 0xffffff3f, 0xd503211f, CR_PAC_CODE_HINT },     /* pacia1716 ... autib1716 */
	{ 0xffffff1f, 0xd503231f, CR_PAC_CODE_HINT },     /* paciaz, paciasp ... autibsp */
	{ 0xfffffbff, 0xd65f0bff, CR_PAC_CODE_RETURN },
	{ 0xfedff800, 0xd61f0800, CR_PAC_CODE_REGISTER }, /* braa, blraa, braaz ... */
	{ 0xffff0000, 0xdac10000, CR_PAC_CODE_REGISTER }, /* pacia ... xpacd */
	{ 0xff200400, 0xf8200400, CR_PAC_CODE_REGISTER }, /* ldraa, ldrab */
	{ 0xffe0fc00, 0x9ac03000, CR_PAC_CODE_GENERIC },
};
// clang-format on

enum cr_pac_code cr_pac_code_of(uint32_t insn)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if ((insn & codes[i].mask) == codes[i].value)
			return codes[i].code;
	return CR_PAC_CODE_NONE;
}

/* The number in the low `bits` bits, which has a sign. */
static uint64_t extend(uint64_t value, unsigned bits)
{
	uint64_t sign = UINT64_C(1) << (bits - 1);
	value &= 2 * sign - 1;
	return (value ^ sign) - sign;
}

bool cr_pac_code_call(uint32_t insn, uint64_t pc, uint64_t *target_ret)
{
	if ((insn & 0xfc000000) != 0x94000000) /* bl */
		return false;
	*target_ret = pc + 4 * extend(insn, 26);
	return true;
}

#define BTI_C  0xd503245f

bool cr_pac_code_stub(const uint32_t insn[4], uint64_t pc, uint64_t *slot_ret)
{
	if (*insn == BTI_C) {
		insn++;
		pc += 4;
	}
	/* adrp x16, page; ldr x17, [x16, #off]; then perhaps add x16, br x17 */
	if ((insn[0] & 0x9f00001f) != 0x90000010 ||
	    (insn[1] & 0xffc003ff) != 0xf9400211)
		return false;
	uint64_t page = (insn[0] >> 5 & 0x7ffff) << 2 | (insn[0] >> 29 & 3);
	*slot_ret = (pc & ~UINT64_C(0xfff)) + (extend(page, 21) << 12) +
		    8 * (insn[1] >> 10 & 0xfff);
	return true;
}
