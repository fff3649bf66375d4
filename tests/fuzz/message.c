// SPDX-License-Identifier: MIT
/*
 * One message: bytes to JSON, and back to the same bytes; and the same verdict
 * as protobuf-c's own reader, as far as their rules agree. The byte behind the
 * control bytes chooses the message.
 */
#include "tests/fuzz/fuzz.h"

#include "images/cgroup.pb-c.h"
#include "images/core.pb-c.h"
#include "images/fdinfo.pb-c.h"
#include "images/inventory.pb-c.h"
#include "images/mm.pb-c.h"
#include "images/mnt.pb-c.h"
#include "images/netdev.pb-c.h"
#include "images/stats.pb-c.h"
#include "lib/codec/decode.h"
#include "lib/codec/encode.h"
#include "lib/codec/wire.h"

static const ProtobufCMessageDescriptor *const messages[] = {
	&core_entry__descriptor,      &mm_entry__descriptor,
	&file_entry__descriptor,      &cgroup_entry__descriptor,
	&inventory_entry__descriptor, &net_device_entry__descriptor,
	&mnt_entry__descriptor,	      &stats_entry__descriptor,
};

static const struct cr_plan *plan_of(struct cr_codec *codec, uint8_t which)
{
	const struct cr_plan *plan;
	size_t nr = sizeof(messages) / sizeof(messages[0]);
	struct cr_error *err =
		cr_codec_plan(codec, messages[which % nr], false, &plan);
	if (err)
		fuzz_fail("a plan", err);
	return plan;
}

static struct cr_error *decode(struct fuzz_bytes message, uint8_t which,
			       const struct fuzz_control *c, bool bites,
			       struct fuzz_bytes *ret)
{
	struct cr_codec *codec = fuzz_codec(c->style);
	struct fuzz_feed feed = fuzz_feed(message, c->bite);
	struct fuzz_sink sink;
	struct cr_source src;
	struct cr_decoder d;
	struct cr_error *err = NULL;
	if (bites)
		err = cr_source_init_read(&src, CR_SOURCE_CAP, fuzz_read,
					  &feed);
	else
		cr_source_init_mem(&src, message.data, message.size);
	fuzz_sink_open(&sink, c->sink);
	cr_decoder_init(&d, codec, &sink.out);
	if (!err)
		err = cr_writer_open(&d.w, '{');
	if (!err)
		err = cr_decode_fields(&d, &src, plan_of(codec, which),
				       message.size);
	if (!err)
		err = cr_writer_close(&d.w, '}');
	if (!err)
		fuzz_check(cr_source_tell(&src) == message.size,
			   "the source is not left behind the message");
	cr_source_deinit(&src);
	*ret = fuzz_sink_close(&sink);
	return err;
}

static void comes_back(struct fuzz_bytes message, struct fuzz_bytes text,
		       uint8_t which, const struct fuzz_control *c)
{
	struct cr_codec *codec = fuzz_codec(0);
	struct fuzz_feed feed;
	struct fuzz_sink sink;
	struct cr_reader r;
	struct cr_encoder e;
	uint64_t end;
	fuzz_reader(&r, &feed, text, c);
	fuzz_sink_open(&sink, c->sink);
	cr_encoder_init(&e, codec, &r, &sink.out);
	struct cr_error *err = cr_reader_ready(&r);
	if (!err)
		err = cr_encode_object(&e, plan_of(codec, which), NULL, NULL,
				       &end);
	if (!err)
		err = cr_reader_end(&r);
	if (err)
		fuzz_fail("our own JSON is refused", err);
	cr_reader_deinit(&r);
	struct fuzz_bytes back = fuzz_sink_close(&sink);
	fuzz_check(end == back.size, "the end is elsewhere");
	fuzz_check(fuzz_same(message, back), "the bytes do not come back");
	free(back.data);
}

static bool says(struct fuzz_bytes text, const char *what)
{
	return memmem(text.data, text.size, what, strlen(what));
}

/* What protobuf-c takes and we refuse: field number 0, and deep nesting. */
static bool known_difference(const struct cr_error *err)
{
	return strstr(cr_error_text(err), "is no field number") ||
	       strstr(cr_error_text(err), "messages within each other");
}

/* err: what we said, and text, if we said nothing against it. */
static void agrees(struct fuzz_bytes message, uint8_t which,
		   struct cr_error *err, struct fuzz_bytes text)
{
	const struct cr_plan *plan = plan_of(fuzz_codec(0), which);
	ProtobufCMessage *theirs = protobuf_c_message_unpack(
		plan->desc, NULL, message.size, message.data);
	if (theirs && err && !known_difference(err))
		fuzz_fail("protobuf-c takes what we refuse", err);
	/* Without any escape, text is what the schema says and no more. */
	if (!theirs && !err && !says(text, "\"@"))
		fuzz_fail("protobuf-c refuses what we take", NULL);
	if (theirs && !err && !says(text, "\"@") && !says(text, "\\u0000")) {
		size_t size = protobuf_c_message_get_packed_size(theirs);
		struct fuzz_bytes b = { malloc(size + 1), size };
		protobuf_c_message_pack(theirs, b.data);
		fuzz_check(fuzz_same(b, message),
			   "protobuf-c writes something else");
		free(b.data);
	}
	if (theirs)
		protobuf_c_message_free_unpacked(theirs, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_control c;
	if (!fuzz_control(&c, &data, &size) || !size)
		return 0;
	uint8_t which = *data;
	struct fuzz_bytes message = fuzz_input(&c, data + 1, size - 1);
	struct fuzz_bytes text, again;
	struct cr_error *err = decode(message, which, &c, false, &text);
	if (c.bites) {
		struct cr_error *other =
			decode(message, which, &c, true, &again);
		fuzz_check(!other == !err, "a pipe and memory disagree");
		fuzz_check(err || fuzz_same(text, again),
			   "a pipe says something else than memory");
		cr_error_free(other);
		free(again.data);
	}
	if (!err)
		comes_back(message, text, which, &c);
	agrees(message, which, err, text);
	cr_error_free(err);
	free(text.data);
	free(message.data);
	return 0;
}
