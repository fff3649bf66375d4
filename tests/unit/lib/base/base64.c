// SPDX-License-Identifier: MIT
#include "lib/base/base64.h"

#include "tests/support/bytes.h"
#include "tests/support/main.h"

static const char *put(struct bytes b, bool wrap)
{
	char *got = cr_test_alloc(cr_base64_room(b.size) + 1);
	char *end = cr_base64_put(got, b.p, b.size, wrap);

	ck_assert_uint_le((size_t)(end - got), cr_base64_room(b.size));
	*end = 0;
	return got;
}

/* The bytes as hex digits; "bad at N", or "open" if a quantum is. */
static const char *get(const char *from, size_t i, size_t k)
{
	size_t size = strlen(from);
	const char *p = cr_test_tail(from, size);
	uint8_t *got = cr_test_alloc(size + 8), *o = got;
	struct cr_base64 state = { 0 };
	size_t cuts[] = { 0, i, k, size };

	for (int n = 0; n < 3; n++) {
		uint8_t *before = o;
		size_t nr = cuts[n + 1] - cuts[n];
		const char *bad = cr_base64_feed(&state, p + cuts[n], nr, &o);

		ck_assert_uint_le((size_t)(o - before), nr / 4 * 3 + 3);
		if (bad)
			return cr_test_format("bad at %td", bad - p);
	}
	if (!cr_base64_complete(&state))
		return "open";
	return cr_test_dump((struct bytes){ got, (size_t)(o - got) });
}

/* Cut in three at every two places, all must say the same. */
static void assert_get(const char *from, const char *want)
{
	size_t size = strlen(from);

	for (size_t i = 0; i <= size; i++)
		for (size_t k = i; k <= size; k++)
			assert_text(get(from, i, k), want);
}

// RFC 4648, 10
static const struct {
	const char *plain, *coded;
} vectors[] = {
	{ "", "" },		{ "f", "Zg==" },	 { "fo", "Zm8=" },
	{ "foo", "Zm9v" },	{ "foob", "Zm9vYg==" },	 { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

TEST(published_vectors)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_text(put(text(vectors[i].plain), false),
			    vectors[i].coded);
		assert_get(vectors[i].coded,
			   cr_test_dump(text(vectors[i].plain)));
	}
}

TEST(the_whole_alphabet)
{
	const char *coded = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
			    "yz0123456789+/";
	struct bytes b = hex("00 10 83 10 51 87 20 92 8b 30 d3 8f 41 14 93 51 "
			     "55 97 61 96 9b 71 d7 9f 82 18 a3 92 59 a7 a2 9a "
			     "ab b2 db af c3 1c b3 d3 5d b7 e3 9e bb f3 df bf");

	assert_text(put(b, false), coded);
	assert_get(coded, cr_test_dump(b));
}

TEST(lines_have_76_characters)
{
	const char *line = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			   "AAAAAAAAAAAAAAAAAAAAAAAAA\\n";

	ck_assert_uint_eq(strlen(line), 78);
	assert_text(put(fill(0, 0), true), "");
	assert_text(put(fill(0, 1), true), "AA==\\n");
	assert_text(put(fill(0, 57), true), line);
	assert_text(put(fill(0, 58), true), cr_test_format("%sAA==\\n", line));
	assert_text(put(fill(0, 114), true), cr_test_format("%s%s", line, line));
}

TEST(everything_fits_the_room)
{
	for (size_t size = 0; size < 300; size++) {
		put(fill(0xa5, size), true);
		put(fill(0xa5, size), false);
	}
}

TEST(bytes_of_every_size_come_back)
{
	for (size_t size = 0; size < 200; size++) {
		struct bytes b = fill(0, size);

		for (size_t i = 0; i < size; i++)
			((uint8_t *)(uintptr_t)b.p)[i] =
				(uint8_t)(i * 37 + size);
		assert_text(get(put(b, false), 0, size / 2), cr_test_dump(b));
	}
}

TEST(white_space_is_passed_over)
{
	assert_get(" Z m\n9\r\tv ", cr_test_dump(text("foo")));
	assert_get("Zg\n=\n=\n", cr_test_dump(text("f")));
	assert_get("\n", "");
	assert_get("Zm9v\nZm9v\n", cr_test_dump(text("foofoo")));
}

TEST(what_is_not_in_the_alphabet_is_bad)
{
	for (int c = 1; c < 256; c++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"
			   "z0123456789+/ \t\r\n",
			   c))
			continue;
		if (c == '=')
			continue;
		assert_text(get(cr_test_format("Zm9v%cm9v", c), 0, 0),
			    "bad at 4");
		assert_text(get(cr_test_format("Z%c9v", c), 0, 1), "bad at 1");
	}
}

TEST(a_cut_quantum_is_open)
{
	assert_get("Z", "open");
	assert_get("Zg", "open");
	assert_get("Zg=", "open");
	assert_get("Zm8", "open");
	assert_get("Zm9vZ", "open");
}

TEST(bits_left_over_are_bad)
{
	assert_get("Zh==", "bad at 3");
	assert_get("Zv==", "bad at 3");
	assert_get("Zm9=", "bad at 3");
	assert_get("Zm+=", "bad at 3");
}

TEST(padding_is_at_the_end_only)
{
	assert_get("=", "bad at 0");
	assert_get("Z=", "bad at 1");
	assert_get("Z===", "bad at 1");
	assert_get("Zg==Zg==", "bad at 4");
	assert_get("Zm8=Zm9v", "bad at 4");
	assert_get("Zg=Z", "bad at 3");
	assert_get("Zg===", "bad at 4");
	assert_get("Zm8==", "bad at 4");
	assert_get("Zm9v=", "bad at 4");
}

TEST_MAIN("lib/base/base64")
