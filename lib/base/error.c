// SPDX-License-Identifier: MIT
#include "lib/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"

struct cr_error {
	enum cr_err code;
	int sys_errno;
	char *text;
};

static char enomem_text[] = "out of memory";

struct cr_error cr_enomem_object = {
	.code = CR_ERR_NOMEM,
	.text = enomem_text,
};

/* Bytes at p that may be printed as they are, 0 if the first may not. */
static size_t printable(const char *p)
{
	unsigned char c = (unsigned char)*p;
	if (c < 0x80)
		return c >= ' ' && c != 0x7f;
	size_t size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (strnlen(p, size) < size || !cr_utf8_valid(p, size))
		return 0;
	/* U+0080 to U+009F are control characters as well. */
	return c == 0xc2 && (unsigned char)p[1] < 0xa0 ? 0 : size;
}

/* Takes text; returns it or a copy that is safe to print, NULL without
 * memory. */
static char *make_printable(char *text)
{
	const char *p = text;
	for (size_t n; *p && (n = printable(p)); p += n)
		;
	if (!*p)
		return text;
	char *copy = malloc(4 * strlen(text) + 1), *o = copy;
	for (p = text; copy && *p;) {
		size_t n = printable(p);
		memcpy(o, p, n);
		o += n;
		p += n;
		if (!n)
			o += sprintf(o, "\\x%02x", (unsigned char)*p++);
	}
	if (copy)
		*o = 0;
	free(text);
	return copy;
}

static CR_PRINTF(1, 0) char *print(const char *fmt, va_list ap)
{
	char *text;
	if (vasprintf(&text, fmt, ap) < 0)
		return NULL;
	return make_printable(text);
}

static CR_PRINTF(3, 0) struct cr_error *make(enum cr_err code, int sys_errno,
					     const char *fmt, va_list ap)
{
	struct cr_error *err = malloc(sizeof(*err));
	if (!err)
		return cr_enomem;
	err->code = code;
	err->sys_errno = sys_errno;
	err->text = print(fmt, ap);
	if (!err->text) {
		free(err);
		return cr_enomem;
	}
	return err;
}

struct cr_error *cr_error_new(enum cr_err code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct cr_error *err = make(code, 0, fmt, ap);
	va_end(ap);
	return err;
}

struct cr_error *cr_error_sys(const char *fmt, ...)
{
	int sys_errno = errno;
	va_list ap;
	va_start(ap, fmt);
	struct cr_error *err = make(CR_ERR_SYSTEM, sys_errno, fmt, ap);
	va_end(ap);
	if (err == cr_enomem)
		return err;

	char *text;
	if (asprintf(&text, "%s: %s", err->text, strerror(sys_errno)) < 0)
		return err;
	free(err->text);
	err->text = text;
	return err;
}

struct cr_error *cr_error_at(struct cr_error *err, const char *fmt, ...)
{
	if (err == cr_enomem)
		return err;

	va_list ap;
	va_start(ap, fmt);
	char *where = print(fmt, ap);
	va_end(ap);
	if (!where)
		return err;

	char *text;
	if (asprintf(&text, "%s: %s", where, err->text) >= 0) {
		free(err->text);
		err->text = text;
	}
	free(where);
	return err;
}

enum cr_err cr_error_code(const struct cr_error *err)
{
	return err->code;
}

int cr_error_errno(const struct cr_error *err)
{
	return err->sys_errno;
}

const char *cr_error_text(const struct cr_error *err)
{
	return err->text;
}

_Bool cr_error_catch(struct cr_error **err, enum cr_err code)
{
	if (!*err || (*err)->code != code)
		return 0;
	cr_error_free(*err);
	*err = NULL;
	return 1;
}

void cr_error_free(struct cr_error *err)
{
	if (!err || err == cr_enomem)
		return;
	free(err->text);
	free(err);
}
