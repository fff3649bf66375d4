// SPDX-License-Identifier: MIT
/*
 * Messages and images to JSON and back, in memory, in one call.
 *
 * Each call runs several times: from memory against a guard page, from a
 * callback that gives one byte at a time, into memory, into a file of ours, into
 * a function. All must come to the same.
 *
 * A result is text: what was made, or "! FORMAT line 1 column 2: need ..." (for
 * images made from JSON: bytes, or no bytes and an error), so that one string
 * comparison tells whether it is what was wanted.
 */
#ifndef CR_TESTS_SUPPORT_CODEC_H
#define CR_TESTS_SUPPORT_CODEC_H

#include <protobuf-c/protobuf-c.h>

#include "lib/base/error.h"
#include "lib/codec/plan.h"
#include "tests/support/bytes.h"

// clang-format off
#define PLAIN  ((struct cr_style){ 0 })
#define FORMS  ((struct cr_style){ .forms = true })
#define PRETTY ((struct cr_style){ .forms = true, .indent = true })
#define GO     ((struct cr_style){ .go = true })
// clang-format on

/*
 * A message with fields of every type, for what no image's schema has together.
 * Optional, by number: 1 u32, 2 u64, 3 i32, 4 i64, 5 s32 (zigzag), 6 s64
 * (zigzag), 7 flag (bool), 8 lsm (enum lsmtype), 9 f32, 10 f64, 11 sf32,
 * 12 sf64, 13 text, 14 data, 15 sub (the same message), 28 need
 * (cr_test_need). Repeated: 16 nums (uint32), 17 packed_nums (uint32, packed),
 * 18 texts, 19 subs, 20 packed_f32 (fixed32, packed), 21 s32s (sint32), 22 flags
 * (bool), 23 lsms, 24 datas, 25 f64s (fixed64), 26 packed_i32 (int32, packed).
 * 3000 far: a tag of three bytes.
 */
extern const ProtobufCMessageDescriptor cr_test_all;

/* Required: 1 a, 2 b (both uint32), 4 c (string); optional: 3 o (uint32). */
extern const ProtobufCMessageDescriptor cr_test_need;

/** "! CODE text", and err is freed; "" for no error. */
char *cr_test_error(struct cr_error *err);

/** A message's object. */
char *cr_test_message_json(const ProtobufCMessageDescriptor *desc,
			   struct bytes message, struct cr_style style);

/** An object's message, as hex digits. */
char *cr_test_message_hex(const ProtobufCMessageDescriptor *desc,
			  const char *json);

/** The same as bytes; the test fails on an error. */
struct bytes cr_test_message_bytes(const ProtobufCMessageDescriptor *desc,
				   const char *json);

struct cr_test_how {
	struct cr_style style;
	const char *name; /* of the file */
	bool nopl;
	bool lenient;
};

char *cr_test_image_json(struct bytes img, struct cr_test_how how);
char *cr_test_image_hex(struct bytes json, struct cr_test_how how);
struct bytes cr_test_image_bytes(struct bytes json);

/** A copy with each ' made a ", so that JSON is easy on the eye. */
char *cr_test_quotes(const char *text);

/*
 * The assertions below take JSON with ' for ", except in error texts.
 * Both ways: the bytes give the JSON, and the JSON gives the bytes.
 */
#define assert_message(desc, bytes_, json)                        \
	do {                                                      \
		struct bytes b_ = bytes_;                         \
		assert_message_json(desc, b_, json);              \
		assert_message_bytes(desc, json, b_);             \
	} while (0)

#define assert_image(bytes_, json)                                \
	do {                                                      \
		struct bytes b_ = bytes_;                         \
		assert_image_json(b_, json);                      \
		assert_image_bytes(json, b_);                     \
	} while (0)

/* One way. */
#define assert_message_json(desc, bytes, json)                    \
	assert_message_style(desc, bytes, FORMS, json)
#define assert_message_style(desc, bytes, style, json)            \
	assert_text(cr_test_message_json(desc, bytes, style),     \
		    cr_test_quotes(json))
#define assert_message_bytes(desc, json, bytes)                   \
	assert_text(cr_test_message_hex(desc, cr_test_quotes(json)), \
		    cr_test_dump(bytes))
#define assert_image_json(bytes, json)                            \
	assert_image_style(bytes, FORMS, json)
#define assert_image_style(bytes, style, json)                    \
	assert_text(cr_test_image_json(                           \
			    bytes, (struct cr_test_how){ style }), \
		    cr_test_quotes(json))
#define assert_image_bytes(json, bytes)                           \
	assert_text(cr_test_image_hex(text(cr_test_quotes(json)), \
				      (struct cr_test_how){ PLAIN }), \
		    cr_test_dump(bytes))

/* Failures: "! CODE text". */
#define assert_message_bad(desc, bytes, error)                    \
	assert_text(cr_test_message_json(desc, bytes, FORMS), error)
#define assert_json_bad(desc, json, error)                        \
	assert_text(cr_test_message_hex(desc, cr_test_quotes(json)), error)
#define assert_image_bad(bytes, error)                            \
	assert_text(cr_test_image_json(                           \
			    bytes, (struct cr_test_how){ FORMS }), \
		    error)
#define assert_document_bad(json, error)                          \
	assert_text(cr_test_image_hex(text(cr_test_quotes(json)), \
				      (struct cr_test_how){ PLAIN }), \
		    error)

#endif
