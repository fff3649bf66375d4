// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crit/stats/stats.h"
#include "lib/image/types.h"

// clang-format off
static const struct cr_column pages_columns[] = {
	{ "image" }, { "size", true }, { "used", true }, { "unused", true },
	{ "holes", true }, { "of" }, { 0 },
};
static const struct cr_column image_columns[] = {
	{ "kind" }, { "files", true }, { "bytes", true }, { 0 },
};
// clang-format on

/* A file of the checkpoint. */
struct image {
	char *name;
	const char *kind; /* NULL: memory pages */
	uint64_t size;
	uint64_t holes;
	bool has_holes; /* they are known */
};

struct images {
	struct cr_stats *s;
	struct image *image;
	size_t nr, cap;
};

/* ---- collecting ---- */

// Holes of a file, where they can be asked for.
static void find_holes(const struct cr_file *file, struct image *image)
{
	off_t size = (off_t)file->size, at = 0;
	image->has_holes = file->fd >= 0;
	while (image->has_holes && at < size) {
		off_t hole = lseek(file->fd, at, SEEK_HOLE);
		if (hole < at || hole >= size) {
			image->has_holes = hole >= size;
			return;
		}
		at = lseek(file->fd, hole, SEEK_DATA);
		if (at <= hole)
			at = size;
		image->holes += (uint64_t)(at - hole);
	}
}

static const char *kind_of(const char *name)
{
	const struct cr_raw_type *raw = cr_raw_type_by_file(name);
	const struct cr_image_type *type = cr_image_type_by_file(name);
	if (!strncmp(name, "pages-", 6))
		return NULL;
	return type ? type->id : raw ? raw->files : "other";
}

static struct cr_error *take_image(void *arg, const char *name)
{
	struct images *images = arg;
	struct cr_file file;
	struct image image = { .kind = kind_of(name) };
	struct cr_error *err =
		cr_store_open_file(images->s->x.set.store, name, &file);
	// Links that lead elsewhere are no files of the checkpoint.
	if (err) {
		cr_error_free(err);
		return NULL;
	}
	image.size = file.size;
	if (!image.kind)
		find_holes(&file, &image);
	cr_file_close(&file);
	void *more = cr_stats_reserve(images->image, images->nr, &images->cap,
				      sizeof(image));
	images->image = more ?: images->image;
	image.name = more ? strdup(name) : NULL;
	if (!image.name)
		return cr_enomem;
	images->image[images->nr++] = image;
	return NULL;
}

// Pages images come first.
static int by_kind(const void *a, const void *b)
{
	const struct image *x = a, *y = b;
	if (!x->kind || !y->kind)
		return !y->kind - !x->kind ?: strcmp(x->name, y->name);
	return strcmp(x->kind, y->kind) ?: strcmp(x->name, y->name);
}

/* ---- owners ---- */

static int by_pages_id(const void *a, const void *b)
{
	const struct cr_stats_owner *x = a, *y = b;
	if (x->pages_id != y->pages_id)
		return x->pages_id < y->pages_id ? -1 : 1;
	if (x->is_object != y->is_object)
		return x->is_object ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

// The N of pages-N.img.
static bool parse_id(const char *name, uint32_t *ret)
{
	char same[32];
	if (sscanf(name, "pages-%10" SCNu32, ret) != 1)
		return false;
	snprintf(same, sizeof(same), "pages-%" PRIu32 ".img", *ret);
	return !strcmp(same, name);
}

// The first owner of a pages image, NULL if it has none.
static const struct cr_stats_owner *owner_of(const struct cr_stats *s,
					     const char *name)
{
	size_t low = 0, high = s->nr_owners;
	uint32_t id;
	if (!parse_id(name, &id))
		return NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->owner[mid].pages_id < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == s->nr_owners || s->owner[low].pages_id != id)
		return NULL;
	return &s->owner[low];
}

static uint64_t used_of(const struct cr_stats *s,
			const struct cr_stats_owner *owner)
{
	const struct cr_stats_owner *end = s->owner + s->nr_owners;
	uint64_t used = 0;
	for (const struct cr_stats_owner *o = owner;
	     o && o < end && o->pages_id == owner->pages_id; o++)
		used += o->stored;
	return used;
}

/* ---- showing ---- */

// What is used but is not there: pagemaps that share bytes.
static void put_sizes(struct cr_x *x, uint64_t size, uint64_t used)
{
	cr_cell_size(x, size);
	cr_cell_size(x, used);
	cr_cell_size(x, used < size ? size - used : 0);
}

static void put_pages_image(struct cr_stats *s, const struct image *image,
			    uint64_t *used_sum)
{
	struct cr_x *x = &s->x;
	const struct cr_stats_owner *owner = owner_of(s, image->name);
	uint64_t used = used_of(s, owner);
	if (used > image->size)
		cr_x_find(x, cr_error_new(CR_ERR_FORMAT,
					  "%s: has %" PRIu64
					  " bytes, but pagemaps count %" PRIu64
					  ": some are in it twice",
					  image->name, image->size, used));
	cr_cell_string(x, image->name);
	put_sizes(x, image->size, used);
	if (image->has_holes)
		cr_cell_size(x, image->holes);
	else
		cr_cell_none(x);
	if (owner)
		cr_cell_text(x, "%s %" PRIu32,
			     owner->is_object ? "shm" : "process", owner->id);
	else
		cr_cell_none(x);
	*used_sum += used;
}

// Returns the place of the first image that is not of pages.
static size_t put_pages(struct cr_stats *s, const struct images *images)
{
	struct cr_x *x = &s->x;
	uint64_t size = 0, used = 0, holes = 0;
	size_t i = 0;
	cr_stats_begin(x, "memory pages", "pages", pages_columns);
	for (; i < images->nr && !images->image[i].kind && !x->err; i++) {
		put_pages_image(s, &images->image[i], &used);
		size += images->image[i].size;
		holes += images->image[i].holes;
	}
	cr_table_total(x, "pages_total");
	cr_cell_label(x, "total");
	put_sizes(x, size, used);
	cr_cell_size(x, holes);
	cr_cell_label(x, "");
	cr_table_end(x);
	return i;
}

static void put_others(struct cr_x *x, const struct images *images, size_t i)
{
	uint64_t all = 0, all_nr = images->nr - i;
	cr_stats_begin(x, "other images", "images", image_columns);
	while (i < images->nr && !x->err) {
		const char *kind = images->image[i].kind;
		uint64_t nr = 0, size = 0;
		for (; i < images->nr && !strcmp(images->image[i].kind, kind);
		     i++) {
			nr++;
			size += images->image[i].size;
		}
		cr_cell_string(x, kind);
		cr_cell_u64(x, nr);
		cr_cell_size(x, size);
		all += size;
	}
	cr_table_total(x, "images_total");
	cr_cell_label(x, "total");
	cr_cell_u64(x, all_nr);
	cr_cell_size(x, all);
	cr_table_end(x);
}

void cr_stats_images(struct cr_stats *s)
{
	struct images images = { .s = s };
	cr_x_fail(&s->x, cr_store_each(s->x.set.store, take_image, &images));
	if (images.nr)
		qsort(images.image, images.nr, sizeof(images.image[0]),
		      by_kind);
	if (s->nr_owners)
		qsort(s->owner, s->nr_owners, sizeof(s->owner[0]),
		      by_pages_id);
	size_t i = put_pages(s, &images);
	if (!s->x.err)
		put_others(&s->x, &images, i);
	for (i = 0; i < images.nr; i++)
		free(images.image[i].name);
	free(images.image);
}
