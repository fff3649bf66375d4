// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <string.h>

#include "crit/mem/mem.h"
#include "crit/x/table.h"

/* A mapping, or pages outside of one, being gone through. */
struct row {
	const struct cr_vma *vma;
	uint64_t start, end;
	uint64_t saved, parent, lazy; /* bytes */
	const struct cr_content *content; /* what other bytes come from */
	bool open;
};

/* On a terminal: a table, whose columns are no wider than they need to be. */
static const struct cr_column columns[] = {
	{ "start-end", true }, { "perm" },	   { "pages", true },
	{ "saved", true },     { "parent", true }, { "lazy", true },
	{ "name" },	       { 0 },
};

static bool is_table(const struct cr_mem *m)
{
	return !m->x.json && m->x.term && m->x.term->columns;
}

static void put_pages(struct cr_mem *m, uint64_t bytes)
{
	if (bytes)
		cr_cell_u64(&m->x, bytes / m->pages.space.page_size);
	else
		cr_cell_none(&m->x);
}

static void put_cells(struct cr_mem *m, const struct row *row, const char *perms)
{
	struct cr_x *x = &m->x;
	const char *name = cr_mem_name(m, row->vma);
	cr_cell_text(x, "%" PRIx64 "-%" PRIx64, row->start, row->end);
	cr_cell_string(x, perms);
	put_pages(m, row->end - row->start);
	put_pages(m, row->saved);
	put_pages(m, row->parent);
	put_pages(m, row->lazy);
	if (*name && row->vma->pgoff)
		cr_cell_text(x, "%s +0x%" PRIx64, name, row->vma->pgoff);
	else
		cr_cell_string(x, name);
}

static void put_text(struct cr_mem *m, const struct row *row, const char *perms)
{
	struct cr_x *x = &m->x;
	uint32_t page = m->pages.space.page_size;
	const char *name = cr_mem_name(m, row->vma);
	cr_x_text(x,
		  "%16" PRIx64 "-%-16" PRIx64 " %s %9" PRIu64 " %9" PRIu64
		  " %9" PRIu64 " %9" PRIu64,
		  row->start, row->end, perms, (row->end - row->start) / page,
		  row->saved / page, row->parent / page, row->lazy / page);
	if (*name) {
		cr_x_text(x, "  ");
		cr_x_safe(x, name, strlen(name));
	}
	if (*name && row->vma->pgoff)
		cr_x_text(x, " +0x%" PRIx64, row->vma->pgoff);
	if (row->content)
		cr_x_text(x, " (%s)", row->content->image);
	cr_x_text(x, "\n");
}

static void put_json(struct cr_mem *m, const struct row *row, const char *perms)
{
	struct cr_x *x = &m->x;
	uint32_t page = m->pages.space.page_size;
	const char *name = cr_mem_name(m, row->vma);
	cr_x_open(x, NULL, '{');
	cr_x_hex(x, "start", row->start);
	cr_x_hex(x, "end", row->end);
	cr_x_string(x, "perms", row->vma ? perms : NULL);
	cr_x_string(x, "name", *name ? name : NULL);
	cr_x_hex(x, "offset", row->vma ? row->vma->pgoff : 0);
	cr_x_u64(x, "pages", (row->end - row->start) / page);
	cr_x_u64(x, "saved", row->saved / page);
	cr_x_u64(x, "parent", row->parent / page);
	cr_x_u64(x, "lazy", row->lazy / page);
	cr_x_string(x, "content", row->content ? row->content->image : NULL);
	cr_x_close(x, '}');
}

static void close_row(struct cr_mem *m, struct row *row)
{
	char perms[5] = "----";
	if (!row->open)
		return;
	if (row->vma)
		cr_mem_perms(row->vma, perms);
	if (is_table(m))
		put_cells(m, row, perms);
	else
		put_text(m, row, perms);
	put_json(m, row, perms);
	row->open = false;
}

static void add_run(struct cr_mem *m, struct row *row, const struct cr_run *run)
{
	bool follows = row->open && row->vma == run->vma &&
		       (run->vma || row->end == run->start);
	if (!follows) {
		close_row(m, row);
		*row = (struct row){
			.vma = run->vma,
			.start = run->vma ? run->vma->start : run->start,
			.open = true,
		};
	}
	row->end = run->vma ? run->vma->end : run->end;
	uint64_t size = run->end - run->start;
	if (run->kind == CR_RUN_DATA && !run->layer)
		row->saved += size;
	if (run->kind == CR_RUN_DATA && run->layer)
		row->parent += size;
	if (run->kind == CR_RUN_LAZY)
		row->lazy += size;
	if (run->content)
		row->content = run->content;
}

static void put_rows(struct cr_mem *m)
{
	struct row row = { .open = false };
	for (uint64_t at = 0; at < UINT64_MAX && !m->x.err;) {
		struct cr_run run;
		struct cr_error *err = cr_pages_run(&m->pages, at, &run);
		cr_x_find(&m->x, err);
		if (run.kind != CR_RUN_NONE)
			add_run(m, &row, &run);
		at = run.end;
	}
	close_row(m, &row);
}

static struct cr_error *map(struct cr_mem *m)
{
	struct cr_x *x = &m->x;
	cr_x_heading(x, "%s %u, pages of %u bytes",
		  m->is_object ? "shared memory" : "process", (unsigned)m->id,
		  (unsigned)m->pages.space.page_size);
	if (is_table(m)) {
		cr_table_begin(x, columns);
		put_rows(m);
		cr_table_end(x);
		return NULL;
	}
	cr_x_heading(x, "%16s-%-16s %s %9s %9s %9s %9s  %s", "START", "END",
		  "PERM", "PAGES", "SAVED", "PARENT", "LAZY", "NAME");
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, m->is_object ? "shmid" : "pid", m->id);
	cr_x_u64(x, "page_size", m->pages.space.page_size);
	cr_x_open(x, "maps", '[');
	put_rows(m);
	cr_x_close(x, ']');
	cr_x_close(x, '}');
	return NULL;
}

void cr_mem_map(struct cr_mem *m)
{
	cr_x_open(&m->x, NULL, '[');
	cr_mem_each(m, map);
	cr_x_close(&m->x, ']');
}
