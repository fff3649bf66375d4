// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "crit/diff/diff.h"
#include "lib/base/cleanup.h"

/* Ids beyond those of processes: B's that are not in A. */
#define ELSEWHERE (1ull << 32)

/* ---- ids ---- */

static int by_id(const void *a, const void *b)
{
	const struct cr_row_id *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

uint64_t cr_diff_id(const struct cr_differ *d, int side, uint32_t id)
{
	struct cr_row_id key = { id, 0 };
	const struct cr_row_id *found =
		d->nr_ids[side] ? bsearch(&key, d->id[side], d->nr_ids[side],
					  sizeof(key), by_id)
				: NULL;
	return found ? found->as : id;
}

bool cr_diff_has(const struct cr_differ *d, int side, uint64_t as)
{
	return d->nr_ids[side] && bsearch(&as, d->as[side], d->nr_ids[side],
					  sizeof(as), by_number);
}

/* Processes and threads of a side; all but those that match() finds are
 * `elsewhere`. */
static struct cr_error *list_ids(struct cr_differ *d, int side,
				 uint64_t elsewhere)
{
	const struct cr_pstree *tree = &d->side[side].tree;
	size_t nr = 0, max = 1;
	for (size_t i = 0; i < tree->nr; i++)
		max += 1 + tree->task[i].entry->n_threads;
	struct cr_row_id *id = calloc(max, sizeof(*id));
	d->id[side] = id;
	d->as[side] = calloc(max, sizeof(uint64_t));
	if (!id || !d->as[side])
		return cr_enomem;
	for (size_t i = 0; i < tree->nr; i++) {
		const PstreeEntry *e = tree->task[i].entry;
		id[nr++].id = e->pid;
		for (size_t k = 0; k < e->n_threads; k++)
			id[nr++].id = e->threads[k];
	}
	qsort(id, nr, sizeof(*id), by_id);
	for (size_t i = 0; i < nr; i++) {
		if (i && id[i].id == d->id[side][d->nr_ids[side] - 1].id)
			continue;
		id[d->nr_ids[side]++] =
			(struct cr_row_id){ id[i].id, id[i].id + elsewhere };
	}
	return NULL;
}

static void sort_as(struct cr_differ *d, int side)
{
	size_t nr = d->nr_ids[side];
	for (size_t i = 0; i < nr; i++)
		d->as[side][i] = d->id[side][i].as;
	qsort(d->as[side], nr, sizeof(uint64_t), by_number);
}

/* ---- by name ---- */

struct named {
	struct cr_brief brief;
	const PstreeEntry *entry;
	size_t i; /* its place in the tree */
};

static int by_name(const struct named *x, const struct named *y)
{
	if (!x->brief.comm || !y->brief.comm)
		return !!x->brief.comm - !!y->brief.comm;
	return strcmp(x->brief.comm, y->brief.comm);
}

static int by_name_and_place(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = by_name(x, y);
	return order ?: x->i < y->i ? -1 : x->i > y->i;
}

static struct cr_error *list_names(struct cr_x *x, struct named **ret)
{
	struct named *list = calloc(x->tree.nr + 1, sizeof(*list));
	if (!list)
		return cr_enomem;
	for (size_t i = 0; i < x->tree.nr; i++) {
		list[i].entry = x->tree.task[i].entry;
		list[i].i = i;
		/* A broken core is told by the view. */
		cr_error_free(cr_brief_load(&x->set, list[i].entry->pid,
					    &list[i].brief));
	}
	qsort(list, x->tree.nr, sizeof(*list), by_name_and_place);
	*ret = list;
	return NULL;
}

static void free_names(struct named *list, size_t nr)
{
	for (size_t i = 0; list && i < nr; i++)
		cr_brief_free(&list[i].brief);
	free(list);
}

static void pair(struct cr_differ *d, uint32_t a, uint32_t b)
{
	struct cr_row_id key = { b, 0 };
	struct cr_row_id *found = bsearch(&key, d->id[1], d->nr_ids[1],
					  sizeof(key), by_id);
	if (found && found->as >= ELSEWHERE)
		found->as = a;
}

static void pair_processes(struct cr_differ *d, const PstreeEntry *a,
			   const PstreeEntry *b)
{
	size_t k = 0;
	pair(d, a->pid, b->pid);
	for (size_t i = 0; i < a->n_threads; i++) {
		if (a->threads[i] == a->pid)
			continue;
		if (k < b->n_threads && b->threads[k] == b->pid)
			k++;
		if (k < b->n_threads)
			pair(d, a->threads[i], b->threads[k++]);
	}
}

static struct cr_error *match_names(struct cr_differ *d)
{
	struct named *a = NULL, *b = NULL;
	size_t nr_a = d->side[0].tree.nr, nr_b = d->side[1].tree.nr;
	struct cr_error *err = list_names(&d->side[0], &a);
	if (!err)
		err = list_names(&d->side[1], &b);
	for (size_t i = 0, k = 0; !err && i < nr_a && k < nr_b;) {
		int order = by_name(&a[i], &b[k]);
		if (!order)
			pair_processes(d, a[i].entry, b[k].entry);
		i += order <= 0;
		k += order >= 0;
	}
	free_names(a, nr_a);
	free_names(b, nr_b);
	return err;
}

/* ---- -p ---- */

/* The pid that B has for a process of A; or the same. */
static uint32_t pid_in_b(const struct cr_differ *d, uint32_t pid)
{
	for (size_t i = 0; i < d->nr_ids[1]; i++) {
		if (d->id[1][i].as == pid)
			return d->id[1][i].id;
	}
	return pid;
}

static struct cr_error *choose_pids(struct cr_differ *d, const char *text)
{
	struct cr_x *a = &d->side[0], *b = &d->side[1];
	if (!text)
		return NULL;
	struct cr_error *err = cr_opts_pids(text, &a->pids, &a->nr_pids);
	if (err)
		return err;
	b->pids = calloc(a->nr_pids, sizeof(b->pids[0]));
	if (!b->pids)
		return cr_enomem;
	/* One that is not there keeps others from being meant. */
	for (; b->nr_pids < a->nr_pids; b->nr_pids++)
		b->pids[b->nr_pids] = pid_in_b(d, a->pids[b->nr_pids]);
	return NULL;
}

struct cr_error *cr_diff_match(struct cr_differ *d)
{
	bool names = d->o->match == CR_MATCH_NAME;
	struct cr_error *err = list_ids(d, 0, 0);
	if (!err)
		err = list_ids(d, 1, names ? ELSEWHERE : 0);
	if (!err && names)
		err = match_names(d);
	if (!err) {
		sort_as(d, 0);
		sort_as(d, 1);
		err = choose_pids(d, d->o->pids);
	}
	return err;
}
