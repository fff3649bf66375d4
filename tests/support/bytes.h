// SPDX-License-Identifier: MIT
/*
 * Bytes of images, built in a test so that those that matter are visible. What
 * a function here returns lives until the test ends. Everything is put against
 * a guard page: reading past the end is a crash.
 *
 *	image("PSTREE", entry(num(1, 42), num(2, 0), num(3, 42), num(4, 42)))
 *	hex("08 2a 'text' ff")
 */
#ifndef CR_TESTS_SUPPORT_BYTES_H
#define CR_TESTS_SUPPORT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *p;
	size_t size;
};

/** Memory that lives until the test ends. */
void *cr_test_alloc(size_t size);

/** Text made like printf(3) does. */
char *cr_test_format(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/** A copy of size bytes whose end touches a page that cannot be read. */
void *cr_test_tail(const void *data, size_t size);

/** Hex digits and 'text' between quotes; blanks do not count. */
struct bytes cr_test_hex(const char *text);

/** size bytes as hex digits, for messages and comparisons. */
char *cr_test_dump(struct bytes b);

struct bytes cr_test_cat(const struct bytes *parts, size_t nr);
struct bytes cr_test_fill(uint8_t value, size_t size);
struct bytes cr_test_varint(uint64_t value);
struct bytes cr_test_word(uint32_t value);
struct bytes cr_test_fixed(uint32_t number, uint64_t value, unsigned bits);
struct bytes cr_test_num(uint32_t number, uint64_t value);
struct bytes cr_test_len(uint32_t number, struct bytes body);
struct bytes cr_test_sized(struct bytes body);
struct bytes cr_test_header(const char *id);

// clang-format off
#define hex(...)   cr_test_hex(__VA_ARGS__)
#define fill(...)  cr_test_fill(__VA_ARGS__)
#define parts_(...) ((const struct bytes[]){ { 0 }, __VA_ARGS__ })
/* One after the other. */
#define cat(...)   cr_test_cat(parts_(__VA_ARGS__) + 1, \
	sizeof(parts_(__VA_ARGS__)) / sizeof(struct bytes) - 1)
/* A C string without its NUL. */
#define text(s)    ((struct bytes){ (const uint8_t *)(s), strlen(s) })
/* Fields: a varint; a length and what is in it; 4 or 8 bytes. */
#define num(n, v)  cr_test_num(n, (uint64_t)(v))
#define len(n, ...) cr_test_len(n, cat(__VA_ARGS__))
#define str(n, s)  cr_test_len(n, text(s))
#define f32(n, v)  cr_test_fixed(n, v, 32)
#define f64(n, v)  cr_test_fixed(n, v, 64)
/* Of an image: the size word and a message; the usual header and what follows. */
#define word(v)    cr_test_word(v)
#define entry(...) cr_test_sized(cat(__VA_ARGS__))
#define header(id) cr_test_header(id)
#define image(id, ...) cat(header(id), __VA_ARGS__)
// clang-format on

/* As ck_assert(), but costs nothing while it holds: for what runs often. */
#define ensure(cond)                           \
	do {                                   \
		if (!(cond))                   \
			ck_abort_msg("%s", #cond); \
	} while (0)

/* As ck_assert_str_eq(), but shows the texts and not what made them. */
#define assert_text(got, want)                                        \
	do {                                                          \
		const char *got_ = got, *want_ = want;                \
		if (strcmp(got_, want_))                              \
			ck_abort_msg("\n\tgot  %s\n\twant %s", got_,  \
				     want_);                          \
	} while (0)

#define assert_bytes(got, want) \
	assert_text(cr_test_dump(got), cr_test_dump(want))

#endif
