// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crit/diff/diff.h"
#include "crit/x/views.h"

// clang-format off
static const struct {
	const char *name, *keys, *skip;
	void (*run)(struct cr_x *x);
} views[] = {
#define VIEW(name, tree, keys, skip, ...) { #name, keys, skip, cr_x_view_##name },
#include "crit/x/views.def"
#undef VIEW
};
// clang-format on

const char *cr_section_name(unsigned section)
{
	if (section == CR_SECTION_MEMORY)
		return "memory";
	return *views[section].keys ? views[section].name : NULL;
}

/* ---- pairs of rows ---- */

struct merge {
	const struct cr_differ *d;
	unsigned section;
	const struct cr_rows *rows[2];
	size_t at[2];
};

/* The section whose rows are what a key names. */
static unsigned section_of(const char *key, size_t size)
{
	if (size == 3 && !memcmp(key, "pid", 3))
		return CR_SECTION_ps;
	if (size == 3 && !memcmp(key, "tid", 3))
		return CR_SECTION_threads;
	return CR_NR_SECTIONS;
}

/* A row of one side is left out if it is about a process or thread of that side
 * alone: that one is a row of ps, or threads. */
static bool is_told(const struct merge *m, const struct cr_row *row, int side)
{
	const char *words = m->rows[side]->keys, *word, *value = row->keys;
	size_t size;
	for (; cr_rows_word(&words, &word, &size);
	     value += strlen(value) + 1) {
		unsigned told = section_of(word, size);
		if (told == CR_NR_SECTIONS || told == m->section ||
		    !m->d->wanted[told])
			continue;
		if (!cr_diff_has(m->d, !side, strtoull(value, NULL, 10)))
			return true;
	}
	return false;
}

/* Keys are the same, or stand for each other (--match name): ps says so. */
static bool is_compared(const struct merge *m, const char *name)
{
	return m->section == CR_SECTION_ps ||
	       !cr_rows_has_word(m->rows[0]->keys, name);
}

/* Goes through the cells that differ: first those that A has, then those that B
 * alone has. Starts zeroed. */
struct cells {
	const char *at;
	bool in_b;
	const char *name, *value[2];
};

static bool next_cell(const struct merge *m, const struct cr_row *a,
		      const struct cr_row *b, struct cells *c)
{
	const char *value;
	c->at = c->at ?: a->cells;
	while (!c->in_b && cr_row_next(a, &c->at, &c->name, &c->value[0])) {
		c->value[1] = cr_row_get(b, c->name);
		if (is_compared(m, c->name) &&
		    (!c->value[1] || strcmp(c->value[0], c->value[1])))
			return true;
	}
	if (!c->in_b)
		c->at = b->cells;
	c->in_b = true;
	c->value[0] = NULL;
	while (cr_row_next(b, &c->at, &c->name, &value)) {
		c->value[1] = value;
		if (is_compared(m, c->name) && !cr_row_get(a, c->name))
			return true;
	}
	return false;
}

static bool is_same(const struct merge *m, const struct cr_row *a,
		    const struct cr_row *b)
{
	struct cells c = { 0 };
	size_t size = (size_t)(a->end - a->cells);
	if (size == (size_t)(b->end - b->cells) &&
	    !memcmp(a->cells, b->cells, size))
		return true;
	return !next_cell(m, a, b, &c);
}

/* The next difference: a row that one side alone has, or two. */
static bool next_pair(struct merge *m, const struct cr_row *ret[2])
{
	for (;;) {
		const struct cr_row *row[2];
		for (int i = 0; i < 2; i++)
			row[i] = m->at[i] < m->rows[i]->nr
					 ? &m->rows[i]->row[m->at[i]]
					 : NULL;
		if (!row[0] && !row[1])
			return false;
		int order = !row[0] ? 1
			    : !row[1]
				    ? -1
				    : cr_rows_compare(m->rows[0], row[0], row[1]);
		ret[0] = order <= 0 ? row[0] : NULL;
		ret[1] = order >= 0 ? row[1] : NULL;
		m->at[0] += order <= 0;
		m->at[1] += order >= 0;
		if (order ? !is_told(m, row[order > 0], order > 0)
			  : !is_same(m, row[0], row[1]))
			return true;
	}
}

/* ---- writing ---- */

/* Text that needs no quotes. "-" does: it stands for nothing. */
static bool is_plain(const char *value, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:./[]()*~#-";
	size_t n = 0;
	while (n < size && strchr(plain, value[n]))
		n++;
	return size && n == size && strcmp(value, "-\"");
}

static void put_value(struct cr_x *x, const char *value)
{
	size_t size = value ? strlen(value) : 0;
	if (!value)
		cr_x_text(x, "-");
	else if (*value == CR_ROW_SECRET)
		cr_x_text(x, "(not shown)");
	else if (*value == '"' && is_plain(value + 1, size - 2))
		cr_x_safe(x, value + 1, size - 2);
	else
		cr_x_safe(x, value, size);
}

static void put_json(struct cr_x *x, const char *key, const char *value)
{
	cr_x_raw(x, key, value && *value != CR_ROW_SECRET ? value : "null");
}

/* " pid 12 fd 3" */
static void put_keys(struct cr_x *x, const struct merge *m,
		     const struct cr_row *row)
{
	const char *at = row->cells, *name, *value;
	while (cr_row_next(row, &at, &name, &value)) {
		if (!cr_rows_has_word(m->rows[0]->keys, name))
			continue;
		cr_x_text(x, " %s ", name);
		put_value(x, value);
		put_json(x, name, value);
	}
}

static void put_changed(struct cr_x *x, const struct merge *m,
			const struct cr_row *a, const struct cr_row *b)
{
	struct cells c = { 0 };
	const char *sep = ": ";
	cr_x_text(x, "  ~");
	cr_x_string(x, "diff", "changed");
	put_keys(x, m, a);
	cr_x_open(x, "changes", '{');
	for (; next_cell(m, a, b, &c) && !x->err; sep = ", ") {
		cr_x_text(x, "%s%s ", sep, c.name);
		put_value(x, c.value[0]);
		cr_x_text(x, " -> ");
		put_value(x, c.value[1]);
		cr_x_open(x, c.name, '[');
		put_json(x, NULL, c.value[0]);
		put_json(x, NULL, c.value[1]);
		cr_x_close(x, ']');
	}
	cr_x_close(x, '}');
}

static void put_only(struct cr_x *x, const struct merge *m,
		     const struct cr_row *row, int side)
{
	const char *at = row->cells, *name, *value, *sep = ": ";
	cr_x_text(x, side ? "  +" : "  -");
	cr_x_string(x, "diff", side ? "only_b" : "only_a");
	put_keys(x, m, row);
	while (cr_row_next(row, &at, &name, &value) && !x->err) {
		if (cr_rows_has_word(m->rows[0]->keys, name))
			continue;
		cr_x_text(x, "%s%s ", sep, name);
		put_value(x, value);
		put_json(x, name, value);
		sep = ", ";
	}
}

static void put_pair(struct cr_x *x, const struct merge *m,
		     const struct cr_row *pair[2])
{
	cr_x_open(x, NULL, '{');
	if (pair[0] && pair[1])
		put_changed(x, m, pair[0], pair[1]);
	else
		put_only(x, m, pair[0] ?: pair[1], !pair[0]);
	cr_x_close(x, '}');
	cr_x_text(x, "\n");
}

/* "regs: 3 changed, 1 only in B" */
static void put_heading(struct cr_differ *d, struct merge m)
{
	const struct cr_row *pair[2];
	uint64_t nr[3] = { 0 }; /* changed, only in A, only in B */
	static const char *const what[] = { "changed", "only in A", "only in B" };
	const char *sep = ": ";
	while (next_pair(&m, pair))
		nr[pair[0] && pair[1] ? 0 : pair[0] ? 1 : 2]++;
	d->nr[m.section] = nr[0] + nr[1] + nr[2];
	if (!d->nr[m.section])
		return;
	cr_x_text(&d->out, "%s", views[m.section].name);
	for (int i = 0; i < 3; i++) {
		if (!nr[i])
			continue;
		cr_x_text(&d->out, "%s%" PRIu64 " %s", sep, nr[i], what[i]);
		sep = ", ";
	}
	cr_x_text(&d->out, "\n");
}

static void compare(struct cr_differ *d, unsigned section,
		    const struct cr_rows *rows)
{
	struct merge m = { d, section, { &rows[0], &rows[1] }, { 0, 0 } };
	const struct cr_row *pair[2];
	put_heading(d, m);
	cr_x_open(&d->out, views[section].name, '[');
	while (!d->out.err && next_pair(&m, pair))
		put_pair(&d->out, &m, pair);
	cr_x_close(&d->out, ']');
}

static void record(struct cr_differ *d, unsigned section, int side,
		   struct cr_rows *rows)
{
	struct cr_x *x = &d->side[side];
	cr_x_fail(x, cr_rows_init(rows, x, views[section].keys,
				  views[section].skip));
	rows->ids = d->id[side];
	rows->nr_ids = d->nr_ids[side];
	if (!x->err)
		views[section].run(x);
	cr_rows_sort(rows, x);
}

/* More than there is room for is no reason to leave out other views. */
static bool is_recorded(struct cr_x *x, unsigned section)
{
	if (x->err && cr_error_code(x->err) == CR_ERR_UNSUPPORTED) {
		cr_x_find(x, cr_error_at(x->err, "%s", views[section].name));
		x->err = NULL;
		return false;
	}
	return !x->err;
}

void cr_diff_rows(struct cr_differ *d, unsigned section)
{
	struct cr_rows rows[2] = { 0 };
	bool is_whole = true;
	for (int i = 0; i < 2 && is_whole; i++) {
		record(d, section, i, &rows[i]);
		is_whole = is_recorded(&d->side[i], section);
	}
	if (is_whole)
		compare(d, section, rows);
	for (int i = 0; i < 2; i++)
		cr_rows_deinit(&rows[i]);
}
