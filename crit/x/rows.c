// SPDX-License-Identifier: MIT
#include "crit/x/rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"

/* What the view has open. */
enum {
	ROWS = 'R',   /* a list of rows */
	LIST = 'L',   /* a list: a cell, unless an object comes */
	ROW = 'r',    /* an object in a list */
	MEMBER = 'm', /* an object in a row */
};

#define NR_PARTS (sizeof(((struct cr_rows *)0)->part) / sizeof(struct cr_out))

struct cr_error *cr_rows_init(struct cr_rows *rows, struct cr_x *x,
			      const char *keys, const char *skip)
{
	*rows = (struct cr_rows){ .keys = keys, .skip = skip };
	struct cr_error *err = cr_out_init_mem(&rows->text);
	for (size_t i = 0; i < NR_PARTS && !err; i++)
		err = cr_out_init_mem(&rows->part[i]);
	if (!err && !x->out.buf)
		err = cr_out_init_mem(&x->out);
	x->json = true;
	x->w = (struct cr_writer){ .out = &x->out };
	x->rows = rows;
	return err;
}

void cr_rows_deinit(struct cr_rows *rows)
{
	free(rows->row);
	cr_out_deinit(&rows->text);
	for (size_t i = 0; i < NR_PARTS; i++)
		cr_out_deinit(&rows->part[i]);
	*rows = (struct cr_rows){ 0 };
}

/* ---- words ---- */

bool cr_rows_word(const char **words, const char **word, size_t *size)
{
	*words += strspn(*words, " ");
	*word = *words;
	*size = strcspn(*words, " ");
	*words += *size;
	return *size;
}

bool cr_rows_has_word(const char *words, const char *word)
{
	const char *w;
	size_t size;
	while (cr_rows_word(&words, &w, &size)) {
		if (!strncmp(w, word, size) && !word[size])
			return true;
	}
	return false;
}

/* ---- cells ---- */

bool cr_row_next(const struct cr_row *row, const char **at, const char **name,
		 const char **value)
{
	if (*at >= row->end)
		return false;
	*name = *at;
	*value = *name + strlen(*name) + 1;
	*at = *value + strlen(*value) + 1;
	return true;
}

/* The value of the cell with a name of this size, or NULL. */
static const char *get(const struct cr_row *row, const char *name, size_t size)
{
	const char *at = row->cells, *n, *value;
	while (cr_row_next(row, &at, &n, &value)) {
		if (!strncmp(n, name, size) && !n[size])
			return value;
	}
	return NULL;
}

const char *cr_row_get(const struct cr_row *row, const char *name)
{
	return get(row, name, strlen(name));
}

/* ---- recording ---- */

static struct cr_out *part(struct cr_rows *rows)
{
	return &rows->part[rows->nr_parts - 1];
}

static void put(struct cr_x *x, struct cr_out *out, const void *data,
		size_t size)
{
	if (!x->err)
		cr_x_fail(x, cr_out_put(out, data, size));
}

/* The cell is complete: adds it to its row. */
static void finish_cell(struct cr_x *x)
{
	struct cr_rows *rows = x->rows;
	size_t size = cr_out_buffered(&x->out);
	const char *value = x->out.buf, mark = CR_ROW_SECRET;
	bool nothing = !rows->has_cell || (size == 4 && !memcmp(value, "null", 4)) ||
		       (size == 2 && !memcmp(value, "[]", 2));
	if (!nothing && !cr_rows_has_word(rows->skip, rows->cell)) {
		put(x, part(rows), rows->cell, strlen(rows->cell) + 1);
		if (rows->secret)
			put(x, part(rows), &mark, 1);
		put(x, part(rows), value, size);
		put(x, part(rows), "", 1);
	}
	rows->has_cell = false;
	x->out.cur = x->out.buf;
}

static void begin_cell(struct cr_x *x, const char *key)
{
	struct cr_rows *rows = x->rows;
	finish_cell(x);
	/* Names are ours, and short. */
	assert(strlen(rows->prefix) + strlen(key) < sizeof(rows->cell));
	strcpy(stpcpy(rows->cell, rows->prefix), key);
	rows->has_cell = true;
	rows->secret = rows->next_secret;
	rows->next_secret = false;
}

void cr_rows_secret(struct cr_x *x)
{
	x->rows->next_secret = true;
}

void cr_rows_cell(struct cr_x *x, const char *key)
{
	if (key)
		begin_cell(x, key);
	else
		cr_x_fail(x, cr_writer_item(&x->w));
}

static void push(struct cr_rows *rows, char frame)
{
	/* As deep as the views are, not as the images. */
	assert(rows->depth < sizeof(rows->frame));
	rows->frame[rows->depth++] = frame;
}

static char *top(struct cr_rows *rows)
{
	return &rows->frame[rows->depth - 1];
}

/* The list turns out to hold rows: it is no cell. */
static void open_row(struct cr_x *x)
{
	struct cr_rows *rows = x->rows;
	const struct cr_out *outer = rows->nr_parts ? part(rows) : NULL;
	if (*top(rows) == LIST) {
		rows->has_cell = false;
		x->out.cur = x->out.buf;
	}
	*top(rows) = ROWS;
	push(rows, ROW);
	assert(rows->nr_parts < NR_PARTS);
	rows->nr_parts++;
	part(rows)->cur = part(rows)->buf;
	if (outer && cr_out_buffered(outer)) {
		const char *value = outer->buf + strlen(outer->buf) + 1;
		put(x, part(rows), outer->buf,
		    (size_t)(value + strlen(value) + 1 - outer->buf));
	}
}

void cr_rows_open(struct cr_x *x, const char *key, char bracket)
{
	struct cr_rows *rows = x->rows;
	if (bracket == '{' && !key) {
		open_row(x);
	} else if (bracket == '{') {
		finish_cell(x);
		snprintf(rows->prefix, sizeof(rows->prefix), "%s.", key);
		push(rows, MEMBER);
	} else if (!key) {
		push(rows, ROWS);
	} else {
		begin_cell(x, key);
		push(rows, LIST);
		cr_x_fail(x, cr_writer_open(&x->w, '['));
	}
}

static uint32_t number_of(const char *value)
{
	return (uint32_t)strtoul(value, NULL, 10);
}

static int by_id(const void *a, const void *b)
{
	const struct cr_row_id *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void put_key(struct cr_x *x, const char *name, size_t size,
		    const char *value)
{
	struct cr_rows *rows = x->rows;
	bool is_id = size == 3 && (!memcmp(name, "pid", 3) ||
				   !memcmp(name, "tid", 3));
	char text[CR_NUM_MAX + 1];
	if (value && is_id && rows->nr_ids) {
		struct cr_row_id id = { number_of(value), 0 };
		const struct cr_row_id *found = bsearch(
			&id, rows->ids, rows->nr_ids, sizeof(id), by_id);
		if (found) {
			*cr_put_u64(text, found->as) = 0;
			value = text;
		}
	}
	value = value ?: "";
	put(x, &rows->text, value, strlen(value) + 1);
}

static void put_keys(struct cr_x *x, const struct cr_row *row)
{
	const char *words = x->rows->keys, *word;
	size_t size;
	while (cr_rows_word(&words, &word, &size))
		put_key(x, word, size, get(row, word, size));
}

/* Small images can be made to say much. */
static void check_size(struct cr_x *x)
{
	const struct cr_rows *rows = x->rows;
	uint64_t size = cr_out_buffered(&rows->text) +
			rows->nr * sizeof(rows->row[0]);
	if (size > CR_ROWS_MAX)
		cr_x_fail(x, cr_error_new(CR_ERR_UNSUPPORTED,
					  "more than %u MiB to compare at once; "
					  "-p PID chooses some",
					  CR_ROWS_MAX >> 20));
}

static void close_row(struct cr_x *x)
{
	struct cr_rows *rows = x->rows;
	finish_cell(x);
	check_size(x);
	const struct cr_out *cells = part(rows);
	struct cr_row row = { .cells = cells->buf, .end = cells->cur };
	if (rows->nr == rows->cap) {
		size_t cap = rows->cap ? 2 * rows->cap : 64;
		void *more = realloc(rows->row, cap * sizeof(row));
		if (!more) {
			cr_x_fail(x, cr_enomem);
			return;
		}
		rows->row = more;
		rows->cap = cap;
	}
	row.off[0] = cr_out_buffered(&rows->text);
	put_keys(x, &row);
	row.off[1] = cr_out_buffered(&rows->text);
	put(x, &rows->text, cells->buf, cr_out_buffered(cells));
	row.off[2] = cr_out_buffered(&rows->text);
	rows->row[rows->nr++] = row;
	rows->nr_parts--;
}

void cr_rows_close(struct cr_x *x, char bracket)
{
	struct cr_rows *rows = x->rows;
	char frame = *top(rows);
	rows->depth--;
	if (frame == ROW)
		close_row(x);
	else if (frame == LIST)
		cr_x_fail(x, cr_writer_close(&x->w, bracket));
	else if (frame == MEMBER)
		finish_cell(x);
	if (frame == MEMBER)
		rows->prefix[0] = 0;
}

/* ---- order ---- */

/* Numbers, then hexadecimal ones, by value, then all else. */
static int kind_of(const char *value)
{
	if (*value >= '0' && *value <= '9')
		return 0;
	return strncmp(value, "\"0x", 3) ? 2 : 1;
}

static int compare_values(const char *a, const char *b)
{
	int kind = kind_of(a), order = strcmp(a, b);
	if (!order || kind != kind_of(b))
		return order ? kind - kind_of(b) : 0;
	size_t x = kind < 2 ? strlen(a) : 0, y = kind < 2 ? strlen(b) : 0;
	return x == y ? order : x < y ? -1 : 1;
}

int cr_rows_compare(const struct cr_rows *rows, const struct cr_row *a,
		    const struct cr_row *b)
{
	const char *x = a->keys, *y = b->keys;
	int order = 0;
	while (!order && x < a->cells) {
		order = compare_values(x, y);
		x += strlen(x) + 1;
		y += strlen(y) + 1;
	}
	return order;
}

static int by_keys(const void *a, const void *b, void *rows)
{
	const struct cr_row *x = a, *y = b;
	int order = cr_rows_compare(rows, x, y);
	return order ?: x->off[0] < y->off[0] ? -1 : 1;
}

void cr_rows_sort(struct cr_rows *rows, struct cr_x *x)
{
	x->rows = NULL;
	for (size_t i = 0; i < rows->nr; i++) {
		struct cr_row *row = &rows->row[i];
		row->keys = rows->text.buf + row->off[0];
		row->cells = rows->text.buf + row->off[1];
		row->end = rows->text.buf + row->off[2];
	}
	if (rows->nr)
		qsort_r(rows->row, rows->nr, sizeof(rows->row[0]), by_keys,
			rows);
}
