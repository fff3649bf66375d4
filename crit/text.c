// SPDX-License-Identifier: MIT
#include "crit/text.h"

#include <string.h>

void cr_text_word(struct cr_text_line *line, const char *word, size_t len)
{
	size_t blank = line->col > line->indent;

	if (blank && line->col + blank + len > CR_TEXT_COLUMNS) {
		fputc('\n', line->out);
		line->col = 0;
	}
	if (line->col < line->indent)
		blank = line->indent - line->col;
	else if (line->col == line->indent)
		blank = 0;
	fprintf(line->out, "%*s%.*s", (int)blank, "", (int)len, word);
	line->col += blank + len;
}

void cr_text_words(struct cr_text_line *line, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *word = text;

		while (text < end && *text != ' ' && *text != '\n')
			text++;
		if (text > word)
			cr_text_word(line, word, text - word);
		else
			text++;
	}
}

void cr_text_row(FILE *out, const char *label, size_t indent, const char *text)
{
	struct cr_text_line line = { out, indent, 2 + strlen(label) };

	fprintf(out, "  %s", label);
	if (line.col + 2 > indent) {
		fputc('\n', out);
		line.col = 0;
	}
	cr_text_words(&line, text, strlen(text));
	fputc('\n', out);
}

bool cr_text_next(const char **text, struct cr_text_para *ret)
{
	const char *at = *text + strspn(*text, "\n");
	const char *end = strstr(at, "\n\n");
	size_t len = end ? (size_t)(end - at) : strlen(at);

	*text = at + len;
	if (!len)
		return false;
	if (at[len - 1] == '\n')
		len--;
	*ret = (struct cr_text_para){ at, len, *at == ' ' };
	return true;
}

void cr_text_fill(FILE *out, const char *text)
{
	const char *separator = "";
	struct cr_text_para para;

	while (cr_text_next(&text, &para)) {
		struct cr_text_line line = { out, 0, 0 };

		fputs(separator, out);
		if (para.verbatim)
			fwrite(para.text, 1, para.len, out);
		else
			cr_text_words(&line, para.text, para.len);
		fputc('\n', out);
		separator = "\n";
	}
}

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

void cr_text_nearest_try(struct cr_text_nearest *near, const char *name)
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
