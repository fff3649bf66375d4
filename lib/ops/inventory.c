// SPDX-License-Identifier: MIT
#include "lib/ops/inventory.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>

#include "images/inventory.pb-c.h"

#include "lib/base/cleanup.h"
#include "lib/codec/record.h"
#include "lib/image/image.h"

#define NAME "inventory.img"

struct cr_error *cr_inventory_load(struct cr_set *set, struct cr_inventory *ret)
{
	struct cr_messages m;
	*ret = (struct cr_inventory){ 0 };
	struct cr_error *err = cr_set_load_optionalf(
		set, &inventory_entry__descriptor, &m, NAME);
	if (err || !m.nr)
		return err;
	const InventoryEntry *e = (const InventoryEntry *)m.msg[0];
	*ret = (struct cr_inventory){
		.exists = true,
		.img_version = e->img_version,
		.compress = e->compress,
		.block_size = e->compress ? e->compress_block_size : 0,
	};
	cr_messages_free(&m);
	return NULL;
}

/* ---- changing ---- */

struct edit {
	struct cr_change *change;
	const struct cr_inventory_field *field;
	size_t nr, at; /* of fields, and the one whose turn it is */
	bool old_has;  /* of that one */
	uint64_t old;
	bool changed;
	struct cr_out out;
};

static struct cr_error *put_num(struct cr_out *out, uint32_t number,
				uint64_t value)
{
	struct cr_error *err = cr_out_room(out, 2 * CR_VARINT_MAX);
	if (err)
		return err;
	uint8_t *o = (uint8_t *)out->cur;
	o = cr_varint_put(o, cr_wire_tag(number, CR_WIRE_VARINT));
	out->cur = (char *)cr_varint_put(o, value);
	return NULL;
}

/* Puts the field whose turn it is, all old ones of its number having passed. */
static struct cr_error *end_field(struct edit *e)
{
	const struct cr_inventory_field *f = &e->field[e->at++];
	char old[24], new_[24];
	bool same = f->present == e->old_has &&
		    (!f->present || f->value == e->old);
	struct cr_change_note note = { .image = NAME, .field = f->name };
	snprintf(old, sizeof(old), "%" PRIu64, e->old);
	snprintf(new_, sizeof(new_), "%" PRIu64, f->value);
	note.old = e->old_has ? old : NULL;
	note.new_ = f->present ? new_ : NULL;
	e->old_has = false;
	e->changed |= !same;
	struct cr_error *err = NULL;
	if (f->present)
		err = put_num(&e->out, f->number, f->value);
	return err || same ? err : cr_change_note(e->change, &note);
}

/* One record of the message: passed on, or noted as what a field was. */
static struct cr_error *edit_record(struct edit *e, struct cr_source *src)
{
	const uint8_t *start = src->p;
	struct cr_record rec;
	struct cr_error *err = cr_record_read(src, src->end_off, &rec);
	if (!err)
		err = cr_record_skip(src, &rec);
	while (!err && e->at < e->nr && e->field[e->at].number < rec.number)
		err = end_field(e);
	if (err)
		return err;
	if (e->at < e->nr && e->field[e->at].number == rec.number &&
	    rec.wire == CR_WIRE_VARINT) {
		e->old_has = true;
		e->old = rec.value;
		return NULL;
	}
	return cr_out_put(&e->out, start, (size_t)(src->p - start));
}

static struct cr_error *edit_message(struct edit *e, const uint8_t *data,
				     size_t size)
{
	struct cr_source src;
	struct cr_error *err = NULL;
	uint32_t word = 0;
	uint64_t start = cr_out_tell(&e->out);
	cr_source_init_mem(&src, data, size);
	err = cr_out_put(&e->out, &word, sizeof(word));
	while (!err && cr_source_left(&src))
		err = edit_record(e, &src);
	while (!err && e->at < e->nr)
		err = end_field(e);
	if (err)
		return err;
	word = htole32((uint32_t)(cr_out_tell(&e->out) - start - 4));
	return cr_out_patch(&e->out, start, &word, sizeof(word));
}

static struct cr_error *edit_image(struct edit *e, struct cr_source *src)
{
	struct cr_image_header header;
	uint32_t size;
	bool end = false;
	cr_auto_free uint8_t *copy = NULL;
	const uint8_t *data;
	struct cr_error *err = cr_image_read_header(src, NAME, &header);
	if (!err)
		err = cr_image_next(src, &size, &end);
	if (!err && end)
		err = cr_error_new(CR_ERR_FORMAT, "is empty");
	if (!err)
		err = cr_source_bytes(src, size, "the message", &copy, &data);
	if (!err)
		err = cr_image_write_header(&e->out, &header);
	if (!err)
		err = edit_message(e, data, size);
	if (err)
		return err;
	/* Whatever follows the only entry. */
	while (!err && !(err = cr_source_need(src, 1)) && cr_source_left(src)) {
		err = cr_out_put(&e->out, src->p, cr_source_left(src));
		src->p = src->end;
	}
	return err;
}

struct cr_error *cr_inventory_set(struct cr_change *change,
				  const struct cr_inventory_field *fields,
				  size_t nr)
{
	struct cr_file file;
	struct cr_file_cursor cursor;
	struct cr_source src = { 0 };
	struct edit e = { .change = change, .field = fields, .nr = nr };
	struct cr_error *err = cr_store_open_file(cr_change_set(change)->store,
						  NAME, &file);
	if (err)
		return err;
	err = cr_out_init_mem(&e.out);
	if (!err)
		err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = edit_image(&e, &src);
	cr_source_deinit(&src);
	cr_file_close(&file);
	if (err)
		err = cr_error_at(err, NAME);
	else if (e.changed)
		err = cr_change_put(change, NAME, e.out.buf,
				    cr_out_buffered(&e.out));
	cr_out_deinit(&e.out);
	return err;
}
