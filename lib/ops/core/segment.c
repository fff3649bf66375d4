// SPDX-License-Identifier: MIT
#include "lib/base/cleanup.h"
#include "lib/ops/core/parts.h"

/* Zeros that are worth a segment of their own. */
#define MUCH (1024 * 1024)

enum class {
	BYTES,	/* in the file, or zeros */
	ABSENT, /* a segment without bytes */
	GONE,	/* no segment */
};

/* What is made by the kernel, or is in a file, is no loss. */
static enum class class_of(const struct cr_run *run)
{
	const uint32_t by_kernel = CR_VMA_VDSO | CR_VMA_VVAR | CR_VMA_VSYSCALL |
				   CR_VMA_SOCKET | CR_VMA_AIORING |
				   CR_VMA_UPROBES;
	if (cr_run_is_readable(run))
		return BYTES;
	if (run->kind == CR_RUN_MISSING &&
	    (cr_vma_is_file(run->vma) || run->vma->status & by_kernel))
		return ABSENT;
	return GONE;
}

/* A run, what becomes of it, and what is wrong with it. */
static struct cr_error *look(struct cr_dump *dump, uint64_t at,
			     struct cr_run *run, enum class *ret,
			     struct cr_error **fault_ret)
{
	struct cr_error *err = cr_pages_run(&dump->pages, at, run);
	if (err && cr_error_code(err) == CR_ERR_NOMEM)
		return err;
	*ret = err ? GONE : class_of(run);
	*fault_ret = err;
	return NULL;
}

/* What is missing is a finding, and so is a file that the sysroot lacks. */
static void report(struct cr_dump *dump, uint64_t at, const struct cr_run *run,
		   enum class class, struct cr_error *fault)
{
	bool lost = class == GONE ||
		    (class == ABSENT && cr_vma_is_file(run->vma) &&
		     dump->core->memory->sysroot_fd >= 0);
	if (!fault && lost)
		fault = cr_pages_why(&dump->pages, run, at);
	cr_dump_found(dump, fault);
}

/* A debugger takes zeros behind filesz of a mapped file for that file's. */
static bool can_omit(const struct cr_run *run)
{
	return run->kind == CR_RUN_ZERO && !cr_vma_is_file(run->vma);
}

/* The longest segment from walk->at on, in one mapping; none if nothing of it
 * is there. */
static struct cr_error *next_in(struct cr_segments *walk, struct cr_dump *dump,
				const struct cr_vma *vma,
				struct cr_segment *seg)
{
	enum class class = GONE;
	uint64_t at = walk->at;
	*seg = (struct cr_segment){ .start = at, .prot = vma->prot };
	while (at < vma->end) {
		struct cr_run run;
		enum class c;
		struct cr_error *fault;
		struct cr_error *err = look(dump, at, &run, &c, &fault);
		if (err)
			return err;
		if (at == seg->start)
			class = c;
		uint64_t omitted = at - (seg->start + seg->filesz);
		bool far = class == BYTES && omitted >= MUCH && !can_omit(&run);
		bool goes_on = c == class && !far;
		if (goes_on && walk->report)
			report(dump, at, &run, c, fault);
		else
			cr_error_free(fault);
		if (!goes_on)
			break;
		at = run.end;
		if (c == BYTES && !can_omit(&run))
			seg->filesz = at - seg->start;
	}
	walk->at = at;
	seg->end = class == GONE ? 0 : at;
	return NULL;
}

struct cr_error *cr_segments_next(struct cr_segments *walk,
				  struct cr_dump *dump, struct cr_segment *ret)
{
	const struct cr_space *space = &dump->pages.space;
	*ret = (struct cr_segment){ .end = 0 };
	while (walk->vma < space->nr) {
		const struct cr_vma *vma = &space->vma[walk->vma];
		if (walk->at < vma->start)
			walk->at = vma->start;
		if (walk->at == vma->end) {
			walk->vma++;
			continue;
		}
		struct cr_error *err = next_in(walk, dump, vma, ret);
		if (err || ret->end)
			return err;
	}
	return NULL;
}

static struct cr_error *copy(struct cr_dump *dump, const struct cr_run *run,
			     uint64_t end, struct cr_sink *sink)
{
	for (uint64_t at = run->start; at < end;) {
		uint64_t left = end - at;
		size_t n = left < CR_SINK_BUF ? (size_t)left : CR_SINK_BUF;
		struct cr_error *err =
			cr_pages_fill(&dump->pages, run, at, dump->buf, n);
		if (err && cr_error_code(err) != CR_ERR_NOMEM) {
			cr_dump_found(dump, err);
			err = cr_sink_zeros(sink, n);
		} else if (!err) {
			err = cr_sink_put_sparse(sink, dump->buf, n);
		}
		if (err)
			return err;
		at += n;
	}
	return NULL;
}

static struct cr_error *write_run(struct cr_dump *dump,
				  const struct cr_run *run, uint64_t end,
				  struct cr_sink *sink)
{
	bool done = false;
	uint64_t off;
	int fd;
	if (run->kind == CR_RUN_ZERO)
		return cr_sink_zeros(sink, end - run->start);
	struct cr_error *err =
		cr_pages_fd(&dump->pages, run, run->start, &fd, &off);
	if (!err && fd >= 0)
		err = cr_sink_clone(sink, fd, off, end - run->start, &done);
	else
		/* Copying will tell. */
		cr_error_free(cr_take_ptr(err));
	return err || done ? err : copy(dump, run, end, sink);
}

struct cr_error *cr_segment_write(const struct cr_segment *segment,
				  struct cr_dump *dump, struct cr_sink *sink)
{
	struct cr_error *err = NULL;
	uint64_t end = segment->start + segment->filesz;
	for (uint64_t at = segment->start; !err && at < end;) {
		struct cr_run run;
		err = cr_pages_run(&dump->pages, at, &run);
		if (err)
			break;
		uint64_t stop = run.end < end ? run.end : end;
		err = write_run(dump, &run, stop, sink);
		at = stop;
	}
	return err;
}
