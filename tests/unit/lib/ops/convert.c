// SPDX-License-Identifier: MIT
#include "lib/ops/convert.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

#define PSTREE image("PSTREE", entry(num(1, 1), num(2, 0), num(3, 1), num(4, 1)))
#define PSTREE_ \
	"{\"magic\": \"PSTREE\", \"entries\": [{\"pid\": 1, \"ppid\": 0, " \
	"\"pgid\": 1, \"sid\": 1}]}"

static struct stat stat_of(const char *path)
{
	struct stat st;

	ck_assert_msg(!lstat(path, &st), "%s", path);
	return st;
}

/* One file */

static struct cr_error *convert_file(struct cr_convert *c, const char *in,
				     const char *out)
{
	int fd = open(in, O_RDONLY | O_CLOEXEC);
	struct cr_error *err;

	ck_assert_msg(fd >= 0, "%s", in);
	err = cr_convert_file(c, fd, in, out);
	close(fd);
	return err;
}

TEST(an_image_becomes_a_document_and_an_image_again)
{
	struct cr_convert c = { .to = CR_TO_JSON, .newline = true };
	const char *in = cr_test_file("pstree.img", PSTREE, 0600);

	ck_assert_ptr_null(convert_file(&c, in, cr_test_path("x.json")));
	cr_convert_deinit(&c);
	assert_bytes(cr_test_content(cr_test_path("x.json")),
		     text(PSTREE_ "\n"));

	c = (struct cr_convert){ .to = CR_TO_IMAGE };
	ck_assert_ptr_null(convert_file(&c, cr_test_path("x.json"),
					cr_test_path("x.img")));
	cr_convert_deinit(&c);
	assert_bytes(cr_test_content(cr_test_path("x.img")), PSTREE);
	assert_text(cr_test_list(cr_test_dir()), "pstree.img x.img x.json");
}

TEST(an_error_names_the_file_and_leaves_the_old_output)
{
	struct cr_convert c = { .to = CR_TO_JSON };
	const char *in = cr_test_file("pstree.img", cat(PSTREE, hex("01")),
				      0600);
	const char *out = cr_test_file("out", text("old"), 0600);

	assert_text(cr_test_error(convert_file(&c, in, out)),
		    cr_test_format("! FORMAT %s: entry 1: byte 20: the size "
				   "word needs 4 bytes, have 1",
				   in));
	cr_convert_deinit(&c);
	assert_bytes(cr_test_content(out), text("old"));
	assert_text(cr_test_list(cr_test_dir()), "out pstree.img");
}

TEST(many_files_go_through_one_conversion)
{
	struct cr_convert c = { .to = CR_TO_JSON };

	cr_test_file("good.img", PSTREE, 0600);
	cr_test_file("bad.img", hex("00 01 02"), 0600);
	for (int i = 0; i < 3; i++) {
		struct cr_error *err = convert_file(
			&c, cr_test_path("bad.img"), cr_test_path("out"));

		ck_assert(cr_error_catch(&err, CR_ERR_FORMAT));
		ck_assert_ptr_null(convert_file(&c, cr_test_path("good.img"),
						cr_test_path("out")));
		assert_bytes(cr_test_content(cr_test_path("out")),
			     text(PSTREE_));
	}
	cr_convert_deinit(&c);
}

TEST(a_new_document_can_be_read_by_those_only_who_can_read_the_image)
{
	struct cr_convert c = { .to = CR_TO_JSON };
	const char *in = cr_test_file("pstree.img", PSTREE, 0640);

	umask(0);
	ck_assert_ptr_null(convert_file(&c, in, cr_test_path("out")));
	cr_convert_deinit(&c);
	ck_assert_int_eq(stat_of(cr_test_path("out")).st_mode & 07777, 0640);
}

TEST(a_pipe_becomes_a_pipe)
{
	struct cr_convert c = { .to = CR_TO_JSON };
	struct bytes img = PSTREE;
	char got[4096];
	int in[2], out[2];
	ssize_t n;

	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(write(in[1], img.p, img.size), (ssize_t)img.size);
	close(in[1]);
	ck_assert_ptr_null(cr_convert_fd(&c, in[0], NULL, out[1], NULL, false));
	cr_convert_deinit(&c);
	close(out[1]);
	n = read(out[0], got, sizeof(got) - 1);
	got[n] = 0;
	assert_text(got, PSTREE_);
}

TEST(what_converted_nothing_is_freed)
{
	struct cr_convert c = { .to = CR_TO_IMAGE };

	cr_convert_deinit(&c);
}

/* A directory. A checkpoint with everything that may be in one: */

static void make_checkpoint(const char *dir)
{
#define IN(name) cr_test_format("%s/%s", dir, name)
	ck_assert_int_eq(mkdir(cr_test_path(dir), 0700), 0);
	cr_test_file(IN("inventory.img"),
		     image("INVENTORY", entry(num(1, 2))), 0644);
	cr_test_file(IN("pstree.img"), PSTREE, 0600);
	cr_test_file(IN("core-1.img"), image("CORE", entry(hex(""))), 0600);
	cr_test_file(IN("pagemap-1.img"),
		     image("PAGEMAP", entry(num(1, 1)),
			   entry(num(1, 4096), num(2, 1))),
		     0600);
	cr_test_file(IN("stats-dump"), image("STATS", entry(hex(""))), 0604);
	/* raw, of a kind that is not known yet, and of another's name */
	cr_test_file(IN("pages-1.img"), fill(0xa5, 4096), 0600);
	cr_test_file(IN("newkind-1.img"), fill(0x5a, 100), 0640);
	cr_test_file(IN("copy-of-pstree"), PSTREE, 0600);
	cr_test_file(IN("x.json"), text("{\"foreign\": 1}"), 0600);
	cr_test_file(IN("notes.txt"), text("notes"), 0444);
	cr_test_file(IN("empty"), text(""), 0600);
	/* what is no file */
	ck_assert_int_eq(symlink("../parent", cr_test_path(IN("parent"))), 0);
	ck_assert_int_eq(symlink("/etc/passwd", cr_test_path(IN("mm-1.img"))),
			 0);
	ck_assert_int_eq(mkdir(cr_test_path(IN("sub")), 0700), 0);
	cr_test_file(IN("sub/fs-7.img"), image("FS", entry(hex(""))), 0600);
	ck_assert_int_eq(mkdir(cr_test_path(IN("sub/none")), 0750), 0);
	ck_assert_int_eq(chmod(cr_test_path(IN("sub")), 0710), 0);
	ck_assert_int_eq(chmod(cr_test_path(dir), 0750), 0);
}

static struct cr_error *convert_dir(enum cr_convert_to to, const char *in,
				    const char *out)
{
	struct cr_convert c = { .to = to, .newline = to == CR_TO_JSON };
	struct cr_error *err =
		cr_convert_dir(&c, cr_test_path(in), cr_test_path(out));

	cr_convert_deinit(&c);
	return err;
}

TEST(images_become_documents_and_the_rest_is_carried_over)
{
	make_checkpoint("in");
	ck_assert_ptr_null(convert_dir(CR_TO_JSON, "in", "out"));
	assert_text(cr_test_list(cr_test_path("out")),
		    "copy-of-pstree.json core-1.img.json empty "
		    "inventory.img.json mm-1.img@ newkind-1.img notes.txt "
		    "pagemap-1.img.json pages-1.img parent@ pstree.img.json "
		    "stats-dump.json sub/ x.json");
	assert_text(cr_test_list(cr_test_path("out/sub")),
		    "fs-7.img.json none/");
	assert_bytes(cr_test_content(cr_test_path("out/pstree.img.json")),
		     text(PSTREE_ "\n"));
	assert_text(cr_test_list(cr_test_dir()), "in/ out/");
}

/* Names, modes, links and bytes are the same. */
static void assert_same(const char *a, const char *b)
{
	const char *names = cr_test_list(cr_test_path(a));
	char *copy = cr_test_format("%s", names), *at = NULL;

	assert_text(cr_test_list(cr_test_path(b)), names);
	ck_assert_int_eq(stat_of(cr_test_path(a)).st_mode,
			 stat_of(cr_test_path(b)).st_mode);
	for (char *n = strtok_r(copy, " ", &at); n;
	     n = strtok_r(NULL, " ", &at)) {
		const char *in_a, *in_b;
		char text_a[64] = "", text_b[64] = "";

		n[strcspn(n, "/@")] = 0;
		in_a = cr_test_format("%s/%s", a, n);
		in_b = cr_test_format("%s/%s", b, n);
		ck_assert_msg(stat_of(cr_test_path(in_a)).st_mode ==
				      stat_of(cr_test_path(in_b)).st_mode,
			      "%s", n);
		if (S_ISDIR(stat_of(cr_test_path(in_a)).st_mode)) {
			assert_same(in_a, in_b);
			continue;
		}
		if (!S_ISLNK(stat_of(cr_test_path(in_a)).st_mode)) {
			assert_bytes(cr_test_content(cr_test_path(in_a)),
				     cr_test_content(cr_test_path(in_b)));
			continue;
		}
		ck_assert_int_gt(readlink(cr_test_path(in_a), text_a, 63), 0);
		ck_assert_int_gt(readlink(cr_test_path(in_b), text_b, 63), 0);
		assert_text(text_a, text_b);
	}
}

TEST(there_and_back_is_the_same)
{
	make_checkpoint("in");
	ck_assert_ptr_null(convert_dir(CR_TO_JSON, "in", "json"));
	ck_assert_ptr_null(convert_dir(CR_TO_IMAGE, "json", "back"));
	assert_same("in", "back");
}

TEST(modes_are_kept)
{
	umask(077);
	make_checkpoint("in");
	ck_assert_ptr_null(convert_dir(CR_TO_JSON, "in", "out"));
	ck_assert_int_eq(stat_of(cr_test_path("out")).st_mode & 07777, 0750);
	ck_assert_int_eq(stat_of(cr_test_path("out/sub")).st_mode & 07777,
			 0710);
	ck_assert_int_eq(stat_of(cr_test_path("out/inventory.img.json"))
					 .st_mode & 07777,
			 0644);
	ck_assert_int_eq(stat_of(cr_test_path("out/pstree.img.json")).st_mode &
				 07777,
			 0600);
	ck_assert_int_eq(stat_of(cr_test_path("out/newkind-1.img")).st_mode &
				 07777,
			 0640);
	ck_assert_int_eq(stat_of(cr_test_path("out/notes.txt")).st_mode & 07777,
			 0444);
}

TEST(what_is_carried_over_takes_no_room_where_that_can_be)
{
	struct stat in, out;

	make_checkpoint("in");
	ck_assert_ptr_null(convert_dir(CR_TO_JSON, "in", "out"));
	in = stat_of(cr_test_path("in/pages-1.img"));
	out = stat_of(cr_test_path("out/pages-1.img"));
	// A hard link, or on some file systems a reflink, which has its own
	// inode.
	if (in.st_ino == out.st_ino)
		ck_assert_int_eq((int)in.st_nlink, 2);
	assert_bytes(cr_test_content(cr_test_path("out/pages-1.img")),
		     fill(0xa5, 4096));
}

TEST(an_empty_directory_may_be_there)
{
	make_checkpoint("in");
	ck_assert_int_eq(mkdir(cr_test_path("out"), 0700), 0);
	ck_assert_ptr_null(convert_dir(CR_TO_JSON, "in", "out"));
	ck_assert_int_eq(access(cr_test_path("out/pstree.img.json"), F_OK), 0);
	assert_text(cr_test_list(cr_test_dir()), "in/ out/");
}

TEST(a_slash_behind_a_name_does_not_count)
{
	make_checkpoint("in");
	ck_assert_ptr_null(convert_dir(CR_TO_JSON, "in/", "out//"));
	assert_text(cr_test_list(cr_test_dir()), "in/ out/");
}

TEST(a_directory_that_is_not_empty_is_left_alone)
{
	make_checkpoint("in");
	ck_assert_int_eq(mkdir(cr_test_path("out"), 0700), 0);
	cr_test_file("out/precious", text("x"), 0600);
	assert_text(cr_test_error(convert_dir(CR_TO_JSON, "in", "out")),
		    cr_test_format("! SYSTEM %s: Directory not empty",
				   cr_test_path("out")));
	assert_text(cr_test_list(cr_test_path("out")), "precious");
	assert_text(cr_test_list(cr_test_dir()), "in/ out/");
}

TEST(a_file_is_no_place_for_a_directory)
{
	make_checkpoint("in");
	cr_test_file("out", text("precious"), 0600);
	assert_text(cr_test_error(convert_dir(CR_TO_JSON, "in", "out")),
		    cr_test_format("! SYSTEM %s: Not a directory",
				   cr_test_path("out")));
	assert_bytes(cr_test_content(cr_test_path("out")), text("precious"));
	assert_text(cr_test_list(cr_test_dir()), "in/ out");
}

TEST(a_broken_image_leaves_nothing)
{
	make_checkpoint("in");
	ck_assert_int_eq(unlink(cr_test_path("in/pstree.img")), 0);
	cr_test_file("in/pstree.img", cat(PSTREE, hex("00 00")), 0600);
	assert_text(cr_test_error(convert_dir(CR_TO_JSON, "in", "out")),
		    cr_test_format("! FORMAT %s/pstree.img: entry 1: byte "
				   "20: the size word needs 4 bytes, have 2",
				   cr_test_path("in")));
	assert_text(cr_test_list(cr_test_dir()), "in/");
}

TEST(a_broken_image_below_leaves_nothing)
{
	make_checkpoint("in");
	cr_test_file("in/sub/none/ids-1.img", hex("00 00 00 00"), 0600);
	assert_text(cr_test_error(convert_dir(CR_TO_JSON, "in", "out")),
		    cr_test_format("! FORMAT %s/sub/none/ids-1.img: byte 0: "
				   "unknown magic 0x0; maybe this is raw data, "
				   "such as pages-1.img",
				   cr_test_path("in")));
	assert_text(cr_test_list(cr_test_dir()), "in/");
}

TEST(a_broken_document_leaves_nothing)
{
	ck_assert_int_eq(mkdir(cr_test_path("in"), 0700), 0);
	cr_test_file("in/mm-1.img.json", text("{\"magic\": 1}"), 0600);
	assert_text(cr_test_error(convert_dir(CR_TO_IMAGE, "in", "out")),
		    cr_test_format("! FORMAT %s/mm-1.img.json: magic: line 1 "
				   "column 11: need a string, not '1'",
				   cr_test_path("in")));
	assert_text(cr_test_list(cr_test_dir()), "in/");
}

TEST(a_directory_that_does_not_exist)
{
	assert_text(cr_test_error(convert_dir(CR_TO_JSON, "in", "out")),
		    cr_test_format("! SYSTEM %s: No such file or directory",
				   cr_test_path("in")));
	ck_assert_int_eq(mkdir(cr_test_path("in"), 0700), 0);
	ck_assert_ptr_nonnull(
		strstr(cr_test_error(convert_dir(CR_TO_JSON, "in", "no/out")),
		       ": No such file or directory"));
	assert_text(cr_test_list(cr_test_dir()), "in/");
}

TEST(a_pipe_in_a_directory_is_refused)
{
	make_checkpoint("in");
	ck_assert_int_eq(mkfifo(cr_test_path("in/fifo"), 0600), 0);
	assert_text(cr_test_error(convert_dir(CR_TO_JSON, "in", "out")),
		    cr_test_format("! UNSUPPORTED %s/fifo: neither file nor "
				   "directory nor link",
				   cr_test_path("in")));
	assert_text(cr_test_list(cr_test_dir()), "in/");
}

TEST(directories_that_nest_too_deep_are_refused)
{
	const char *path = "in";

	ck_assert_int_eq(mkdir(cr_test_path(path), 0700), 0);
	for (int i = 0; i < 17; i++) {
		path = cr_test_format("%s/d", path);
		ck_assert_int_eq(mkdir(cr_test_path(path), 0700), 0);
	}
	ck_assert_ptr_nonnull(
		strstr(cr_test_error(convert_dir(CR_TO_JSON, "in", "out")),
		       ": directories more than 16 deep"));
	assert_text(cr_test_list(cr_test_dir()), "in/");
	ck_assert_int_eq(rmdir(cr_test_path(path)), 0);
	ck_assert_ptr_null(convert_dir(CR_TO_JSON, "in", "out"));
}

TEST(nothing_is_read_through_a_link)
{
	ck_assert_int_eq(mkdir(cr_test_path("in"), 0700), 0);
	cr_test_file("pstree.img", PSTREE, 0600);
	ck_assert_int_eq(symlink("../pstree.img",
				 cr_test_path("in/pstree.img")),
			 0);
	ck_assert_ptr_null(convert_dir(CR_TO_JSON, "in", "out"));
	assert_text(cr_test_list(cr_test_path("out")), "pstree.img@");
}

static void count(void *arg, const struct cr_convert_progress *at)
{
	struct cr_convert_progress *last = arg;

	ck_assert_uint_gt(at->files_done, last->files_done);
	ck_assert_uint_le(at->files_done, at->nr_files);
	*last = *at;
}

TEST(progress_reaches_the_end)
{
	struct cr_convert_progress last = { 0, 0, 0 };
	struct cr_convert c = {
		.to = CR_TO_JSON,
		.progress = count,
		.progress_arg = &last,
	};

	make_checkpoint("in");
	ck_assert_ptr_null(cr_convert_dir(&c, cr_test_path("in"),
					  cr_test_path("out")));
	cr_convert_deinit(&c);
	ck_assert_uint_eq(last.files_done, last.nr_files);
	ck_assert_uint_eq(last.nr_files, 16);
}

TEST(a_sorted_document_is_found_by_its_name)
{
	ck_assert_int_eq(mkdir(cr_test_path("in"), 0700), 0);
	cr_test_file("in/pstree.img.json",
		     text("{\"entries\": [{\"pgid\": 1, \"pid\": 1, "
			  "\"ppid\": 0, \"sid\": 1}], \"magic\": \"PSTREE\"}"),
		     0600);
	cr_test_file("in/odd.json",
		     text(" \n {\"magic\": \"PSTREE\", \"entries\": []}"),
		     0600);
	cr_test_file("in/odder.json", text("[\"magic\"]"), 0600);
	ck_assert_ptr_null(convert_dir(CR_TO_IMAGE, "in", "out"));
	assert_text(cr_test_list(cr_test_path("out")),
		    "odd odder.json pstree.img");
	assert_bytes(cr_test_content(cr_test_path("out/pstree.img")), PSTREE);
}

TEST_MAIN("lib/ops/convert")
