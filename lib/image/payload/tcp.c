// SPDX-License-Identifier: MIT
#include "lib/image/payload/shape.h"

#include <string.h>

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
	return err ? err : cr_nested_decode(d, src, tcp_body, values);
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
	return cr_nested_encode(e, tcp_text, state);
}

static struct cr_error *check_tcp(const struct cr_payload *p,
				  const struct cr_encoder *e,
				  const struct cr_payload_values *values,
				  const struct cr_payload_state *state)
{
	for (int i = 0; i < CR_PAYLOAD_FIELDS; i++)
		if (state->nr[i] != values->v[i])
			return cr_payload_differs(e, state->nr[i], "bytes", p->fields[i],
				       values->v[i]);
	return NULL;
}

const struct cr_payload cr_payload_tcp = {
	.fields = { "inq_len", "outq_len" },
	.decode = decode_tcp,
	.skip = cr_run_skip,
	.encode = encode_tcp,
	.check = check_tcp,
};
