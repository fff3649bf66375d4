// SPDX-License-Identifier: MIT
/*
 * An image file's frame: the magic words, then entries, each a size word and a
 * message of that size, some with a payload behind it. The end of the file ends
 * the list; there is no other mark.
 *
 * Words are little endian, as CRIU writes them on every processor it runs on.
 * Three forms of header exist and all are read for any type; the form read is
 * kept, so that a v1.0 image stays one. Facts: CRIU criu/image.c and
 * criu/include/magic.h, v4.2.
 */
#ifndef CR_LIB_IMAGE_IMAGE_H
#define CR_LIB_IMAGE_IMAGE_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/out.h"
#include "lib/base/source.h"
#include "lib/image/types.h"

struct cr_image_header {
	const struct cr_image_type *type;
	enum cr_image_form form;
};

/**
 * Reads the magic words. name, which may be NULL, is the file's: with it a raw
 * file is told from garbage. FORMAT: too short, or no known magic;
 * UNSUPPORTED: a file of a checkpoint that is no image, with what shows it.
 */
struct cr_error *cr_image_read_header(struct cr_source *src, const char *name,
				      struct cr_image_header *ret) CR_MUST_CHECK;

struct cr_error *cr_image_write_header(struct cr_out *out,
				       const struct cr_image_header *header)
	CR_MUST_CHECK;

/** The slow half of cr_image_next(). */
struct cr_error *cr_image_next_slow(struct cr_source *src, uint32_t *size_ret,
				    bool *end_ret) CR_MUST_CHECK;

/**
 * Reads an entry's size word and leaves the source at its message. *end_ret:
 * there was no further entry. FORMAT if the word is cut, or claims more than
 * 2 GiB or than the file has.
 */
static inline CR_MUST_CHECK struct cr_error *
cr_image_next(struct cr_source *src, uint32_t *size_ret, bool *end_ret)
{
	size_t left = cr_source_left(src);
	uint32_t size;
	if (left < 4)
		return cr_image_next_slow(src, size_ret, end_ret);
	memcpy(&size, src->p, 4);
	size = le32toh(size);
	if (size > left - 4)
		return cr_image_next_slow(src, size_ret, end_ret);
	src->p += 4;
	*size_ret = size;
	*end_ret = false;
	return NULL;
}

/** The message type of entry i. */
static inline const ProtobufCMessageDescriptor *
cr_image_message(const struct cr_image_type *type, uint64_t i)
{
	return i == 0 && type->head ? type->head : type->entry;
}

/** The payload of entry i. */
const struct cr_payload *cr_image_payload(const struct cr_image_type *type,
					  uint64_t i);

#endif
