// SPDX-License-Identifier: MIT
#include "lib/pages/search.h"

#include <string.h>

#include "lib/pages/scan.h"

struct cr_error *cr_search_init(struct cr_search *search, const void *pattern,
				size_t size)
{
	*search = (struct cr_search){ .is_regex = false };
	if (!size)
		return cr_error_new(CR_ERR_USAGE, "nothing to search for");
	if (size > CR_SEARCH_BYTES_MAX)
		return cr_error_new(CR_ERR_USAGE,
				    "a pattern of %zu bytes (%u are possible)",
				    size, (unsigned)CR_SEARCH_BYTES_MAX);
	cr_find_init(&search->find, pattern, size);
	return NULL;
}

struct cr_error *cr_search_init_regex(struct cr_search *search,
				      const char *regex)
{
	char why[256];
	*search = (struct cr_search){ .is_regex = true };
	if (!*regex)
		return cr_error_new(CR_ERR_USAGE, "nothing to search for");
	int bad = regcomp(&search->regex, regex, REG_EXTENDED | REG_NEWLINE);
	if (!bad)
		return NULL;
	regerror(bad, &search->regex, why, sizeof(why));
	*search = (struct cr_search){ .is_regex = false };
	return cr_error_new(CR_ERR_USAGE, "regular expression '%s': %s", regex,
			    why);
}

void cr_search_deinit(struct cr_search *search)
{
	if (search->is_regex)
		regfree(&search->regex);
	*search = (struct cr_search){ .is_regex = false };
}

struct run {
	const struct cr_search *search;
	struct cr_pages *pages;
	cr_search_fn *fn;
	void *arg;
	uint64_t next; /* matches of a regex begin here or later */
};

/* Whether all of a match is memory that was never touched. */
static struct cr_error *is_untouched(struct run *r, uint64_t vaddr, size_t size,
				     bool *ret)
{
	struct cr_run run = { .kind = CR_RUN_ZERO };
	uint64_t end = vaddr + size;
	while (vaddr < end && run.kind == CR_RUN_ZERO) {
		struct cr_error *err = cr_pages_run(r->pages, vaddr, &run);
		if (err)
			return err;
		vaddr = run.end;
	}
	*ret = run.kind == CR_RUN_ZERO;
	return NULL;
}

static struct cr_error *report(struct run *r, uint64_t vaddr,
			       const uint8_t *data, size_t size)
{
	bool untouched = false;
	struct cr_error *err = NULL;
	if (!data[0] && !memcmp(data, data + 1, size - 1))
		err = is_untouched(r, vaddr, size, &untouched);
	return err || untouched ? err : r->fn(r->arg, vaddr, data, size);
}

static struct cr_error *look_for_bytes(void *arg, const struct cr_window *w)
{
	struct run *r = arg;
	const struct cr_find *find = &r->search->find;
	const uint8_t *p = w->data, *end = w->data + w->size;
	struct cr_error *err = NULL;
	while (!err && (p = cr_find_next(find, p, (size_t)(end - p)))) {
		err = report(r, w->vaddr + (uint64_t)(p - w->data), p,
			     find->size);
		p++;
	}
	return err;
}

/* The first match in [from, size). Whether a line begins at `from` is told by
 * the byte before it. */
static bool match(const struct cr_search *search, const uint8_t *data,
		  size_t from, size_t size, size_t *start_ret, size_t *end_ret)
{
	regmatch_t m = { .rm_so = (regoff_t)from, .rm_eo = (regoff_t)size };
	if (regexec(&search->regex, (const char *)data, 1, &m, REG_STARTEND))
		return false;
	*start_ret = (size_t)m.rm_so;
	*end_ret = (size_t)m.rm_eo;
	return true;
}

/*
 * A match that begins near the window's end may go on behind it: it is left to
 * the next window, which has it and the byte before it. Windows that do not end
 * are full, so `from` is 0 only where memory begins.
 */
static struct cr_error *look_for_regex(void *arg, const struct cr_window *w)
{
	struct run *r = arg;
	size_t limit = w->ends ? w->size + 1
		       : w->size > CR_SEARCH_REGEX_MAX
			       ? w->size - CR_SEARCH_REGEX_MAX
			       : 0;
	size_t from = r->next > w->vaddr ? (size_t)(r->next - w->vaddr) : 0;
	size_t start, end;
	for (size_t i = w->seen; i < w->size; i++)
		w->data[i] = w->data[i] ? w->data[i] : '\n';
	while (from < limit && from < w->size) {
		if (!match(r->search, w->data, from, w->size, &start, &end) ||
		    start >= limit)
			break;
		if (end > start + CR_SEARCH_REGEX_MAX)
			end = start + CR_SEARCH_REGEX_MAX;
		if (end > start) {
			struct cr_error *err =
				r->fn(r->arg, w->vaddr + start, w->data + start,
				      end - start);
			if (err)
				return err;
		}
		from = end > start ? end : end + 1;
	}
	if (from < limit)
		from = limit;
	r->next = w->vaddr + from;
	return NULL;
}

struct cr_error *cr_search_run(const struct cr_search *search,
			       struct cr_pages *pages, uint64_t start,
			       uint64_t end, cr_search_fn *fn, void *arg)
{
	struct run r = {
		.search = search, .pages = pages, .fn = fn, .arg = arg
	};
	/* One byte more, to see whether a line begins with the window. */
	if (search->is_regex)
		return cr_scan(pages, start, end, CR_SEARCH_REGEX_MAX + 1,
			       look_for_regex, &r);
	return cr_scan(pages, start, end, search->find.size - 1, look_for_bytes,
		       &r);
}
