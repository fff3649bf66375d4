// SPDX-License-Identifier: MIT
/*
 * AArch64 instructions, as far as signed pointers ask for them: those that sign
 * and authenticate, and calls, which tell whose return address stands where.
 * Words are in the processor's order. Pure functions.
 *
 * Facts: Arm ARM C4.1, C6.2 (DDI 0487K).
 */
#ifndef CR_LIB_PAC_CODE_H
#define CR_LIB_PAC_CODE_H

#include <stdbool.h>
#include <stdint.h>

enum cr_pac_code {
	CR_PAC_CODE_NONE,
	CR_PAC_CODE_HINT,     /* paciasp: nothing on processors without */
	CR_PAC_CODE_RETURN,   /* retaa, retab */
	CR_PAC_CODE_REGISTER, /* pacia, autda, braa, ldraa: any pointers */
	CR_PAC_CODE_GENERIC,  /* pacga: codes over data */
	CR_NR_PAC_CODES,
};

enum cr_pac_code cr_pac_code_of(uint32_t insn);

/** True if the instruction at pc calls a function directly. */
bool cr_pac_code_call(uint32_t insn, uint64_t pc, uint64_t *target_ret);

/** True if the instructions at pc jump to what a word in memory says, as a
 * linker's stubs do (.plt): where that is. */
bool cr_pac_code_stub(const uint32_t insn[4], uint64_t pc, uint64_t *slot_ret);

#endif
