// SPDX-License-Identifier: MIT
#include "lib/image/payload/shape.h"

#include <string.h>

#include "images/ipc-msg.pb-c.h"

#define MSG_PAD 8 /* a text to a multiple */

/* Message queues: a list of pairs, a message's head and its text */

struct msg {
	const struct cr_plan *plan; /* of the head */
	uint64_t head_size, text_size;
};

/* What the head of `size` bytes at the source's place says of its text. */
static struct cr_error *peek_text_size(struct cr_source *src, uint64_t size,
				       uint64_t *ret)
{
	static const uint32_t msize[] = { 2 };
	uint64_t v = 0;
	struct cr_error *err = cr_decode_peek(src, size, msize, &v, 1);
	*ret = (uint32_t)v;
	return err;
}

/* The size word of a message's head, and the length of its text. */
static struct cr_error *peek_msg(struct cr_source *src, struct msg *ret)
{
	struct cr_error *err = cr_source_must(src, 4, "a message's size");
	if (err)
		return err;
	uint32_t size;
	memcpy(&size, src->p, 4);
	if (size > INT32_MAX || !cr_source_may_have(src, 4ull + size))
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %llu: a message's head claims "
				    "%u bytes",
				    (unsigned long long)cr_source_tell(src),
				    size);
	src->p += 4;
	ret->head_size = size;
	ret->text_size = 0;
	return peek_text_size(src, size, &ret->text_size);
}

/* The padding behind a message's text, which is yet to be read. */
static struct cr_error *peek_padding(struct cr_source *src,
				     const struct msg *msg, uint8_t *padding)
{
	uint64_t size = cr_pad_size(msg->text_size, MSG_PAD);
	uint64_t start = cr_source_tell(src);
	struct cr_error *err;
	if (msg->head_size + msg->text_size + size > CR_SOURCE_CAP)
		err = cr_source_pin(src);
	else
		err = cr_source_need(src, msg->head_size + msg->text_size +
						  size);
	if (!err)
		err = cr_source_skip(src, msg->head_size + msg->text_size,
				     "a message's text");
	if (!err)
		err = cr_source_must(src, size, "padding");
	if (err)
		return err;
	memcpy(padding, src->p, size);
	return cr_source_seek(src, start);
}

static struct cr_error *decode_msg_head(struct cr_decoder *d,
					struct cr_source *src, const void *arg)
{
	const struct msg *msg = arg;
	uint8_t padding[MSG_PAD], zeros[MSG_PAD] = { 0 };
	uint64_t size = cr_pad_size(msg->text_size, MSG_PAD);
	struct cr_error *err = peek_padding(src, msg, padding);
	if (!err)
		err = cr_writer_open(&d->w, '{');
	if (!err)
		err = cr_decode_fields(d, src, msg->plan, msg->head_size);
	if (!err && memcmp(padding, zeros, size)) {
		err = cr_writer_key(&d->w, "@padding");
		if (!err)
			err = cr_writer_bytes(&d->w, padding, size);
	}
	return err ? err : cr_writer_close(&d->w, '}');
}

static struct cr_error *decode_msg(struct cr_decoder *d, struct cr_source *src,
				   const struct cr_plan *plan)
{
	struct msg msg = { .plan = plan };
	struct cr_error *err = peek_msg(src, &msg);
	if (!err)
		err = cr_writer_item(&d->w);
	if (!err)
		err = cr_nested_decode(d, src, decode_msg_head, &msg);
	if (!err)
		err = cr_writer_item(&d->w);
	if (!err)
		err = cr_decode_base64(d, src, msg.text_size,
				       "a message's text");
	if (!err)
		err = cr_source_skip(src, cr_pad_size(msg.text_size, MSG_PAD),
				     "padding");
	return err ? err : cr_out_drain(d->w.out);
}

static struct cr_error *msg_body(struct cr_decoder *d, struct cr_source *src,
				 const void *arg)
{
	const struct cr_payload_values *values = arg;
	const struct cr_plan *plan;
	struct cr_error *err =
		cr_codec_plan(d->codec, &ipc_msg__descriptor, false, &plan);
	if (!err)
		err = cr_writer_open(&d->w, '[');
	for (uint64_t i = 0; i < values->v[0] && !err; i++) {
		err = decode_msg(d, src, plan);
		if (err)
			err = cr_error_at(err, "message %llu",
					  (unsigned long long)i);
	}
	return err ? err : cr_writer_close(&d->w, ']');
}

static struct cr_error *decode_msgs(const struct cr_payload *p,
				    struct cr_decoder *d, struct cr_source *src,
				    const struct cr_payload_values *values)
{
	struct cr_error *err = cr_writer_key(&d->w, "extra");
	return err ? err : cr_nested_decode(d, src, msg_body, values);
}

static struct cr_error *skip_msgs(const struct cr_payload *p,
				  struct cr_source *src,
				  const struct cr_payload_values *values,
				  uint64_t *size_ret)
{
	uint64_t total = 0;
	for (uint64_t i = 0; i < values->v[0]; i++) {
		struct msg msg = { 0 };
		struct cr_error *err = peek_msg(src, &msg);
		if (!err)
			err = cr_source_skip(src, msg.head_size,
					     "a message's head");
		if (!err)
			err = cr_pad_skip(src, msg.text_size, MSG_PAD);
		if (err)
			return cr_error_at(err, "message %llu",
					   (unsigned long long)i);
		total += msg.head_size + msg.text_size;
	}
	*size_ret = total;
	return NULL;
}

static struct cr_error *msg_key(struct cr_encoder *e, void *arg,
				const char *name, size_t size, bool *known_ret)
{
	*known_ret = size == 8 && !memcmp(name, "@padding", 8);
	return *known_ret ? cr_pad_read(e, arg) : NULL;
}

/* A message's head being read. */
struct msg_in {
	const struct cr_plan *plan;
	struct cr_payload_state state; /* its "@padding" */
	uint64_t says;		       /* how long its text is */
};

/* The head behind its size word. */
static struct cr_error *msg_head(struct cr_encoder *e, void *arg)
{
	struct msg_in *in = arg;
	uint64_t pos = cr_out_tell(e->out), end;
	uint32_t size = 0;
	struct cr_source src = { 0 };
	struct cr_reread reread;
	struct cr_error *err = cr_out_put(e->out, &size, 4);
	if (!err)
		err = cr_encode_object(e, in->plan, msg_key, &in->state, &end);
	if (err)
		return err;
	size = (uint32_t)(end - pos - 4);
	err = cr_out_patch(e->out, pos, &size, 4);
	if (!err)
		err = cr_encode_reread(e, pos + 4, end, &reread, &src);
	if (!err)
		err = peek_text_size(&src, size, &in->says);
	cr_source_deinit(&src);
	return err;
}

static struct cr_error *msg_text(struct cr_encoder *e, struct msg_in *in)
{
	uint64_t start = cr_out_tell(e->out);
	struct cr_error *err = cr_encode_base64(e);
	uint64_t has = cr_out_tell(e->out) - start;
	if (!err && has != in->says)
		err = cr_reader_error(e->r, "the text has %llu bytes, but "
					    "\"msize\" is %llu",
				      (unsigned long long)has,
				      (unsigned long long)in->says);
	return err ? err : cr_pad_put(e, &in->state, cr_pad_size(has, MSG_PAD));
}

/* A head and a text. */
static struct cr_error *encode_msg(struct cr_encoder *e,
				   const struct cr_plan *plan)
{
	struct msg_in in = { .plan = plan };
	struct cr_error *err = cr_nested_encode(e, msg_head, &in);
	if (!err)
		err = cr_reader_expect(e->r, ',');
	if (!err)
		err = msg_text(e, &in);
	if (in.state.has_padding)
		cr_out_deinit(&in.state.padding);
	return err ? err : cr_out_spill(e->out);
}

static struct cr_error *msg_item(void *arg, uint64_t i)
{
	struct cr_payload_list *in = arg;
	struct cr_error *err = encode_msg(in->e, in->plan);
	if (err)
		return cr_error_at(err, "message %llu", (unsigned long long)i);
	in->state->nr[0]++;
	return NULL;
}

static struct cr_error *msgs_text(struct cr_encoder *e, void *arg)
{
	struct cr_payload_list in = { .e = e, .state = arg };
	struct cr_error *err = cr_codec_plan(e->codec, &ipc_msg__descriptor,
					     false, &in.plan);
	return err ? err : cr_reader_list(e->r, msg_item, &in);
}

static struct cr_error *encode_msgs(const struct cr_payload *p,
				    struct cr_encoder *e,
				    struct cr_payload_state *state)
{
	return cr_nested_encode(e, msgs_text, state);
}

static struct cr_error *check_msgs(const struct cr_payload *p,
				   const struct cr_encoder *e,
				   const struct cr_payload_values *values,
				   const struct cr_payload_state *state)
{
	if (state->nr[0] == values->v[0])
		return NULL;
	return cr_payload_differs(e, state->nr[0], "messages", "qnum", values->v[0]);
}

const struct cr_payload cr_payload_msg = {
	.fields = { "qnum" },
	.decode = decode_msgs,
	.skip = skip_msgs,
	.encode = encode_msgs,
	.check = check_msgs,
};
