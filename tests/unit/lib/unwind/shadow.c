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

TEST_MAIN("lib/unwind/shadow")
