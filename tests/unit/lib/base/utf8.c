// SPDX-License-Identifier: MIT
#include "lib/base/utf8.h"

#include "lib/base/cleanup.h"
#include "tests/support/bytes.h"
#include "tests/support/main.h"

// RFC 3629, 4, and Unicode 15, table 3-7
static const char *const good[] = {
	"", "00", "7f", "c2 80", "df bf", "e0 a0 80", "e0 bf bf", "e1 80 80",
	"ec bf bf", "ed 80 80", "ed 9f bf", "ee 80 80", "ef bf bf",
	"f0 90 80 80", "f0 bf bf bf", "f1 80 80 80", "f3 bf bf bf",
	"f4 80 80 80", "f4 8f bf bf", "'plain text of some length' 00",
	"c3 a9 e2 82 ac f0 9d 84 9e 'a'", "ef bb bf 'x'", "ef bf be",
};

static const char *const bad[] = {
	/* what cannot begin a character */
	"80", "bf", "c0 80", "c0 af", "c1 bf", "f5 80 80 80", "f8 88 80 80 80",
	"fc 84 80 80 80 80", "fe", "ff", "'a' 80",
	/* overlong */
	"e0 80 80", "e0 9f bf", "f0 80 80 80", "f0 8f bf bf",
	/* surrogates, and beyond U+10FFFF */
	"ed a0 80", "ed af bf", "ed b0 80", "ed bf bf", "f4 90 80 80",
	"f7 bf bf bf",
	/* another byte where one should go on */
	"c2 41", "c2 c2 80", "e1 80 41", "e1 41 80", "e1 80 c0", "f1 80 80 41",
	"f1 80 41 80", "f1 41 80 80", "c2 00", "f0 90 80 7f",
	"'text of some length' ff 'and more of it'",
	"'text of some length, then' c3 28",
};

/* Good so far. */
static const char *const cut[] = {
	"c2", "df", "e0", "e0 a0", "e1 80", "ed 9f", "f0", "f0 90", "f0 90 80",
	"f4 8f bf", "'abcdefghijk' c3",
};

#define NR(a) (sizeof(a) / sizeof((a)[0]))

TEST(every_class_of_good_sequence)
{
	for (size_t i = 0; i < NR(good); i++) {
		struct bytes b = hex(good[i]);

		ck_assert_msg(cr_utf8_valid(b.p, b.size), "%s", good[i]);
	}
}

TEST(every_class_of_bad_sequence)
{
	for (size_t i = 0; i < NR(bad); i++) {
		struct bytes b = hex(bad[i]);
		struct cr_utf8 state = { 0 };

		ck_assert_msg(!cr_utf8_valid(b.p, b.size), "%s", bad[i]);
		ck_assert_msg(!cr_utf8_feed(&state, b.p, b.size), "%s",
			      bad[i]);
	}
}

TEST(a_sequence_that_is_cut_is_good_but_not_complete)
{
	for (size_t i = 0; i < NR(cut); i++) {
		struct bytes b = hex(cut[i]);
		struct cr_utf8 state = { 0 };

		ck_assert_msg(!cr_utf8_valid(b.p, b.size), "%s", cut[i]);
		ck_assert_msg(cr_utf8_feed(&state, b.p, b.size), "%s", cut[i]);
		ck_assert_msg(!cr_utf8_complete(&state), "%s", cut[i]);
	}
}

/* In three pieces, cut at every two places. */
static bool in_pieces(struct bytes b, size_t i, size_t k)
{
	struct cr_utf8 state = { 0 };

	return cr_utf8_feed(&state, b.p, i) &&
	       cr_utf8_feed(&state, b.p + i, k - i) &&
	       cr_utf8_feed(&state, b.p + k, b.size - k) &&
	       cr_utf8_complete(&state);
}

TEST(pieces_are_checked_as_the_whole_is)
{
	for (size_t n = 0; n < NR(good) + NR(bad); n++) {
		bool is_good = n < NR(good);
		const char *from = is_good ? good[n] : bad[n - NR(good)];
		struct bytes b = hex(from);

		for (size_t i = 0; i <= b.size; i++)
			for (size_t k = i; k <= b.size; k++)
				ck_assert_msg(in_pieces(b, i, k) == is_good,
					      "%s at %zu and %zu", from, i, k);
	}
}

TEST(a_bad_byte_is_found_at_every_place)
{
	for (size_t size = 1; size < 40; size++) {
		for (size_t at = 0; at < size; at++) {
			struct bytes b = fill('x', size);

			((uint8_t *)(uintptr_t)b.p)[at] = 0xff;
			ck_assert(!cr_utf8_valid(b.p, b.size));
		}
	}
}

TEST(every_code_point_comes_back)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char text[4];
		uint32_t got;
		char *end;

		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		end = cr_utf8_put(text, code);
		ensure(cr_utf8_valid(text, (size_t)(end - text)));
		ensure((char *)(uintptr_t)cr_utf8_next((uint8_t *)text, &got) ==
		       end);
		ensure(got == code);
	}
}

TEST(code_points_have_their_bytes)
{
	static const struct {
		uint32_t code;
		const char *want;
	} rows[] = {
		{ 0x41, "41" },	     { 0x7f, "7f" },
		{ 0x80, "c2 80" },   { 0x7ff, "df bf" },
		{ 0x800, "e0 a0 80" }, { 0xffff, "ef bf bf" },
		{ 0x10000, "f0 90 80 80" }, { 0x10ffff, "f4 8f bf bf" },
	};

	for (size_t i = 0; i < NR(rows); i++) {
		uint8_t text[4];
		char *end = cr_utf8_put((char *)text, rows[i].code);
		size_t size = (size_t)((uint8_t *)end - text);

		assert_bytes(((struct bytes){ text, size }),
			     hex(rows[i].want));
	}
}

// Unicode 15.1, DerivedGeneralCategory.txt: Cc, Cf, Zl, Zp
TEST(what_a_terminal_is_not_given)
{
	static const struct {
		uint32_t code;
		bool shown;
	} rows[] = {
		{ 0x1f, false },   { ' ', true },     { 0x7e, true },
		{ 0x7f, false },   { 0x80, false },   { 0x9f, false },
		{ 0xa0, true },	   { 0xac, true },    { 0xad, false },
		{ 0xae, true },	   { 0x61b, true },   { 0x61c, false },
		{ 0x180e, false }, { 0x200a, true },  { 0x200b, false },
		{ 0x200c, true },  { 0x200d, true },  { 0x200e, false },
		{ 0x200f, false }, { 0x2010, true },  { 0x2027, true },
		{ 0x2028, false }, { 0x202e, false }, { 0x202f, true },
		{ 0x205f, true },  { 0x2066, false }, { 0x2069, false },
		{ 0x2070, true },  { 0xfeff, false }, { 0xfff9, false },
		{ 0xfffd, true },  { 0x1f600, true }, { 0xe0041, false },
	};
	for (size_t i = 0; i < NR(rows); i++) {
		char text[4];
		size_t size = (size_t)(cr_utf8_put(text, rows[i].code) - text);
		ck_assert_msg(cr_utf8_shown(text, size) ==
				      (rows[i].shown ? size : 0),
			      "U+%04X", (unsigned)rows[i].code);
	}
}

TEST(safe_text_shows_each_byte_that_is_not)
{
	cr_auto_free char *safe =
		cr_utf8_safe("a\xe2\x80\xaegpj\033[m\xff\xc3\xa9");
	ck_assert_str_eq(safe, "a\\xe2\\x80\\xaegpj\\x1b[m\\xff\xc3\xa9");
}

TEST_MAIN("lib/base/utf8")
