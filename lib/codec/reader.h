// SPDX-License-Identifier: MIT
/*
 * JSON text, read token by token from a source, without a tree. Memory is
 * constant: long strings come in pieces. Every fault is named by line and
 * column, both counted from 1, columns in bytes.
 *
 * Source: RFC 8259. Integers are exact over the whole range of 64 bits; a
 * fraction or an exponent is an error, because no image has one.
 */
#ifndef CR_LIB_CODEC_READER_H
#define CR_LIB_CODEC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/source.h"
#include "lib/codec/present.h"

#define CR_READER_KEY_MAX 256 /* bytes of a key */
#define CR_READER_AHEAD	  512 /* bytes in the window when a token starts */

struct cr_reader {
	struct cr_source src;
	uint64_t value_off; /* of the number or string read last */
	char piece[8];			    /* an escaped character */
	char key[CR_READER_KEY_MAX];	    /* a key with escapes */
	const char *mem;		    /* of cr_reader_init_mem() */
	size_t mem_left;
	struct cr_reader *outer; /* of cr_reader_init_string() */
	bool unplaced;		 /* errors do not say line and column */
	bool string_open;	 /* outer's string has not ended */
};

/** Reads fd, which stays the caller's. */
struct cr_error *cr_reader_init_fd(struct cr_reader *r, int fd) CR_MUST_CHECK;

/** Reads memory, which outlives the reader. */
struct cr_error *cr_reader_init_mem(struct cr_reader *r, const void *data,
				    size_t size) CR_MUST_CHECK;

/** Reads text that we have made ourselves, in place: it outlives the reader, and
 * text[size] is 0. Errors do not name line and column, for nobody has seen it.
 * Cannot fail, and needs no deinit. */
void cr_reader_init_own(struct cr_reader *r, const char *text, size_t size);

/** Reads the JSON text that is the content of the string whose opening quote
 * `outer` has just consumed. The inner reader runs the string to its end. */
struct cr_error *cr_reader_init_string(struct cr_reader *r,
				       struct cr_reader *outer) CR_MUST_CHECK;

/** Accepts a zeroed reader. */
void cr_reader_deinit(struct cr_reader *r);

/** A FORMAT error at the place where the reader is. */
struct cr_error *cr_reader_error(const struct cr_reader *r, const char *fmt,
				 ...) CR_PRINTF(2, 3) CR_MUST_CHECK CR_NOT_NULL;

/** Puts in front of an error of the value just read the line and column where
 * that begins. */
struct cr_error *cr_reader_error_value(const struct cr_reader *r,
				       struct cr_error *err)
	CR_MUST_CHECK CR_NOT_NULL;

/** Brings CR_READER_AHEAD bytes into the window, or all there are. */
static inline CR_MUST_CHECK struct cr_error *cr_reader_ready(struct cr_reader *r)
{
	return cr_source_need(&r->src, CR_READER_AHEAD);
}

/** The slow half of cr_reader_peek(). */
struct cr_error *cr_reader_peek_slow(struct cr_reader *r, char *c_ret)
	CR_MUST_CHECK;

/** Passes over white space; *c_ret is the character there, 0 at the end. */
static inline CR_MUST_CHECK struct cr_error *cr_reader_peek(struct cr_reader *r,
							    char *c_ret)
{
	const uint8_t *p = r->src.p;
	p += *p == ' ';
	if (__builtin_expect(*p <= ' ', 0))
		return cr_reader_peek_slow(r, c_ret);
	r->src.p = p;
	*c_ret = (char)*p;
	return NULL;
}

/** True if the next token is c, which is then consumed. */
static inline CR_MUST_CHECK struct cr_error *
cr_reader_accept(struct cr_reader *r, char c, bool *ret)
{
	char found;
	struct cr_error *err = cr_reader_peek(r, &found);
	if (err)
		return err;
	*ret = found == c;
	r->src.p += *ret;
	return NULL;
}

/** The slow half of cr_reader_expect(). */
struct cr_error *cr_reader_expect_slow(struct cr_reader *r, char c)
	CR_MUST_CHECK;

/** Passes over white space and the given character. */
static inline CR_MUST_CHECK struct cr_error *cr_reader_expect(struct cr_reader *r,
							      char c)
{
	r->src.p += *r->src.p == ' ';
	if (__builtin_expect((char)*r->src.p != c, 0))
		return cr_reader_expect_slow(r, c);
	r->src.p++;
	return NULL;
}

/** A key and the colon. The name is valid until the next call. */
struct cr_error *cr_reader_key(struct cr_reader *r, const char **name_ret,
			       size_t *size_ret) CR_MUST_CHECK;

/** An integer. */
struct cr_error *cr_reader_int(struct cr_reader *r, struct cr_int *ret)
	CR_MUST_CHECK;

/** An integer from 0 to max. */
struct cr_error *cr_reader_u64(struct cr_reader *r, uint64_t max, uint64_t *ret)
	CR_MUST_CHECK;

/** true or false, also 1 or 0. */
struct cr_error *cr_reader_bool(struct cr_reader *r, bool *ret) CR_MUST_CHECK;

/** The opening quote of a string. */
struct cr_error *cr_reader_string(struct cr_reader *r) CR_MUST_CHECK;

/** The next piece of the open string, escapes resolved; *size_ret 0 after the
 * closing quote. Raw bytes are not checked to be UTF-8. */
struct cr_error *cr_reader_piece(struct cr_reader *r, const char **text_ret,
				 size_t *size_ret) CR_MUST_CHECK;

/** A whole string of at most cap bytes; longer ones are an error. */
struct cr_error *cr_reader_text(struct cr_reader *r, char *text, size_t cap,
				size_t *size_ret) CR_MUST_CHECK;

/** Passes over one value of any type. */
struct cr_error *cr_reader_skip(struct cr_reader *r) CR_MUST_CHECK;

/** Reads one element of a list. */
typedef struct cr_error *cr_reader_item_fn(void *arg, uint64_t i);

/** A list: brackets, commas, and item() for each element, if any. */
struct cr_error *cr_reader_list(struct cr_reader *r, cr_reader_item_fn *item,
				void *arg) CR_MUST_CHECK;

/** Only white space is left. */
struct cr_error *cr_reader_end(struct cr_reader *r) CR_MUST_CHECK;

#endif
