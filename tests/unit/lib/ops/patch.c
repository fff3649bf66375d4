// SPDX-License-Identifier: MIT
/*
 * The cases are those of RFC 6902, appendix A, and of RFC 7396, appendix A, told
 * with fields that images have.
 */
#include "lib/ops/patch.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/ops/tree.h"
#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

#define P(pid, ...) entry(num(1, pid), num(2, 0), num(3, 1), num(4, 1), \
			  ##__VA_ARGS__)

static struct cr_error *dump_entry(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	char **all = arg;
	char *text = json_dumps(entry, JSON_COMPACT);
	*all = cr_test_format("%s%s%s", *all, **all ? " " : "", text);
	for (char *p = *all; *p; p++)
		if (*p == '"')
			*p = '\'';
	free(text);
	return NULL;
}

/* What an image says after a patch, or the error. */
static char *patched(const char *name, struct bytes img, const char *only,
		     const char *patch)
{
	struct cr_change_opts opts = { .dry_run = true };
	struct cr_change *change;
	struct cr_reader r;
	char *text = cr_test_quotes(patch), *all = cr_test_format("%s", "");
	unlink(cr_test_path(name));
	cr_test_file(name, img, 0600);
	struct cr_error *err = cr_change_open(cr_test_dir(), &opts, &change);
	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	ck_assert_ptr_null(cr_reader_init_mem(&r, text, strlen(text)));
	err = cr_patch_apply(change, only, &r);
	if (!err)
		err = cr_rewrite_look(cr_change_set(change), name, NULL,
				      dump_entry, &all);
	if (err)
		all = cr_test_error(err);
	cr_reader_deinit(&r);
	cr_change_close(change);
	return all;
}

#define TREE image("PSTREE", P(1, num(5, 1), num(5, 5)), P(2))
#define assert_patch(patch, want) \
	assert_text(patched("pstree.img", TREE, NULL, patch), want)

#define ONE "{'pid':1,'ppid':0,'pgid':1,'sid':1,'threads':[1,5]}"
#define TWO "{'pid':2,'ppid':0,'pgid':1,'sid':1}"

/* ---- JSON Patch ---- */

TEST(adding_a_member) /* A.1 */
{
	assert_patch("[{'op': 'add', 'path': '/pstree.img/entries/1/threads', "
		     "'value': [2]}]",
		     ONE " {'pid':2,'ppid':0,'pgid':1,'sid':1,'threads':[2]}");
}

TEST(adding_an_element) /* A.2, A.16 */
{
	assert_patch("[{'op': 'add', 'path': "
		     "'/pstree.img/entries/0/threads/1', 'value': '0x7'}, "
		     "{'op': 'add', 'path': '/pstree.img/entries/0/threads/-', "
		     "'value': 9}]",
		     "{'pid':1,'ppid':0,'pgid':1,'sid':1,'threads':[1,7,5,9]} "
		     TWO);
	assert_patch("[{'op': 'add', 'path': "
		     "'/pstree.img/entries/0/threads/3', 'value': 7}]",
		     "! NOT_FOUND operation 0: add "
		     "/pstree.img/entries/0/threads/3: the list has 2 elements");
}

TEST(removing) /* A.3, A.4 */
{
	assert_patch("[{'op': 'remove', 'path': "
		     "'/pstree.img/entries/0/threads'}]",
		     "{'pid':1,'ppid':0,'pgid':1,'sid':1} " TWO);
	assert_patch("[{'op': 'remove', 'path': "
		     "'/pstree.img/entries/0/threads/1'}]",
		     "{'pid':1,'ppid':0,'pgid':1,'sid':1,'threads':[1]} " TWO);
	assert_patch("[{'op': 'remove', 'path': '/pstree.img/entries/0'}]",
		     TWO);
	assert_patch("[{'op': 'remove', 'path': "
		     "'/pstree.img/entries/1/threads'}]",
		     "! NOT_FOUND operation 0: remove "
		     "/pstree.img/entries/1/threads: nothing is there");
	assert_patch("[{'op': 'remove', 'path': '/pstree.img/entries/0/pid'}]",
		     "! FORMAT pstree.img: entry 0: required field \"pid\" is "
		     "missing");
}

TEST(replacing) /* A.5 */
{
	assert_patch("[{'op': 'replace', 'path': '/pstree.img/entries/1/pid', "
		     "'value': 4294967295}]",
		     ONE " {'pid':4294967295,'ppid':0,'pgid':1,'sid':1}");
	assert_patch("[{'op': 'replace', 'path': "
		     "'/pstree.img/entries/1/threads', 'value': [1]}]",
		     "! NOT_FOUND operation 0: replace "
		     "/pstree.img/entries/1/threads: nothing is there");
}

TEST(moving) /* A.6, A.7 */
{
	assert_patch("[{'op': 'move', 'from': "
		     "'/pstree.img/entries/0/threads', 'path': "
		     "'/pstree.img/entries/1/threads'}]",
		     "{'pid':1,'ppid':0,'pgid':1,'sid':1} "
		     "{'pid':2,'ppid':0,'pgid':1,'sid':1,'threads':[1,5]}");
	assert_patch("[{'op': 'move', 'from': "
		     "'/pstree.img/entries/0/threads/0', 'path': "
		     "'/pstree.img/entries/0/threads/1'}]",
		     "{'pid':1,'ppid':0,'pgid':1,'sid':1,'threads':[5,1]} "
		     TWO);
	assert_patch("[{'op': 'move', 'from': '/pstree.img/entries/1', "
		     "'path': '/pstree.img/entries/0'}]",
		     TWO " " ONE);
	assert_patch("[{'op': 'move', 'from': '/pstree.img/entries/0', "
		     "'path': '/pstree.img/entries/0/threads'}]",
		     "! FORMAT operation 0: move /pstree.img/entries/0/threads: "
		     "cannot move a value into itself");
}

TEST(copying)
{
	assert_patch("[{'op': 'copy', 'from': '/pstree.img/entries/0', "
		     "'path': '/pstree.img/entries/-'}, {'op': 'replace', "
		     "'path': '/pstree.img/entries/2/pid', 'value': 3}]",
		     ONE " " TWO " {'pid':3,'ppid':0,'pgid':1,'sid':1,"
		     "'threads':[1,5]}");
}

TEST(testing) /* A.8, A.9, A.15: by what a value means */
{
	assert_patch("[{'op': 'test', 'path': '/pstree.img/entries/0/threads', "
		     "'value': ['1', '0x5']}]",
		     ONE " " TWO);
	assert_patch("[{'op': 'test', 'path': '/pstree.img/entries/1', "
		     "'value': {'sid': 1, 'pgid': 1, 'ppid': 0, 'pid': '2'}}]",
		     ONE " " TWO);
	assert_patch("[{'op': 'test', 'path': '/pstree.img/entries/0/pid', "
		     "'value': 2}]",
		     "! FORMAT operation 0: test /pstree.img/entries/0/pid: the "
		     "value is another one");
	assert_patch("[{'op': 'test', 'path': '/pstree.img/magic', 'value': "
		     "'PSTREE'}]",
		     ONE " " TWO);
}

TEST(a_test_that_fails_undoes_what_was_before_it)
{
	assert_patch("[{'op': 'remove', 'path': '/pstree.img/entries/0'}, "
		     "{'op': 'test', 'path': '/pstree.img/entries/0/pid', "
		     "'value': 1}]",
		     "! FORMAT operation 1: test /pstree.img/entries/0/pid: the "
		     "value is another one");
}

TEST(members_of_an_operation) /* A.11, A.13 */
{
	assert_patch("[{'op': 'replace', 'path': '/pstree.img/entries/1/sid', "
		     "'value': 7, 'xyz': 1}]",
		     ONE " {'pid':2,'ppid':0,'pgid':1,'sid':7}");
	assert_patch("[{'op': 'add', 'path': '/a', 'value': 1, 'op': 'x'}]",
		     "! FORMAT line 1 column 47: key \"op\" is there twice");
	assert_patch("[{'op': 'add', 'path': '/pstree.img/entries/0/sid'}]",
		     "! FORMAT operation 0: add /pstree.img/entries/0/sid: need "
		     "\"value\"");
	assert_patch("[{'op': 'put', 'path': '/pstree.img'}]",
		     "! FORMAT operation 0: put /pstree.img: unknown operation");
	assert_patch("[{'path': '/pstree.img'}]",
		     "! FORMAT operation 0: need \"op\" and \"path\"");
	assert_patch("7", "! FORMAT a patch is a list of operations or an object "
			  "to merge");
}

TEST(targets_that_do_not_exist) /* A.12 */
{
	assert_patch("[{'op': 'add', 'path': '/pstree.img/entries/1/threads/0', "
		     "'value': 1}]",
		     "! NOT_FOUND operation 0: add "
		     "/pstree.img/entries/1/threads/0: nothing is there");
	assert_patch("[{'op': 'add', 'path': '/pstree.img/entries/0/x', "
		     "'value': 1}]",
		     "! NOT_FOUND operation 0: add /pstree.img/entries/0/x: "
		     "pstree_entry has no field 'x'");
	assert_patch("[{'op': 'add', 'path': '/nope.img/entries/0', 'value': "
		     "{}}]",
		     "! NOT_FOUND operation 0: add /nope.img/entries/0: "
		     "nope.img: no such file");
	assert_patch("[{'op': 'remove', 'path': '/pstree.img/entries/00'}]",
		     "! NOT_FOUND operation 0: remove /pstree.img/entries/00: "
		     "nothing is there");
}

TEST(escapes_in_pointers) /* A.14 */
{
	assert_text(patched("~1.img", TREE, NULL,
				 "[{'op': 'remove', 'path': "
				 "'/~01.img/entries/0'}]"),
			 TWO);
	assert_patch("[{'op': 'remove', 'path': '/~2'}]",
		     "! FORMAT operation 0: remove /~2: '~' in a pointer is "
		     "written '~0', and '/' is '~1'");
	assert_patch("[{'op': 'remove', 'path': 'pstree.img'}]",
		     "! FORMAT operation 0: remove pstree.img: a pointer begins "
		     "with '/'");
}

TEST(the_document_is_one_image)
{
	assert_text(patched("pstree.img", TREE, "pstree.img",
				 "[{'op': 'remove', 'path': '/entries/0'}]"),
			 TWO);
	assert_text(patched("pstree.img", TREE, "pstree.img",
				 "{'entries': [{'pid': 5, 'ppid': 0, 'pgid': 1, "
				 "'sid': 1}]}"),
			 "{'pid':5,'ppid':0,'pgid':1,'sid':1}");
}

TEST(whole_images)
{
	assert_patch("[{'op': 'replace', 'path': '/pstree.img', 'value': "
		     "{'magic': 'PSTREE', 'entries': []}}]",
		     "");
	assert_patch("[{'op': 'remove', 'path': '/pstree.img'}]",
		     "! NOT_FOUND pstree.img: no such file");
	assert_patch("[{'op': 'add', 'path': '/x.img', 'value': 5}]",
		     "! FORMAT operation 0: add /x.img: an image is "
		     "{\"magic\": ..., \"entries\": [...]} with a known magic");
	assert_patch("[{'op': 'replace', 'path': '/pstree.img/magic', "
		     "'value': 'MM'}]",
		     "! FORMAT pstree.img: magic: must stay \"PSTREE\"; put "
		     "another image in its place");
}

TEST(whole_images_are_moved_and_copied)
{
	assert_text(patched("pstree.img", TREE, NULL,
			    "[{'op': 'copy', 'from': '/pstree.img', 'path': "
			    "'/x.img'}, {'op': 'remove', 'path': "
			    "'/x.img/entries/0'}, {'op': 'test', 'path': "
			    "'/x.img/entries/0/pid', 'value': 2}]"),
		    ONE " " TWO);
	assert_patch("[{'op': 'remove', 'path': '/pstree.img/entries/0'}, "
		     "{'op': 'move', 'from': '/pstree.img', 'path': "
		     "'/x.img'}, {'op': 'test', 'path': '/x.img/entries/0/pid',"
		     " 'value': 2}, {'op': 'move', 'from': '/x.img', 'path': "
		     "'/pstree.img'}]",
		     TWO);
	assert_patch("[{'op': 'move', 'from': '/pstree.img', 'path': "
		     "'/x.img'}]",
		     "! NOT_FOUND pstree.img: no such file");
	assert_patch("[{'op': 'copy', 'from': '/y.img', 'path': '/x.img'}]",
		     "! NOT_FOUND operation 0: copy /x.img: from /y.img: "
		     "y.img: no such file");
}

TEST(whole_images_are_tested)
{
	const char *want = "{'magic': 'PSTREE', 'entries': [" ONE ", {'sid': "
			   "1, 'pid': '0x2', 'ppid': 0, 'pgid': 1}]}";
	assert_patch(cr_test_format("[{'op': 'test', 'path': '/pstree.img', "
				    "'value': %s}]",
				    want),
		     ONE " " TWO);
	assert_patch("[{'op': 'test', 'path': '/pstree.img/entries', 'value': "
		     "[" ONE ", {'sid': 1, 'pid': '0x2', 'ppid': 0, 'pgid': "
		     "1}]}]",
		     ONE " " TWO);
	assert_patch("[{'op': 'test', 'path': '/pstree.img', 'value': "
		     "{'magic': 'PSTREE', 'entries': [" ONE "]}}]",
		     "! FORMAT operation 0: test /pstree.img: the value is "
		     "another one");
	assert_patch("[{'op': 'test', 'path': '/pstree.img', 'value': "
		     "{'magic': 'FS', 'entries': [" ONE ", " TWO "]}}]",
		     "! FORMAT operation 0: test /pstree.img: the value is "
		     "another one");
	assert_patch("[{'op': 'test', 'path': '/pstree.img', 'value': 5}]",
		     "! FORMAT operation 0: test /pstree.img: the value is "
		     "another one");
}

TEST(integers_are_exact)
{
	assert_text(
		patched("timens-1.img",
			image("TIMENS", entry(len(1, num(1, 0), num(2, 0)),
					      len(2, num(1, 0), num(2, 0)))),
			NULL,
			"[{'op': 'replace', 'path': "
			"'/timens-1.img/entries/0/monotonic/tv_sec', 'value': "
			"18446744073709551615}]"),
		"{'monotonic':{'tv_sec':'18446744073709551615','tv_nsec':0},"
		"'boottime':{'tv_sec':0,'tv_nsec':0}}");
}

/* ---- payloads ---- */

TEST(payloads_go_with_their_entries)
{
	struct bytes pipes =
		image("PIPES_DATA", entry(num(1, 1), num(2, 2)), text("ab"),
		      entry(num(1, 2), num(2, 1)), text("c"));
	assert_text(patched("pipes-data.img", pipes, NULL,
				 "[{'op': 'move', 'from': "
				 "'/pipes-data.img/entries/1', 'path': "
				 "'/pipes-data.img/entries/0'}, {'op': 'test', "
				 "'path': '/pipes-data.img/entries/0/extra', "
				 "'value': 'Yw==\\n'}]"),
			 "{'pipe_id':2,'bytes':1,'extra':0.0} "
			 "{'pipe_id':1,'bytes':2,'extra':1.0}");
}

/* ---- merge patch ---- */

TEST(merging) /* RFC 7396, A */
{
	assert_patch("{}", ONE " " TWO);
	assert_patch("{'pstree.img': {}}", ONE " " TWO);
	/* a list is replaced whole */
	assert_patch("{'pstree.img': {'entries': [{'pid': 3, 'ppid': 0, 'pgid': "
		     "1, 'sid': 1}]}}",
		     "{'pid':3,'ppid':0,'pgid':1,'sid':1}");
	/* null removes, and is no error for what is not there */
	assert_patch("{'pstree.img': null, 'nope.img': null}",
		     "! NOT_FOUND pstree.img: no such file");
	assert_patch("{'pstree.img': {'entries': null}}",
		     "! FORMAT pstree.img: an image is \"magic\" and a list of "
		     "\"entries\"");
	assert_patch("{'pstree.img': 5}",
		     "! FORMAT /pstree.img: an image is {\"magic\": ..., "
		     "\"entries\": [...]} with a known magic");
}

TEST_MAIN("lib/ops/patch")
