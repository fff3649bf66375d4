// SPDX-License-Identifier: MIT
#include "lib/image/payload/shape.h"

#include <stdio.h>

#include "lib/base/base64.h"

static uint64_t run_size(const struct cr_payload *p,
			  const struct cr_payload_values *values)
{
	return values->v[0] + (p->fields[1] ? values->v[1] : 0);
}

struct cr_error *cr_run_decode(const struct cr_payload *p,
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
		err = cr_pad_decode(d, src, cr_pad_size(size, p->pad));
	return err;
}

struct cr_error *cr_run_decode_named(const struct cr_payload *p,
				    struct cr_decoder *d, struct cr_source *src,
				    const struct cr_payload_values *values)
{
	return cr_run_decode(p, d, src, run_size(p, values));
}

struct cr_error *cr_run_skip(const struct cr_payload *p,
				  struct cr_source *src,
				  const struct cr_payload_values *values,
				  uint64_t *size_ret)
{
	*size_ret = run_size(p, values);
	return cr_pad_skip(src, *size_ret, p->pad);
}

struct cr_error *cr_run_encode(const struct cr_payload *p,
				    struct cr_encoder *e,
				    struct cr_payload_state *state)
{
	uint64_t start = cr_out_tell(e->out);
	struct cr_error *err = cr_encode_base64(e);
	state->nr[0] = cr_out_tell(e->out) - start;
	return err;
}

struct cr_error *cr_run_check(const struct cr_payload *p,
				   const struct cr_encoder *e,
				   const struct cr_payload_values *values,
				   const struct cr_payload_state *state)
{
	uint64_t size = run_size(p, values);
	if (state->nr[0] == size)
		return NULL;
	char name[64];
	snprintf(name, sizeof(name), "%s%s%s", p->fields[0],
		 p->fields[1] ? "\" + \"" : "", p->fields[1] ?: "");
	return cr_payload_differs(e, state->nr[0], "bytes", name, size);
}

const struct cr_payload cr_payload_bytes = {
	.fields = { "bytes" },
	.decode = cr_run_decode_named,
	.skip = cr_run_skip,
	.encode = cr_run_encode,
	.check = cr_run_check,
};

const struct cr_payload cr_payload_length = {
	.fields = { "length" },
	.decode = cr_run_decode_named,
	.skip = cr_run_skip,
	.encode = cr_run_encode,
	.check = cr_run_check,
};

const struct cr_payload cr_payload_bpfmap = {
	.fields = { "keys_bytes", "values_bytes" },
	.decode = cr_run_decode_named,
	.skip = cr_run_skip,
	.encode = cr_run_encode,
	.check = cr_run_check,
};
