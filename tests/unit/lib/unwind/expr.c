// SPDX-License-Identifier: MIT
#include "lib/unwind/expr.h"

#include <inttypes.h>

#include "tests/support/bytes.h"
#include "tests/support/main.h"

/* Register n has the value 1000 * n; memory at a holds a + 1, up to 0xffff. */
static struct cr_error *reg(void *arg, uint64_t nr, uint64_t *ret)
{
	*ret = 1000 * nr;
	return NULL;
}

static struct cr_error *read_word(void *arg, uint64_t vaddr, unsigned size,
				  uint64_t *ret)
{
	if (vaddr > 0xffff)
		return cr_error_new(CR_ERR_NOT_FOUND, "no memory");
	*ret = (vaddr + 1) & (UINT64_MAX >> (64 - 8 * size));
	return NULL;
}

static const char *run(const char *digits, unsigned address_size,
		       const uint64_t *first)
{
	struct cr_expr_world world = { .address_size = (uint8_t)address_size,
				       .reg = reg, .read = read_word };
	struct bytes b = hex(digits);
	uint64_t value;
	struct cr_error *err =
		cr_expr_run(&world, b.p, b.size, first, &value);
	const char *text = err ? cr_test_format("%s", cr_error_text(err)) :
				 cr_test_format("%" PRIu64, value);
	cr_error_free(err);
	return text;
}

#define gives(digits, want) assert_text(run(digits, 8, NULL), want)

TEST(constants)
{
	gives("30", "0");
	gives("4f", "31");
	gives("08 ff", "255");
	gives("09 ff", "18446744073709551615");
	gives("0a 34 12", "4660");
	gives("0b fe ff", "18446744073709551614");
	gives("0c 78 56 34 12", "305419896");
	gives("0d ff ff ff ff", "18446744073709551615");
	gives("0e 08 07 06 05 04 03 02 01", "72623859790382856");
	gives("10 e5 8e 26", "624485");
	gives("11 80 7f", "18446744073709551488");
	gives("03 08 07 06 05 04 03 02 01", "72623859790382856");
}

TEST(registers_and_memory)
{
	gives("77 08", "7008");
	gives("77 78", "6992");
	gives("92 21 01", "33001");
	gives("77 08 06", "7009");
	gives("0a ff 01 94 01", "0");
	gives("0a fe 01 94 02", "511");
}

TEST(the_stack)
{
	gives("31 32 12 22", "4");
	gives("31 32 13", "1");
	gives("31 32 14", "1");
	gives("31 32 33 15 02", "1");
	gives("31 35 16 1c", "4");
	/* top to third: 1 2 3 -> 3 1 2 */
	gives("31 32 33 17", "2");
	gives("31 32 33 17 13", "1");
	gives("31 32 33 17 13 13", "3");
}

TEST(arithmetic)
{
	gives("11 7b 19", "5");
	gives("3c 3a 1a", "8");
	gives("11 79 33 1b", "18446744073709551614"); /* -7 / 3 = -2 */
	gives("35 33 1d", "2");
	gives("35 33 1e", "15");
	gives("31 1f", "18446744073709551615");
	gives("30 20", "18446744073709551615");
	gives("3c 32 21", "14");
	gives("35 23 80 01", "133");
	gives("31 08 3f 24", "9223372036854775808");
	gives("31 08 40 24", "0");
	gives("11 7f 08 3f 25", "1");
	gives("11 7f 08 ff 25", "0");
	gives("11 78 31 26", "18446744073709551612");
	gives("11 78 08 ff 26", "18446744073709551615");
	gives("3c 3a 27", "6");
	gives("0e 00 00 00 00 00 00 00 80 11 7f 1b", "9223372036854775808");
}

TEST(comparisons_are_signed)
{
	gives("11 7f 31 2d", "1");
	gives("11 7f 31 2b", "0");
	gives("31 31 29", "1");
	gives("31 31 2e", "0");
	gives("31 31 2a", "1");
	gives("32 31 2c", "0");
}

TEST(jumps)
{
	gives("31 2f 01 00 32 22", "expression: byte 5: operation 0x22: the "
				  "stack is empty");
	gives("31 2f 02 00 32 22", "1");
	gives("35 31 28 01 00 36", "5");
	gives("35 30 28 01 00 36", "6");
}

/* What a linker's table has: rsp + 8 + (((rip & 15) >= 11) << 3). */
TEST(the_usual_one_of_a_jump_table)
{
	assert_text(run("77 08 80 00 3f 1a 3b 2a 33 24 22", 8, NULL), "7008");
}

TEST(a_first_value_lies_there)
{
	uint64_t cfa = 4096;
	assert_text(run("23 08", 8, &cfa), "4104");
	assert_text(run("", 8, &cfa), "4096");
}

TEST(narrow_values)
{
	assert_text(run("09 ff", 4, NULL), "4294967295");
	assert_text(run("09 ff 31 22", 4, NULL), "0");
	assert_text(run("09 ff 31 2d", 4, NULL), "1");
}

TEST(hostile_ones_end)
{
	gives("", "expression: leaves nothing");
	gives("13", "expression: byte 0: operation 0x13: the stack is empty");
	gives("0c 01 02", "expression: byte 0: operation 0x0c: ends early");
	gives("10 ff ff", "expression: byte 0: operation 0x10: ends early");
	gives("31 30 1b", "expression: byte 2: operation 0x1b: divides by zero");
	gives("31 30 1d", "expression: byte 2: operation 0x1d: divides by zero");
	gives("31 15 01", "expression: byte 1: operation 0x15: the stack is "
			  "not that deep");
	gives("2f fc ff", "expression: byte 0: operation 0x2f: jumps out of the "
			  "expression");
	gives("2f 01 00", "expression: byte 0: operation 0x2f: jumps out of the "
			  "expression");
	gives("2f fd ff", "expression: byte 0: operation 0x2f: too many "
			  "operations");
	gives("31 2f fc ff", "expression: byte 0: operation 0x31: the stack is "
			     "full");
	gives("9c", "expression: byte 0: operation 0x9c: nothing that may stand "
		    "here");
	gives("31 94 09", "expression: byte 1: operation 0x94: reads more than "
			  "a word");
	gives("31 94 00", "expression: byte 1: operation 0x94: reads more than "
			  "a word");
	gives("0c ff ff ff 7f 06", "no memory");
}

TEST_MAIN("lib/unwind/expr")
