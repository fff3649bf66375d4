// SPDX-License-Identifier: MIT
#include "tests/support/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

static char dir[256];
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	if (type == FTW_D)
		chmod(path, 0700);
	remove(path);
	return 0;
}

/* Children of the test leave it alone. */
static void remove_dir(void)
{
	if (getpid() != owner)
		return;
	nftw(dir, remove_one, 16, FTW_PHYS);
	nftw(dir, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

const char *cr_test_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (*dir)
		return dir;
	snprintf(dir, sizeof(dir), "%s/critter-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	owner = getpid();
	atexit(remove_dir);
	return dir;
}

const char *cr_test_path(const char *name)
{
	return cr_test_format("%s/%s", cr_test_dir(), name);
}

const char *cr_test_file(const char *name, struct bytes content, mode_t mode)
{
	const char *path = cr_test_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(write(fd, content.p, content.size),
			 (ssize_t)content.size);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

struct bytes cr_test_content(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *got;

	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(fstat(fd, &st), 0);
	got = cr_test_alloc((size_t)st.st_size + 1);
	ck_assert_int_eq(read(fd, got, (size_t)st.st_size), st.st_size);
	close(fd);
	return (struct bytes){ got, (size_t)st.st_size };
}

const char *cr_test_list(const char *path)
{
	struct dirent **names;
	int nr = scandir(path, &names, NULL, alphasort);
	const char *got = "";

	ck_assert_msg(nr >= 0, "%s", path);
	for (int i = 0; i < nr; i++) {
		const char *name = names[i]->d_name;
		struct stat st;

		if (strcmp(name, ".") && strcmp(name, "..")) {
			ck_assert_int_eq(
				lstat(cr_test_format("%s/%s", path, name), &st),
				0);
			got = cr_test_format("%s%s%s%s", got, *got ? " " : "",
					     name,
					     S_ISDIR(st.st_mode) ? "/" :
					     S_ISLNK(st.st_mode) ? "@" :
								   "");
		}
		free(names[i]);
	}
	free(names);
	return got;
}
