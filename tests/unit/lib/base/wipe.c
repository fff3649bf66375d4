// SPDX-License-Identifier: MIT
#include "lib/base/wipe.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/main.h"

#define NR 400

/* Memory is elsewhere then, and what is freed stays for a while. */
#ifdef __SANITIZE_ADDRESS__
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static const unsigned char *mark(void)
{
	// Nowhere else in memory until it is made.
	static unsigned char bytes[8];
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(0xc1 + 7 * i);
	return bytes;
}

/* How often it is in the mapping of that name. */
static unsigned nr_marks(const char *name)
{
	char line[512];
	unsigned nr = 0;
	uint64_t from, to;
	FILE *maps = fopen("/proc/self/maps", "re"),
	     *mem = fopen("/proc/self/mem", "re");
	ck_assert_ptr_nonnull(maps);
	ck_assert_ptr_nonnull(mem);
	setvbuf(mem, NULL, _IONBF, 0);
	while (fgets(line, sizeof(line), maps)) {
		uint64_t word, want;
		if (!strstr(line, name) ||
		    sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		memcpy(&want, mark(), 8);
		for (uint64_t at = from; at < to; at += 4096) {
			static uint64_t page[512];
			ck_assert_int_eq(fseek(mem, (long)at, SEEK_SET), 0);
			ck_assert_uint_eq(fread(page, 8, 512, mem), 512);
			for (unsigned i = 0; i < 512; i++) {
				word = page[i];
				nr += word == want;
			}
		}
		memset(line, 0, sizeof(line));
	}
	fclose(maps);
	fclose(mem);
	return nr;
}

static void fill(unsigned char *to, size_t size)
{
	for (size_t i = 0; i + 8 <= size; i += 8)
		memcpy(to + i, mark(), 8);
}

/* Pieces of many sizes; every third one stays, so that they do not merge. */
static void leave_pieces(unsigned char *kept[NR])
{
	static unsigned char *piece[NR];
	for (unsigned i = 0; i < NR; i++) {
		size_t size = 24 + i % 97 * 72;
		piece[i] = malloc(size);
		ck_assert_ptr_nonnull(piece[i]);
		if (i % 3)
			fill(piece[i], size);
		else
			memset(piece[i], 1, size);
	}
	for (unsigned i = 0; i < NR; i++) {
		kept[i] = i % 3 ? NULL : piece[i];
		if (i % 3)
			free(piece[i]);
		piece[i] = NULL;
	}
}

TEST(nothing_is_left_in_what_was_freed)
{
	unsigned char *kept[NR];
	if (is_sanitized)
		return;
	leave_pieces(kept);
	ck_assert_uint_gt(nr_marks("[heap]"), 1000);
	cr_wipe_freed();
	ck_assert_uint_eq(nr_marks("[heap]"), 0);
	for (unsigned i = 0; i < NR; i += 3) {
		ck_assert_uint_eq(kept[i][20], 1);
		free(kept[i]);
	}
}

TEST(what_is_in_use_stays)
{
	unsigned char *mine = malloc(1000);
	ck_assert_ptr_nonnull(mine);
	memset(mine, 7, 1000);
	cr_wipe_freed();
	cr_wipe_stack();
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_eq(mine[i], 7);
	free(mine);
}

__attribute__((noinline)) static void leave_on_stack(void)
{
	unsigned char dead[65536];
	fill(dead, sizeof(dead));
	__asm__ volatile("" : : "r"(dead) : "memory");
}

TEST(nothing_is_left_below_on_the_stack)
{
	if (is_sanitized)
		return;
	leave_on_stack();
	ck_assert_uint_gt(nr_marks("[stack]"), 1000);
	leave_on_stack();
	cr_wipe_stack();
	ck_assert_uint_le(nr_marks("[stack]"), 2);
}

TEST_MAIN("lib/base/wipe")
