// SPDX-License-Identifier: MIT
#include "lib/codec/record.h"

#include "tests/support/codec.h"
#include "tests/support/main.h"

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

/* "number/wire=value at place", with an exclamation mark if not minimal. */
static const char *describe(struct cr_source *src, uint64_t end)
{
	struct cr_record rec;
	struct cr_error *err = cr_record_read(src, end, &rec);

	if (err)
		return cr_test_error(err);
	return cr_test_format("%u/%u=%llu%s at %llu..%llu", rec.number,
			      rec.wire, (unsigned long long)rec.value,
			      rec.minimal ? "" : "!",
			      (unsigned long long)rec.off,
			      (unsigned long long)cr_source_tell(src));
}

/* From memory, and byte by byte. The message ends at `end`. */
static const char *record_at(struct bytes b, uint64_t end)
{
	struct cr_source src;
	struct bytes left = b;
	const char *got;

	cr_source_init_mem(&src, b.p, b.size);
	got = describe(&src, end);
	ck_assert_ptr_null(cr_source_init_read(&src, 512, read_one, &left));
	assert_text(describe(&src, end), got);
	cr_source_deinit(&src);
	return got;
}

static const char *record(const char *digits)
{
	struct bytes b = hex(digits);

	return record_at(b, b.size);
}

TEST(a_record_of_each_wire_type)
{
	assert_text(record("08 05"), "1/0=5 at 0..2");
	assert_text(record("09 01 00 00 00 00 00 00 80"),
		    "1/1=9223372036854775809 at 0..9");
	assert_text(record("0a 02 'ab'"), "1/2=2 at 0..2");
	assert_text(record("0d 01 00 00 80"), "1/5=2147483649 at 0..5");
}

TEST(what_is_not_minimal_is_said)
{
	assert_text(record("08 85 00"), "1/0=5! at 0..3");
	assert_text(record("88 00 05"), "1/0=5! at 0..3");
	assert_text(record("0a 82 00 'ab'"), "1/2=2! at 0..3");
	assert_text(record("88 80 00 85 80 00"), "1/0=5! at 0..6");
}

TEST(bits_above_64_are_dropped)
{
	assert_text(record("08 ff ff ff ff ff ff ff ff ff 7f"),
		    "1/0=18446744073709551615! at 0..11");
}

TEST(nothing_beyond_the_message_counts)
{
	assert_text(record_at(hex("08 85 01"), 2),
		    "! FORMAT byte 1: a varint is cut off");
	assert_text(record_at(hex("08 05"), 1),
		    "! FORMAT byte 1: a varint is cut off");
	assert_text(record_at(hex("88 01 05"), 1),
		    "! FORMAT byte 0: a field's tag is cut off");
	assert_text(record_at(hex("0d 01 00 00 80"), 4),
		    "! FORMAT byte 1: need 4 bytes, have 3");
	assert_text(record_at(hex("0a 02 'ab'"), 3),
		    "! FORMAT byte 0: field 1 claims 2 bytes, the message "
		    "has 1 left");
}

TEST(a_length_near_64_bits)
{
	assert_text(record("0a fe ff ff ff ff ff ff ff ff 01 'ab'"),
		    "! FORMAT byte 0: field 1 claims 18446744073709551614 "
		    "bytes, the message has 2 left");
}

TEST(tags_that_are_none)
{
	assert_text(record("00 05"), "! FORMAT byte 0: 0 is no field number");
	assert_text(record("80 80 80 80 10 00"),
		    "! FORMAT byte 0: 536870912 is no field number");
	assert_text(record("88 80 80 80 80 80 80 80 80 01 00"),
		    "! FORMAT byte 0: 1152921504606846977 is no field number");
	assert_text(record("0b"), "! FORMAT byte 0: field 1 has wire type 3, "
				  "which no image uses");
}

TEST(the_highest_field_number)
{
	assert_text(record("f8 ff ff ff 0f 01"), "536870911/0=1 at 0..6");
}

TEST(a_body_is_passed_over)
{
	struct bytes b = hex("0a 03 'abc' 10 01");
	struct cr_source src;
	struct cr_record rec;

	cr_source_init_mem(&src, b.p, b.size);
	ck_assert_ptr_null(cr_record_read(&src, b.size, &rec));
	ck_assert_ptr_null(cr_record_skip(&src, &rec));
	ck_assert_uint_eq(cr_source_tell(&src), 5);
	ck_assert_ptr_null(cr_record_read(&src, b.size, &rec));
	ck_assert_ptr_null(cr_record_skip(&src, &rec));
	ck_assert_uint_eq(cr_source_tell(&src), 7);
}

TEST(which_values_a_type_has)
{
	static const struct {
		uint8_t kind, bits;
		uint64_t value;
		bool fits;
	} rows[] = {
		{ CR_FIELD_UINT, 32, UINT32_MAX, true },
		{ CR_FIELD_UINT, 32, 1ull << 32, false },
		{ CR_FIELD_UINT, 64, UINT64_MAX, true },
		{ CR_FIELD_ZIGZAG, 32, UINT32_MAX, true },
		{ CR_FIELD_ZIGZAG, 32, 1ull << 32, false },
		{ CR_FIELD_INT, 32, INT32_MAX, true },
		{ CR_FIELD_INT, 32, 0x80000000u, false },
		{ CR_FIELD_INT, 32, UINT32_MAX, false },
		{ CR_FIELD_INT, 32, UINT64_MAX, true },
		{ CR_FIELD_INT, 32, 0xffffffff80000000u, true },
		{ CR_FIELD_INT, 32, 0xffffffff7fffffffu, false },
		{ CR_FIELD_INT, 64, 1ull << 63, true },
		{ CR_FIELD_ENUM, 32, UINT32_MAX, false },
		{ CR_FIELD_ENUM, 32, UINT64_MAX, true },
		{ CR_FIELD_BOOL, 32, 1, true },
		{ CR_FIELD_BOOL, 32, 2, false },
		{ CR_FIELD_BOOL, 32, UINT64_MAX, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cr_field f = { .kind = rows[i].kind,
				      .bits = rows[i].bits };

		ck_assert_msg(cr_field_fits(&f, rows[i].value) == rows[i].fits,
			      "row %zu", i);
	}
}

TEST_MAIN("lib/codec/record")
