// SPDX-License-Identifier: MIT
#include "lib/image/payload/shape.h"

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
	return cr_run_decode(p, d, src, shm_size(values));
}

static struct cr_error *skip_shm(const struct cr_payload *p,
				 struct cr_source *src,
				 const struct cr_payload_values *values,
				 uint64_t *size_ret)
{
	*size_ret = shm_size(values);
	return cr_pad_skip(src, *size_ret, p->pad);
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
	return cr_payload_differs(e, state->nr[0], "bytes", "size", values->v[0]);
}

const struct cr_payload cr_payload_shm = {
	.fields = { "size", "in_pagemaps" },
	.pad = 4,
	.decode = decode_shm,
	.skip = skip_shm,
	.encode = cr_run_encode,
	.check = check_shm,
};
