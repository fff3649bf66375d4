// SPDX-License-Identifier: MIT
/* Every file by itself: its type, and each of its entries by the schema. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/codec/record.h"
#include "lib/image/image.h"
#include "lib/image/payload.h"
#include "lib/ops/check/inside.h"

/* A walk over an entry. */
struct look {
	struct cr_check *c;
	struct cr_check_name *name;
	int64_t entry;
	struct cr_source src;
	unsigned depth;
};

static void look_at_value(struct look *l, const struct cr_field *f,
			  const struct cr_plan *plan, uint64_t value)
{
	if (f->kind != CR_FIELD_ENUM ||
	    protobuf_c_enum_descriptor_get_value(f->desc->descriptor,
						 (int)value))
		return;
	cr_check_found(l->c, CR_RULE_ENUM_UNKNOWN, l->name->name, l->entry,
		       "%s of %s is %lld, which has no name", f->name,
		       plan->desc->name, (long long)value);
}

static struct cr_error *look_at_packed(struct look *l, const struct cr_plan *plan,
				       const struct cr_field *f,
				       const struct cr_record *rec)
{
	uint64_t end = cr_source_tell(&l->src) + rec->value;
	while (cr_source_tell(&l->src) < end) {
		uint64_t value;
		bool minimal;
		struct cr_error *err = cr_record_packed(&l->src, end, f, &value,
							&minimal);
		if (err)
			return cr_error_at(err, "%s", f->name);
		look_at_value(l, f, plan, value);
	}
	return NULL;
}

static void say_missing(struct look *l, const struct cr_plan *plan,
			uint64_t missing)
{
	l->name->broken = true;
	for (unsigned i = 0; i < plan->nr_fields; i++) {
		if (missing & plan->fields[i].bit)
			cr_check_found(l->c, CR_RULE_FIELD_MISSING, l->name->name,
				       l->entry, "%s lacks the field %s",
				       plan->desc->name, plan->fields[i].name);
	}
}

static struct cr_error *look_at_message(struct look *l,
					const struct cr_plan *plan,
					uint64_t end);

static struct cr_error *look_at_record(struct look *l,
				       const struct cr_plan *plan,
				       const struct cr_record *rec,
				       uint64_t *seen)
{
	const struct cr_field *f = cr_plan_by_number(plan, rec->number);
	const struct cr_plan *sub;
	if (!f || !cr_field_takes(f, rec->wire)) {
		l->name->broken |= f != NULL;
		cr_check_found(l->c,
			       f ? CR_RULE_FIELD_WIRE : CR_RULE_FIELD_UNKNOWN,
			       l->name->name, l->entry,
			       f ? "field %u of %s is not of the schema's type" :
				   "%2$s has a field %1$u that is not known",
			       rec->number, plan->desc->name);
		return cr_record_skip(&l->src, rec);
	}
	*seen |= f->bit;
	if (f->kind == CR_FIELD_MESSAGE) {
		struct cr_error *err =
			cr_codec_sub(&l->c->set->codec, f, &sub);
		if (!err)
			err = look_at_message(l, sub, cr_source_tell(&l->src) +
							      rec->value);
		return err;
	}
	if (cr_field_is_scalar(f) && rec->wire == CR_WIRE_BYTES)
		return look_at_packed(l, plan, f, rec);
	if (cr_field_is_scalar(f))
		look_at_value(l, f, plan, rec->value);
	return cr_record_skip(&l->src, rec);
}

static struct cr_error *look_at_message(struct look *l,
					const struct cr_plan *plan, uint64_t end)
{
	uint64_t seen = 0;
	if (++l->depth > CR_WIRE_DEPTH)
		return cr_error_new(CR_ERR_FORMAT,
				    "messages nest deeper than %d",
				    CR_WIRE_DEPTH);
	while (cr_source_tell(&l->src) < end) {
		struct cr_record rec;
		struct cr_error *err = cr_record_read(&l->src, end, &rec);
		if (!err)
			err = look_at_record(l, plan, &rec, &seen);
		if (err)
			return err;
	}
	l->depth--;
	if (plan->required & ~seen)
		say_missing(l, plan, plan->required & ~seen);
	return NULL;
}

/* The entry whose message is at the source's place, and its payload. */
static struct cr_error *look_at_entry(struct look *l, struct cr_source *src,
				      const struct cr_image_type *type,
				      uint32_t size)
{
	uint64_t i = (uint64_t)l->entry;
	const struct cr_payload *payload = cr_image_payload(type, i);
	struct cr_payload_values values;
	const struct cr_plan *plan;
	struct cr_error *err = cr_codec_plan(
		&l->c->set->codec, cr_image_message(type, i), false, &plan);
	if (!err && payload->skip)
		err = cr_payload_peek(payload, plan, src, size, &values);
	if (err)
		return err;
	cr_auto_free uint8_t *copy = NULL;
	const uint8_t *data;
	err = cr_source_bytes(src, size, "the message", &copy, &data);
	if (err)
		return err;
	cr_source_init_mem(&l->src, data, size);
	l->src.end_off = cr_source_tell(src);
	l->depth = 0;
	err = look_at_message(l, plan, l->src.end_off);
	uint64_t skipped;
	if (!err && payload->skip)
		err = payload->skip(payload, src, &values, &skipped);
	return err;
}

static struct cr_error *look_at_entries(struct look *l, struct cr_source *src,
					const struct cr_image_type *type)
{
	for (l->entry = 0; !l->c->err; l->entry++) {
		uint32_t size;
		bool end = false;
		struct cr_error *err = cr_image_next(src, &size, &end);
		if (end)
			return NULL;
		if (!err)
			err = look_at_entry(l, src, type, size);
		if (err)
			return cr_error_at(err, "entry %lld",
					   (long long)l->entry);
	}
	return NULL;
}

/* A file that an image's name has. */
static void look_at_image(struct cr_check *c, struct cr_check_name *name,
			  const struct cr_image_type *type)
{
	struct cr_file file;
	struct cr_source src = { 0 };
	struct cr_file_cursor cursor;
	struct cr_image_header header;
	struct look l = { .c = c, .name = name };
	struct cr_error *err =
		cr_store_open_file(c->set->store, name->name, &file);
	if (err) {
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
		return;
	}
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = cr_image_read_header(&src, name->name, &header);
	if (!err && header.type != type) {
		cr_check_found(c, CR_RULE_IMAGE_WRONG_TYPE, name->name,
			       CR_NO_ENTRY, "holds %s, not %s", header.type->id,
			       type->id);
		name->broken = true;
	}
	if (!err && header.form == CR_FORM_OWN && type->form != CR_FORM_OWN)
		cr_check_found(c, CR_RULE_OLD_HEADER, name->name, CR_NO_ENTRY,
			       "has the header of v1.0 images");
	if (!err)
		err = look_at_entries(&l, &src, header.type);
	if (err)
		cr_check_took(c, CR_RULE_IMAGE_BROKEN,
			      cr_error_at(err, "%s", name->name));
	cr_source_deinit(&src);
	cr_file_close(&file);
}

static bool ends_in_img(const char *name)
{
	size_t size = strlen(name);
	return size > 4 && !strcmp(name + size - 4, ".img");
}

/* What the store has left out, or had to decide. */
static void say_odd(struct cr_check *c)
{
	const struct cr_store_findings *odd = &c->set->store->findings;
	for (size_t i = 0; i < odd->nr; i++)
		cr_check_found(c, CR_RULE_ARCHIVE_ODD, NULL, CR_NO_ENTRY, "%s",
			       cr_error_text(odd->err[i]));
	if (odd->nr_more)
		cr_check_found(c, CR_RULE_ARCHIVE_ODD, NULL, CR_NO_ENTRY,
			       "there are %llu more", (ull)odd->nr_more);
}

void cr_check_images(struct cr_check *c)
{
	say_odd(c);
	for (size_t i = 0; i < c->nr_names && !c->err; i++) {
		struct cr_check_name *name = &c->name[i];
		const struct cr_image_type *type =
			cr_image_type_by_file(name->name);
		if (type && !c->opts->quick) {
			look_at_image(c, name, type);
			name->used = false;
		} else if (!type && !cr_raw_type_by_file(name->name) &&
			   ends_in_img(name->name)) {
			cr_check_found(c, CR_RULE_IMAGE_UNKNOWN, name->name,
				       CR_NO_ENTRY,
				       "is no image that is known by its name");
		}
	}
}

/* Whether something should lead to a file of this name: its number says what it
 * belongs to. What autofs, binfmt-misc and plugins write has other ways. */
static bool is_numbered(const char *name)
{
	static const char *const others[] = { "autofs-", "binfmt-misc-",
					      "amdgpu-", "timens-0.img" };
	const struct cr_image_type *type = cr_image_type_by_file(name);
	const struct cr_raw_type *raw = cr_raw_type_by_file(name);
	const char *files = type ? type->files : raw ? raw->files : "";
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!strncmp(name, others[i], strlen(others[i])))
			return false;
	}
	return strchr(files, '%');
}

void cr_check_unreferenced(struct cr_check *c)
{
	/* Without a tree there is nothing that could lead to them. */
	if (!c->tree.nr || c->opts->quick)
		return;
	for (size_t i = 0; i < c->nr_names && !c->err; i++) {
		if (!c->name[i].used && is_numbered(c->name[i].name))
			cr_check_found(c, CR_RULE_IMAGE_UNREFERENCED,
				       c->name[i].name, CR_NO_ENTRY,
				       "belongs to nothing in the checkpoint");
	}
}
