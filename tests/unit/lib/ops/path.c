// SPDX-License-Identifier: MIT
#include "lib/ops/path.h"

#include <stdlib.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"

/* ---- reading ---- */

static char *parse_error(const char *text)
{
	struct cr_path path;
	struct cr_error *err = cr_path_parse(text, strlen(text), &path);
	if (!err)
		cr_path_free(&path);
	return cr_test_error(err);
}

TEST(paths_that_can_be_read)
{
	static const char *const good[] = {
		"entries", "entries[0]", "entries[-1].a", "entries[*].a[*]",
		"core-1.img:entries[0].a.b", "*.img:entries[*].*",
		"entries[a=1]", "entries[a.b[0].c != \"x]y\", d]",
		"entries[*, a=1]", "entries[=5]", "entries[a[b[c=1]]]",
		"entries.a.@unknown[0].varint", "entries[0].@packed:threads",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_text(parse_error(good[i]), "");
}

TEST(broken_paths_name_the_column)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "path '': need a name at its end" },
		{ "a", "path 'a': begins with 'entries', as in entries[0].a" },
		{ "entries.", "path 'entries.': need a name at its end" },
		{ "entries[", "path 'entries[': need an index or a test at its "
			      "end" },
		{ "entries[]", "path 'entries[]': need an index or a test at "
			       "column 9" },
		{ "entries[-0]", "path 'entries[-0]': need an index or a test "
				 "at column 9" },
		{ "entries[a=1", "path 'entries[a=1': need ']' at its end" },
		{ "entries[a=\"1]", "path 'entries[a=\"1]': need '\"' at its "
				    "end" },
		{ "entries x", "path 'entries x': need '.' or '[' at column "
			       "8" },
		{ ":entries", "path ':entries': need the name of an image at "
			      "column 1" },
		{ "entries[a[a[a[a[a[a[a[a[a]]]]]]]]]",
		  "path 'entries[a[a[a[a[a[a[a[a[a]]]]]]]]]': tests nested too "
		  "deeply at column 23" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *got = parse_error(bad[i].text);
		const char *want = cr_test_format("! USAGE %s", bad[i].why);
		assert_text(got, want);
	}
}

/* ---- walking ---- */

struct found {
	char *all;
	struct cr_tree *t;
};

static struct cr_error *add(void *arg, struct cr_place *place)
{
	struct found *f = arg;
	char *value = json_dumps(place->value,
				 JSON_ENCODE_ANY | JSON_COMPACT);
	f->all = cr_test_format("%s%s%s=%s", f->all, *f->all ? " " : "",
				place->path, value ?: "-");
	free(value);
	return NULL;
}

/* Where a path leads in images of one entry each, or why nowhere. */
static char *walk(const char *id, const char *path_text, const char *json)
{
	struct cr_tree t;
	struct cr_path path;
	struct cr_path_walk k;
	json_t *list;
	struct found found = { cr_test_format("%s", ""), &t };
	const struct cr_image_type *type = cr_image_type_by_id(id, strlen(id));
	char *text = cr_test_quotes(json);
	ck_assert_ptr_null(cr_tree_init(&t));
	ck_assert_ptr_null(cr_tree_parse(text, strlen(text), &list));
	struct cr_error *err =
		cr_path_parse(path_text, strlen(path_text), &path);
	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	ck_assert_ptr_null(cr_path_walk_init(&k, &t, &path));
	k.fn = add;
	k.arg = &found;
	cr_path_walk_image(&k, "x.img");
	for (size_t i = 0; i < json_array_size(list) && !err; i++)
		err = cr_path_walk_entry(&k, type, i, json_array_get(list, i));
	char *got = found.all;
	if (err)
		got = cr_test_error(err);
	else if (k.ambiguous)
		got = cr_test_format("%s | %s", got,
				     cr_error_text(k.ambiguous));
	else if (!k.nr && k.miss)
		got = cr_test_format("? %s", cr_error_text(k.miss));
	cr_path_walk_deinit(&k);
	cr_path_free(&path);
	json_decref(list);
	cr_tree_deinit(&t);
	return got;
}

#define TREE "[{'pid': 1, 'ppid': 0, 'threads': [1, 5, 7]}, " \
	     "{'pid': 2, 'ppid': 1, 'threads': [2]}]"
#define MM "[{'mm_start_code': '18446744073709551615', 'vmas': [" \
	   "{'start': 4096, 'end': 8192, 'prot': 1}, " \
	   "{'start': 8192, 'end': 12288, 'prot': 3, 'status': 1}]}]"

#define assert_walk(id, path, json, want) \
	assert_text(walk(id, path, json), want)

TEST(names_and_indexes)
{
	assert_walk("PSTREE", "entries[*].threads[0]", TREE,
		    "entries[0].threads[0]=1 entries[1].threads[0]=2");
	assert_walk("PSTREE", "entries[*].threads[-1]", TREE,
		    "entries[0].threads[2]=7 entries[1].threads[0]=2");
	assert_walk("PSTREE", "entries[*].threads", TREE,
		    "entries[0].threads=[1,5,7] entries[1].threads=[2]");
	assert_walk("PSTREE", "entries[*].threads[9]", TREE,
		    "? x.img: entries[0].threads: has 3 elements");
	assert_walk("PSTREE", "entries[*].pid.x", TREE,
		    "? x.img: entries[0].pid: no message, so it has no x");
}

TEST(tests)
{
	assert_walk("PSTREE", "entries[pid=2].ppid", TREE,
		    "entries[1].ppid=1");
	assert_walk("PSTREE", "entries[pid=0x2].ppid", TREE,
		    "entries[1].ppid=1");
	assert_walk("PSTREE", "entries[pid!=2].ppid", TREE,
		    "entries[0].ppid=0");
	assert_walk("PSTREE", "entries[threads[=5]].pid", TREE,
		    "entries[0].pid=1");
	assert_walk("PSTREE", "entries[*].threads[=5]", TREE,
		    "entries[0].threads[1]=5");
	assert_walk("PSTREE", "entries[pid>0, pid<=1].pid", TREE,
		    "entries[0].pid=1");
	assert_walk("PSTREE", "entries[pid>=3].pid", TREE,
		    "? x.img: entries: no entry fits");
	assert_walk("MM", "entries[0].vmas[prot=PROT_WRITE | PROT_READ].start",
		    MM, "entries[0].vmas[1].start=8192");
	assert_walk("MM", "entries[0].vmas[status].start", MM,
		    "entries[0].vmas[1].start=8192");
	assert_walk("MM", "entries[mm_start_code>0x7fffffffffffffff].vmas[0].prot",
		    MM, "entries[0].vmas[0].prot=1");
}

TEST(several_that_were_not_meant)
{
	assert_walk("PSTREE", "entries[ppid<9].pid", TREE,
		    "entries[0].pid=1 entries[1].pid=2 | x.img: entries: [0] "
		    "and [1] both fit: narrow it down, or write [*, ...] for "
		    "all that fit");
	assert_walk("PSTREE", "entries[*, ppid<9].pid", TREE,
		    "entries[0].pid=1 entries[1].pid=2");
	assert_walk("PSTREE", "entries.pid", TREE,
		    "entries[0].pid=1 entries[1].pid=2 | x.img: entries: has "
		    "several elements: write [0] or [1] or another, or [*] for "
		    "all");
	assert_walk("MM", "entries.vmas.prot", MM,
		    "entries[0].vmas[0].prot=1 entries[0].vmas[1].prot=3 | "
		    "x.img: entries[0].vmas: has several elements: write [0] or "
		    "[1] or another, or [*] for all");
	/* Only one of those that fit has what is wanted. */
	assert_walk("MM", "entries[0].vmas[prot>0].status", MM,
		    "entries[0].vmas[1].status=1");
}

TEST(any_field)
{
	assert_walk("PSTREE", "entries[pid=1].*", TREE,
		    "entries[0].pid=1 entries[0].ppid=0 "
		    "entries[0].threads=[1,5,7]");
}

TEST(what_is_not_there)
{
	assert_walk("PSTREE", "entries[*].sid", TREE,
		    "? x.img: entries[0]: no sid");
	assert_walk("PSTREE", "entries[0].thread", TREE,
		    "! NOT_FOUND pstree_entry has no field 'thread' (did you "
		    "mean 'threads'?)");
	assert_walk("MM", "entries[0].vmas[0].x", MM,
		    "! NOT_FOUND vmas[0]: vma_entry has no field 'x'");
	assert_walk("MM", "entries[0].vmas[prot=PROT_X].start", MM,
		    "! FORMAT test for 'PROT_X': \"PROT_X\" is not a flag or a "
		    "number");
	assert_walk("MM", "entries[0].vmas[prot<x].start", MM,
		    "! FORMAT test for 'x': \"x\" is not a flag or a number");
}

/* ---- what it needs ---- */

static uint64_t needs(const char *path_text, bool absent)
{
	struct cr_tree t;
	struct cr_path path;
	const struct cr_plan *plan;
	ck_assert_ptr_null(cr_tree_init(&t));
	ck_assert_ptr_null(cr_tree_plan(
		&t, cr_image_type_by_id("PSTREE", 6), 0, &plan));
	ck_assert_ptr_null(
		cr_path_parse(path_text, strlen(path_text), &path));
	uint64_t set = cr_path_needs(&path, plan, absent);
	cr_path_free(&path);
	cr_tree_deinit(&t);
	return set;
}

TEST(fields_without_which_an_entry_is_not_read)
{
	ck_assert_uint_eq(needs("entries[*].ppid", false), 2);
	ck_assert_uint_eq(needs("entries[*].ppid", true), 0);
	ck_assert_uint_eq(needs("entries[pid=1].ppid", true), 1);
	ck_assert_uint_eq(needs("entries[pid!=1].ppid", true), 0);
	ck_assert_uint_eq(needs("entries[*].threads[0]", true), 16);
	ck_assert_uint_eq(needs("entries[0].threads[0]", true), 0);
}

TEST_MAIN("lib/ops/path")
