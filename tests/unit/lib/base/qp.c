// SPDX-License-Identifier: MIT
#include "lib/base/qp.h"

#include "tests/support/bytes.h"
#include "tests/support/main.h"

typedef char *put_fn(char *o, const uint8_t *data, size_t size);

static const char *put(put_fn *fn, struct bytes b)
{
	char *got = cr_test_alloc(cr_qp_room(b.size) + 1);
	char *end = fn(got, b.p, b.size);

	ck_assert_uint_le((size_t)(end - got), cr_qp_room(b.size));
	*end = 0;
	return got;
}

/* The bytes as hex digits, or "broken"; in three pieces cut at i and k. */
static const char *get(const char *from, size_t i, size_t k)
{
	size_t size = strlen(from);
	const char *p = cr_test_tail(from, size);
	uint8_t *got = cr_test_alloc(size + 1), *o = got;
	struct cr_qp state = { { 0 }, 0 };

	if (!cr_qp_feed(&state, p, i, &o) ||
	    !cr_qp_feed(&state, p + i, k - i, &o) ||
	    !cr_qp_feed(&state, p + k, size - k, &o) ||
	    !cr_qp_complete(&state))
		return "broken";
	return cr_test_dump((struct bytes){ got, (size_t)(o - got) });
}

static void assert_get(const char *from, const char *want)
{
	size_t size = strlen(from);

	for (size_t i = 0; i <= size; i++)
		for (size_t k = i; k <= size; k++)
			assert_text(get(from, i, k), want);
}

#define X70 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X73 X70 "xxx"
#define X74 X70 "xxxx"
#define X75 X70 "xxxxx"
#define X76 X70 "xxxxxx"
#define X77 X70 "xxxxxxx"

// What Python's quopri.encodestring() makes of each.
static const struct {
	const char *from, *want;
} texts[] = {
	{ "", "" },
	{ "'a'", "a" },
	{ "00 'bus' 00", "=00bus=00" },
	{ "'a=b'", "a=3Db" },
	{ "'caf' e9", "caf=E9" },
	{ "7f '~' 1f 20", "=7F~=1F=20" },
	/* blanks at a line's end */
	{ "'a '", "a=20" },
	{ "'a' 09", "a=09" },
	{ "' '", "=20" },
	{ "'a ' 0a 'b'", "a=20\nb" },
	{ "'a' 09 0a 'b'", "a=09\nb" },
	{ "'a b'", "a b" },
	{ "'a  ' 0a", "a =20\n" },
	/* line ends */
	{ "0a", "\n" },
	{ "0a 0a", "\n\n" },
	{ "'a' 0a", "a\n" },
	{ "'a' 0d 0a 'b'", "a\r\nb" },
	{ "'a' 0a 'b' 0d 0a 'c'", "a\nb\nc" },
	{ "'a' 0d 0a 'b' 0a 'c'", "a\r\nb\r\nc" },
	{ "'a' 0d 'b'", "a\rb" },
	{ "0d", "\r" },
	{ "'a' 0d", "a\r" },
	/* a full stop alone in its line */
	{ "'.'", "=2E" },
	{ "'.' 0a 'x'", "=2E\nx" },
	{ "'.x'", ".x" },
	{ "'a.'", "a." },
	{ "'a' 0a '.' 0a 'b'", "a\n=2E\nb" },
	{ "'.' 00", "=2E=00" },
	{ "'.' 0d", "=2E\r" },
	{ "0d '.'", "\r." },
	{ "00 '.'", "=00." },
	/* lines of 76 columns */
	{ "'" X75 "'", X75 },
	{ "'" X76 "'", X76 },
	{ "'" X77 "'", X75 "=\nxx" },
	{ "'" X75 "' 0a", X75 "\n" },
	{ "'" X76 "' 0a", X76 "\n" },
	{ "'" X76 "' 0a 'y'", X76 "\ny" },
	{ "'" X77 "' 0a", X75 "=\nxx\n" },
	{ "'" X76 X76 "'", X75 "=\n" X75 "=\nxx" },
	{ "'" X70 "xx='", X70 "xx=3D" },
	{ "'" X73 "='", X73 "=\n=3D" },
	{ "'" X74 "='", X74 "=\n=3D" },
	{ "'" X75 "='", X75 "=\n=3D" },
	{ "'" X73 "=y'", X73 "=\n=3Dy" },
	{ "'" X74 " '", X74 "=\n=20" },
	{ "'" X75 " '", X75 "=\n=20" },
	{ "'" X76 " '", X75 "=\nx=20" },
	{ "'" X75 ".'", X75 "." },
	{ "'" X76 ".'", X75 "=\nx." },
	{ "'" X75 "' 0d 0a", X75 "\r\n" },
	{ "'" X75 " ' 0a", X75 "=20\n" },
	{ "'" X76 "' 0d 0a 'y'", X75 "=\r\nx\r\ny" },
	{ "'=========================='",
	  "=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D"
	  "=3D=3D=3D=\n=3D" },
};

TEST(text_is_written_as_python_writes_it)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_text(put(cr_qp_put_text, hex(texts[i].from)),
			    texts[i].want);
}

TEST(text_of_one_kind_of_line_ends_comes_back)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct bytes b = hex(texts[i].from);
		bool crlf = memmem(b.p, b.size, "\r\n", 2);

		if (crlf && strstr(texts[i].from, "0a 'c'"))
			continue; // mixed
		assert_text(get(texts[i].want, 0, 0), cr_test_dump(b));
	}
}

TEST(text_of_mixed_line_ends_does_not_come_back)
{
	struct bytes b = hex("'a' 0a 'b' 0d 0a 'c'");

	assert_text(get(put(cr_qp_put_text, b), 0, 0),
		    cr_test_dump(hex("'a' 0a 'b' 0a 'c'")));
}

TEST(bytes_are_printable_ascii)
{
	for (int c = 0; c < 256; c++) {
		struct bytes b = fill((uint8_t)c, 1);
		bool plain = c >= ' ' && c <= '~' && c != '=';

		assert_text(put(cr_qp_put_bytes, b),
			    plain ? cr_test_format("%c", c) :
				    cr_test_format("=%02X", c));
		assert_text(get(put(cr_qp_put_bytes, b), 0, 0),
			    cr_test_dump(b));
	}
}

TEST(bytes_always_come_back)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct bytes b = hex(texts[i].from);

		assert_text(get(put(cr_qp_put_bytes, b), 0, 0),
			    cr_test_dump(b));
	}
}

TEST(bytes_are_not_folded)
{
	ck_assert_ptr_null(
		strchr(put(cr_qp_put_bytes, fill('x', 1000)), '\n'));
	ck_assert_uint_eq(strlen(put(cr_qp_put_bytes, fill('=', 1000))), 3000);
}

TEST(everything_fits_the_room)
{
	for (size_t size = 0; size < 300; size++) {
		put(cr_qp_put_text, fill('=', size));
		put(cr_qp_put_text, fill('x', size));
		put(cr_qp_put_text, fill(' ', size));
		put(cr_qp_put_text, fill('\n', size));
		put(cr_qp_put_text, cat(hex("0d 0a"), fill('=', size)));
		put(cr_qp_put_text, cat(hex("0d 0a"), fill('x', size)));
		put(cr_qp_put_text, cat(hex("0d"), fill('\n', size)));
		put(cr_qp_put_bytes, fill(0, size));
	}
}

TEST(hex_digits_of_either_case_are_read)
{
	assert_get("=e9=E9=eA=Ae", "e9 e9 ea ae ");
}

TEST(soft_breaks_are_passed_over)
{
	assert_get("a=\nb", "61 62 ");
	assert_get("a=\r\nb", "61 62 ");
	assert_get("=\n", "");
	assert_get("=\n=\n=41", "41 ");
}

TEST(what_is_not_quoted_stands_for_itself)
{
	assert_get("a\r\nb\tc \xff", "61 0d 0a 62 09 63 20 ff ");
}

TEST(an_equals_sign_without_a_byte_is_broken)
{
	assert_get("=", "broken");
	assert_get("a=", "broken");
	assert_get("=4", "broken");
	assert_get("=\r", "broken");
	assert_get("=\rx", "broken");
	assert_get("=XY", "broken");
	assert_get("=4Y", "broken");
	assert_get("=Y4", "broken");
	assert_get("==41", "broken");
	assert_get("= \n", "broken");
	assert_get("=4=", "broken");
}

TEST(the_whole_text_at_once)
{
	uint8_t got[8];

	ck_assert_ptr_eq(cr_qp_decode(got, "a=3Db", 5), got + 3);
	ck_assert_mem_eq(got, "a=b", 3);
	ck_assert_ptr_null(cr_qp_decode(got, "a=3", 3));
	ck_assert_ptr_null(cr_qp_decode(got, "a=zz", 4));
	ck_assert_ptr_eq(cr_qp_decode(got, "", 0), got);
}

TEST_MAIN("lib/base/qp")
