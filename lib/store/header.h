// SPDX-License-Identifier: MIT
/*
 * The headers of a tar archive as bytes: for writing what lib/store/tar.h reads,
 * and for changing a member's header without losing what else it says.
 *
 * Sources: man 5 tar; POSIX.1-2017 pax, "ustar Interchange Format", "pax Header
 * Block"; GNU tar manual, "Basic Tar Format", "Storing Sparse Files".
 */
#ifndef CR_LIB_STORE_HEADER_H
#define CR_LIB_STORE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define CR_HEADER_SIZE 512

/* Where in a header. */
struct cr_header_field {
	size_t off, size;
};

extern const struct cr_header_field cr_header_name, cr_header_mode,
	cr_header_size, cr_header_mtime, cr_header_link;

#define CR_HEADER_TYPE 156

/** All zeros: the end of the archive. */
bool cr_header_is_end(const uint8_t *head);

/** Is the checksum right? */
bool cr_header_is_valid(const uint8_t *head);

void cr_header_seal(uint8_t *head);

/** A number, octal or binary as GNU tar writes large ones. False: neither. */
bool cr_header_number(const uint8_t *head, struct cr_header_field field,
		      uint64_t *ret);

void cr_header_set_number(uint8_t *head, struct cr_header_field field,
			  uint64_t value);

/** A text; false, and the beginning of it, if it does not fit. */
bool cr_header_set_text(uint8_t *head, struct cr_header_field field,
			const char *text);

/** A header of a regular file that says nothing else, to be sealed. */
void cr_header_init(uint8_t *head);

/** Only the name field says the name now. */
void cr_header_drop_prefix(uint8_t *head);

/* ---- pax records: "LENGTH KEY=VALUE\n", one behind the other ---- */

struct cr_pax {
	const char *key, *value;
	size_t key_size, value_size;
	size_t size; /* of the whole record */
};

/** The record at the start of text. FORMAT: it is none. */
struct cr_error *cr_pax_next(const char *text, size_t size, struct cr_pax *ret)
	CR_MUST_CHECK;

bool cr_pax_is(const struct cr_pax *record, const char *key);

/** Makes a record, to be freed; *size_ret is its length. NULL without memory. */
char *cr_pax_make(const char *key, const char *value, size_t *size_ret);

#endif
