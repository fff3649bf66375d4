// SPDX-License-Identifier: MIT
#include "lib/image/payload/shape.h"

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
		err = cr_nested_decode(d, src, sem_body, values);
	if (!err)
		err = cr_pad_decode(d, src,
				     cr_pad_size(2 * values->v[0], p->pad));
	return err;
}

static struct cr_error *skip_sem(const struct cr_payload *p,
				 struct cr_source *src,
				 const struct cr_payload_values *values,
				 uint64_t *size_ret)
{
	*size_ret = 2 * values->v[0];
	return cr_pad_skip(src, *size_ret, p->pad);
}

static struct cr_error *sem_item(void *arg, uint64_t i)
{
	struct cr_payload_list *in = arg;
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
	struct cr_payload_list in = { .e = e, .state = arg };
	return cr_reader_list(e->r, sem_item, &in);
}

static struct cr_error *encode_sem(const struct cr_payload *p,
				   struct cr_encoder *e,
				   struct cr_payload_state *state)
{
	return cr_nested_encode(e, sem_text, state);
}

static struct cr_error *check_sem(const struct cr_payload *p,
				  const struct cr_encoder *e,
				  const struct cr_payload_values *values,
				  const struct cr_payload_state *state)
{
	if (state->nr[0] == values->v[0])
		return NULL;
	return cr_payload_differs(e, state->nr[0], "semaphores", "nsems", values->v[0]);
}

const struct cr_payload cr_payload_sem = {
	.fields = { "nsems" },
	.pad = 8,
	.decode = decode_sem,
	.skip = skip_sem,
	.encode = encode_sem,
	.check = check_sem,
};
