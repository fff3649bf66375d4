// SPDX-License-Identifier: MIT
/*
 * Every row of types.def is looked up and put to use, so that a new row needs
 * no test of its own.
 */
#include "lib/image/types.h"

#include "lib/image/payload.h"
#include "tests/support/codec.h"
#include "tests/support/main.h"

#define for_each_type(t)                                       \
	for (const struct cr_image_type *t = cr_image_types;   \
	     t < cr_image_types + cr_nr_image_types; t++)

/* Calls body for each pattern of a row, its end marked. */
#define for_each_pattern(p, end, files)                        \
	for (const char *p = files, *end; *p && (end = strchrnul(p, '|')); \
	     p = *end ? end + 1 : end)

/* A pattern with a number for each %. */
static const char *fill_in(const char *p, const char *end, const char *dec,
			   const char *hex_digits)
{
	char *got = cr_test_alloc(128), *o = got;

	while (p < end) {
		if (*p != '%') {
			*o++ = *p++;
			continue;
		}
		o = stpcpy(o, p[1] == 'x' ? hex_digits : dec);
		p += 2;
	}
	return got;
}

TEST(every_row_is_complete)
{
	for_each_type(t) {
		ck_assert_msg(t->id && *t->id, "row %td", t - cr_image_types);
		ck_assert_msg(t->magic && t->entry && t->payload, "%s", t->id);
		ck_assert_msg(t->files && *t->files, "%s", t->id);
		ck_assert_msg(t->note && *t->note, "%s", t->id);
		ck_assert_msg(!t->payload->decode == !t->payload->encode &&
				      !t->payload->decode ==
					      !t->payload->skip &&
				      !t->payload->decode ==
					      !t->payload->check,
			      "%s", t->id);
	}
}

TEST(every_row_is_found_by_its_magic)
{
	for_each_type(t)
		ck_assert_msg(cr_image_type_by_magic(t->magic) == t, "%s",
			      t->id);
}

TEST(every_row_is_found_by_its_id)
{
	for_each_type(t) {
		size_t size = strlen(t->id);

		ck_assert_msg(cr_image_type_by_id(t->id, size) == t, "%s",
			      t->id);
		ck_assert_msg(cr_image_type_by_id(t->id, size - 1) != t, "%s",
			      t->id);
		ck_assert_msg(!cr_image_type_by_id(t->id, size + 1), "%s",
			      t->id);
	}
}

TEST(every_row_is_found_by_each_of_its_files)
{
	for_each_type(t) {
		for_each_pattern(p, end, t->files) {
			const char *name = fill_in(p, end, "42", "1fa");
			const char *path = cr_test_format("/a/b/%s", name);

			ck_assert_msg(cr_image_type_by_file(name) == t, "%s",
				      name);
			ck_assert_msg(cr_image_type_by_file(path) == t, "%s",
				      path);
			ck_assert_msg(!cr_raw_type_by_file(name), "%s", name);
		}
	}
}

TEST(every_raw_row_is_found_by_each_of_its_files)
{
	for (size_t i = 0; i < cr_nr_raw_types; i++) {
		const struct cr_raw_type *raw = &cr_raw_types[i];

		for_each_pattern(p, end, raw->files) {
			const char *name = fill_in(p, end, "42", "1fa");

			ck_assert_msg(cr_raw_type_by_file(name) == raw, "%s",
				      name);
			ck_assert_msg(!cr_image_type_by_file(name), "%s",
				      name);
		}
		ck_assert(raw->what && *raw->what && raw->use && *raw->use);
	}
}

TEST(no_two_rows_share_a_magic_or_an_id)
{
	for_each_type(a) {
		ck_assert_uint_ne(a->magic, CR_MAGIC_COMMON);
		ck_assert_uint_ne(a->magic, CR_MAGIC_SERVICE);
		ck_assert_uint_ne(a->magic, CR_MAGIC_KDAT);
		for (const struct cr_image_type *b = cr_image_types; b < a;
		     b++) {
			ck_assert_msg(a->magic != b->magic, "%s %s", a->id,
				      b->id);
			ck_assert_msg(strcmp(a->id, b->id), "%s", a->id);
		}
	}
}

TEST(a_number_in_a_name_has_a_digit_at_least)
{
	ck_assert_ptr_null(cr_image_type_by_file("core-.img"));
	ck_assert_ptr_null(cr_image_type_by_file("core-x.img"));
	ck_assert_ptr_null(cr_image_type_by_file("core-1a.img"));
	ck_assert_ptr_null(cr_image_type_by_file("ghost-file-g.img"));
	ck_assert_ptr_nonnull(cr_image_type_by_file("ghost-file-aB9.img"));
	ck_assert_ptr_nonnull(cr_image_type_by_file(
		"core-123456789012345678901234567890.img"));
}

TEST(a_name_must_match_as_a_whole)
{
	ck_assert_ptr_null(cr_image_type_by_file("pstree.img.json"));
	ck_assert_ptr_null(cr_image_type_by_file("xpstree.img"));
	ck_assert_ptr_null(cr_image_type_by_file("pstree.im"));
	ck_assert_ptr_null(cr_image_type_by_file("pstree"));
	ck_assert_ptr_null(cr_image_type_by_file("pstree.img/x"));
	ck_assert_ptr_null(cr_image_type_by_file(""));
	ck_assert_ptr_null(cr_image_type_by_file("core-1.img|"));
	ck_assert_ptr_null(cr_image_type_by_file("stats-dump|stats-restore"));
}

TEST(what_is_unknown_is_not_found)
{
	ck_assert_ptr_null(cr_image_type_by_magic(0));
	ck_assert_ptr_null(cr_image_type_by_magic(CR_MAGIC_COMMON));
	ck_assert_ptr_null(cr_image_type_by_id("", 0));
	ck_assert_ptr_null(cr_image_type_by_id("pstree", 6));
	ck_assert_ptr_null(cr_raw_type_by_file("pages.img"));
}

/* Messages of every row, made from their descriptors */

static struct bytes message(const ProtobufCMessageDescriptor *desc, bool full,
			    unsigned depth);

/* One value: zeros, or if full ones that show. */
static struct bytes value(const ProtobufCFieldDescriptor *f, bool full,
			  unsigned depth, unsigned i)
{
	const ProtobufCEnumDescriptor *names = f->descriptor;

	switch (f->type) {
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return f32(f->id, full ? 0x80000000u + i : 0);
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return f64(f->id, full ? 0x8000000000000000u + i : 0);
	case PROTOBUF_C_TYPE_STRING:
		return str(f->id, full ? "name \u00e9" : "");
	case PROTOBUF_C_TYPE_BYTES:
		return len(f->id, full ? hex("00 ff 20") : hex(""));
	case PROTOBUF_C_TYPE_MESSAGE:
		return len(f->id, message(f->descriptor, full, depth + 1));
	case PROTOBUF_C_TYPE_ENUM:
		return num(f->id, full ? names->values[0].value : 0);
	case PROTOBUF_C_TYPE_BOOL:
		return num(f->id, full);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_SINT64:
		return num(f->id, full ? UINT64_MAX - i : 0);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_SINT32:
		return num(f->id, full ? UINT32_MAX - i : 0);
	default:
		return num(f->id, full ? -1 - (int)i : 0);
	}
}

static struct bytes message(const ProtobufCMessageDescriptor *desc, bool full,
			    unsigned depth)
{
	struct bytes got = hex("");

	for (unsigned i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &desc->fields[i];

		if (f->label != PROTOBUF_C_LABEL_REQUIRED &&
		    (!full || depth > 5))
			continue;
		if (f->flags & PROTOBUF_C_FIELD_FLAG_PACKED) {
			got = cat(got, len(f->id, hex("01 ac 02")));
			continue;
		}
		got = cat(got, value(f, full, depth, 0));
		if (f->label == PROTOBUF_C_LABEL_REPEATED && full)
			got = cat(got, value(f, full, depth, 1));
	}
	return got;
}

static void assert_returns(struct bytes img, struct cr_style style,
			   const char *id)
{
	const char *json =
		cr_test_image_json(img, (struct cr_test_how){ style });

	ck_assert_msg(*json != '!', "%s: %s", id, json);
	assert_text(cr_test_image_hex(text(json), (struct cr_test_how){ 0 }),
		    cr_test_dump(img));
}

TEST(an_image_of_every_type_without_entries)
{
	for_each_type(t) {
		assert_image(header(t->id),
			     cr_test_format("{'magic': '%s', 'entries': []}",
					    t->id));
	}
}

TEST(an_image_of_every_type_with_zeros)
{
	for_each_type(t) {
		struct bytes img = header(t->id);

		if (t->head)
			img = cat(img, entry(message(t->head, false, 0)));
		// A deleted file without chunks has no other entries.
		if (!t->payload->head)
			img = cat(img, entry(message(t->entry, false, 0)));
		assert_returns(img, PLAIN, t->id);
		assert_returns(img, FORMS, t->id);
		assert_returns(img, GO, t->id);
	}
}

TEST(an_image_of_every_type_with_everything)
{
	for_each_type(t) {
		struct bytes img = header(t->id);

		if (t->payload->decode)
			continue; // lengths: see payload.c
		if (t->head)
			img = cat(img, entry(message(t->head, true, 0)));
		img = cat(img, entry(message(t->entry, true, 0)));
		assert_returns(img, PLAIN, t->id);
		assert_returns(img, FORMS, t->id);
		assert_returns(img, PRETTY, t->id);
		assert_returns(img, GO, t->id);
	}
}

TEST(an_image_of_every_type_with_nothing)
{
	for_each_type(t) {
		struct bytes img = image(t->id, entry(hex("")));

		assert_returns(img, FORMS, t->id);
	}
}

TEST_MAIN("lib/image/types")
