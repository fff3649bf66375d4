// SPDX-License-Identifier: MIT
#include "lib/unwind/sigframe.h"

#include "tests/support/main.h"
#include "tests/support/pages.h"

#define CODE   UINT64_C(0x10000000) /* what handlers return to, and all code */
#define STACK  UINT64_C(0x30000000) /* three pages */
#define OTHER  UINT64_C(0x40000000) /* one page */
#define SHADOW UINT64_C(0x50000000)

static struct bytes u64(uint64_t v)
{
	return cat(word((uint32_t)v), word((uint32_t)(v >> 32)));
}

static struct bytes padded(struct bytes b, size_t size)
{
	return cat(b, fill(0, size - b.size));
}

/* Bytes with others put over them. */
static struct bytes over(struct bytes b, size_t off, struct bytes with)
{
	uint8_t *copy = cr_test_alloc(b.size);
	memcpy(copy, b.p, b.size);
	memcpy(copy + off, with.p, with.size);
	return (struct bytes){ copy, b.size };
}

static struct bytes mapping(uint64_t start, uint32_t nr, uint32_t prot,
			    uint32_t status)
{
	return len(14, num(1, start), num(2, start + nr * 4096), num(3, 0),
		   num(4, 0), num(5, prot), num(6, 0x22), num(7, status),
		   num(8, 1));
}

static void make(struct bytes stack, struct bytes other, struct bytes shadow)
{
	put("a/mm-1.img", mm(4096, mapping(CODE, 1, 5, 0x201),
			     mapping(STACK, 3, 3, 0x201),
			     mapping(OTHER, 1, 3, 0x201),
			     mapping(SHADOW, 1, 3, 0x8201)));
	put("a/pagemap-1.img", pagemap(1, run(CODE, 1, 4), run(STACK, 3, 4),
				       run(OTHER, 1, 4), run(SHADOW, 1, 4)));
	put("a/pages-1.img", cat(fill(0, 4096), padded(stack, 3 * 4096),
				 padded(other, 4096), padded(shadow, 4096)));
}

/* ---- what is found ---- */

static const struct cr_machine *judge_on; /* NULL: grades */

static char *frame_text(const struct cr_sigframes *s,
			const struct cr_sigframe *f)
{
	struct cr_sigframe_fate fate;
	if (!judge_on)
		return cr_test_format("%llx+%llu %s%u -> %llx",
				      (unsigned long long)f->at,
				      (unsigned long long)f->size,
				      cr_sigframe_grade_name(f->grade), f->tid,
				      (unsigned long long)f->sp);
	cr_sigframe_judge(f, s->arch, judge_on, &fate);
	return cr_test_format("%s %llx %s", cr_fate_name(fate.fate),
			      (unsigned long long)fate.components, fate.why);
}

static const char *find(const CoreEntry *core)
{
	struct cr_set set;
	struct cr_memory memory;
	struct cr_pages pages;
	struct cr_sigframes s;
	struct cr_sigframes_thread said;
	char *text = cr_test_format("%s", "");
	ck_assert_ptr_null(cr_set_open(cr_test_path("a"), &set));
	ck_assert_ptr_null(cr_memory_init(&memory, &set, NULL));
	ck_assert_ptr_null(cr_pages_open(&pages, &memory, 1));
	ck_assert_ptr_null(cr_sigframes_init(&s, &pages, core));
	ck_assert_ptr_null(cr_sigframes_thread(&s, NULL, 1, core, &said));
	cr_sigframes_finish(&s);
	for (size_t i = 0; i < s.nr; i++)
		text = cr_test_format("%s%s%s", text, i ? "\n" : "",
				      frame_text(&s, &s.frame[i]));
	if (said.has_shadow && said.nr != said.nr_shadow)
		text = cr_test_format("%s; shadow %zu", text, said.nr_shadow);
	cr_sigframes_deinit(&s);
	cr_sigframes_deinit(&s);
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
	return text;
}

/* A process in which one thread's stack pointer is at sp. */
static const char *find_x86(uint64_t sp)
{
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoX86 info = THREAD_INFO_X86__INIT;
	UserX86RegsEntry regs = USER_X86_REGS_ENTRY__INIT;
	TaskCoreEntry tc = TASK_CORE_ENTRY__INIT;
	ThreadCoreEntry thread = THREAD_CORE_ENTRY__INIT;
	ThreadSasEntry sas = THREAD_SAS_ENTRY__INIT;
	SaEntry action = SA_ENTRY__INIT, *actions[] = { &action };
	core.mtype = CORE_ENTRY__MARCH__X86_64;
	core.thread_info = &info;
	core.tc = &tc;
	core.thread_core = &thread;
	thread.sas = &sas;
	sas.ss_sp = OTHER;
	sas.ss_size = 4096;
	info.gpregs = &regs;
	regs.sp = sp;
	action.restorer = CODE;
	tc.sigactions = actions;
	tc.n_sigactions = 1;
	return find(&core);
}

static const char *find_arm(uint64_t sp, uint64_t gcspr)
{
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoAarch64 info = THREAD_INFO_AARCH64__INIT;
	UserAarch64RegsEntry regs = USER_AARCH64_REGS_ENTRY__INIT;
	UserAarch64GcsEntry gcs = USER_AARCH64_GCS_ENTRY__INIT;
	core.mtype = CORE_ENTRY__MARCH__AARCH64;
	core.ti_aarch64 = &info;
	info.gpregs = &regs;
	info.gcs = &gcs;
	gcs.features_enabled = gcspr != 0;
	gcs.gcspr_el0 = gcspr;
	regs.sp = sp;
	return find(&core);
}

/* ---- x86_64 ---- */

/* The frame, and behind it the extended state at the next multiple of 64; `at` is
 * 8 modulo 64. It ends 448 + size + 4 bytes later. */
static struct bytes x86_frame(uint64_t at, uint64_t sp, struct bytes area)
{
	return cat(u64(CODE), u64(7), fill(0, 152), u64(sp), u64(CODE + 16),
		   u64(0x202), hex("3300 0000 0000 2b00"), fill(0, 32),
		   u64(at + 440), fill(0, 72), word(10), fill(0, 124), area);
}

static struct bytes x86_area(uint64_t features, uint64_t live, uint32_t size)
{
	return cat(fill(0, 24), word(0x1f80), fill(0, 436), word(0x46505853),
		   word(size + 4), u64(features), word(size), fill(0, 28),
		   u64(live), fill(0, size - 520), word(0x46505845));
}

#define AVX x86_area(7, 7, 832)
#define F1 (STACK + 0x48)
#define F2 (STACK + 0x1048)

TEST(frames_follow_from_the_stack_pointer_on)
{
	judge_on = NULL;
	make(cat(fill(0, 0x48), padded(x86_frame(F1, F2, AVX), 0x1000),
		 x86_frame(F2, STACK + 0x2800, AVX)),
	     hex(""), hex(""));
	assert_text(find_x86(STACK), "30000048+1276 chained1 -> 30001048\n"
				     "30001048+1276 chained1 -> 30002800");
	assert_text(find_x86(STACK + 0x800),
		    "30001048+1276 chained1 -> 30002800\n"
		    "30000048+1276 stale0 -> 30001048");
	/* The handler has just begun; it has just returned. */
	assert_text(find_x86(F2), "30001048+1276 chained1 -> 30002800\n"
				  "30000048+1276 stale0 -> 30001048");
	assert_text(find_x86(F2 + 8), "30001048+1276 chained1 -> 30002800\n"
				      "30000048+1276 stale0 -> 30001048");
	assert_text(find_x86(CODE), "30000048+1276 suspect0 -> 30001048\n"
				    "30001048+1276 suspect0 -> 30002800");
}

TEST(an_alternate_stack_that_is_not_in_use_is_stale)
{
	judge_on = NULL;
	struct bytes other = cat(fill(0, 0x48), x86_frame(OTHER + 0x48,
							 STACK + 64, AVX));
	make(hex(""), other, hex(""));
	assert_text(find_x86(STACK), "40000048+1276 stale0 -> 30000040");
	assert_text(find_x86(OTHER), "40000048+1276 chained1 -> 30000040");
}

TEST(frames_in_a_circle)
{
	judge_on = NULL;
	make(cat(fill(0, 0x1048), x86_frame(F2, STACK, AVX)), hex(""),
	     hex(""));
	assert_text(find_x86(STACK), "30001048+1276 chained1 -> 30000000");
}

/* One that is changed in a place is none, or another. */
static const char *find_changed(size_t off, struct bytes with)
{
	make(cat(fill(0, 0x1048),
		 over(x86_frame(F2, STACK + 0x2800, AVX), off, with)),
	     hex(""), hex(""));
	return find_x86(STACK);
}

TEST(what_is_no_frame)
{
	judge_on = NULL;
	assert_text(find_changed(0, u64(CODE + 1)), "");
	assert_text(find_changed(8, u64(8)), "");
	assert_text(find_changed(168, u64(STACK - 1)), "");
	assert_text(find_changed(176, u64(STACK)), "");
	assert_text(find_changed(192, hex("2300")), "");
	assert_text(find_changed(232, u64(F2)), "");
	assert_text(find_changed(232, u64(STACK + 3 * 4096)), "");
	assert_text(find_changed(232, u64(STACK + 3 * 4096 - 64)), "");
	assert_text(find_changed(232, u64(0)),
		    "30001048+440 chained1 -> 30002800");
	/* Its magic is cut: x87 and SSE only. */
	assert_text(find_changed(440 + 464, word(0)),
		    "30001048+952 chained1 -> 30002800");
	assert_text(find_changed(440 + 832, word(0)),
		    "30001048+952 chained1 -> 30002800");
	/* It ends with the stack. */
	make(cat(fill(0, 3 * 4096 - 440), x86_frame(0, STACK, hex(""))),
	     hex(""), hex(""));
	assert_text(find_x86(STACK), "");
}

/* What a machine does with one that is changed behind its registers. */
static const char *judge_x86(const struct cr_machine *machine, size_t off,
			     struct bytes with)
{
	judge_on = machine;
	return find_changed(440 + off, with);
}

static const struct cr_machine avx_machine = {
	.arch = "x86_64",
	.x86 = { .features = 7,
		 .frame_size = 832,
		 .component = { [2] = { 576, 256 } } },
};

TEST(extended_state_that_faults)
{
	const struct cr_machine *m = &avx_machine;
	assert_text(judge_x86(m, 24, word(0x1f80)), "ok 0 ");
	assert_text(judge_x86(m, 520, u64(1ull << 63)),
		    "fault 0 its extended state is not in standard format");
	assert_text(judge_x86(m, 532, hex("01")),
		    "fault 0 its extended state is not in standard format");
	assert_text(judge_x86(m, 552, hex("01")), "ok 0 ");
	assert_text(judge_x86(m, 24, word(0x10000)),
		    "fault 0 its mxcsr has unknown bits");
	/* The processor is asked for a component; there would be room for it. */
	assert_text(judge_x86(m, 512, u64(0x207)),
		    "fault 200 the processor has not all components of it");
	assert_text(judge_x86(m, 472, u64(0x207)), "ok 0 ");
	make(cat(fill(0, 0x1048),
		 over(x86_frame(F2, STACK + 0x2800, AVX), 232,
		      u64(F2 + 448))),
	     hex(""), hex(""));
	assert_text(find_x86(STACK), "fault 0 its extended state is not aligned");
}

TEST(sizes_that_do_not_fit)
{
	struct cr_machine m = avx_machine;
	m.x86.frame_size = 840;
	assert_text(judge_x86(&m, 24, word(0x1f80)),
		    "ok if lenient 4 its extended state has 832 bytes, of this "
		    "kernel's frames 840");
	/* Nothing is lost of what is not in use. */
	assert_text(judge_x86(&m, 512, u64(3)), "ok 0 ");
	m.x86.short_frames = CR_TRIAL_NO;
	assert_text(judge_x86(&m, 512, u64(3)), "ok 0 ");
	assert_text(judge_x86(&m, 24, word(0x1f80)),
		    "loss 4 its extended state has 832 bytes, of this kernel's "
		    "frames 840");
	m.x86.frame_size = 576;
	assert_text(judge_x86(&m, 24, word(0x1f80)),
		    "loss 4 its extended state has 832 bytes, of this kernel's "
		    "frames 576");
	m.x86.long_frames = CR_TRIAL_YES;
	assert_text(judge_x86(&m, 24, word(0x1f80)), "ok 0 ");
	m.x86.frame_size = 0;
	assert_text(judge_x86(&m, 24, word(0x1f80)),
		    "unknown 0 the size of its frames is not known");
}

/* ---- AArch64 ---- */

#define RECORD(magic, size) cat(word(magic), word(size))
#define FPSIMD padded(RECORD(0x46508001, 0x210), 0x210)
#define ESR padded(RECORD(0x45535201, 16), 16)
#define SVE(vl) cat(RECORD(0x53564501, 16), word(vl), word(0))

/* Above it x29 and x30, which are 0. */
static struct bytes arm_frame(uint64_t sp, struct bytes records)
{
	return cat(word(12), fill(0, 556), u64(sp), u64(CODE + 16),
		   fill(0, 16), padded(records, 4096), fill(0, 16));
}

static const struct cr_machine arm_machine = {
	.arch = "aarch64",
	.aarch64 = { .gcs = CR_TRIAL_YES, .sve = { 2, { 16, 64 }, 64 } },
};

static const char *judge_arm(struct bytes records)
{
	judge_on = &arm_machine;
	make(arm_frame(STACK + 0x2800, cat(FPSIMD, records)), hex(""),
	     hex(""));
	return find_arm(STACK, 0);
}

TEST(records)
{
	assert_text(judge_arm(hex("")), "ok 0 ");
	assert_text(judge_arm(cat(ESR, ESR)), "ok 0 ");
	assert_text(judge_arm(SVE(64)), "ok 0 ");
	assert_text(judge_arm(SVE(16)),
		    "ok 0 if the SVE length of the thread is set to 16");
	assert_text(judge_arm(SVE(32)),
		    "fault 0 record sve: the machine has no vectors of 32 bytes");
	/* In streaming mode. */
	assert_text(judge_arm(SVE(64 | 1 << 16)),
		    "fault 0 record sve: the machine has no SME");
	assert_text(judge_arm(padded(cat(RECORD(0x53564501, 32), word(64)),
				     32)),
		    "fault 0 record sve is shorter than its registers");
	assert_text(judge_arm(padded(RECORD(0x12345678, 16), 16)),
		    "fault 0 no kernel is known to take record 0x12345678");
	assert_text(judge_arm(padded(RECORD(0x47435300, 32), 32)), "ok 0 ");
	assert_text(judge_arm(padded(RECORD(0x504f4530, 16), 16)),
		    "unknown 0 record poe: whether the machine has that is not "
		    "known");
}

TEST(records_that_no_kernel_takes)
{
	const char *wrong = "fault 0 a record has a wrong size";
	assert_text(judge_arm(RECORD(0x45535201, 0)), wrong);
	assert_text(judge_arm(RECORD(0x45535201, 7)), wrong);
	assert_text(judge_arm(RECORD(0x45535201, 24)), wrong);
	assert_text(judge_arm(RECORD(0x45535201, 4096)), wrong);
	assert_text(judge_arm(RECORD(0x45535201, 0xfffffff0)), wrong);
	assert_text(judge_arm(padded(RECORD(0x47435300, 16), 16)), wrong);
	assert_text(judge_arm(RECORD(0, 16)),
		    "fault 0 its terminator has a size");
	assert_text(judge_arm(FPSIMD), "fault 0 a record comes twice");
	assert_text(judge_arm(padded(RECORD(0x45535201, 4096 - 0x210), 16)),
		    "fault 0 its records do not end");
	struct bytes many = hex("");
	for (int i = 0; i < 17; i++)
		many = cat(many, ESR);
	assert_text(judge_arm(many), "fault 0 it has too many records");
}

/* Extra space, `gap` bytes behind where it belongs. */
static const char *judge_extra(uint64_t gap, uint32_t size, struct bytes end)
{
	uint64_t at = STACK + 592 + 0x210 + 32 + 16;
	struct bytes inner = padded(RECORD(0x46504d52, 16), 16);
	struct bytes all =
		cat(FPSIMD, RECORD(0x45585401, 32), u64(at + gap), word(size),
		    fill(0, 12), padded(end, 16), inner);
	judge_on = NULL;
	/* What stands above it. */
	make(over(arm_frame(STACK + 0x2800, all), 592, all), hex(""), hex(""));
	judge_on = &arm_machine;
	return find_arm(STACK, 0);
}

TEST(extra_space)
{
	assert_text(judge_extra(0, 32, hex("")),
		    "unknown 0 record fpmr: whether the machine has that is "
		    "not known");
	/* The link is where the extra space ends. */
	assert_text(judge_extra(0, 16, hex("")),
		    "fault 0 its records do not end");
	assert_text(judge_extra(16, 32, hex("")),
		    "fault 0 its extra space is not where it should be");
	assert_text(judge_extra(-(uint64_t)0x250, 32, hex("")),
		    "fault 0 its extra space is not where it should be");
	assert_text(judge_extra(0, 40, hex("")),
		    "fault 0 its extra space is not where it should be");
	assert_text(judge_extra(0, 262160, hex("")),
		    "fault 0 its extra space is not where it should be");
	assert_text(judge_extra(0, 32, hex("01")),
		    "fault 0 nothing ends the records before the extra space");
}

TEST(a_context_of_libc_is_no_frame)
{
	judge_on = NULL;
	struct bytes frame = arm_frame(STACK + 0x2800, FPSIMD);
	make(frame, hex(""), hex(""));
	assert_text(find_arm(STACK, 0), "30000000+4704 chained1 -> 30002800");
	/* x30 is not what stands above. */
	make(over(frame, 304 + 8 + 30 * 8, u64(1)), hex(""), hex(""));
	assert_text(find_arm(STACK, 0), "");
}

TEST(shadow_stacks_count_signals)
{
	judge_on = NULL;
	struct bytes cap = u64(SHADOW), ret = u64(CODE + 4);
	struct bytes stack = arm_frame(STACK + 0x2800, FPSIMD);
	make(stack, hex(""), cat(ret, cap, ret, u64(0), cap));
	assert_text(find_arm(STACK, SHADOW),
		    "30000000+4704 exact1 -> 30002800");
	make(stack, hex(""), cat(ret, cap, ret, cap, u64(0)));
	assert_text(find_arm(STACK, SHADOW),
		    "30000000+4704 chained1 -> 30002800; shadow 2");
	assert_text(find_arm(STACK, SHADOW + 32),
		    "30000000+4704 chained1 -> 30002800; shadow 0");
	assert_text(find_arm(STACK, SHADOW + 4096),
		    "30000000+4704 chained1 -> 30002800");
}

TEST(another_processor)
{
	judge_on = &avx_machine;
	make(arm_frame(STACK + 0x2800, FPSIMD), hex(""), hex(""));
	assert_text(find_arm(STACK, 0),
		    "other processor 0 the machine is x86_64");
}

TEST_MAIN("lib/unwind/sigframe")
