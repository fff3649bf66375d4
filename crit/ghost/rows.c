// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "crit/ghost/ghost.h"
#include "images/regfile.pb-c.h"

/* An entry that no image has: of a ghost that no file is said to be. */
#define NO_ENTRY UINT32_MAX

static int by_row(const void *a, const void *b)
{
	const struct cr_remap *x = a, *y = b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->i == NO_ENTRY || y->i == NO_ENTRY)
		return (x->i == NO_ENTRY) - (y->i == NO_ENTRY);
	return (x->file > y->file) - (x->file < y->file);
}

static struct cr_error *add_row(struct cr_ghosts *g, size_t *cap,
				struct cr_remap row)
{
	if (g->nr == *cap) {
		size_t more = *cap ? 2 * *cap : 16;
		void *grown = realloc(g->row, more * sizeof(g->row[0]));
		if (!grown)
			return cr_enomem;
		g->row = grown;
		*cap = more;
	}
	g->row[g->nr++] = row;
	return NULL;
}

/* The first entry of each file counts. */
static struct cr_error *add_remaps(struct cr_ghosts *g, size_t *cap)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < g->remaps.nr; i++) {
		const struct cr_remap *r = &g->remaps.remap[i];
		if (i && r[-1].file == r->file)
			cr_x_find(&g->x, cr_error_new(CR_ERR_FORMAT,
						      "remap-fpath.img: entry "
						      "%u: file %u has one "
						      "already",
						      r->i, r->file));
		else
			err = add_row(g, cap, *r);
	}
	return err;
}

struct names {
	struct cr_ghosts *g;
	size_t *cap;
};

static struct cr_error *look_at_name(void *arg, const char *name)
{
	struct names *n = arg;
	struct cr_remap row = { .type = REMAP_TYPE__GHOST, .i = NO_ENTRY };
	return cr_ghost_number(name, &row.id) ? add_row(n->g, n->cap, row) :
						NULL;
}

/* Leaves out of the ghosts found by name those that are known. */
static void drop_known(struct cr_ghosts *g)
{
	size_t nr = 0;
	for (size_t i = 0; i < g->nr; i++) {
		const struct cr_remap *r = &g->row[i];
		bool known = nr && g->row[nr - 1].type == r->type &&
			     g->row[nr - 1].id == r->id;
		if (r->i != NO_ENTRY || !known)
			g->row[nr++] = *r;
	}
	g->nr = nr;
}

struct cr_error *cr_ghosts_load(struct cr_ghosts *g)
{
	size_t cap = 0;
	struct names n = { g, &cap };
	struct cr_error *err = cr_remaps_load(&g->x.set, &g->remaps);
	if (!err)
		err = add_remaps(g, &cap);
	if (!err)
		err = cr_store_each(g->x.set.store, look_at_name, &n);
	if (err)
		return err;
	if (g->nr)
		qsort(g->row, g->nr, sizeof(g->row[0]), by_row);
	drop_known(g);
	return NULL;
}

size_t cr_ghosts_row_end(const struct cr_ghosts *g, size_t i)
{
	size_t end = i + 1;
	while (end < g->nr && g->row[end].type == g->row[i].type &&
	       g->row[end].id == g->row[i].id)
		end++;
	return end;
}

bool cr_ghosts_has_file(const struct cr_remap *remap)
{
	return remap->i != NO_ENTRY;
}

char *cr_ghosts_path(struct cr_ghosts *g, uint32_t file)
{
	struct cr_opened opened = { 0 };
	char *path = NULL;
	cr_x_find(&g->x, cr_files_get(cr_x_files(&g->x), FD_TYPES__REG, file,
				      &opened));
	const RegFileEntry *reg = (const void *)opened.msg;
	if (reg) {
		path = strdup(reg->name);
		if (!path)
			cr_x_fail(&g->x, cr_enomem);
	}
	cr_opened_free(&opened);
	return path;
}
