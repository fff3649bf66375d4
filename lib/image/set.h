// SPDX-License-Identifier: MIT
/*
 * A whole checkpoint: its images by name, as protobuf-c messages.
 *
 * For looking at, not for speed: converting images is lib/image/json.h's work.
 * A message that protobuf-c is given has been walked before, so that hostile
 * nesting cannot exhaust the stack. Errors name the image and the entry.
 */
#ifndef CR_LIB_IMAGE_SET_H
#define CR_LIB_IMAGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "lib/base/error.h"
#include "lib/codec/plan.h"
#include "lib/store/store.h"

struct cr_set {
	struct cr_store *store;
	struct cr_codec codec; /* to look at messages */
};

/** Opens what cr_store_open() opens. */
struct cr_error *cr_set_open(const char *path, struct cr_set *ret)
	CR_MUST_CHECK;

/** The same with other limits than the defaults. */
struct cr_error *cr_set_open_limited(const char *path,
				     const struct cr_store_limits *limits,
				     struct cr_set *ret) CR_MUST_CHECK;

/** Opens an image; engines move stats-dump out of the images' directory, to what
 * they put beside it. NOT_FOUND. */
struct cr_error *cr_set_open_image(struct cr_set *set, const char *name,
				   struct cr_file *ret) CR_MUST_CHECK;

/** Accepts a zeroed set. */
void cr_set_close(struct cr_set *set);

/* Messages of an image, in the order of its entries. */
struct cr_messages {
	ProtobufCMessage **msg;
	size_t nr;
};

/**
 * Loads every entry of an image of the given entry type. NOT_FOUND if there is
 * no such file; FORMAT if it is an image of another type, or broken. Payloads
 * are passed over. Free with cr_messages_free().
 */
struct cr_error *cr_set_load(struct cr_set *set, const char *name,
			     const ProtobufCMessageDescriptor *entry,
			     struct cr_messages *ret) CR_MUST_CHECK;

/** As cr_set_load(), the name being made as printf(3) does. */
struct cr_error *cr_set_loadf(struct cr_set *set,
			      const ProtobufCMessageDescriptor *entry,
			      struct cr_messages *ret, const char *fmt, ...)
	CR_PRINTF(4, 5) CR_MUST_CHECK;

/** As cr_set_loadf(), but an image that is absent is an empty one: CRIU removes
 * images that would be. */
struct cr_error *cr_set_load_optionalf(struct cr_set *set,
				       const ProtobufCMessageDescriptor *entry,
				       struct cr_messages *ret,
				       const char *fmt, ...)
	CR_PRINTF(4, 5) CR_MUST_CHECK;

/** Accepts zeroed messages. */
void cr_messages_free(struct cr_messages *messages);

#endif
