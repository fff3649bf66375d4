// SPDX-License-Identifier: MIT
#include "lib/codec/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"

#define NESTING_MAX 200 /* brackets within brackets, in skipped values */

struct cr_error *cr_reader_init_fd(struct cr_reader *r, int fd)
{
	*r = (struct cr_reader){ 0 };
	struct cr_error *err = cr_source_init_fd(&r->src, fd);
	r->src.count_lines = true;
	return err;
}

static struct cr_error *read_mem(void *arg, void *data, size_t size,
				 size_t *n_ret)
{
	struct cr_reader *r = arg;
	size_t n = size < r->mem_left ? size : r->mem_left;
	memcpy(data, r->mem, n);
	r->mem += n;
	r->mem_left -= n;
	*n_ret = n;
	return NULL;
}

struct cr_error *cr_reader_init_mem(struct cr_reader *r, const void *data,
				    size_t size)
{
	*r = (struct cr_reader){ .mem = size ? data : "", .mem_left = size };
	struct cr_error *err =
		cr_source_init_read(&r->src, 16 * 1024, read_mem, r);
	r->src.count_lines = true;
	return err;
}

void cr_reader_init_own(struct cr_reader *r, const char *text, size_t size)
{
	*r = (struct cr_reader){ .unplaced = true };
	cr_source_init_mem(&r->src, text, size);
}

static struct cr_error *read_string(void *arg, void *data, size_t size,
				    size_t *n_ret)
{
	struct cr_reader *r = arg;
	while (!r->mem_left && r->string_open) {
		struct cr_error *err =
			cr_reader_piece(r->outer, &r->mem, &r->mem_left);
		if (err)
			return err;
		r->string_open = r->mem_left > 0;
	}
	return read_mem(arg, data, size, n_ret);
}

struct cr_error *cr_reader_init_string(struct cr_reader *r,
				       struct cr_reader *outer)
{
	*r = (struct cr_reader){
		.mem = "",
		.outer = outer,
		.string_open = true,
	};
	return cr_source_init_read(&r->src, 4 * 1024, read_string, r);
}

void cr_reader_deinit(struct cr_reader *r)
{
	cr_source_deinit(&r->src);
}

static uint64_t count_lines(const uint8_t *p, const uint8_t *end)
{
	uint64_t nr = 0;
	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		nr++;
		p++;
	}
	return nr;
}

/* Puts the line and column of an offset in front. */
static struct cr_error *error_at(const struct cr_reader *r, uint64_t off,
				 struct cr_error *err)
{
	const struct cr_source *src = &r->src;
	if (r->unplaced)
		return err;
	if (r->outer)
		return error_at(r->outer, cr_source_tell(&r->outer->src), err);
	uint64_t base = src->end_off - (uint64_t)(src->end - src->buf);
	uint64_t lines = src->nr_lines, line_off = src->line_off;
	if (off >= base) {
		const uint8_t *p = src->buf + (off - base);
		lines += count_lines(src->buf, p);
		const uint8_t *nl =
			p > src->buf ? memrchr(src->buf, '\n',
					       (size_t)(p - src->buf)) :
				       NULL;
		if (nl)
			line_off = base + (uint64_t)(nl - src->buf) + 1;
	}
	return cr_error_at(err, "line %llu column %llu",
			   (unsigned long long)lines + 1,
			   (unsigned long long)(off - line_off) + 1);
}

struct cr_error *cr_reader_error(const struct cr_reader *r, const char *fmt, ...)
{
	cr_auto_free char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int size = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (size < 0) {
		text = NULL;
		return cr_enomem;
	}
	return error_at(r, cr_source_tell(&r->src),
			cr_error_new(CR_ERR_FORMAT, "%s", text));
}

struct cr_error *cr_reader_error_value(const struct cr_reader *r,
				       struct cr_error *err)
{
	return error_at(r, r->value_off, err);
}

static inline bool is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

struct cr_error *cr_reader_peek_slow(struct cr_reader *r, char *c_ret)
{
	for (;;) {
		const uint8_t *p = r->src.p;
		while (is_space(*p))
			p++;
		r->src.p = p;
		if (p < r->src.end || r->src.eof)
			break;
		struct cr_error *err = cr_reader_ready(r);
		if (err)
			return err;
	}
	*c_ret = (char)*r->src.p;
	return NULL;
}

/* What stands at the reader's place, for a message. */
static struct cr_error *unexpected(const struct cr_reader *r, const char *what)
{
	if (!cr_source_left(&r->src))
		return cr_reader_error(r, "need %s, but the text ends", what);
	uint8_t c = *r->src.p;
	if (c >= ' ' && c < 0x7f)
		return cr_reader_error(r, "need %s, not '%c'", what, c);
	return cr_reader_error(r, "need %s, not byte 0x%02x", what, c);
}

struct cr_error *cr_reader_expect_slow(struct cr_reader *r, char c)
{
	bool found;
	struct cr_error *err = cr_reader_accept(r, c, &found);
	if (err || found)
		return err;
	char what[] = { '\'', c, '\'', 0 };
	return unexpected(r, what);
}

struct cr_error *cr_reader_string(struct cr_reader *r)
{
	char c;
	struct cr_error *err = cr_reader_peek(r, &c);
	if (err)
		return err;
	if (c != '"')
		return unexpected(r, "a string");
	r->src.p++;
	return NULL;
}

static int hex4(const uint8_t *p)
{
	int v = 0;
	for (int i = 0; i < 4; i++) {
		uint8_t c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' :
			c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F' ? c - 'A' + 10 :
					       -1;
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* \uXXXX, or two of them for a character above U+FFFF. */
static struct cr_error *read_unit(struct cr_reader *r, uint32_t *code_ret)
{
	const uint8_t *p = r->src.p;
	size_t left = cr_source_left(&r->src);
	int high = left >= 6 ? hex4(p + 2) : -1;
	if (high < 0)
		return cr_reader_error(r, "\\u needs four hex digits");
	if (high < 0xd800 || high > 0xdfff) {
		*code_ret = (uint32_t)high;
		r->src.p += 6;
		return NULL;
	}
	int low = left >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
	if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return cr_reader_error(r, "half of a surrogate pair; text that "
					  "is not UTF-8 is written as "
					  "{\"@qp\": \"...\"}");
	*code_ret = 0x10000 + (((uint32_t)high & 0x3ff) << 10) +
		    ((uint32_t)low & 0x3ff);
	r->src.p += 12;
	return NULL;
}

static struct cr_error *read_escape(struct cr_reader *r, const char **text_ret,
				    size_t *size_ret)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	struct cr_error *err = cr_source_need(&r->src, 12);
	if (err)
		return err;
	uint32_t code;
	if (r->src.p[1] == 'u') {
		err = read_unit(r, &code);
		if (err)
			return err;
	} else {
		const char *at = r->src.p[1] ? strchr(from, r->src.p[1]) : NULL;
		if (!at)
			return cr_reader_error(r, "unknown escape in a string");
		code = (uint8_t)to[at - from];
		r->src.p += 2;
	}
	*size_ret = (size_t)(cr_utf8_put(r->piece, code) - r->piece);
	*text_ret = r->piece;
	return NULL;
}

/* Bit 7 of each byte that is zero; bytes above such a one may be wrong. */
static inline uint64_t zero_bytes(uint64_t v)
{
	return (v - 0x0101010101010101u) & ~v & 0x8080808080808080u;
}

/* The first quote, backslash or control character; at `end` stands a NUL. */
static const uint8_t *plain_text(const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t v;
		memcpy(&v, p, 8);
		uint64_t stop = zero_bytes(v ^ 0x2222222222222222u) |
				zero_bytes(v ^ 0x5c5c5c5c5c5c5c5cu) |
				zero_bytes(v & 0xe0e0e0e0e0e0e0e0u);
		if (stop)
			return p + __builtin_ctzll(stop) / 8;
	}
	while (*p >= ' ' && *p != '"' && *p != '\\')
		p++;
	return p;
}

struct cr_error *cr_reader_piece(struct cr_reader *r, const char **text_ret,
				 size_t *size_ret)
{
	if (!cr_source_left(&r->src)) {
		struct cr_error *err = cr_reader_ready(r);
		if (err)
			return err;
	}
	const uint8_t *p = plain_text(r->src.p, r->src.end);
	if (p > r->src.p) {
		*text_ret = (const char *)r->src.p;
		*size_ret = (size_t)(p - r->src.p);
		r->src.p = p;
		return NULL;
	}
	if (*p == '\\')
		return read_escape(r, text_ret, size_ret);
	if (*p != '"')
		return unexpected(r, "the string's closing quote");
	r->src.p++;
	*size_ret = 0;
	return NULL;
}

struct cr_error *cr_reader_text(struct cr_reader *r, char *text, size_t cap,
				size_t *size_ret)
{
	struct cr_error *err = cr_reader_string(r);
	size_t size = 0;
	r->value_off = cr_source_tell(&r->src) - 1;
	while (!err) {
		const char *piece;
		size_t n;
		err = cr_reader_piece(r, &piece, &n);
		if (err)
			return err;
		if (!n)
			break;
		if (n > cap - size)
			return cr_reader_error(
				r, "a string of more than %zu bytes", cap);
		memcpy(text + size, piece, n);
		size += n;
	}
	*size_ret = size;
	return err;
}

struct cr_error *cr_reader_key(struct cr_reader *r, const char **name_ret,
			       size_t *size_ret)
{
	char c;
	struct cr_error *err = cr_reader_peek(r, &c);
	if (err)
		return err;
	if (c != '"')
		return unexpected(r, "a key");
	err = cr_reader_text(r, r->key, sizeof(r->key), size_ret);
	if (!err)
		err = cr_reader_expect(r, ':');
	*name_ret = r->key;
	return err;
}

/* After the digits: nothing that would make it no integer. */
static struct cr_error *check_int_end(struct cr_reader *r, const uint8_t *p)
{
	if (*p == '.' || *p == 'e' || *p == 'E')
		return cr_reader_error(r, "a number with a fraction or an "
					  "exponent is no integer");
	if (p - r->src.p >= CR_READER_AHEAD - 1)
		return cr_reader_error(r, "a number of too many digits");
	return NULL;
}

struct cr_error *cr_reader_int(struct cr_reader *r, struct cr_int *ret)
{
	char c;
	struct cr_error *err = cr_reader_peek(r, &c);
	if (!err)
		err = cr_reader_ready(r);
	if (err)
		return err;
	r->value_off = cr_source_tell(&r->src);
	const uint8_t *p = r->src.p;
	bool negative = *p == '-';
	p += negative;
	const uint8_t *digits = p;
	uint64_t v = 0;
	bool over = false;
	for (; *p >= '0' && *p <= '9'; p++)
		over |= __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, *p - '0', &v);
	if (p == digits)
		return unexpected(r, "a number");
	if (*digits == '0' && p - digits > 1)
		return cr_reader_error(r, "a number with a leading zero");
	err = check_int_end(r, p);
	if (err)
		return err;
	if (over)
		return cr_reader_error(r, "a number of more than 64 bits");
	*ret = (struct cr_int){ v, negative && v };
	r->src.p = p;
	return NULL;
}

struct cr_error *cr_reader_u64(struct cr_reader *r, uint64_t max, uint64_t *ret)
{
	struct cr_int v;
	struct cr_error *err = cr_reader_int(r, &v);
	if (err)
		return err;
	if (v.negative || v.magnitude > max)
		return cr_reader_error_value(
			r, cr_error_new(CR_ERR_FORMAT,
					"%s%llu is out of range (0 to %llu)",
					v.negative ? "-" : "",
					(unsigned long long)v.magnitude,
					(unsigned long long)max));
	*ret = v.magnitude;
	return NULL;
}

static struct cr_error *read_word(struct cr_reader *r, const char *word)
{
	size_t size = strlen(word);
	struct cr_error *err = cr_reader_ready(r);
	if (err)
		return err;
	if (cr_source_left(&r->src) < size || memcmp(r->src.p, word, size))
		return unexpected(r, "a value");
	r->src.p += size;
	return NULL;
}

struct cr_error *cr_reader_bool(struct cr_reader *r, bool *ret)
{
	char c;
	struct cr_error *err = cr_reader_peek(r, &c);
	if (err)
		return err;
	if (c == 't' || c == 'f') {
		*ret = c == 't';
		return read_word(r, c == 't' ? "true" : "false");
	}
	if (c != '0' && c != '1')
		return unexpected(r, "true or false");
	uint64_t v = 0;
	err = cr_reader_u64(r, 1, &v);
	*ret = v;
	return err;
}

static struct cr_error *skip_string(struct cr_reader *r)
{
	struct cr_error *err = cr_reader_string(r);
	const char *text;
	size_t size = 1;
	while (!err && size)
		err = cr_reader_piece(r, &text, &size);
	return err;
}

static const uint8_t *digits_end(const uint8_t *p)
{
	const uint8_t *start = p;
	while (*p >= '0' && *p <= '9')
		p++;
	return p > start ? p : NULL;
}

/* RFC 8259, 6: where a number of any kind ends, or NULL. */
static const uint8_t *number_end(const uint8_t *p)
{
	p += *p == '-';
	if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
		return NULL;
	p = digits_end(p);
	if (p && *p == '.')
		p = digits_end(p + 1);
	if (p && (*p == 'e' || *p == 'E')) {
		p++;
		p += *p == '-' || *p == '+';
		p = digits_end(p);
	}
	return p;
}

/* A number of any kind, or a word. */
static struct cr_error *skip_plain(struct cr_reader *r, char c)
{
	if (c == 't' || c == 'f' || c == 'n')
		return read_word(r, c == 't' ? "true" :
				    c == 'f' ? "false" :
					       "null");
	struct cr_error *err = cr_reader_ready(r);
	if (err)
		return err;
	const uint8_t *end = number_end(r->src.p);
	if (!end)
		return unexpected(r, "a value");
	r->src.p = end;
	return NULL;
}

/* After a value within `open` brackets: commas, and brackets that close. */
static struct cr_error *skip_closing(struct cr_reader *r, const char *open,
				     unsigned *depth)
{
	while (*depth) {
		bool found;
		struct cr_error *err = cr_reader_accept(r, ',', &found);
		if (err || found)
			return err;
		err = cr_reader_expect(r, open[*depth - 1] == '{' ? '}' : ']');
		if (err)
			return err;
		--*depth;
	}
	return NULL;
}

struct cr_error *cr_reader_skip(struct cr_reader *r)
{
	char open[NESTING_MAX];
	unsigned depth = 0;
	do {
		char c;
		struct cr_error *err = NULL;
		bool closed = false;
		if (depth && open[depth - 1] == '{') {
			const char *name;
			size_t size;
			err = cr_reader_key(r, &name, &size);
		}
		if (!err)
			err = cr_reader_peek(r, &c);
		if (err)
			return err;
		if (c == '{' || c == '[') {
			if (depth == NESTING_MAX)
				return cr_reader_error(
					r, "brackets more than %d deep",
					NESTING_MAX);
			open[depth++] = c;
			r->src.p++;
			err = cr_reader_accept(r, c == '{' ? '}' : ']',
					       &closed);
			if (err)
				return err;
			if (!closed)
				continue;
			depth--;
		} else {
			err = c == '"' ? skip_string(r) : skip_plain(r, c);
		}
		if (!err)
			err = skip_closing(r, open, &depth);
		if (err)
			return err;
	} while (depth);
	return NULL;
}

struct cr_error *cr_reader_list(struct cr_reader *r, cr_reader_item_fn *item,
				void *arg)
{
	bool empty, again = true;
	struct cr_error *err = cr_reader_expect(r, '[');
	if (!err)
		err = cr_reader_accept(r, ']', &empty);
	if (err || empty)
		return err;
	for (uint64_t i = 0; again && !err; i++) {
		err = item(arg, i);
		if (!err)
			err = cr_reader_ready(r);
		if (!err)
			err = cr_reader_accept(r, ',', &again);
	}
	return err ? err : cr_reader_expect(r, ']');
}

struct cr_error *cr_reader_end(struct cr_reader *r)
{
	char c;
	struct cr_error *err = cr_reader_peek(r, &c);
	if (err)
		return err;
	if (cr_source_left(&r->src))
		return unexpected(r, "the end of the text");
	return NULL;
}
