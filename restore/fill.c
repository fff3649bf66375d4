// SPDX-License-Identifier: MIT
#include "restore/fill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "restore/early.h"
#include "restore/steps.h"

static void *address(uint64_t vaddr)
{
	return (void *)(uintptr_t)vaddr; // NOLINT: an address of the image
}

void *cr_fill_address(uint64_t vaddr)
{
	return address(vaddr);
}

bool cr_fill_is_own(const struct cr_proc *proc, const struct cr_run *r)
{
	return r->kind == CR_RUN_DATA && r->object == &proc->pages.own;
}

struct cr_error *cr_fill(struct cr_fill *fill)
{
	struct iovec *iov = fill->iov;
	while (fill->nr) {
		ssize_t n = preadv(fill->fd, iov, (int)fill->nr,
				   (off_t)fill->off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cr_error_sys("read pages");
		if (!n)
			return cr_error_new(CR_ERR_FORMAT,
					    "the pages image is cut short");
		fill->off += (uint64_t)n;
		for (; fill->nr && (size_t)n >= iov->iov_len; fill->nr--)
			n -= (ssize_t)iov++->iov_len;
		if (fill->nr) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return NULL;
}

// Whether more of the same pages image follows what is to be read.
static bool continues(const struct cr_fill *fill, const struct cr_run *r)
{
	return fill->nr && fill->layer == r->layer &&
	       fill->pages_id == r->pages_id;
}

struct cr_error *cr_fill_run(struct cr_fill *fill, struct cr_pages *pages,
			     const struct cr_run *r, void *data)
{
	size_t size = r->end - r->start;
	struct cr_error *err = NULL;
	uint64_t off;
	int fd;
	if (fill->nr && !continues(fill, r))
		err = cr_fill(fill);
	if (!err)
		err = cr_pages_fd(pages, r, r->start, &fd, &off);
	if (err)
		return err;
	if (fd < 0)
		return cr_pages_fill(pages, r, r->start, data, size);
	if (fill->nr && (fill->nr == CR_FILL_MAX || off != fill->next)) {
		err = cr_fill(fill);
		if (err)
			return err;
	}
	if (!fill->nr) {
		fill->fd = fd;
		fill->off = off;
		fill->layer = r->layer;
		fill->pages_id = r->pages_id;
	}
	struct iovec *last = fill->nr ? &fill->iov[fill->nr - 1] : NULL;
	if (last && (char *)last->iov_base + last->iov_len == data)
		last->iov_len += size;
	else
		fill->iov[fill->nr++] = (struct iovec){ data, size };
	fill->next = off + size;
	return NULL;
}

/* ---- huge pages ---- */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

struct huge {
	bool over;     // it is not worth while any more
	bool asked;
	uint64_t seen; // up to here it has been tried
};

#define HUGE_SIZE    (2ull << 20)
// Each call makes every processor drain its lists first, so some at a time.
#define HUGE_STEP    (16 * HUGE_SIZE)
#define HUGE_SLOW_NS 200000000 // for a step; then it is the others' memory we take

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * Gives huge pages to what will be filled wholly anyway: filling is then three
 * times as fast. It changes no flag of the mapping, as MADV_HUGEPAGE would. An
 * error is no harm; nor is anything tried after a step that was slow.
 */
static bool huge_allowed(void)
{
	char text[80] = "";
	cr_auto_close int fd = open("/sys/kernel/mm/transparent_hugepage/enabled",
				    O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
	       !strstr(text, "[never]");
}

static void make_huge(struct huge *huge, const VmaEntry *vma,
		      uint64_t start, uint64_t end)
{
	start = (start + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);
	if (vma->status & ~(uint32_t)(1 | CR_VMA_ANON_PRIVATE | CR_VMA_HEAP) ||
	    vma->madv >> MADV_NOHUGEPAGE & 1)
		return;
	end &= ~(HUGE_SIZE - 1);
	while (!huge->over && start < end) {
		uint64_t before = now_ns(), size = end - start;
		size = size < HUGE_STEP ? size : HUGE_STEP;
		for (uint64_t at = start; at < start + size; at += HUGE_SIZE)
			*(volatile char *)address(at) = 0;
		huge->over = madvise(address(start), size, MADV_COLLAPSE) ||
			     now_ns() - before > HUGE_SLOW_NS;
		start += size;
	}
}

// CRIU writes large memory in many entries, which follow each other.
static struct cr_error *look_ahead(struct huge *huge, struct cr_proc *proc,
				   const struct cr_mapping *m,
				   const struct cr_run *first)
{
	struct cr_run r = *first;
	uint64_t end = r.end;
	while (!huge->over && end < m->vma->end) {
		struct cr_error *err = cr_pages_run(&proc->pages, end, &r);
		if (err)
			return err;
		if (!cr_fill_is_own(proc, &r))
			break;
		end = r.end < m->vma->end ? r.end : m->vma->end;
	}
	huge->seen = end;
	if (!huge->over && !huge->asked && end - first->start >= HUGE_SIZE) {
		huge->asked = true;
		huge->over = !huge_allowed();
	}
	make_huge(huge, m->vma, first->start, end);
	return NULL;
}

/* ---- the memory of a process ---- */

static struct cr_error *fill_mapping(struct cr_fill *fill,
				     struct huge *huge, struct cr_proc *proc,
				     const struct cr_mapping *m)
{
	struct cr_error *err = NULL;
	for (uint64_t at = m->vma->start; !err && at < m->vma->end;) {
		struct cr_run r;
		err = cr_pages_run(&proc->pages, at, &r);
		if (err)
			return err;
		if (r.end > m->vma->end)
			r.end = m->vma->end;
		at = r.end;
		if (!cr_fill_is_own(proc, &r))
			continue;
		if (r.start >= huge->seen)
			err = look_ahead(huge, proc, m, &r);
		if (!err && proc->early && !m->early)
			cr_early_copy(proc->early, r.start, r.end,
				      address(r.start), 0);
		else if (!err)
			err = cr_fill_run(fill, &proc->pages, &r,
					  address(r.start));
	}
	return err;
}

/* ---- what comes from the parent ---- */

#define CHUNK (256u * 1024)

void cr_fill_copy(uint8_t *to, const uint8_t *from, size_t size, size_t page)
{
	if (!page) {
		memcpy(to, from, size);
		return;
	}
	for (size_t at = 0; at < size; at += page) {
		if (memcmp(to + at, from + at, page))
			memcpy(to + at, from + at, page);
	}
}

static struct cr_error *refill_run(struct cr_proc *proc, const struct cr_run *r,
				   uint8_t *buf)
{
	size_t page = proc->pages.space.page_size;
	struct cr_error *err = NULL;
	if (proc->early) {
		cr_early_copy(proc->early, r->start, r->end, address(r->start),
			      page);
		return NULL;
	}
	for (uint64_t at = r->start; !err && at < r->end; at += CHUNK) {
		size_t size = r->end - at < CHUNK ? r->end - at : CHUNK;
		err = cr_pages_fill(&proc->pages, r, at, buf, size);
		if (!err)
			cr_fill_copy(address(at), buf, size, page);
	}
	return err;
}

// What the parent has and the process has not is let go of.
static struct cr_error *refill_mapping(struct cr_proc *proc,
				       const struct cr_mapping *m)
{
	cr_auto_free uint8_t *buf = malloc(CHUNK);
	struct cr_error *err = buf ? NULL : cr_enomem;
	for (uint64_t at = m->vma->start; !err && at < m->vma->end;) {
		struct cr_run r;
		err = cr_pages_run(&proc->pages, at, &r);
		if (err)
			return err;
		if (r.end > m->vma->end)
			r.end = m->vma->end;
		at = r.end;
		if (cr_fill_is_own(proc, &r))
			err = refill_run(proc, &r, buf);
		else if (madvise(address(r.start), r.end - r.start,
				 MADV_DONTNEED))
			err = cr_error_sys("drop the parent's pages");
	}
	return err;
}

// What has been made early, or the rest.
static struct cr_error *fill_all(struct cr_proc *proc, bool early)
{
	cr_auto_free struct cr_fill *fill = calloc(1, sizeof(*fill));
	struct cr_error *err = NULL;
	struct huge huge = { .over = proc->mm.entry->thp_disabled };
	if (!fill)
		return cr_enomem;
	for (size_t i = 0; !err && i < proc->nr_mappings; i++) {
		const struct cr_mapping *m = proc->mapping + i;
		if (m->early != early)
			continue;
		if (m->inherited)
			err = refill_mapping(proc, m);
		else if (m->filled)
			err = fill_mapping(fill, &huge, proc, m);
	}
	return err ?: cr_fill(fill);
}

struct cr_error *cr_map_fill(struct cr_restore *run, struct cr_proc *proc)
{
	return proc->zombie ? NULL : fill_all(proc, false);
}

struct cr_error *cr_map_fill_early(struct cr_proc *proc)
{
	return fill_all(proc, true);
}
