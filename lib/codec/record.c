// SPDX-License-Identifier: MIT
#include "lib/codec/record.h"

#include <string.h>

/* Any varint of up to ten bytes; NULL if there is none. Bits above 64 are
 * dropped, as every reader does. */
static const uint8_t *any_varint(const uint8_t *p, const uint8_t *end,
				 uint64_t *value_ret, bool *minimal)
{
	const uint8_t *usual = cr_varint_get(p, end, value_ret);
	if (usual)
		return usual;
	uint64_t v = 0;
	for (unsigned i = 0; i < CR_VARINT_MAX && p < end; i++) {
		uint64_t b = *p++;
		v |= (b & 0x7f) << (7 * i);
		if (b < 0x80) {
			*value_ret = v;
			*minimal = false;
			return p;
		}
	}
	return NULL;
}

static struct cr_error *bad(uint64_t off, const char *what, size_t left)
{
	return cr_error_new(CR_ERR_FORMAT, "byte %llu: %s is %s",
			    (unsigned long long)off, what,
			    left < CR_VARINT_MAX ? "cut off" :
						   "longer than 10 bytes");
}

/* Bytes of the message that are in the window. */
static const uint8_t *window_end(const struct cr_source *src, uint64_t end_off)
{
	uint64_t left = end_off - cr_source_tell(src);
	return left < cr_source_left(src) ? src->p + left : src->end;
}

static struct cr_error *read_fixed(struct cr_source *src, uint64_t end_off,
				   size_t size, uint64_t *value_ret)
{
	size_t left = (size_t)(window_end(src, end_off) - src->p);
	if (left < size)
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %llu: need %zu bytes, have %zu",
				    (unsigned long long)cr_source_tell(src),
				    size, left);
	uint64_t v = 0;
	memcpy(&v, src->p, size);
	*value_ret = v;
	src->p += size;
	return NULL;
}

static struct cr_error *read_varint(struct cr_source *src, uint64_t end_off,
				    const char *what, uint64_t *value_ret,
				    bool *minimal)
{
	const uint8_t *end = window_end(src, end_off);
	const uint8_t *p = any_varint(src->p, end, value_ret, minimal);
	if (!p)
		return bad(cr_source_tell(src), what, (size_t)(end - src->p));
	src->p = p;
	return NULL;
}

static struct cr_error *check_tag(const struct cr_record *rec, uint64_t tag)
{
	if (tag >> 3 == 0 || tag >> 3 > CR_FIELD_NUM_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %llu: %llu is no field number",
				    (unsigned long long)rec->off,
				    (unsigned long long)(tag >> 3));
	if ((tag & 7) == CR_WIRE_GROUP || (tag & 7) == CR_WIRE_GROUP_END ||
	    (tag & 7) > CR_WIRE_FIXED32)
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %llu: field %u has wire type %u, "
				    "which no image uses",
				    (unsigned long long)rec->off,
				    (unsigned)(tag >> 3), (unsigned)(tag & 7));
	return NULL;
}

static struct cr_error *check_length(struct cr_source *src, uint64_t end_off,
				     const struct cr_record *rec)
{
	uint64_t left = end_off - cr_source_tell(src);
	if (rec->value <= left)
		return NULL;
	return cr_error_new(CR_ERR_FORMAT,
			    "byte %llu: field %u claims %llu bytes, "
			    "the message has %llu left",
			    (unsigned long long)rec->off, rec->number,
			    (unsigned long long)rec->value,
			    (unsigned long long)left);
}

struct cr_error *cr_record_read(struct cr_source *src, uint64_t end_off,
				struct cr_record *ret)
{
	struct cr_error *err = cr_source_need(src, 2 * CR_VARINT_MAX);
	if (err)
		return err;

	struct cr_record rec = {
		.off = cr_source_tell(src),
		.minimal = true,
	};
	uint64_t tag;
	err = read_varint(src, end_off, "a field's tag", &tag, &rec.minimal);
	if (!err)
		err = check_tag(&rec, tag);
	if (err)
		return err;
	rec.number = (uint32_t)(tag >> 3);
	rec.wire = tag & 7;
	if (rec.wire == CR_WIRE_FIXED32 || rec.wire == CR_WIRE_FIXED64)
		err = read_fixed(src, end_off,
				 rec.wire == CR_WIRE_FIXED32 ? 4 : 8,
				 &rec.value);
	else
		err = read_varint(src, end_off, "a varint", &rec.value,
				  &rec.minimal);
	if (!err && rec.wire == CR_WIRE_BYTES)
		err = check_length(src, end_off, &rec);
	if (err)
		return err;
	*ret = rec;
	return NULL;
}

struct cr_error *cr_record_skip(struct cr_source *src,
				const struct cr_record *rec)
{
	if (rec->wire != CR_WIRE_BYTES)
		return NULL;
	return cr_source_skip(src, rec->value, "a field's body");
}

struct cr_error *cr_record_packed(struct cr_source *src, uint64_t end_off,
				  const struct cr_field *f, uint64_t *value_ret,
				  bool *minimal)
{
	struct cr_error *err = cr_source_need(src, CR_VARINT_MAX);
	if (err)
		return err;
	if (f->wire != CR_WIRE_VARINT)
		return read_fixed(src, end_off, f->bits / 8, value_ret);
	return read_varint(src, end_off, "a varint", value_ret, minimal);
}
