// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <string.h>

#include "crit/mem/mem.h"
#include "lib/base/base64.h"

/* A multiple of a row and of a line of base64. */
#define PIECE (16 * CR_BASE64_LINE * 64)

static void put_piece(struct cr_mem *m, struct cr_mem_rows *rows,
		      uint64_t vaddr, const uint8_t *data, size_t size)
{
	struct cr_x *x = &m->x;
	if (m->o->raw) {
		fwrite(data, 1, size, m->out);
		return;
	}
	if (x->json) {
		cr_x_fail(x, cr_out_drain(&x->out));
		if (!x->err)
			cr_x_fail(x, cr_writer_base64(&x->w, data, size));
		return;
	}
	cr_mem_put(m, rows, vaddr, data, size);
}

/* What can be read of the next piece: up to where nothing can. */
static struct cr_error *fill_piece(struct cr_mem *m, uint64_t vaddr,
				   uint8_t *data, size_t size, size_t *n_ret)
{
	size_t n = 0;
	struct cr_error *err = NULL;
	while (!err && n < size) {
		struct cr_run run;
		err = cr_pages_run(&m->pages, vaddr + n, &run);
		if (err)
			break;
		size_t part = run.end - run.start < size - n
				      ? (size_t)(run.end - run.start)
				      : size - n;
		err = cr_pages_fill(&m->pages, &run, vaddr + n, data + n, part);
		if (!err)
			n += part;
	}
	*n_ret = n;
	return err;
}

static void put_range(struct cr_mem *m, uint64_t vaddr, uint64_t size)
{
	struct cr_mem_rows rows = { .indent = "" };
	static uint8_t data[PIECE];
	while (size && !m->x.err) {
		size_t want = size < PIECE ? (size_t)size : PIECE, n;
		struct cr_error *err = fill_piece(m, vaddr, data, want, &n);
		put_piece(m, &rows, vaddr, data, n);
		vaddr += n;
		size -= n;
		if (err) {
			cr_x_find(&m->x, err);
			break;
		}
	}
	if (!m->o->raw)
		cr_x_text(&m->x, "%012" PRIx64 "\n", vaddr);
}

void cr_mem_read(struct cr_mem *m)
{
	struct cr_x *x = &m->x;
	uint64_t vaddr, size;
	struct cr_error *err = cr_mem_range(m, 0, &vaddr, &size);
	if (!err)
		err = cr_mem_open_one(m);
	if (err) {
		cr_x_fail(x, err);
		return;
	}
	cr_x_open(x, NULL, '{');
	cr_x_u64(x, "pid", m->id);
	cr_x_hex(x, "address", vaddr);
	if (x->json) {
		cr_x_fail(x, cr_writer_key(&x->w, "data"));
		if (!x->err)
			cr_x_fail(x, cr_writer_raw(&x->w, "\""));
	}
	put_range(m, vaddr, size);
	if (x->json && !x->err)
		cr_x_fail(x, cr_writer_raw(&x->w, "\""));
	cr_x_close(x, '}');
}
