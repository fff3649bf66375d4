// SPDX-License-Identifier: MIT
/*
 * Goes to every value of a meaning: process ids, paths, addresses, wherever an
 * image has them. Which fields those are stands in the schema (`means` in
 * images/opts.proto); images whose messages cannot hold one are not opened, and
 * entries without such a field are passed as bytes.
 *
 * To make a new field or image known to all who change paths, process ids and so
 * on, mark the field in its .proto; nothing else.
 */
#ifndef CR_LIB_OPS_MEAN_H
#define CR_LIB_OPS_MEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/ops/change.h"
#include "lib/ops/tree.h"

/* A set of meanings. */
#define CR_MEANING(means) (1u << (means))

/* Where a value is. */
struct cr_mean_at {
	const struct cr_rewrite_at *at; /* image, entry */
	enum cr_meaning means;
	json_t *entry;	 /* all of it */
	json_t *message; /* that has the field */
	const struct cr_plan *plan; /* of that message */
	const struct cr_field *field;
	bool element; /* of a repeated field; IP addresses are never */
};

/**
 * Looks at a value. *ret, which is NULL, becomes what is to stand there (a new
 * reference), json_null() for nothing. It may change other members of the
 * message itself.
 */
typedef struct cr_error *cr_mean_fn(void *arg, const struct cr_mean_at *at,
				    json_t *value, json_t **ret);

/** Calls fn for every value that has one of the meanings. Errors of fn get the
 * field, the entry and the image in front. */
struct cr_error *cr_mean_each(struct cr_change *change, unsigned meanings,
			      cr_mean_fn *fn, void *arg) CR_MUST_CHECK;

/** The same to look only. */
struct cr_error *cr_mean_look(struct cr_set *set, unsigned meanings,
			      cr_mean_fn *fn, void *arg) CR_MUST_CHECK;

/** Which meanings an image of a type can have values of. */
unsigned cr_mean_of_type(const struct cr_image_type *type);

/** The bytes of text, or of a bytes field; data[size] is 0. *ret NULL: it has
 * another form, which is left alone. The caller frees them. */
struct cr_error *cr_mean_bytes(const struct cr_mean_at *at,
			       const json_t *value, char **ret,
			       size_t *size_ret) CR_MUST_CHECK;

/** The value for these bytes. */
struct cr_error *cr_mean_value(const struct cr_mean_at *at, const void *data,
			       size_t size, json_t **ret) CR_MUST_CHECK;

/** The words of an IP address, one or four, in network order; false: it is
 * none. */
bool cr_mean_words(const json_t *value, uint32_t word[4], unsigned *nr_ret);

/** The value for these. */
struct cr_error *cr_mean_from_words(const uint32_t *word, unsigned nr,
				    json_t **ret) CR_MUST_CHECK;

#endif
