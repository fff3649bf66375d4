// SPDX-License-Identifier: MIT
/*
 * JSON text: containers, keys and values in one of the styles of plan.h.
 *
 * The compact style is that of Python's json.dump(), the indented one its
 * indent=4: ASCII only, characters above it as \u escapes in lower case. The Go
 * style is that of its encoding/json: no blanks, UTF-8 as it is, and < > & as
 * \u escapes. The caller opens and closes in the right order and writes a key
 * or cr_writer_item() before each value.
 */
#ifndef CR_LIB_CODEC_WRITER_H
#define CR_LIB_CODEC_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/out.h"
#include "lib/codec/plan.h"

struct cr_writer {
	struct cr_out *out;
	struct cr_style style;
	unsigned depth; /* open containers */
	bool empty;	/* the innermost one has nothing in it yet */
};

/** Room for the separator before an item. */
static inline size_t cr_writer_sep_room(const struct cr_writer *w)
{
	return 4 + 4 * (size_t)w->depth;
}

/* What stands between items, and the indentation. */
static inline char *cr_writer_sep(const struct cr_writer *w, char *o,
				  bool empty)
{
	if (w->style.indent) {
		if (!empty)
			*o++ = ',';
		*o++ = '\n';
		size_t blanks = 4 * (size_t)w->depth;
		memset(o, ' ', blanks);
		return o + blanks;
	}
	if (!empty) {
		*o++ = ',';
		if (!w->style.go)
			*o++ = ' ';
	}
	return o;
}

/** bracket is '{' or '['. These fail with NOMEM only. */
static inline CR_MUST_CHECK struct cr_error *
cr_writer_open(struct cr_writer *w, char bracket)
{
	struct cr_error *err = cr_out_room(w->out, 1);
	if (err)
		return err;
	*w->out->cur++ = bracket;
	w->depth++;
	w->empty = true;
	return NULL;
}

static inline CR_MUST_CHECK struct cr_error *
cr_writer_close(struct cr_writer *w, char bracket)
{
	struct cr_error *err = cr_out_room(w->out, cr_writer_sep_room(w));
	if (err)
		return err;
	w->depth--;
	if (w->style.indent && !w->empty)
		w->out->cur = cr_writer_sep(w, w->out->cur, true);
	*w->out->cur++ = bracket;
	w->empty = false;
	return NULL;
}

/** The separator before an item of a list. */
static inline CR_MUST_CHECK struct cr_error *cr_writer_item(struct cr_writer *w)
{
	struct cr_error *err = cr_out_room(w->out, cr_writer_sep_room(w));
	if (err)
		return err;
	w->out->cur = cr_writer_sep(w, w->out->cur, w->empty);
	w->empty = false;
	return NULL;
}

/** A separator and a key of an object; name is plain ASCII. */
struct cr_error *cr_writer_key(struct cr_writer *w, const char *name)
	CR_MUST_CHECK;

/** Text with quotes; valid UTF-8. */
struct cr_error *cr_writer_string(struct cr_writer *w, const void *text,
				  size_t size) CR_MUST_CHECK;

/** The same without the quotes, for text that comes in pieces. A piece ends
 * where a character ends. */
struct cr_error *cr_writer_text(struct cr_writer *w, const void *text,
				size_t size) CR_MUST_CHECK;

/** Bytes as base64, with quotes. */
struct cr_error *cr_writer_bytes(struct cr_writer *w, const void *data,
				 size_t size) CR_MUST_CHECK;

/** Base64 without the quotes; every piece but the last is a multiple of
 * CR_BASE64_LINE bytes. */
struct cr_error *cr_writer_base64(struct cr_writer *w, const void *data,
				  size_t size) CR_MUST_CHECK;

struct cr_error *cr_writer_u64(struct cr_writer *w, uint64_t value)
	CR_MUST_CHECK;

/** As it is. */
struct cr_error *cr_writer_raw(struct cr_writer *w, const char *text)
	CR_MUST_CHECK;

#endif
