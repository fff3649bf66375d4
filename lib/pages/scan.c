// SPDX-License-Identifier: MIT
#include "lib/pages/scan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

struct scan {
	struct cr_pages *pages;
	struct cr_error *(*fn)(void *arg, const struct cr_window *w);
	void *arg;
	size_t overlap;
	struct cr_error *fault; /* of the images, the first */
	uint8_t *buf;		/* overlap + CR_SCAN_STEP, and a NUL */
	uint64_t vaddr;		/* of buf[0] */
	size_t size, seen;
};

/* Shows what is in the buffer and keeps its end. */
static struct cr_error *show(struct scan *s, bool ends)
{
	struct cr_window w = {
		.vaddr = s->vaddr,
		.data = s->buf,
		.size = s->size,
		.seen = s->seen,
		.ends = ends,
	};
	struct cr_error *err = NULL;
	s->buf[s->size] = 0;
	if (s->size > s->seen || (ends && s->size))
		err = s->fn(s->arg, &w);
	size_t keep = ends ? 0 : s->size < s->overlap ? s->size : s->overlap;
	memmove(s->buf, s->buf + s->size - keep, keep);
	s->vaddr += s->size - keep;
	s->size = keep;
	s->seen = keep;
	return err;
}

/* Whether there may be more to see behind this. */
static bool is_fault(const struct cr_error *err)
{
	return cr_error_code(err) == CR_ERR_FORMAT ||
	       cr_error_code(err) == CR_ERR_NOT_FOUND;
}

/* Keeps the first fault; what comes next does not follow what was before. */
static struct cr_error *note_fault(struct scan *s, struct cr_error *err)
{
	if (!is_fault(err))
		return err;
	if (s->fault)
		cr_error_free(err);
	else
		s->fault = err;
	return show(s, true);
}

/* Adds the bytes of a run in [start, end), which follow those before. */
static struct cr_error *add(struct scan *s, const struct cr_run *run,
			    uint64_t start, uint64_t end)
{
	struct cr_error *err = NULL;
	if (!s->size)
		s->vaddr = start;
	while (!err && start < end) {
		size_t room = s->overlap + CR_SCAN_STEP - s->size;
		size_t n = end - start < room ? (size_t)(end - start) : room;
		err = cr_pages_fill(s->pages, run, start, s->buf + s->size, n);
		if (err)
			return note_fault(s, err);
		s->size += n;
		start += n;
		if (n == room)
			err = show(s, false);
	}
	return err;
}

static struct cr_error *add_run(struct scan *s, const struct cr_run *run,
				uint64_t end)
{
	uint64_t size = end - run->start;
	if (run->kind != CR_RUN_ZERO || size <= 2 * s->overlap + CR_SCAN_STEP)
		return add(s, run, run->start, end);
	struct cr_error *err = NULL;
	if (s->size)
		err = add(s, run, run->start, run->start + s->overlap);
	if (!err)
		err = show(s, true);
	if (!err)
		err = add(s, run, end - s->overlap, end);
	return err;
}

struct cr_error *
cr_scan(struct cr_pages *pages, uint64_t start, uint64_t end, size_t overlap,
	struct cr_error *(*fn)(void *arg, const struct cr_window *w), void *arg)
{
	struct scan s = {
		.pages = pages, .fn = fn, .arg = arg, .overlap = overlap
	};
	if (overlap > CR_SCAN_OVERLAP_MAX)
		return cr_error_new(CR_ERR_INTERNAL, "overlap of %zu", overlap);
	cr_auto_free uint8_t *buf = malloc(overlap + CR_SCAN_STEP + 1);
	if (!buf)
		return cr_enomem;
	s.buf = buf;
	struct cr_error *err = NULL;
	while (!err && start < end) {
		struct cr_run run;
		err = cr_pages_run(pages, start, &run);
		uint64_t stop = run.end < end ? run.end : end;
		if (err)
			err = note_fault(&s, err);
		else if (cr_run_is_readable(&run))
			err = add_run(&s, &run, stop);
		else
			err = show(&s, true);
		start = stop;
	}
	if (!err)
		err = show(&s, true);
	if (!err)
		return s.fault;
	cr_error_free(s.fault);
	return err;
}
