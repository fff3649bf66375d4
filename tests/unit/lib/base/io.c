// SPDX-License-Identifier: MIT
#include "lib/base/io.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

static int mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Whole reads and writes */

TEST(writes_are_whole)
{
	struct bytes b = fill('x', 3000000);
	int fds[2];

	// A pipe takes less than that at once.
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	if (!fork()) {
		struct cr_error *err;

		close(fds[0]);
		err = cr_io_write(fds[1], b.p, b.size);
		_exit(err != NULL);
	}
	close(fds[1]);
	for (size_t left = b.size; left;) {
		char got[10000];
		ssize_t n = read(fds[0], got, sizeof(got));

		ck_assert_int_gt(n, 0);
		left -= (size_t)n;
	}
	close(fds[0]);
}

TEST(writes_at_an_offset)
{
	int fd = memfd_create("io", MFD_CLOEXEC);
	char got[8];

	ck_assert_ptr_null(cr_io_pwrite(fd, "abc", 3, 2));
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	ck_assert_int_eq(pread(fd, got, 8, 0), 5);
	ck_assert_mem_eq(got, "\0\0abc", 5);
	close(fd);
}

TEST(a_write_that_fails)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_text(cr_test_error(cr_io_write(fd, "x", 1)),
		    "! SYSTEM write: No space left on device");
	ck_assert_ptr_null(cr_io_write(fd, "x", 0));
	close(fd);
	assert_text(cr_test_error(cr_io_pwrite(-1, "x", 1, 0)),
		    "! SYSTEM write: Bad file descriptor");
}

TEST(reads_are_exact)
{
	int fd = memfd_create("io", MFD_CLOEXEC);
	char got[8];

	ck_assert_int_eq(write(fd, "abcdef", 6), 6);
	ck_assert_ptr_null(cr_io_pread(fd, got, 3, 2));
	ck_assert_mem_eq(got, "cde", 3);
	ck_assert_ptr_null(cr_io_pread(fd, got, 0, 100));
	assert_text(cr_test_error(cr_io_pread(fd, got, 5, 4)),
		    "! FORMAT byte 6: the file ends, 3 bytes are missing");
	close(fd);
}

TEST(copies_go_to_where_the_other_file_stands)
{
	struct bytes b = fill('x', 200000);
	int from = memfd_create("from", MFD_CLOEXEC);
	int to = memfd_create("to", MFD_CLOEXEC);

	ck_assert_ptr_null(cr_io_write(from, b.p, b.size));
	ck_assert_ptr_null(cr_io_write(to, "head", 4));
	ck_assert_ptr_null(cr_io_copy(from, 100, 199900, to));
	ck_assert_int_eq(lseek(to, 0, SEEK_CUR), 199904);
	assert_text(cr_test_error(cr_io_copy(from, 199990, 20, to)),
		    "! FORMAT byte 200000: the file ends, 10 bytes are "
		    "missing");
	close(from);
	close(to);
}

TEST(a_temporary_file_has_no_name)
{
	struct stat st;
	int fd;

	ck_assert_ptr_null(cr_io_tmpfile(&fd));
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq((int)st.st_nlink, 0);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_ptr_null(cr_io_pwrite(fd, "x", 1, 0));
	close(fd);
}

/* Replacing */

/* Replaces path by "new"; commits or not. */
static struct cr_error *replace(const char *path, bool commit)
{
	struct cr_replace rep;
	struct cr_error *err = cr_replace_open(&rep, AT_FDCWD, path, 0666);

	if (!err)
		err = cr_io_write(rep.fd, "new", 3);
	if (!err && commit)
		err = cr_replace_commit(&rep, false);
	cr_replace_close(&rep);
	return err;
}

TEST(a_file_is_replaced)
{
	const char *path = cr_test_file("x", text("old text"), 0644);

	ck_assert_ptr_null(replace(path, true));
	assert_bytes(cr_test_content(path), text("new"));
	assert_text(cr_test_list(cr_test_dir()), "x");
}

TEST(a_new_file_appears)
{
	const char *path = cr_test_path("x");

	ck_assert_ptr_null(replace(path, true));
	assert_bytes(cr_test_content(path), text("new"));
	assert_text(cr_test_list(cr_test_dir()), "x");
}

TEST(nothing_changes_before_it_is_committed)
{
	const char *path = cr_test_file("x", text("old text"), 0644);
	struct cr_replace rep;

	ck_assert_ptr_null(cr_replace_open(&rep, AT_FDCWD, path, 0666));
	ck_assert_ptr_null(cr_io_write(rep.fd, "new", 3));
	assert_bytes(cr_test_content(path), text("old text"));
	ck_assert_ptr_null(cr_replace_commit(&rep, true));
	assert_bytes(cr_test_content(path), text("new"));
	cr_replace_close(&rep);
}

TEST(what_is_not_committed_leaves_nothing)
{
	const char *path = cr_test_file("x", text("old text"), 0644);

	ck_assert_ptr_null(replace(path, false));
	assert_bytes(cr_test_content(path), text("old text"));
	ck_assert_ptr_null(replace(cr_test_path("y"), false));
	assert_text(cr_test_list(cr_test_dir()), "x");
}

TEST(the_mode_is_kept)
{
	const char *path = cr_test_file("x", text("old"), 0604);

	ck_assert_ptr_null(replace(path, true));
	ck_assert_int_eq(mode_of(path), 0604);
}

TEST(a_new_file_has_the_mode_asked_for_less_the_umask)
{
	struct cr_replace rep;

	umask(027);
	ck_assert_ptr_null(replace(cr_test_path("x"), true));
	ck_assert_int_eq(mode_of(cr_test_path("x")), 0640);
	ck_assert_ptr_null(cr_replace_open(&rep, AT_FDCWD, cr_test_path("y"),
					   0600));
	ck_assert_ptr_null(cr_replace_commit(&rep, false));
	cr_replace_close(&rep);
	ck_assert_int_eq(mode_of(cr_test_path("y")), 0600);
}

TEST(a_device_is_written_in_place)
{
	struct cr_replace rep;
	struct stat st;

	ck_assert_ptr_null(cr_replace_open(&rep, AT_FDCWD, "/dev/null", 0666));
	ck_assert(rep.direct);
	ck_assert_ptr_null(cr_io_write(rep.fd, "new", 3));
	ck_assert_ptr_null(cr_replace_commit(&rep, true));
	cr_replace_close(&rep);
	ck_assert_int_eq(stat("/dev/null", &st), 0);
	ck_assert(S_ISCHR(st.st_mode));
}

TEST(the_target_of_a_link_is_replaced)
{
	struct stat st;

	ck_assert_int_eq(mkdir(cr_test_path("d"), 0700), 0);
	cr_test_file("d/x", text("old"), 0600);
	ck_assert_int_eq(symlink("d/x", cr_test_path("link")), 0);
	ck_assert_ptr_null(replace(cr_test_path("link"), true));
	ck_assert_int_eq(lstat(cr_test_path("link"), &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	assert_bytes(cr_test_content(cr_test_path("d/x")), text("new"));
	assert_text(cr_test_list(cr_test_path("d")), "x");
	assert_text(cr_test_list(cr_test_dir()), "d/ link@");
}

TEST(a_file_below_an_open_directory)
{
	struct cr_replace rep;
	int dir = open(cr_test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(mkdir(cr_test_path("d"), 0700), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_ptr_null(cr_replace_open(&rep, dir, "d/x", 0666));
		ck_assert_ptr_null(cr_io_write(rep.fd, "new", 3));
		ck_assert_ptr_null(cr_replace_commit(&rep, false));
		cr_replace_close(&rep);
		assert_bytes(cr_test_content(cr_test_path("d/x")),
			     text("new"));
		assert_text(cr_test_list(cr_test_path("d")), "x");
	}
	close(dir);
}

TEST(a_directory_is_not_replaced)
{
	assert_text(cr_test_error(replace(cr_test_dir(), true)),
		    "! USAGE is a directory");
}

TEST(a_directory_that_does_not_exist)
{
	const char *path = cr_test_path("no/x");

	assert_text(cr_test_error(replace(path, true)),
		    cr_test_format("! SYSTEM cannot write in %s: No such file "
				   "or directory",
				   cr_test_path("no")));
}

TEST(a_file_that_is_replaced_while_open_stays_for_its_reader)
{
	const char *path = cr_test_file("x", text("old"), 0644);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char got[4];

	ck_assert_ptr_null(replace(path, true));
	ck_assert_int_eq(read(fd, got, 4), 3);
	ck_assert_mem_eq(got, "old", 3);
	close(fd);
}

TEST(closing_what_never_opened)
{
	struct cr_replace rep = { .fd = -1 };

	cr_replace_close(&rep);
	cr_replace_close(&rep);
}

TEST_MAIN("lib/base/io")
