// SPDX-License-Identifier: MIT
/*
 * What checkpoints there are: one row each, from as little reading as tells.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crit/find.h"
#include "crit/limits.h"
#include "crit/verb.h"
#include "images/pstree.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/base/out.h"
#include "lib/base/utf8.h"
#include "lib/codec/writer.h"
#include "lib/image/set.h"
#include "lib/store/container.h"

struct list {
	struct cr_words paths;
	bool json;
};

// clang-format off
static const struct cr_opt opts[] = {
	{ 0, "json", NULL, CR_FLAG(struct list, json), NULL, "a JSON list of objects, sizes in bytes" },
	{ CR_ARG, CR_WORDS(struct list, paths, CR_TAKES_FILE), "PATH", "a checkpoint, or a directory to look for some in (default: the current one)", CR_ANY },
	{ 0 },
};
// clang-format on

/* ---- finding out ---- */

struct row {
	char *path;
	struct cr_container container;
	int64_t time;	   /* of the checkpoint */
	uint64_t size;	   /* of its images */
	uint64_t diff_size; /* of rootfs-diff.tar */
	uint64_t nr_tasks;
	struct cr_error *err; /* it could not be read; what is above is not
			       * set, but for path */
	struct cr_store_findings findings;
};

struct rows {
	struct row *row;
	size_t nr, cap;
	size_t nr_failed;
	const struct cr_verb_call *call;
};

static void free_row(struct row *row)
{
	free(row->path);
	cr_container_deinit(&row->container);
	cr_error_free(row->err);
	for (size_t i = 0; i < row->findings.nr; i++)
		cr_error_free(row->findings.err[i]);
}

static void free_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->nr; i++)
		free_row(&rows->row[i]);
	free(rows->row);
}

/* Takes what the row holds. */
static struct cr_error *add_row(struct rows *rows, struct row *row)
{
	if (rows->nr == rows->cap) {
		size_t cap = rows->cap ? 2 * rows->cap : 16;
		struct row *grown =
			reallocarray(rows->row, cap, sizeof(grown[0]));
		if (!grown) {
			free_row(row);
			return cr_enomem;
		}
		rows->row = grown;
		rows->cap = cap;
	}
	rows->nr_failed += row->err != NULL;
	rows->row[rows->nr++] = *row;
	return NULL;
}

struct sum {
	struct cr_store *store;
	uint64_t size;
};

/* What is no file, or leads out, has no size. */
static struct cr_error *add_size(void *arg, const char *name)
{
	struct sum *sum = arg;
	struct cr_file file;
	struct cr_error *err = cr_store_open_file(sum->store, name, &file);
	if (err && cr_error_code(err) != CR_ERR_NOMEM) {
		cr_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	sum->size += file.size;
	cr_file_close(&file);
	return NULL;
}

/* Size and time of a file that may not be there. */
static void look_at(struct cr_error *err, struct cr_file *file,
		    uint64_t *size_ret, int64_t *time_ret)
{
	if (err) {
		cr_error_free(err);
		return;
	}
	*size_ret = file->size;
	*time_ret = file->mtime;
	cr_file_close(file);
}

static struct cr_error *count_tasks(struct cr_set *set, uint64_t *ret)
{
	struct cr_messages tasks;
	struct cr_error *err = cr_set_load(set, "pstree.img",
					   &pstree_entry__descriptor, &tasks);
	/* A pre-dump has none. */
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		return NULL;
	if (err)
		return err;
	*ret = tasks.nr;
	cr_messages_free(&tasks);
	return NULL;
}

static struct cr_error *read_row(struct cr_set *set, struct row *row)
{
	struct cr_store *store = set->store;
	struct sum sum = { .store = store };
	struct cr_file file;
	uint64_t ignored;
	int64_t when = 0;
	struct cr_error *err = cr_container_init(&row->container, store);
	if (!err)
		err = cr_store_each(store, add_size, &sum);
	if (!err)
		err = count_tasks(set, &row->nr_tasks);
	if (err)
		return err;
	row->size = sum.size;
	look_at(cr_store_open_file(store, "pstree.img", &file), &file,
		&ignored, &row->time);
	look_at(cr_store_open_file(store, "inventory.img", &file), &file,
		&ignored, &row->time);
	look_at(cr_store_open_beside(store, "rootfs-diff.tar", &file), &file,
		&row->diff_size, &when);
	if (row->container.checkpointed)
		row->time = row->container.checkpointed;
	return NULL;
}

/* What was found is the row's from here on. */
static void take_findings(struct row *row, struct cr_store *store)
{
	row->findings = store->findings;
	store->findings = (struct cr_store_findings){ 0 };
}

/* Is it, opened, no checkpoint, where it was not named as one? Out of memory
 * ends the list. */
static bool is_none(const struct cr_error *err, bool named)
{
	enum cr_err code = cr_error_code(err);
	return code == CR_ERR_NOMEM || (!named && code == CR_ERR_NOT_FOUND);
}

static struct cr_error *list_one(struct rows *rows, const char *path,
				 bool named)
{
	struct cr_set set;
	struct row row = { .path = strdup(path) };
	if (!row.path)
		return cr_enomem;
	struct cr_error *err = cr_limits_open(rows->call, path, &set);
	if (err && is_none(err, named)) {
		free(row.path);
		cr_error_catch(&err, CR_ERR_NOT_FOUND);
		return err;
	}
	if (!err) {
		err = read_row(&set, &row);
		if (err)
			err = cr_error_at(err, "%s", path);
		take_findings(&row, set.store);
		cr_set_close(&set);
	}
	row.err = err;
	return add_row(rows, &row);
}

/* ---- looking for some ---- */

static struct cr_error *list_found(void *arg, const char *path, bool named)
{
	return list_one(arg, path, named);
}

static struct cr_error *list_path(struct rows *rows, const char *path)
{
	return cr_crit_find(path, list_found, rows);
}

/* ---- text ---- */

enum { FILE_, ENGINE, CONTAINER, IMAGE, TIME, SIZE, TASKS, NR_COLUMNS };

static const char *const titles[NR_COLUMNS] = {
	"FILE", "ENGINE", "CONTAINER", "IMAGE", "TIME", "SIZE", "PROCESSES",
};

static void format_time(char *text, size_t size, int64_t t)
{
	struct tm tm;
	time_t when = (time_t)t;
	if (t <= 0 || !gmtime_r(&when, &tm) ||
	    !strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(text, size, "-");
}

/* Three digits and a power of 1024. */
static void format_size(char *text, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	unsigned i = 0;
	for (; v >= 1000 && i < 6; i++)
		v /= 1024;
	snprintf(text, size, i && v < 100 ? "%.1f %s" : "%.0f %s", v,
		 units[i]);
}

static void format_name(char *text, size_t size, const struct cr_container *c)
{
	const char *name = c->name ?: c->id ?: "-";
	if (c->pod)
		snprintf(text, size, "%s/%s/%s", c->namespace ?: "", c->pod,
			 name);
	else
		snprintf(text, size, "%s", name);
}

static void format_row(const struct row *row, char *cells[NR_COLUMNS])
{
	char when[64], size[32], name[512], tasks[32];
	format_time(when, sizeof(when), row->time);
	format_size(size, sizeof(size), row->size);
	format_name(name, sizeof(name), &row->container);
	snprintf(tasks, sizeof(tasks), "%llu",
		 (unsigned long long)row->nr_tasks);
	cells[FILE_] = cr_utf8_safe(row->path);
	cells[ENGINE] = cr_utf8_safe(row->container.engine ?: "?");
	cells[CONTAINER] = cr_utf8_safe(name);
	cells[IMAGE] = cr_utf8_safe(row->container.image ?: "-");
	cells[TIME] = cr_utf8_safe(when);
	cells[SIZE] = cr_utf8_safe(size);
	cells[TASKS] = cr_utf8_safe(tasks);
}

/* Columns on a terminal; in a file characters. */
static size_t width(const struct cr_term *term, const char *text)
{
	size_t nr = 0;
	if (term->columns)
		return cr_term_width(text, strlen(text));
	for (; *text; text++)
		nr += (*text & 0xc0) != 0x80;
	return nr;
}

static bool is_right(int column)
{
	return column == SIZE || column == TASKS;
}

static void print_cell(FILE *out, const struct cr_term *term, const char *cell,
		       size_t columns)
{
	size_t size = strlen(cell);
	struct cr_cut cut = { size, 0, "" };
	if (width(term, cell) > columns)
		cut = cr_term_cut(term, cell, size, columns);
	fprintf(out, "%.*s%s%s", (int)cut.head, cell, cut.between,
		cell + size - cut.tail);
}

static void print_line(FILE *out, const struct cr_term *term,
		       char *const cells[NR_COLUMNS],
		       const struct cr_term_column *column)
{
	int pad = 0; /* of the cell before */
	for (int i = 0; i < NR_COLUMNS; i++) {
		const char *cell = cells[i] ?: "";
		size_t w = width(term, cell);
		if (column[i].hidden)
			continue;
		if (column[i].folds)
			fprintf(out, "\n%*s", CR_TERM_INDENT, "");
		else if (i)
			fprintf(out, "%*s", pad + 2, "");
		pad = w < column[i].width ? (int)(column[i].width - w) : 0;
		if (is_right(i))
			fprintf(out, "%*s", pad, "");
		print_cell(out, term, cell, column[i].width);
		if (is_right(i))
			pad = 0;
	}
}

/* How wide the columns are, and what fits the terminal. */
static void lay_out(const struct cr_term *term, char *(*cells)[NR_COLUMNS],
		    size_t nr, struct cr_term_column *column)
{
	for (int c = 0; c < NR_COLUMNS; c++) {
		column[c] = (struct cr_term_column){ .keep = is_right(c),
						     .empty = true };
		for (size_t i = 0; i < nr; i++) {
			const char *cell = cells[i][c] ?: "";
			size_t w = width(term, cell);
			if (w > column[c].width)
				column[c].width = w;
			/* The first are the headings. */
			column[c].empty &= !i || !strcmp(cell, "-");
		}
	}
	cr_term_fit(term->columns, column, NR_COLUMNS);
}

static struct cr_error *print_table(FILE *out, const struct cr_term *term,
				    const struct rows *rows)
{
	size_t nr = rows->nr - rows->nr_failed, k = 0;
	char *(*cells)[NR_COLUMNS] = calloc(nr + 1, sizeof(cells[0]));
	struct cr_term_column columns[NR_COLUMNS];
	if (!cells)
		return cr_enomem;
	for (int i = 0; i < NR_COLUMNS; i++)
		cells[0][i] = cr_utf8_safe(titles[i]);
	for (size_t i = 0; i < rows->nr; i++)
		if (!rows->row[i].err)
			format_row(&rows->row[i], cells[++k]);
	lay_out(term, cells, nr + 1, columns);
	for (size_t i = 0; i <= nr; i++) {
		if (nr && !i)
			fputs(cr_term_on(term, CR_MARK_HEADING), out);
		if (nr)
			print_line(out, term, cells[i], columns);
		if (nr)
			fprintf(out, "%s\n",
				i ? "" : cr_term_off(term, CR_MARK_HEADING));
		for (int c = 0; c < NR_COLUMNS; c++)
			free(cells[i][c]);
	}
	free(cells);
	return NULL;
}

/* ---- JSON ---- */

/* A key and a string or, for NULL, null. What is not UTF-8 is made so. */
static struct cr_error *put_text(struct cr_writer *w, const char *key,
				 const char *text)
{
	struct cr_error *err = cr_writer_key(w, key);
	if (err || !text)
		return err ? err : cr_writer_raw(w, "null");
	if (cr_utf8_valid(text, strlen(text)))
		return cr_writer_string(w, text, strlen(text));
	cr_auto_free char *copy = cr_utf8_safe(text);
	return copy ? cr_writer_string(w, copy, strlen(copy)) : cr_enomem;
}

static struct cr_error *put_u64(struct cr_writer *w, const char *key,
				uint64_t value)
{
	struct cr_error *err = cr_writer_key(w, key);
	return err ? err : cr_writer_u64(w, value);
}

static struct cr_error *put_time(struct cr_writer *w, const char *key,
				 int64_t t)
{
	char text[64];
	struct tm tm;
	time_t when = (time_t)t;
	bool known = t > 0 && gmtime_r(&when, &tm) &&
		     strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return put_text(w, key, known ? text : NULL);
}

static struct cr_error *put_findings(struct cr_writer *w,
				     const struct cr_store_findings *findings)
{
	struct cr_error *err = cr_writer_key(w, "findings");
	if (!err)
		err = cr_writer_open(w, '[');
	for (size_t i = 0; !err && i < findings->nr; i++) {
		const char *text = cr_error_text(findings->err[i]);
		err = cr_writer_item(w);
		if (!err)
			err = cr_writer_string(w, text, strlen(text));
	}
	return err ? err : cr_writer_close(w, ']');
}

static struct cr_error *put_facts(struct cr_writer *w, const struct row *row)
{
	const struct cr_container *c = &row->container;
	struct cr_error *err = put_text(w, "engine", c->engine);
	if (!err)
		err = put_text(w, "id", c->id);
	if (!err)
		err = put_text(w, "name", c->name);
	if (!err)
		err = put_text(w, "namespace", c->namespace);
	if (!err)
		err = put_text(w, "pod", c->pod);
	if (!err)
		err = put_text(w, "image", c->image);
	if (!err)
		err = put_text(w, "runtime", c->runtime);
	if (!err)
		err = put_time(w, "created", c->created);
	if (!err)
		err = put_time(w, "time", row->time);
	if (!err)
		err = put_u64(w, "size", row->size);
	if (!err)
		err = put_u64(w, "rootfs_diff_size", row->diff_size);
	if (!err)
		err = put_u64(w, "processes", row->nr_tasks);
	return err;
}

static struct cr_error *put_row(struct cr_writer *w, const struct row *row)
{
	struct cr_error *err = cr_writer_item(w);
	if (!err)
		err = cr_writer_open(w, '{');
	if (!err)
		err = put_text(w, "path", row->path);
	if (!err && row->err)
		err = put_text(w, "error", cr_error_text(row->err));
	else if (!err)
		err = put_facts(w, row);
	if (!err)
		err = put_findings(w, &row->findings);
	return err ? err : cr_writer_close(w, '}');
}

static struct cr_error *print_json(FILE *file, const struct rows *rows)
{
	struct cr_out out = { 0 };
	struct cr_writer w = { .out = &out, .style = { .indent = true } };
	struct cr_error *err = cr_out_init_mem(&out);
	if (!err)
		err = cr_writer_open(&w, '[');
	for (size_t i = 0; !err && i < rows->nr; i++)
		err = put_row(&w, &rows->row[i]);
	if (!err)
		err = cr_writer_close(&w, ']');
	if (!err) {
		fwrite(out.buf, 1, (size_t)(out.cur - out.buf), file);
		fputc('\n', file);
	}
	cr_out_deinit(&out);
	return err;
}

/* ---- the verb ---- */

/* Beside the table, what it leaves out. */
static void print_odd(const struct rows *rows)
{
	for (size_t i = 0; i < rows->nr; i++) {
		const struct row *row = &rows->row[i];
		const struct cr_store_findings *f = &row->findings;
		if (row->err)
			fprintf(stderr, "crit: %s\n", cr_error_text(row->err));
		cr_auto_free char *path = cr_utf8_safe(row->path);
		for (size_t k = 0; k < f->nr; k++)
			fprintf(stderr, "crit: %s: %s\n", path ?: "",
				cr_error_text(f->err[k]));
		if (f->nr_more)
			fprintf(stderr, "crit: %s: and %llu more\n",
				path ?: "", (unsigned long long)f->nr_more);
	}
}

static struct cr_error *print(const struct cr_verb_call *call,
			      const struct rows *rows)
{
	const struct list *o = call->values;
	struct cr_error *err = o->json ? print_json(call->out, rows) :
					 print_table(call->out, call->term, rows);
	if (err)
		return err;
	fflush(call->out);
	if (!o->json)
		print_odd(rows);
	if (!rows->nr_failed)
		return NULL;
	return cr_error_new(CR_ERR_FORMAT,
			    "%zu of %zu checkpoints could not be read",
			    rows->nr_failed, rows->nr);
}

static struct cr_error *run(const struct cr_verb_call *call)
{
	const struct list *o = call->values;
	struct rows rows = { .call = call };
	struct cr_error *err = NULL;
	if (!o->paths.nr)
		err = list_path(&rows, ".");
	for (size_t i = 0; !err && i < o->paths.nr; i++)
		err = list_path(&rows, o->paths.word[i]);
	if (!err)
		err = print(call, &rows);
	free_rows(&rows);
	return err;
}

const struct cr_verb cr_verb_list = {
	.name = "list",
	.summary = "checkpoints in directories and archives",
	.text = "One line for each checkpoint: a directory of images, or an "
		"archive as Podman, CRI-O and containerd export it, also as a "
		"layer in an OCI image layout, read without being unpacked. A directory that is none itself is "
		"looked through, four levels deep, links not followed.\n"
		"\n"
		"TIME is when the engine says that it made the checkpoint, else "
		"when inventory.img was written (UTC). SIZE is that of the "
		"images. A container of Kubernetes is NAMESPACE/POD/NAME. "
		"Standard error says what is odd: members of an archive with "
		"names that lead out of it, or there more than once.",
	.opts = opts,
	.values_size = sizeof(struct list),
	.run = run,
};
