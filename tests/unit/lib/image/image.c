// SPDX-License-Identifier: MIT
#include "lib/image/image.h"

#include "lib/image/payload.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

/* The header of bytes, as text. */
static const char *header_of(struct bytes b, const char *name)
{
	struct cr_source src;
	struct cr_image_header got;
	struct cr_error *err;

	cr_source_init_mem(&src, b.p, b.size);
	err = cr_image_read_header(&src, name, &got);
	if (err)
		return cr_test_error(err);
	return cr_test_format("%s %s at %d", got.type->id,
			      cr_image_form_names[got.form],
			      (int)cr_source_tell(&src));
}

TEST(an_image_may_have_its_own_magic_alone)
{
	assert_text(header_of(hex("16 31 31 58"), NULL), "INVENTORY own at 4");
	assert_text(header_of(hex("30 30 27 50"), NULL), "PSTREE own at 4");
}

TEST(an_image_may_have_the_common_magic_in_front)
{
	assert_text(header_of(hex("19 43 56 54 30 30 27 50"), NULL),
		    "PSTREE common at 8");
	assert_text(header_of(hex("19 43 56 54 16 31 31 58"), NULL),
		    "INVENTORY common at 8");
}

TEST(an_image_may_have_the_service_magic_in_front)
{
	assert_text(header_of(hex("40 59 10 55 06 33 09 57"), NULL),
		    "STATS service at 8");
	assert_text(header_of(hex("40 59 10 55 30 30 27 50"), NULL),
		    "PSTREE service at 8");
}

TEST(a_file_of_less_than_a_word_is_cut)
{
	assert_text(header_of(hex(""), NULL),
		    "! FORMAT byte 0: the magic needs 4 bytes, have 0");
	assert_text(header_of(hex("30 30 27"), "pstree.img"),
		    "! FORMAT byte 0: the magic needs 4 bytes, have 3");
}

TEST(a_second_magic_that_is_cut)
{
	assert_text(header_of(hex("19 43 56 54"), NULL),
		    "! FORMAT byte 4: the second magic needs 4 bytes, have 0");
	assert_text(header_of(hex("19 43 56 54 30 30 27"), NULL),
		    "! FORMAT byte 4: the second magic needs 4 bytes, have 3");
}

TEST(an_unknown_magic_is_named_with_its_place)
{
	assert_text(header_of(hex("78 56 34 12 00 00 00 00"), NULL),
		    "! FORMAT byte 0: unknown magic 0x12345678; maybe this is "
		    "raw data, such as pages-1.img");
	assert_text(header_of(hex("19 43 56 54 78 56 34 12"), "pstree.img"),
		    "! FORMAT byte 4: unknown magic 0x12345678; maybe this is "
		    "raw data, such as pages-1.img");
	assert_text(header_of(hex("19 43 56 54 19 43 56 54"), NULL),
		    "! FORMAT byte 4: unknown magic 0x54564319; maybe this is "
		    "raw data, such as pages-1.img");
}

TEST(the_cache_of_kernel_features_is_known_by_its_magic)
{
	assert_text(header_of(hex("58 34 02 57"), NULL),
		    "! UNSUPPORTED not an image but criu's cache of kernel "
		    "features, no part of a checkpoint; criu check shows what "
		    "it stands for");
}

/* A pattern with numbers in it: "a-%u.img|b-%x" gives "a-17.img", "b-1f". */
static const char *fill_in(const char *pattern, const char *end)
{
	char *got = cr_test_alloc(128), *o = got;

	for (const char *p = pattern; p < end; p++) {
		if (*p == '%') {
			p++;
			o = stpcpy(o, *p == 'x' ? "1f" : "17");
		} else {
			*o++ = *p;
		}
	}
	return got;
}

TEST(every_raw_file_gives_its_message)
{
	for (size_t i = 0; i < cr_nr_raw_types; i++) {
		const struct cr_raw_type *raw = &cr_raw_types[i];
		const char *name =
			fill_in(raw->files, strchrnul(raw->files, '|'));
		const char *want = cr_test_format(
			"! UNSUPPORTED not an image but %s; %s", raw->what,
			raw->use);

		assert_text(header_of(fill(0, 4096), name), want);
		assert_text(header_of(hex("00 01 02"), name), want);
		assert_text(header_of(hex(""), name), want);
		assert_text(header_of(fill(0, 8),
				      cr_test_format("/a/b/%s", name)),
			    want);
	}
}

TEST(a_raw_name_does_not_hide_an_image)
{
	assert_text(header_of(header("PSTREE"), "pages-1.img"),
		    "PSTREE common at 8");
}

TEST(what_is_written_is_what_was_read)
{
	static const struct cr_image_header headers[] = {
		{ .form = CR_FORM_OWN },
		{ .form = CR_FORM_COMMON },
		{ .form = CR_FORM_SERVICE },
	};

	for (size_t i = 0; i < cr_nr_image_types; i++) {
		for (size_t k = 0; k < 3; k++) {
			struct cr_image_header h = headers[k], got;
			struct cr_out out;
			struct cr_source src;

			h.type = &cr_image_types[i];
			ck_assert_ptr_null(cr_out_init_mem(&out));
			ck_assert_ptr_null(cr_image_write_header(&out, &h));
			cr_source_init_mem(&src, out.buf,
					   cr_out_buffered(&out));
			ck_assert_ptr_null(
				cr_image_read_header(&src, NULL, &got));
			ck_assert_ptr_eq(got.type, h.type);
			ck_assert_int_eq(got.form, h.form);
			ck_assert_uint_eq(cr_source_left(&src), 0);
			cr_out_deinit(&out);
		}
	}
}

/* Size words */

static const char *next_of(struct bytes b)
{
	struct cr_source src;
	uint32_t size = 77;
	bool end = false;
	struct cr_error *err;

	cr_source_init_mem(&src, b.p, b.size);
	err = cr_image_next(&src, &size, &end);
	if (err)
		return cr_test_error(err);
	return end ? "end" :
		     cr_test_format("%u at %d", size,
				    (int)cr_source_tell(&src));
}

TEST(the_end_of_the_file_ends_the_list)
{
	assert_text(next_of(hex("")), "end");
}

TEST(an_entry_may_be_empty)
{
	assert_text(next_of(hex("00 00 00 00")), "0 at 4");
}

TEST(a_size_word_is_little_endian)
{
	assert_text(next_of(cat(hex("02 01 00 00"), fill(0, 258))),
		    "258 at 4");
}

TEST(a_size_word_that_is_cut)
{
	assert_text(next_of(hex("01")),
		    "! FORMAT byte 0: the size word needs 4 bytes, have 1");
	assert_text(next_of(hex("01 00 00")),
		    "! FORMAT byte 0: the size word needs 4 bytes, have 3");
}

TEST(a_negative_size)
{
	assert_text(next_of(hex("ff ff ff ff 00")),
		    "! FORMAT byte 0: size -1 is negative");
	assert_text(next_of(hex("00 00 00 80")),
		    "! FORMAT byte 0: size -2147483648 is negative");
}

TEST(a_size_beyond_the_file)
{
	assert_text(next_of(hex("02 00 00 00 00")),
		    "! FORMAT byte 0: size 2 is more than the file has left");
	assert_text(next_of(hex("ff ff ff 7f")),
		    "! FORMAT byte 0: size 2147483647 is more than the file "
		    "has left");
}

/* Rows */

TEST(the_first_entry_may_be_another_message)
{
	const struct cr_image_type *type =
		cr_image_type_by_id("PAGEMAP", 7);

	assert_text(cr_image_message(type, 0)->name, "pagemap_head");
	assert_text(cr_image_message(type, 1)->name, "pagemap_entry");
	assert_text(cr_image_message(type, 1ull << 40)->name, "pagemap_entry");
	type = cr_image_type_by_id("PSTREE", 6);
	assert_text(cr_image_message(type, 0)->name, "pstree_entry");
}

TEST(the_first_entry_may_have_another_payload)
{
	const struct cr_image_type *type =
		cr_image_type_by_id("GHOST_FILE", 10);

	ck_assert_ptr_eq(cr_image_payload(type, 1), &cr_payload_chunk);
	ck_assert_ptr_eq(cr_image_payload(type, 0), cr_payload_chunk.head);
	type = cr_image_type_by_id("PIPES_DATA", 10);
	ck_assert_ptr_eq(cr_image_payload(type, 0), &cr_payload_bytes);
}

TEST_MAIN("lib/image/image")
