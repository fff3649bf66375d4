// SPDX-License-Identifier: MIT
/*
 * What kinds of image there are. The list itself is types.def; everything here
 * looks things up in it. Constant data, nothing to free.
 */
#ifndef CR_LIB_IMAGE_TYPES_H
#define CR_LIB_IMAGE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

struct cr_payload;

/* How an image begins. */
enum cr_image_form {
	CR_FORM_OWN,	 /* its own magic: v1.0 images, and the inventory */
	CR_FORM_COMMON,	 /* the common magic, then its own */
	CR_FORM_SERVICE, /* the service magic, then its own */
};

#define CR_MAGIC_COMMON	 0x54564319u /* CRIU criu/include/magic.h, v4.2 */
#define CR_MAGIC_SERVICE 0x55105940u
#define CR_MAGIC_KDAT	 0x57023458u

struct cr_image_type {
	const char *id; /* "PSTREE" */
	uint32_t magic;
	const char *files; /* patterns, alternatives separated by a bar */
	enum cr_image_form form;
	const ProtobufCMessageDescriptor *head; /* of entry 0, or NULL */
	const ProtobufCMessageDescriptor *entry;
	const struct cr_payload *payload; /* what follows each message */
	const char *note;
};

/* A file of a checkpoint that is no image. */
struct cr_raw_type {
	const char *files;
	const char *what;
	const char *use;
};

extern const struct cr_image_type cr_image_types[];
extern const size_t cr_nr_image_types;
extern const struct cr_raw_type cr_raw_types[];
extern const size_t cr_nr_raw_types;

/** Lookups; NULL if there is none. */
const struct cr_image_type *cr_image_type_by_magic(uint32_t magic);
const struct cr_image_type *cr_image_type_by_id(const char *id, size_t size);

/** By the last component of a path. */
const struct cr_image_type *cr_image_type_by_file(const char *path);
const struct cr_raw_type *cr_raw_type_by_file(const char *path);

/** "own", "common", "service". */
extern const char *const cr_image_form_names[3];

#endif
