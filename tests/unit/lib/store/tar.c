// SPDX-License-Identifier: MIT
/* What an archive does with its tar is in archive.c. */
#include "lib/store/tar.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/tar.h"

static int open_file(struct bytes b)
{
	int fd = open(cr_test_archive(b), O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool likely(struct bytes b)
{
	int fd = open_file(b);
	bool got = cr_tar_likely(fd);

	close(fd);
	return got;
}

TEST(an_archive_is_known_by_how_it_begins)
{
	struct bytes b = tar(tar_file("a", text("a")));

	ck_assert(likely(b));
	ck_assert(likely(cr_test_compress("gzip", b)));
	ck_assert(likely(cr_test_compress("zstd", b)));
	ck_assert(likely(cr_test_compress("xz", b)));
	ck_assert(likely(cr_test_compress("bzip2", b)));
	ck_assert(!likely(text("")));
	ck_assert(!likely(text("BZ")));
	ck_assert(!likely(fill(0, 10240)));
	ck_assert(!likely(image("PSTREE")));
}

TEST(a_member_whose_name_looks_compressed_is_none)
{
	struct bytes b = tar(tar_file("BZh91AY&SY", text("a")));
	struct cr_tar *tar;
	struct cr_tar_member m;
	bool end;
	int fd = open_file(b);

	ck_assert_ptr_null(cr_tar_open(fd, &tar));
	ck_assert(cr_tar_is_plain(tar));
	ck_assert_ptr_null(cr_tar_next(tar, &m, &end));
	assert_text(m.name, "BZh91AY&SY");
	ck_assert_uint_eq(m.off, 512);
	cr_tar_close(tar);
	close(fd);
}

TEST(members_come_in_order_with_what_is_known_of_them)
{
	struct bytes b = tar(tar_dir("d/"), tar_file("d/f", fill('x', 1000)),
			     tar_symlink("d/s", "../t"),
			     tar_hardlink("d/h", "d/f"), tar_fifo("d/p"));
	int fd = open_file(b);
	struct cr_tar *tar;
	struct cr_tar_member m;
	bool end = false;
	const char *all = "";

	ck_assert_ptr_null(cr_tar_open(fd, &tar));
	for (;;) {
		ck_assert_ptr_null(cr_tar_next(tar, &m, &end));
		if (end)
			break;
		ck_assert_int_eq(m.mtime, TAR_TIME);
		all = cr_test_format("%s%d %s %s %d %d, ", all, m.kind, m.name,
				     m.link ? m.link : "-", (int)m.size,
				     m.off == CR_TAR_NOWHERE ? -1 :
							       (int)m.off);
	}
	assert_text(all, "1 d/ - 0 -1, 0 d/f - 1000 1024, 2 d/s ../t 0 -1, "
			 "3 d/h d/f 0 -1, 4 d/p - 0 -1, ");
	cr_tar_close(tar);
	cr_tar_close(NULL);
	close(fd);
}

TEST_MAIN("lib/store/tar")
