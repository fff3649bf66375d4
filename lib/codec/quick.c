// SPDX-License-Identifier: MIT
/*
 * Short cuts for what nearly every pair is: a key as our decoder spells it and a
 * number, a truth value or a short ASCII string. Each reads as much as stands in
 * the window and is as usual, and leaves the rest, faults among it, to the
 * general code.
 */
#include "lib/codec/frame.h"

#include "lib/base/num.h"
#include "lib/codec/wire.h"

static inline uint64_t word_at(const void *p)
{
	uint64_t word;
	memcpy(&word, p, 8);
	return word;
}

/* The key text stands at p, which has CR_KEY_MAX bytes. */
static inline bool key_is(const struct cr_field *f, const uint8_t *p)
{
	const char *key = cr_field_key(f);
	size_t size = f->key_size, i = 8;
	uint64_t differ = word_at(p) ^ word_at(key);
	if (size < 8)
		return !(differ << (64 - 8 * size));
	if (differ)
		return false;
	for (; i + 8 < size; i += 8)
		if (word_at(p + i) != word_at(key + i))
			return false;
	return word_at(p + size - 8) == word_at(key + size - 8);
}

/* The field whose key, spelled as our decoder does, stands at the reader's
 * place; it is consumed. */
const struct cr_field *cr_quick_key(struct cr_encoder *e,
				    const struct cr_frame *fr)
{
	struct cr_source *src = &e->r->src;
	const struct cr_field *end = fr->plan->fields + fr->plan->nr_fields;
	if (cr_source_left(src) < CR_KEY_MAX)
		return NULL;
	for (const struct cr_field *f = fr->next; f < end; f++) {
		if (key_is(f, src->p)) {
			src->p += f->key_size;
			return f;
		}
	}
	return NULL;
}

/* What a quick number leaves unread in the window. */
#define QUICK_AHEAD (CR_KEY_MAX + 40)

/* A decimal number in canonical form, not 20 digits long. */
static inline const uint8_t *quick_number(const uint8_t *p, uint64_t *ret)
{
	uint64_t v = (uint64_t)*p - '0';
	if (v <= 9 && (p[1] < '0' || p[1] > '9')) {
		*ret = v;
		return p + 1;
	}
	unsigned nr = cr_num_parse8(word_at(p), &v);
	if (nr == 0 || *p == '0')
		return NULL;
	p += nr;
	if (nr < 8) {
		*ret = v;
		return p;
	}
	static const uint32_t powers[] = { 1,	   10,	   100,	    1000,
					   10000,  100000, 1000000, 10000000,
					   100000000 };
	uint64_t more;
	nr = cr_num_parse8(word_at(p), &more);
	if (nr)
		v = v * powers[nr] + more;
	p += nr;
	for (unsigned i = 0; nr == 8 && *p >= '0' && *p <= '9'; i++) {
		if (i == 3)
			return NULL;
		v = 10 * v + (*p++ - '0');
	}
	*ret = v;
	return p;
}

static inline unsigned hex_digit(uint8_t c)
{
	unsigned letter = (c | 0x20u) - 'a', digit = (unsigned)c - '0';
	return letter < 6 ? letter + 10 : digit < 10 ? digit : 16;
}

/* "0x" and up to 16 digits, with their quotes. */
static inline const uint8_t *quick_hex(const uint8_t *p, uint64_t *ret)
{
	uint64_t v = 0;
	if (p[0] != '"' || p[1] != '0' || p[2] != 'x')
		return NULL;
	p += 3;
	unsigned nr = 0;
	for (unsigned d; nr < 16 && (d = hex_digit(p[nr])) < 16; nr++)
		v = v << 4 | d;
	*ret = v;
	return nr && p[nr] == '"' ? p + nr + 1 : NULL;
}

/* Text without escapes and with characters of one byte, up to its quote. */
static inline const uint8_t *quick_text(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p >= ' ' && *p < 0x7f && *p != '"' && *p != '\\')
		p++;
	return p < end && *p == '"' ? p : NULL;
}

/* A string of less than 128 bytes at p, behind its tag. */
static inline const uint8_t *quick_string(const struct cr_field *f,
					  const uint8_t *p, const uint8_t *end,
					  char **o)
{
	if (f->kind != CR_FIELD_STRING || *p++ != '"')
		return NULL;
	const uint8_t *stop = quick_text(p, end);
	if (!stop || stop - p >= 0x80)
		return NULL;
	size_t size = (size_t)(stop - p);
	*(*o)++ = (char)size;
	memcpy(*o, p, size);
	*o += size;
	return stop + 1;
}

/* The value of a field that is not repeated, behind its tag. */
static inline const uint8_t *quick_value(const struct cr_field *f,
					 const uint8_t *p, const uint8_t *end,
					 char **o)
{
	uint64_t v;
	switch (f->kind) {
	case CR_FIELD_UINT:
		p = *p == '"' ? quick_hex(p, &v) : quick_number(p, &v);
		if (!p || v > f->max)
			return NULL;
		break;
	case CR_FIELD_INT:
		p = quick_number(p, &v);
		if (!p || v > f->max >> 1)
			return NULL;
		break;
	case CR_FIELD_BOOL:
		if (!memcmp(p, "true", 4))
			p += 4, v = 1;
		else if (!memcmp(p, "false", 5))
			p += 5, v = 0;
		else
			return NULL;
		break;
	default:
		return quick_string(f, p, end, o);
	}
	if (v < 0x80)
		*(*o)++ = (char)v;
	else
		*o = (char *)cr_varint_put((uint8_t *)*o, v);
	return p;
}

static inline bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Pairs in ascending order, from a key on. */
enum cr_quick cr_quick_pairs(struct cr_encoder *e, struct cr_frame *fr)
{
	struct cr_source *src = &e->r->src;
	const uint8_t *p = src->p;
	char *o = e->out->cur, *o_end = e->out->lim - (QUICK_AHEAD + 128);
	const struct cr_field *last = fr->plan->fields + fr->plan->nr_fields;
	const struct cr_field *f = fr->next;
	enum cr_quick at = CR_AT_KEY;
	while (o < o_end && !fr->has_tail) {
		const uint8_t *q = p;
		while (is_blank(*q))
			q++;
		if (src->end - q < QUICK_AHEAD)
			break;
		while (f < last && !key_is(f, q))
			f++;
		if (f == last || f->repeated || f->bit & fr->seen ||
		    cr_field_number(f) < fr->last)
			break;
		char *value = o + f->tag_size;
		memcpy(o, f->tag_bytes, 4);
		q = quick_value(f, q + f->key_size, src->end, &value);
		if (!q)
			break;
		o = value;
		fr->seen |= f->bit;
		fr->last = cr_field_number(f);
		fr->next = ++f;
		p = q + 1;
		if (*q == ',')
			continue;
		at = *q == '}' ? CR_AFTER_OBJECT : CR_AFTER_VALUE;
		p -= at == CR_AFTER_VALUE;
		break;
	}
	src->p = p;
	e->out->cur = o;
	return at;
}
