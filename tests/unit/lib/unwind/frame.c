// SPDX-License-Identifier: MIT
#include "lib/unwind/frame.h"

#include <stdio.h>

#include "tests/support/main.h"
#include "tests/support/process.h"

static void make(struct bytes file, struct bytes plain, struct bytes stack)
{
	put("a/mm-1.img", mm(4096, mapping(VDSO, 1, 5, 0x209),
			     mapping(PLAIN, 1, 5, 0x201),
			     mapping(STACK, 1, 3, 0x201)));
	put("a/pagemap-1.img", pagemap(1, run(VDSO, 1, 4), run(PLAIN, 1, 4),
				       run(STACK, 1, 4)));
	put("a/pages-1.img", cat(file, padded(plain, 4096),
				 padded(stack, 4096)));
}

static char *frame_text(const struct cr_frame *f)
{
	char *text = cr_test_format("%llx %s", (unsigned long long)f->pc,
				    cr_frame_how_name(f->how));
	if (f->is_signal)
		text = cr_test_format("%s handler", text);
	if (f->has_cfa)
		text = cr_test_format("%s cfa %llx", text,
				      (unsigned long long)f->cfa);
	if (f->has_ret && f->ret.in_memory)
		text = cr_test_format("%s at %llx", text,
				      (unsigned long long)f->ret.slot);
	else if (f->has_ret)
		text = cr_test_format("%s in %u", text, f->ret.reg);
	if (f->has_ret && f->ret.sign)
		text = cr_test_format("%s signed %c", text,
				      f->ret.is_key_b ? 'b' : 'a');
	return text;
}

/* Each frame on a line, at most max, and why that was the last. */
static const char *walk_some(const CoreEntry *core, unsigned max)
{
	struct cr_set set;
	struct cr_memory memory;
	struct cr_pages pages;
	struct cr_unwind u;
	struct cr_frame frame;
	char *text = cr_test_format("%s", "");
	ck_assert_ptr_null(cr_set_open(cr_test_path("a"), &set));
	ck_assert_ptr_null(cr_memory_init(&memory, &set, NULL));
	ck_assert_ptr_null(cr_pages_open(&pages, &memory, 1));
	ck_assert_ptr_null(cr_unwind_init(&u, &pages, cr_arch_of(core)));
	ck_assert_ptr_null(cr_unwind_start(&u, core));
	unsigned nr = 0;
	for (; cr_unwind_next(&u, &frame); nr++)
		if (nr < max)
			text = cr_test_format("%s%s\n", text,
					      frame_text(&frame));
	if (nr > max)
		text = cr_test_format("%s(%u) ", text, nr);
	text = cr_test_format("%s%s%s%s", text, cr_unwind_end_name(u.end),
			      u.why ? ": " : "",
			      u.why ? cr_error_text(u.why) : "");
	cr_unwind_deinit(&u);
	cr_unwind_deinit(&u);
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
	return text;
}

/* ---- x86_64 ---- */

/* Data -8, return address 16; the CFA is rsp+8, the address below it. */
#define X86_COMMON \
	hex("13 00 00 00 00 00 00 00 01 'zR' 00 01 78 10 01 1b 0c 07 08 90 01 00")
#define X86 "3e00"

static const char *walk_x86(uint64_t ip, uint64_t sp, uint64_t bp)
{
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoX86 info = THREAD_INFO_X86__INIT;
	UserX86RegsEntry regs = USER_X86_REGS_ENTRY__INIT;
	core.mtype = CORE_ENTRY__MARCH__X86_64;
	core.thread_info = &info;
	info.gpregs = &regs;
	regs.ip = ip;
	regs.sp = sp;
	regs.bp = bp;
	return walk_some(&core, 12);
}

/* 0x400: rsp+8; 0x410: rsp+24, rbp saved below; 0x420: nobody called it;
 * 0x430: rbp+16; 0x440: an address that is an expression without end. */
static const char *const x86_code[] = {
	"00", "0e 18 86 02", "07 10", "0c 06 10 86 02", "0f 03 2f fd ff", NULL,
};

TEST(tables_lead_from_frame_to_frame)
{
	make(vdso(X86, X86_COMMON, x86_code), hex(""),
	     cat(u64(VDSO + 0x418), u64(1), u64(0x77), u64(VDSO + 0x420 + 1)));
	assert_text(walk_x86(VDSO + 0x400, STACK, 0),
		    "10000400 registers cfa 30000008 at 30000000\n"
		    "10000418 cfi cfa 30000020 at 30000018\n"
		    "10000421 cfi\n"
		    "outermost");
}

TEST(a_call_at_the_end_of_a_function_is_in_it)
{
	/* The return address is where the next function begins. */
	make(vdso(X86, X86_COMMON, x86_code), hex(""),
	     cat(u64(VDSO + 0x420), u64(0), u64(0), u64(0)));
	assert_text(walk_x86(VDSO + 0x400, STACK, 0),
		    "10000400 registers cfa 30000008 at 30000000\n"
		    "10000420 cfi cfa 30000020 at 30000018\n"
		    "outermost");
}

TEST(frame_pointers_lead_through_code_without_tables)
{
	make(vdso(X86, X86_COMMON, x86_code), hex("90"),
	     cat(u64(0), u64(0), u64(STACK + 0x20), u64(PLAIN + 8),
		 u64(STACK + 0x40), u64(VDSO + 0x438), u64(0), u64(0),
		 u64(0), u64(0)));
	assert_text(walk_x86(PLAIN, STACK, STACK + 0x10),
		    "20000000 registers cfa 30000020 at 30000018\n"
		    "20000008 frame-pointer cfa 30000030 at 30000028\n"
		    "10000438 frame-pointer cfa 30000050 at 30000048\n"
		    "outermost");
}

TEST(where_nothing_leads_on)
{
	make(vdso(X86, X86_COMMON, x86_code), hex("90"),
	     cat(u64(VDSO + 0x408), u64(STACK), u64(0x1234)));
	/* A frame pointer below the stack, beyond it, not aligned. */
	const char *lost = "20000000 registers\n"
			   "no caller found: 0x20000000 is in no file's "
			   "mapping";
	assert_text(walk_x86(PLAIN, STACK + 8, STACK), lost);
	assert_text(walk_x86(PLAIN, STACK, STACK + 0x2000), lost);
	assert_text(walk_x86(PLAIN, STACK, STACK + 4), lost);
	assert_text(walk_x86(PLAIN, STACK, UINT64_MAX - 7), lost);
	/* What it points at is no code. */
	assert_text(walk_x86(PLAIN, STACK, STACK + 8), lost);
	/* A return address that is none. */
	assert_text(walk_x86(VDSO + 0x400, STACK + 0x10, 0),
		    "10000400 registers cfa 30000018 at 30000010\n"
		    "1234 cfi\n"
		    "no code there: 0x1234 is no mapped code");
	/* Memory that is not there. */
	assert_text(walk_x86(VDSO + 0x400, STACK - 0x1000, 0),
		    "10000400 registers cfa 2ffff008\n"
		    "memory missing: the return address: 0x2ffff000: nothing is mapped there");
	/* An expression that never ends. */
	assert_text(walk_x86(VDSO + 0x440, STACK, 0),
		    "10000440 registers\n"
		    "no caller found: [vdso]: expression: byte 0: operation 0x2f: "
		    "too many operations");
}

TEST(a_stack_does_not_lead_into_itself)
{
	make(vdso(X86, X86_COMMON, x86_code), hex("90"),
	     cat(u64(0), u64(0), u64(STACK + 0x10), u64(VDSO + 0x438)));
	/* rbp points at itself. */
	assert_text(walk_x86(VDSO + 0x438, STACK, STACK + 0x10),
		    "10000438 registers cfa 30000020 at 30000018\n"
		    "10000438 cfi cfa 30000020 at 30000018\n"
		    "stack does not ascend: the frame at 0x30000020 is not "
		    "above 0x30000020");
}

#define RESTORER "48 c7 c0 0f 00 00 00 0f 05"

TEST(the_kernel_saved_what_a_signal_interrupted)
{
	/* A handler that returns to the restorer, above it the signal's frame:
	 * r8 to r15, di si bp bx dx ax cx sp ip from 40 on. The code that it
	 * interrupted is at its first instruction. */
	struct bytes stack = cat(u64(PLAIN), fill(0, 40), fill(0, 64),
				 fill(0, 56), u64(STACK + 0x200),
				 u64(VDSO + 0x410));
	make(vdso(X86, X86_COMMON, x86_code), hex(RESTORER),
	     cat(stack, fill(0, 0x218 - stack.size), u64(VDSO + 0x429)));
	assert_text(walk_x86(VDSO + 0x400, STACK, 0),
		    "10000400 registers cfa 30000008 at 30000000\n"
		    "20000000 cfi handler\n"
		    "10000410 signal cfa 30000218 at 30000210\n"
		    "outermost");
}

TEST(signal_frames_in_a_circle_end)
{
	/* What it interrupted is the restorer, on the same stack. */
	struct bytes stack = cat(fill(0, 40), fill(0, 64), fill(0, 56),
				 u64(STACK), u64(PLAIN));
	make(vdso(X86, X86_COMMON, x86_code), hex(RESTORER), stack);
	assert_text(walk_x86(PLAIN, STACK, 0),
		    "20000000 registers handler\n"
		    "20000000 signal handler\n"
		    "cycle: the stack leads back to 0x30000000");
}

/* ---- aarch64 ---- */

static const char *walk_arm(uint64_t pc, uint64_t sp, uint64_t x29,
			    uint64_t x30)
{
	uint64_t x[31] = { [29] = x29, [30] = x30 };
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoAarch64 info = THREAD_INFO_AARCH64__INIT;
	UserAarch64RegsEntry regs = USER_AARCH64_REGS_ENTRY__INIT;
	core.mtype = CORE_ENTRY__MARCH__AARCH64;
	core.ti_aarch64 = &info;
	info.gpregs = &regs;
	regs.n_regs = 31;
	regs.regs = x;
	regs.sp = sp;
	regs.pc = pc;
	return walk_some(&core, 12);
}

/* 0x400: leaf; 0x410: signed from 0x414 on, saved from 0x418 on with 32 bytes;
 * 0x420: nobody called it. */
static const char *const arm_code[] = {
	"00", "41 2d 41 0e 20 9d 04 9e 03", "07 1e", NULL,
};

TEST(a_return_address_in_its_register)
{
	make(vdso(ARM, ARM_COMMON, arm_code), hex(""), hex(""));
	assert_text(walk_arm(VDSO + 0x408, STACK, 0, VDSO + 0x424),
		    "10000408 registers cfa 30000000 in 30\n"
		    "10000424 cfi\n"
		    "outermost");
	/* Signed, and not saved yet. */
	assert_text(walk_arm(VDSO + 0x414, STACK, 0,
			     (VDSO + 0x424) | UINT64_C(0x35) << 48),
		    "10000414 registers cfa 30000000 in 30 signed a\n"
		    "10000424 cfi\n"
		    "outermost");
}

TEST(signed_return_addresses_are_followed)
{
	make(vdso(ARM, ARM_COMMON, arm_code), hex(""),
	     cat(u64(STACK + 0x20), u64((VDSO + 0x41c) | UINT64_C(0x7f) << 48),
		 u64(0), u64(0), u64(0), u64(VDSO + 0x424)));
	assert_text(walk_arm(VDSO + 0x41c, STACK, STACK, 0),
		    "1000041c registers cfa 30000020 at 30000008 signed a\n"
		    "1000041c cfi cfa 30000040 at 30000028 signed a\n"
		    "10000424 cfi\n"
		    "outermost");
}

TEST(behind_a_frame_pointer_the_tables_go_on)
{
	/* Code without tables; its caller's pair is where x29 says, its frame
	 * where the tables say that pair is. */
	make(vdso(ARM, ARM_COMMON, arm_code), hex(""),
	     cat(u64(STACK + 0x40), u64(VDSO + 0x41c), fill(0, 0x30),
		 u64(0), u64(VDSO + 0x424)));
	assert_text(walk_arm(PLAIN, STACK, STACK, 0),
		    "20000000 registers at 30000008\n"
		    "1000041c frame-pointer cfa 30000060 at 30000048 signed a\n"
		    "10000424 cfi\n"
		    "outermost");
}

TEST(an_aarch64_signal_frame)
{
	struct bytes stack = cat(fill(0, 304 + 8), fill(0, 8 * 29),
				 u64(STACK + 0x800), u64(VDSO + 0x424),
				 u64(STACK + 0x800), u64(VDSO + 0x408));
	make(vdso(ARM, ARM_COMMON, arm_code), hex("681180d2 010000d4"), stack);
	assert_text(walk_arm(VDSO + 0x400, STACK, 0, PLAIN),
		    "10000400 registers cfa 30000000 in 30\n"
		    "20000000 cfi handler\n"
		    "10000408 signal cfa 30000800 at 30000228\n"
		    "10000424 cfi\n"
		    "outermost");
}

TEST_MAIN("lib/unwind/frame")
