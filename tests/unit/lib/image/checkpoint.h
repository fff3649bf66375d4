// SPDX-License-Identifier: MIT
/*
 * A checkpoint made of a few images, in a directory that is gone when the set is
 * closed with close_checkpoint().
 *
 *	struct cr_set set = checkpoint("pstree.img", image("PSTREE", ...));
 */
#ifndef CR_TESTS_UNIT_LIB_IMAGE_CHECKPOINT_H
#define CR_TESTS_UNIT_LIB_IMAGE_CHECKPOINT_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "lib/image/set.h"
#include "tests/support/bytes.h"
#include "tests/support/codec.h"

static char checkpoint_dir[64];

static inline void add_image(const char *name, struct bytes img)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", checkpoint_dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(img.p, 1, img.size, f), img.size);
	ck_assert_int_eq(fclose(f), 0);
}

static inline struct cr_set checkpoint(const char *name, struct bytes img)
{
	struct cr_set set;

	strcpy(checkpoint_dir, "/tmp/critter-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(checkpoint_dir));
	add_image(name, img);
	assert_text(cr_test_error(cr_set_open(checkpoint_dir, &set)), "");
	return set;
}

static inline void close_checkpoint(struct cr_set *set)
{
	DIR *dir = opendir(checkpoint_dir);

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	rmdir(checkpoint_dir);
	cr_set_close(set);
}

#endif
