// SPDX-License-Identifier: MIT
#include "lib/base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"

/* Reads of a given number of bytes each, and an error at a given place. */
struct reads {
	struct bytes left;
	size_t each;
	size_t fail_at; /* bytes left when it fails; 0: never */
};

static struct cr_error *read_some(void *arg, void *data, size_t size,
				  size_t *n_ret)
{
	struct reads *r = arg;
	size_t n = r->left.size < r->each ? r->left.size : r->each;

	if (r->fail_at && r->left.size <= r->fail_at)
		return cr_error_new(CR_ERR_SYSTEM, "broken");
	if (n > size)
		n = size;
	if (n)
		memcpy(data, r->left.p, n);
	r->left.p += n;
	r->left.size -= n;
	*n_ret = n;
	return NULL;
}

/* Bytes that tell their place: no two runs of 4 are the same. */
static struct bytes places(size_t size)
{
	struct bytes b = fill(0, size);
	uint8_t *p = (uint8_t *)(uintptr_t)b.p;

	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(i >> 8 * (i % 4)) | (uint8_t)(i % 4 << 6);
	return b;
}

static void open_read(struct cr_source *src, struct reads *r, size_t cap,
		      size_t each, struct bytes b)
{
	*r = (struct reads){ b, each, 0 };
	ck_assert_ptr_null(cr_source_init_read(src, cap, read_some, r));
}

static int file_of(struct bytes b)
{
	int fd = memfd_create("source", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, b.p, b.size), (ssize_t)b.size);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void close_all(struct cr_source *src, int fd)
{
	cr_source_deinit(src);
	if (fd >= 0)
		close(fd);
}

/* Everything in steps of `step` bytes. */
static void assert_reads(struct cr_source *src, struct bytes b, size_t step)
{
	for (size_t i = 0; i < b.size; i += step) {
		size_t n = b.size - i < step ? b.size - i : step;

		ck_assert_ptr_null(cr_source_need(src, step));
		ck_assert_uint_ge(cr_source_left(src), n);
		ck_assert_uint_eq(cr_source_tell(src), i);
		ck_assert_mem_eq(src->p, b.p + i, n);
		src->p += n;
	}
	ck_assert_ptr_null(cr_source_need(src, 1));
	ck_assert_uint_eq(cr_source_left(src), 0);
	ck_assert(src->eof);
}

TEST(small_reads_fill_the_window)
{
	static const size_t each[] = { 1, 2, 7, 511, 512, 513, 5000 };
	static const size_t steps[] = { 1, 3, 100, 511, 512 };
	struct bytes b = places(5000);

	for (size_t i = 0; i < 7; i++) {
		for (size_t k = 0; k < 5; k++) {
			struct cr_source src;
			struct reads r;

			open_read(&src, &r, 512, each[i], b);
			assert_reads(&src, b, steps[k]);
			cr_source_deinit(&src);
		}
	}
}

TEST(a_pipe_is_read_to_its_end)
{
	struct bytes b = places(40000);
	struct cr_source src;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(write(fds[1], b.p, b.size), (ssize_t)b.size);
	close(fds[1]);
	ck_assert_ptr_null(cr_source_init_fd(&src, fds[0]));
	ck_assert(!src.seekable);
	assert_reads(&src, b, 1000);
	close_all(&src, fds[0]);
}

TEST(a_file_is_read_from_where_it_stands)
{
	struct bytes b = places(700000);
	int fd = file_of(b);
	struct cr_source src;

	ck_assert_int_eq(lseek(fd, 100, SEEK_SET), 100);
	ck_assert_ptr_null(cr_source_init_fd(&src, fd));
	ck_assert(src.seekable);
	assert_reads(&src, (struct bytes){ b.p + 100, b.size - 100 }, 4096);
	close_all(&src, fd);
}

TEST(memory_is_read_where_it_is)
{
	struct bytes b = places(1000);
	struct cr_source src;

	cr_source_init_mem(&src, b.p, b.size);
	ck_assert_ptr_eq(src.p, b.p);
	assert_reads(&src, b, 10);
	cr_source_deinit(&src);
}

TEST(a_nul_stands_behind_what_is_buffered)
{
	struct bytes b = fill('x', 2000);
	struct cr_source src;
	struct reads r;

	open_read(&src, &r, 512, 100, b);
	ck_assert_uint_eq(*src.end, 0);
	for (int i = 0; i < 30; i++) {
		ck_assert_ptr_null(cr_source_need(&src, 60));
		ck_assert_uint_eq(*src.end, 0);
		src.p += 60;
	}
	cr_source_deinit(&src);
}

TEST(an_input_that_ends_before_what_must_be_there)
{
	struct cr_source src;
	struct reads r;

	open_read(&src, &r, 512, 1, fill('x', 10));
	ck_assert_ptr_null(cr_source_must(&src, 8, "the head"));
	src.p += 8;
	assert_text(cr_test_error(cr_source_must(&src, 4, "the size word")),
		    "! FORMAT byte 8: the size word needs 4 bytes, have 2");
	ck_assert_ptr_null(cr_source_must(&src, 2, "the rest"));
	cr_source_deinit(&src);
}

TEST(errors_of_reading_are_passed_on)
{
	struct cr_source src;
	struct reads r;

	open_read(&src, &r, 512, 10, fill('x', 100));
	r.fail_at = 50;
	assert_text(cr_test_error(cr_source_need(&src, 100)),
		    "! SYSTEM broken");
	ck_assert_uint_eq(cr_source_left(&src), 50);
	cr_source_deinit(&src);
}

TEST(a_directory_is_no_input)
{
	struct cr_source src;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_text(cr_test_error(cr_source_init_fd(&src, fd)),
		    "! USAGE is a directory");
	close(fd);
}

TEST(going_on_with_another_file)
{
	struct bytes a = places(1000), b = places(300000);
	int fd_a = file_of(a), fd_b = file_of(b);
	struct cr_source src;

	ck_assert_ptr_null(cr_source_init_fd(&src, fd_a));
	ck_assert_ptr_null(cr_source_need(&src, 500));
	src.p += 10;
	ck_assert_ptr_null(cr_source_reset_fd(&src, fd_b));
	assert_reads(&src, b, 4096);
	close_all(&src, fd_a);
	close(fd_b);
}

/* Skipping */

TEST(skipping_in_the_window_and_beyond)
{
	struct bytes b = places(600000);
	int fd = file_of(b);
	struct cr_source src;

	ck_assert_ptr_null(cr_source_init_fd(&src, fd));
	ck_assert_ptr_null(cr_source_need(&src, 4));
	ck_assert_ptr_null(cr_source_skip(&src, 1000, "x"));
	ck_assert_ptr_null(cr_source_skip(&src, 500000, "x"));
	ck_assert_uint_eq(cr_source_tell(&src), 501000);
	ck_assert_ptr_null(cr_source_need(&src, 4));
	ck_assert_mem_eq(src.p, b.p + 501000, 4);
	ck_assert_ptr_null(cr_source_skip(&src, 99000, "x"));
	ck_assert_ptr_null(cr_source_need(&src, 1));
	ck_assert_uint_eq(cr_source_left(&src), 0);
	close_all(&src, fd);
}

TEST(skipping_through_small_reads)
{
	struct bytes b = places(5000);
	struct cr_source src;
	struct reads r;

	open_read(&src, &r, 512, 7, b);
	ck_assert_ptr_null(cr_source_skip(&src, 0, "x"));
	ck_assert_ptr_null(cr_source_skip(&src, 3000, "x"));
	ck_assert_ptr_null(cr_source_need(&src, 4));
	ck_assert_mem_eq(src.p, b.p + 3000, 4);
	ck_assert_ptr_null(cr_source_skip(&src, 2000, "x"));
	assert_text(cr_test_error(cr_source_skip(&src, 1, "the tail")),
		    "! FORMAT byte 5000: the tail needs 1 bytes, have 0");
	cr_source_deinit(&src);
}

TEST(skipping_beyond_the_end_of_a_file)
{
	int fd = file_of(places(1000));
	struct cr_source src;

	ck_assert_ptr_null(cr_source_init_fd(&src, fd));
	ck_assert_ptr_null(cr_source_need(&src, 1000));
	assert_text(cr_test_error(cr_source_skip(&src, 1001, "the payload")),
		    "! FORMAT byte 0: the payload needs 1001 bytes, have "
		    "1000");
	assert_text(cr_test_error(cr_source_skip(&src, UINT64_MAX, "x")),
		    "! FORMAT byte 0: x needs 18446744073709551615 bytes, "
		    "have 1000");
	ck_assert_ptr_null(cr_source_skip(&src, 1000, "the payload"));
	close_all(&src, fd);
}

/* Seeking */

TEST(going_back_in_a_file)
{
	struct bytes b = places(600000);
	int fd = file_of(b);
	struct cr_source src;
	static const uint64_t to[] = { 0, 599999, 1, 300000, 300001, 299999,
				       600000, 262144, 262143, 0 };

	ck_assert_ptr_null(cr_source_init_fd(&src, fd));
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		size_t n = b.size - to[i] < 100 ? b.size - to[i] : 100;

		ck_assert_ptr_null(cr_source_seek(&src, to[i]));
		ck_assert_uint_eq(cr_source_tell(&src), to[i]);
		ck_assert_ptr_null(cr_source_need(&src, 100));
		ck_assert_uint_ge(cr_source_left(&src), n);
		ck_assert_mem_eq(src.p, b.p + to[i], n);
	}
	close_all(&src, fd);
}

TEST(going_back_in_a_file_that_was_not_opened_at_its_start)
{
	struct bytes b = places(600000);
	int fd = file_of(b);
	struct cr_source src;

	ck_assert_int_eq(lseek(fd, 1000, SEEK_SET), 1000);
	ck_assert_ptr_null(cr_source_init_fd(&src, fd));
	ck_assert_ptr_null(cr_source_skip(&src, 500000, "x"));
	ck_assert_ptr_null(cr_source_seek(&src, 5));
	ck_assert_ptr_null(cr_source_need(&src, 4));
	ck_assert_mem_eq(src.p, b.p + 1005, 4);
	close_all(&src, fd);
}

TEST(going_back_in_memory)
{
	struct bytes b = places(1000);
	struct cr_source src;

	cr_source_init_mem(&src, b.p, b.size);
	src.end_off = 5000; // a part of something larger
	ck_assert_uint_eq(cr_source_tell(&src), 4000);
	ck_assert_ptr_null(cr_source_seek(&src, 4999));
	ck_assert_ptr_eq(src.p, b.p + 999);
	ck_assert_ptr_null(cr_source_seek(&src, 4000));
	ck_assert_ptr_eq(src.p, b.p);
}

static void pin_at(size_t before, size_t after, size_t each)
{
	struct bytes b = places(before + after);
	struct cr_source src;
	struct reads r;

	open_read(&src, &r, 512, each, b);
	ck_assert_ptr_null(cr_source_skip(&src, before, "x"));
	ck_assert_ptr_null(cr_source_pin(&src));
	ck_assert_uint_eq(cr_source_tell(&src), before);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < after; i += 100) {
			size_t n = after - i < 100 ? after - i : 100;

			ck_assert_ptr_null(cr_source_need(&src, 100));
			ck_assert_uint_eq(cr_source_tell(&src), before + i);
			ck_assert_mem_eq(src.p, b.p + before + i, n);
			src.p += n;
		}
		ck_assert_ptr_null(cr_source_need(&src, 1));
		ck_assert_uint_eq(cr_source_left(&src), 0);
		ck_assert_ptr_null(
			cr_source_seek(&src, before + round * after / 3));
		ck_assert_ptr_null(cr_source_seek(&src, before));
	}
	ck_assert(cr_source_may_have(&src, after));
	ck_assert(!cr_source_may_have(&src, after + 1));
	cr_source_deinit(&src);
}

TEST(a_pinned_pipe_can_go_back)
{
	pin_at(0, 1000, 7);
	pin_at(1000, 5000, 1);
	pin_at(100, 100, 512);
	pin_at(5000, 100000, 512);
	pin_at(300, 1, 512);
	pin_at(300, 0, 512);
	pin_at(0, 0, 1);
}

TEST(pinning_twice_changes_nothing)
{
	struct bytes b = places(3000);
	struct cr_source src;
	struct reads r;

	open_read(&src, &r, 512, 100, b);
	ck_assert_ptr_null(cr_source_pin(&src));
	ck_assert_ptr_null(cr_source_skip(&src, 1000, "x"));
	ck_assert_ptr_null(cr_source_pin(&src));
	ck_assert_ptr_null(cr_source_seek(&src, 0));
	assert_reads(&src, b, 100);
	cr_source_deinit(&src);
}

TEST(errors_while_pinning_are_passed_on)
{
	struct cr_source src;
	struct reads r;

	open_read(&src, &r, 512, 100, places(3000));
	r.fail_at = 1000;
	assert_text(cr_test_error(cr_source_pin(&src)), "! SYSTEM broken");
	cr_source_deinit(&src);
}

/* What may follow */

TEST(the_length_of_a_file_is_known)
{
	int fd = file_of(places(600000));
	struct cr_source src;

	ck_assert_ptr_null(cr_source_init_fd(&src, fd));
	ck_assert(cr_source_may_have(&src, 600000));
	ck_assert(!cr_source_may_have(&src, 600001));
	ck_assert(!cr_source_may_have(&src, UINT64_MAX));
	ck_assert_ptr_null(cr_source_skip(&src, 1000, "x"));
	ck_assert(cr_source_may_have(&src, 599000));
	ck_assert(!cr_source_may_have(&src, 599001));
	close_all(&src, fd);
}

TEST(the_length_of_a_pipe_is_not_known_before_its_end)
{
	struct cr_source src;
	struct reads r;

	open_read(&src, &r, 512, 100, places(1000));
	ck_assert(cr_source_may_have(&src, UINT64_MAX));
	ck_assert_ptr_null(cr_source_skip(&src, 990, "x"));
	ck_assert_ptr_null(cr_source_need(&src, 100));
	ck_assert(cr_source_may_have(&src, 10));
	ck_assert(!cr_source_may_have(&src, 11));
	cr_source_deinit(&src);
}

TEST(the_length_of_memory_is_known)
{
	struct cr_source src;
	struct bytes b = places(10);

	cr_source_init_mem(&src, b.p, b.size);
	ck_assert(cr_source_may_have(&src, 10));
	ck_assert(!cr_source_may_have(&src, 11));
}

TEST(a_file_that_shrinks_has_less)
{
	int fd = file_of(places(1000));
	struct cr_source src;

	ck_assert_ptr_null(cr_source_init_fd(&src, fd));
	ck_assert_int_eq(lseek(fd, 2000, SEEK_SET), 2000);
	ck_assert_ptr_null(cr_source_reset_fd(&src, fd));
	ck_assert(!cr_source_may_have(&src, 1));
	close_all(&src, fd);
}

/* Lines */

/* nr lines of 10 bytes. */
static struct bytes lines(size_t nr)
{
	struct bytes b = fill('x', 10 * nr);

	for (size_t i = 0; i < nr; i++)
		((uint8_t *)(uintptr_t)b.p)[10 * i + 9] = '\n';
	return b;
}

TEST(lines_that_left_the_window_are_counted)
{
	for (size_t skip = 0; skip < 3000; skip += 13) {
		struct cr_source src;
		struct reads r;
		uint64_t before;

		open_read(&src, &r, 512, 100, lines(1000));
		src.count_lines = true;
		ck_assert_ptr_null(cr_source_skip(&src, skip, "x"));
		ck_assert_ptr_null(cr_source_need(&src, 512));
		// The window now begins at p.
		before = cr_source_tell(&src);
		if (src.p == src.buf) {
			ck_assert_uint_eq(src.nr_lines, before / 10);
			ck_assert_uint_eq(src.line_off, before / 10 * 10);
		}
		cr_source_deinit(&src);
	}
}

TEST(lines_are_counted_again_after_going_back)
{
	for (int pipe = 0; pipe < 2; pipe++) {
		struct bytes b = lines(100000);
		int fd = pipe ? -1 : file_of(b);
		struct cr_source src;
		struct reads r;
		uint64_t nr, off;

		if (pipe)
			open_read(&src, &r, 512, 100, b);
		else
			ck_assert_ptr_null(cr_source_init_fd(&src, fd));
		src.count_lines = true;
		ck_assert_ptr_null(cr_source_need(&src, 512));
		src.p += 105;
		ck_assert_ptr_null(cr_source_pin(&src));
		nr = src.nr_lines;
		off = src.line_off;
		ck_assert_uint_eq(nr, 10);
		ck_assert_uint_eq(off, 100);
		while (cr_source_tell(&src) < 900000) {
			ck_assert_ptr_null(cr_source_need(&src, 500));
			src.p += 500;
		}
		ck_assert_ptr_null(cr_source_seek(&src, 105));
		src.nr_lines = nr;
		src.line_off = off;
		src.p = src.end;
		while (cr_source_tell(&src) < 500000) {
			ck_assert_ptr_null(cr_source_need(&src, 100));
			src.p += 100;
		}
		ck_assert_ptr_null(
			cr_source_need(&src, cr_source_left(&src) + 1));
		ck_assert_uint_eq(src.nr_lines, cr_source_tell(&src) / 10);
		ck_assert_uint_eq(src.line_off,
				  cr_source_tell(&src) / 10 * 10);
		close_all(&src, fd);
	}
}

TEST_MAIN("lib/base/source")
