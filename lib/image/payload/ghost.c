// SPDX-License-Identifier: MIT
#include "lib/image/payload/shape.h"

#include "lib/base/base64.h"

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
	.encode = cr_run_encode,
	.check = check_ghost,
	.hidden = true,
	.to_end = true,
};

const struct cr_payload cr_payload_chunk = {
	.fields = { "len" },
	.decode = cr_run_decode_named,
	.skip = cr_run_skip,
	.encode = cr_run_encode,
	.check = cr_run_check,
	.hidden = true,
	.head = &ghost_head,
};
