// SPDX-License-Identifier: MIT
#include "lib/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3629, 4: the second byte's bounds depend on the first. */
static bool start(struct cr_utf8 *state, uint8_t c)
{
	if (c < 0xc2 || c > 0xf4)
		return false;
	state->left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	state->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	state->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	return true;
}

bool cr_utf8_feed(struct cr_utf8 *state, const void *data, size_t size)
{
	const uint8_t *p = data, *end = p + size;
	while (p < end) {
		uint64_t word;
		if (!state->left && end - p >= 8) {
			memcpy(&word, p, 8);
			if (!(word & 0x8080808080808080u)) {
				p += 8;
				continue;
			}
		}
		uint8_t c = *p++;
		if (state->left) {
			if (c < state->low || c > state->high)
				return false;
			state->left--;
			state->low = 0x80;
			state->high = 0xbf;
		} else if (c >= 0x80 && !start(state, c)) {
			return false;
		}
	}
	return true;
}

bool cr_utf8_valid(const void *data, size_t size)
{
	struct cr_utf8 state = { 0 };
	return cr_utf8_feed(&state, data, size) && cr_utf8_complete(&state);
}

const uint8_t *cr_utf8_next(const uint8_t *p, uint32_t *code_ret)
{
	uint32_t c = *p++;
	int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	if (more)
		c &= 0x3fu >> more;
	while (more--)
		c = c << 6 | (*p++ & 0x3f);
	*code_ret = c;
	return p;
}

char *cr_utf8_put(char *o, uint32_t code)
{
	if (code < 0x80) {
		*o++ = (char)code;
		return o;
	}
	int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const uint8_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	*o++ = (char)(lead[more] | code >> (6 * more));
	while (more--)
		*o++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
	return o;
}

/* What moves, hides or breaks the text around it without being seen: category Cf
 * and separators of lines. ZWNJ and ZWJ (200c, 200d) stay: Persian, Indic scripts
 * and emoji are spelt with them, and they move nothing. */
static bool is_unseen(uint32_t code)
{
	// clang-format off
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x0080, 0x009f }, /* control characters as well */
		{ 0x00ad, 0x00ad }, /* soft hyphen */
		{ 0x061c, 0x061c }, /* Arabic letter mark */
		{ 0x180e, 0x180e }, /* Mongolian vowel separator */
		{ 0x200b, 0x200b }, /* zero width space */
		{ 0x200e, 0x200f }, /* marks of direction */
		{ 0x2028, 0x202e }, /* separators, embeddings, overrides */
		{ 0x2060, 0x206f }, /* joiners, isolates */
		{ 0xfeff, 0xfeff }, /* byte order mark */
		{ 0xfff9, 0xfffb }, /* annotations */
		{ 0xe0000, 0xe0fff }, /* tags */
	};
	// clang-format on
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

size_t cr_utf8_shown(const void *data, size_t left)
{
	const uint8_t *p = data;
	uint32_t code;
	if (*p < 0x80)
		return *p >= ' ' && *p != 0x7f;
	size_t size = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	if (left < size || !cr_utf8_valid(p, size))
		return 0;
	cr_utf8_next(p, &code);
	return is_unseen(code) ? 0 : size;
}

char *cr_utf8_safe(const char *text)
{
	size_t left = strlen(text);
	char *copy = malloc(4 * left + 1), *o = copy;
	for (const char *p = text; copy && left;) {
		size_t n = cr_utf8_shown(p, left);
		memcpy(o, p, n);
		o += n;
		if (!n)
			o += sprintf(o, "\\x%02x", (unsigned char)*p);
		p += n ?: 1;
		left -= n ?: 1;
	}
	if (copy)
		*o = 0;
	return copy;
}
