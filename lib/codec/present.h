// SPDX-License-Identifier: MIT
/*
 * Display forms: integers as the text people read (hex, flag names, device
 * numbers, addresses), and back. Which field has which form is said by its
 * option in the schema; here stand the texts.
 *
 * To add a form: a value of enum cr_form (hints.h), a row in the table of
 * present.c with the two functions, and the option in images/opts.proto. To add
 * a name to a table of names: a row there.
 *
 * Facts: CRIU lib/pycriu/images/pb2dict.py, v4.3 (tables and texts); man 3
 * makedev (libc device numbers); Linux include/linux/kdev_t.h (kernel ones).
 */
#ifndef CR_LIB_CODEC_PRESENT_H
#define CR_LIB_CODEC_PRESENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/codec/hints.h"

struct cr_name {
	const char *name;
	uint64_t value;
};

/* A table of names: bits of a FLAGS field or values of a DICT field. */
struct cr_names {
	enum cr_form form;
	const char *arg;   /* the option's value */
	const char *field; /* DICT: the field's name as well */
	const struct cr_name *rows;
	unsigned nr_rows;
};

/** The table for an option, or NULL. */
const struct cr_names *cr_names_find(enum cr_form form, const char *arg,
				     const char *field);

/** Room that cr_present_put() needs. */
#define CR_PRESENT_MAX 512

/**
 * Writes a value's JSON text, with its quotes, in one of HEX, FLAGS, DEV, ODEV
 * and DICT. is_signed: value is an int64_t. Returns the place after it.
 */
char *cr_present_put(char *o, enum cr_form form, const struct cr_names *names,
		     uint64_t value, bool is_signed);

/* An integer of either sign. */
struct cr_int {
	uint64_t magnitude;
	bool negative;
};

/**
 * Text to a value, in any form that the field's hint allows: a number in
 * decimal, 0x or 0o notation always does. FORMAT if it is none of them, or if
 * a flag is named twice.
 */
struct cr_error *cr_present_parse(enum cr_form form,
				  const struct cr_names *names,
				  const char *text, size_t size,
				  struct cr_int *ret) CR_MUST_CHECK;

/** An IPv4 (nr 1) or IPv6 (nr 4) address from words in network order, with its
 * quotes; at most 48 characters. dotted: see struct cr_style. */
char *cr_present_address(char *o, const uint32_t *words, unsigned nr,
			 bool dotted);

/** Address text to words in network order; *nr_ret is 1 or 4. */
struct cr_error *cr_present_parse_address(const char *text, size_t size,
					  uint32_t words_ret[4],
					  unsigned *nr_ret) CR_MUST_CHECK;

#endif
