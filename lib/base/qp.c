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

/* What "=" and up to two characters mean so far. */
enum meaning { MORE, BYTE, BREAK, BROKEN };

static enum meaning meaning_of(const char *held, unsigned nr, char c,
			       uint8_t *byte_ret)
{
	if (nr == 1) {
		if (c == '\n')
			return BREAK;
		return c == '\r' || hex_digit(c) >= 0 ? MORE : BROKEN;
	}
	if (held[1] == '\r')
		return c == '\n' ? BREAK : BROKEN;
	if (hex_digit(c) < 0)
		return BROKEN;
	*byte_ret = (uint8_t)(hex_digit(held[1]) << 4 | hex_digit(c));
	return BYTE;
}

bool cr_qp_feed(struct cr_qp *state, const char *text, size_t size,
		uint8_t **o)
{
	for (const char *end = text + size; text < end; text++) {
		if (!state->nr) {
			if (*text != '=')
				*(*o)++ = (uint8_t)*text;
			else
				state->held[state->nr++] = '=';
			continue;
		}
		uint8_t byte = 0;
		switch (meaning_of(state->held, state->nr, *text, &byte)) {
		case MORE:
			state->held[state->nr++] = *text;
			break;
		case BYTE:
			*(*o)++ = byte;
			state->nr = 0;
			break;
		case BREAK:
			state->nr = 0;
			break;
		case BROKEN:
			return false;
		}
	}
	return true;
}
