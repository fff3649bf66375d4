// SPDX-License-Identifier: MIT
#include "lib/base/out.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"

/*
 * Every test of changes runs against each kind of output, and beside it the
 * same is done to a plain array. In the end both must hold the same.
 */
enum kind { MEM, OURS, PIPE, FUNCTION, NR_KINDS };

struct both {
	struct cr_out out;
	enum kind kind;
	int fd, read_fd;
	uint8_t *model;
	size_t size; /* of the model */
	struct cr_out given; /* what the function got */
};

#define MODEL_MAX (8 * 1024 * 1024)

static struct cr_error *take(void *arg, const void *data, size_t size)
{
	struct both *b = arg;

	return cr_out_put(&b->given, data, size);
}

static void open_both(struct both *b, enum kind kind)
{
	int fds[2];

	*b = (struct both){ .kind = kind, .fd = -1, .read_fd = -1 };
	b->model = cr_test_alloc(MODEL_MAX);
	ck_assert_ptr_null(cr_out_init_mem(&b->given));
	switch (kind) {
	case MEM:
		ck_assert_ptr_null(cr_out_init_mem(&b->out));
		break;
	case OURS:
		b->fd = memfd_create("out", MFD_CLOEXEC);
		ck_assert_ptr_null(cr_out_init_fd(&b->out, b->fd, true));
		break;
	case PIPE:
		ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
		ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 1024 * 1024),
				 1024 * 1024);
		b->read_fd = fds[0];
		b->fd = fds[1];
		ck_assert_ptr_null(cr_out_init_fd(&b->out, b->fd, false));
		break;
	default:
		ck_assert_ptr_null(cr_out_init_fn(&b->out, take, b));
	}
}

static void put(struct both *b, struct bytes bytes)
{
	ck_assert_ptr_null(cr_out_put(&b->out, bytes.p, bytes.size));
	memcpy(b->model + b->size, bytes.p, bytes.size);
	b->size += bytes.size;
	ck_assert_uint_eq(cr_out_tell(&b->out), b->size);
}

/* Bytes that are not all alike. */
static struct bytes some(size_t size, uint8_t seed)
{
	struct bytes got = fill(seed, size);
	uint8_t *p = (uint8_t *)(uintptr_t)got.p;

	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(p[i] + i * 7 + (i >> 8) * 13);
	return got;
}

static void patch(struct both *b, uint64_t pos, struct bytes bytes)
{
	ck_assert_ptr_null(cr_out_patch(&b->out, pos, bytes.p, bytes.size));
	memcpy(b->model + pos, bytes.p, bytes.size);
}

static void rotate(struct both *b, size_t pos, size_t mid)
{
	size_t tail = b->size - mid;
	uint8_t *copy = cr_test_alloc(tail + 1);

	ck_assert_ptr_null(cr_out_rotate(&b->out, pos, mid));
	memcpy(copy, b->model + mid, tail);
	memmove(b->model + pos + tail, b->model + pos, mid - pos);
	memcpy(b->model + pos, copy, tail);
}

static void insert(struct both *b, size_t pos, struct bytes bytes)
{
	ck_assert_ptr_null(cr_out_insert(&b->out, pos, bytes.p, bytes.size));
	memmove(b->model + pos + bytes.size, b->model + pos, b->size - pos);
	memcpy(b->model + pos, bytes.p, bytes.size);
	b->size += bytes.size;
}

static void cut(struct both *b, size_t pos)
{
	ck_assert_ptr_null(cr_out_cut(&b->out, pos));
	b->size = pos;
	ck_assert_uint_eq(cr_out_tell(&b->out), pos);
}

static void assert_peek(struct both *b, size_t pos, size_t size)
{
	uint8_t *got = cr_test_alloc(size + 1);

	ck_assert_ptr_null(cr_out_peek(&b->out, pos, got, size));
	ck_assert_mem_eq(got, b->model + pos, size);
}

static void spill(struct both *b)
{
	ck_assert_ptr_null(cr_out_spill(&b->out));
}

static void drain(struct both *b)
{
	ck_assert_ptr_null(cr_out_drain(&b->out));
}

static void close_both(struct both *b)
{
	uint8_t *got = cr_test_alloc(b->size + 1);
	size_t nr = 0;
	ssize_t n;

	ck_assert_ptr_null(cr_out_flush(&b->out));
	switch (b->kind) {
	case MEM:
		nr = cr_out_buffered(&b->out);
		ck_assert_uint_eq(nr, b->size);
		memcpy(got, b->out.buf, nr);
		break;
	case OURS:
		nr = (size_t)lseek(b->fd, 0, SEEK_END);
		ck_assert_uint_eq(nr, b->size);
		ck_assert_int_eq(pread(b->fd, got, nr, 0), (ssize_t)nr);
		break;
	case PIPE:
		close(b->fd);
		while ((n = read(b->read_fd, got + nr, b->size + 1 - nr)) > 0)
			nr += (size_t)n;
		close(b->read_fd);
		break;
	default:
		nr = cr_out_buffered(&b->given);
		ck_assert_uint_eq(nr, b->size);
		memcpy(got, b->given.buf, nr);
	}
	ck_assert_uint_eq(nr, b->size);
	ck_assert_mem_eq(got, b->model, nr);
	if (b->kind == OURS)
		close(b->fd);
	cr_out_deinit(&b->given);
	cr_out_deinit(&b->out);
}

/* Each test's body for each kind. */
#define EACH_KIND(name)                                          \
	static void do_##name(struct both *b);                   \
	TEST(name)                                               \
	{                                                        \
		for (enum kind kind = 0; kind < NR_KINDS; kind++) { \
			struct both b;                           \
								 \
			open_both(&b, kind);                     \
			do_##name(&b);                           \
			close_both(&b);                          \
		}                                                \
	}                                                        \
	static void do_##name(struct both *b)

#define BIG (CR_OUT_HIGH + 1000)

EACH_KIND(nothing_is_written_of_nothing)
{
	ck_assert_uint_eq(cr_out_tell(&b->out), 0);
}

EACH_KIND(bytes_are_appended)
{
	put(b, text("one"));
	put(b, text(""));
	put(b, text("two"));
	for (int i = 0; i < 1000; i++)
		put(b, some(300, (uint8_t)i));
}

EACH_KIND(more_than_the_buffer_at_once)
{
	put(b, text("x"));
	put(b, some(900000, 1));
}

EACH_KIND(finished_bytes_are_written_when_they_are_many)
{
	put(b, some(1000, 1));
	drain(b);
	ck_assert_uint_eq(cr_out_buffered(&b->out), 1000);
	put(b, some(BIG, 2));
	drain(b);
	ck_assert_uint_eq(cr_out_buffered(&b->out),
			  b->kind == MEM ? b->size : 0);
	put(b, some(1000, 3));
}

EACH_KIND(unfinished_bytes_are_parked_when_they_are_many)
{
	put(b, some(1000, 1));
	spill(b);
	ck_assert_uint_eq(cr_out_buffered(&b->out), 1000);
	put(b, some(BIG, 2));
	spill(b);
	ck_assert_uint_eq(cr_out_buffered(&b->out),
			  b->kind == MEM ? b->size : 0);
	put(b, some(1000, 3));
}

EACH_KIND(memory_stays_constant)
{
	for (int i = 0; i < 40; i++) {
		put(b, some(20000, (uint8_t)i));
		spill(b);
		if (b->kind != MEM)
			ck_assert_uint_lt(cr_out_buffered(&b->out),
					  CR_OUT_HIGH);
	}
}

EACH_KIND(patches_in_the_buffer_in_the_file_and_across)
{
	put(b, some(BIG, 1));
	spill(b);
	put(b, some(1000, 2));
	patch(b, 0, text("first"));
	patch(b, BIG - 3, text("across"));
	patch(b, BIG + 1000 - 4, text("last"));
	patch(b, 500, text(""));
}

EACH_KIND(peeks_in_the_buffer_in_the_file_and_across)
{
	put(b, some(BIG, 1));
	spill(b);
	put(b, some(1000, 2));
	assert_peek(b, 0, 10);
	assert_peek(b, BIG - 5, 10);
	assert_peek(b, BIG + 1000 - 10, 10);
	assert_peek(b, 0, BIG + 1000);
	assert_peek(b, 7, 0);
}

EACH_KIND(rotations_in_the_buffer)
{
	static const size_t tails[] = { 0, 1, 5, 63, 64, 65, 200, 999, 1000 };

	put(b, some(1000, 1));
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		rotate(b, 0, 1000 - tails[i]);
		rotate(b, (1000 - tails[i]) / 2, 1000 - tails[i]);
		rotate(b, 1000 - tails[i], 1000 - tails[i]);
	}
}

EACH_KIND(rotations_in_the_file_and_across)
{
	put(b, some(BIG, 1));
	spill(b);
	put(b, some(3000, 2));
	rotate(b, 10, BIG);
	rotate(b, 10, BIG + 2990);
	rotate(b, 0, 100);
	rotate(b, BIG - 10, BIG + 10);
	rotate(b, 5000, 30000);
	rotate(b, 0, BIG + 3000);
	rotate(b, 0, 0);
}

EACH_KIND(rotations_of_parked_bytes_alone)
{
	put(b, some(BIG, 1));
	spill(b);
	put(b, some(BIG, 2));
	spill(b);
	rotate(b, 100, 2 * BIG - 1);
	rotate(b, 16384, 16384 + 8192);
	rotate(b, 1, 8193);
}

EACH_KIND(insertions_everywhere)
{
	put(b, some(BIG, 1));
	spill(b);
	put(b, some(1000, 2));
	insert(b, 0, text("a"));
	insert(b, 5000, text("bcd"));
	insert(b, BIG + 4, text("ef"));
	insert(b, b->size, text("g"));
	insert(b, 17, some(20000, 3));
	insert(b, 3, text(""));
}

EACH_KIND(cuts_in_the_buffer_and_in_the_file)
{
	put(b, some(BIG, 1));
	spill(b);
	put(b, some(1000, 2));
	cut(b, BIG + 10);
	put(b, text("again"));
	cut(b, BIG);
	put(b, text("x"));
	cut(b, BIG - 100);
	put(b, some(50, 3));
	assert_peek(b, BIG - 110, 60);
	cut(b, 0);
	put(b, text("y"));
}

EACH_KIND(finished_bytes_stay_while_others_change)
{
	put(b, some(2 * BIG, 1));
	drain(b);
	put(b, some(BIG, 2));
	spill(b);
	put(b, some(10, 3));
	insert(b, 2 * BIG + 5, text("inserted"));
	patch(b, 2 * BIG, text("patched"));
	cut(b, b->size - 20);
	ck_assert_ptr_null(cr_out_flush(&b->out));
	put(b, some(BIG, 4));
	spill(b);
	insert(b, b->size - BIG, text("again"));
	assert_peek(b, b->size - BIG, 100);
}

EACH_KIND(a_random_walk)
{
	uint64_t state = 88172645463325252u;
	size_t done = 0;

	for (int i = 0; i < 300 && b->size < 700000; i++) {
		uint64_t r;
		size_t pos, size;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		r = state;
		size = (r >> 8) % (i % 10 ? 300 : 60000);
		pos = done + (r >> 32) % (b->size - done + 1);
		switch (r % 6) {
		case 0:
		case 1:
			put(b, some(size, (uint8_t)i));
			spill(b);
			break;
		case 2:
			insert(b, pos, some(size % 100, (uint8_t)i));
			break;
		case 3:
			rotate(b, done + (pos - done) / 2, pos);
			break;
		case 4:
			assert_peek(b, pos, (b->size - pos) % 5000);
			if (b->size - pos < 100)
				cut(b, pos);
			break;
		default:
			if (i % 7)
				break;
			drain(b);
			if (!cr_out_buffered(&b->out))
				done = b->size;
		}
	}
}

TEST(a_file_is_used_again)
{
	struct both b;
	int fd = memfd_create("second", MFD_CLOEXEC);

	for (enum kind kind = OURS; kind <= PIPE; kind++) {
		open_both(&b, kind);
		put(&b, some(BIG, 1));
		spill(&b);
		put(&b, text("lost"));
		ck_assert_ptr_null(cr_out_reset_fd(&b.out, fd, false));
		ck_assert_uint_eq(cr_out_tell(&b.out), 0);
		ck_assert_ptr_null(cr_out_put(&b.out, "kept", 4));
		ck_assert_ptr_null(cr_out_flush(&b.out));
		cr_out_deinit(&b.out);
		cr_out_deinit(&b.given);
		ck_assert_int_eq(lseek(fd, 0, SEEK_END), 4);
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
		close(b.fd);
		close(b.read_fd);
	}
	close(fd);
}

static void copy(struct both *b, int from, struct bytes all, size_t off,
		 size_t size)
{
	ck_assert_ptr_null(cr_out_copy(&b->out, from, off, size));
	ensure(b->size + size <= MODEL_MAX);
	memcpy(b->model + b->size, all.p + off, size);
	b->size += size;
}

/* Small ones through the buffer, large ones past it. */
EACH_KIND(parts_of_files_are_appended)
{
	int from = memfd_create("from", MFD_CLOEXEC);
	struct bytes all = some(BIG + 500, 7);

	ck_assert_int_eq(write(from, all.p, all.size), (ssize_t)all.size);
	put(b, text("before"));
	copy(b, from, all, 5, 100);
	copy(b, from, all, 500, BIG);
	put(b, text("behind"));
	close(from);
}

TEST(a_part_that_is_not_there)
{
	int from = memfd_create("from", MFD_CLOEXEC);
	int fd = memfd_create("to", MFD_CLOEXEC);
	struct cr_out out;

	ck_assert_int_eq(ftruncate(from, 200000), 0);
	ck_assert_ptr_null(cr_out_init_fd(&out, fd, true));
	assert_text(cr_test_error(cr_out_copy(&out, from, 1, 200000)),
		    "! FORMAT byte 200000: the file ends, 1 bytes are "
		    "missing");
	cr_out_deinit(&out);
	close(from);
	close(fd);
}

TEST(a_file_that_is_not_ours_is_written_where_it_stands)
{
	int fd = memfd_create("out", MFD_CLOEXEC);
	struct cr_out out;
	char got[8];

	ck_assert_int_eq(write(fd, "abc", 3), 3);
	ck_assert_ptr_null(cr_out_init_fd(&out, fd, false));
	ck_assert_ptr_null(cr_out_put(&out, "def", 3));
	ck_assert_ptr_null(cr_out_flush(&out));
	cr_out_deinit(&out);
	ck_assert_int_eq(pread(fd, got, 8, 0), 6);
	ck_assert_mem_eq(got, "abcdef", 6);
	close(fd);
}

TEST(a_full_device_is_an_error)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct cr_out out;

	ck_assert_ptr_null(cr_out_init_fd(&out, fd, false));
	ck_assert_ptr_null(cr_out_put(&out, "x", 1));
	assert_text(cr_test_error(cr_out_flush(&out)),
		    "! SYSTEM write: No space left on device");
	cr_out_deinit(&out);
	close(fd);
}

static struct cr_error *refuse(void *arg, const void *data, size_t size)
{
	return cr_error_new(CR_ERR_UNSUPPORTED, "not taken");
}

TEST(what_a_function_says_is_passed_on)
{
	struct cr_out out;

	ck_assert_ptr_null(cr_out_init_fn(&out, refuse, NULL));
	ck_assert_ptr_null(cr_out_put(&out, "x", 1));
	assert_text(cr_test_error(cr_out_flush(&out)),
		    "! UNSUPPORTED not taken");
	cr_out_deinit(&out);
}

TEST(more_room_than_there_can_be)
{
	struct cr_out out;

	ck_assert_ptr_null(cr_out_init_mem(&out));
	ck_assert_ptr_null(cr_out_put(&out, "x", 1));
	ck_assert_ptr_eq(cr_out_room(&out, SIZE_MAX), cr_enomem);
	ck_assert_ptr_eq(cr_out_room(&out, SIZE_MAX - 1), cr_enomem);
	ck_assert_uint_eq(cr_out_buffered(&out), 1);
	cr_out_deinit(&out);
}

TEST(nothing_is_freed_of_nothing)
{
	struct cr_out out = { 0 };

	cr_out_deinit(&out);
	cr_out_deinit(&out);
}

TEST_MAIN("lib/base/out")
