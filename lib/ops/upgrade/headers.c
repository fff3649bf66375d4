// SPDX-License-Identifier: MIT
/*
 * Image version 1.0, before CRIU 1.6: images begin with their own magic alone.
 * Whether they do is what the inventory says for the whole directory, so all are
 * rewritten as soon as that says 1.0: criu/image.c check_img_inventory(), v4.2.
 */
#include "lib/ops/upgrade/step.h"

#include "lib/image/image.h"
#include "lib/ops/inventory.h"

static struct cr_error *copy_rest(struct cr_file *file, uint64_t off,
				  struct cr_out *out)
{
	char buf[16 * 1024];
	size_t n;
	do {
		struct cr_error *err =
			file->ops->pread(file, buf, sizeof(buf), off, &n);
		if (!err)
			err = cr_out_put(out, buf, n);
		if (!err)
			err = cr_out_drain(out);
		if (err)
			return err;
		off += n;
	} while (n);
	return NULL;
}

static struct cr_error *write_again(struct cr_step *s, const char *name,
				    struct cr_file *file,
				    const struct cr_image_type *type)
{
	struct cr_image_header header = { type, type->form };
	struct cr_out *out;
	struct cr_error *err = cr_change_create(s->change, name, &out);
	if (err)
		return err;
	err = cr_image_write_header(out, &header);
	if (!err)
		err = copy_rest(file, 4, out);
	if (err)
		cr_change_abandon(s->change, out);
	else
		err = cr_change_finish(s->change, out);
	s->nr++;
	return err;
}

static struct cr_error *convert(struct cr_step *s, const char *name)
{
	struct cr_file file;
	struct cr_file_cursor cursor;
	struct cr_source src = { 0 };
	struct cr_image_header header;
	struct cr_error *err = cr_store_open_file(s->set->store, name, &file);
	if (err)
		return err;
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = cr_image_read_header(&src, name, &header);
	if (err)
		err = cr_error_at(err, "%s", name);
	else if (header.form == CR_FORM_OWN && header.type->form != CR_FORM_OWN)
		err = write_again(s, name, &file, header.type);
	cr_source_deinit(&src);
	cr_file_close(&file);
	return err;
}

static struct cr_error *set_version(void *arg, const struct cr_rewrite_at *at,
				    json_t *inventory, enum cr_rewrite *ret)
{
	uint32_t version;
	bool *old = arg;
	if (!cr_step_u32(inventory, "img_version", &version) ||
	    version != CR_IMG_V1_0)
		return NULL;
	*old = true;
	*ret = CR_REWRITE_CHANGED;
	return cr_step_set_int(inventory, "img_version", CR_IMG_V1_1);
}

static bool is_old(void *arg, const struct cr_rewrite_at *at, const void *msg,
		   size_t size)
{
	static const struct cr_step_path version = { { 1 } };
	uint64_t value = 0;
	return cr_step_peek(msg, size, version, &value) && value == CR_IMG_V1_0;
}

struct cr_error *cr_step_headers_up(struct cr_step *s)
{
	bool old = false;
	struct cr_error *err = cr_step_rewrite(s, "inventory.img", is_old,
					       set_version, &old);
	for (size_t i = 0; !err && old && i < s->names.nr; i++)
		if (cr_image_type_by_file(s->names.name[i]))
			err = convert(s, s->names.name[i]);
	return err;
}
