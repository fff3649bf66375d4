// SPDX-License-Identifier: MIT
#include "lib/image/payload.h"

#include <stdio.h>
#include <string.h>

#include "lib/image/payload/shape.h"

const struct cr_payload cr_payload_none = { 0 };

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
		return cr_pad_read(e, &pe->state);
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
		err = cr_pad_put(e, &pe->state,
				  cr_pad_size(cr_out_tell(e->out) - end,
					     pe->p->pad));
	if (pe->state.has_padding)
		cr_out_deinit(&pe->state.padding);
	pe->state.has_padding = false;
	return err;
}
