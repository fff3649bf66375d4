// SPDX-License-Identifier: MIT
#include "lib/codec/writer.h"

#include "tests/support/codec.h"
#include "tests/support/main.h"

static struct cr_out out;
static struct cr_writer w;

static void begin(struct cr_style style)
{
	cr_out_deinit(&out);
	ck_assert_ptr_null(cr_out_init_mem(&out));
	w = (struct cr_writer){ .out = &out, .style = style };
}

static const char *written(void)
{
	return cr_test_format("%.*s", (int)cr_out_buffered(&out), out.buf);
}

#define do_(call) ck_assert_ptr_null(cr_writer_##call)

/* {"a": 1, "b": [true, {}], "c": []} */
static const char *document(struct cr_style style)
{
	begin(style);
	do_(open(&w, '{'));
	do_(key(&w, "a"));
	do_(u64(&w, 1));
	do_(key(&w, "b"));
	do_(open(&w, '['));
	do_(item(&w));
	do_(raw(&w, "true"));
	do_(item(&w));
	do_(open(&w, '{'));
	do_(close(&w, '}'));
	do_(close(&w, ']'));
	do_(key(&w, "c"));
	do_(open(&w, '['));
	do_(close(&w, ']'));
	do_(close(&w, '}'));
	return written();
}

TEST(the_compact_style_is_pythons)
{
	assert_text(document(PLAIN),
		    "{\"a\": 1, \"b\": [true, {}], \"c\": []}");
}

TEST(the_go_style_has_no_blanks)
{
	assert_text(document(GO), "{\"a\":1,\"b\":[true,{}],\"c\":[]}");
}

TEST(the_indented_style)
{
	assert_text(document(PRETTY), "{\n"
				      "    \"a\": 1,\n"
				      "    \"b\": [\n"
				      "        true,\n"
				      "        {}\n"
				      "    ],\n"
				      "    \"c\": []\n"
				      "}");
}

TEST(indentation_of_two_hundred_levels)
{
	begin(PRETTY);
	for (int i = 0; i < 200; i++) {
		if (i)
			do_(item(&w));
		do_(open(&w, '['));
	}
	for (int i = 0; i < 200; i++)
		do_(close(&w, ']'));
	// Each level but the innermost has two lines.
	ck_assert_uint_eq(cr_out_buffered(&out),
			  400 + 2 * 199 + 4 * 199 * 199);
}

static const char *string(struct cr_style style, struct bytes b)
{
	begin(style);
	do_(string(&w, b.p, b.size));
	return written();
}

TEST(every_ascii_character_as_python_writes_it)
{
	for (int c = 0; c < 128; c++) {
		const char *want =
			c == '"'  ? "\\\"" :
			c == '\\' ? "\\\\" :
			c == '\b' ? "\\b" :
			c == '\f' ? "\\f" :
			c == '\n' ? "\\n" :
			c == '\r' ? "\\r" :
			c == '\t' ? "\\t" :
			c < ' ' || c == 0x7f ?
				    cr_test_format("\\u%04x", c) :
				    cr_test_format("%c", c);

		assert_text(string(PLAIN, fill((uint8_t)c, 1)),
			    cr_test_format("\"%s\"", want));
	}
}

TEST(go_writes_three_more_as_units)
{
	assert_text(string(GO, text("<a>&\x7f'/")),
		    "\"\\u003ca\\u003e\\u0026\x7f'/\"");
	assert_text(string(PLAIN, text("<a>&'/")), "\"<a>&'/\"");
}

TEST(characters_beyond_ascii)
{
	struct bytes b = text("\xc2\x80\u00e9\u07ff\u0800\uffff\U00010000"
			      "\U0010ffff");

	assert_text(string(PLAIN, b), "\"\\u0080\\u00e9\\u07ff\\u0800\\uffff"
				      "\\ud800\\udc00\\udbff\\udfff\"");
	assert_text(string(GO, b), cr_test_format("\"%s\"", b.p));
}

TEST(go_writes_line_separators_as_units)
{
	assert_text(string(GO, text("\u2027\u2028\u2029\u202a")),
		    "\"\u2027\\u2028\\u2029\u202a\"");
}

TEST(strings_against_a_guard_page)
{
	for (size_t size = 0; size < 70; size++) {
		struct bytes b = cat(fill('x', size));

		assert_text(string(PLAIN, b),
			    cr_test_format("\"%.*s\"", (int)size, b.p));
		b = cat(fill('x', size), text("\n"));
		assert_text(string(PLAIN, b),
			    cr_test_format("\"%.*s\\n\"", (int)size, b.p));
		b = cat(fill('x', size), text("\u00e9"));
		assert_text(string(PLAIN, b),
			    cr_test_format("\"%.*s\\u00e9\"", (int)size, b.p));
	}
}

TEST(bytes_are_base64)
{
	begin(PLAIN);
	do_(bytes(&w, "abc", 3));
	assert_text(written(), "\"YWJj\\n\"");
	begin(GO);
	do_(bytes(&w, "abc", 3));
	assert_text(written(), "\"YWJj\"");
	begin(PLAIN);
	do_(bytes(&w, "", 0));
	assert_text(written(), "\"\"");
}

TEST(the_largest_number)
{
	begin(PLAIN);
	do_(u64(&w, UINT64_MAX));
	assert_text(written(), "18446744073709551615");
}

TEST_MAIN("lib/codec/writer")
