// SPDX-License-Identifier: MIT
#include "lib/base/nearest.h"

#include <string.h>

#define LONGEST_NAME 32

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

// Optimal string alignment: insert, delete, replace, swap two neighbours.
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][LONGEST_NAME + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];
		size_t *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = min_size(row[j], above[j] + 1);
			row[j] = min_size(row[j], row[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = min_size(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void cr_nearest_try(struct cr_nearest *near, const char *name)
{
	size_t word_len = strlen(near->word), name_len = strlen(name), d;

	if (word_len < 2 || word_len > LONGEST_NAME || name_len > LONGEST_NAME)
		return;
	if (!strncmp(near->word, name, word_len))
		d = 1;
	else
		d = distance(near->word, word_len, name, name_len);
	if (d * 3 > (word_len > name_len ? word_len : name_len))
		return;
	if (!near->best || d < near->distance) {
		near->best = name;
		near->distance = d;
	}
}
