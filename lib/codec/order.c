// SPDX-License-Identifier: MIT
#include "lib/codec/frame.h"

#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/codec/record.h"

/* Reading back what has been written */

static struct cr_error *reread(void *arg, void *data, size_t size,
			       size_t *n_ret)
{
	struct cr_reread *state = arg;
	uint64_t left = state->end - state->pos;
	size_t n = size < left ? size : (size_t)left;
	struct cr_error *err = cr_out_peek(state->out, state->pos, data, n);
	state->pos += n;
	*n_ret = n;
	return err;
}

struct cr_error *cr_encode_reread(struct cr_encoder *e, uint64_t start,
				  uint64_t end, struct cr_reread *state,
				  struct cr_source *ret)
{
	if (start >= e->out->base) {
		cr_source_init_mem(ret, e->out->buf + (start - e->out->base),
				   end - start);
		return NULL;
	}
	*state = (struct cr_reread){ e->out, start, end };
	return cr_source_init_read(ret, 64 * 1024, reread, state);
}

/* Where a field that came late belongs: before the first higher number. */
static struct cr_error *find_place(struct cr_encoder *e, uint64_t start,
				   uint64_t end, uint32_t number,
				   uint64_t *pos_ret)
{
	struct cr_source src;
	struct cr_reread state;
	struct cr_error *err = cr_encode_reread(e, start, end, &state, &src);
	struct cr_record rec = { 0 };
	uint64_t pos = 0;
	while (!err && pos < end - start) {
		err = cr_record_read(&src, end - start, &rec);
		if (!err && rec.number > number)
			break;
		if (!err)
			err = cr_record_skip(&src, &rec);
		pos = cr_source_tell(&src);
	}
	cr_source_deinit(&src);
	*pos_ret = start + pos;
	return err;
}

/* Of the last `left` bytes of the output the first `size` belong to a field; they
 * go in order, the others stay at the end. */
static struct cr_error *place_first(struct cr_encoder *e, struct cr_frame *fr,
				    uint32_t number, uint64_t size,
				    uint64_t left)
{
	uint64_t to, pos = cr_out_tell(e->out) - left;
	uint64_t end = fr->has_tail ? fr->tail : pos;
	struct cr_error *err = find_place(e, fr->start, end, number, &to);
	if (!err)
		err = cr_out_rotate(e->out, to, pos);
	if (!err)
		err = cr_out_rotate(e->out, to + size, to + left);
	if (err)
		return err;
	if (fr->has_tail)
		fr->tail += size;
	if (number > fr->last)
		fr->last = number;
	return NULL;
}

/* What has been appended since pos belongs to a field; it goes in order. */
struct cr_error *cr_order_field(struct cr_encoder *e, struct cr_frame *fr,
			      uint32_t number, uint64_t pos)
{
	if (number >= fr->last && !fr->has_tail) {
		fr->last = number;
		return NULL;
	}
	uint64_t size = cr_out_tell(e->out) - pos;
	return place_first(e, fr, number, size, size);
}

/* A record that is not in its place yet. */
struct stray {
	uint32_t number;
	uint64_t off, size;
};

static int by_number(const void *a, const void *b)
{
	const struct stray *x = a, *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

/* The records of the output from start on. */
static struct cr_error *list_strays(struct cr_encoder *e, uint64_t start,
				    struct stray **ret, size_t *nr_ret)
{
	struct cr_source src;
	struct cr_reread state;
	struct stray *rows = NULL;
	size_t nr = 0, cap = 0;
	uint64_t end = cr_out_tell(e->out) - start;
	struct cr_error *err =
		cr_encode_reread(e, start, start + end, &state, &src);
	while (!err && cr_source_tell(&src) < end) {
		struct cr_record rec;
		err = cr_record_read(&src, end, &rec);
		if (!err)
			err = cr_record_skip(&src, &rec);
		if (!err && nr == cap) {
			cap = cap ? 2 * cap : 64;
			struct stray *more_rows =
				realloc(rows, cap * sizeof(rows[0]));
			if (more_rows)
				rows = more_rows;
			else
				err = cr_enomem;
		}
		if (!err)
			rows[nr++] = (struct stray){
				.number = rec.number,
				.off = rec.off,
				.size = cr_source_tell(&src) - rec.off,
			};
	}
	cr_source_deinit(&src);
	*ret = rows;
	*nr_ret = nr;
	return err;
}

/* The same bytes in the order of rows. */
static struct cr_error *reorder(struct cr_encoder *e, uint64_t start,
				const struct stray *rows, size_t nr)
{
	uint64_t size = cr_out_tell(e->out) - start;
	cr_auto_free char *copy = malloc(size);
	if (!copy)
		return cr_enomem;
	struct cr_error *err = cr_out_peek(e->out, start, copy, size);
	for (size_t i = 0; i < nr && !err; i++) {
		err = cr_out_patch(e->out, start, copy + rows[i].off,
				   rows[i].size);
		start += rows[i].size;
	}
	return err;
}

/* Whether a field that has been read lies above `low` and not above `high`. */
static bool field_between(const struct cr_frame *fr, uint32_t low, uint32_t high)
{
	for (unsigned i = 0; i < fr->plan->nr_fields; i++) {
		uint32_t number = cr_field_number(&fr->plan->fields[i]);
		if (number > low && number <= high && (fr->seen & fr->plan->fields[i].bit))
			return true;
	}
	return false;
}

/* What has been appended since start goes in order, a run of records between
 * two fields at a time: there are few of those, however many records. */
struct cr_error *cr_order_run(struct cr_encoder *e, struct cr_frame *fr,
				     uint64_t start)
{
	size_t nr;
	struct stray *strays;
	struct cr_error *err = list_strays(e, start, &strays, &nr);
	cr_auto_free struct stray *rows = strays;
	if (err)
		return err;
	for (size_t i = 1; i < nr; i++) {
		if (rows[i].number >= rows[i - 1].number)
			continue;
		qsort(rows, nr, sizeof(rows[0]), by_number);
		err = reorder(e, start, rows, nr);
		break;
	}
	uint64_t left = cr_out_tell(e->out) - start;
	for (size_t i = 0, n; i < nr && !err; i += n) {
		uint64_t size = rows[i].size;
		for (n = 1; i + n < nr; n++) {
			if (field_between(fr, rows[i].number,
					  rows[i + n].number))
				break;
			size += rows[i + n].size;
		}
		err = place_first(e, fr, rows[i].number, size, left);
		if (rows[i + n - 1].number > fr->last)
			fr->last = rows[i + n - 1].number;
		left -= size;
	}
	return err;
}
