// SPDX-License-Identifier: MIT
/*
 * Errors as values.
 *
 * What can fail returns `struct cr_error *`: NULL for success, otherwise an
 * object the caller owns, and either handles and frees or passes on. The place
 * that fails says what it wanted and what it found; each layer above puts in
 * front where it was, so that the finished text reads from the outside in:
 *
 *	core-42.img: entry 1: byte 4: need 4 bytes, have 2
 *
 * Texts may quote names from hostile files: what could drive a terminal (control
 * characters, bytes that are not UTF-8) becomes \xNN when an error is made.
 *
 * Nothing here prints. Running out of memory never allocates: cr_enomem is a
 * static object that every function below accepts.
 */
#ifndef CR_LIB_BASE_ERROR_H
#define CR_LIB_BASE_ERROR_H

#include <stddef.h>

#define CR_MUST_CHECK	     __attribute__((warn_unused_result))
#define CR_NOT_NULL	     __attribute__((returns_nonnull))
#define CR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* What a caller could do about it. */
enum cr_err {
	CR_ERR_NOMEM = 1,   /* free something and try again */
	CR_ERR_SYSTEM,	    /* a system call failed; see cr_error_errno() */
	CR_ERR_FORMAT,	    /* the bytes read are not what they claim to be */
	CR_ERR_UNSUPPORTED, /* valid, but nothing this build can handle */
	CR_ERR_NOT_FOUND,   /* what was asked for is not there */
	CR_ERR_USAGE,	    /* the caller's request makes no sense */
	CR_ERR_INTERNAL,    /* our own mistake */
	CR_ERR_UNTOLD,	    /* a verdict that what there is does not allow */
};

struct cr_error;

extern struct cr_error cr_enomem_object;
#define cr_enomem (&cr_enomem_object)

/** A new error with the given text. Never NULL. */
struct cr_error *cr_error_new(enum cr_err code, const char *fmt, ...)
	CR_PRINTF(2, 3) CR_MUST_CHECK CR_NOT_NULL;

/**
 * A failed system call: the text is followed by ": " and strerror(errno),
 * errno being read on entry.
 */
struct cr_error *cr_error_sys(const char *fmt, ...)
	CR_PRINTF(1, 2) CR_MUST_CHECK CR_NOT_NULL;

/** The same error with "WHERE: " put in front. Takes and returns ownership. */
struct cr_error *cr_error_at(struct cr_error *err, const char *fmt, ...)
	CR_PRINTF(2, 3) CR_MUST_CHECK CR_NOT_NULL;

/** The first of several errors, with "; and N more" behind it if nr_more is not
 * 0. Takes and returns ownership; NULL stays NULL. */
struct cr_error *cr_error_more(struct cr_error *err, size_t nr_more)
	CR_MUST_CHECK;

enum cr_err cr_error_code(const struct cr_error *err);

/** errno of the failed system call, 0 for every other code. */
int cr_error_errno(const struct cr_error *err);

/** One line, lower case, without newline or full stop. Lives as long as err. */
const char *cr_error_text(const struct cr_error *err);

/** True and err freed if its code is `code`; err NULL is false. */
_Bool cr_error_catch(struct cr_error **err, enum cr_err code);

/** Accepts NULL. */
void cr_error_free(struct cr_error *err);

#endif
