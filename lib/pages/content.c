// SPDX-License-Identifier: MIT
#include "lib/pages/content.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images/ipc-shm.pb-c.h"
#include "lib/base/cleanup.h"
#include "lib/image/ghost.h"
#include "lib/image/image.h"

typedef unsigned long long ull;

/* A fault that is told each time. */
static struct cr_error *again(const struct cr_error *fault)
{
	return fault ? cr_error_new(cr_error_code(fault), "%s",
				    cr_error_text(fault)) :
		       NULL;
}

/* ---- deleted files ---- */

struct ghost {
	uint32_t id;
	bool usable; /* a regular file, whose image is here */
	size_t cap;
	struct cr_content content;
	struct cr_error *fault;
};

static void destroy_ghost(void *p)
{
	struct ghost *g = p;
	free(g->content.piece);
	cr_error_free(g->fault);
	free(g);
}

static int compare_ghosts(const void *a, const void *b)
{
	const struct ghost *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static struct cr_error *take_entry(void *arg, const GhostFileEntry *e,
				   uint64_t size)
{
	struct ghost *g = arg;
	g->usable = S_ISREG(e->mode);
	g->content.size = size;
	return NULL;
}

static struct cr_error *take_piece(void *arg, const struct cr_ghost_piece *p,
				   struct cr_source *src)
{
	struct ghost *g = arg;
	(void)src;
	if (g->content.nr == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 4;
		void *more = realloc(g->content.piece,
				     cap * sizeof(g->content.piece[0]));
		if (!more)
			return cr_enomem;
		g->content.piece = more;
		g->cap = cap;
	}
	g->content.piece[g->content.nr++] =
		(struct cr_content_piece){ p->off, p->size, p->at };
	return NULL;
}

static struct cr_error *load_ghost(struct ghost *g, struct cr_set *set)
{
	static const struct cr_ghost_fns fns = { take_entry, take_piece };
	cr_ghost_name(g->id, g->content.image);
	struct cr_error *err = cr_ghost_walk(set, g->id, &fns, g);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	return err;
}

static struct cr_error *need_ghost(struct cr_contents *c, struct cr_set *set,
				   uint32_t id, const struct ghost **ret)
{
	struct ghost key = { .id = id };
	struct ghost **found = tfind(&key, &c->ghosts, compare_ghosts);
	if (found) {
		*ret = *found;
		return NULL;
	}
	struct ghost *g = malloc(sizeof(*g));
	if (!g)
		return cr_enomem;
	*g = key;
	if (!tsearch(g, &c->ghosts, compare_ghosts)) {
		free(g);
		return cr_enomem;
	}
	g->fault = load_ghost(g, set);
	*ret = g;
	return NULL;
}

static struct cr_error *need_remaps(struct cr_contents *c, struct cr_set *set)
{
	if (c->remaps)
		return again(c->remaps_fault);
	c->remaps = calloc(1, sizeof(*c->remaps));
	if (!c->remaps)
		return cr_enomem;
	c->remaps_fault = cr_remaps_load(set, c->remaps);
	return again(c->remaps_fault);
}

struct cr_error *cr_contents_ghost(struct cr_contents *c, struct cr_set *set,
				   uint32_t file, const struct cr_content **ret)
{
	const struct ghost *g = NULL;
	struct cr_error *err = need_remaps(c, set);
	if (err)
		return err;
	const struct cr_remap *r = cr_remaps_find(c->remaps, file);
	if (r && r->type == REMAP_TYPE__GHOST)
		err = need_ghost(c, set, r->id, &g);
	if (!err && g)
		err = again(g->fault);
	if (!err)
		*ret = g && g->usable ? &g->content : NULL;
	return err;
}

/* ---- segments ---- */

struct cr_segment {
	uint32_t id;
	struct cr_content content;
	struct cr_content_piece piece;
};

struct shm {
	struct cr_contents *c;
	struct cr_set *set;
	size_t cap;
};

static struct cr_error *add_segment(struct shm *shm, const char *name,
				    const IpcShmEntry *e, uint64_t at)
{
	struct cr_contents *c = shm->c;
	if (c->nr_segments == shm->cap) {
		size_t cap = shm->cap ? 2 * shm->cap : 4;
		void *more = realloc(c->segment, cap * sizeof(c->segment[0]));
		if (!more)
			return cr_enomem;
		c->segment = more;
		shm->cap = cap;
	}
	struct cr_segment *s = &c->segment[c->nr_segments++];
	*s = (struct cr_segment){
		.id = e->desc->id,
		.content = { .size = e->size, .nr = !!e->size },
		.piece = { 0, e->size, at },
	};
	snprintf(s->content.image, sizeof(s->content.image), "%s", name);
	return NULL;
}

/* A message of the image, whose content is passed over. */
static struct cr_error *take_segment(struct shm *shm, const char *name,
				     struct cr_source *src, uint32_t size)
{
	const uint8_t *data;
	cr_auto_free uint8_t *copy = NULL;
	struct cr_error *err =
		cr_source_bytes(src, size, "the message", &copy, &data);
	if (err)
		return err;
	IpcShmEntry *e = ipc_shm_entry__unpack(NULL, size, data);
	if (!e)
		return cr_error_new(CR_ERR_FORMAT,
				    "broken ipc_shm_entry, or it lacks a "
				    "required field");
	bool inside = !(e->has_in_pagemaps && e->in_pagemaps);
	uint64_t at = cr_source_tell(src);
	if (inside)
		err = cr_source_skip(src, e->size, "the segment's content");
	if (!err && inside)
		err = cr_source_skip(src, -e->size & 3, "its padding");
	if (!err && inside)
		err = add_segment(shm, name, e, at);
	ipc_shm_entry__free_unpacked(e, NULL);
	return err;
}

static struct cr_error *load_segments(struct shm *shm, const char *name,
				      struct cr_source *src)
{
	struct cr_image_header header;
	struct cr_error *err = cr_image_read_header(src, name, &header);
	if (err)
		return err;
	if (header.type->entry != &ipc_shm_entry__descriptor)
		return cr_error_new(CR_ERR_FORMAT, "holds %s, not %s",
				    header.type->entry->name,
				    ipc_shm_entry__descriptor.name);
	for (uint64_t i = 0;; i++) {
		uint32_t size;
		bool end = false;
		err = cr_image_next(src, &size, &end);
		if (!err && end)
			return NULL;
		if (!err)
			err = take_segment(shm, name, src, size);
		if (err)
			return cr_error_at(err, "entry %llu", (ull)i);
	}
}

/* ipcns-shm-N.img, of whatever namespace: CRIU saves one. */
static struct cr_error *look_at_name(void *arg, const char *name)
{
	struct shm *shm = arg;
	char same[CR_CONTENT_NAME];
	unsigned id;
	if (sscanf(name, "ipcns-shm-%9u.img", &id) != 1)
		return NULL;
	snprintf(same, sizeof(same), "ipcns-shm-%u.img", id);
	if (strcmp(name, same))
		return NULL;
	struct cr_file file;
	struct cr_file_cursor cursor;
	struct cr_source src = { 0 };
	struct cr_error *err = cr_store_open_file(shm->set->store, name, &file);
	if (err)
		return err;
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = load_segments(shm, name, &src);
	cr_source_deinit(&src);
	cr_file_close(&file);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

static int compare_segments(const void *a, const void *b)
{
	const struct cr_segment *x = a, *y = b;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	int names = strcmp(x->content.image, y->content.image);
	return names ?: (x->piece.at > y->piece.at) -
				(x->piece.at < y->piece.at);
}

static struct cr_error *need_segments(struct cr_contents *c,
				      struct cr_set *set)
{
	struct shm shm = { c, set, 0 };
	if (c->has_segments)
		return again(c->segments_fault);
	c->has_segments = true;
	c->segments_fault = cr_store_each(set->store, look_at_name, &shm);
	if (c->nr_segments)
		qsort(c->segment, c->nr_segments, sizeof(c->segment[0]),
		      compare_segments);
	for (size_t i = 0; i < c->nr_segments; i++)
		c->segment[i].content.piece = &c->segment[i].piece;
	return again(c->segments_fault);
}

struct cr_error *cr_contents_segment(struct cr_contents *c, struct cr_set *set,
				     uint32_t id, const struct cr_content **ret)
{
	struct cr_error *err = need_segments(c, set);
	if (err)
		return err;
	size_t low = 0, high = c->nr_segments;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (c->segment[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	bool found = low < c->nr_segments && c->segment[low].id == id;
	*ret = found ? &c->segment[low].content : NULL;
	return NULL;
}

/* ---- both ---- */

void cr_contents_deinit(struct cr_contents *c)
{
	if (c->open)
		cr_file_close(&c->file);
	if (c->remaps)
		cr_remaps_free(c->remaps);
	free(c->remaps);
	cr_error_free(c->remaps_fault);
	if (c->ghosts)
		tdestroy(c->ghosts, destroy_ghost);
	free(c->segment);
	cr_error_free(c->segments_fault);
	*c = (struct cr_contents){ 0 };
}

bool cr_content_find(const struct cr_content *content, uint64_t off,
		     uint64_t *at_ret, uint64_t *end_ret)
{
	/* The first piece that ends after off. */
	size_t low = 0, high = content->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct cr_content_piece *p = &content->piece[mid];
		if (p->off + p->size <= off)
			low = mid + 1;
		else
			high = mid;
	}
	const struct cr_content_piece *p =
		low < content->nr ? &content->piece[low] : NULL;
	bool here = p && p->off <= off;
	*end_ret = here ? p->off + p->size : p ? p->off : content->size;
	if (here)
		*at_ret = p->at + (off - p->off);
	return here;
}

struct cr_error *cr_contents_file(struct cr_contents *c, struct cr_set *set,
				  const struct cr_content *content,
				  struct cr_file **ret)
{
	if (c->open != content) {
		if (c->open)
			cr_file_close(&c->file);
		c->open = NULL;
		struct cr_error *err = cr_store_open_file(
			set->store, content->image, &c->file);
		if (err)
			return err;
		c->open = content;
	}
	*ret = &c->file;
	return NULL;
}
