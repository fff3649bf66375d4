// SPDX-License-Identifier: MIT
#include "lib/image/payload/shape.h"

#include <string.h>

uint64_t cr_pad_size(uint64_t size, unsigned pad)
{
	return pad ? (pad - size % pad) % pad : 0;
}

/* Padding that is not zero becomes a key; zeros are passed over. */
struct cr_error *cr_pad_decode(struct cr_decoder *d,
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

struct cr_error *cr_pad_skip(struct cr_source *src, uint64_t size,
				    unsigned pad)
{
	struct cr_error *err = cr_source_skip(src, size, "the payload");
	return err ? err :
		     cr_source_skip(src, cr_pad_size(size, pad), "padding");
}

struct cr_error *cr_payload_differs(const struct cr_encoder *e, uint64_t have,
				const char *unit, const char *field,
				uint64_t want)
{
	return cr_reader_error(e->r, "\"extra\" has %llu %s, but \"%s\" is "
				     "%llu",
			       (unsigned long long)have, unit, field,
			       (unsigned long long)want);
}

struct cr_error *cr_pad_read(struct cr_encoder *e,
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

struct cr_error *cr_pad_put(struct cr_encoder *e,
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
