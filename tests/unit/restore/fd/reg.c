// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/regfile.pb-c.h"
#include "restore/fd/kind.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

static const struct cr_options options;

// What opening a file says that the images have with such a mode, 0: none.
static struct cr_error *open_again(const char *path, uint32_t mode, int flags,
				   int *fd_ret)
{
	RegFileEntry entry = REG_FILE_ENTRY__INIT;
	struct cr_ofile file = { .opened.msg = &entry.base };
	struct cr_restore run = { .options = &options };
	entry.name = (char *)(uintptr_t)path;
	entry.has_mode = mode;
	entry.mode = mode;
	alarm(10); // it is not to wait
	struct cr_error *err = cr_reg_again(&run, &file, flags, fd_ret);
	alarm(0);
	return err;
}

static void refused(const char *path, uint32_t mode, int flags, const char *text)
{
	int fd = -1;
	struct cr_error *err = open_again(path, mode, flags, &fd);
	ck_assert_ptr_nonnull(err);
	ck_assert_ptr_nonnull(strstr(cr_error_text(err), text));
	ck_assert_int_eq(fd, -1);
	cr_error_free(err);
}

// A FIFO waits for its other end, and who has that sees that it is opened.
TEST(a_fifo_in_the_place_of_a_file_is_not_opened)
{
	char path[PATH_MAX];
	strcpy(path, cr_test_path("fifo"));
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	refused(path, S_IFREG | 0644, O_RDONLY, "has type");
	refused(path, S_IFREG | 0644, O_WRONLY | O_NOFOLLOW, "has type");
	refused(path, 0, O_RDONLY, "is a FIFO");
	ck_assert_int_lt(open(path, O_WRONLY | O_NONBLOCK), 0);
	ck_assert_int_eq(errno, ENXIO);
}

// But O_LARGEFILE, which a 64-bit kernel adds.
TEST(a_file_is_opened_with_its_flags)
{
	static const int all[] = { O_RDONLY, O_WRONLY | O_APPEND,
				   O_RDWR | O_NOFOLLOW, O_PATH, O_NONBLOCK };
	char path[PATH_MAX];
	strcpy(path, cr_test_path("file"));
	ck_assert_int_eq(close(open(path, O_CREAT | O_WRONLY, 0644)), 0);
	chmod(path, 0644);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int fd;
		ck_assert_ptr_null(open_again(path, S_IFREG | 0644, all[i], &fd));
		ck_assert_int_eq(fcntl(fd, F_GETFL) & ~0100000, all[i]);
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
	refused(path, S_IFREG | 0600, O_RDONLY, "has mode");
	refused(path, S_IFCHR | 0644, O_RDONLY, "has type");
}

TEST_MAIN("restore/fd/reg")
