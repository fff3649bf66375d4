// SPDX-License-Identifier: MIT
#include "crit/change.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

static struct cr_change *begin(const struct cr_crit_change *opts)
{
	static const struct cr_global global;
	struct cr_verb_call call = { .global = &global };
	struct cr_change *change;

	mkdir(cr_test_path("a"), 0700);
	cr_test_file("a/pstree.img", text("old"), 0600);
	cr_test_file("a/x.img", text("x"), 0600);
	cr_test_file("a/y.img", text("y"), 0600);
	ck_assert_ptr_null(
		cr_crit_change_open(&call, cr_test_path("a"), opts, &change));
	return change;
}

static void note(struct cr_change *change, uint64_t entry, const char *field,
		 const char *old, const char *new_)
{
	struct cr_change_note n = { .image = "pstree.img",
				    .entry = entry,
				    .field = field,
				    .old = old,
				    .new_ = new_,
				    .secret = field && !strcmp(field, "key") };

	ck_assert_ptr_null(cr_change_note(change, &n));
}

static void change_all(struct cr_change *change)
{
	note(change, 0, "pid", "1", "2");
	note(change, 1, "a\033b", NULL, "\"\xff\"");
	note(change, 2, NULL, "{}", NULL);
	note(change, 3, "key", "12345", "67890");
	ck_assert_ptr_null(cr_change_put(change, "pstree.img", "new!", 4));
	ck_assert_ptr_null(cr_change_rename(change, "x.img", "z.img"));
	ck_assert_ptr_null(cr_change_remove(change, "y.img"));
	ck_assert_ptr_null(cr_change_symlink(change, "parent", "../b"));
}

static const char *print(struct cr_change *change,
			 const struct cr_crit_change *opts)
{
	char *got, *copy, *at;
	const char *dir = cr_test_format("%s/", cr_test_dir());
	size_t size;
	FILE *out = open_memstream(&got, &size);

	ck_assert_ptr_null(cr_crit_change_commit(change, opts, out));
	fclose(out);
	copy = cr_test_format("%s", got);
	free(got);
	while ((at = strstr(copy, dir)))
		memmove(at, at + strlen(dir), strlen(at + strlen(dir)) + 1);
	cr_change_close(change);
	return copy;
}

TEST(a_dry_run_lists_what_would_be)
{
	struct cr_crit_change opts = { .force = true, .dry_run = true };
	struct cr_change *change = begin(&opts);

	change_all(change);
	assert_text(print(change, &opts),
		    "pstree.img: entry 0: pid: 1 -> 2\n"
		    "pstree.img: entry 1: a\\x1bb: nothing -> \"\\xff\"\n"
		    "pstree.img: entry 2: {} -> nothing\n"
		    "pstree.img: entry 3: key: (secret) -> (secret)\n"
		    "parent: link to ../b\n"
		    "y.img: removed, 1 bytes\n"
		    "z.img: was x.img\n");
	assert_text(cr_test_list(cr_test_path("a")), "pstree.img x.img y.img");
}

TEST(secrets_are_shown_to_who_asks)
{
	struct cr_crit_change opts = { .force = true, .dry_run = true, .secrets = true };
	struct cr_change *change = begin(&opts);

	note(change, 3, "key", "12345", "67890");
	ck_assert_ptr_null(cr_change_put(change, "pstree.img", "new!", 4));
	assert_text(print(change, &opts),
		    "pstree.img: entry 3: key: 12345 -> 67890\n");
}

TEST(what_was_done_is_counted)
{
	struct cr_crit_change opts = { .force = true };
	struct cr_change *change = begin(&opts);

	change_all(change);
	assert_text(print(change, &opts), "4 changes in 4 files\n");
	assert_text(cr_test_list(cr_test_path("a")),
		    "parent@ pstree.img z.img");
}

TEST(nothing_is_said_to_be_nothing)
{
	struct cr_crit_change opts = { .force = true };

	assert_text(print(begin(&opts), &opts), "nothing changed\n");
}

TEST(as_json_everything_is_said)
{
	struct cr_crit_change opts = { .force = true, .json = true };
	struct cr_change *change = begin(&opts);

	note(change, 0, "pid", "1", "2");
	note(change, 3, "key", NULL, "67890");
	ck_assert_ptr_null(cr_change_put(change, "pstree.img", "new!", 4));
	ck_assert_ptr_null(cr_change_rename(change, "x.img", "z.img"));
	assert_text(print(change, &opts),
		    cr_test_quotes(
			    "{\n"
			    "    'path': 'a',\n"
			    "    'out': null,\n"
			    "    'dry_run': false,\n"
			    "    'changes': [\n"
			    "        {\n"
			    "            'image': 'pstree.img',\n"
			    "            'entry': 0,\n"
			    "            'field': 'pid',\n"
			    "            'old': 1,\n"
			    "            'new': 2\n"
			    "        },\n"
			    "        {\n"
			    "            'image': 'pstree.img',\n"
			    "            'entry': 3,\n"
			    "            'field': 'key',\n"
			    "            'new': '(secret)'\n"
			    "        }\n"
			    "    ],\n"
			    "    'files': [\n"
			    "        {\n"
			    "            'name': 'pstree.img',\n"
			    "            'is': 'replaced',\n"
			    "            'old_size': 3,\n"
			    "            'size': 4\n"
			    "        },\n"
			    "        {\n"
			    "            'name': 'z.img',\n"
			    "            'is': 'renamed',\n"
			    "            'was': 'x.img',\n"
			    "            'old_size': 1,\n"
			    "            'size': 1\n"
			    "        }\n"
			    "    ]\n"
			    "}\n"));
}

TEST_MAIN("crit/change")
