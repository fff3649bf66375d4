// SPDX-License-Identifier: MIT
#include "lib/base/base64.h"

static const char alphabet[64] __attribute__((nonstring)) =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *put_run(char *o, const uint8_t *p, size_t size)
{
	for (; size >= 3; p += 3, size -= 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		*o++ = alphabet[v >> 6 & 63];
		*o++ = alphabet[v & 63];
	}
	if (!size)
		return o;
	uint32_t v = (uint32_t)p[0] << 16 | (size > 1 ? p[1] << 8 : 0);
	*o++ = alphabet[v >> 18];
	*o++ = alphabet[v >> 12 & 63];
	*o++ = size > 1 ? alphabet[v >> 6 & 63] : '=';
	*o++ = '=';
	return o;
}

char *cr_base64_put(char *o, const uint8_t *data, size_t size, bool wrap)
{
	if (!wrap)
		return put_run(o, data, size);
	while (size) {
		size_t n = size < CR_BASE64_LINE ? size : CR_BASE64_LINE;
		o = put_run(o, data, n);
		*o++ = '\\';
		*o++ = 'n';
		data += n;
		size -= n;
	}
	return o;
}

/* What a byte stands for: GOOD and its value, or one of the others. */
enum { BAD = 0, SPACE = 1, PAD = 2, GOOD = 0x40 };

#define ROW8(n)                                                         \
	GOOD | (n), GOOD | (n + 1), GOOD | (n + 2), GOOD | (n + 3),     \
		GOOD | (n + 4), GOOD | (n + 5), GOOD | (n + 6), GOOD | (n + 7)

static const uint8_t classes[256] = {
	['A'] = ROW8(0), ROW8(8), ROW8(16), GOOD | 24, GOOD | 25,
	['a'] = ROW8(26), ROW8(34), ROW8(42), GOOD | 50, GOOD | 51,
	['0'] = ROW8(52), GOOD | 60, GOOD | 61,
	['+'] = GOOD | 62,
	['/'] = GOOD | 63,
	['='] = PAD,
	['\n'] = SPACE,
	['\r'] = SPACE,
	[' '] = SPACE,
	['\t'] = SPACE,
};

/* Whole quanta, as long as they are nothing but the alphabet. */
static const char *feed_quanta(const char *text, const char *end, uint8_t **ret)
{
	const uint8_t *p = (const uint8_t *)text;
	uint8_t *o = *ret;
	for (; (const uint8_t *)end - p >= 4; p += 4) {
		uint32_t a = classes[p[0]], b = classes[p[1]];
		uint32_t c = classes[p[2]], d = classes[p[3]];
		if (!(a & b & c & d & GOOD))
			break;
		uint32_t v = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 |
			     (d & 63);
		*o++ = (uint8_t)(v >> 16);
		*o++ = (uint8_t)(v >> 8);
		*o++ = (uint8_t)v;
	}
	*ret = o;
	return (const char *)p;
}

/* The padding closes a quantum of two or three characters with no bits left
 * over. */
static bool pad(struct cr_base64 *state, uint8_t **o)
{
	if (state->nr < 2)
		return false;
	state->pad++;
	if (state->nr + state->pad < 4)
		return true;
	uint32_t rest = state->nr == 2 ? 0xf : 0x3;
	if (state->bits & rest)
		return false;
	if (state->nr == 2) {
		*(*o)++ = (uint8_t)(state->bits >> 4);
	} else {
		*(*o)++ = (uint8_t)(state->bits >> 10);
		*(*o)++ = (uint8_t)(state->bits >> 2);
	}
	state->nr = 0;
	return true;
}

const char *cr_base64_feed(struct cr_base64 *state, const char *text,
			   size_t size, uint8_t **o)
{
	const char *end = text + size;
	if (!state->nr && !state->pad)
		text = feed_quanta(text, end, o);
	for (; text < end; text++) {
		uint8_t v = classes[(uint8_t)*text];
		if (v == SPACE)
			continue;
		if (v == PAD) {
			if ((state->pad && !state->nr) || !pad(state, o))
				return text;
			continue;
		}
		if (v == BAD || state->pad)
			return text;
		state->bits = state->bits << 6 | (v & 63);
		if (++state->nr < 4)
			continue;
		*(*o)++ = (uint8_t)(state->bits >> 16);
		*(*o)++ = (uint8_t)(state->bits >> 8);
		*(*o)++ = (uint8_t)state->bits;
		state->nr = 0;
	}
	return NULL;
}
