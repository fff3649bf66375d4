// SPDX-License-Identifier: MIT
#include "lib/codec/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"

/*
 * What one call makes of a text, written as text. It is read from memory, from
 * a file, and byte by byte through a window of 1024: all must say the same.
 */
typedef struct cr_error *call_fn(struct cr_reader *r, char *got);

static struct cr_error *read_one(void *arg, void *data, size_t size,
				 size_t *n_ret)
{
	struct bytes *left = arg;

	*n_ret = left->size > 0;
	if (*n_ret) {
		*(uint8_t *)data = *left->p++;
		left->size--;
	}
	return NULL;
}

enum way { MEM, FD, SMALL, NR_WAYS };

static const char *call_once(call_fn *call, struct bytes from, enum way way)
{
	struct cr_reader r;
	struct cr_error *err;
	char *got = cr_test_alloc(2 * from.size + 1024);
	int fd = -1;

	if (way == MEM) {
		err = cr_reader_init_mem(&r, from.p, from.size);
	} else if (way == FD) {
		fd = memfd_create("json", MFD_CLOEXEC);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(write(fd, from.p, from.size),
				 (ssize_t)from.size);
		ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
		err = cr_reader_init_fd(&r, fd);
	} else {
		r = (struct cr_reader){ 0 };
		err = cr_source_init_read(&r.src, 1024, read_one, &from);
		r.src.count_lines = true;
	}
	ck_assert_ptr_null(err);
	err = call(&r, got);
	cr_reader_deinit(&r);
	if (fd >= 0)
		close(fd);
	return err ? cr_test_error(err) : got;
}

static const char *call(call_fn *fn, const char *json)
{
	struct bytes from = cat(text(cr_test_quotes(json)));
	const char *got = call_once(fn, from, MEM);

	for (enum way way = FD; way < NR_WAYS; way++)
		assert_text(call_once(fn, from, way), got);
	return got;
}

/* The calls */

static struct cr_error *call_int(struct cr_reader *r, char *got)
{
	struct cr_int v = { 0, false };
	struct cr_error *err = cr_reader_int(r, &v);

	sprintf(got, "%s%llu at %llu", v.negative ? "-" : "",
		(unsigned long long)v.magnitude,
		(unsigned long long)cr_source_tell(&r->src));
	return err;
}

static struct cr_error *call_bool(struct cr_reader *r, char *got)
{
	bool v = false;
	struct cr_error *err = cr_reader_bool(r, &v);

	sprintf(got, "%d at %llu", v,
		(unsigned long long)cr_source_tell(&r->src));
	return err;
}

/* The text as it is, so that a NUL must not be in it. */
static struct cr_error *call_string(struct cr_reader *r, char *got)
{
	struct cr_error *err = cr_reader_string(r);

	while (!err) {
		const char *piece;
		size_t size;

		err = cr_reader_piece(r, &piece, &size);
		if (err || !size)
			break;
		memcpy(got, piece, size);
		got += size;
	}
	*got = 0;
	return err;
}

static struct cr_error *call_key(struct cr_reader *r, char *got)
{
	const char *name;
	size_t size;
	struct cr_error *err = cr_reader_key(r, &name, &size);

	if (!err)
		sprintf(got, "%.*s at %llu", (int)size, name,
			(unsigned long long)cr_source_tell(&r->src));
	return err;
}

static struct cr_error *call_skip(struct cr_reader *r, char *got)
{
	struct cr_error *err = cr_reader_skip(r);

	sprintf(got, "at %llu", (unsigned long long)cr_source_tell(&r->src));
	return err;
}

static struct cr_error *call_end(struct cr_reader *r, char *got)
{
	strcpy(got, "end");
	return cr_reader_end(r);
}

/* Skips a value, then wants a number, so that the place is named. */
static struct cr_error *call_place(struct cr_reader *r, char *got)
{
	struct cr_int v;
	struct cr_error *err = cr_reader_skip(r);

	return err ? err : cr_reader_int(r, &v);
}

#define assert_int(json, want)	  assert_text(call(call_int, json), want)
#define assert_bool(json, want)	  assert_text(call(call_bool, json), want)
#define assert_string(json, want) assert_text(call(call_string, json), want)
#define assert_key(json, want)	  assert_text(call(call_key, json), want)
#define assert_skip(json, want)	  assert_text(call(call_skip, json), want)
#define assert_end(json, want)	  assert_text(call(call_end, json), want)
#define assert_place(json, want)  assert_text(call(call_place, json), want)

/* Numbers */

TEST(integers_have_64_bits)
{
	assert_int("0", "0 at 1");
	assert_int(" \t\r\n7 ", "7 at 5");
	assert_int("18446744073709551615", "18446744073709551615 at 20");
	assert_int("-9223372036854775808", "-9223372036854775808 at 20");
	assert_int("-18446744073709551615", "-18446744073709551615 at 21");
}

TEST(integers_of_every_length)
{
	char digits[32] = "";

	for (int i = 0; i < 19; i++) {
		digits[i] = (char)('1' + i % 9);
		assert_int(digits, cr_test_format("%s at %d", digits, i + 1));
		assert_int(cr_test_format("%s,", digits),
			   cr_test_format("%s at %d", digits, i + 1));
		assert_int(cr_test_format("-%s]}", digits),
			   cr_test_format("-%s at %d", digits, i + 2));
	}
}

TEST(integers_of_every_power_of_two)
{
	for (int i = 0; i < 64; i++) {
		unsigned long long v = 1ull << i;

		assert_int(cr_test_format("%llu", v),
			   cr_test_format("%llu at %d", v,
					  snprintf(NULL, 0, "%llu", v)));
		assert_int(cr_test_format("%llu", v - 1),
			   cr_test_format("%llu at %d", v - 1,
					  snprintf(NULL, 0, "%llu", v - 1)));
	}
}

TEST(minus_zero_is_zero)
{
	assert_int("-0", "0 at 2");
}

TEST(integers_of_more_than_64_bits)
{
	const char *want =
		"! FORMAT line 1 column 1: a number of more than 64 bits";

	assert_int("18446744073709551616", want);
	assert_int("18446744073709551620", want);
	assert_int("28446744073709551615", want);
	assert_int("100000000000000000000", want);
	assert_int("-99999999999999999999999999", want);
}

TEST(a_number_of_too_many_digits)
{
	char *digits = cr_test_alloc(3000);

	memset(digits, '9', 510);
	assert_int(digits, "! FORMAT line 1 column 1: a number of more than "
			   "64 bits");
	memset(digits, '9', 2000);
	ck_assert_ptr_nonnull(strstr(call(call_int, digits),
				     "! FORMAT line 1 column 1: a number of"));
}

TEST(fractions_and_exponents_are_no_integers)
{
	const char *want = "! FORMAT line 1 column 1: a number with a "
			   "fraction or an exponent is no integer";

	assert_int("1.0", want);
	assert_int("1e3", want);
	assert_int("12345678901E3", want);
	assert_int("-0.5", want);
	assert_int("18446744073709551616.5", want);
}

TEST(leading_zeros_are_refused)
{
	const char *want =
		"! FORMAT line 1 column 1: a number with a leading zero";

	assert_int("01", want);
	assert_int("00", want);
	assert_int("-007", want);
	assert_int("000000000000000000000000000001", want);
}

TEST(what_is_no_number)
{
	assert_int("", "! FORMAT line 1 column 1: need a number, but the text "
		       "ends");
	assert_int("  ", "! FORMAT line 1 column 3: need a number, but the "
			 "text ends");
	assert_int("-", "! FORMAT line 1 column 1: need a number, not '-'");
	assert_int("+1", "! FORMAT line 1 column 1: need a number, not '+'");
	assert_int(".5", "! FORMAT line 1 column 1: need a number, not '.'");
	assert_int("x", "! FORMAT line 1 column 1: need a number, not 'x'");
	assert_int("\x01", "! FORMAT line 1 column 1: need a number, not byte "
			   "0x01");
	assert_int("\xff", "! FORMAT line 1 column 1: need a number, not byte "
			   "0xff");
	assert_int("/", "! FORMAT line 1 column 1: need a number, not '/'");
	assert_int(":", "! FORMAT line 1 column 1: need a number, not ':'");
}

TEST(a_number_ends_where_digits_end)
{
	assert_int("12x", "12 at 2");
	assert_int("12/3", "12 at 2");
	assert_int("12:", "12 at 2");
	assert_int("1234567:", "1234567 at 7");
	assert_int("12345678/", "12345678 at 8");
}

TEST(bools)
{
	assert_bool("true", "1 at 4");
	assert_bool("false,", "0 at 5");
	assert_bool(" 1", "1 at 2");
	assert_bool("0", "0 at 1");
}

TEST(what_is_no_bool)
{
	assert_bool("null", "! FORMAT line 1 column 1: need true or false, not "
			    "'n'");
	assert_bool("tru", "! FORMAT line 1 column 1: need a value, not 't'");
	assert_bool("falsy", "! FORMAT line 1 column 1: need a value, not "
			     "'f'");
	assert_bool("10", "! FORMAT line 1 column 1: 10 is out of range (0 to "
			  "1)");
	assert_bool("", "! FORMAT line 1 column 1: need true or false, but the "
			"text ends");
}

/* Strings */

TEST(plain_strings)
{
	assert_string("''", "");
	assert_string("'a'", "a");
	assert_string(" 'with blanks' x", "with blanks");
	assert_string("'\u00e9\u20ac\U0001d11e'", "\u00e9\u20ac\U0001d11e");
	assert_string("'\x7f'", "\x7f");
}

TEST(short_escapes)
{
	assert_string("'\\\"\\\\\\/\\b\\f\\n\\r\\t'", "\"\\/\b\f\n\r\t");
}

TEST(unit_escapes)
{
	assert_string("'\\u0041'", "A");
	assert_string("'\\u00e9\\u00E9'", "\u00e9\u00e9");
	assert_string("'\\u20aC'", "\u20ac");
	assert_string("'\\u007f\\u0080\\u07ff\\u0800\\uffff'",
		      "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
	assert_string("'\\ud7ff\\ue000'", "\xed\x9f\xbf\xee\x80\x80");
}

TEST(surrogate_pairs)
{
	assert_string("'\\ud834\\udd1e'", "\U0001d11e");
	assert_string("'\\uD834\\uDD1E'", "\U0001d11e");
	assert_string("'\\ud800\\udc00'", "\U00010000");
	assert_string("'\\udbff\\udfff'", "\U0010ffff");
}

#define HALF "half of a surrogate pair; text that is not UTF-8 is written " \
	     "as {\"@qp\": \"...\"}"

TEST(lone_surrogates_are_refused)
{
	assert_string("'\\ud834'", "! FORMAT line 1 column 2: " HALF);
	assert_string("'\\udd1e'", "! FORMAT line 1 column 2: " HALF);
	assert_string("'ab\\ud834x'", "! FORMAT line 1 column 4: " HALF);
	assert_string("'\\ud834\\n'", "! FORMAT line 1 column 2: " HALF);
	assert_string("'\\ud834\\u0041'", "! FORMAT line 1 column 2: " HALF);
	assert_string("'\\ud834\\ud834'", "! FORMAT line 1 column 2: " HALF);
	assert_string("'\\udd1e\\ud834'", "! FORMAT line 1 column 2: " HALF);
	assert_string("'\\ud834\\udd1", "! FORMAT line 1 column 2: " HALF);
}

TEST(units_need_four_hex_digits)
{
	const char *want = "! FORMAT line 1 column 2: \\u needs four hex "
			   "digits";

	assert_string("'\\u'", want);
	assert_string("'\\u12'", want);
	assert_string("'\\u123'", want);
	assert_string("'\\u12g4'", want);
	assert_string("'\\u 123'", want);
	assert_string("'\\u123", want);
	assert_string("'\\u", want);
}

TEST(unknown_escapes_are_refused)
{
	const char *want =
		"! FORMAT line 1 column 3: unknown escape in a string";

	assert_string("'a\\x41'", want);
	assert_string("'a\\'", "! FORMAT line 1 column 5: need the string's "
			       "closing quote, but the text ends");
	assert_string("'a\\", want);
	assert_string("'a\\U0041'", want);
	assert_string("'a\\ '", want);
}

TEST(control_characters_in_strings_are_refused)
{
	for (char c = 1; c < ' '; c++)
		assert_string(cr_test_format("'a%c'", c),
			      cr_test_format("! FORMAT line 1 column 3: need "
					     "the string's closing quote, not "
					     "byte 0x%02x",
					     c));
}

TEST(a_nul_in_a_string_is_refused)
{
	struct bytes from = hex("22 61 00 62 22");

	assert_text(call_once(call_string, from, MEM),
		    "! FORMAT line 1 column 3: need the string's closing "
		    "quote, not byte 0x00");
	assert_text(call_once(call_string, from, SMALL),
		    "! FORMAT line 1 column 3: need the string's closing "
		    "quote, not byte 0x00");
}

TEST(a_nul_between_tokens_is_refused)
{
	struct bytes from = hex("20 00 31");

	for (enum way way = MEM; way < NR_WAYS; way++) {
		assert_text(call_once(call_int, from, way),
			    "! FORMAT line 1 column 2: need a number, not "
			    "byte 0x00");
		assert_text(call_once(call_end, from, way),
			    "! FORMAT line 1 column 2: need the end of the "
			    "text, not byte 0x00");
	}
}

TEST(strings_that_do_not_end)
{
	assert_string("'", "! FORMAT line 1 column 2: need the string's "
			   "closing quote, but the text ends");
	assert_string("'abc", "! FORMAT line 1 column 5: need the string's "
			      "closing quote, but the text ends");
}

TEST(what_is_no_string)
{
	assert_string("5", "! FORMAT line 1 column 1: need a string, not '5'");
	assert_string("", "! FORMAT line 1 column 1: need a string, but the "
			  "text ends");
}

TEST(escapes_at_every_place_of_the_window)
{
	// The window has 1024 bytes: each escape is cut at each of its bytes.
	for (size_t i = 1000; i < 1040; i++) {
		char *before = cr_test_alloc(i + 1);

		memset(before, 'x', i);
		assert_string(cr_test_format("'%s\\ud834\\udd1e\\n\\u00e9y'",
					     before),
			      cr_test_format("%s\U0001d11e\n\u00e9y",
					     before));
	}
}

TEST(long_strings_come_in_pieces)
{
	char *body = cr_test_alloc(100001);

	for (int i = 0; i < 100000; i++)
		body[i] = (char)('a' + i % 26);
	assert_string(cr_test_format("'%s'", body), body);
}

/* Keys */

TEST(keys)
{
	assert_key("'a':1", "a at 4");
	assert_key(" 'a b' \n :", "a b at 10");
	assert_key("'':", " at 3");
	assert_key("'\\u0041\\n':", "A\n at 11");
}

TEST(what_is_no_key)
{
	assert_key("a:", "! FORMAT line 1 column 1: need a key, not 'a'");
	assert_key("}", "! FORMAT line 1 column 1: need a key, not '}'");
	assert_key("", "! FORMAT line 1 column 1: need a key, but the text "
		       "ends");
	assert_key("'a'", "! FORMAT line 1 column 4: need ':', but the text "
			  "ends");
	assert_key("'a' 5", "! FORMAT line 1 column 5: need ':', not '5'");
}

TEST(a_key_has_256_bytes_at_most)
{
	char key[300] = { 0 };

	memset(key, 'k', 256);
	assert_key(cr_test_format("'%s':", key),
		   cr_test_format("%s at 259", key));
	key[256] = 'k';
	ck_assert_ptr_nonnull(
		strstr(call(call_key, cr_test_format("'%s':", key)),
		       ": a string of more than 256 bytes"));
}

/* Values passed over */

TEST(values_of_every_type_are_passed_over)
{
	assert_skip("null,", "at 4");
	assert_skip("true", "at 4");
	assert_skip("false]", "at 5");
	assert_skip("-12.5e+3 ", "at 8");
	assert_skip("'a\\\"\\u00e9'x", "at 11");
	assert_skip("{}", "at 2");
	assert_skip("[ ]", "at 3");
	assert_skip("[1, [2, {'a': [3]}], 'x'] y", "at 25");
	assert_skip("{'a': {'b': {}}, 'c': [], 'd': [[]]}", "at 36");
}

TEST(broken_values_are_not_passed_over)
{
	assert_skip("", "! FORMAT line 1 column 1: need a value, but the text "
			"ends");
	assert_skip("[1,]", "! FORMAT line 1 column 4: need a value, not ']'");
	assert_skip("[1 2]", "! FORMAT line 1 column 4: need ']', not '2'");
	assert_skip("[1}", "! FORMAT line 1 column 3: need ']', not '}'");
	assert_skip("{'a' 1}", "! FORMAT line 1 column 6: need ':', not '1'");
	assert_skip("{'a': 1,}", "! FORMAT line 1 column 9: need a key, not "
				 "'}'");
	assert_skip("{1: 2}", "! FORMAT line 1 column 2: need a key, not "
			      "'1'");
	assert_skip("{'a': [1}", "! FORMAT line 1 column 9: need ']', not "
				 "'}'");
	assert_skip("[", "! FORMAT line 1 column 2: need a value, but the text "
			 "ends");
	assert_skip("nul", "! FORMAT line 1 column 1: need a value, not 'n'");
	assert_skip("'\\ud800'", "! FORMAT line 1 column 2: " HALF);
}

TEST(two_hundred_brackets_are_passed_over)
{
	char *deep = cr_test_alloc(500);

	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	assert_skip(deep, "at 400");
}

TEST(more_brackets_are_refused)
{
	char *deep = cr_test_alloc(100001);

	memset(deep, '[', 201);
	assert_skip(deep, "! FORMAT line 1 column 201: brackets more than 200 "
			  "deep");
	memset(deep, '[', 100000);
	assert_skip(deep, "! FORMAT line 1 column 201: brackets more than 200 "
			  "deep");
}

TEST(the_end_of_the_text)
{
	assert_end("", "end");
	assert_end(" \n\t\r ", "end");
	assert_end(" \n x", "! FORMAT line 2 column 2: need the end of the "
			    "text, not 'x'");
}

/* Places */

TEST(columns_count_bytes)
{
	assert_place("'\u00e9' x", "! FORMAT line 1 column 6: need a number, "
				   "not 'x'");
}

TEST(lines_count_newlines)
{
	assert_place("[1,\n\n2]\nx", "! FORMAT line 4 column 1: need a number, "
				     "not 'x'");
	assert_place("1\r\n x", "! FORMAT line 2 column 2: need a number, not "
				"'x'");
	assert_place("1\rx", "! FORMAT line 1 column 3: need a number, not "
			     "'x'");
	assert_place("'\\n' x", "! FORMAT line 1 column 6: need a number, not "
				"'x'");
}

/* A list that fills size bytes with lines of 10. */
static char *lines(size_t nr)
{
	char *got = cr_test_alloc(10 * nr + 64), *p = got;

	*p++ = '[';
	for (size_t i = 0; i < nr; i++)
		p = stpcpy(p, "1234567, \n");
	stpcpy(p, "1]");
	return got;
}

TEST(places_are_right_whatever_has_left_the_window)
{
	// Around the window's 1024 bytes, the 16 KiB and the 256 KiB of others.
	static const size_t nr[] = { 0,	   1,	 10,   50,    51,	52,  101,
				     102,  103,	 154,  500,   1637, 1638,
				     1639, 1640, 2000, 26213, 26214, 26215,
				     30000 };

	for (size_t i = 0; i < sizeof(nr) / sizeof(nr[0]); i++)
		assert_place(cr_test_format("%s\n  x", lines(nr[i])),
			     cr_test_format("! FORMAT line %zu column 3: need "
					    "a number, not 'x'",
					    nr[i] + 2));
}

TEST(places_in_long_lines)
{
	for (size_t size = 1; size < 40000; size = size * 3 + 1) {
		char *blanks = cr_test_alloc(size + 1);

		memset(blanks, ' ', size);
		assert_place(cr_test_format("1\n%sx", blanks),
			     cr_test_format("! FORMAT line 2 column %zu: need "
					    "a number, not 'x'",
					    size + 1));
	}
}

/* Text within a string */

static struct cr_error *call_inner(struct cr_reader *r, char *got)
{
	struct cr_reader inner;
	struct cr_int v = { 0, false };
	struct cr_error *err = cr_reader_string(r);

	if (!err)
		err = cr_reader_init_string(&inner, r);
	if (err)
		return err;
	err = cr_reader_skip(&inner);
	if (!err)
		err = cr_reader_expect(&inner, ';');
	if (!err)
		err = cr_reader_int(&inner, &v);
	if (!err)
		err = cr_reader_end(&inner);
	cr_reader_deinit(&inner);
	sprintf(got, "%llu, outer at %llu", (unsigned long long)v.magnitude,
		(unsigned long long)cr_source_tell(&r->src));
	return err;
}

TEST(text_within_a_string_is_read_without_its_escapes)
{
	assert_text(call(call_inner, "'[\\\"a\\\"] ; 42' x"),
		    "42, outer at 14");
	assert_text(call(call_inner, "'\\\"\\\\u00e9\\\" \\u003b 42'"),
		    "42, outer at 23");
}

TEST(long_text_within_a_string)
{
	char *digits = cr_test_alloc(50001);

	memset(digits, ' ', 50000);
	assert_text(call(call_inner, cr_test_format("'[\\\"%s\\\"];42'",
						    digits)),
		    "42, outer at 50011");
}

TEST(faults_within_a_string_are_placed_in_the_text_around)
{
	const char *got = call(call_inner, "\n '[1;42'");

	// The inner text has been read ahead to its end.
	assert_text(got, "! FORMAT line 2 column 9: need ']', not ';'");
}

TEST(the_string_around_may_be_broken)
{
	assert_text(call(call_inner, "'[1];4"),
		    "! FORMAT line 1 column 7: need the string's closing "
		    "quote, but the text ends");
	assert_text(call(call_inner, "'[1];4\\x'"),
		    "! FORMAT line 1 column 7: unknown escape in a string");
}

TEST_MAIN("lib/codec/reader")
