// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crit/mem/mem.h"
#include "lib/base/io.h"

#define PIECE (64 * 1024)
#define HOLE 4096

/* Writes bytes but those of whole blocks of zeros. */
static struct cr_error *write_sparse(int fd, const uint8_t *data, size_t size,
				     uint64_t off)
{
	static const uint8_t zeros[HOLE];
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < size; i += HOLE) {
		size_t n = size - i < HOLE ? size - i : HOLE;
		if (memcmp(data + i, zeros, n))
			err = cr_io_pwrite(fd, data + i, n, off + i);
	}
	return err;
}

static struct cr_error *write_run(struct cr_mem *m, const struct cr_run *run,
				  uint64_t end, int fd, uint64_t off)
{
	static uint8_t data[PIECE];
	struct cr_error *err = NULL;
	for (uint64_t at = run->start; !err && at < end;) {
		size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
		err = cr_pages_fill(&m->pages, run, at, data, n);
		if (!err)
			err = write_sparse(fd, data, n,
					   off + (at - run->start));
		at += n;
	}
	return err;
}

/* What cannot be read stays a hole and is a finding. */
static struct cr_error *write_range(struct cr_mem *m, uint64_t vaddr,
				    uint64_t size, int fd)
{
	uint64_t end = vaddr + size;
	for (uint64_t at = vaddr; at < end;) {
		struct cr_run run;
		struct cr_error *err = cr_pages_run(&m->pages, at, &run);
		if (err)
			return err;
		uint64_t stop = run.end < end ? run.end : end;
		if (run.kind != CR_RUN_ZERO && cr_run_is_readable(&run))
			err = write_run(m, &run, stop, fd, at - vaddr);
		else if (run.kind != CR_RUN_ZERO)
			cr_x_find(&m->x, cr_pages_why(&m->pages, &run, at));
		if (err)
			return err;
		at = stop;
	}
	if (ftruncate(fd, (off_t)size))
		return cr_error_sys("ftruncate");
	return NULL;
}

static struct cr_error *dump(struct cr_mem *m, uint64_t vaddr, uint64_t size)
{
	struct cr_replace rep;
	struct cr_error *err = cr_replace_open(&rep, AT_FDCWD, m->o->out, 0600);
	if (err)
		return cr_error_at(err, "%s", m->o->out);
	if (rep.direct)
		err = cr_error_new(CR_ERR_USAGE, "is not a regular file");
	if (!err)
		err = write_range(m, vaddr, size, rep.fd);
	if (!err)
		err = cr_replace_commit(&rep, false);
	cr_replace_close(&rep);
	return err ? cr_error_at(err, "%s", m->o->out) : NULL;
}

/* The mapping that an address is in. */
static struct cr_error *whole_mapping(struct cr_mem *m, uint64_t *vaddr,
				      uint64_t *size_ret)
{
	struct cr_run run;
	struct cr_error *err = cr_pages_run(&m->pages, *vaddr, &run);
	if (err)
		return err;
	if (!run.vma && run.kind == CR_RUN_NONE)
		return cr_pages_why(&m->pages, &run, *vaddr);
	if (!run.vma)
		return cr_error_new(CR_ERR_USAGE,
				    "0x%" PRIx64 " is in no mapping: say how "
				    "much, ADDR LEN",
				    *vaddr);
	*vaddr = run.vma->start;
	*size_ret = run.vma->end - run.vma->start;
	return NULL;
}

void cr_mem_dump(struct cr_mem *m)
{
	const struct cr_words *args = &m->o->args;
	uint64_t vaddr, size;
	struct cr_error *err = NULL;
	if (!m->o->out)
		err = cr_error_new(CR_ERR_USAGE, "-o FILE is missing");
	else if (args->nr == 2)
		err = cr_mem_range(m, 0, &vaddr, &size);
	else
		err = cr_opts_number(args->word[0], &vaddr);
	if (!err)
		err = cr_mem_open_one(m);
	if (!err && args->nr == 1)
		err = whole_mapping(m, &vaddr, &size);
	if (!err)
		err = dump(m, vaddr, size);
	if (err) {
		cr_x_fail(&m->x, err);
		return;
	}
	cr_x_open(&m->x, NULL, '{');
	cr_x_u64(&m->x, "pid", m->id);
	cr_x_hex(&m->x, "address", vaddr);
	cr_x_u64(&m->x, "size", size);
	cr_x_close(&m->x, '}');
}
