// SPDX-License-Identifier: MIT
#include "lib/base/qp.h"

#include <string.h>

#define LINE_MAX_COLS 76

static char *put_quoted(char *o, uint8_t c)
{
	static const char digits[16] __attribute__((nonstring)) =
		"0123456789ABCDEF";
	*o++ = '=';
	*o++ = digits[c >> 4];
	*o++ = digits[c & 15];
	return o;
}

char *cr_qp_put_bytes(char *o, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t c = data[i];
		if (c < ' ' || c > '~' || c == '=')
			o = put_quoted(o, c);
		else
			*o++ = (char)c;
	}
	return o;
}

struct folder {
	char *o;
	const char *start;
	bool crlf;
	unsigned col;
};

static void put_newline(struct folder *f)
{
	if (f->crlf)
		*f->o++ = '\r';
	*f->o++ = '\n';
	f->col = 0;
}

static void soft_break(struct folder *f)
{
	*f->o++ = '=';
	put_newline(f);
}

/* A line end in the text: a blank before it would be lost, so it is quoted. */
static void hard_break(struct folder *f)
{
	if (f->o > f->start && (f->o[-1] == ' ' || f->o[-1] == '\t')) {
		uint8_t blank = (uint8_t)f->o[-1];
		f->o = put_quoted(f->o - 1, blank);
	}
	put_newline(f);
}

static bool must_quote(const struct folder *f, const uint8_t *p,
		       const uint8_t *end)
{
	uint8_t c = *p;
	bool last = p + 1 == end;
	if (c > '~' || c == '=')
		return true;
	if (c == '.' && f->col == 0)
		return last || p[1] == '\n' || p[1] == '\r' || p[1] == 0;
	if (c == ' ' || c == '\t')
		return last;
	return c < ' ' && c != '\r' && c != '\n';
}

static bool uses_crlf(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
	return nl && nl > data && nl[-1] == '\r';
}

char *cr_qp_put_text(char *o, const uint8_t *data, size_t size)
{
	struct folder f = { o, o, uses_crlf(data, size), 0 };
	const uint8_t *p = data, *end = data + size;
	while (p < end) {
		if (must_quote(&f, p, end)) {
			if (f.col + 3 >= LINE_MAX_COLS)
				soft_break(&f);
			f.o = put_quoted(f.o, *p++);
			f.col += 3;
		} else if (*p == '\n') {
			hard_break(&f);
			p++;
		} else if (*p == '\r' && p + 1 < end && p[1] == '\n') {
			hard_break(&f);
			p += 2;
		} else {
			if (p + 1 < end && p[1] != '\n' &&
			    f.col + 1 >= LINE_MAX_COLS)
				soft_break(&f);
			*f.o++ = (char)*p++;
			f.col++;
		}
	}
	return f.o;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

uint8_t *cr_qp_decode(uint8_t *o, const char *text, size_t size)
{
	const char *p = text, *end = text + size;
	while (p < end) {
		if (*p != '=') {
			*o++ = (uint8_t)*p++;
			continue;
		}
		p++;
		if (p < end && *p == '\n') {
			p++;
		} else if (end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
			p += 2;
		} else {
			if (end - p < 2)
				return NULL;
			int high = hex_digit(p[0]), low = hex_digit(p[1]);
			if (high < 0 || low < 0)
				return NULL;
			*o++ = (uint8_t)(high << 4 | low);
			p += 2;
		}
	}
	return o;
}
