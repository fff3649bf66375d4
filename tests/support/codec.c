// SPDX-License-Identifier: MIT
#include "tests/support/codec.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "images/inventory.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/codec/decode.h"
#include "lib/codec/encode.h"
#include "lib/image/json.h"

/* Messages with fields of every type */

// clang-format off
#define FIELD(n, name_, label_, type_, desc_, flags_)                   \
	{ .name = name_, .id = n, .label = PROTOBUF_C_LABEL_##label_,   \
	  .type = PROTOBUF_C_TYPE_##type_, .descriptor = desc_,         \
	  .flags = flags_ }
#define PACKED PROTOBUF_C_FIELD_FLAG_PACKED

static const ProtobufCFieldDescriptor all_fields[] = {
	FIELD(1,  "u32",         OPTIONAL, UINT32,   NULL, 0),
	FIELD(2,  "u64",         OPTIONAL, UINT64,   NULL, 0),
	FIELD(3,  "i32",         OPTIONAL, INT32,    NULL, 0),
	FIELD(4,  "i64",         OPTIONAL, INT64,    NULL, 0),
	FIELD(5,  "s32",         OPTIONAL, SINT32,   NULL, 0),
	FIELD(6,  "s64",         OPTIONAL, SINT64,   NULL, 0),
	FIELD(7,  "flag",        OPTIONAL, BOOL,     NULL, 0),
	FIELD(8,  "lsm",         OPTIONAL, ENUM,     &lsmtype__descriptor, 0),
	FIELD(9,  "f32",         OPTIONAL, FIXED32,  NULL, 0),
	FIELD(10, "f64",         OPTIONAL, FIXED64,  NULL, 0),
	FIELD(11, "sf32",        OPTIONAL, SFIXED32, NULL, 0),
	FIELD(12, "sf64",        OPTIONAL, SFIXED64, NULL, 0),
	FIELD(13, "text",        OPTIONAL, STRING,   NULL, 0),
	FIELD(14, "data",        OPTIONAL, BYTES,    NULL, 0),
	FIELD(15, "sub",         OPTIONAL, MESSAGE,  &cr_test_all, 0),
	FIELD(16, "nums",        REPEATED, UINT32,   NULL, 0),
	FIELD(17, "packed_nums", REPEATED, UINT32,   NULL, PACKED),
	FIELD(18, "texts",       REPEATED, STRING,   NULL, 0),
	FIELD(19, "subs",        REPEATED, MESSAGE,  &cr_test_all, 0),
	FIELD(20, "packed_f32",  REPEATED, FIXED32,  NULL, PACKED),
	FIELD(21, "s32s",        REPEATED, SINT32,   NULL, 0),
	FIELD(22, "flags",       REPEATED, BOOL,     NULL, 0),
	FIELD(23, "lsms",        REPEATED, ENUM,     &lsmtype__descriptor, 0),
	FIELD(24, "datas",       REPEATED, BYTES,    NULL, 0),
	FIELD(25, "f64s",        REPEATED, FIXED64,  NULL, 0),
	FIELD(26, "packed_i32",  REPEATED, INT32,    NULL, PACKED),
	FIELD(28, "need",        OPTIONAL, MESSAGE,  &cr_test_need, 0),
	FIELD(3000, "far",       OPTIONAL, UINT32,   NULL, 0),
};

static const ProtobufCFieldDescriptor need_fields[] = {
	FIELD(1, "a", REQUIRED, UINT32, NULL, 0),
	FIELD(2, "b", REQUIRED, UINT32, NULL, 0),
	FIELD(3, "o", OPTIONAL, UINT32, NULL, 0),
	FIELD(4, "c", REQUIRED, STRING, NULL, 0),
};
// clang-format on

const ProtobufCMessageDescriptor cr_test_all = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "test_all",
	.n_fields = sizeof(all_fields) / sizeof(all_fields[0]),
	.fields = all_fields,
};

const ProtobufCMessageDescriptor cr_test_need = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "test_need",
	.n_fields = sizeof(need_fields) / sizeof(need_fields[0]),
	.fields = need_fields,
};

char *cr_test_error(struct cr_error *err)
{
	static const char *const names[] = {
		[CR_ERR_NOMEM] = "NOMEM",
		[CR_ERR_SYSTEM] = "SYSTEM",
		[CR_ERR_FORMAT] = "FORMAT",
		[CR_ERR_UNSUPPORTED] = "UNSUPPORTED",
		[CR_ERR_NOT_FOUND] = "NOT_FOUND",
		[CR_ERR_USAGE] = "USAGE",
		[CR_ERR_INTERNAL] = "INTERNAL",
	};
	char *text;

	if (!err)
		return cr_test_format("%s", "");
	text = cr_test_format("! %s %s", names[cr_error_code(err)],
			      cr_error_text(err));
	cr_error_free(err);
	return text;
}

char *cr_test_quotes(const char *from)
{
	char *got = cr_test_format("%s", from);

	for (char *p = got; *p; p++)
		if (*p == '\'')
			*p = '"';
	return got;
}

/* Where bytes come from and where they go to. */

struct one_by_one {
	struct bytes left;
};

static struct cr_error *read_one(void *arg, void *data, size_t size,
				 size_t *n_ret)
{
	struct one_by_one *from = arg;

	*n_ret = from->left.size > 0;
	if (*n_ret) {
		*(uint8_t *)data = *from->left.p++;
		from->left.size--;
	}
	return NULL;
}

struct sink {
	struct cr_out out;
	struct cr_out got; /* what the function was given */
	int fd;
};

enum sink_kind { MEM, OURS, FUNCTION };

static struct cr_error *take(void *arg, const void *data, size_t size)
{
	struct sink *sink = arg;

	return cr_out_put(&sink->got, data, size);
}

static void open_sink(struct sink *sink, enum sink_kind kind)
{
	*sink = (struct sink){ .fd = -1 };
	ensure(!cr_out_init_mem(&sink->got));
	if (kind == OURS) {
		sink->fd = memfd_create("sink", MFD_CLOEXEC);
		ensure(sink->fd >= 0);
		ensure(!cr_out_init_fd(&sink->out, sink->fd, true));
	} else if (kind == FUNCTION) {
		ensure(!cr_out_init_fn(&sink->out, take, sink));
	} else {
		ensure(!cr_out_init_mem(&sink->out));
	}
}

static struct bytes copy_of(const void *data, size_t size)
{
	uint8_t *got = cr_test_alloc(size + 1);

	memcpy(got, data, size);
	return (struct bytes){ got, size };
}

/* Frees it; what reached it. */
static struct bytes close_sink(struct sink *sink)
{
	struct bytes got;

	if (sink->fd >= 0) {
		off_t size = lseek(sink->fd, 0, SEEK_END);
		uint8_t *data = cr_test_alloc((size_t)size + 1);
		ensure(pread(sink->fd, data, (size_t)size, 0) == size);
		got = (struct bytes){ data, (size_t)size };
		close(sink->fd);
	} else if (sink->out.write) {
		got = copy_of(sink->got.buf, cr_out_buffered(&sink->got));
	} else {
		got = copy_of(sink->out.buf, cr_out_buffered(&sink->out));
	}
	cr_out_deinit(&sink->got);
	cr_out_deinit(&sink->out);
	return got;
}

/* Decoding */

struct decode {
	const ProtobufCMessageDescriptor *desc; /* NULL: an image */
	struct bytes from;
	struct cr_test_how how;
};

static struct cr_error *decode_message(struct cr_codec *codec,
				       const struct decode *what,
				       struct cr_source *src,
				       struct cr_out *out)
{
	struct cr_decoder d;
	const struct cr_plan *plan;
	struct cr_error *err = cr_codec_plan(codec, what->desc, false, &plan);

	cr_decoder_init(&d, codec, out);
	if (!err)
		err = cr_writer_open(&d.w, '{');
	if (!err)
		err = cr_decode_fields(&d, src, plan, what->from.size);
	if (!err)
		ensure(cr_source_tell(src) == what->from.size);
	return err ? err : cr_writer_close(&d.w, '}');
}

static char *decode_once(const struct decode *what, bool pipe,
			 enum sink_kind kind, enum cr_err *code_ret)
{
	struct one_by_one left = { what->from };
	struct cr_codec codec;
	struct cr_source src;
	struct cr_error *err = NULL;
	struct sink sink;
	struct bytes got;

	open_sink(&sink, kind);
	cr_codec_init(&codec, what->how.style);
	if (pipe)
		err = cr_source_init_read(&src, CR_SOURCE_CAP, read_one, &left);
	else
		cr_source_init_mem(&src,
				   cr_test_tail(what->from.p, what->from.size),
				   what->from.size);
	if (!err)
		err = what->desc ?
			      decode_message(&codec, what, &src, &sink.out) :
			      cr_image_to_json(&codec, &src, what->how.name,
					       what->how.nopl, &sink.out);
	if (!err)
		err = cr_out_flush(&sink.out);
	cr_source_deinit(&src);
	cr_codec_deinit(&codec);
	got = close_sink(&sink);
	*code_ret = err ? cr_error_code(err) : 0;
	return err ? cr_test_error(err) : (char *)(uintptr_t)got.p;
}

static char *decode(const struct decode *what)
{
	enum cr_err code, again;
	char *got = decode_once(what, false, MEM, &code), *other;

	// Where a file's length is not known, an error may count otherwise.
	other = decode_once(what, true, OURS, &again);
	if (code != again || (!code && strcmp(got, other)))
		ck_abort_msg("memory: %s\n\tpipe: %s", got, other);
	other = decode_once(what, false, FUNCTION, &again);
	assert_text(got, other);
	return got;
}

char *cr_test_message_json(const ProtobufCMessageDescriptor *desc,
			   struct bytes message, struct cr_style style)
{
	return decode(&(struct decode){ desc, message, { style } });
}

char *cr_test_image_json(struct bytes img, struct cr_test_how how)
{
	return decode(&(struct decode){ NULL, img, how });
}

/* Encoding */

struct encode {
	const ProtobufCMessageDescriptor *desc; /* NULL: an image */
	struct bytes from;
	struct cr_test_how how;
};

static struct cr_error *encode_message(struct cr_codec *codec,
				       const struct encode *what,
				       struct cr_reader *r, struct cr_out *out)
{
	struct cr_encoder e;
	const struct cr_plan *plan;
	uint64_t end;
	struct cr_error *err = cr_codec_plan(codec, what->desc, false, &plan);

	cr_encoder_init(&e, codec, r, out);
	e.lenient = what->how.lenient;
	if (!err)
		err = cr_encode_object(&e, plan, NULL, NULL, &end);
	if (!err)
		ensure(end == cr_out_tell(out));
	return err ? err : cr_reader_end(r);
}

struct encoded {
	struct bytes bytes;
	char *error;
};

static struct encoded encode_once(const struct encode *what, bool pipe,
				  enum sink_kind kind)
{
	struct one_by_one left = { what->from };
	struct cr_codec codec;
	struct cr_reader r;
	struct cr_error *err;
	struct encoded got;
	struct sink sink;

	open_sink(&sink, kind);
	cr_codec_init(&codec, what->how.style);
	if (pipe) {
		r = (struct cr_reader){ 0 };
		err = cr_source_init_read(&r.src, 1024, read_one, &left);
		r.src.count_lines = true;
	} else {
		err = cr_reader_init_mem(
			&r, cr_test_tail(what->from.p, what->from.size),
			what->from.size);
	}
	if (!err)
		err = what->desc ?
			      encode_message(&codec, what, &r, &sink.out) :
			      cr_image_from_json(&codec, &r, what->how.lenient,
						 &sink.out);
	if (!err)
		err = cr_out_flush(&sink.out);
	cr_reader_deinit(&r);
	cr_codec_deinit(&codec);
	got.bytes = close_sink(&sink);
	got.error = err ? cr_test_error(err) : NULL;
	return got;
}

static struct encoded encode(const struct encode *what)
{
	struct encoded got = encode_once(what, false, MEM), other;

	for (int i = 0; i < 2; i++) {
		other = encode_once(what, i, i ? OURS : FUNCTION);
		assert_text(got.error ?: "", other.error ?: "");
		if (got.error)
			continue;
		ensure(got.bytes.size == other.bytes.size);
		ensure(!memcmp(got.bytes.p, other.bytes.p, got.bytes.size));
	}
	return got;
}

static char *hex_or_error(struct encoded got)
{
	return got.error ? got.error : cr_test_dump(got.bytes);
}

static struct bytes bytes_only(struct encoded got)
{
	if (got.error)
		ck_abort_msg("%s", got.error);
	return got.bytes;
}

char *cr_test_message_hex(const ProtobufCMessageDescriptor *desc,
			  const char *json)
{
	return hex_or_error(
		encode(&(struct encode){ desc, text(json), { PLAIN } }));
}

struct bytes cr_test_message_bytes(const ProtobufCMessageDescriptor *desc,
				   const char *json)
{
	return bytes_only(
		encode(&(struct encode){ desc, text(json), { PLAIN } }));
}

char *cr_test_image_hex(struct bytes json, struct cr_test_how how)
{
	return hex_or_error(encode(&(struct encode){ NULL, json, how }));
}

struct bytes cr_test_image_bytes(struct bytes json)
{
	return bytes_only(encode(&(struct encode){ NULL, json, { PLAIN } }));
}
