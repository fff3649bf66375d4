// SPDX-License-Identifier: MIT
#include "lib/pages/find.h"

#include <string.h>

#define LANE 16
#define STEP (4 * LANE)

typedef uint8_t lane __attribute__((vector_size(LANE)));
typedef uint64_t words __attribute__((vector_size(LANE)));

/* How often a byte is met, roughly: zeros, then what text and small numbers are
 * made of, then the rest. */
static unsigned frequency(uint8_t byte)
{
	if (byte == 0)
		return 9;
	if (byte == 0xff || byte == ' ' || byte == 1)
		return 7;
	if (strchr("etaoinsrlcdu", byte))
		return 6;
	if ((byte >= 'a' && byte <= 'z') || byte == '/' || byte == '_')
		return 4;
	if ((byte >= '0' && byte <= '9') || byte < 0x20 || byte == 'H')
		return 3;
	return byte < 0x80 ? 2 : 1;
}

void cr_find_init(struct cr_find *find, const void *pattern, size_t size)
{
	*find = (struct cr_find){ .pattern = pattern, .size = size };
	const uint8_t *p = pattern;
	for (size_t i = 1; i < size; i++)
		if (frequency(p[i]) < frequency(p[find->rare]))
			find->rare = i;
	find->other = find->rare ? 0 : size - 1;
	for (size_t i = 0; i < size; i++)
		if (i != find->rare && p[i] != p[find->rare] &&
		    frequency(p[i]) < frequency(p[find->other]))
			find->other = i;
}

static lane load(const uint8_t *p)
{
	lane v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static int is_zero(lane v)
{
	words w = (words)v;
	return !(w[0] | w[1]);
}

/* The first match that begins in [p, end), all of whose bytes may be read. */
static const uint8_t *check(const struct cr_find *find, const uint8_t *p,
			    const uint8_t *end)
{
	uint8_t rare = find->pattern[find->rare];
	for (; p < end; p++)
		if (p[find->rare] == rare &&
		    !memcmp(p, find->pattern, find->size))
			return p;
	return NULL;
}

const uint8_t *cr_find_next(const struct cr_find *find, const uint8_t *data,
			    size_t size)
{
	if (size < find->size)
		return NULL;
	const uint8_t *p = data, *end = data + (size - find->size) + 1;
	lane rare = (lane){ 0 } + find->pattern[find->rare];
	lane other = (lane){ 0 } + find->pattern[find->other];
	for (; end - p >= STEP; p += STEP) {
		const uint8_t *r = p + find->rare, *o = p + find->other;
		lane hit = (lane)((load(r) == rare) & (load(o) == other));
		for (unsigned i = LANE; i < STEP; i += LANE)
			hit |= (lane)((load(r + i) == rare) &
				      (load(o + i) == other));
		if (__builtin_expect(is_zero(hit), 1))
			continue;
		const uint8_t *found = check(find, p, p + STEP);
		if (found)
			return found;
	}
	return check(find, p, end);
}
