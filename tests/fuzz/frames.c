// SPDX-License-Identifier: MIT
/*
 * Hostile signal frames: a byte that says which processor, the stack pointer of a
 * thread (8 bytes), then memory of three pages that is its stack and its shadow
 * stack, and a page that is code. What handlers return to is at CODE.
 *
 * Frames are found, graded and judged in bounded time; the grades hold together;
 * a second time it is the same.
 */
#include "lib/base/utf8.h"
#include "lib/unwind/sigframe.h"
#include "tests/fuzz/process.h"

#define CODE  UINT64_C(0x10000000)
#define STACK UINT64_C(0x30000000)

static const struct fuzz_mapping mappings[] = {
	{ CODE, 1, 5, 0x201 },
	{ STACK, 3, 3, 0x201 },
	{ 0 },
};

/* Of different minds. */
static const struct cr_machine machines[] = {
	{ .arch = "x86_64" },
	{ .arch = "x86_64",
	  .x86 = { .features = 0xe7,
		   .frame_size = 832,
		   .component = { [2] = { 576, 256 } },
		   .short_frames = CR_TRIAL_YES,
		   .long_frames = CR_TRIAL_YES } },
	{ .arch = "aarch64" },
	{ .arch = "aarch64",
	  .aarch64 = { .gcs = CR_TRIAL_YES,
		       .sve = { 2, { 16, 64 }, 64 },
		       .sme = { 1, { 32 }, 16 } } },
};

static void check_why(const char *text)
{
	fuzz_check(cr_utf8_valid(text, strlen(text)), "a text is not UTF-8");
	for (; *text; text++)
		fuzz_check((unsigned char)*text >= ' ' && *text != 0x7f,
			   "a text has control characters");
}

static uint64_t look_at(const struct cr_sigframes *s,
			const struct cr_sigframe *frame)
{
	uint64_t sum = frame->at * 31 + frame->size + frame->pc + frame->grade;
	bool is_live = frame->grade >= CR_SIGFRAME_CHAINED;
	fuzz_check(is_live == !!frame->tid, "a live frame is nobody's");
	fuzz_check(is_live == !!frame->order, "a live frame has no order");
	fuzz_check(frame->size && frame->size < 512 * 1024 * 1024ull * 1024,
		   "a frame has a strange size");
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		struct cr_sigframe_fate fate;
		cr_sigframe_judge(frame, s->arch, &machines[i], &fate);
		check_why(fate.why);
		fuzz_check(cr_fate_name(fate.fate), "a fate has no name");
		sum = sum * 31 + fate.fate;
	}
	return sum;
}

static uint64_t find_all(struct cr_pages *pages, const CoreEntry *core)
{
	struct cr_sigframes s;
	struct cr_sigframes_thread said;
	struct cr_unwind u;
	uint64_t sum = 0;
	struct cr_error *err = cr_sigframes_init(&s, pages, core);
	if (!err)
		err = cr_unwind_init(&u, pages, s.arch);
	if (!err)
		err = cr_sigframes_thread(&s, &u, 1, core, &said);
	if (err)
		fuzz_fail("frames are not looked for", err);
	cr_sigframes_finish(&s);
	fuzz_check(s.nr <= CR_SIGFRAMES_MAX, "there are too many frames");
	for (size_t i = 0; i < s.nr; i++)
		sum = sum * 31 + look_at(&s, &s.frame[i]);
	cr_unwind_deinit(&u);
	cr_sigframes_deinit(&s);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t x[31] = { 0 };
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoX86 x86 = THREAD_INFO_X86__INIT;
	UserX86RegsEntry x86_regs = USER_X86_REGS_ENTRY__INIT;
	ThreadInfoAarch64 arm = THREAD_INFO_AARCH64__INIT;
	UserAarch64RegsEntry arm_regs = USER_AARCH64_REGS_ENTRY__INIT;
	UserAarch64GcsEntry gcs = USER_AARCH64_GCS_ENTRY__INIT;
	TaskCoreEntry tc = TASK_CORE_ENTRY__INIT;
	SaEntry action = SA_ENTRY__INIT, *actions[] = { &action };
	struct fuzz_process process;
	if (!size)
		return 0;
	bool is_arm = data[0] & 1;
	data++;
	size--;
	uint64_t sp = fuzz_word(&data, &size);
	memset(fuzz_memory, 0, sizeof(fuzz_memory));
	memcpy(fuzz_memory + FUZZ_PAGE, data,
	       size < 3 * FUZZ_PAGE ? size : 3 * FUZZ_PAGE);
	action.restorer = CODE;
	tc.sigactions = actions;
	tc.n_sigactions = 1;
	core.tc = &tc;
	if (is_arm) {
		core.mtype = CORE_ENTRY__MARCH__AARCH64;
		core.ti_aarch64 = &arm;
		arm.gpregs = &arm_regs;
		arm.gcs = &gcs;
		gcs.features_enabled = 1;
		gcs.gcspr_el0 = sp;
		arm_regs.n_regs = 31;
		arm_regs.regs = x;
		arm_regs.sp = sp;
	} else {
		core.mtype = CORE_ENTRY__MARCH__X86_64;
		core.thread_info = &x86;
		x86.gpregs = &x86_regs;
		x86_regs.sp = sp;
	}
	fuzz_process_open(&process, mappings);
	uint64_t sum = find_all(&process.pages, &core);
	fuzz_check(sum == find_all(&process.pages, &core), "a second time differs");
	fuzz_process_close(&process);
	return 0;
}
