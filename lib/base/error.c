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

static CR_PRINTF(1, 0) char *print(const char *fmt, va_list ap)
{
	char *text;
	if (vasprintf(&text, fmt, ap) < 0)
		return NULL;
	char *safe = cr_utf8_safe(text);
	free(text);
	return safe;
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

struct cr_error *cr_error_more(struct cr_error *err, size_t nr_more)
{
	char *text;
	if (!err || err == cr_enomem || !nr_more)
		return err;
	if (asprintf(&text, "%s; and %zu more", err->text, nr_more) >= 0) {
		free(err->text);
		err->text = text;
	}
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
