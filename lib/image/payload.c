// SPDX-License-Identifier: MIT
#include "lib/image/payload.h"

#include <stdio.h>
#include <string.h>

#include "images/ipc-msg.pb-c.h"
#include "lib/base/base64.h"

#define MSG_PAD 8

static uint64_t padding_of(uint64_t size, unsigned pad)
{
	return pad ? (pad - size % pad) % pad : 0;
}

/* Padding that is not zero becomes a key; zeros are passed over. */
static struct cr_error *decode_padding(struct cr_decoder *d,
				       struct cr_source *src, uint64_t size)
{
	static const uint8_t zeros[16];
	struct cr_error *err = cr_source_must(src, size, "padding");
	if (!err && memcmp(src->p, zeros, size)) {
		err = cr_writer_key(&d->w, "@padding");
		if (!err)
			err = cr_writer_bytes(&d->w, src->p, size);
	}
	if (!err)
		src->p += size;
	return err;
}

static struct cr_error *skip_padded(struct cr_source *src, uint64_t size,
				    unsigned pad)
{
	struct cr_error *err = cr_source_skip(src, size, "the payload");
	return err ? err :
		     cr_source_skip(src, padding_of(size, pad), "padding");
}

static struct cr_error *differs(const struct cr_encoder *e, uint64_t have,
				const char *unit, const char *field,
				uint64_t want)
{
	return cr_reader_error(e->r, "\"extra\" has %llu %s, but \"%s\" is "
				     "%llu",
			       (unsigned long long)have, unit, field,
			       (unsigned long long)want);
}

/* Text inside a string: the Go tool's way to write what is not bytes. */

struct inner_writer {
	struct cr_decoder d;
	struct cr_out out;
};

static struct cr_error *write_inner(void *arg, const void *data, size_t size)
{
	return cr_writer_text(arg, data, size);
}

static struct cr_error *open_inner(struct cr_decoder *d,
				   struct inner_writer *inner)
{
	struct cr_error *err = cr_out_init_fn(&inner->out, write_inner, &d->w);
	cr_decoder_init(&inner->d, d->codec, &inner->out);
	inner->d.w.style.indent = false;
	return err ? err : cr_writer_raw(&d->w, "\"");
}

static struct cr_error *close_inner(struct cr_decoder *d,
				    struct inner_writer *inner,
				    struct cr_error *err)
{
	if (!err)
		err = cr_out_flush(&inner->out);
	cr_out_deinit(&inner->out);
	return err ? err : cr_writer_raw(&d->w, "\"");
}

typedef struct cr_error *decode_body_fn(struct cr_decoder *d,
					struct cr_source *src, const void *arg);

/* Calls body on the decoder that is to write what is no bytes: as JSON, in the
 * Go dialect as a string that holds it. */
static struct cr_error *decode_structured(struct cr_decoder *d,
					  struct cr_source *src,
					  decode_body_fn *body, const void *arg)
{
	if (!d->w.style.go)
		return body(d, src, arg);
	struct inner_writer inner;
	struct cr_error *err = open_inner(d, &inner);
	if (!err)
		err = body(&inner.d, src, arg);
	return close_inner(d, &inner, err);
}

typedef struct cr_error *encode_body_fn(struct cr_encoder *e, void *arg);

/* Calls body on the encoder that reads what is no bytes: JSON, or a string that
 * holds it. */
static struct cr_error *encode_structured(struct cr_encoder *e,
					  encode_body_fn *body, void *arg)
{
	char c;
	struct cr_error *err = cr_reader_peek(e->r, &c);
	if (err || c != '"')
		return err ? err : body(e, arg);
	struct cr_reader inner;
	struct cr_reader *outer = e->r;
	err = cr_reader_string(outer);
	if (!err)
		err = cr_reader_init_string(&inner, outer);
	if (err)
		return err;
	e->r = &inner;
	err = body(e, arg);
	if (!err)
		err = cr_reader_end(&inner);
	e->r = outer;
	cr_reader_deinit(&inner);
	return err;
}

const struct cr_payload cr_payload_none = { 0 };

/* One run of bytes, its length one field or the sum of two */

static uint64_t blob_size(const struct cr_payload *p,
			  const struct cr_payload_values *values)
{
	return values->v[0] + (p->fields[1] ? values->v[1] : 0);
}

static struct cr_error *decode_run(const struct cr_payload *p,
				   struct cr_decoder *d, struct cr_source *src,
				   uint64_t size)
{
	if (!cr_source_may_have(src, size))
		return cr_source_skip(src, size, "the payload");
	if (!size && d->w.style.go)
		return NULL;
	struct cr_error *err = cr_writer_key(&d->w, "extra");
	if (!err)
		err = cr_decode_base64(d, src, size, "the payload");
	if (!err)
		err = decode_padding(d, src, padding_of(size, p->pad));
	return err;
}

static struct cr_error *decode_blob(const struct cr_payload *p,
				    struct cr_decoder *d, struct cr_source *src,
				    const struct cr_payload_values *values)
{
	return decode_run(p, d, src, blob_size(p, values));
}

static struct cr_error *skip_blob(const struct cr_payload *p,
				  struct cr_source *src,
				  const struct cr_payload_values *values,
				  uint64_t *size_ret)
{
	*size_ret = blob_size(p, values);
	return skip_padded(src, *size_ret, p->pad);
}

static struct cr_error *encode_blob(const struct cr_payload *p,
				    struct cr_encoder *e,
				    struct cr_payload_state *state)
{
	uint64_t start = cr_out_tell(e->out);
	struct cr_error *err = cr_encode_base64(e);
	state->nr[0] = cr_out_tell(e->out) - start;
	return err;
}

static struct cr_error *check_blob(const struct cr_payload *p,
				   const struct cr_encoder *e,
				   const struct cr_payload_values *values,
				   const struct cr_payload_state *state)
{
	uint64_t size = blob_size(p, values);
	if (state->nr[0] == size)
		return NULL;
	char name[64];
	snprintf(name, sizeof(name), "%s%s%s", p->fields[0],
		 p->fields[1] ? "\" + \"" : "", p->fields[1] ?: "");
	return differs(e, state->nr[0], "bytes", name, size);
}

const struct cr_payload cr_payload_bytes = {
	.fields = { "bytes" },
	.decode = decode_blob,
	.skip = skip_blob,
	.encode = encode_blob,
	.check = check_blob,
};

const struct cr_payload cr_payload_length = {
	.fields = { "length" },
	.decode = decode_blob,
	.skip = skip_blob,
	.encode = encode_blob,
	.check = check_blob,
};

const struct cr_payload cr_payload_bpfmap = {
	.fields = { "keys_bytes", "values_bytes" },
	.decode = decode_blob,
	.skip = skip_blob,
	.encode = encode_blob,
	.check = check_blob,
};

/* Shared memory: nothing follows if it is in the pagemaps */

static uint64_t shm_size(const struct cr_payload_values *values)
{
	return values->v[1] ? 0 : values->v[0];
}

static struct cr_error *decode_shm(const struct cr_payload *p,
				   struct cr_decoder *d, struct cr_source *src,
				   const struct cr_payload_values *values)
{
	if (values->v[1])
		return NULL;
	return decode_run(p, d, src, shm_size(values));
}

static struct cr_error *skip_shm(const struct cr_payload *p,
				 struct cr_source *src,
				 const struct cr_payload_values *values,
				 uint64_t *size_ret)
{
	*size_ret = shm_size(values);
	return skip_padded(src, *size_ret, p->pad);
}

static struct cr_error *check_shm(const struct cr_payload *p,
				  const struct cr_encoder *e,
				  const struct cr_payload_values *values,
				  const struct cr_payload_state *state)
{
	if (state->nr[0] == shm_size(values))
		return NULL;
	if (values->v[1])
		return cr_reader_error(e->r, "\"extra\" has %llu bytes, but "
					     "\"in_pagemaps\" says that they "
					     "are elsewhere",
				       (unsigned long long)state->nr[0]);
	return differs(e, state->nr[0], "bytes", "size", values->v[0]);
}

const struct cr_payload cr_payload_shm = {
	.fields = { "size", "in_pagemaps" },
	.pad = 4,
	.decode = decode_shm,
	.skip = skip_shm,
	.encode = encode_blob,
	.check = check_shm,
};

/* A deleted file: whole, or in chunks */

static struct cr_error *decode_ghost(const struct cr_payload *p,
				     struct cr_decoder *d,
				     struct cr_source *src,
				     const struct cr_payload_values *values)
{
	if (values->v[0])
		return NULL;
	/* The length is not known beforehand. */
	struct cr_error *err = cr_source_need(src, 1);
	if (err || (!cr_source_left(src) && d->w.style.go))
		return err;
	err = cr_writer_key(&d->w, "extra");
	if (!err)
		err = cr_writer_raw(&d->w, "\"");
	while (!err) {
		size_t want = 512 * CR_BASE64_LINE;
		err = cr_source_need(src, want);
		size_t n = cr_source_left(src) < want ? cr_source_left(src) :
							want;
		if (err || !n)
			break;
		err = cr_writer_base64(&d->w, src->p, n);
		src->p += n;
		if (!err)
			err = cr_out_drain(d->w.out);
	}
	return err ? err : cr_writer_raw(&d->w, "\"");
}

static struct cr_error *skip_ghost(const struct cr_payload *p,
				   struct cr_source *src,
				   const struct cr_payload_values *values,
				   uint64_t *size_ret)
{
	uint64_t start = cr_source_tell(src);
	struct cr_error *err = NULL;
	while (!values->v[0] && !err) {
		err = cr_source_need(src, 1);
		if (!cr_source_left(src))
			break;
		src->p = src->end;
	}
	*size_ret = cr_source_tell(src) - start;
	return err;
}

static struct cr_error *check_ghost(const struct cr_payload *p,
				    const struct cr_encoder *e,
				    const struct cr_payload_values *values,
				    const struct cr_payload_state *state)
{
	if (!values->v[0] || !state->nr[0])
		return NULL;
	return cr_reader_error(e->r, "\"extra\" has %llu bytes, but \"chunks\" "
				     "says that they come in chunks",
			       (unsigned long long)state->nr[0]);
}

static const struct cr_payload ghost_head = {
	.fields = { "chunks" },
	.decode = decode_ghost,
	.skip = skip_ghost,
	.encode = encode_blob,
	.check = check_ghost,
	.hidden = true,
	.to_end = true,
};

const struct cr_payload cr_payload_chunk = {
	.fields = { "len" },
	.decode = decode_blob,
	.skip = skip_blob,
	.encode = encode_blob,
	.check = check_blob,
	.hidden = true,
	.head = &ghost_head,
};

/* The two queues of a TCP socket */

static struct cr_error *tcp_body(struct cr_decoder *d, struct cr_source *src,
				 const void *arg)
{
	const struct cr_payload_values *values = arg;
	static const char *const keys[2][2] = { { "inq", "outq" },
						{ "inQ", "outQ" } };
	struct cr_error *err = cr_writer_open(&d->w, '{');
	for (int i = 0; i < 2 && !err; i++) {
		err = cr_writer_key(&d->w, keys[d->w.style.go][i]);
		if (!err)
			err = cr_decode_base64(d, src, values->v[i], "a queue");
	}
	return err ? err : cr_writer_close(&d->w, '}');
}

static struct cr_error *decode_tcp(const struct cr_payload *p,
				   struct cr_decoder *d, struct cr_source *src,
				   const struct cr_payload_values *values)
{
	struct cr_error *err = cr_writer_key(&d->w, "extra");
	return err ? err : decode_structured(d, src, tcp_body, values);
}

static struct cr_error *encode_queue(struct cr_encoder *e,
				     struct cr_payload_state *state,
				     bool seen[2])
{
	const char *name;
	size_t size;
	struct cr_error *err = cr_reader_key(e->r, &name, &size);
	if (err)
		return err;
	bool in = size == 3 && (!memcmp(name, "inq", 3) ||
				!memcmp(name, "inQ", 3));
	bool out = size == 4 && (!memcmp(name, "outq", 4) ||
				 !memcmp(name, "outQ", 4));
	if ((!in && !out) || seen[out])
		return cr_reader_error(e->r, "need \"inq\" and \"outq\" once, "
					     "not \"%.*s\"",
				       (int)size, name);
	uint64_t start = cr_out_tell(e->out);
	err = cr_encode_base64(e);
	state->nr[out] = cr_out_tell(e->out) - start;
	/* The in queue stands first whatever the order of the keys. */
	if (!err && in && seen[1])
		err = cr_out_rotate(e->out, start - state->nr[1], start);
	seen[out] = true;
	return err;
}

static struct cr_error *tcp_text(struct cr_encoder *e, void *arg)
{
	struct cr_payload_state *state = arg;
	bool seen[2] = { false, false }, again = false;
	struct cr_error *err = cr_reader_expect(e->r, '{');
	do {
		if (!err)
			err = encode_queue(e, state, seen);
		if (!err)
			err = cr_reader_accept(e->r, ',', &again);
	} while (!err && again);
	if (!err && !(seen[0] && seen[1]))
		err = cr_reader_error(e->r, "need \"inq\" and \"outq\"");
	return err ? err : cr_reader_expect(e->r, '}');
}

static struct cr_error *encode_tcp(const struct cr_payload *p,
				   struct cr_encoder *e,
				   struct cr_payload_state *state)
{
	return encode_structured(e, tcp_text, state);
}

static struct cr_error *check_tcp(const struct cr_payload *p,
				  const struct cr_encoder *e,
				  const struct cr_payload_values *values,
				  const struct cr_payload_state *state)
{
	for (int i = 0; i < CR_PAYLOAD_FIELDS; i++)
		if (state->nr[i] != values->v[i])
			return differs(e, state->nr[i], "bytes", p->fields[i],
				       values->v[i]);
	return NULL;
}

const struct cr_payload cr_payload_tcp = {
	.fields = { "inq_len", "outq_len" },
	.decode = decode_tcp,
	.skip = skip_blob,
	.encode = encode_tcp,
	.check = check_tcp,
};

/* Semaphores: 16 bits each */

static struct cr_error *sem_body(struct cr_decoder *d, struct cr_source *src,
				 const void *arg)
{
	const struct cr_payload_values *values = arg;
	struct cr_error *err = cr_writer_open(&d->w, '[');
	for (uint64_t i = 0; i < values->v[0] && !err; i++) {
		err = cr_source_must(src, 2, "a semaphore");
		if (err)
			return cr_error_at(err, "semaphore %llu",
					   (unsigned long long)i);
		err = cr_writer_item(&d->w);
		if (!err)
			err = cr_writer_u64(&d->w, (uint64_t)src->p[0] |
							   src->p[1] << 8);
		src->p += 2;
		if (!err)
			err = cr_out_drain(d->w.out);
	}
	return err ? err : cr_writer_close(&d->w, ']');
}

static struct cr_error *decode_sem(const struct cr_payload *p,
				   struct cr_decoder *d, struct cr_source *src,
				   const struct cr_payload_values *values)
{
	if (!cr_source_may_have(src, 2 * values->v[0]))
		return cr_source_skip(src, 2 * values->v[0], "the payload");
	struct cr_error *err = cr_writer_key(&d->w, "extra");
	if (!err)
		err = decode_structured(d, src, sem_body, values);
	if (!err)
		err = decode_padding(d, src,
				     padding_of(2 * values->v[0], p->pad));
	return err;
}

static struct cr_error *skip_sem(const struct cr_payload *p,
				 struct cr_source *src,
				 const struct cr_payload_values *values,
				 uint64_t *size_ret)
{
	*size_ret = 2 * values->v[0];
	return skip_padded(src, *size_ret, p->pad);
}

/* A list's payload being read. */
struct list_in {
	struct cr_encoder *e;
	struct cr_payload_state *state;
	const struct cr_plan *plan;
};

static struct cr_error *sem_item(void *arg, uint64_t i)
{
	struct list_in *in = arg;
	uint64_t v = 0;
	struct cr_error *err = cr_reader_u64(in->e->r, UINT16_MAX, &v);
	uint8_t bytes[2] = { (uint8_t)v, (uint8_t)(v >> 8) };
	if (!err)
		err = cr_out_put(in->e->out, bytes, 2);
	if (err)
		return cr_error_at(err, "[%llu]", (unsigned long long)i);
	in->state->nr[0]++;
	return cr_out_spill(in->e->out);
}

static struct cr_error *sem_text(struct cr_encoder *e, void *arg)
{
	struct list_in in = { .e = e, .state = arg };
	return cr_reader_list(e->r, sem_item, &in);
}

static struct cr_error *encode_sem(const struct cr_payload *p,
				   struct cr_encoder *e,
				   struct cr_payload_state *state)
{
	return encode_structured(e, sem_text, state);
}

static struct cr_error *check_sem(const struct cr_payload *p,
				  const struct cr_encoder *e,
				  const struct cr_payload_values *values,
				  const struct cr_payload_state *state)
{
	if (state->nr[0] == values->v[0])
		return NULL;
	return differs(e, state->nr[0], "semaphores", "nsems", values->v[0]);
}

const struct cr_payload cr_payload_sem = {
	.fields = { "nsems" },
	.pad = 8,
	.decode = decode_sem,
	.skip = skip_sem,
	.encode = encode_sem,
	.check = check_sem,
};

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
	uint64_t size = padding_of(msg->text_size, MSG_PAD);
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
	uint64_t size = padding_of(msg->text_size, MSG_PAD);
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
		err = decode_structured(d, src, decode_msg_head, &msg);
	if (!err)
		err = cr_writer_item(&d->w);
	if (!err)
		err = cr_decode_base64(d, src, msg.text_size,
				       "a message's text");
	if (!err)
		err = cr_source_skip(src, padding_of(msg.text_size, MSG_PAD),
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
	return err ? err : decode_structured(d, src, msg_body, values);
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
			err = skip_padded(src, msg.text_size, MSG_PAD);
		if (err)
			return cr_error_at(err, "message %llu",
					   (unsigned long long)i);
		total += msg.head_size + msg.text_size;
	}
	*size_ret = total;
	return NULL;
}

static struct cr_error *read_padding(struct cr_encoder *e,
				     struct cr_payload_state *state)
{
	if (state->has_padding)
		return cr_reader_error(e->r, "key \"@padding\" is there twice");
	struct cr_error *err = cr_out_init_mem(&state->padding);
	if (err)
		return err;
	state->has_padding = true;
	struct cr_out *out = e->out;
	e->out = &state->padding;
	err = cr_encode_base64(e);
	e->out = out;
	return err;
}

static struct cr_error *put_padding(struct cr_encoder *e,
				    const struct cr_payload_state *state,
				    uint64_t size)
{
	static const uint8_t zeros[16];
	const void *bytes = zeros;
	if (state->has_padding) {
		if (cr_out_buffered(&state->padding) != size)
			return cr_reader_error(e->r, "\"@padding\" has %zu "
						     "bytes, not %llu",
					       cr_out_buffered(&state->padding),
					       (unsigned long long)size);
		bytes = state->padding.buf;
	}
	return cr_out_put(e->out, bytes, size);
}

static struct cr_error *msg_key(struct cr_encoder *e, void *arg,
				const char *name, size_t size, bool *known_ret)
{
	*known_ret = size == 8 && !memcmp(name, "@padding", 8);
	return *known_ret ? read_padding(e, arg) : NULL;
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
	return err ? err : put_padding(e, &in->state, padding_of(has, MSG_PAD));
}

/* A head and a text. */
static struct cr_error *encode_msg(struct cr_encoder *e,
				   const struct cr_plan *plan)
{
	struct msg_in in = { .plan = plan };
	struct cr_error *err = encode_structured(e, msg_head, &in);
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
	struct list_in *in = arg;
	struct cr_error *err = encode_msg(in->e, in->plan);
	if (err)
		return cr_error_at(err, "message %llu", (unsigned long long)i);
	in->state->nr[0]++;
	return NULL;
}

static struct cr_error *msgs_text(struct cr_encoder *e, void *arg)
{
	struct list_in in = { .e = e, .state = arg };
	struct cr_error *err = cr_codec_plan(e->codec, &ipc_msg__descriptor,
					     false, &in.plan);
	return err ? err : cr_reader_list(e->r, msg_item, &in);
}

static struct cr_error *encode_msgs(const struct cr_payload *p,
				    struct cr_encoder *e,
				    struct cr_payload_state *state)
{
	return encode_structured(e, msgs_text, state);
}

static struct cr_error *check_msgs(const struct cr_payload *p,
				   const struct cr_encoder *e,
				   const struct cr_payload_values *values,
				   const struct cr_payload_state *state)
{
	if (state->nr[0] == values->v[0])
		return NULL;
	return differs(e, state->nr[0], "messages", "qnum", values->v[0]);
}

const struct cr_payload cr_payload_msg = {
	.fields = { "qnum" },
	.decode = decode_msgs,
	.skip = skip_msgs,
	.encode = encode_msgs,
	.check = check_msgs,
};

/* For every shape */

struct cr_error *cr_payload_peek(const struct cr_payload *p,
				 const struct cr_plan *plan,
				 struct cr_source *src, uint64_t size,
				 struct cr_payload_values *ret)
{
	uint32_t numbers[CR_PAYLOAD_FIELDS] = { 0 };
	uint8_t bits[CR_PAYLOAD_FIELDS];
	unsigned nr = 0;
	for (; nr < CR_PAYLOAD_FIELDS && p->fields[nr]; nr++) {
		const struct cr_field *f = cr_plan_by_name(
			plan, p->fields[nr], strlen(p->fields[nr]));
		if (!f)
			return cr_error_new(CR_ERR_INTERNAL,
					    "%s has no field %s",
					    plan->desc->name, p->fields[nr]);
		numbers[nr] = cr_field_number(f);
		bits[nr] = f->bits;
	}
	*ret = (struct cr_payload_values){ { 0 } };
	struct cr_error *err = cr_decode_peek(src, size, numbers, ret->v, nr);
	for (unsigned i = 0; i < nr; i++)
		if (bits[i] == 32)
			ret->v[i] = (uint32_t)ret->v[i];
	return err;
}

/* "1.5KB": whole numbers without a fraction. */
static void put_size(char text[32], uint64_t size)
{
	static const char units[] = "\0KMGTPE";
	double v = (double)size;
	unsigned unit = 0;
	while (v >= 1024 && unit < 6) {
		v /= 1024;
		unit++;
	}
	int digits = v == (double)(uint64_t)v ? 0 : 1;
	snprintf(text, 32, "... <%.*f%.1sB>", digits, v, &units[unit]);
}

struct cr_error *cr_payload_decode_size(const struct cr_payload *p,
					struct cr_decoder *d,
					struct cr_source *src,
					const struct cr_payload_values *values)
{
	char text[32];
	uint64_t size;
	struct cr_error *err = p->skip(p, src, values, &size);
	if (err || p->hidden)
		return err;
	put_size(text, size);
	err = cr_writer_key(&d->w, "extra");
	return err ? err : cr_writer_string(&d->w, text, strlen(text));
}

static struct cr_error *refuse_nopl(struct cr_encoder *e)
{
	static const char says[] = "\"... <";
	char c;
	struct cr_error *err = cr_reader_peek(e->r, &c);
	if (!err)
		err = cr_reader_ready(e->r);
	if (err || cr_source_left(&e->r->src) < sizeof(says) ||
	    memcmp(e->r->src.p, says, sizeof(says) - 1))
		return err;
	return cr_reader_error(e->r, "\"extra\" was left out by --nopl; "
				     "decode the image without it");
}

struct cr_error *cr_payload_key(struct cr_encoder *e, void *arg,
				const char *name, size_t size, bool *known_ret)
{
	struct cr_payload_encode *pe = arg;
	*known_ret = true;
	if (size == 8 && !memcmp(name, "@padding", 8))
		return read_padding(e, &pe->state);
	if (size != 5 || memcmp(name, "extra", 5)) {
		*known_ret = false;
		return NULL;
	}
	if (pe->state.has_extra)
		return cr_reader_error(e->r, "key \"extra\" is there twice");
	pe->state.has_extra = true;
	struct cr_error *err = refuse_nopl(e);
	if (!err)
		err = pe->p->encode(pe->p, e, &pe->state);
	return err ? cr_error_at(err, "extra") : NULL;
}

struct cr_error *cr_payload_finish(struct cr_payload_encode *pe,
				   struct cr_encoder *e,
				   const struct cr_plan *plan, uint64_t start,
				   uint64_t end)
{
	struct cr_source src = { 0 };
	struct cr_reread reread;
	struct cr_error *err = cr_encode_reread(e, start, end, &reread, &src);
	if (!err)
		err = cr_payload_peek(pe->p, plan, &src, end - start,
				      &pe->values);
	cr_source_deinit(&src);
	if (!err)
		err = pe->p->check(pe->p, e, &pe->values, &pe->state);
	if (!err)
		err = put_padding(e, &pe->state,
				  padding_of(cr_out_tell(e->out) - end,
					     pe->p->pad));
	if (pe->state.has_padding)
		cr_out_deinit(&pe->state.padding);
	pe->state.has_padding = false;
	return err;
}
