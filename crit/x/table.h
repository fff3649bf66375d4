// SPDX-License-Identifier: MIT
/*
 * A view that is a table: rows of cells under the same columns. With --json a
 * list of objects with the columns' keys; as text a heading and aligned lines,
 * written when the last row is known. An absent value is null, as text "-".
 *
 *	static const struct cr_column columns[] = {
 *		{ "pid", true }, { "name" }, { 0 },
 *	};
 *	cr_table_begin(x, columns);
 *	cr_cell_u64(x, pid);
 *	cr_cell_string(x, name);	// the last cell ends the row
 *	cr_table_end(x);
 */
#ifndef CR_CRIT_X_TABLE_H
#define CR_CRIT_X_TABLE_H

#include "crit/x/x.h"

struct cr_column {
	const char *key; /* of the JSON; the heading is in capitals */
	bool right;	 /* flush right: numbers */
};

/** columns end with {0}. */
void cr_table_begin(struct cr_x *x, const struct cr_column *columns);

/** The same in an object of the JSON, under a key. */
void cr_table_begin_as(struct cr_x *x, const char *key,
		       const struct cr_column *columns);
void cr_table_end(struct cr_x *x);

/**
 * The cells to come, the last before cr_table_end(), are sums of the rows. In
 * JSON they are no row, but an object under a key next to the list's. The first
 * is cr_cell_label().
 */
void cr_table_total(struct cr_x *x, const char *key);

void cr_cell_u64(struct cr_x *x, uint64_t value);
void cr_cell_i64(struct cr_x *x, int64_t value);
void cr_cell_hex(struct cr_x *x, uint64_t value);
void cr_cell_bool(struct cr_x *x, bool value); /* yes, no */
void cr_cell_none(struct cr_x *x);

/** A name from an image, or a text of ours. NULL is cr_cell_none(). */
void cr_cell_string(struct cr_x *x, const char *name);
void cr_cell_bytes(struct cr_x *x, const void *name, size_t size);

/** As text only: what the row is. */
void cr_cell_label(struct cr_x *x, const char *label);

/** A number in JSON, whatever printf(3) makes of the rest as text. */
void cr_cell_u64_as(struct cr_x *x, uint64_t value, const char *fmt, ...)
	CR_PRINTF(3, 4);

/** Bytes: in JSON their number, as text "512", "4.0K", "1.5G". */
void cr_cell_size(struct cr_x *x, uint64_t value);

/** A cell that is a list or an object in JSON, which is written between the two
 * calls; as text it is what the second is given. */
void cr_cell_open(struct cr_x *x, char bracket);
void cr_cell_close(struct cr_x *x, char bracket, const char *text, size_t size);

/** As printf(3): in JSON a string. */
void cr_cell_text(struct cr_x *x, const char *fmt, ...) CR_PRINTF(2, 3);

/** As cr_cell_text(), but nothing without --show-secrets. What is recorded
 * (rows.h) has it nonetheless, and marked as such. */
void cr_cell_secret(struct cr_x *x, const char *fmt, ...) CR_PRINTF(2, 3);

/** A name if there is one for the number, else the number, in both forms. */
void cr_cell_name_or(struct cr_x *x, const char *name, uint64_t value);

/** Words that are set in a mask, name[i] for bit i and "bitN" for those without
 * one: in JSON a list, as text joined by commas, "-" for none. */
void cr_cell_bits(struct cr_x *x, uint64_t mask, const char *const *name,
		  unsigned nr);

/** Words that each end with a NUL, as arguments of a program: in JSON a list, as
 * text as one would type them in a shell. */
void cr_cell_words(struct cr_x *x, const char *words, size_t size);

#endif
