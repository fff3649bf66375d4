// SPDX-License-Identifier: MIT
/*
 * An entry of an image as a tree of jansson, to be changed and put back without
 * a byte lost that was not meant.
 *
 * A tree has the keys and values of lib/image/json.h's compact document, its
 * escapes ("@unknown", "@missing", "@wire", "@qp", ...) and "extra" included,
 * so what can be decoded can be put back. Two things differ. An integer above
 * INT64_MAX is its decimal text, since jansson has 64 bits with a sign. And a
 * payload that nobody asked for is not read: "extra" is then a real number,
 * which stands for the bytes found; it may be left, moved along with its entry
 * or replaced, nothing else.
 *
 * Values put into a tree may have any form that the encoder reads: a number,
 * "0x10", flags by name. cr_tree_value() makes the usual one of it, and checks
 * it against the schema; comparing trees wants that. Whatever was put in, the
 * schema is checked when a tree is stored.
 */
#ifndef CR_LIB_OPS_TREE_H
#define CR_LIB_OPS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/out.h"
#include "lib/codec/plan.h"
#include "lib/codec/reader.h"
#include "lib/codec/writer.h"
#include "lib/image/image.h"
#include "lib/image/payload.h"
#include "lib/ops/change.h"
#include "lib/store/store.h"

/* ---- text ---- */

/** Reads one JSON value of any kind. FORMAT, with line and column: broken, a
 * key given twice, brackets too deep, a number that is no integer of 64 bits. */
struct cr_error *cr_tree_read(struct cr_reader *r, json_t **ret) CR_MUST_CHECK;

/** Reads all of a text; the same errors, without line and column. */
struct cr_error *cr_tree_parse(const char *text, size_t size, json_t **ret)
	CR_MUST_CHECK;

/** Writes a tree as JSON. Integers above INT64_MAX stay text, except in
 * "@unknown", where they would not be read back. */
struct cr_error *cr_tree_write(struct cr_writer *w, const json_t *tree)
	CR_MUST_CHECK;

/** An integer as it stands in a tree, and back; false: it is none. */
json_t *cr_tree_int(struct cr_int v);
bool cr_tree_get_int(const json_t *v, struct cr_int *ret);

/* ---- entries ---- */

/* What loading and storing needs; one for as many entries as one likes. */
struct cr_tree {
	struct cr_codec plain; /* of the trees */
	struct cr_codec shown; /* of values as people read them */
	struct cr_out text, bytes;
};

struct cr_error *cr_tree_init(struct cr_tree *t) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_tree_deinit(struct cr_tree *t);

/* Where an entry is. */
struct cr_tree_entry {
	const struct cr_image_type *type;
	uint64_t i; /* its number in the image */
	const void *msg;
	size_t size;
	uint64_t off;	       /* of the message, for errors */
	struct cr_file *file;  /* with the payload; NULL: never looked at */
	uint64_t payload, end; /* where that begins and ends, with padding */
};

/** The plan of the entry's message. */
struct cr_error *cr_tree_plan(struct cr_tree *t,
			      const struct cr_image_type *type, uint64_t i,
			      const struct cr_plan **ret) CR_MUST_CHECK;

/**
 * The tree of an entry. payload: with what follows the message; else a real
 * number, e->i, stands for it, if there is anything. FORMAT names the field and
 * the byte. The caller drops the reference.
 */
struct cr_error *cr_tree_load(struct cr_tree *t, const struct cr_tree_entry *e,
			      bool payload, json_t **ret) CR_MUST_CHECK;

/** The same with every value as people read it. */
struct cr_error *cr_tree_load_shown(struct cr_tree *t,
				    const struct cr_tree_entry *e,
				    bool payload, json_t **ret) CR_MUST_CHECK;

/* A payload that is not in the tree. */
struct cr_tree_aside {
	bool is; /* the payload of entry `from` belongs behind the message */
	uint64_t from;
	struct cr_payload_values values; /* what the message says of it */
};

/**
 * Appends the entry: size word, message and, unless it stands aside, payload.
 * FORMAT names the field: the tree does not fit the schema.
 */
struct cr_error *cr_tree_store(struct cr_tree *t,
			       const struct cr_image_type *type, uint64_t i,
			       const json_t *tree, struct cr_out *out,
			       struct cr_tree_aside *aside_ret) CR_MUST_CHECK;

/** The set (struct cr_field.bit) of fields that occur in a message, to pass
 * over entries unread that cannot be meant. All ones if it is broken. */
uint64_t cr_tree_fields(const struct cr_plan *plan, const void *msg,
			size_t size);

/* ---- values ---- */

/**
 * A value of a field as a tree has it: checked, and in its usual form. element:
 * it is one element of a repeated field, not the list. FORMAT says what is wrong
 * with it, not where.
 */
struct cr_error *cr_tree_value(struct cr_tree *t, const struct cr_plan *plan,
			       const struct cr_field *f, bool element,
			       const json_t *value, json_t **ret) CR_MUST_CHECK;

/** The same as people read it: with flags, addresses and states by name. */
struct cr_error *cr_tree_show(struct cr_tree *t, const struct cr_plan *plan,
			      const struct cr_field *f, bool element,
			      const json_t *value, json_t **ret) CR_MUST_CHECK;

/**
 * What a person writes for a value: a number, flags or an enum by name, true,
 * text, an address; bytes as base64, as "hex:00ff" or as "text:..."; messages and
 * lists as JSON; and for text and bytes also a JSON string. f NULL: something
 * that the schema does not have, JSON or text. The result still wants
 * cr_tree_value(). FORMAT.
 */
struct cr_error *cr_tree_from_text(const struct cr_field *f, bool element,
				   const char *text, size_t size, json_t **ret)
	CR_MUST_CHECK;

/** The same back, on one line: appended to out. */
struct cr_error *cr_tree_to_text(struct cr_tree *t, const struct cr_plan *plan,
				 const struct cr_field *f, bool element,
				 const json_t *value, struct cr_out *out)
	CR_MUST_CHECK;

/** The value as JSON, all of its integers as numbers. f NULL: a message of the
 * plan's type, or with plan NULL something that the schema does not have. */
struct cr_error *cr_tree_write_as(struct cr_writer *w, struct cr_tree *t,
				  const struct cr_plan *plan,
				  const struct cr_field *f, const json_t *value)
	CR_MUST_CHECK;

/** Whether the field holds key material, which is not shown unasked. */
bool cr_tree_is_secret(const struct cr_plan *plan, const struct cr_field *f);

/** Whether messages of this type can have some in them. */
bool cr_tree_has_secrets(const ProtobufCMessageDescriptor *desc);

/** Puts null in the place of key material, wherever it is in a message. f NULL:
 * the value is a message of the plan's type. */
struct cr_error *cr_tree_hide(struct cr_tree *t, const struct cr_plan *plan,
			      const struct cr_field *f, json_t *value)
	CR_MUST_CHECK;

/* ---- images ---- */

/* What becomes of an entry. */
enum cr_rewrite {
	CR_REWRITE_KEEP,
	CR_REWRITE_CHANGED,
	CR_REWRITE_DROP,
};

/* Where cr_rewrite() is. */
struct cr_rewrite_at {
	const char *image;
	const struct cr_image_type *type;
	uint64_t i;		    /* the entry, as it was numbered before */
	struct cr_tree *tree;	    /* to make and look at values */
	const struct cr_plan *plan; /* of the entry's message */
	struct cr_rewriting *state; /* of cr_rewrite() alone */
};

/**
 * Looks at an entry and may change its tree. *ret is KEEP; what it leaves so is
 * not looked at again. Errors get the image and the entry in front, so they
 * begin with the field.
 */
typedef struct cr_error *cr_rewrite_fn(void *arg,
				       const struct cr_rewrite_at *at,
				       json_t *entry, enum cr_rewrite *ret);

/** Whether an entry is to be looked at: a quick look at its message, for which
 * cr_tree_fields() is made. */
typedef bool cr_rewrite_want_fn(void *arg, const struct cr_rewrite_at *at,
				const void *msg, size_t size);

/* All zero: every entry, without payloads. */
struct cr_rewrite_opts {
	uint64_t first, end;	  /* entries [first, end) only; end 0: all */
	cr_rewrite_want_fn *want; /* NULL: all; its arg is that of fn */
	bool payload;		  /* trees have payloads */
	json_t *append;		  /* a list of new entries for the end */
	struct cr_tree *tree;	  /* to be used for several images; or NULL */
};

/**
 * Goes through the entries of an image of the checkpoint as it will be. Entries
 * that nothing changed are copied as bytes; if there are no others, the change is
 * not touched. Each difference becomes a note of the change, key material marked
 * as such: fn does not report what it does. opts may be NULL.
 *
 * NOT_FOUND: no such image. UNSUPPORTED: no image. FORMAT: broken, or what fn
 * made does not fit the schema. Nothing is pending then that was not before.
 */
struct cr_error *cr_rewrite(struct cr_change *change, const char *image,
			    const struct cr_rewrite_opts *opts,
			    cr_rewrite_fn *fn, void *arg) CR_MUST_CHECK;

/** The same to look only: fn leaves *ret alone. */
struct cr_error *cr_rewrite_look(struct cr_set *set, const char *image,
				 const struct cr_rewrite_opts *opts,
				 cr_rewrite_fn *fn, void *arg) CR_MUST_CHECK;

/** From within fn: a new entry in front of the one it is given. */
struct cr_error *cr_rewrite_insert(const struct cr_rewrite_at *at,
				   const json_t *entry) CR_MUST_CHECK;

/** A new entry at the end. */
struct cr_error *cr_tree_append(struct cr_change *change, const char *image,
				json_t *entry) CR_MUST_CHECK;

/** A new image, or another one in the place of one; entries is a list. */
struct cr_error *cr_tree_create(struct cr_change *change, const char *image,
				const struct cr_image_type *type,
				const json_t *entries) CR_MUST_CHECK;

/** The number of entries. */
struct cr_error *cr_tree_count(struct cr_set *set, const char *image,
			       uint64_t *nr_ret) CR_MUST_CHECK;

/**
 * Notes what is different between two trees of an entry, as they are loaded to be
 * shown. Either may be NULL: the whole entry is new, or gone.
 */
struct cr_error *cr_tree_note(struct cr_change *change,
			      const struct cr_rewrite_at *at, json_t *old,
			      json_t *new_) CR_MUST_CHECK;

#endif
