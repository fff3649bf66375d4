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
