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

enum { BAD = 64, SPACE = 65, PAD = 66 };

static uint8_t classify(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0' + 52);
	if (c == '+' || c == '/')
		return c == '+' ? 62 : 63;
	if (c == '=')
		return PAD;
	return c == '\n' || c == '\r' || c == ' ' || c == '\t' ? SPACE : BAD;
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
	for (; text < end; text++) {
		uint8_t v = classify(*text);
		if (v == SPACE)
			continue;
		if (v == PAD) {
			if ((state->pad && !state->nr) || !pad(state, o))
				return text;
			continue;
		}
		if (v == BAD || state->pad)
			return text;
		state->bits = state->bits << 6 | v;
		if (++state->nr < 4)
			continue;
		*(*o)++ = (uint8_t)(state->bits >> 16);
		*(*o)++ = (uint8_t)(state->bits >> 8);
		*(*o)++ = (uint8_t)state->bits;
		state->nr = 0;
	}
	return NULL;
}
