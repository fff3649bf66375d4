// SPDX-License-Identifier: MIT
/*
 * Tar archives built member by member, so that a test can say things that no
 * tar program would. man 5 tar, ustar. What a function here returns lives until
 * the test ends.
 *
 *	tar(tar_file("checkpoint/pstree.img", text("...")), tar_symlink("a", "b"))
 */
#ifndef CR_TESTS_SUPPORT_TAR_H
#define CR_TESTS_SUPPORT_TAR_H

#include "tests/support/bytes.h"

/* The time of every member: 2026-01-02 03:04:05 UTC. */
#define TAR_TIME 1767323045

/** One member: header, data and padding; size is what the header claims. */
struct bytes cr_test_member(char type, const char *name, const char *link,
			    uint64_t size, struct bytes data);

/** A file that is data at off and a hole before that, as GNU tar writes it. */
struct bytes cr_test_sparse(const char *name, uint64_t off, struct bytes data);

/** Compressed by libarchive: "gzip", "zstd", "xz", "bzip2". */
struct bytes cr_test_compress(const char *filter, struct bytes b);

/** A new file with these bytes in cr_test_dir(); its path. */
const char *cr_test_archive(struct bytes b);

// clang-format off
#define tar_file(name, data)	cr_test_member('0', name, "", (data).size, data)
#define tar_dir(name)		cr_test_member('5', name, "", 0, text(""))
#define tar_symlink(name, to)	cr_test_member('2', name, to, 0, text(""))
#define tar_hardlink(name, to)	cr_test_member('1', name, to, 0, text(""))
#define tar_fifo(name)		cr_test_member('6', name, "", 0, text(""))
#define tar(...)		cat(__VA_ARGS__, fill(0, 1024))
// clang-format on

#endif
