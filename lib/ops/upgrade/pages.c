// SPDX-License-Identifier: MIT
/*
 * Pagemaps: flags in place of in_parent, counts of 64 bits. Facts: CRIU
 * criu/pagemap.c init_compat_pagemap_entry(), v3.17 and v4.2: versions before 4.2
 * read compat_nr_pages alone, which is 0 in the new form.
 */
#include <inttypes.h>

#include "lib/ops/upgrade/step.h"

enum { PE_PARENT = 1, PE_PRESENT = 4 };

/* Field numbers of pagemap_entry. */
static const struct cr_step_path in_parent = { { 3 } };
static const struct cr_step_path flags = { { 4 } };
static const struct cr_step_path nr_pages = { { 5 } };

/* Rewrites the entries of every pagemap. */
struct pagemaps {
	cr_rewrite_want_fn *want;
	cr_rewrite_fn *fn;
	void *arg;
};

static struct cr_error *rewrite(struct cr_step *s, const char *name,
				uint32_t id, void *arg)
{
	const struct pagemaps *p = arg;
	return cr_step_rewrite(s, name, p->want, p->fn, p->arg);
}

static struct cr_error *rewrite_all(struct cr_step *s, struct pagemaps p)
{
	struct cr_error *err =
		cr_step_each(s, "pagemap-", ".img", rewrite, &p);
	return err ? err :
		     cr_step_each(s, "pagemap-shmem-", ".img", rewrite, &p);
}

/* ---- flags ---- */

static bool has_no_flags(void *arg, const struct cr_rewrite_at *at,
			 const void *msg, size_t size)
{
	return at->i > 0 && (cr_step_peek(msg, size, in_parent, NULL) ||
			     !cr_step_peek(msg, size, flags, NULL));
}

static struct cr_error *give_flags(void *arg, const struct cr_rewrite_at *at,
				   json_t *entry, enum cr_rewrite *ret)
{
	uint32_t value = 0;
	bool has = cr_step_u32(entry, "flags", &value);
	if (json_is_true(json_object_get(entry, "in_parent")))
		value |= PE_PARENT;
	else if (!has)
		value = PE_PRESENT;
	json_object_del(entry, "in_parent");
	*ret = CR_REWRITE_CHANGED;
	return cr_step_set_int(entry, "flags", value);
}

struct cr_error *cr_step_page_flags_up(struct cr_step *s)
{
	return rewrite_all(s, (struct pagemaps){ has_no_flags, give_flags });
}

/* ---- counts ---- */

static bool has_old_count(void *arg, const struct cr_rewrite_at *at,
			  const void *msg, size_t size)
{
	return at->i > 0 && !cr_step_peek(msg, size, nr_pages, NULL);
}

static struct cr_error *widen(void *arg, const struct cr_rewrite_at *at,
			      json_t *entry, enum cr_rewrite *ret)
{
	if (!json_object_get(entry, "compat_nr_pages"))
		return NULL; /* a broken entry stays that */
	struct cr_error *err = cr_step_move(entry, "compat_nr_pages", entry,
					    "nr_pages");
	*ret = CR_REWRITE_CHANGED;
	return err ? err : cr_step_set_int(entry, "compat_nr_pages", 0);
}

struct cr_error *cr_step_page_counts_up(struct cr_step *s)
{
	return rewrite_all(s, (struct pagemaps){ has_old_count, widen });
}

/* ---- and back ---- */

/* A run that 32 bits cannot count becomes several, of this many pages but for the
 * last. */
#define RUN_MAX (UINT64_C(1) << 30)

/* No processor has longer addresses for processes. */
#define VADDR_MAX (UINT64_C(1) << 57)

static bool has_new_count(void *arg, const struct cr_rewrite_at *at,
			  const void *msg, size_t size)
{
	return at->i > 0 && cr_step_peek(msg, size, nr_pages, NULL);
}

/* One piece of a run in front of the entry. */
static struct cr_error *put_piece(const struct cr_rewrite_at *at,
				  const json_t *entry, uint64_t vaddr)
{
	json_t *piece = json_deep_copy(entry);
	struct cr_error *err = piece ? NULL : cr_enomem;
	if (!err)
		err = cr_step_set_int(piece, "vaddr", vaddr);
	if (!err)
		err = cr_step_set_int(piece, "compat_nr_pages", RUN_MAX);
	if (!err)
		err = cr_rewrite_insert(at, piece);
	json_decref(piece);
	return err;
}

static struct cr_error *narrow(void *arg, const struct cr_rewrite_at *at,
			       json_t *entry, enum cr_rewrite *ret)
{
	const uint64_t *page_size = arg;
	uint64_t nr, vaddr;
	struct cr_error *err = NULL;
	if (!cr_step_u64(entry, "nr_pages", &nr) ||
	    !cr_step_u64(entry, "vaddr", &vaddr))
		return NULL;
	if (nr > UINT32_MAX &&
	    (vaddr > VADDR_MAX || nr > (VADDR_MAX - vaddr) / *page_size))
		return cr_error_new(CR_ERR_FORMAT,
				    "nr_pages: %" PRIu64
				    " pages lead beyond any address",
				    nr);
	json_object_del(entry, "nr_pages");
	for (; nr > UINT32_MAX && !err; nr -= RUN_MAX) {
		err = put_piece(at, entry, vaddr);
		vaddr += RUN_MAX * *page_size;
	}
	if (!err)
		err = cr_step_set_int(entry, "vaddr", vaddr);
	*ret = CR_REWRITE_CHANGED;
	return err ? err : cr_step_set_int(entry, "compat_nr_pages", nr);
}

struct cr_error *cr_step_page_counts_down(struct cr_step *s)
{
	uint64_t page_size;
	struct cr_error *err = cr_step_page_size(s, &page_size);
	return err ? err :
		     rewrite_all(s, (struct pagemaps){ has_new_count, narrow,
						       &page_size });
}
