// SPDX-License-Identifier: MIT
/*
 * The open files of a checkpoint by kind and id, from files.img or, in images
 * of CRIU before 3.4, from an image per kind (reg-files.img, pipes.img, ...);
 * there an id may occur once in each kind.
 *
 * What stands in the images is kept as bytes and unpacked when it is asked for:
 * a lookup costs log n, and memory is about the size of the images. Facts: CRIU
 * criu/files.c and images/fdinfo.proto, v4.2.
 *
 * To add a kind of file: a row in files.c; the schema names everything else.
 */
#ifndef CR_LIB_IMAGE_FILES_H
#define CR_LIB_IMAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/fdinfo.pb-c.h"
#include "lib/base/error.h"
#include "lib/image/set.h"

/* A kind of open file. */
struct cr_file_kind {
	FdTypes type;
	const char *member; /* of file_entry */
	const char *image;  /* where it was before files.img */
	const ProtobufCMessageDescriptor *desc;
};

/* An entry: where it is and its bytes in the arena. */
struct cr_file_ref {
	uint32_t type, id;
	size_t off;
	uint32_t size;
	uint32_t i; /* in its image */
};

struct cr_files {
	struct cr_file_ref *ref; /* by type, then id, then place */
	size_t nr, cap;
	uint8_t *arena;
	size_t size, room;
	bool split; /* an image per kind */
};

/**
 * Reads the images; that there are none is no error. FORMAT errors name the
 * image and the entry.
 */
struct cr_error *cr_files_load(struct cr_set *set, struct cr_files *ret)
	CR_MUST_CHECK;

/** Accepts zeroed files. */
void cr_files_free(struct cr_files *files);

/* A file that was looked up. */
struct cr_opened {
	ProtobufCMessage *whole; /* owns the next one */
	const ProtobufCMessage *msg; /* of the kind's type; NULL: none */
	const struct cr_file_ref *ref;
};

/**
 * Looks up a file. ret->msg is NULL if there is none with that type and id, or
 * if it lacks its kind's member. FORMAT if its message is broken. Free with
 * cr_opened_free().
 */
struct cr_error *cr_files_get(const struct cr_files *files, uint32_t type,
			      uint32_t id, struct cr_opened *ret) CR_MUST_CHECK;

/** The same by place, ref < files->ref + files->nr. */
struct cr_error *cr_files_open(const struct cr_files *files,
			       const struct cr_file_ref *ref,
			       struct cr_opened *ret) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_opened_free(struct cr_opened *opened);

/** True if there is a file with that type and id. */
bool cr_files_has(const struct cr_files *files, uint32_t type, uint32_t id);

/** The row of a type, or NULL. */
const struct cr_file_kind *cr_file_kind(uint32_t type);

/** "REG", or NULL for a number that is none. */
const char *cr_file_type_name(uint32_t type);

#endif
