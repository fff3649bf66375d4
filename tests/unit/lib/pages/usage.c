// SPDX-License-Identifier: MIT
#include "lib/pages/usage.h"

#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

/* What process 1 takes, in pages: "anon 4 here 1 stored 1.0 parent 3; ..." */
static struct cr_error *append(void *arg, const struct cr_vma *vma,
			       const struct cr_usage *u)
{
	const char **text = arg;
	const struct {
		const char *name;
		uint64_t value;
	} part[] = {
		{ "here", u->here },	 { "parent", u->parent },
		{ "lazy", u->lazy },	 { "zero", u->zero },
		{ "other", u->other },
	};
	ck_assert_uint_eq(u->mapped, u->here + u->parent + u->lazy + u->zero +
					     u->other);
	*text = cr_test_format("%s%s%s %llu", *text, **text ? "; " : "",
			       cr_usage_kind_name(cr_usage_kind(vma)),
			       (unsigned long long)u->mapped / 4096);
	for (size_t i = 0; i < 5; i++)
		if (part[i].value)
			*text = cr_test_format(
				"%s %s %llu", *text, part[i].name,
				(unsigned long long)part[i].value / 4096);
	if (u->stored != u->here)
		*text = cr_test_format("%s stored %llu", *text,
				       (unsigned long long)u->stored);
	return NULL;
}

static const char *usage(const char *dir, bool object)
{
	struct cr_set set = { 0 };
	struct cr_memory memory = { 0 };
	struct cr_pages pages = { 0 };
	const char *text = "";
	struct cr_error *err = cr_set_open(cr_test_path(dir), &set);
	if (!err)
		err = cr_memory_init(&memory, &set, NULL);
	if (!err && object)
		err = cr_pages_open_object(&pages, &memory, 9);
	else if (!err)
		err = cr_pages_open(&pages, &memory, 1);
	if (!err)
		err = cr_usage_each(&pages, append, &text);
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
	return err ? cr_test_error(err) : text;
}

#define assert_usage(want) assert_text(usage("a", false), want)

TEST(memory_never_touched_is_zero)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x5000, 0x201)));
	assert_usage("anon 4 zero 4");
}

TEST(each_story_counts_for_itself)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x7000, 0x201)));
	put("a/pagemap-1.img",
	    pagemap(1, run(0x1000, 2, 4), run(0x3000, 1, 1),
		    run(0x4000, 1, 2), run(0x5000, 1, 6)));
	put("a/pages-1.img", cat(page('a'), page('b'), page('c')));
	assert_usage("anon 6 here 3 parent 1 lazy 1 zero 1");
}

TEST(a_run_over_mappings_is_split)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x2000, 0x201),
			     vma(0x2000, 0x4000, 0x221),
			     vma(0x6000, 0x8000, 0x41)));
	put("a/pagemap-1.img", pagemap(1, run(0x1000, 2, 4), run(0x7000, 1, 4)));
	put("a/pages-1.img", cat(page('a'), page('b'), page('c')));
	assert_usage("anon 1 here 1; heap 2 here 1 zero 1; "
		     "file private 2 here 1 other 1");
}

TEST(pages_outside_of_mappings_come_last)
{
	put("a/mm-1.img", mm(4096, vma(0x3000, 0x4000, 0x201)));
	put("a/pagemap-1.img", pagemap(1, run(0x1000, 4, 4), run(0x9000, 1, 1)));
	put("a/pages-1.img", cat(page('a'), page('b'), page('c'), page('d')));
	assert_usage("anon 1 here 1; unmapped 4 here 3 parent 1");
}

TEST(a_process_of_a_pre_dump_has_pages_alone)
{
	put("a/pagemap-1.img", pagemap(1, run(0x1000, 1, 4)));
	put("a/pages-1.img", page('a'));
	assert_usage("unmapped 1 here 1");
}

TEST(shared_memory_counts_for_the_object)
{
	put("a/mm-1.img", mm(4096, vma_of(0x1000, 0x3000, 0x101, 0, 9)));
	put("a/pagemap-shmem-9.img", pagemap(1, run(0, 1, 4)));
	put("a/pages-1.img", page('a'));
	assert_usage("shared memory 2 other 2");
	assert_text(usage("a", true), "unmapped 1 here 1");
}

/* Blocks of two pages: 26 bytes, none, and the last page as it is. */
static struct bytes packed(void)
{
	return pagemap(1, entry(num(1, 0x1000), num(2, 0), num(4, 4),
				num(5, 5),
				len(6, num(1, 26), num(1, 0), num(1, 4096),
				    num(2, 4122), num(3, 2))));
}

TEST(blocks_count_where_they_begin)
{
	put("a/mm-1.img", mm(4096, vma(0x1000, 0x2000, 0x201),
			     vma(0x2000, 0x6000, 0x221)));
	put("a/pagemap-1.img", packed());
	put("a/pages-1.img", fill('x', 4122));
	assert_usage("anon 1 here 1 stored 26; heap 4 here 4 stored 4096");
}

TEST(the_first_kind_that_fits_counts)
{
	static const struct {
		uint32_t status;
		const char *name;
	} rows[] = {
		{ 0x201, "anon" },	     { 0x203, "stack" },
		{ 0x221, "heap" },	     { 0x209, "vdso" },
		{ 0x1201, "kernel" },	     { 0x5, "kernel" },
		{ 0x41, "file private" },    { 0x81, "file shared" },
		{ 0x101, "shared memory" },  { 0x501, "sysv" },
		{ 0x4041, "memfd" },	     { 0x8201, "shadow stack" },
		{ 0x20001, "kernel" },	     { 0x2101, "kernel" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cr_vma v = { .status = rows[i].status };
		assert_text(cr_usage_kind_name(cr_usage_kind(&v)),
			    rows[i].name);
	}
	assert_text(cr_usage_kind_name(cr_usage_kind(NULL)), "unmapped");
}

TEST_MAIN("lib/pages/usage")
