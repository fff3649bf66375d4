// SPDX-License-Identifier: MIT
/*
 * Files of a test: a directory of its own, which is removed when the test
 * ends.
 */
#ifndef CR_TESTS_SUPPORT_FILES_H
#define CR_TESTS_SUPPORT_FILES_H

#include <sys/types.h>

#include "tests/support/bytes.h"

/** The test's directory, made when it is first asked for. */
const char *cr_test_dir(void);

/** A path in it. */
const char *cr_test_path(const char *name);

/** Makes a file there, its path. */
const char *cr_test_file(const char *name, struct bytes content, mode_t mode);

/** What a file holds. */
struct bytes cr_test_content(const char *path);

/** Names in a directory, sorted, each with a slash, an "@" or nothing behind
 * it (directory, symbolic link, file) and a blank between them. */
const char *cr_test_list(const char *path);

#endif
