// SPDX-License-Identifier: MIT
#include "lib/image/image.h"

#include <endian.h>
#include <string.h>

#include "lib/image/payload.h"

static struct cr_error *read_word(struct cr_source *src, const char *what,
				  uint32_t *ret)
{
	struct cr_error *err = cr_source_must(src, 4, what);
	if (err)
		return err;
	memcpy(ret, src->p, 4);
	*ret = le32toh(*ret);
	src->p += 4;
	return NULL;
}

static struct cr_error *unknown_magic(uint64_t off, uint32_t magic,
				      const char *name)
{
	const struct cr_raw_type *raw =
		magic == CR_MAGIC_KDAT ? cr_raw_type_by_file("criu.kdat") :
		name		       ? cr_raw_type_by_file(name) :
					 NULL;
	if (raw)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "not an image but %s; %s", raw->what, raw->use);
	return cr_error_new(CR_ERR_FORMAT,
			    "byte %llu: unknown magic 0x%x; maybe this is raw "
			    "data, such as pages-1.img",
			    (unsigned long long)off, magic);
}

struct cr_error *cr_image_read_header(struct cr_source *src, const char *name,
				      struct cr_image_header *ret)
{
	const struct cr_raw_type *raw = name ? cr_raw_type_by_file(name) : NULL;
	uint32_t magic;
	struct cr_error *err = cr_source_need(src, 4);
	if (!err && raw && cr_source_left(src) < 4)
		return unknown_magic(0, 0, name);
	if (!err)
		err = read_word(src, "the magic", &magic);
	if (err)
		return err;
	struct cr_image_header header = { .form = CR_FORM_OWN };
	if (magic == CR_MAGIC_COMMON || magic == CR_MAGIC_SERVICE) {
		header.form = magic == CR_MAGIC_COMMON ? CR_FORM_COMMON :
							 CR_FORM_SERVICE;
		err = read_word(src, "the second magic", &magic);
		if (err)
			return err;
	}
	header.type = cr_image_type_by_magic(magic);
	if (!header.type)
		return unknown_magic(cr_source_tell(src) - 4, magic, name);
	*ret = header;
	return NULL;
}

struct cr_error *cr_image_write_header(struct cr_out *out,
				       const struct cr_image_header *header)
{
	uint32_t words[2] = {
		htole32(header->form == CR_FORM_COMMON ? CR_MAGIC_COMMON :
							 CR_MAGIC_SERVICE),
		htole32(header->type->magic),
	};
	if (header->form == CR_FORM_OWN)
		return cr_out_put(out, &words[1], 4);
	return cr_out_put(out, words, 8);
}

struct cr_error *cr_image_next_slow(struct cr_source *src, uint32_t *size_ret,
				    bool *end_ret)
{
	struct cr_error *err = cr_source_need(src, 4);
	if (err)
		return err;
	*end_ret = !cr_source_left(src);
	if (*end_ret)
		return NULL;
	uint64_t off = cr_source_tell(src);
	uint32_t size;
	err = read_word(src, "the size word", &size);
	if (err)
		return err;
	if (size > INT32_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %llu: size %d is negative",
				    (unsigned long long)off, (int32_t)size);
	if (!cr_source_may_have(src, size))
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %llu: size %u is more than the file "
				    "has left",
				    (unsigned long long)off, size);
	*size_ret = size;
	return NULL;
}

const struct cr_payload *cr_image_payload(const struct cr_image_type *type,
					  uint64_t i)
{
	const struct cr_payload *p = type->payload;
	return i == 0 && type->head && p->head ? p->head : p;
}
