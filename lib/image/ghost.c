// SPDX-License-Identifier: MIT
#include "lib/image/ghost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/image/image.h"
#include "lib/image/walk.h"

#define OLD_GHOST (1u << 31)

typedef unsigned long long ull;

/* ---- what stands in ---- */

struct loading {
	struct cr_remaps list;
	size_t cap;
};

static struct cr_error *add_remap(void *arg, uint64_t i,
				  const ProtobufCMessage *msg)
{
	struct loading *l = arg;
	const RemapFilePathEntry *e = (const void *)msg;
	if (l->list.nr == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		void *more = realloc(l->list.remap,
				     cap * sizeof(l->list.remap[0]));
		if (!more)
			return cr_enomem;
		l->list.remap = more;
		l->cap = cap;
	}
	bool old = !e->has_remap_type;
	bool old_ghost = old && e->remap_id & OLD_GHOST;
	l->list.remap[l->list.nr++] = (struct cr_remap){
		.file = e->orig_id,
		.type = !old	  ? (uint32_t)e->remap_type
			: old_ghost ? REMAP_TYPE__GHOST
				    : REMAP_TYPE__LINKED,
		.id = old_ghost ? e->remap_id & ~OLD_GHOST : e->remap_id,
		.i = (uint32_t)i,
	};
	return NULL;
}

static int by_file(const void *a, const void *b)
{
	const struct cr_remap *x = a, *y = b;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return (x->i > y->i) - (x->i < y->i);
}

struct cr_error *cr_remaps_load(struct cr_set *set, struct cr_remaps *ret)
{
	struct loading l = { 0 };
	struct cr_error *err = cr_walk(set, "remap-fpath.img",
				       &remap_file_path_entry__descriptor,
				       add_remap, &l);
	cr_error_catch(&err, CR_ERR_NOT_FOUND);
	if (err) {
		free(l.list.remap);
		return err;
	}
	if (l.list.nr)
		qsort(l.list.remap, l.list.nr, sizeof(l.list.remap[0]),
		      by_file);
	*ret = l.list;
	return NULL;
}

void cr_remaps_free(struct cr_remaps *remaps)
{
	free(remaps->remap);
	*remaps = (struct cr_remaps){ 0 };
}

const struct cr_remap *cr_remaps_find(const struct cr_remaps *remaps,
				      uint32_t file)
{
	size_t low = 0, high = remaps->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (remaps->remap[mid].file < file)
			low = mid + 1;
		else
			high = mid;
	}
	return low < remaps->nr && remaps->remap[low].file == file ?
		       &remaps->remap[low] :
		       NULL;
}

/* ---- content ---- */

void cr_ghost_name(uint32_t id, char name[CR_GHOST_NAME])
{
	snprintf(name, CR_GHOST_NAME, "ghost-file-%x.img", (unsigned)id);
}

bool cr_ghost_number(const char *name, uint32_t *ret)
{
	char same[CR_GHOST_NAME];
	unsigned id;
	if (sscanf(name, "ghost-file-%8x.img", &id) != 1)
		return false;
	cr_ghost_name(id, same);
	*ret = id;
	return !strcmp(name, same);
}

/* An image being gone through. */
struct walk {
	const struct cr_ghost_fns *fns;
	void *arg;
	struct cr_source *src;
	uint64_t image_size;
	uint64_t size; /* of the file */
	uint64_t end;  /* of the piece before */
};

/* Calls the function for a piece that the source stands at, and passes over
 * what that has left of it. */
static struct cr_error *give(struct walk *w, uint64_t off, uint64_t size)
{
	struct cr_ghost_piece piece = { off, size, cr_source_tell(w->src) };
	struct cr_error *err = NULL;
	if (w->fns->piece && size)
		err = w->fns->piece(w->arg, &piece, w->src);
	if (err)
		return err;
	uint64_t taken = cr_source_tell(w->src) - piece.at;
	return cr_source_skip(w->src, size - taken, "the content");
}

static struct cr_error *check_chunk(const struct walk *w,
				    const GhostChunkEntry *chunk)
{
	uint64_t at = cr_source_tell(w->src), end;
	if (__builtin_add_overflow(chunk->off, chunk->len, &end) ||
	    end > w->size)
		return cr_error_new(CR_ERR_FORMAT,
				    "%llu bytes at %llu reach beyond the "
				    "file's size of %llu",
				    (ull)chunk->len, (ull)chunk->off,
				    (ull)w->size);
	if (chunk->off < w->end)
		return cr_error_new(CR_ERR_FORMAT,
				    "%llu comes before %llu, where the chunk "
				    "before it ends",
				    (ull)chunk->off, (ull)w->end);
	if (at > w->image_size || chunk->len > w->image_size - at)
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %llu: need %llu bytes of content, "
				    "have %llu",
				    (ull)at, (ull)chunk->len,
				    (ull)(w->image_size - at));
	return NULL;
}

/* The next message, unpacked; it is flat. *ret is NULL at the end. */
static struct cr_error *next(struct walk *w,
			     const ProtobufCMessageDescriptor *desc, void *ret)
{
	uint32_t size;
	bool end = false;
	cr_auto_free uint8_t *copy = NULL;
	const uint8_t *data;
	ProtobufCMessage *msg = NULL;
	struct cr_error *err = cr_image_next(w->src, &size, &end);
	if (!err && !end)
		err = cr_source_bytes(w->src, size, "the message", &copy,
				      &data);
	if (!err && !end) {
		msg = protobuf_c_message_unpack(desc, NULL, size, data);
		if (!msg)
			err = cr_error_new(CR_ERR_FORMAT,
					   "broken %s, or it lacks a required "
					   "field",
					   desc->name);
	}
	if (!err)
		memcpy(ret, &msg, sizeof(msg));
	return err;
}

static struct cr_error *walk_chunks(struct walk *w)
{
	for (uint64_t i = 1;; i++) {
		GhostChunkEntry *chunk = NULL;
		struct cr_error *err =
			next(w, &ghost_chunk_entry__descriptor, &chunk);
		if (!err && !chunk)
			return NULL;
		if (!err)
			err = check_chunk(w, chunk);
		if (!err)
			err = give(w, chunk->off, chunk->len);
		if (!err)
			w->end = chunk->off + chunk->len;
		if (chunk)
			ghost_chunk_entry__free_unpacked(chunk, NULL);
		if (err)
			return cr_error_at(err, "entry %llu", (ull)i);
	}
}

static struct cr_error *walk_entry(struct walk *w, const GhostFileEntry *e)
{
	uint64_t at = cr_source_tell(w->src);
	bool regular = S_ISREG(e->mode);
	uint64_t rest = w->image_size > at ? w->image_size - at : 0;
	if (regular)
		w->size = e->chunks ? e->size : rest;
	if (w->size > INT64_MAX)
		return cr_error_new(CR_ERR_FORMAT,
				    "entry 0: %llu bytes are more than a file "
				    "can have",
				    (ull)w->size);
	struct cr_error *err = w->fns->entry(w->arg, e, w->size);
	if (err || !regular)
		return err;
	return e->chunks ? walk_chunks(w) : give(w, 0, rest);
}

static struct cr_error *walk_image(struct walk *w, const char *name)
{
	struct cr_image_header header;
	GhostFileEntry *e = NULL;
	struct cr_error *err = cr_image_read_header(w->src, name, &header);
	if (err)
		return err;
	if (header.type->head != &ghost_file_entry__descriptor)
		return cr_error_new(CR_ERR_FORMAT, "holds %s, not %s",
				    header.type->entry->name,
				    ghost_file_entry__descriptor.name);
	err = next(w, &ghost_file_entry__descriptor, &e);
	if (err)
		return cr_error_at(err, "entry 0");
	if (!e)
		return cr_error_new(CR_ERR_FORMAT, "has no entry");
	err = walk_entry(w, e);
	ghost_file_entry__free_unpacked(e, NULL);
	return err;
}

struct cr_error *cr_ghost_walk(struct cr_set *set, uint32_t id,
			       const struct cr_ghost_fns *fns, void *arg)
{
	char name[CR_GHOST_NAME];
	struct cr_file file;
	struct cr_source src = { 0 };
	struct cr_file_cursor cursor;
	cr_ghost_name(id, name);
	struct cr_error *err = cr_store_open_file(set->store, name, &file);
	if (err)
		return err;
	struct walk w = { fns, arg, &src, file.size, 0, 0 };
	err = cr_file_source(&file, &cursor, &src);
	if (!err)
		err = walk_image(&w, name);
	cr_source_deinit(&src);
	cr_file_close(&file);
	return err ? cr_error_at(err, "%s", name) : NULL;
}
