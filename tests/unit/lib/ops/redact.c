// SPDX-License-Identifier: MIT
#include "lib/ops/redact.h"

#include <stdlib.h>
#include <string.h>

#include "lib/pages/reader.h"
#include "tests/support/chain.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

static struct cr_redact_result result;

static const char *redact(const char *dir, const char *out,
			  const struct cr_redact_opts *opts)
{
	struct cr_change *c = NULL;
	struct cr_change_opts how = { .out = out ? cr_test_path(out) : NULL,
				      .count_only = true };
	cr_redact_result_deinit(&result);
	struct cr_error *err = cr_change_open(cr_test_path(dir), &how, &c);
	if (!err)
		err = cr_redact(c, opts, &result);
	if (!err)
		err = cr_change_commit(c);
	cr_change_close(c);
	return err ? cr_test_error(err) : "";
}

static struct bytes content(const char *name)
{
	return cr_test_content(cr_test_path(name));
}

static bool has_gap(const char *begins)
{
	for (size_t i = 0; i < json_array_size(result.gaps); i++)
		if (!strncmp(json_string_value(json_array_get(result.gaps, i)),
			     begins, strlen(begins)))
			return true;
	return false;
}

/* How many of the bytes of process 1 at vaddr are not zero; -1: not all of them
 * can be read. */
static long nonzero(const char *dir, uint64_t vaddr, size_t size)
{
	struct cr_set set = { 0 };
	struct cr_memory memory = { 0 };
	struct cr_pages pages = { 0 };
	uint8_t *data = malloc(size);
	long nr = 0;
	struct cr_error *err = cr_set_open(cr_test_path(dir), &set);
	if (!err)
		err = cr_memory_init(&memory, &set, NULL);
	if (!err)
		err = cr_pages_open(&pages, &memory, 1);
	if (!err)
		err = cr_pages_read(&pages, vaddr, data, size);
	for (size_t i = 0; i < size && !err; i++)
		nr += data[i] != 0;
	cr_pages_close(&pages);
	cr_memory_deinit(&memory);
	cr_set_close(&set);
	free(data);
	nr = err ? -1 : nr;
	cr_error_free(err);
	return nr;
}

/* Two private mappings and a shared one behind them, plain and compressed. */
TEST(memory_by_kind)
{
	for (uint32_t seed = 1; seed < 25; seed++) {
		const struct cr_test_chain chain = { .seed = seed,
						     .layers = 1,
						     .no_lazy = true };
		const char *dir = cr_test_chain_dir(&chain, 0);
		uint32_t page = cr_test_chain_make(&chain);
		size_t each = (size_t)CHAIN_PAGES * page;
		uint64_t shared = CHAIN_START + 2 * each;
		long before = nonzero(dir, CHAIN_START, 2 * each);
		long shared_before = nonzero(dir, shared, each);
		char out[32];
		snprintf(out, sizeof(out), "shared%u", (unsigned)seed);
		assert_text(redact(dir, out,
				   &(struct cr_redact_opts){
					   .only = "memory",
					   .memory = "shared" }),
			    "");
		ck_assert_int_eq(nonzero(out, shared, each), 0);
		ck_assert_int_eq(nonzero(out, CHAIN_START, 2 * each), before);
		assert_text(redact(dir, NULL,
				   &(struct cr_redact_opts){
					   .only = "memory",
					   .memory = "anon,other" }),
			    "");
		ck_assert_int_eq(nonzero(dir, CHAIN_START, 2 * each), 0);
		ck_assert_int_eq(nonzero(dir, shared, each), shared_before);
		ck_assert(has_gap("memory (heap, stack, shared, file)"));
		assert_text(redact(dir, NULL,
				   &(struct cr_redact_opts){
					   .only = "memory" }),
			    "");
		ck_assert_int_eq(nonzero(dir, shared, each), 0);
		ck_assert(!has_gap("memory"));
	}
}

/* What a parent has cannot be taken out of here, which is said. */
TEST(a_parent_is_a_gap)
{
	const struct cr_test_chain chain = { .seed = 3, .layers = 2 };
	cr_test_chain_make(&chain);
	assert_text(redact(cr_test_chain_dir(&chain, 0), NULL,
			   &(struct cr_redact_opts){ .only = "memory" }),
		    "");
	ck_assert(has_gap("parent: "));
}

static void put_process(const char *dir)
{
	put(cr_test_format("%s/mm-1.img", dir),
	    mm(4096, vma(0x1000, 0x3000, 0x201)));
	put(cr_test_format("%s/pagemap-1.img", dir),
	    pagemap(1, run(0x1000, 2, 4)));
	put(cr_test_format("%s/pages-1.img", dir),
	    cat(fill('a', 4090), text("needleneedle"), fill('b', 4090)));
}

TEST(a_pattern_across_pages)
{
	struct cr_search search;
	put_process("p");
	ck_assert_ptr_null(cr_search_init_regex(&search, "needle"));
	assert_text(redact("p", NULL,
			   &(struct cr_redact_opts){ .only = "pattern",
						     .pattern = &search }),
		    "");
	assert_bytes(content("p/pages-1.img"),
		     cat(fill('a', 4090), fill(0, 12), fill('b', 4090)));
	ck_assert_uint_eq(result.row[2].nr, 2);
	ck_assert_uint_eq(result.row[2].size, 12);
	cr_search_deinit(&search);
}

/* Nothing but that of the kind asked for, and nothing the second time. */
TEST(twice_is_once)
{
	put("q/pipes-data.img",
	    image("PIPES_DATA", entry(hex("08 01 10 04")), text("abcd")));
	const struct cr_redact_opts opts = { .only = "pipes" };
	assert_text(redact("q", NULL, &opts), "");
	assert_bytes(content("q/pipes-data.img"),
		     image("PIPES_DATA", entry(hex("08 01 10 04")),
			   fill(0, 4)));
	assert_text(redact("q", NULL, &opts), "");
	for (unsigned i = 0; i < CR_REDACT_KINDS; i++)
		ck_assert_uint_eq(result.row[i].nr, 0);
}

TEST(words_that_mean_nothing)
{
	put("w/pipes-data.img", image("PIPES_DATA"));
	assert_text(redact("w", NULL,
			   &(struct cr_redact_opts){ .only = "pipes,what" }),
		    "! USAGE option '--only': 'what' is no kind");
	assert_text(redact("w", NULL,
			   &(struct cr_redact_opts){ .keep = "/usr,what" }),
		    "! USAGE option '--keep': 'what' is no kind and no path");
	assert_text(redact("w", NULL,
			   &(struct cr_redact_opts){ .memory = "heap,what" }),
		    "! USAGE option '--memory': 'what' is no kind of memory");
	assert_text(redact("w", NULL,
			   &(struct cr_redact_opts){ .only = "pattern" }),
		    "! USAGE which pattern? give --pattern or --hex");
}

TEST(every_kind_has_a_name)
{
	const char *what;
	for (unsigned i = 0; i < CR_REDACT_KINDS; i++)
		ck_assert(cr_redact_kind(i, &what) && what);
	ck_assert_ptr_null(cr_redact_kind(CR_REDACT_KINDS, &what));
	cr_redact_result_deinit(&result);
}

TEST_MAIN("lib/ops/redact")
