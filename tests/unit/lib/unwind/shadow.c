// SPDX-License-Identifier: MIT
#include "lib/unwind/shadow.h"

#include "tests/support/main.h"
#include "tests/support/pages.h"

#define STACK UINT64_C(0x30000000)

static struct bytes u64(uint64_t v)
{
	return cat(word((uint32_t)v), word((uint32_t)(v >> 32)));
}

/* A frame of a walk that is compared, and where it came from. */
struct step {
	uint64_t pc;
	enum cr_frame_how how;
};

/* Compares frames with a shadow stack that ends the page; the verdicts, with the
 * words that differ. */
static const char *compare(struct bytes words, const struct step *steps,
			   uint64_t features)
{
	struct cr_set set;
	struct cr_memory memory;
	struct cr_pages pages;
	struct cr_shadow shadow;
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoAarch64 info = THREAD_INFO_AARCH64__INIT;
	UserAarch64GcsEntry gcs = USER_AARCH64_GCS_ENTRY__INIT;
	char *text = cr_test_format("%s", "");

	put("a/mm-1.img", mm(4096, vma(STACK, STACK + 4096, 0x201)));
	put("a/pagemap-1.img", pagemap(1, run(STACK, 1, 4)));
	put("a/pages-1.img", cat(fill(0, 4096 - words.size), words));
	core.ti_aarch64 = &info;
	info.gcs = &gcs;
	gcs.features_enabled = features;
	gcs.gcspr_el0 = STACK + 4096 - words.size;
	ck_assert_ptr_null(cr_set_open(cr_test_path("a"), &set));
	ck_assert_ptr_null(cr_memory_init(&memory, &set, NULL));
	ck_assert_ptr_null(cr_pages_open(&pages, &memory, 1));
	cr_shadow_start(&shadow, &core);
	for (; steps->pc; steps++) {
		struct cr_frame frame = { .pc = steps->pc,
					  .how = steps->how };
		uint64_t has = 0;
		enum cr_shadow_verdict v =
			cr_shadow_next(&shadow, &pages, &frame, &has);
		text = cr_test_format("%s%s", text,
				      cr_shadow_verdict_name(v) ?: "-");
		if (v == CR_SHADOW_DIFFERS)
			text = cr_test_format("%s(%llx)", text,
					      (unsigned long long)has);
		text = cr_test_format("%s ", text);
	}
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
	return text;
}

static const struct step usual[] = {
	{ 0x10, CR_FRAME_TOP }, { 0x20, CR_FRAME_CFI }, { 0x30, CR_FRAME_CFI },
	{ 0x30, CR_FRAME_CFI }, { 0x40, CR_FRAME_CFI }, { 0 },
};

TEST(every_frame_but_the_top_has_a_word)
{
	assert_text(compare(cat(u64(0x20), u64(0x30), u64(0x30), u64(0x40),
				u64(0)),
			    usual, 1),
		    "- agrees agrees agrees agrees ");
}

TEST(it_may_have_been_switched_on_late)
{
	assert_text(compare(cat(u64(0x20), u64(0x30), u64(0)), usual, 1),
		    "- agrees agrees - - ");
}

TEST(a_frame_that_differs)
{
	/* Its return address was changed: what was kept is another. */
	static const struct step changed[] = {
		{ 0x10, CR_FRAME_TOP }, { 0x20, CR_FRAME_CFI },
		{ 0x39, CR_FRAME_CFI }, { 0x30, CR_FRAME_CFI },
		{ 0x40, CR_FRAME_CFI }, { 0 },
	};
	assert_text(compare(cat(u64(0x20), u64(0x38), u64(0x30), u64(0x40),
				u64(0)),
			    changed, 1),
		    "- agrees differs(38) agrees agrees ");
}

TEST(behind_a_guess_what_differs_is_not_sure)
{
	static const struct step guessed[] = {
		{ 0x10, CR_FRAME_TOP },	    { 0x29, CR_FRAME_CFI },
		{ 0x30, CR_FRAME_POINTER }, { 0x39, CR_FRAME_POINTER },
		{ 0x49, CR_FRAME_CFI },	    { 0x50, CR_FRAME_CFI },
		{ 0x69, CR_FRAME_CFI },	    { 0 },
	};
	assert_text(compare(cat(u64(0x20), u64(0x30), u64(0x38), u64(0x40),
				u64(0x50), u64(0x60), u64(0)),
			    guessed, 1),
		    "- differs(20) agrees unsure unsure agrees differs(60) ");
}

TEST(frames_that_the_walk_has_not_found)
{
	assert_text(compare(cat(u64(0x21), u64(0x22), u64(0x20), u64(0x30),
				u64(0x30), u64(0x40), u64(0)),
			    usual, 1),
		    "- differs(21) agrees agrees agrees ");
}

TEST(what_a_signal_interrupted_is_not_there)
{
	static const struct step signal[] = {
		{ 0x10, CR_FRAME_TOP },	   { 0x20, CR_FRAME_CFI },
		{ 0x30, CR_FRAME_SIGNAL }, { 0x40, CR_FRAME_CFI },
		{ 0 },
	};
	assert_text(compare(cat(u64(0x20), u64(STACK), u64(0x40), u64(0)),
			    signal, 1),
		    "- agrees - agrees ");
}

TEST(none_and_none_that_can_be_read)
{
	assert_text(compare(cat(u64(0x20), u64(0x30)), usual, 0),
		    "- - - - - ");
	assert_text(compare(cat(u64(0x20), u64(0x30)), usual, 1),
		    "- agrees agrees unknown - ");
}

TEST(what_a_word_is_its_place_tells)
{
	static const struct {
		bool is_x86;
		uint64_t word;
		const char *name;
	} rows[] = {
		{ false, 0, "marker" },
		{ false, 0x400100, "return" },
		{ false, STACK + 0x1000, "signal" },
		{ false, STACK + 0x1001, "token" },
		{ false, STACK + 0x2000, "return" },
		{ false, STACK + 0x2001, "return" },
		{ false, STACK + 0x1005, "busy-token" },
		{ true, 0, "marker" },
		{ true, 0x400101, "return" },
		{ true, (STACK + 0x1238) | UINT64_C(1) << 63, "signal" },
		{ true, (STACK + 0x1240) | UINT64_C(1) << 63, "return" },
		{ true, (STACK + 0x1238) | 1, "token" },
		{ true, STACK + 0x1238, "return" },
		{ true, 0x400105, "return" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_text(cr_shadow_kind_name(cr_shadow_kind_of(
				    rows[i].is_x86, STACK + 0x1230,
				    rows[i].word)),
			    rows[i].name);
}

TEST(of_x86_too_and_without_a_marker)
{
	struct cr_set set;
	struct cr_memory memory;
	struct cr_pages pages;
	struct cr_shadow shadow;
	uint64_t has, end = STACK + 4096;
	CoreEntry core = CORE_ENTRY__INIT;
	ThreadInfoX86 info = THREAD_INFO_X86__INIT;
	UserX86FpregsEntry fpregs = USER_X86_FPREGS_ENTRY__INIT;
	UserX86XsaveEntry xsave = USER_X86_XSAVE_ENTRY__INIT;
	UserX86CetEntry cet = USER_X86_CET_ENTRY__INIT;
	static const struct {
		uint64_t pc;
		enum cr_frame_how how;
		enum cr_shadow_verdict want;
	} steps[] = {
		{ 0x10, CR_FRAME_TOP, CR_SHADOW_NONE },
		{ 0x20, CR_FRAME_CFI, CR_SHADOW_OK },
		{ 0x30, CR_FRAME_SIGNAL, CR_SHADOW_NONE },
		{ 0x40, CR_FRAME_CFI, CR_SHADOW_OK },
		{ 0x50, CR_FRAME_CFI, CR_SHADOW_NONE },
	};
	put("a/mm-1.img", mm(4096, vma(STACK, end, 0x8201)));
	put("a/pagemap-1.img", pagemap(1, run(STACK, 1, 4)));
	put("a/pages-1.img", cat(fill(0, 4096 - 24), u64(0x20),
				 u64((end - 8) | UINT64_C(1) << 63),
				 u64(0x40)));
	core.thread_info = &info;
	info.fpregs = &fpregs;
	fpregs.xsave = &xsave;
	cr_shadow_start(&shadow, &core);
	ck_assert(!shadow.is_on);
	xsave.cet = &cet;
	cet.ssp = end - 24;
	cr_shadow_start(&shadow, &core);
	ck_assert(!shadow.is_on);
	cet.cet = 1;
	cr_shadow_start(&shadow, &core);
	ck_assert(shadow.is_on && shadow.is_x86);
	ck_assert_ptr_null(cr_set_open(cr_test_path("a"), &set));
	ck_assert_ptr_null(cr_memory_init(&memory, &set, NULL));
	ck_assert_ptr_null(cr_pages_open(&pages, &memory, 1));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct cr_frame frame = { .pc = steps[i].pc,
					  .how = steps[i].how };
		ck_assert_uint_eq(cr_shadow_next(&shadow, &pages, &frame,
						 &has),
				  steps[i].want);
	}
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
}

TEST_MAIN("lib/unwind/shadow")
