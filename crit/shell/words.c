// SPDX-License-Identifier: MIT
#include "crit/shell/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* ---- strings ---- */

/* Takes the text, which may be NULL for want of memory. */
static struct cr_error *take(struct cr_strings *s, char *text)
{
	if (text && s->nr + 1 >= s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		char **item = reallocarray(s->item, cap, sizeof(item[0]));
		if (!item) {
			free(text);
			return cr_enomem;
		}
		s->item = item;
		s->cap = cap;
	}
	if (!text)
		return cr_enomem;
	s->item[s->nr++] = text;
	s->item[s->nr] = NULL;
	return NULL;
}

struct cr_error *cr_strings_add(struct cr_strings *s, const char *text,
				size_t size)
{
	return take(s, strndup(text, size));
}

struct cr_error *cr_strings_addf(struct cr_strings *s, const char *fmt, ...)
{
	char *text;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return take(s, n < 0 ? NULL : text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void cr_strings_sort(struct cr_strings *s)
{
	size_t nr = 0;
	if (!s->nr)
		return;
	qsort(s->item, s->nr, sizeof(s->item[0]), by_text);
	for (size_t i = 0; i < s->nr; i++) {
		if (nr && !strcmp(s->item[nr - 1], s->item[i]))
			free(s->item[i]);
		else
			s->item[nr++] = s->item[i];
	}
	s->nr = nr;
	s->item[nr] = NULL;
}

bool cr_strings_has(const struct cr_strings *s, const char *text)
{
	return s->nr && bsearch(&text, s->item, s->nr, sizeof(s->item[0]),
				by_text);
}

void cr_strings_free(struct cr_strings *s)
{
	for (size_t i = 0; i < s->nr; i++)
		free(s->item[i]);
	free(s->item);
	*s = (struct cr_strings){ .item = NULL };
}

/* ---- lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_blanks(const char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

/* Copies what is within quotes, p standing on the first; returns the place
 * behind the last, NULL if there is none. */
static const char *copy_quoted(const char *p, char **o)
{
	char quote = *p++;
	for (; *p && *p != quote; p++) {
		bool escape = quote == '"' && *p == '\\' &&
			      (p[1] == '"' || p[1] == '\\');
		*(*o)++ = escape ? *++p : *p;
	}
	return *p ? p + 1 : NULL;
}

/* Copies a word without its quotes to word, which has room. */
static struct cr_error *read_word(const char **text, char *word)
{
	const char *p = *text;
	while (p && *p && !is_blank(*p) && *p != '|' && *p != '>') {
		if (*p == '\'' || *p == '"') {
			char quote = *p;
			p = copy_quoted(p, &word);
			if (!p)
				return cr_error_new(CR_ERR_USAGE,
						    "a %c without its end",
						    quote);
			continue;
		}
		if (*p == '\\' && p[1])
			p++;
		*word++ = *p++;
	}
	*word = 0;
	*text = p;
	return NULL;
}

/* The rest of a line as a command. */
static struct cr_error *take_rest(const char *p, struct cr_line *ret)
{
	size_t size;
	p = skip_blanks(p);
	for (size = strlen(p); size && is_blank(p[size - 1]); size--)
		;
	if (!size)
		return cr_error_new(CR_ERR_USAGE, "a command is missing");
	ret->command = strndup(p, size);
	return ret->command ? NULL : cr_enomem;
}

static struct cr_error *take_file(const char *p, char *word,
				  struct cr_line *ret)
{
	p = skip_blanks(p);
	struct cr_error *err = read_word(&p, word);
	if (err)
		return err;
	p = skip_blanks(p);
	if (!*word)
		return cr_error_new(CR_ERR_USAGE, "a file is missing behind >");
	if (*p && *p != '#')
		return cr_error_new(CR_ERR_USAGE,
				    "the file behind > must come last");
	ret->file = strdup(word);
	return ret->file ? NULL : cr_enomem;
}

struct cr_error *cr_line_split(const char *text, struct cr_line *ret)
{
	cr_auto_free char *word = malloc(strlen(text) + 1);
	struct cr_error *err = NULL;
	*ret = (struct cr_line){ .command = NULL };
	if (!word)
		return cr_enomem;
	const char *p = skip_blanks(text);
	if (*p == '!') {
		ret->is_command = true;
		return take_rest(p + 1, ret);
	}
	for (; !err && *p && *p != '#'; p = skip_blanks(p)) {
		if (*p == '|')
			return take_rest(p + 1, ret);
		if (*p == '>')
			return take_file(p + 1, word, ret);
		err = read_word(&p, word);
		if (!err)
			err = cr_strings_add(&ret->words, word, strlen(word));
	}
	return err;
}

void cr_line_free(struct cr_line *line)
{
	cr_strings_free(&line->words);
	free(line->command);
	free(line->file);
	*line = (struct cr_line){ .command = NULL };
}
