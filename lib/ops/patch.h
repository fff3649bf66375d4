// SPDX-License-Identifier: MIT
/*
 * JSON Patch (RFC 6902) and merge patch (RFC 7396) of a checkpoint, or of one
 * image of it.
 *
 * The document that a patch is about has the images by name, each as `crit
 * decode` writes it: {"core-1.img": {"magic": "CORE", "entries": [...]}}; of one
 * image, it is that image. A patch that is a list is a JSON Patch, an object is
 * a merge patch. Values may be written in any form that the encoder reads, and
 * are compared, by "test" as well, by what they mean. Integers are exact over 64
 * bits. Entries and payloads that a patch does not name are not read.
 */
#ifndef CR_LIB_OPS_PATCH_H
#define CR_LIB_OPS_PATCH_H

#include "lib/codec/reader.h"
#include "lib/ops/change.h"

/**
 * Reads a patch and applies it as pending changes, all or, after an error, none
 * that may be committed. image: the document is this image; else NULL.
 *
 * FORMAT: the patch is broken, a test failed, a value does not fit; NOT_FOUND: a
 * path leads nowhere. Errors name the operation and its path.
 */
struct cr_error *cr_patch_apply(struct cr_change *change, const char *image,
				struct cr_reader *patch) CR_MUST_CHECK;

#endif
