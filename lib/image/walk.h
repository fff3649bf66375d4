// SPDX-License-Identifier: MIT
/*
 * The entries of an image of a checkpoint, one at a time, so that memory does
 * not depend on how many there are: for images that may be large (open files,
 * descriptors, pagemaps) where lib/image/set.h would hold them all.
 *
 * For types without payload and whose messages do not nest without bound, which
 * is every one but cgroup.img; others are refused.
 */
#ifndef CR_LIB_IMAGE_WALK_H
#define CR_LIB_IMAGE_WALK_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "lib/base/error.h"
#include "lib/image/set.h"

/** Looks at the message of entry i, which is gone when it returns. What it
 * returns ends the walk. */
typedef struct cr_error *cr_walk_fn(void *arg, uint64_t i,
				    const ProtobufCMessage *msg);
typedef struct cr_error *cr_walk_bytes_fn(void *arg, uint64_t i,
					  const void *data, size_t size);

/**
 * Calls fn for every entry of the image `name`, whose entry type is `entry`.
 * NOT_FOUND if there is no such file, FORMAT if it is of another type or broken;
 * these name the image and the entry. Errors of fn get the image's name in
 * front.
 */
struct cr_error *cr_walk(struct cr_set *set, const char *name,
			 const ProtobufCMessageDescriptor *entry,
			 cr_walk_fn *fn, void *arg) CR_MUST_CHECK;

/** The same with the messages as they stand in the file. */
struct cr_error *cr_walk_bytes(struct cr_set *set, const char *name,
			       const ProtobufCMessageDescriptor *entry,
			       cr_walk_bytes_fn *fn, void *arg) CR_MUST_CHECK;

/**
 * The message of the first entry, of an image without a head. Errors as above,
 * and FORMAT if there is no entry. Free with protobuf_c_message_free_unpacked().
 */
struct cr_error *cr_walk_first(struct cr_set *set, const char *name,
			       const ProtobufCMessageDescriptor *entry,
			       ProtobufCMessage **ret) CR_MUST_CHECK;

#endif
