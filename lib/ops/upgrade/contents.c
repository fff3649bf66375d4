// SPDX-License-Identifier: MIT
/*
 * Contents that stood behind a message in one piece: of deleted files, which are
 * chunks now, and of SysV shared memory, which is in a pages image now. They are
 * copied as a stream. Facts: criu/files-reg.c create_ghost_dentry(),
 * criu/ipc_ns.c prepare_ipc_shm_seg(), v4.2.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/codec/wire.h"
#include "lib/image/image.h"
#include "lib/ops/upgrade/step.h"

#define MSG_MAX (64 * 1024) /* no message here is as long */

static struct cr_error *copy(struct cr_file *file, uint64_t off, uint64_t size,
			     struct cr_out *out)
{
	char buf[16 * 1024];
	struct cr_error *err = NULL;
	while (size && !err) {
		size_t n = size < sizeof(buf) ? size : sizeof(buf);
		err = cr_file_read(file, buf, n, off);
		if (!err)
			err = cr_out_put(out, buf, n);
		if (!err)
			err = cr_out_drain(out);
		off += n;
		size -= n;
	}
	return err;
}

/* Ends a file that was being made, well or not. */
static struct cr_error *finish(struct cr_step *s, struct cr_out *out,
			       struct cr_error *err)
{
	if (!err)
		return cr_change_finish(s->change, out);
	cr_change_abandon(s->change, out);
	return err;
}

/* An image's first entries, read in place. */
struct walk {
	struct cr_file file;
	struct cr_image_header header;
	uint64_t off;  /* of the next entry */
	uint64_t data; /* behind the message */
	uint8_t *msg;
	uint32_t size;
};

static void walk_close(struct walk *w)
{
	free(w->msg);
	if (w->file.ops)
		cr_file_close(&w->file);
}

static struct cr_error *walk_open(struct cr_step *s, const char *name,
				  struct walk *w)
{
	struct cr_file_cursor cursor;
	struct cr_source src = { 0 };
	*w = (struct walk){ 0 };
	struct cr_error *err =
		cr_store_open_file(s->set->store, name, &w->file);
	if (err) {
		w->file.ops = NULL;
		return err;
	}
	err = cr_file_source(&w->file, &cursor, &src);
	if (!err)
		err = cr_image_read_header(&src, name, &w->header);
	w->off = w->header.form == CR_FORM_OWN ? 4 : 8;
	cr_source_deinit(&src);
	return err ? cr_error_at(err, "%s", name) : NULL;
}

/* *end_ret: there is none. */
static struct cr_error *walk_next(struct walk *w, bool *end_ret)
{
	uint32_t word;
	*end_ret = w->off >= w->file.size;
	if (*end_ret)
		return NULL;
	struct cr_error *err = cr_file_read(&w->file, &word, 4, w->off);
	if (err)
		return err;
	w->size = le32toh(word);
	if (w->size > MSG_MAX || w->size > w->file.size - w->off - 4)
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %" PRIu64 ": size %u is too large",
				    w->off, w->size);
	free(w->msg);
	w->msg = malloc(w->size + 1);
	w->data = w->off + 4 + w->size;
	return w->msg ? cr_file_read(&w->file, w->msg, w->size, w->off + 4) :
			cr_enomem;
}

/* ---- deleted files ---- */

/* Shorter ones have no chunks to this day. */
#define CHUNKS_MIN (3 * 4096)

/* Field numbers of ghost_file_entry. */
static const struct cr_step_path ghost_mode = { { 3 } };
static const struct cr_step_path ghost_chunks = { { 9 } };
static const struct cr_step_path ghost_target = { { 11 } };

static struct cr_error *put_head(struct cr_step *s, const struct walk *w,
				 uint64_t size, struct cr_out *out)
{
	struct cr_tree_entry e = { .type = w->header.type,
				   .msg = w->msg,
				   .size = w->size,
				   .off = w->off + 4 };
	struct cr_tree_aside aside;
	json_t *head;
	struct cr_error *err = cr_tree_load(&s->tree, &e, false, &head);
	if (err)
		return err;
	err = cr_step_set(head, "chunks", json_true());
	if (!err)
		err = cr_step_set_int(head, "size", size);
	if (!err)
		err = cr_tree_store(&s->tree, e.type, 0, head, out, &aside);
	json_decref(head);
	return err;
}

/* ghost_chunk_entry, of one chunk that is everything. */
static struct cr_error *put_chunk(uint64_t size, struct cr_out *out)
{
	uint8_t msg[4 + 2 * (1 + CR_VARINT_MAX)], *o = msg + 4;
	*o++ = (uint8_t)cr_wire_tag(1, CR_WIRE_VARINT);
	o = cr_varint_put(o, size);
	*o++ = (uint8_t)cr_wire_tag(2, CR_WIRE_VARINT);
	*o++ = 0;
	uint32_t word = htole32((uint32_t)(o - msg - 4));
	memcpy(msg, &word, 4);
	return cr_out_put(out, msg, (size_t)(o - msg));
}

static struct cr_error *put_ghost(struct cr_step *s, const char *name,
				  struct walk *w)
{
	struct cr_out *out;
	uint64_t size = w->file.size - w->data;
	struct cr_error *err = cr_change_create(s->change, name, &out);
	if (err)
		return err;
	err = cr_image_write_header(out, &w->header);
	if (!err)
		err = put_head(s, w, size, out);
	if (!err && size)
		err = put_chunk(size, out);
	if (!err)
		err = copy(&w->file, w->data, size, out);
	s->nr++;
	return finish(s, out, err);
}

/* Calls fn with the head of every deleted file; their names are in hex. */
static struct cr_error *
each_ghost(struct cr_step *s,
	   struct cr_error *(*fn)(struct cr_step *s, const char *name,
				  struct walk *w, mode_t mode))
{
	static const char prefix[] = "ghost-file-";
	struct cr_error *err = NULL;
	for (size_t i = 0; i < s->names.nr && !err; i++) {
		const char *name = s->names.name[i];
		struct walk w;
		uint64_t mode = 0;
		bool end = true;
		if (strncmp(name, prefix, sizeof(prefix) - 1) ||
		    !cr_image_type_by_file(name))
			continue;
		err = walk_open(s, name, &w);
		if (!err)
			err = walk_next(&w, &end);
		if (!err && !end)
			cr_step_peek(w.msg, w.size, ghost_mode, &mode);
		if (!err && !end)
			err = fn(s, name, &w, (mode_t)mode);
		walk_close(&w);
	}
	return err;
}

static struct cr_error *chunk(struct cr_step *s, const char *name,
			      struct walk *w, mode_t mode)
{
	uint64_t chunks = 0;
	cr_step_peek(w->msg, w->size, ghost_chunks, &chunks);
	return S_ISREG(mode) && !chunks &&
			       w->file.size - w->data >= CHUNKS_MIN ?
		       put_ghost(s, name, w) :
		       NULL;
}

struct cr_error *cr_step_ghosts_up(struct cr_step *s)
{
	return each_ghost(s, chunk);
}

static struct cr_error *say_target(struct cr_step *s, const char *name,
				   struct walk *w, mode_t mode)
{
	if (!S_ISLNK(mode) || cr_step_peek(w->msg, w->size, ghost_target, NULL))
		return NULL;
	return cr_step_say(s, CR_UPGRADE_LEFT,
			   "%s: where the symbolic link led to is not in the "
			   "images",
			   name);
}

struct cr_error *cr_step_symlinks_up(struct cr_step *s)
{
	return each_ghost(s, say_target);
}

/* ---- shared memory ---- */

/* Field numbers of ipc_shm_entry. */
static const struct cr_step_path shm_id = { { 1, 7 } };
static const struct cr_step_path shm_size = { { 2 } };
static const struct cr_step_path shm_in_pagemaps = { { 3 } };

#define PE_PRESENT 4

struct shm {
	struct cr_step *step;
	uint64_t page_size;
	uint32_t next_pages; /* a number that no pages image has */
	json_t *moved;	     /* entries whose contents are elsewhere, by id */
};

static struct cr_error *note_pages(struct cr_step *s, const char *name,
				   uint32_t number, void *arg)
{
	struct shm *shm = arg;
	if (number >= shm->next_pages)
		shm->next_pages = number + 1;
	return NULL;
}

static struct cr_error *put_pages(struct shm *shm, const struct walk *w,
				  uint64_t size, uint64_t padded)
{
	static const char zeros[64 * 1024];
	char name[32];
	struct cr_file file = w->file;
	struct cr_out *out;
	snprintf(name, sizeof(name), "pages-%" PRIu32 ".img", shm->next_pages);
	struct cr_error *err = cr_change_create(shm->step->change, name, &out);
	if (err)
		return err;
	err = copy(&file, w->data, size, out);
	if (!err)
		err = cr_out_put(out, zeros, padded - size);
	return finish(shm->step, out, err);
}

static struct cr_error *put_pagemap(struct shm *shm, const char *name,
				    uint64_t nr_pages)
{
	json_t *list = json_pack("[{s:I}, {s:i, s:I, s:i}]", "pages_id",
				 (json_int_t)shm->next_pages, "vaddr", 0,
				 "compat_nr_pages", (json_int_t)nr_pages,
				 "flags", PE_PRESENT);
	if (!list)
		return cr_enomem;
	struct cr_error *err =
		cr_tree_create(shm->step->change, name,
			       cr_image_type_by_id("PAGEMAP", 7), list);
	json_decref(list);
	return err;
}

static struct cr_error *move(struct shm *shm, const char *image,
			     const struct walk *w, uint32_t id, uint64_t size)
{
	struct cr_step *s = shm->step;
	char name[40], key[16];
	uint64_t padded = (size + shm->page_size - 1) & ~(shm->page_size - 1);
	snprintf(name, sizeof(name), "pagemap-shmem-%" PRIu32 ".img", id);
	snprintf(key, sizeof(key), "%" PRIu32, id);
	if (cr_step_has(s, name) || json_object_get(shm->moved, key) ||
	    padded / shm->page_size > UINT32_MAX)
		return cr_step_say(s, CR_UPGRADE_LEFT,
				   "%s: id %" PRIu32 ": %s", image, id,
				   padded / shm->page_size > UINT32_MAX ?
					   "is too large" :
					   "its pagemap is there already");
	struct cr_error *err = put_pages(shm, w, size, padded);
	if (!err)
		err = put_pagemap(shm, name, padded / shm->page_size);
	shm->next_pages++;
	s->stale = true;
	return err ? err : cr_step_set(shm->moved, key, json_true());
}

/* The entry that the walk is at. */
static struct cr_error *look(struct shm *shm, const char *image, struct walk *w)
{
	uint64_t in_pagemaps = 0, size = 0, id = 0;
	cr_step_peek(w->msg, w->size, shm_in_pagemaps, &in_pagemaps);
	cr_step_peek(w->msg, w->size, shm_size, &size);
	cr_step_peek(w->msg, w->size, shm_id, &id);
	w->off = w->data;
	if (in_pagemaps)
		return NULL;
	if (size > w->file.size - w->data)
		return cr_error_new(CR_ERR_FORMAT,
				    "byte %" PRIu64 ": the contents need %" PRIu64
				    " bytes, more than the file has left",
				    w->data, size);
	w->off += (size + 3) & ~UINT64_C(3);
	return size ? move(shm, image, w, (uint32_t)id, size) : NULL;
}

static struct cr_error *clear(void *arg, const struct cr_rewrite_at *at,
			      json_t *entry, enum cr_rewrite *ret)
{
	struct shm *shm = arg;
	uint32_t id;
	char key[16];
	if (!cr_step_u32(json_object_get(entry, "desc"), "id", &id) ||
	    json_is_true(json_object_get(entry, "in_pagemaps")))
		return NULL;
	snprintf(key, sizeof(key), "%" PRIu32, id);
	if (!json_object_get(shm->moved, key))
		return NULL;
	json_object_del(entry, "extra");
	json_object_del(entry, "@padding");
	*ret = CR_REWRITE_CHANGED;
	return cr_step_set(entry, "in_pagemaps", json_true());
}

static struct cr_error *shm_image(struct cr_step *s, const char *name,
				  uint32_t ns_id, void *arg)
{
	struct shm *shm = arg;
	struct walk w;
	bool end = false;
	json_object_clear(shm->moved);
	struct cr_error *err = walk_open(s, name, &w);
	while (!err && !end) {
		err = walk_next(&w, &end);
		if (!err && !end)
			err = look(shm, name, &w);
		if (err)
			err = cr_error_at(err, "%s", name);
	}
	walk_close(&w);
	if (!err && json_object_size(shm->moved))
		err = cr_step_rewrite(s, name, NULL, clear, shm);
	return err;
}

struct cr_error *cr_step_shm_up(struct cr_step *s)
{
	struct shm shm = { .step = s, .next_pages = 1 };
	struct cr_error *err = NULL;
	shm.moved = json_object();
	if (!shm.moved)
		err = cr_enomem;
	if (!err)
		err = cr_step_each(s, "pages-", ".img", note_pages, &shm);
	if (!err)
		err = cr_step_page_size(s, &shm.page_size);
	if (!err)
		err = cr_step_each(s, "ipcns-shm-", ".img", shm_image, &shm);
	json_decref(shm.moved);
	return err;
}
