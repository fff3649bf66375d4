// SPDX-License-Identifier: MIT
/*
 * What a view says, as rows to compare: while x->rows is set, the JSON that the
 * view would write becomes rows in memory. Any view can be recorded, it need not
 * know of it.
 *
 * A row is an object in a list. Its cells are its members: those of an object in
 * it as "cwd.name"; a list of plain values is one cell. An object in a list in a
 * row is a row of its own, and has the first member of the outer one (pid) in
 * front. null and an empty list are the same as no cell.
 *
 * A value is compact JSON; CR_ROW_SECRET in front of it marks what is not to be
 * shown.
 */
#ifndef CR_CRIT_X_ROWS_H
#define CR_CRIT_X_ROWS_H

#include "crit/x/x.h"

#define CR_ROW_SECRET '\1'

/* What rows may take in memory; more is UNSUPPORTED. */
#define CR_ROWS_MAX (1u << 30)

/* Text in the cells: key NUL value NUL, ..., in the order of the view. */
struct cr_row {
	const char *keys;  /* the values of the keys, each with a NUL */
	const char *cells; /* to end */
	const char *end;
	size_t off[3]; /* of these, while the text still grows */
};

/* A process or thread, and the number that takes its place in keys. */
struct cr_row_id {
	uint32_t id;
	uint64_t as;
};

struct cr_rows {
	const char *keys, *skip; /* words, as in views.def */
	const struct cr_row_id *ids; /* by id; none: as they are */
	size_t nr_ids;

	struct cr_row *row;
	size_t nr, cap;
	struct cr_out text;

	/* What is being recorded: rows in rows, the cell in x->out. */
	struct cr_out part[4];
	unsigned nr_parts;
	char frame[16];
	unsigned depth;
	char cell[64], prefix[32];
	bool has_cell, secret, next_secret;
};

/** Makes x record; x->out must be zeroed or in memory. */
struct cr_error *cr_rows_init(struct cr_rows *rows, struct cr_x *x,
			      const char *keys, const char *skip) CR_MUST_CHECK;

/** Sorts the rows by their keys: numbers by value, equal keys as they came. The
 * recording ends. */
void cr_rows_sort(struct cr_rows *rows, struct cr_x *x);

/** Accepts a zeroed one. */
void cr_rows_deinit(struct cr_rows *rows);

/** Less than, equal to, or greater than 0, as the rows' keys are. */
int cr_rows_compare(const struct cr_rows *rows, const struct cr_row *a,
		    const struct cr_row *b);

/** The next cell: *at starts as row->cells; false at the end. */
bool cr_row_next(const struct cr_row *row, const char **at, const char **name,
		 const char **value);

/** The value of a cell, or NULL. */
const char *cr_row_get(const struct cr_row *row, const char *name);

/** The next word of "pid fd": false after the last. */
bool cr_rows_word(const char **words, const char **word, size_t *size);

/** Whether a word is one of them. */
bool cr_rows_has_word(const char *words, const char *word);

/* ---- for x.c and table.c: what the view writes ---- */

/** The next cell is not to be shown. */
void cr_rows_secret(struct cr_x *x);

void cr_rows_cell(struct cr_x *x, const char *key);
void cr_rows_open(struct cr_x *x, const char *key, char bracket);
void cr_rows_close(struct cr_x *x, char bracket);

#endif
