// SPDX-License-Identifier: MIT
#include "crit/x/table.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crit/x/rows.h"
#include "lib/base/cleanup.h"

#define MAX_COLUMNS 16

struct cr_table {
	const struct cr_column *columns;
	size_t nr, at;
	const char *total; /* key of what is no row in JSON */
	struct cr_term_column layout[MAX_COLUMNS]; /* as it fits, from the end on */
	struct cr_out cells; /* text only: each ends with a NUL */
};

// Columns on a terminal; in a file characters, not bytes.
static size_t width_of(const struct cr_x *x, const char *text)
{
	size_t width = 0;
	if (x->term && x->term->columns)
		return cr_term_width(text, strlen(text));
	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

void cr_table_begin(struct cr_x *x, const struct cr_column *columns)
{
	cr_table_begin_as(x, NULL, columns);
}

void cr_table_begin_as(struct cr_x *x, const char *key,
		       const struct cr_column *columns)
{
	struct cr_table *t = calloc(1, sizeof(*t));
	x->table = t;
	if (!t) {
		cr_x_fail(x, cr_enomem);
		return;
	}
	t->columns = columns;
	while (columns[t->nr].key)
		t->nr++;
	assert(t->nr <= MAX_COLUMNS);
	for (size_t i = 0; i < t->nr; i++)
		t->layout[i] = (struct cr_term_column){
			.width = strlen(columns[i].key),
			.keep = columns[i].right, /* numbers */
			.empty = true,
		};
	cr_x_fail(x, cr_out_init_mem(&t->cells));
	cr_x_open(x, key, '[');
}

// Starts a cell: the key in JSON, NULL for text.
static const char *begin(struct cr_x *x)
{
	struct cr_table *t = x->table;
	if (!t->at)
		cr_x_open(x, t->total, '{');
	return t->columns[t->at].key;
}

static void end(struct cr_x *x)
{
	struct cr_table *t = x->table;
	if (++t->at < t->nr)
		return;
	t->at = 0;
	cr_x_close(x, '}');
}

// A cell of the text form, safe to print.
static void put(struct cr_x *x, const char *text, size_t size)
{
	struct cr_table *t = x->table;
	struct cr_term_column *column = &t->layout[t->at];
	if (x->json || x->err)
		return;
	cr_x_fail(x, cr_out_room(&t->cells, 4 * size + 2));
	if (x->err)
		return;
	char *cell = t->cells.cur, *o = cr_x_put_safe(cell, text, size);
	column->empty &= o == cell;
	if (o == cell)
		*o++ = '-';
	*o++ = 0;
	t->cells.cur = o;
	size_t width = width_of(x, cell);
	if (width > column->width)
		column->width = width;
}

static void CR_PRINTF(2, 3) putf(struct cr_x *x, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(x, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

// Puts a cell and returns the columns it took. It is safe by now; nothing is
// changed a second time.
static size_t put_cell(struct cr_x *x, const char *cell, size_t width)
{
	size_t size = strlen(cell), full = width_of(x, cell);
	if (full <= width) {
		cr_x_safe(x, cell, size);
		return full;
	}
	struct cr_cut cut = cr_term_cut(x->term, cell, size, width);
	const char *tail = cell + size - cut.tail;
	cr_x_safe(x, cell, cut.head);
	cr_x_safe(x, cut.between, strlen(cut.between));
	cr_x_safe(x, tail, cut.tail);
	return cr_term_width(cell, cut.head) + 1 +
	       cr_term_width(tail, cut.tail);
}

static void put_line(struct cr_x *x, const struct cr_table *t,
		     const char *const *cell)
{
	size_t pad = 0; /* of the cell before */
	bool first = true;
	for (size_t i = 0; i < t->nr; i++) {
		const struct cr_term_column *c = &t->layout[i];
		size_t width = c->width, has = width_of(x, cell[i]);
		if (c->hidden)
			continue;
		if (c->folds)
			cr_x_text(x, "\n%*s", CR_TERM_INDENT, "");
		else if (!first)
			cr_x_text(x, "%*s", (int)pad + 2, "");
		if (t->columns[i].right && has < width)
			cr_x_text(x, "%*s", (int)(width - has), "");
		pad = width - put_cell(x, cell[i], width);
		if (t->columns[i].right)
			pad = 0;
		first = false;
	}
}

static void put_heading(struct cr_x *x, const struct cr_table *t)
{
	char text[MAX_COLUMNS][32];
	const char *cell[MAX_COLUMNS];
	for (size_t i = 0; i < t->nr; i++) {
		size_t n = 0;
		for (const char *p = t->columns[i].key; *p && n < 31; p++)
			text[i][n++] = (char)toupper((unsigned char)*p);
		text[i][n] = 0;
		cell[i] = text[i];
	}
	cr_x_text(x, "%s", cr_term_on(x->term, CR_MARK_HEADING));
	put_line(x, t, cell);
	cr_x_text(x, "%s\n", cr_term_off(x->term, CR_MARK_HEADING));
}

static void fit(struct cr_x *x, struct cr_table *t)
{
	// A table without rows has its heading at least.
	bool has_rows = t->cells.cur > t->cells.buf;
	for (size_t i = 0; i < t->nr; i++)
		t->layout[i].empty &= has_rows;
	if (x->term)
		cr_term_fit(x->term->columns, t->layout, t->nr);
}

void cr_table_end(struct cr_x *x)
{
	struct cr_table *t = x->table;
	const char *cell[MAX_COLUMNS];
	if (!t || !t->total)
		cr_x_close(x, ']');
	if (t && !x->json && !x->err) {
		fit(x, t);
		put_heading(x, t);
	}
	for (const char *p = t ? t->cells.buf : NULL;
	     p && p < t->cells.cur && !x->err;) {
		for (size_t i = 0; i < t->nr; i++) {
			cell[i] = p;
			p += strlen(p) + 1;
		}
		put_line(x, t, cell);
		cr_x_text(x, "\n");
	}
	if (t)
		cr_out_deinit(&t->cells);
	free(t);
	x->table = NULL;
}

void cr_table_total(struct cr_x *x, const char *key)
{
	if (x->err)
		return;
	cr_x_close(x, ']');
	x->table->total = key;
}

void cr_cell_label(struct cr_x *x, const char *label)
{
	if (x->err)
		return;
	begin(x);
	put(x, label, strlen(label));
	end(x);
}

void cr_cell_u64(struct cr_x *x, uint64_t value)
{
	if (x->err)
		return;
	cr_x_u64(x, begin(x), value);
	putf(x, "%llu", (unsigned long long)value);
	end(x);
}

void cr_cell_u64_as(struct cr_x *x, uint64_t value, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	if (x->err)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cr_x_u64(x, begin(x), value);
	put(x, text, strlen(text));
	end(x);
}

void cr_cell_size(struct cr_x *x, uint64_t value)
{
	unsigned unit = 0;
	double n = (double)value;
	for (; n >= 1024 && unit < 6; unit++)
		n /= 1024;
	if (unit)
		cr_cell_u64_as(x, value, "%.1f%c", n, " KMGTPE"[unit]);
	else
		cr_cell_u64(x, value);
}

void cr_cell_open(struct cr_x *x, char bracket)
{
	if (!x->err)
		cr_x_open(x, begin(x), bracket);
}

void cr_cell_close(struct cr_x *x, char bracket, const char *text, size_t size)
{
	if (x->err)
		return;
	cr_x_close(x, bracket);
	put(x, text, size);
	end(x);
}

void cr_cell_i64(struct cr_x *x, int64_t value)
{
	if (x->err)
		return;
	cr_x_i64(x, begin(x), value);
	putf(x, "%lld", (long long)value);
	end(x);
}

void cr_cell_hex(struct cr_x *x, uint64_t value)
{
	if (x->err)
		return;
	cr_x_hex(x, begin(x), value);
	putf(x, "0x%llx", (unsigned long long)value);
	end(x);
}

void cr_cell_bool(struct cr_x *x, bool value)
{
	if (x->err)
		return;
	cr_x_bool(x, begin(x), value);
	putf(x, "%s", value ? "yes" : "no");
	end(x);
}

void cr_cell_none(struct cr_x *x)
{
	if (x->err)
		return;
	cr_x_null(x, begin(x));
	put(x, "", 0);
	end(x);
}

void cr_cell_bytes(struct cr_x *x, const void *name, size_t size)
{
	if (x->err)
		return;
	cr_x_bytes(x, begin(x), name, size);
	put(x, name, size);
	end(x);
}

void cr_cell_string(struct cr_x *x, const char *name)
{
	if (name)
		cr_cell_bytes(x, name, strlen(name));
	else
		cr_cell_none(x);
}

void cr_cell_text(struct cr_x *x, const char *fmt, ...)
{
	cr_auto_free char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		cr_x_fail(x, cr_enomem);
		return;
	}
	cr_cell_bytes(x, text, (size_t)n);
}

void cr_cell_secret(struct cr_x *x, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	if (!x->secrets && !x->rows) {
		cr_cell_none(x);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (x->rows && !x->secrets)
		cr_rows_secret(x);
	cr_cell_string(x, text);
}

void cr_cell_name_or(struct cr_x *x, const char *name, uint64_t value)
{
	if (name)
		cr_cell_string(x, name);
	else
		cr_cell_u64(x, value);
}

void cr_cell_bits(struct cr_x *x, uint64_t mask, const char *const *name,
		  unsigned nr)
{
	char text[64 * 24], *o = text;
	if (x->err)
		return;
	cr_x_open(x, begin(x), '[');
	for (unsigned i = 0; i < 64; i++) {
		char number[16];
		if (!(mask >> i & 1))
			continue;
		const char *word = i < nr ? name[i] : NULL;
		snprintf(number, sizeof(number), "bit%u", i);
		word = word ?: number;
		cr_x_string(x, NULL, word);
		o += snprintf(o, (size_t)(text + sizeof(text) - o), "%s%s",
			      o > text ? "," : "", word);
	}
	cr_x_close(x, ']');
	put(x, text, (size_t)(o - text));
	end(x);
}

static bool is_plain(const char *word, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";
	size_t n = 0;
	while (n < size && (word[n] & 0x80 || strchr(plain, word[n])))
		n++;
	return size && n == size;
}

// A word in single quotes if it needs them; a quote within ends them for a
// while.
static char *put_word(char *o, const char *word, size_t size)
{
	bool quote = !is_plain(word, size);
	if (quote)
		*o++ = '\'';
	for (size_t i = 0; i < size; i++) {
		if (word[i] == '\'') {
			memcpy(o, "'\\'", 3);
			o += 3;
		}
		*o++ = word[i];
	}
	if (quote)
		*o++ = '\'';
	return o;
}

void cr_cell_words(struct cr_x *x, const char *words, size_t size)
{
	if (x->err)
		return;
	// Four characters a byte, two quotes and a blank a word.
	cr_auto_free char *text = malloc(7 * size + 8);
	char *o = text;
	if (!text) {
		cr_x_fail(x, cr_enomem);
		return;
	}
	cr_x_open(x, begin(x), '[');
	for (size_t at = 0; at < size;) {
		size_t n = strnlen(words + at, size - at);
		cr_x_bytes(x, NULL, words + at, n);
		if (o > text)
			*o++ = ' ';
		o = put_word(o, words + at, n);
		at += n + 1;
	}
	cr_x_close(x, ']');
	put(x, text, (size_t)(o - text));
	end(x);
}
