// SPDX-License-Identifier: MIT
/*
 * Whole images to JSON documents and back, one entry at a time:
 *
 *	{"magic": "PSTREE", "entries": [{...}, ...]}
 *
 * A key "@header" ("own", "common" or "service") stands behind the magic if the
 * image begins otherwise than its type usually does.
 */
#ifndef CR_LIB_IMAGE_JSON_H
#define CR_LIB_IMAGE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/codec/plan.h"
#include "lib/codec/reader.h"
#include "lib/image/image.h"

/**
 * Writes the document, without a newline at its end. name: see
 * cr_image_read_header(). nopl: a payload's size in place of the payload.
 * Errors name the entry, the field and the byte. Output is drained, not
 * flushed: that is the caller's.
 */
struct cr_error *cr_image_to_json(struct cr_codec *codec, struct cr_source *src,
				  const char *name, bool nopl,
				  struct cr_out *out) CR_MUST_CHECK;

/**
 * Reads a document in any style and writes the image. The codec's own style is
 * all zero. lenient: unknown keys are passed over. Errors name the entry, the
 * field, line and column.
 */
struct cr_error *cr_image_from_json(struct cr_codec *codec,
				    struct cr_reader *r, bool lenient,
				    struct cr_out *out) CR_MUST_CHECK;

struct cr_image_info {
	const struct cr_image_type *type;
	uint64_t nr_entries; /* a pagemap's head does not count */
};

/** Counts the entries, passing over messages and payloads alike. */
struct cr_error *cr_image_read_info(struct cr_codec *codec,
				    struct cr_source *src, const char *name,
				    struct cr_image_info *ret) CR_MUST_CHECK;

#endif
