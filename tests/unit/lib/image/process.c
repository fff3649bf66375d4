// SPDX-License-Identifier: MIT
#include "lib/image/process.h"

#include "tests/support/main.h"
#include "tests/unit/lib/image/checkpoint.h"

/* A task_core_entry. */
static struct bytes task(uint32_t state, struct bytes comm)
{
	return cat(num(1, state), num(2, 0), num(3, 0), num(4, 0), num(5, 0),
		   len(6, comm));
}

/* State, name and whether it is a zombie, or the error. */
static const char *brief(struct bytes img)
{
	struct cr_set set = checkpoint("core-7.img", img);
	struct cr_brief b;
	struct cr_error *err = cr_brief_load(&set, 7, &b);
	const char *got =
		err ? cr_test_error(err) :
		      cr_test_format("%u %.*s (%zu)%s", b.state,
				     (int)b.comm_size, b.comm ?: "",
				     b.comm_size, b.zombie ? " zombie" : "");

	cr_brief_free(&b);
	close_checkpoint(&set);
	return got;
}

TEST(a_brief_has_state_and_name)
{
	assert_text(brief(image("CORE", entry(num(1, 1),
					      len(3, task(1, text("init")))))),
		    "1 init (4)");
	assert_text(brief(image("CORE",
				entry(num(1, 1), len(3, task(2, text("z")))))),
		    "2 z (1) zombie");
	assert_text(brief(image("CORE",
				entry(num(1, 1), len(3, task(6, text("z")))))),
		    "6 z (1) zombie");
	assert_text(brief(image("CORE", entry(num(1, 1)))), "0  (0)");
}

TEST(a_name_goes_on_behind_a_nul)
{
	assert_text(brief(image("CORE", entry(len(3, task(1, hex("'a' 00 'b'")))
					      ))),
		    "1 a (3)");
}

TEST(a_brief_of_a_broken_core)
{
	assert_text(brief(header("CORE")), "! FORMAT core-7.img: has no entry");
	assert_text(brief(image("CORE", entry(hex("1a 05 32 04 'ab'")))),
		    "! FORMAT core-7.img: entry 0: byte 0: field 3 claims 5 "
		    "bytes, the message has 4 left");
	assert_text(brief(image("CORE", entry(hex("1a 04 32 04 'ab'")))),
		    "! FORMAT core-7.img: entry 0: byte 2: field 6 claims 4 "
		    "bytes, the message has 2 left");
	assert_text(brief(header("PSTREE")),
		    "! FORMAT core-7.img: holds pstree_entry, not core_entry");
}

static struct bytes mm(struct bytes more)
{
	return entry(num(1, 0), num(2, 0), num(3, 0), num(4, 0), num(5, 0),
		     num(6, 0), num(7, 0), num(8, 0), num(9, 0), num(10, 0),
		     num(11, 0), num(12, 0), more);
}

static struct bytes vma(uint64_t start)
{
	return cat(num(1, start), num(2, start + 4096), num(3, 0), num(4, 0),
		   num(5, 0), num(6, 0), num(7, 0), num(8, 0));
}

/* The start of the mappings and the page size. */
static const char *load_mm(struct cr_set *set)
{
	struct cr_mm mm;
	struct cr_error *err = cr_mm_load(set, 7, &mm);
	const char *got = "";

	if (err)
		return cr_test_error(err);
	for (size_t i = 0; i < mm.nr_vmas; i++)
		got = cr_test_format("%s%d ", got, (int)mm.vma[i]->start);
	got = mm.entry ? cr_test_format("%s<<%u", got, mm.page_shift) : "none";
	cr_mm_free(&mm);
	return got;
}

static const char *page_shift(uint64_t key, uint64_t value)
{
	struct cr_set set = checkpoint(
		"mm-7.img",
		image("MM", mm(cat(num(13, 3), num(13, 9), num(13, key),
				   num(13, value), num(13, 6)))));
	const char *got = load_mm(&set);

	close_checkpoint(&set);
	return got;
}

// 00240000 of /proc/PID/personality, dumped by CRIU 4.2, and others.
TEST(a_personality_is_hexadecimal_in_decimal_digits)
{
	TaskCoreEntry tc = TASK_CORE_ENTRY__INIT;
	ck_assert_uint_eq(cr_core_personality(&tc), 0);
	tc.personality = 240000;
	ck_assert_uint_eq(cr_core_personality(&tc), 0x240000);
	tc.personality = 8000000;
	ck_assert_uint_eq(cr_core_personality(&tc), 0x8000000);
	tc.personality = UINT32_MAX;
	ck_assert_uint_eq(cr_core_personality(&tc), 0x94967295);
}

TEST(the_page_size_is_the_auxiliary_vectors)
{
	assert_text(page_shift(6, 4096), "<<12");
	assert_text(page_shift(6, 16384), "<<14");
	assert_text(page_shift(6, 65536), "<<16");
	assert_text(page_shift(7, 65536), "<<12");
}

TEST(an_absurd_page_size_does_not_count)
{
	assert_text(page_shift(6, 0), "<<12");
	assert_text(page_shift(6, 4097), "<<12");
	assert_text(page_shift(6, 1), "<<12");
	assert_text(page_shift(6, 1ull << 63), "<<12");
}

TEST(mappings_are_in_the_mm_or_in_an_image_of_their_own)
{
	struct cr_set set = checkpoint(
		"mm-7.img", image("MM", mm(len(14, vma(4096)))));

	add_image("vmas-7.img", image("VMAS", entry(vma(8192))));
	assert_text(load_mm(&set), "4096 <<12");
	add_image("mm-7.img", image("MM", mm(hex(""))));
	assert_text(load_mm(&set), "8192 <<12");
	add_image("vmas-7.img", header("MM"));
	assert_text(load_mm(&set), "! FORMAT vmas-7.img: holds mm_entry, not "
				   "vma_entry");
	close_checkpoint(&set);
}

TEST(a_process_without_memory)
{
	struct cr_set set = checkpoint("pstree.img", header("PSTREE"));

	assert_text(load_mm(&set), "none");
	close_checkpoint(&set);
}

/* The table of descriptors. */
static const char *files_id(struct cr_set *set)
{
	TaskKobjIdsEntry *ids;
	struct cr_error *err = cr_process_ids(set, 7, &ids);
	const char *got =
		err ? cr_test_error(err) :
		ids ? cr_test_format("%u", ids->files_id) :
		      "none";

	if (!err)
		cr_message_free(ids);
	return got;
}

TEST(ids_are_in_their_image_or_in_the_core)
{
	struct bytes ids = cat(num(1, 1), num(2, 5), num(3, 1), num(4, 1));
	struct cr_set set = checkpoint("pstree.img", header("PSTREE"));

	assert_text(files_id(&set), "none");
	add_image("core-7.img", image("CORE", entry(num(1, 1))));
	assert_text(files_id(&set), "none");
	add_image("core-7.img", image("CORE", entry(num(1, 1), len(4, ids))));
	assert_text(files_id(&set), "5");
	add_image("ids-7.img",
		  image("IDS", entry(num(1, 1), num(2, 9), num(3, 1),
				     num(4, 1))));
	assert_text(files_id(&set), "9");
	close_checkpoint(&set);
}

TEST_MAIN("lib/image/process")
