// SPDX-License-Identifier: MIT
/*
 * Small JSON files of a store, of container engines and image layouts, as trees
 * of jansson. The lookups take anything, also NULL, and find nothing in what is
 * not there or of another type. jansson is used by lib/store alone.
 *
 * Sources: jansson.readthedocs.io, 2.14; RFC 3339 for times.
 */
#ifndef CR_LIB_STORE_JSON_H
#define CR_LIB_STORE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/store/store.h"

/* What engines write is some 10 KiB. */
#define CR_STORE_JSON_MAX (4 * 1024 * 1024)

/** A text as a tree, *ret to be freed with json_decref(). FORMAT: not JSON. */
struct cr_error *cr_store_json_parse(const char *text, size_t size,
				     json_t **ret) CR_MUST_CHECK;

/** A file, which stays open. FORMAT as well if it is larger than
 * CR_STORE_JSON_MAX. */
struct cr_error *cr_store_json_read(struct cr_file *file, json_t **ret)
	CR_MUST_CHECK;

/** The string of that key; NULL if there is none or it is empty. */
const char *cr_store_json_text(const json_t *object, const char *key);

/** The time of that key, RFC 3339, in seconds since 1970; 0 if there is none,
 * or one before 1970, which is what engines write for none. */
int64_t cr_store_json_time(const json_t *object, const char *key);

#endif
